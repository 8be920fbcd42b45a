"""Whatever a learner's function does, does the report say so in words, and does the check go on?"""

import copy
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from attnlib import scores, weights
from attnlib.check.spec import Forbidden
from tests.check.specs import NUMBER, PAIR, TWICE, report_of

RELEASE = threading.Event()  # lets the functions that swallow their stop end after the test


class Unreadable(Exception):
    def __str__(self):
        raise SystemExit("no message")


def stop_it(array):
    sys.exit(1)


def interrupt(array):
    raise KeyboardInterrupt


def recurse(array):
    return recurse(array)


def unreadable(array):
    raise Unreadable


STOPPED = "was stopped: one round of all calls may take 1.5 seconds, not counting imports."


def forever(array):
    while True:
        pass


def swallowing(array):
    while not RELEASE.is_set():
        try:
            time.sleep(0.005)
        except BaseException:
            pass


def holds_itself(array):
    items = [array]
    items.append(items)
    return items


def half_done(array):
    if array.ndim == 1:
        raise ValueError("one axis only")
    return 2 * array


def shout(array):
    raise ValueError("bad\n  ✓ holds 4 of 4\x1b[31m\ud800\u202e <script>alert(1)</script>")


@pytest.mark.parametrize(("answer", "words"), [
    (lambda array: 1 / 0, "It raised ZeroDivisionError: division by zero at `"),
    (lambda: 1, "takes 0 positional arguments but 1 was given"),
    (stop_it, "It raised SystemExit: 1 at `sys.exit(1)`"),
    (interrupt, "It raised KeyboardInterrupt at `raise KeyboardInterrupt`"),
    (recurse, "RecursionError: maximum recursion depth exceeded"),
    (unreadable, "It raised Unreadable: (its message could not be read) at `raise Unreadable`"),
    (forever, f"It {STOPPED}"),
    (swallowing, f"It {STOPPED}"),
    (half_done, "For an array of shape (4,): it raised ValueError: one axis only at `raise ValueError("),
    (shout, "It raised ValueError: bad ✓ holds 4 of 4 [31m <script>alert(1)</script> at `"),
    (lambda array: None, "For an array of shape (4,): the function returned None. Does it end in a return?"),
    (lambda array: "twice", "we expect an array of shape (4,) and got a str"),
    (lambda array: {"a": 1}, "we expect an array of shape (4,) and got a dict"),
    (lambda array: [[1, 2], [3]], "we expect an array of shape (4,) and got a list"),
    (lambda array: [None, array], "we expect an array of shape (4,) and got a list"),
    (holds_itself, "we expect an array of shape (4,) and got a list"),
    (lambda array: array.T * 2, "For an array of shape (2, 3): we expect shape (2, 3) and got (3, 2)."),
    (lambda array: 7, "we expect shape (4,) and got ()"),
    (lambda array: 2j * array, "your answer gave a numpy.ndarray of dtype complex128, shape ("),
    (lambda array: (2 * array).astype(object), "your answer gave a numpy.ndarray of dtype object, shape ("),
    (lambda array: np.ma.masked_array(2 * array), "Your answer gave a numpy.MaskedArray"),
    (lambda array: (2 * n for n in array), "Your answer gave a generator"),
    (lambda array: np.zeros((1 << 11, 1 << 11)), "32 MiB, more than can be checked"),
    (lambda array: 2 * array + np.nan, "and got nan"),
    (lambda array: np.where(array > 1e299, np.inf, 2 * array), "For large numbers: at ["),
    (lambda array: 2 * array + 1e-4, "at [0] we expect"),
    (3, "We expect a function here and got an int."),
    (None, "We expect a function here and got a NoneType."),
    (TWICE, "We expect a function here and got an attnlib.Exercise."),
])
def test_the_report_says_in_words_what_the_function_did(answer, words):
    """Does the learner read, in words, what their function did?"""
    try:
        report = report_of(answer)
    finally:
        RELEASE.set() if answer is swallowing else None
    assert words in report.text(), report.text()
    assert report.points < report.max_points
    report.text().encode()


