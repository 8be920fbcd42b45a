"""A slip is named on evidence: is a cause told only where it has been seen?"""

import linecache

import numpy as np
import pytest

from attnlib import weights
from attnlib.check.beside_learner.failed_operation import failed_operation
from attnlib.check.spec import Slip
from tests.check.specs import TWICE, report_of
from tests.problem_sets.helpers import named
from tests.problem_sets.helpers import report_of as report_of_05

SOFTMAX = named("softmax_turns_each_row_into_weights")
OUTPUT = named("one_output_is_a_mixture_of_all_values")


def soft(s):
    e = np.exp(s - s.max())
    return e / e.sum()


def maxima_without_their_axis(s):
    e = np.exp(s - s.max(axis=-1))
    return e / e.sum(axis=-1, keepdims=True)


def by_component(i, Q, K, V):
    return soft(K * Q[i] / Q.shape[1] ** 0.5) @ V


def keys_as_they_are(i, Q, K, V):
    q = Q[i]
    return soft(q @ K / Q.shape[1] ** 0.5) @ V


@pytest.mark.parametrize(("exercise", "answer", "slip"), [
    (SOFTMAX, maxima_without_their_axis, "maxima-have-lost-an-axis"),  # the sums have kept theirs
    (OUTPUT, by_component, ""),                                        # `Q @ K` is nowhere in it
    (OUTPUT, keys_as_they_are, "keys-not-transposed"),
], ids=lambda value: getattr(value, "__name__", None))
def test_exceptions_of_one_text_are_told_apart_by_what_failed(exercise, answer, slip):
    """Is an exception the evidence of a mistake only where the same operation failed on the same things?"""
    assert report_of_05(exercise, answer).slip == slip


def where(source, *arguments):
    """The operation that fails in a function of this source."""
    linecache.cache["<made up>"] = len(source), None, source.splitlines(keepends=True), "<made up>"
    names = {"np": np, "weights": weights, "soft": soft}
    exec(compile(source, "<made up>", "exec"), names)
    try:
        names["f"](*arguments)
    except Exception as error:
        return failed_operation(error, list(arguments))
    raise AssertionError("nothing failed")


Q, K = np.ones((5, 4)), np.ones((3, 4))


@pytest.mark.parametrize(("body", "operation"), [
    ("return Q @ K", ["@", "#0", "#1"]),
    ("return np.dot(Q, K)", ["@", "#0", "#1"]),
    ("return Q.dot(K)", ["@", "#0", "#1"]),
    ("return Q[1] @ K", ["@", "#0", "#1"]),
    ("return (Q / 2) @ K", ["@", "#0", "#1"]),
    ("return Q.T @ K", ["@", "#0 transposed", "#1"]),
    ("Kt = K.T\n    return Q.T @ Kt", ["@", "#0 transposed", "#1 transposed"]),
    ("e = np.exp(Q)\n    return e / e.sum(axis=-1)", ["/", "exp", "sum"]),
    ("return Q - Q.max(axis=-1)", ["-", "#0", "max"]),
    ("return Q.sum(axis=5)", ["sum", "#0"]),
    ("Q -= K", ["-", "#0", "#1"]),
    ("return Q + [1, 2]", ["+", "#0", "[1, 2]"]),
    ("return soft(Q) @ K", ["@", "computed", "#1"]),
    ("return weights.softmax(Q) @ K", ["@", "computed", "#1"]),  # as in a slip: it stands for the learner's own
    ("x = Q\n    x = x + 1\n    return x @ K", []),  # nobody follows what x is
    ("return missing", []),
    ("raise ValueError", []),
])
def test_the_operation_that_failed_is_described(body, operation):
    """Is the failed expression told by its operator and by what its operands are made of?"""
    assert where(f"def f(Q, K):\n    {body}\n", Q, K) == operation


def test_without_a_source_nothing_is_told():
    """Is an operation unknown where the lines of the code are not at hand?"""
    names = {}
    exec("def f(Q, K):\n    return Q @ K", names)
    try:
        names["f"](Q, K)
    except ValueError as error:
        assert failed_operation(error, [Q, K]) == []


def test_two_mistakes_that_explain_an_answer_equally_well_are_not_named():
    """Is nothing said where two slips of different names give the same?"""
    from dataclasses import replace

    other = Slip("T1-again", "This is the sum of three arrays.", lambda array: array + array + array)
    assert report_of(lambda array: 3 * array, TWICE).slip == "T1"
    assert report_of(lambda array: 3 * array, replace(TWICE, slips=(*TWICE.slips, other))).slip == ""


def cached(function):
    known = {}

    def answer(array):
        if array.shape not in known:
            known[array.shape] = function(array)
        return known[array.shape]

    return answer


def buffered(function):
    buffers = {}

    def answer(array):
        buffer = buffers.setdefault((array.shape, array.dtype), np.empty_like(array))
        buffer[...] = function(array)
        return buffer

    return answer


def counting(function):
    calls = []

    def answer(array):
        calls.append(array.tobytes())
        return function(array) * (1 if calls.count(array.tobytes()) == 1 else 2)

    return answer


def sometimes_in_place(array):
    if array.dtype == np.float32:
        array *= 2
        return array
    return 2 * array


@pytest.mark.parametrize(("answer", "holds", "told"), [
    (cached(lambda array: 2 * array), [False, False, None, None], "this is what belongs to another call"),
    (buffered(lambda array: 2 * array), [True, True, True, False], "a later call changed the result of this one"),
    (counting(lambda array: 2 * array), [False, False, None, None], "and not when called again with the same inputs"),
    (sometimes_in_place, [True, True, True, False], "your function changed `array`"),
], ids=["cached by shape", "one buffer", "another result each time", "in place for float32"])
def test_state_costs_the_property_it_breaks(answer, holds, told):
    """Does an answer that keeps something between calls lose what that breaks, and read what was seen?"""
    report = report_of(answer)
    assert [result.holds for result in report.results] == holds, report.text()
    assert told in report.text()
