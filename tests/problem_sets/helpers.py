"""What the tests of problem sets share: every set by its stem, its answers, its two notebooks."""

import re
import warnings
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import nbformat
import numpy as np
import pytest

from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from attnlib.check.beside_learner.call import respond
from attnlib.check.spec import exercises, stems

ROOT = Path(__file__).parents[2]
STEMS = stems()
EXERCISES = [exercise for stem in STEMS for exercise in exercises(stem)]
SEEDS = (0, 1, 20261120)  # the public one, and two that a grader might draw


def tables(kind, stem):
    """{exercise: answers}: the table called `kind` in what right_STEM.py or wrong_STEM.py holds, empty when absent."""
    name = f"tests.problem_sets.{'right' if kind == 'RIGHT' else 'wrong'}_{stem}"
    return getattr(import_module(name), kind, {}) if find_spec(name) else {}


def gathered(kind):
    """The tables called `kind` ("RIGHT", "WRONG", "SPELLED") of all sets in one: {exercise: answers}, each exercise in it."""
    found = {exercise.name: () for exercise in EXERCISES}
    for stem in STEMS:
        found |= tables(kind, stem)
    return found


RIGHT, WRONG, SPELLED = map(gathered, ("RIGHT", "WRONG", "SPELLED"))


def named(name):
    """The exercise of this name."""
    return next(exercise for exercise in EXERCISES if exercise.name == name)


def report_of(exercise, answer, seed=0):
    """The report of `answer`."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return score(exercise, seed, respond(challenge(exercise, seed), answer))


def freely(exercise):
    """The exercise with ready-made functions allowed: what tests compose their answers from."""
    return replace(exercise, forbidden_calls=())


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
    for line in filter(None, Path(__file__).with_name(f"mutants_{stem}.txt").read_text().splitlines()):
        if line.startswith("# "):
            why = line.removeprefix("# ")
        else:
            reasons[line] = why
    return reasons
