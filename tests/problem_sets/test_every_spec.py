"""The spec of every problem set: does it tell right from wrong, and name what went wrong?

Each test takes one exercise and tries all its answers on all seeds; what it complains of names answer and seed.
"""

import re
import time

import numpy as np
import pytest

from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.answers import expected_of, given_by, reference_answer, slip_answer
from attnlib.check.scoring.challenge import challenge, draw
from attnlib.check.scoring.judge import score
from attnlib.check.scoring.outcome import Outcome
from grader.sandbox.view import visible_modules
from tests.problem_sets.anything import Remembered, nonsense
from tests.problem_sets.helpers import (
    SEEDS,
    SETS,
    allowed_seconds,
    called,
    freely,
    predicts_labels,
    report_of,
    without_slips,
)
from tests.problem_sets.sentences import bare_code
from tests.problem_sets.shapes import shapes_of, too_tame


def complaints(exercise, answers, complain, seeds=SEEDS):
    """What `complain(report)` says of the answers' reports, a paragraph each with answer and seed; empty if nothing."""
    found = []
    for n, answer in enumerate(answers):
        for seed in seeds:
            report = report_of(exercise, answer, seed)
            complaint = complain(report)
            if complaint:
                found.append(f"{exercise.name}, {called(answer, n)}, seed {seed}: {complaint}\n{report.text()}")
    return "\n\n".join(found)


def less_than_full(report):
    """A complaint about a right answer."""
    return "" if report.points == report.max_points else "a right answer loses points."


def called_otherwise(slip):
    """The complaint about an answer that makes `slip`."""
    def complain(report):
        if report.points == report.max_points:
            return f"the slip {slip!r} gets full marks."
        return "" if report.slip == slip else f"the slip {slip!r} is called {report.slip!r}."

    return complain


# --- answers


def test_the_reference_gets_full_marks(exercise):
    """Does the reference itself have every property, and do the properties' points add up?"""
    told = complaints(freely(exercise), [reference_answer(exercise)], less_than_full)
    assert not told, told
    assert report_of(freely(exercise), reference_answer(exercise)).max_points == exercise.points


@pytest.mark.slow
def test_each_slip_is_called_by_its_own_name(exercise):
    """Does every known slip lose points, and is its own sentence what the learner reads, on every seed?"""
    def complain(report, slip):
        if called_otherwise(slip.id)(report):
            return called_otherwise(slip.id)(report)
        return "" if report.headline == slip.message and slip.message in report.text() else "its sentence is missing."

    told = [complaints(exercise, [slip_answer(exercise, slip)], lambda report, slip=slip: complain(report, slip))
            for slip in exercise.slips]
    assert not any(told), "\n\n".join(filter(None, told))


def test_nonsense_earns_nothing(exercise):
    """Does handing back an input, zeros, ones, nothing or text earn no point at all?"""
    def complain(report):
        return "nonsense earns points." if report.points else ""

    told = complaints(exercise, nonsense(exercise), complain, (0,))
    assert not told, told


def test_an_answer_learned_by_heart_fails_on_other_inputs(exercise):
    """Do the public outputs, copied, earn nothing on a secret seed?"""
    if exercise.kind == "number":
        return
    learned = respond(challenge(freely(exercise), 0), reference_answer(exercise))
    assert score(without_slips(exercise), 0, learned).points == exercise.points
    assert score(without_slips(exercise), 1, learned).points == 0
    if exercise.kind == "function":
        answer = Remembered(exercise.reference, draw(exercise, 0))
        assert report_of(freely(exercise), answer, 0).points == exercise.points
        assert report_of(freely(exercise), answer, 1).points == 0


def test_no_reference_is_in_the_sandbox(exercise):
    """Is what an exercise asks for absent from what its set shows, and forbidden where it is at hand?

    Of a set everything is shown that any of its exercises may use, with all that this imports.
    """
    home = exercise.reference.__module__
    assert home not in visible_modules(SETS[exercise.set].every_allowed_module), (
        f"{home}, which knows the answer, is shown: an exercise of {exercise.set} may use a module that imports it")
    if not home.startswith("attnlib.check."):
        assert {"attnlib.*", f"attnlib.{exercise.reference.__name__}"} & set(exercise.forbidden_calls)


# --- cases


def test_every_property_looks_at_a_case(exercise):
    """Does each property have a case to fail on, and points of its own?"""
    labels = {case.label for case in draw(exercise, 0)}
    for prop in exercise.properties:
        assert set(prop.on) <= labels | {"*"}, prop.name
        assert prop.points > 0, prop.name


def test_changed_arrays_are_looked_at(exercise):
    """Does some property of a function that gets arrays fail when it has changed one of them?"""
    cases = [case for case in draw(exercise, 0) if arrays_in(list(case.args))]
    if exercise.kind != "function" or not cases:
        return
    assert any(fails_when_changed(exercise, case) for case in cases), (
        f"{exercise.name} has no property that looks at changed arrays; give it arrays_left_alone")


