"""Each kind of exercise, by the made-up set 97_kinds: do right answers get every point, and wrong ones a reason?"""

import pytest

from attnlib.check.scoring.answers import reference_answer, slip_answer
from tests.problem_sets.helpers import SEEDS, report_of
from tests.problem_sets.made_up.ex_97_kinds import PROBLEM_SET
from tests.problem_sets.made_up.right_97_kinds import RIGHT
from tests.problem_sets.made_up.wrong_97_kinds import SAID, WRONG
from tests.problem_sets.test_every_answer import complaint

EXERCISES = {exercise.name: exercise for exercise in PROBLEM_SET.exercises}


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_get_every_point(name):
    """Do the reference and right answers that look different get full marks on every seed?"""
    for answer in (reference_answer(EXERCISES[name]), *RIGHT[name]):
        for seed in SEEDS:
            report = report_of(EXERCISES[name], answer, seed)
            assert report.points == report.max_points, report.text()


@pytest.mark.parametrize("name", EXERCISES)
def test_each_slip_is_named(name):
    """Does each slip lose points, with its own sentence, on every seed?"""
    assert len(EXERCISES[name].slips) >= 3
    for slip in EXERCISES[name].slips:
        for seed in SEEDS:
            report = report_of(EXERCISES[name], slip_answer(EXERCISES[name], slip), seed)
            assert (report.slip, report.headline) == (slip.id, slip.message), report.text()
            assert report.points < report.max_points


@pytest.mark.parametrize(("name", "n"), [(name, n) for name in EXERCISES for n in range(len(WRONG[name]))])
def test_a_wrong_answer_is_told_what_is_wrong(name, n):
    """Does a wrong answer lose points, is it named where its label says so, and does it read what was seen?"""
    wrong, words = WRONG[name][n], dict(enumerate(SAID[name]))
    report = report_of(EXERCISES[name], wrong.answer)
    assert not complaint(report, wrong), report.text()
    assert words.get(n, "").lower() in " ".join(report.text().lower().split()), report.text()