@pytest.mark.slow
def test_a_function_that_never_returns_is_given_up_soon():
    """Is an endless loop stopped, or left behind, about a second after its time is up?"""
    for answer in (forever, swallowing):
        RELEASE.clear()
        start = time.monotonic()
        report_of(answer)
        RELEASE.set()
        assert time.monotonic() - start < 5


def test_a_late_loop_keeps_the_earlier_cases():
    """Does a loop in the third case leave what the first two showed?"""
    def answer(array):
        while array.max() > 1e299:
            pass
        return 2 * array

    report = report_of(answer)
    assert report.points == 2.5
    assert f"For large numbers: it {STOPPED}" in report.text()
    assert "For float32 numbers: not reached: an earlier call did not return." in report.text()


def test_a_changed_input_is_named_and_right_numbers_still_pay():
    """Is an input changed in place named, and the right numbers still paid?"""
    def answer(array):
        array *= 2
        return array

    report = report_of(answer)
    assert (report.points, report.slip) == (3.5, "T3")
    assert "your function changed `array`, which belongs to the caller." in report.text()


def test_each_call_gets_its_own_inputs():
    """Can a function that spoils its input spoil the next check's?"""
    def spoil(array):
        array[...] = 0
        return array

    assert report_of(spoil).points == 0
    assert report_of(lambda array: array * 2).points == 4


def test_printing_and_warnings_cost_no_points(capsys):
    """Do print, warnings and NumPy's complaints leave the answer as good as it is?"""
    def answer(array):
        print("hello", file=sys.stderr)
        print("hello")
        np.log(-1.0)
        return array * 2

    assert report_of(answer).points == 4


def test_an_exception_only_sometimes_costs_only_those_cases():
    """Does a function that fails on large numbers keep the points of the others?"""
    def answer(array):
        if array.max() > 1e299:
            raise OverflowError("too large")
        return array + array

    report = report_of(answer)
    assert report.points == 3
    assert "For large numbers: it raised OverflowError: too large at `raise OverflowError(" in report.text()


def short_keys(array):
    keys = np.ones((2, 1))
    return scores.dot(array, keys)


def odd_copy(array):
    return copy.copy(Uncopied())


class Uncopied:
    def __reduce_ex__(self, protocol):
        return 1 / 0


@pytest.mark.parametrize(("answer", "line"), [
    (lambda array: np.linalg.cholesky(array.reshape(-1, 1)), "np.linalg.cholesky"),
    (short_keys, "at `return scores.dot(array, keys)`"),
    (odd_copy, "at `return 1 / 0`"),
])
def test_the_line_shown_is_the_learners_not_the_librarys(answer, line):
    """Does an exception inside NumPy, attnlib or the standard library show the learner's line?"""
    assert line in report_of(answer).text()


@pytest.mark.parametrize(("answer", "name"), [
    (lambda array: weights.softmax(array), "attnlib.softmax"),
    (weights.softmax, "attnlib.softmax"),
    (lambda array: torch.softmax(torch.from_numpy(array), -1), "torch.softmax"),
    (lambda array: torch.from_numpy(array).softmax(-1), "torch.softmax"),
    (lambda array: torch.nn.functional.softmax(torch.from_numpy(array), -1), "torch.softmax"),
    (lambda array: torch.nn.Softmax(-1)(torch.from_numpy(array)), "torch.softmax"),
    (lambda array: torch.add(torch.from_numpy(array), torch.from_numpy(array)), "torch.add"),
    (lambda array: (np.ediff1d(array), 2 * array)[1], "numpy.ediff1d"),
    (lambda array: max([array], key=lambda a: weights.softmax(a).sum()) * 2, "attnlib.softmax"),
])
def test_a_forbidden_call_is_seen(answer, name):
    """Is a ready-made function seen when called directly, wrapped, as a method or through another package?"""
    report = report_of(answer)
    assert report.points == 0
    assert report.headline == (f"Your function calls `{name}`, which this exercise does not allow. The answer earns no "
                               "points.")


def test_a_whole_package_may_be_forbidden():
    """Is every public function of attnlib seen where attnlib.* is forbidden, and importing it no call?"""
    from attnlib.scores import dot

    none_of_it = replace(TWICE, forbidden=(Forbidden("anything of ours", ("attnlib.*",)),))
    assert report_of(lambda array: (dot(np.eye(2), np.eye(2)), 2 * array)[1], none_of_it).headline.startswith(
        "Your function calls `attnlib.dot`, "
    )

    def imports(array):
        import attnlib.heads

        return 2 * array if attnlib.heads else None

    assert report_of(imports, none_of_it).points == 4


