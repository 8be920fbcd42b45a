"""What the learner and the instructor read: points by property, the case that fails, the slip by name."""

import builtins
import re
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from attnlib.check.scoring.rules import grader_has, rules
from attnlib.check.scoring.shown import Shown
from attnlib.check.spec import Exercise

HOLDS, FAILS, NOT_SEEN, GIVEN = "✓ holds", "✗ fails", "· not seen", "→ given"
COLOURS = {  # the theme's own, of Jupyter or VS Code; elsewhere that of the text
    HOLDS: "var(--jp-success-color1, var(--vscode-testing-iconPassed, inherit))",
    FAILS: "var(--jp-error-color1, var(--vscode-testing-iconFailed, inherit))",
}
LEFT = 'style="text-align: left; vertical-align: top"'  # notebooks set tables to the right
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class PropertyResult:
    """One property of one answer: the points it gave and, when it fails, a sentence.

    holds is None when the property was not looked at, or was given all the same because another exercise pays.
    """

    property: str  # hides the built-in name of the same spelling from a type checker
    points: float
    max_points: float
    holds: bool | None
    message: str = ""

    @builtins.property
    def points_told(self) -> str:
        """'1 of 2', or a dash for a property that carries no points."""
        return f"{self.points:g} of {self.max_points:g}" if self.max_points else "–"

    @builtins.property
    def result(self) -> str:
        """What became of it, in a sign and a word."""
        if self.holds is None:
            return GIVEN if self.points else NOT_SEEN
        return HOLDS if self.holds else FAILS


@dataclass(frozen=True)
class Report:
    """The result of one exercise. headline is what to read first: the slip's sentence, or why nothing was scored.

    note says what else there is to know: that an earlier version was checked. slip is the id of the mistake that was
    found, shown the smallest case that fails, rules what the grader has and what may not be called, scored_by the
    specification that scored the answer, with its version.
    """

    name: str
    heading: str
    results: tuple[PropertyResult, ...]
    headline: str = ""
    slip: str = ""
    shown: Shown | None = None
    note: str = ""
    rules: str = ""
    scored_by: str = ""
    shown_in: int = field(default=0, compare=False)  # number of the notebook's cell that has displayed it already

    @classmethod
    def of(cls, exercise: Exercise, results: tuple[PropertyResult, ...], headline: str = "", slip: str = "",
           shown: Shown | None = None, note: str = "") -> "Report":
        """The report of an answer to `exercise`."""
        title = exercise.title.replace("$", "") or exercise.name  # formulas are not set in a report
        heading = f"{exercise.number}. {title}" if exercise.number else title
        scored_by = f"{exercise.name}, {exercise.set}, version {exercise.version} of its specification"
        told = f"{grader_has(exercise.libraries)} {rules(exercise)}".strip()
        return cls(exercise.name, heading, results, headline, slip, shown, note, told, scored_by)

    @property
    def points(self) -> float:
        """What the answer earned."""
        return sum(result.points for result in self.results)

    @property
    def max_points(self) -> float:
        """The most it could earn."""
        return sum(result.max_points for result in self.results)

    @property
    def summary(self) -> str:
        """'1.5 of 3 points'."""
        return f"{self.points:g} of {self.max_points:g} points"

    def text(self) -> str:
        """The report for a terminal, for logs and for exceptions."""
        lines = [f"{self.heading}  {self.summary}", *(f"  {told}" for told in (self.note, self.headline) if told)]
        for result in self.results:
            lines.append(f"  {result.result:<10}  {result.points_told:<12}  {result.property}")
            lines += [f"{'':28}{result.message}"] if result.message else []
        for name, value in self._shown():
            first, *rest = value.splitlines() or [""]
            lines += [f"    {name:<9} {first}", *(f"{'':14}{line}" for line in rest)] if name else [f"  {value}"]
        return "\n".join([*lines, f"  {self.rules}", f"  {self.scored_by}"])

    def html(self) -> str:
        """The same as a fragment of HTML; every text is escaped."""
        told = "".join(f"<p>{coded(each)}</p>" for each in (self.note, self.headline) if each)
        head = "".join(f"<th {LEFT}>{name}</th>" for name in ("Result", "Points", "Property"))
        return (
            '<div class="tex2jax_ignore"><p>'  # an exception's message may hold anything, formulas too
            f"<strong>{coded(self.heading)}</strong> {self.summary}</p>{told}"
            f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{"".join(map(_row, self.results))}</tbody>'
            f"</table>{self._shown_html()}<p><small>{coded(self.rules)}<br>{escape(self.scored_by)}</small></p></div>"
        )

    def _shown(self) -> list[tuple[str, str]]:
        """(name, value) of all that is told of the smallest case that fails; the first has no name."""
        if self.shown is None:
            return []
        rows = [("", f"The smallest case that fails: {self.shown.description}"), *self.shown.inputs,
                ("expected", self.shown.expected), ("got", self.shown.got)]
        return rows + ([("printed", self.shown.printed)] if self.shown.printed else [])

    def _shown_html(self) -> str:
        if self.shown is None:
            return ""
        (_, title), *rows = self._shown()
        cells = "".join(f"<tr><th {LEFT}>{escape(name)}</th><td {LEFT}><pre>{coded(value)}</pre></td></tr>"
                        for name, value in rows)
        return f'<p>{escape(title)}</p><table class="table"><tbody>{cells}</tbody></table>'

    def to_json(self) -> dict[str, Any]:
        """Plain data, read back by `from_json`."""
        return {**self.__dict__, "results": [asdict(result) for result in self.results],
                "shown": self.shown and self.shown.to_json(), "shown_in": 0}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Report":
        """The report behind `to_json`'s data."""
        results = tuple(PropertyResult(**result) for result in data["results"])
        return cls(**{**data, "results": results, "shown": data["shown"] and Shown.from_json(data["shown"])})

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()

    def _ipython_display_(self) -> None:
        """Show it in a notebook, unless the cell that runs has shown it."""
        from IPython import get_ipython
        from IPython.display import display

        if self.shown_in != get_ipython().execution_count:
            display({"text/html": self.html(), "text/plain": self.text()}, raw=True)


def coded(text: str) -> str:
    """A text as HTML, escaped, with what stands between backquotes as code."""
    return CODE.sub(r"<code>\1</code>", escape(text))


def _row(result: PropertyResult) -> str:
    """A property as a row of a table: its name in bold, what was seen below it."""
    colour = COLOURS.get(result.result)
    sign = f'<strong style="color: {colour}">{result.result}</strong>' if colour else escape(result.result)
    message = f"<br>{coded(result.message)}" if result.message else ""
    return (f"<tr><td {LEFT}>{sign}</td><td {LEFT}>{result.points_told}</td>"
            f"<td {LEFT}><strong>{coded(result.property)}</strong>{message}</td></tr>")


def unscored(exercise: Exercise, why: str, note: str = "", slip: str = "", shown: Shown | None = None) -> Report:
    """The report of an exercise of which nothing could be judged; `why` says what happened."""
    results = tuple(PropertyResult(each.name, 0, each.points, None) for each in exercise.properties)
    return Report.of(exercise, results, why, slip, shown, note)
