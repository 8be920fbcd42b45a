"""How every figure looks. The only file of the book with a colour in it.

Figures are drawn with the light colours and written as inline SVG. There each colour becomes a CSS
custom property, so that the reader's theme chooses between LIGHT and DARK.
"""
import html
import io
import re

import matplotlib as mpl
from matplotlib.figure import Figure

LIGHT = {
    "q": "#0F5CEC",        # queries
    "k": "#D44005",        # keys
    "v": "#04715A",        # values
    "alpha": "#A42783",    # weights
    "b": "#1A1A1A",        # outputs
    "ink": "#1C1C1D",      # text and axes
    "muted": "#56585C",    # secondary text
    "line": "#C9CCD1",     # grid and frames
    "paper": "#FFFFFE",    # text on a dark cell
    "panel": "#F4F5F7",    # quiet background
}
DARK = {
    "q": "#8DB2FF",
    "k": "#FF9A73",
    "v": "#55CDA9",
    "alpha": "#F08BD2",
    "b": "#F2F2F2",
    "ink": "#E6E8EB",
    "muted": "#AEB4BC",
    "line": "#4A515B",
    "paper": "#14181E",
    "panel": "#1E242C",
}
PANEL = 3.1      # inches: two panels stand side by side, on a phone one above the other
NARROW = 2.05    # inches: three side by side

mpl.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": 9, "svg.fonttype": "none",
    "text.color": LIGHT["ink"], "axes.edgecolor": LIGHT["muted"], "axes.labelcolor": LIGHT["ink"],
    "xtick.color": LIGHT["muted"], "ytick.color": LIGHT["muted"],
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8,
    "lines.linewidth": 1.8, "lines.markersize": 4.5, "lines.solid_capstyle": "round",
    "grid.color": LIGHT["line"], "grid.linewidth": 0.6,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
})


def panel(width=PANEL, height=2.3):
    """A figure of one set of axes, in inches."""
    fig = Figure(figsize=(width, height), layout="constrained")
    return fig, fig.add_subplot()


class Drawing:
    """Panels with one description; Jupyter shows them as inline SVG."""

    def __init__(self, name, figures, alt):
        self.name, self.figures, self.alt = name, figures, alt

    def _repr_html_(self):
        panels = "".join(_svg(f"{self.name}-{n}", fig) for n, fig in enumerate(self.figures))
        return f'<div class="drawing" role="img" aria-label="{html.escape(self.alt)}">{panels}</div>'

    def __repr__(self):
        return self.alt


def _svg(name, fig):
    """One figure as SVG text: colours by name of their role, ids that are unique on the page."""
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = out.getvalue()[out.getvalue().index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"(\d\.\d\d)\d+", r"\1", svg)               # a hundredth of a point is enough
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for role, colour in LIGHT.items():
        svg = re.sub(colour, f"var(--{role})", svg, flags=re.I)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    width = fig.get_size_inches()[0]
    return re.sub(r'width="[^"]*pt" height="[^"]*pt"|height="[^"]*pt" ', "", svg, count=1).replace(
        "<svg ", f'<svg aria-hidden="true" style="--inches: {width}" ', 1)


def css():
    """The custom properties of both themes."""
    def block(selector, colours):
        return selector + " {\n" + "".join(f"  --{role}: {colour};\n" for role, colour in colours.items()) + "}\n"
    dark = 'html[data-theme="dark"]'
    return block(":root", LIGHT) + block(dark, DARK) + "@media print {\n" + block(dark, LIGHT) + "}\n"


def icon():
    """The page's icon: two rows of weights."""
    cells = "".join(f'<rect x="{8 * j}" y="{8 * i}" width="8" height="8" opacity="{weight}"/>'
                    for i, row in enumerate([[.9, .3], [.2, .7]]) for j, weight in enumerate(row))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="{LIGHT["alpha"]}">{cells}</svg>'
