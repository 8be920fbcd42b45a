"""One problem set under plain nbgrader: no sandbox, no configuration of ours. The first stands for all.

That names and points of every other set's cells are the spec's, and that its checks run in a kernel, is tested in
test_every_notebook.py: the rest is nbgrader's own business, and takes it 17 seconds.
"""

import pytest

from tests.grader.plain_nbgrader import Course
from tests.problem_sets.helpers import SETS
from tests.problem_sets.notebooks import exercise_parts, notebook_path, read, with_notebooks


@pytest.mark.slow
def test_plain_nbgrader_gives_and_takes_points(tmp_path):
    """Does plain `nbgrader autograde` give a full answer every point, and take those of one left unanswered?"""
    stem = with_notebooks()[0]
    points = {exercise.name: exercise.points for exercise in SETS[stem].exercises}
    partly, last = read("solutions", stem), SETS[stem].exercises[-1].name
    untouched = exercise_parts(read("exercises", stem))[-1].answers
    for cell, stub in zip(exercise_parts(partly)[-1].answers, untouched, strict=True):
        cell.source = stub.source
    course = Course(tmp_path, notebook_path("solutions", stem))
    scores = course.autograde({"full": read("solutions", stem), "partly": partly})
    for student, lost in (("full", set()), ("partly", {last})):
        got = {name: scores[student][name] for name in points}
        assert got == {name: 0 if name in lost else most for name, most in points.items()}, student
