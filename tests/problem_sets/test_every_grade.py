"""Answers of the banks through the real sandbox: does the grader find what the learner's check finds?

Every fifth answer is tried, and every one with --thorough.
"""

import tempfile
import warnings
from importlib import import_module, reload
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest

from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from grader.sandbox.bubblewrap import Sandbox
from grader.sandbox.host import Cell, run_notebook
from grader.sandbox.limits import Limits
from grader.sandbox.offer import offer
from grader.sandbox.view import build_view
from tests.problem_sets.helpers import ROOT, answers_to

SEED = 20261120
FOLDER = "tests/problem_sets"
TABLES = {"RIGHT": "right", "WRONG": "wrong"}


def handed_in(stem):
    """{name: content} of the banks' files, to lie beside the notebook."""
    paths = [ROOT / FOLDER / "labels.py", *(ROOT / FOLDER).glob(f"[rw]*_{stem}*.py")]
    return {f"{FOLDER}/{path.name}": path.read_bytes() for path in paths}


def fresh(table, stem):
    """A bank imported anew: some answers remember what they were called with."""
    for path in (ROOT / FOLDER).glob(f"[rw]*_{stem}_*.py"):  # the bank's other files
        reload(import_module(f"{FOLDER.replace('/', '.')}.{path.stem}"))
    path = ROOT / FOLDER / f"{TABLES[table]}_{stem}.py"
    found = spec_from_file_location(f"tests.fresh_{path.stem}", path)
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return getattr(module, table)


def reports_here(exercise, table, posed, numbers):
    """The learner's check of these answers, one after the other."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        answers = [getattr(each, "answer", each) for each in fresh(table, exercise.set)[exercise.name]]
        return [score(exercise, SEED, respond_anew(posed, answers[n])) for n in numbers]


def respond_anew(posed, answer):
    """The response of an answer, which may add random numbers: NumPy's are those of a fresh start."""
    np.random.seed(0)
    return respond(posed, answer)


def reports_of_the_grader(exercise, table, posed, numbers):
    """The same answers, run in one sandbox from a notebook that imports them."""
    module, name = f"{FOLDER.replace('/', '.')}.{TABLES[table]}_{exercise.set}", exercise.name
    first = (f"import numpy as np\nfrom {module} import {table}\n"
             f"answers = [getattr(each, 'answer', each) for each in {table}[{name!r}]]")
    checks = [Cell(f"{n}", f"np.random.seed(0); check('{name} {n}', answers[{n}])", f"{name} {n}") for n in numbers]
    with tempfile.TemporaryDirectory() as view:
        build_view(exercise.set, view)
        run = run_notebook([Cell("first", first), *checks], {cell.exercise: posed for cell in checks},
                           handed_in(exercise.set), view, Sandbox(Limits(cell_seconds=60, total_seconds=500), ()),
                           offer(exercise.set))
    assert not run.lost, run.lost
    return [score(exercise, SEED, run.responses[i][cell.exercise]) for i, cell in enumerate(checks, 1)]


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("table", TABLES)
def test_check_and_grader_agree_on_an_answer(exercise, table, every):
    """Does each answer get the same report, word for word, on the learner's machine and in the grader's sandbox?"""
    posed, numbers = challenge(exercise, SEED), range(0, len(answers_to(exercise, table)), every)
    here = reports_here(exercise, table, posed, numbers)
    there = reports_of_the_grader(exercise, table, posed, numbers)
    differing = [f"answer {n}\n{mine.text()}\n--- graded\n{theirs.text()}"
                 for n, mine, theirs in zip(numbers, here, there, strict=True) if mine.text() != theirs.text()]
    assert not differing, "\n\n".join(differing)