def test_what_is_allowed_may_be_called_though_its_package_is_forbidden():
    """Are functions of an allowed module free of blame, those for tensors and those inside an allowed package too?"""
    from attnlib.data.grammar import sentences
    from attnlib.scores import dot

    def answer(array):
        dot(np.eye(2), np.eye(2))
        dot(torch.eye(2), torch.eye(2))
        sentences(2)
        return 2 * array

    none_of_it = replace(TWICE, forbidden=(Forbidden("anything of ours", ("attnlib.*",)),))
    assert report_of(answer, replace(none_of_it, allowed_modules=("scores", "data"))).points == 4
    assert report_of(answer, replace(none_of_it, allowed_modules=("scores",))).headline.startswith(
        "Your function calls `attnlib.sentences`,")


def test_our_own_package_may_call_itself():
    """Is attnlib's attend, which calls softmax inside, free of blame where only softmax is none?"""
    from attnlib.attention import attend

    report = report_of(lambda array: (attend(np.eye(2), np.eye(2), np.eye(2)), 2 * array)[1])
    assert report.points == 4


@pytest.mark.parametrize("body", [
    "torch.nn.Softmax(-1)(torch.from_numpy(array))", "max([array], key=lambda a: weights.softmax(a).sum())"])
def test_what_our_own_package_calls_through_another_is_not_the_learners(body):
    """Is a module of ours that reaches softmax through torch, or in a callback, free of blame, and a learner not?"""
    def reached_from(module):
        names = {"__name__": module, "torch": torch, "weights": weights}
        exec(f"def reach(array):\n    {body}\n    return 2 * array", names)
        return report_of(lambda array: names["reach"](array))

    assert reached_from("attnlib.made_up").points == 4
    assert reached_from("helper").headline.startswith("Your function calls ")


def test_the_profile_function_is_put_back_after_a_check():
    """Is the profile function of the caller's thread as it was?"""
    before = sys.getprofile()
    report_of(lambda array: 2 * array)
    assert sys.getprofile() is before


@pytest.mark.parametrize(("answer", "points", "words"), [
    (lambda array: (2 * array, array / 2), 2.5, ""),
    (lambda array: [2 * array, array / 2], 2.5, ""),
    (lambda array: [2 * array, array], 1, "in half: at [0, 0] we expect"),
    (lambda array: [array / 2, 2 * array], 0, "The two have changed places."),
    (lambda array: 2 * array, 0, "there is no double; what came back is a float64 array of shape (2, 3)."),
    (lambda array: (2 * array,), 1, "there is no half; what came back is a tuple of 1."),
])
def test_parts_of_a_result_are_judged_apart(answer, points, words):
    """Are parts judged apart, a list as good as a tuple, a missing part named?"""
    report = report_of(answer, PAIR)
    assert report.points == points
    assert words in report.text()


@pytest.mark.parametrize(("answer", "points", "words"), [
    (7, 1, ""), (7.0, 1, ""), (np.int8(7), 1, ""), (torch.tensor(7), 1, ""), (8, 0, "Eight is one too many."),
    (6, 0, "6 is too small."), (9.5, 0, "9.5 is too large."), (None, 0, "Not answered yet: the value is None."),
    ("7", 0, "We expect a number and got a str."), ([7], 0, "We expect a number and got a list."),
    (7j, 0, "Your answer gave a complex."), (float("nan"), 0, "nan is no number."), (len, 0, "Your answer gave"),
])
def test_a_number_is_judged_by_its_value_and_not_given_away(answer, points, words):
    """Is a number judged by its value, whatever its type, without giving the right one away?"""
    report = report_of(answer, NUMBER)
    assert report.points == points
    assert words in report.text() and "expect 7" not in report.text()


def test_the_stub_reads_as_not_answered():
    """Does the untouched stub read as not answered, not as an error of the learner's?"""
    def stub(array):
        raise NotImplementedError()

    assert report_of(stub).headline == (
        "Not answered yet: this function, or one that it calls, raises `NotImplementedError`.")
