"""The table of scores that ends a run: one line a submission."""

from collections.abc import Sequence

from grader.class_run import Row
from grader.instructor.messages import plain


def table(rows: Sequence[Row], exercises: Sequence[tuple[str, float]]) -> str:
    """The rows as text, one line a submission, one column an exercise.

    exercises: [(name, points)], in order; the columns are numbered and explained below. Shown is what counts in the
    gradebook: a person's score before ours.
    """
    width = max([len(plain(row.student)) for row in rows] + [7])
    most = sum(points for _, points in exercises)
    head = "".join(f"{i:>6}" for i in range(1, len(exercises) + 1))
    lines = [f"{'student':<{width}}{head}   total"]
    for row in rows:
        given = row.by_person.scores
        counted = (row.scores or {}) | given
        cells = "".join(f"{_cell(counted.get(name), name in given):>6}" for name, _ in exercises)
        total = sum(counted.get(name) or 0 for name, _ in exercises)
        end = "not graded" if row.scores is None else f"{_total(total, row.by_person.late)} of {most:g}"
        late = f", {row.by_person.late:g} off for lateness" if row.scores is not None and row.by_person.late else ""
        lines.append(f"{plain(row.student):<{width}}{cells}   {end}{late}")
    if any(row.by_person.scores for row in rows):
        lines += ["", "  *  the score in the gradebook, which a person gave or added to"]
    lines.append("")
    lines += [f"{i:>3}  {name} ({points:g})" for i, (name, points) in enumerate(exercises, 1)]
    return "\n".join(lines)


def _cell(points: float | None, by_person: bool) -> str:
    return "–" if points is None else f"{points:g}{'*' if by_person else ''}"


def _total(points: float, late: float) -> str:
    """The total as nbgrader exports it."""
    return f"{max(0.0, points - late):g}"
