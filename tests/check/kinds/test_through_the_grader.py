"""Do the sandbox and a check at home agree on an answer of each kind?

The made-up set 97_kinds is put into a copy of attnlib and of the grader, and graded there by a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from grader.sandbox.limits import Limits
from tests.problem_sets.helpers import HERE, ROOT
from tests.problem_sets.made_up.ex_97_kinds import PROBLEM_SET
from tests.problem_sets.made_up.right_97_kinds import RIGHT
from tests.problem_sets.made_up.wrong_97_kinds import WRONG

STEM = PROBLEM_SET.stem
POINTS = {exercise.name: exercise.points for exercise in PROBLEM_SET.exercises}
GRADE = """
import json, sys

import numpy as np

from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from attnlib.check.spec import exercises
from grader.grade_notebook import grade
from grader.job import make_job


def cell(source, **nbgrader):
    return {"cell_type": "code", "source": source, "metadata": {"nbgrader": nbgrader}}


def both_ways(stem, table):
    path = f"{table.lower()}_{stem}.py"
    names = {"__name__": "__main__"}
    exec(compile(open(path).read(), path, "exec"), names)
    answers = {name: [getattr(each, "answer", each) for each in given] for name, given in names[table].items()}
    for n in range(max(map(len, answers.values()))):
        yield f"{table} {n}", both_ways_of(stem, table, n, open(path).read(), answers)


def both_ways_of(stem, table, n, source, answers):
    asked = [each for each in exercises(stem) if n < len(answers[each.name])]
    several = {each.name: "*" if isinstance(answers[each.name][n], tuple) else "" for each in asked}
    one = f"getattr(each, 'answer', each) for each in [{table}['NAME'][{n}]]"
    checks = [cell(f"check('{name}', {star}[{one.replace('NAME', name)}][0])", grade=True, solution=False,
                   grade_id=name) for name, star in several.items()]
    job = make_job(stem, {"cells": [cell(source, grade_id="answers"), *checks]}, {}, bytes(32))
    graded, here = grade(job), {}
    for each in asked:
        response = respond(challenge(each, job.seeds[each.name]), answers[each.name][n])
        here[each.name] = score(each, job.seeds[each.name], response).to_json()
    return {"graded": graded.reports, "here": here, "lost": graded.lost}


with np.errstate(all="ignore"):
    print(json.dumps({key: found for table in ("RIGHT", "WRONG") for key, found in both_ways(sys.argv[1], table)}))
"""


def in_one_cell(name):
    """A file of made-up answers, with the labels that it imports in it."""
    labels, text = (HERE / "labels.py").read_text(), (HERE / "made_up" / name).read_text()
    return text.replace("from tests.problem_sets.labels import Wrong\n", labels)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """{answers, as "RIGHT 0": the reports of the sandbox ("graded"), those of this machine ("here"), lost cells}."""
    folder = tmp_path_factory.mktemp("course")
    for package in ("attnlib", "grader"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "made_up" / f"ex_{STEM}.py", folder / "attnlib" / "check" / "specs")
    for name in (f"right_{STEM}.py", f"wrong_{STEM}.py"):
        (folder / name).write_text(in_one_cell(name))
    (folder / "grade.py").write_text(GRADE)
    ran = subprocess.run([sys.executable, "grade.py", STEM], cwd=folder, capture_output=True, text=True,
                         env=os.environ | {"PYTHONPATH": str(folder)})
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.sandbox
@pytest.mark.slow
def test_the_grader_and_a_check_at_home_agree(graded):
    """Does the real sandbox give every answer the points and the sentences of a check with the same seed?"""
    assert len(graded) == sum(max(map(len, table.values())) for table in (RIGHT, WRONG))
    for which, found in graded.items():
        assert found["lost"] == [] and found["graded"], which
        for name, report in found["graded"].items():
            assert report == json.loads(json.dumps(found["here"][name])), (which, name)
            points = sum(result["points"] for result in report["results"])
            assert (points == POINTS[name]) is which.startswith("RIGHT"), (which, report)


def test_a_set_that_trains_gets_the_time_it_needs():
    """Is a cell's time longer than the longest check, and the usual one where that suffices or more was given?"""
    assert Limits().with_room_for(10) == Limits()
    assert Limits(cell_seconds=1).with_room_for(10) == Limits(cell_seconds=1)  # an instructor's own wish
    long = Limits(cell_seconds=1).with_room_for(60)
    assert long.cell_seconds == 65 and long.total_seconds == 650
    assert Limits.for_cells_of(90).with_room_for(60) == Limits.for_cells_of(90)
