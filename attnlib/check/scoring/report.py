"""What the learner and the instructor read: points by property, the first place that differs, the slip by name."""

import builtins
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from attnlib.check.spec import Exercise

SYMBOLS = {True: "✓ holds", False: "✗ fails", None: "· not seen"}
CELL = '<td style="text-align: left">'  # notebooks set tables to the right


@dataclass(frozen=True)
class PropertyResult:
    """One property of one answer: the points it gave and, when it fails, a sentence.

    holds is None when the property was not looked at.
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


@dataclass(frozen=True)
class Report:
    """The result of one exercise. headline is what to read first: the slip's sentence, or why nothing was scored.

    slip is the id of the mistake that was found, scored_by the specification that scored the answer, with its version.
    """

    name: str
    asks: str
    results: tuple[PropertyResult, ...]
    headline: str = ""
    slip: str = ""
    scored_by: str = ""

    @classmethod
    def of(cls, exercise: Exercise, results: tuple[PropertyResult, ...],
           headline: str = "", slip: str = "") -> "Report":
        """The report of an answer to `exercise`."""
        scored_by = f"{exercise.set}, version {exercise.version} of its specification"
        return cls(exercise.name, exercise.asks, results, headline, slip, scored_by)

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
        lines = [f"{self.name}  {self.summary}"]
        lines += [f"  {self.headline}"] if self.headline else []
        for result in self.results:
            lines.append(f"  {SYMBOLS[result.holds]:<10}  {result.points_told:<8}  {result.property}")
            lines += [f"{'':24}{result.message}"] if result.message else []
        return "\n".join([*lines, f"  {self.scored_by}"])

    def html(self) -> str:
        """The same as a fragment of HTML; every text is escaped."""
        rows = "".join(
            f"<tr>{CELL}{SYMBOLS[r.holds]}</td>{CELL}{r.points_told}</td>"
            f"{CELL}{escape(r.property)}{f'<br>{escape(r.message)}' if r.message else ''}</td></tr>"
            for r in self.results
        )
        head = "".join(f"{CELL.replace('td', 'th')}{name}</th>" for name in ("Result", "Points", "Property"))
        headline = f"<p>{escape(self.headline)}</p>" if self.headline else ""
        return (
            '<div class="tex2jax_ignore"><p>'  # an exception's message may hold anything, formulas too
            f"<strong>{escape(self.name)}</strong> {self.summary}</p>{headline}"
            f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
            f"<p><small>{escape(self.scored_by)}</small></p></div>"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, read back by `from_json`."""
        return asdict(self) | {"results": [asdict(result) for result in self.results]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Report":
        """The report behind `to_json`'s data."""
        return cls(**{**data, "results": tuple(PropertyResult(**result) for result in data["results"])})

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()


def unscored(exercise: Exercise, why: str) -> Report:
    """The report of an exercise of which nothing could be judged; `why` says what happened."""
    results = tuple(PropertyResult(each.name, 0, each.points, None) for each in exercise.properties)
    return Report.of(exercise, results, why)
