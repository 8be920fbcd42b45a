"""The properties that exercises share: what does each accept, and what does it say?"""

import numpy as np
import pytest

from attnlib.check.scoring import properties as p
from attnlib.check.scoring.outcome import Outcome
from attnlib.check.spec import Case

CASE = Case("plain", (), "this case")
WANT = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])


def complaint(prop, got, want=WANT):
    return prop.judge(CASE, Outcome("value", got), want)


@pytest.mark.parametrize(("got", "words"), [
    (WANT, None), ([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], None), (WANT.astype(np.float16), None),
    (WANT[:1], "we expect weights of shape (2, 3) and got shape (1, 3)."),
    (WANT - 0.1, "the weight at [1, 2] is 0, not positive."),
    (WANT * np.nan, "the weight at [0, 0] is nan, not positive."),
    (WANT * 2, "row 0 sums to 2, not 1."),
    (WANT[::-1], "row 0 gives key 0 no less weight than key 1, whose score is larger."),
    (WANT * 0 + 1 / 3, "row 0 gives key 0 no less weight than key 1, whose score is larger."),
    ("weights", "we expect an array of shape (2, 3) and got a str."),
])
def test_weights_hold_that_are_positive_sum_to_one_and_keep_the_order(got, words):
    """Do positive rows that sum to one and keep the order pass, whatever the numbers?"""
    assert complaint(p.weights_rank_keys(1), got) == (words and f"For this case: {words}")


@pytest.mark.parametrize(("dtype", "error", "holds"), [
    (np.float64, 1e-7, True), (np.float64, 1e-5, False), (np.float32, 1e-5, True), (np.float32, 1e-3, False),
    (np.float16, 1e-3, True), (np.float16, 0.1, False),
])
def test_values_are_as_fine_as_the_dtype_allows(dtype, error, holds):
    """Does the reference's dtype set how near is near enough?"""
    assert (complaint(p.values(1), WANT * (1 + error), WANT.astype(dtype)) is None) is holds


@pytest.mark.parametrize(("want", "got", "words"), [
    (np.array([1.0]), np.array([2.0]), "at [0] we expect 1 and got 2"),
    (np.array([0.123456789]), np.array([0.123456]), "at [0] we expect 0.12345679 and got 0.123456"),
    (np.array(3.0), np.array(4.0), "we expect 3 and got 4"),
    (np.array([np.inf]), np.array([np.nan]), "at [0] we expect inf and got nan"),
])
def test_a_difference_shows_digits_enough(want, got, words):
    """Do the two numbers shown differ in print?"""
    assert complaint(p.values(1), got, want) == f"For this case: {words}."


def test_nan_and_infinity_are_right_only_where_expected():
    """Does NaN for NaN pass, and NaN for a number not?"""
    odd = np.array([np.nan, np.inf, 1.0])
    assert complaint(p.values(1), odd, odd) is None
    assert complaint(p.values(1), np.full(3, np.nan), odd)


def test_the_part_whose_dtype_changed_is_named():
    """Is the part whose dtype changed the one named?"""
    prop = p.dtype_kept(1, ((0, "B"), (1, "alpha")))
    single = WANT.astype(np.float32)
    assert complaint(prop, (single, single), (single, single)) is None
    assert complaint(prop, (single, WANT), (single, single)) == (
        "For this case, in alpha: we expect float32 and got a float64 array of shape (2, 3).")


def test_a_vector_may_stand_for_several_numbers():
    """Does an array of two stand for two numbers, and a matrix for one result?"""
    prop = p.values(1, part=(1, "after"))
    assert complaint(prop, np.array([1.0, 2.0]), (1.0, 2.0)) is None
    assert "there is no after" in complaint(prop, WANT, (1.0, 2.0))


@pytest.mark.parametrize(("changed", "words"), [
    ((0,), "your function changed `Q`, which belongs to the caller."),
    ((0, 1), "your function changed `Q` and the weights, which belong to the caller."),
    ((7,), "your function changed an argument, which belongs to the caller."),
])
def test_a_changed_argument_is_told_as_code_and_words_as_words(changed, words):
    """Does a name stand between backquotes, and what is no name, as the weights of a module, without?"""
    prop = p.arrays_left_alone(1, ("Q", "the weights"))
    assert words in prop.judge(CASE, Outcome("value", WANT, changed), WANT)