def fails_when_changed(exercise, case):
    """Whether a property complains of the right value of a case where the first argument was changed."""
    changed = Outcome("value", given_by(exercise, reference_answer(exercise), case.args), changed=(0,))
    return any(prop.judge(case, changed, expected_of(exercise, case)) for prop in exercise.properties
               if prop.looks_at(case))


def test_the_cases_are_quick(exercise):
    """Are the cases drawn and answered in 20 ms, or in a tenth of an exercise's own time where it is longer?

    Processor time, so that other work on the machine does not count.
    """
    took, answer = [], reference_answer(exercise)
    while len(took) < 5 and min(took, default=np.inf) >= allowed_seconds(exercise):
        start = time.process_time()
        for case in draw(exercise, 0):
            given_by(exercise, answer, case.args)
        took.append(time.process_time() - start)
    assert min(took) < allowed_seconds(exercise)


def test_a_seed_draws_the_same_cases_again_and_names_them(exercise):
    """Are the cases of one seed always the same, told in words that fit behind "For"?"""
    assert challenge(exercise, 3) == challenge(exercise, 3)
    for case in draw(exercise, 0):
        assert case.description and not case.description.endswith(".")
        assert not case.description.startswith(("For", "The")), case.description


def arrays_in(argument):
    """The arrays in an argument: itself, or those in its lists and dicts."""
    if isinstance(argument, dict | list | tuple):
        inner = argument.values() if isinstance(argument, dict) else argument
        return [array for each in inner for array in arrays_in(each)]
    return [argument] if isinstance(argument, np.ndarray) else []


def holds_0_or_1(argument, kinds):
    """Whether an array of one of these kinds in the argument has an entry 0 or 1."""
    return any(np.isin(array, (0, 1)).any() for array in arrays_in(argument) if array.dtype.kind in kinds)


def test_inputs_hold_0_and_1_only_where_the_exercise_says_so(exercise):
    """Is no entry of a floating input 0 or 1, where many mistakes look right, except in `zeros_and_ones`?

    And do the arguments listed there hold some, as floating one-hot rows, integers or a mask?
    """
    every = [(position, argument) for case in draw(exercise, 0) for position, argument in enumerate(case.args)]
    declared = set(exercise.zeros_and_ones)
    undeclared = {position for position, argument in every if holds_0_or_1(argument, "f")} - declared
    assert not undeclared, f"arguments {undeclared} hold 0 or 1; list them in zeros_and_ones if that is on purpose"
    idle = declared - {position for position, argument in every if holds_0_or_1(argument, "fbiu")}
    assert not idle, f"zeros_and_ones lists arguments {idle}, which hold no 0 and no 1"


def test_the_cases_tell_the_declared_sizes_apart(function_exercise):
    """Does each size that the statement names take two values, and do any two of them differ in some case?"""
    declared = () if predicts_labels(function_exercise) else shapes_of(function_exercise)
    told = too_tame(declared, [case.args for case in draw(function_exercise, 0)])
    assert not told, "\n".join(told)


# --- sentences


def test_the_sentences_are_plain(exercise):
    """Is what a learner reads whole sentences, short, without "just", "simply" and the like?"""
    for slip in exercise.slips:
        assert slip.message.endswith(".") and len(slip.message) < 200, slip.id
        assert len(slip.message.split(". ")) <= 3, slip.id
        assert not re.search(r"\b(just|simply|obviously|note that|easy|of course)\b", slip.message, re.I), slip.id


@pytest.mark.parametrize(("text", "shown"), [
    ("Sum over the last axis: `axis=-1`, not `axis=0`.", []),
    ("Transpose the keys, Q @ K.T, or K.mT.", ["Q @ K.T", "K.mT"]),
    ("Take np.sqrt(d_k), d_k ** 0.5 or exp(), not scores[0].", ["np.sqrt", "d_k ** 0.5", "exp()", "scores[0]"]),
    ("Write keepdims=True and axis=-1.", ["keepdims=True", "axis=-1"]),
    ("The sum of A times dA runs along d_k = 8 columns, e.g. α_ij = 0; divide by √d_k (axis 0), n × n.", []),
])
def test_code_is_recognised(text, shown):
    """Is code found outside of backquotes, and prose and formulas left alone?"""
    assert bare_code(text) == shown


def test_code_in_sentences_stands_between_backquotes(exercise):
    """Does a learner see `axis=-1` set as code, in what a slip says and in what may not be called?"""
    told = [slip.message for slip in exercise.slips] + [each.what for each in exercise.forbidden]
    bare = {text: bare_code(text) for text in told if bare_code(text)}
    assert not bare, f"put between backquotes: {bare}"
