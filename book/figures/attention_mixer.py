"""The first state of the interactive figure, as HTML that needs no script.

`_assets/attention_mixer.js` adds the controls and moves what is drawn here.
"""
import json

from attnlib import scores, weights

BAR = 100            # width of a full bar, in per cent
UNIT = 20            # pixels to one unit of a plane
REACH = 3.4          # units shown to either side of the origin


class AttentionMixer:
    """words of N rows, K (N, 2), V (N, 2) and the first query q (2,)."""

    def __init__(self, words, K, V, q):
        self.words, self.K, self.V, self.q = words, K, V, q

    def _repr_html_(self):
        row = scores.scaled_dot(self.q[None], self.K)
        alpha = weights.softmax(row)
        b = (alpha @ self.V)[0]
        data = json.dumps({"words": self.words, "K": self.K.tolist(), "V": self.V.tolist(), "q": self.q.tolist()})
        lines = "".join(
            f'<tr><th scope="row">{word}</th><td class="score">{_told(s)}</td><td class="alpha">{_told(a)}</td>'
            f'<td class="bar" aria-hidden="true"><span style="width:{BAR * a:.1f}%"></span></td></tr>'
            for word, s, a in zip(self.words, row[0], alpha[0]))
        return (
            f"<attention-mixer data-first='{data}'>"
            f'<div class="planes">{_plane("The query among the keys", self._keys())}'
            f'{_plane("The mixture among the values", self._values(b))}</div>'
            '<table><caption class="visually-hidden">Score and weight of every word for this query</caption>'
            '<thead><tr><th scope="col">key</th><th scope="col">score</th><th scope="col">weight α</th>'
            '<th scope="col"><span class="visually-hidden">weight as a bar</span></th></tr></thead>'
            f"<tbody>{lines}</tbody></table>"
            f'<p class="said" role="status">b = ({_told(b[0])}, {_told(b[1])}). '
            f"The largest weight, {_told(alpha.max())}, "
            f'is on “{self.words[int(alpha.argmax())]}”.</p></attention-mixer>')

    def _keys(self):
        x, y = _place(self.q)
        return (_dots(self.words, self.K, "k") + f'<line class="query" x1="0" y1="0" x2="{x}" y2="{y}"/>'
                f'<circle class="query" cx="{x}" cy="{y}" r="3"/>'
                f'<text class="query" x="{x / 2 + 1}" y="{y / 2 - 5}">q</text>')

    def _values(self, b):
        corners = " ".join("{},{}".format(*_place(v)) for v in dict.fromkeys(map(tuple, self.V)))
        x, y = _place(b)
        return (f'<polygon points="{corners}"/>' + _dots(self.words, self.V, "v")
                + f'<circle class="mixture" cx="{x}" cy="{y}" r="3.5"/>'
                f'<text class="mixture" x="{x}" y="{y + 12}">b</text>')


def _told(number):
    """Two decimals and a true minus sign, as toFixed and told() write it in the script."""
    return f"{number:.2f}".replace("-", "−")


def _place(point):
    """Pixels of a point; y grows downwards in SVG."""
    return round(UNIT * float(point[0]), 2), round(-UNIT * float(point[1]), 2)


def _dots(words, points, role):
    """One dot for each different point, with the word."""
    marks = []
    for point, word in dict(zip(map(tuple, points), words)).items():
        x, y = _place(point)
        below = y + (11 if point[1] < 0 else -6)
        marks.append(f'<circle class="{role}" cx="{x}" cy="{y}" r="2.5"/>'
                     f'<text class="{role}" x="{x}" y="{below}">{role} {word}</text>')
    return "".join(marks)


def _plane(title, marks):
    reach = UNIT * REACH
    return (f'<figure><svg aria-hidden="true" viewBox="{-reach} {-reach} {2 * reach} {2 * reach}">'
            f'<path class="axes" d="M{-reach} 0H{reach}M0 {-reach}V{reach}"/>{marks}</svg>'
            f"<figcaption>{title}</figcaption></figure>")
