"""What a typical mistake costs in a whole notebook: would an instructor who reads the table nod?"""

import pytest

from attnlib.check.spec import exercises
from tests.problem_sets.helpers import SETS, report_of, typical
from tests.problem_sets.notebooks import defined_by, exercise_parts, read

LEAST = 0.6  # of all points; one mistake in one cell never costs more than the rest


def with_one_mistake(stem, cell_id, old, new):
    """The solution notebook with `old` replaced by `new` in one cell."""
    notebook = read("solutions", stem)
    (cell,) = [cell for cell in notebook.cells if cell.id == cell_id]
    assert cell.source.count(old) == 1, f"{cell_id} does not hold {old!r} once"
    cell.source = cell.source.replace(old, new)
    return notebook


def reports_of(stem, notebook):
    """The report of each exercise of a notebook, checked one after the other as a learner does."""
    names, slips, reports = defined_by(notebook), {}, []
    checked = {part.checks[0].metadata.nbgrader.grade_id: part.handed_over(names) for part in exercise_parts(notebook)}
    for exercise in exercises(stem):
        report = report_of(exercise, checked[exercise.name], earlier=slips)
        slips[exercise.name] = report.slip
        reports.append(report)
    return reports


MISTAKES = [(stem, *mistake) for stem in SETS for mistake in typical(stem)]


@pytest.mark.parametrize(("stem", "slip", "cell_id", "old", "new"), MISTAKES,
                         ids=[f"{stem}-{cell_id}-{slip}" for stem, slip, cell_id, *_ in MISTAKES])
def test_a_typical_mistake_costs_its_own_exercise(stem, slip, cell_id, old, new, record_property):
    """Is it named, and charged in the exercise that makes it alone, while the rest of the notebook keeps its points?"""
    reports = reports_of(stem, with_one_mistake(stem, cell_id, old, new))
    charged = [report for report in reports if report.points < report.max_points]
    kept, points = sum(report.points for report in reports), sum(report.max_points for report in reports)
    record_property("set", stem)
    record_property("share", (cell_id, slip, kept, points))
    assert [report.slip for report in charged] == [slip], "\n\n".join(report.text() for report in charged)
    assert LEAST * points <= kept < points


def test_a_graver_mistake_costs_more():
    """Does what is harmless cost least, what fails on some inputs more, and what is wrong everywhere most?"""
    ladder = ("epsilon-in-the-denominator", "exponential-overflows", "softmax-over-queries")
    for stem in SETS:
        costs = {slip: sum(report.max_points - report.points for report in reports_of(
            stem, with_one_mistake(stem, *edit))) for slip, *edit in typical(stem) if slip in ladder}
        steps = [costs[slip] for slip in ladder if slip in costs]
        assert steps == sorted(set(steps)), costs
