"""What the tests of problem sets share: the sets there are, the answers written for them, the report of an answer.

A set that cannot be imported, or has no answers, is told of by test_every_table.py; here it is left out, so that the
others are tested all the same.
"""

import inspect
import warnings
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.kinds import CLASSES
from attnlib.check.scoring.challenge import challenge, draw
from attnlib.check.scoring.judge import score
from attnlib.check.spec import problem_set, stems

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SEEDS = (0, 1, 20261120)  # the public one, and two that a grader might draw
FUNCTIONS = ("function", "gradients", "prediction")  # kinds whose cases hold the arguments of the learner's function
USUAL_SECONDS = 5.0       # an Exercise's time when it declares none: above it, answers train or search


def whole_sets():
    """{stem: its ProblemSet} of every spec that can be imported."""
    found = {}
    for stem in stems():
        try:
            found[stem] = problem_set(stem)
        except Exception:
            continue  # test_the_spec_can_be_imported says why
    return found


SETS = whole_sets()
EXERCISES = [exercise for each in SETS.values() for exercise in each.exercises]


def named(name):
    """The exercise of this name."""
    return next(exercise for exercise in EXERCISES if exercise.name == name)


def answers_module(kind, stem):
    """right_STEM.py, wrong_STEM.py or typical_STEM.py, imported."""
    return import_module(f"tests.problem_sets.{kind}_{stem}")


@cache
def answers(table, stem):
    """{exercise: answers}: the table RIGHT or WRONG of a set; empty when there is none."""
    try:
        return getattr(answers_module(table.lower(), stem), table)
    except Exception:
        return {}  # test_a_set_has_its_answers says why


def answers_to(exercise, table):
    """The answers that the table RIGHT or WRONG of the exercise's set has for it."""
    return answers(table, exercise.set).get(exercise.name, ())


def typical(stem):
    """The typical mistakes of a set's notebook: (slip, cell id, old text, new text); none when there is no table."""
    try:
        return answers_module("typical", stem).TYPICAL
    except Exception:
        return ()  # test_a_set_has_its_answers says why


def mutants_path(stem):
    """The list of mutants that are explained by hand."""
    return HERE / f"mutants_{stem}.txt"


def explained_by_hand(stem):
    """{mutant: why it is no mistake}, from mutants_STEM.txt; empty when there is none."""
    path, reasons, why = mutants_path(stem), {}, None
    for line in filter(None, path.read_text().splitlines() if path.exists() else ()):
        if line.startswith("# "):
            why = line.removeprefix("# ")
        else:
            reasons[line] = why
    return reasons


def report_of(exercise, answer, seed=0, earlier=None):
    """The report of `answer`; earlier holds {exercise: slip} of what was checked before it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return score(exercise, seed, respond(challenge(exercise, seed), answer), earlier)


@cache
def freely(exercise):
    """The exercise with ready-made functions allowed: what tests compose their answers from."""
    return replace(exercise, forbidden=())


@cache
def without_slips(exercise):
    """The same without slips: what is asked about points alone need not compare an answer with each slip."""
    return replace(freely(exercise), slips=())


def coded(exercise, answer):
    """The function or class in what is handed to `check`; None for a value, as a number."""
    if exercise.kind == "prediction":
        return answer[1] if isinstance(answer, tuple) and len(answer) == 2 else None
    fits = inspect.isclass(answer) or inspect.isfunction(answer) if exercise.kind in CLASSES else callable(answer)
    return answer if fits else None


def handed(exercise, made):
    """What is handed to `check` with the function, class or value `made`: for a prediction, the right one beside it."""
    return (exercise.prediction, made) if exercise.kind == "prediction" else made


def predicts_labels(exercise):
    """Whether labels are predicted that only the grader knows, in one case that is large.

    A small change of a right answer is no mistake there, for other training does as well: it has no mutants. And its
    sizes need not be told apart.
    """
    return any(case.expected is not None for case in draw(exercise, 0))


def called(answer, n):
    """A name for answer number `n` of a table, with the line it stands on: 'answer 3, softmax_in_loops, line 12'."""
    answer = answer[-1] if isinstance(answer, tuple) and answer else answer
    code = getattr(answer, "__code__", None)
    where = f", line {code.co_firstlineno}" if code else ""
    return f"answer {n}, {str(getattr(answer, '__name__', answer))[:40]}{where}"


def by_name(exercise):
    """The id of a test of one exercise."""
    return f"{exercise.set}-{exercise.name}"


def allowed_seconds(exercise):
    """How long drawing and answering all cases may take: 20 ms, and a tenth of its time where an exercise trains."""
    return 0.02 if exercise.seconds <= USUAL_SECONDS else exercise.seconds / 10
