"""What the learner and the instructor read: points by property, the case that fails, the slip by name."""

import builtins
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from html import escape
from itertools import groupby
from typing import Any

from attnlib.check.scoring.rules import grader_has, rules
from attnlib.check.scoring.shown import Shown
from attnlib.check.spec import Exercise

HOLDS, FAILS, NOT_SCORED, GIVEN = "✓ holds", "✗ fails", "· not scored", "→ given"
# The theme's own colour, of Jupyter or VS Code, drawn towards that of the text: by itself it is too pale to be read.
COLOUR = "color: color-mix(in srgb, var({}, var({}, currentcolor)) 80%, currentcolor)"
COLOURS = {
    HOLDS: COLOUR.format("--jp-success-color1", "--vscode-testing-iconPassed"),
    FAILS: COLOUR.format("--jp-error-color1", "--vscode-testing-iconFailed"),
}
LEFT = 'style="text-align: left; vertical-align: top; white-space: normal"'  # notebooks set tables to the right
PLAIN = 'style="background: transparent"'  # notebooks set every other row, and code, on another ground
BESIDE = 'style="display: flex; flex-wrap: wrap; gap: 0 2em"'  # below one another where the screen is narrow
SCROLLS = 'style="max-width: 100%; overflow-x: auto"'
LINE = 'style="max-width: 50em"'
PAIR = "display: inline-block; white-space: nowrap"
VALUE = ("background: transparent; margin: 0 0 0.5em; padding: 0; border: 0; color: inherit; font-size: 0.9em; "
         "font-family: var(--jp-code-font-family, var(--vscode-editor-font-family, monospace)); "
         "word-break: normal; overflow-wrap: normal; white-space: ")
SUMMARY = 'style="display: list-item; cursor: pointer"'  # nbgrader's feedback hides the triangle
TABLE = 'class="table" style="width: auto"'
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
            return GIVEN if self.points else NOT_SCORED
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
        scored_by = f"Scored as {exercise.name} of {exercise.set}, version {exercise.version}."
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
        for reason, run in self._runs():
            lines += [f"  {reason}"] if reason else []
            for result in run:
                lines.append(f"  {result.result:<12}  {result.points_told:<12}  {result.property}")
                lines += [f"{'':30}{result.message}"] if result.message else []
        if self.shown:
            lines.append(f"  {self._case()}")
        for name, value in [*self._inputs(), *self._outcome()]:
            first, *rest = value.splitlines() or [""]
            lines += [f"    {name:<9} {first}", *(f"{'':{5 + max(9, len(name))}}{line}" for line in rest)]
        return "\n".join([*lines, "  Rules", f"    {self.rules}", f"    {self.scored_by}"])

    def html(self) -> str:
        """The same as a fragment of HTML; every text is escaped."""
        told = "".join(f"<p>{coded(each)}</p>" for each in (self.note, self.headline) if each)
        head = f"<th {LEFT}>{_pair('Result', 'Points')}</th><th {LEFT}>Property</th>"
        rows = "".join(_reason(reason) + "".join(map(_row, run)) for reason, run in self._runs())
        return (
            '<div class="tex2jax_ignore"><p>'  # an exception's message may hold anything, formulas too
            f"<strong>{coded(self.heading)}</strong> {self.summary}</p>{told}"
            f'<div {SCROLLS}><table {TABLE}><thead><tr {PLAIN}>{head}</tr></thead><tbody>{rows}</tbody></table>'
            f"</div>{self._shown_html()}<details><summary {SUMMARY}><small>Rules</small></summary>"
            f"<p><small>{coded(self.rules)}<br>{escape(self.scored_by)}</small></p></details></div>"
        )

    def _runs(self) -> Iterator[tuple[str, list[PropertyResult]]]:
        """(reason, results): of several in a row that were not looked at for one reason, it is told once, above them.

        Where it is that of all results, the headline says it.
        """
        for reason, run in groupby(self.results, lambda result: result.message if result.holds is None else ""):
            results = list(run)
            if reason and len(results) > 1:
                said = self.headline and len(results) == len(self.results)
                yield "" if said else reason, [replace(result, message="") for result in results]
            else:
                yield "", results

    def _case(self) -> str:
        return f"The smallest case that fails: {self.shown.description}" if self.shown else ""

    def _inputs(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of what went in."""
        return self.shown.inputs if self.shown else ()

    def _outcome(self) -> list[tuple[str, str]]:
        """(name, value) of what is expected and of what came; nothing that has been told already."""
        if self.shown is None:
            return []
        expected, got, printed = self.shown.expected, self.shown.got, self.shown.printed
        same = expected == got
        rows = [("expected and got" if same else "expected", expected)]
        above = (self.headline, *(result.message for result in self.results))
        told = got.endswith(".") and any(text.endswith(got[1:]) for text in above)  # a sentence, as of an exception
        rows += [("got", got)] if not same and not told else []
        return rows + ([("printed", printed)] if printed else [])

    def _shown_html(self) -> str:
        """The case that fails, folded away where it adds little to the headline or costs nothing."""
        if self.shown is None:
            return ""
        is_open = self.points < self.max_points and self.shown.got != self.headline
        values = "".join(f"<div {BESIDE}>{''.join(_value(*row) for row in rows)}</div>"
                         for rows in (self._inputs(), self._outcome()))
        return f"<details{' open' * is_open}><summary {SUMMARY}>{escape(self._case())}</summary>{values}</details>"

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
    """A property as a row of a table: its name, in bold unless nothing is told of it; what was seen below it."""
    colour = COLOURS.get(result.result)
    told = escape(result.result)
    sign = f'<strong style="{colour}">{told}</strong>' if colour else told
    message = f"<div {LINE}>{coded(result.message)}</div>" if result.message else ""
    name = coded(result.property)
    name = f"<strong>{name}</strong>" if colour or message else name
    return f"<tr {PLAIN}><td {LEFT}>{_pair(sign, result.points_told)}</td><td {LEFT}>{name}{message}</td></tr>"


def _pair(result: str, points: str) -> str:
    """A result and its points side by side; below one another where the screen is narrow."""
    return f'<span style="{PAIR}; min-width: 6.5em">{result}</span> <span style="{PAIR}">{points}</span>'


def _reason(reason: str) -> str:
    """What is told once of several rows, as a row above them."""
    return f'<tr {PLAIN}><td {LEFT} colspan="2"><div {LINE}>{coded(reason)}</div></td></tr>' if reason else ""


def _value(name: str, value: str) -> str:
    """A value below its name; one of several lines keeps them, and scrolls where the screen is narrow."""
    wraps = "pre" if "\n" in value else "pre-wrap"
    return f'<div {SCROLLS}><strong>{escape(name)}</strong><pre style="{VALUE}{wraps}">{coded(value)}</pre></div>'


def unscored(exercise: Exercise, why: str, note: str = "", slip: str = "", shown: Shown | None = None) -> Report:
    """The report of an exercise of which nothing could be judged; `why` says what happened."""
    results = tuple(PropertyResult(each.name, 0, each.points, None) for each in exercise.properties)
    return Report.of(exercise, results, why, slip, shown, note)
