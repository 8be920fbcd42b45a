"""Scoring looks at data that a learner may have made up: does it ever raise, or pay for nothing?"""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.wire import DTYPES, encode
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from attnlib.check.spec import exercises, stems
from tests.check.specs import NUMBER, PAIR, TWICE, report_of

EVERY = (TWICE, PAIR, NUMBER, *(exercise for stem in stems() for exercise in exercises(stem)))
OF_NUMBERS = [each for each in EVERY if each.kind in ("function", "number")]  # the others return more than arrays
COUNT = len(challenge(TWICE, 0)["cases"])

words = st.sampled_from([
    "outcomes", "value", "raised", "timeout", "not_reached", "not_callable", "changed", "forbidden_calls", "type",
    "message", "line", "plain", "float", "array", "list", "other", "unfit", "what", "got", "step"])
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=10)
outcomes = st.fixed_dictionaries({}, optional={
    "value": junk | st.just({"plain": 10**400}), "raised": junk, "timeout": junk, "not_callable": junk,
    "unfit": junk,
    "changed": junk | st.just([-1, 99]), "forbidden_calls": junk | st.just(["\ud800"])})


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(junk | st.fixed_dictionaries({"outcomes": st.lists(outcomes, min_size=COUNT, max_size=COUNT)}))
def test_hostile_data_is_scored_like_any_other(data):
    """Does made-up data give a report, in words that can be written down, and no points?"""
    report = score(TWICE, 0, data)
    assert report.points < report.max_points
    report.text().encode()
    report.html().encode()


@pytest.mark.parametrize("outcome", [
    {"timeout": 10**400}, {"timeout": float("nan")}, {"timeout": "soon"}, {"not_callable": {"a": [1] * 999}},
    {"raised": {"type": "E" * 999, "message": "m" * 9999, "line": "l" * 9999}}, {"value": {"plain": 10**400}},
    {"value": {"list": [{"plain": 10**400}]}}, {"value": encode(np.zeros(3)), "changed": [7, -1]},
    {"value": encode(np.zeros((2, 3), bool))}, {"value": encode(np.zeros((2, 3), np.uint8))}, {"not_reached": 1},
    {"value": encode(np.full((2, 3), np.inf))}, {"value": encode(())}, {"value": encode([[]])},
])
def test_odd_outcomes_are_told_in_bounded_words(outcome):
    """Does an outcome of odd size or kind give a report of bounded length?"""
    report = score(TWICE, 0, {"outcomes": [outcome] * COUNT})
    assert report.points == 0 or "changed" in outcome
    assert len(report.text()) < 8000


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exercise", OF_NUMBERS, ids=lambda exercise: exercise.name)
def test_answers_of_every_dtype_are_judged(exercise, dtype):
    """Does an answer of the right shape and any dtype give a report, never an exception?"""
    def cast(*args):
        with np.errstate(all="ignore"):
            right = exercise.reference(*args)
            return tuple(np.asarray(part).astype(dtype) for part in right) if isinstance(right, tuple) \
                else np.asarray(right).astype(dtype)

    answer = cast if exercise.kind == "function" else cast()
    report = report_of(answer, dataclasses.replace(exercise, forbidden=()))
    full = dtype in ("float64", "longdouble") or exercise.kind == "number" and dtype != "bool"
    assert full or report.points < report.max_points
    assert len(report.text().splitlines()) >= len(exercise.properties)


def test_an_answer_with_too_few_outcomes_earns_nothing():
    """Does an answer that skips cases earn nothing?"""
    answer = respond(challenge(TWICE, 0), lambda array: 2 * array)
    answer["outcomes"].pop()
    report = score(TWICE, 0, answer)
    assert report.points == 0
    assert report.headline == f"The grader could not read what came back: a response holds {COUNT} outcomes."


def test_outcomes_of_another_seed_are_wrong():
    """Do right answers to other inputs earn nothing?"""
    assert score(TWICE, 1, respond(challenge(TWICE, 0), lambda array: 2 * array)).points == 0


def test_the_challenge_holds_no_expected_value():
    """Is what crosses into the sandbox inputs alone?"""
    assert set(challenge(TWICE, 0)) == {
        "kind", "points", "cases", "draws", "repeated", "seconds", "forbidden_calls", "allowed_modules"}
    assert challenge(NUMBER, 0)["cases"] == [[]]


def test_a_property_counts_after_the_one_it_waits_for():
    """Does an untouched input pay nothing under wrong numbers?"""
    report = report_of(lambda array: 5 * array)
    assert report.points == 0
    waiting = [result for result in report.results if result.holds is None]
    assert [result.message for result in waiting] == ["Not scored yet: first make “the numbers are right” hold."] * 2


@pytest.mark.parametrize(("answer", "slip"), [
    (lambda array: array * 3, "T1"),                                       # in every respect
    (lambda array: array.astype(float) * 3, "T1"),                         # in value
    (lambda array: (3 * array).clip(None, 1e6), "T1"),                     # on the plain cases
    (lambda array: np.log(np.exp(array.astype(float)) ** 2), "T4"),        # T2 too
    (lambda array: 2 * array.astype(float), "T2"),
    (lambda array: (np.log(np.exp(array) ** 2) if array.max() > 9 else 2 * array), "T4"),  # on one property's cases
    (lambda array: (np.log(np.exp(array) ** 2) if array.max() > 9 else 5 * array), ""),    # the others are wrong too
    (lambda array: 5 * array, ""),
    (lambda array: array + [1, 2, 3, 4, 5], ""),                           # another exception than T5's
    (lambda array: array + [1, 2], "T5"),
    (lambda array: (2 * array).tolist(), ""),                              # not float64: no array at all
])
def test_a_slip_is_found_ever_more_loosely(answer, slip):
    """Is a slip named when it is alike in all, in value, on the plain cases, on one property's, and only then?"""
    report = report_of(answer)
    assert report.points < report.max_points
    assert report.slip == slip, report.text()
