"""The table of scores that ends a run: one line a submission."""

from collections.abc import Sequence

from grader.class_run import Row
from grader.instructor.messages import plain


def table(rows: Sequence[Row], exercises: Sequence[tuple[str, float]]) -> str:
    """The rows as text, one line a submission, one column an exercise.

    exercises: [(name, points)], in order; the columns are numbered and explained below.
    """
    width = max([len(plain(row.student)) for row in rows] + [7])
    most = sum(points for _, points in exercises)
    head = "".join(f"{i:>6}" for i in range(1, len(exercises) + 1))
    lines = [f"{'student':<{width}}{head}   total"]
    for row in rows:
        if row.scores is None:
            lines.append(f"{plain(row.student):<{width}}{'–':>6}" + "     –" * (len(exercises) - 1) + "   not graded")
            continue
        points = [row.scores.get(name) for name, _ in exercises]
        cells = "".join(f"{'–' if p is None else f'{p:g}':>6}" for p in points)
        total = sum(p or 0 for p in points)
        lines.append(f"{plain(row.student):<{width}}{cells}   {total:g} of {most:g}")
    lines.append("")
    lines += [f"{i:>3}  {name} ({points:g})" for i, (name, points) in enumerate(exercises, 1)]
    return "\n".join(lines)
