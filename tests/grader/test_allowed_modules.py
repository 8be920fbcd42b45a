"""A made-up set, graded: what one exercise may use of attnlib, and what an answer itself imports."""

import sys
from types import ModuleType

import pytest

from attnlib import attention
from attnlib.check import CheckFailed, check, spec
from attnlib.check.scoring import properties as p
from attnlib.check.scoring.challenge import challenge
from attnlib.check.spec import Case, Exercise, Forbidden, ProblemSet
from grader.course import REPOSITORY
from grader.grade_notebook import grade
from grader.job import Job
from grader.sandbox.host import Cell
from grader.sandbox.limits import Limits

STEM = "97_made_up"
KEYS = 1100  # more than attnlib takes at once: it fetches its helpers for chunks and threads


def cases(rng):
    """Queries (N, 8), more keys (M, 8) than fit in one chunk, values (M, 3)."""
    def case(N, M):
        return Case("plain", (rng.normal(size=(N, 8)), rng.normal(size=(M, 8)), rng.normal(size=(M, 3))), f"{M} keys")

    return [case(70, KEYS), case(5, KEYS + 7)]


def exercise(name, **options):
    """Twice what attention gives, for 2 points."""
    return Exercise(name=name, asks="twice attention", reference=lambda q, k, v: 2 * attention.attention(q, k, v),
                    cases=cases, properties=(p.values(2),), slips=(),
                    forbidden=(Forbidden("anything of `attnlib`", ("attnlib.*",)),), **options)


MAY = exercise("attention_may_be_called_here", allowed_modules=("attention",))
MAY_NOT = exercise("attention_may_not_be_called_here")
QUICK = exercise("there_is_little_time", seconds=0.3)  # importing PyTorch takes longer
ANSWER = """
import attnlib.attention

def twice(q, k, v):
    from attnlib import attention
    return 2 * attention.attention(q, k, v)
"""


WITH_TORCH = """
def by_torch(q, k, v):
    import torch
    q, k, v = map(torch.from_numpy, (q, k, v))
    return (2 * (torch.exp(q @ k.T / 8 ** 0.5) @ v) / torch.exp(q @ k.T / 8 ** 0.5).sum(-1, keepdim=True)).numpy()
"""


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """The set, where `problem_set` and `find` see it."""
    module = ModuleType(f"{spec.SPECS}.{spec.PREFIX}{STEM}")
    module.PROBLEM_SET = ProblemSet(STEM, 1, (MAY, MAY_NOT, QUICK), libraries=("numpy", "torch"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(spec, "stems", lambda: [STEM])
    spec._catalogue.cache_clear()
    yield module.PROBLEM_SET
    spec._catalogue.cache_clear()


def test_on_a_laptop():
    """Does `check` give all points where the module is allowed, and none where it is not?"""
    names = {}
    exec(ANSWER, names)
    assert check(MAY.name, names["twice"]).points == 2
    with pytest.raises(CheckFailed, match="Your function calls `attnlib.attention"):
        check(MAY_NOT.name, names["twice"])


def graded(declared, source, **checked):
    """The result of a notebook with an answer cell, and a check cell of each exercise: {function: exercises}."""
    checks = [Cell(each.name, f"check({each.name!r}, {name})", each.name)
              for name, exercises in checked.items() for each in exercises]
    seeds = {each.name: 97 for each in declared.exercises}
    return grade(Job(STEM, (Cell("answer", source), *checks), {}, seeds, Limits(), (str(REPOSITORY),), key="made_up"))


@pytest.mark.sandbox
def test_an_import_inside_an_answer_takes_none_of_its_time(made_up):
    """Does an answer that imports PyTorch itself, for the first time, have the whole time of its exercise?"""
    result = graded(made_up, WITH_TORCH, by_torch=(QUICK,))
    assert result.points == {QUICK.name: 2}, result.reports


@pytest.mark.sandbox
def test_an_answer_that_imports_what_is_not_there_is_told_its_own_line(made_up):
    """Does the report show what the set has, and the learner's line?"""
    result = graded(made_up, "def f(q, k, v):\n    import scipy.special\n", f=(MAY,))
    assert result.reports[MAY.name]["headline"] == (
        f"It raised ModuleNotFoundError: scipy is not here when problem set {STEM} is graded: it has numpy and torch, "
        "beside Python's own library at `import scipy.special`.")


@pytest.mark.sandbox
def test_in_the_sandbox(made_up):
    """Does the grader give the same, with the helpers of the allowed module in the view?"""
    result = graded(made_up, ANSWER, twice=(MAY, MAY_NOT))
    assert result.points == {MAY.name: 2, MAY_NOT.name: 0}, result.reports
    assert "Your function calls `attnlib.attention" in result.reports[MAY_NOT.name]["headline"]


def test_only_the_exercise_itself_is_told_of_its_modules(made_up):
    """Does a challenge name what its own exercise may use, and the set what any of them may?"""
    assert [challenge(each, 0)["allowed_modules"] for each in made_up.exercises] == [["attnlib.attention"], [], []]
    assert made_up.every_allowed_module == ("attention",)
