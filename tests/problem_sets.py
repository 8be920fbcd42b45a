"""What the tests of problem sets share: every set by its stem, its answers, its two notebooks."""

import re
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np
import pytest

from attnlib.check.challenge import challenge, score
from attnlib.check.run import answer_challenge
from attnlib.check.spec import exercises, stems

ROOT = Path(__file__).parents[1]
STEMS = stems()
EXERCISES = [exercise for stem in STEMS for exercise in exercises(stem)]
SEEDS = (0, 1, 20261120)  # the public one, and two that a grader might draw


def gathered(kind):
    """The tables called `kind` ("RIGHT", "WRONG", "SPELLED") of all sets, by stem."""
    folder = "right" if kind == "RIGHT" else "wrong"
    return {stem: getattr(import_module(f"tests.{folder}.{folder}_{stem}"), kind) for stem in STEMS}


RIGHT = {name: answers for table in gathered("RIGHT").values() for name, answers in table.items()}
WRONG = {name: answers for table in gathered("WRONG").values() for name, answers in table.items()}
SPELLED = [spelled for table in gathered("SPELLED").values() for spelled in table]


def named(name):
    """The exercise of this name."""
    return next(exercise for exercise in EXERCISES if exercise.name == name)


def marks(exercise, answer, seed=0):
    """The report of `answer`."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return score(exercise, seed, answer_challenge(challenge(exercise, seed), answer))


def freely(exercise):
    """The exercise with ready-made functions allowed: what tests compose their answers from."""
    return replace(exercise, no_answer=())


def every(table):
    """One test per exercise and answer, named after both."""
    return [pytest.param(exercise, answer, id=f"{exercise.set}-{exercise.name}-{n}-{called(answer)}")
            for exercise in EXERCISES for n, answer in enumerate(table(exercise))]


def called(answer):
    """A name for an answer, of bounded length."""
    return str(getattr(answer, "__name__", answer))[:20]


def by_name(exercise):
    """The id of a test of one exercise."""
    return f"{exercise.set}-{exercise.name}"


def notebook_path(folder, stem):
    """solutions/stem/stem.ipynb, or the same under exercises."""
    return ROOT / folder / stem / f"{stem}.ipynb"


def read(folder, stem):
    """The notebook of a set, from solutions or exercises."""
    return nbformat.read(notebook_path(folder, stem), 4)


def check_cells(notebook):
    """{grade id: cell} of the cells that give points."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if cell.metadata.nbgrader.grade}


def answer_cells(notebook):
    """The cells a learner writes in."""
    return [cell for cell in notebook.cells if cell.metadata.nbgrader.solution]


def statement_cells(notebook):
    """The cells that state an exercise."""
    return [cell for cell in notebook.cells if cell.id.startswith("ask_")]


def checked_name(cell):
    """The variable that a check cell hands over."""
    return re.fullmatch(r'check\("[a-z_]+", (\w+)\)', cell.source)[1]


def defined_by(notebook):
    """What the notebook's cells define, check cells aside."""
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.metadata.nbgrader.grade:
            exec(cell.source, names)
    return names


def still_right(stem):
    """{mutant: why it is no mistake}, as the table beside the right answers says."""
    reasons, why = {}, None
    for line in filter(None, (ROOT / "tests" / "right" / f"mutants_{stem}.txt").read_text().splitlines()):
        if line.startswith("# "):
            why = line.removeprefix("# ")
        else:
            reasons[line] = why
    return reasons
