"""Properties of gradients, by autograd or by hand, and a reference made of a forward function by differences."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from attnlib.check.scoring import properties as p
from attnlib.check.scoring.outcome import Outcome, as_array, what_is
from attnlib.check.scoring.shown import LAST
from attnlib.check.spec import Case, Property

GRADIENTS = "the gradients are right"
STEP = 1e-3              # in the fourth-order difference, eps ** (1/5) and what a function changes over balance
ACCURACY = p.Tolerance(1e-7, 1e-8)  # how near differences come to gradients of about 1


# --- properties ------------------------------------------------------------------------------------------------------


def value(points: float, part: p.Part = None, on: tuple[str, ...] = ("plain",), name: str = p.NUMBERS) -> Property:
    """The value of a function whose gradients are asked for too (kind "gradients"): equal to the reference's."""
    judged = p.values(points, part, on, name)

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        return judged.judge(case, replace(outcome, content=p.pick(outcome.content, (0, ""))), expected[0])

    return replace(judged, judge=judge)


def gradients(points: float, names: Sequence[str | None], on: tuple[str, ...] = ("plain",),
              tolerance: p.Tolerance | None = None, after: str | None = None,
              name: str = GRADIENTS) -> Property:
    """The gradients that autograd gives (kind "gradients") are the reference's.

    names are the arguments', in order; None for one whose gradient is not looked at. No gradient is a gradient of 0.
    """

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        got, found = p.pick(outcome.content, (0, "")), p.pick(outcome.content, (1, ""))
        want, wanted = expected
        if not isinstance(found, list) or len(found) != len(wanted):
            return f"For {case.description}: {_no_way_back(got, want, case.args[-1])}"
        for argument, gradient, right in zip(names, found, wanted, strict=False):
            complaint = argument and _complaint(case, argument, gradient, right, tolerance)
            if complaint:
                return complaint
        return None

    return Property(name, points, judge, on, after)


def gradients_by_hand(points: float, names: Sequence[str], on: tuple[str, ...] = ("plain",),
                      tolerance: p.Tolerance | None = ACCURACY, after: str | None = None,
                      name: str = GRADIENTS) -> Property:
    """The gradients that a function returns, in the order of `names`, are those of the reference.

    One name: the gradient itself comes back, no tuple. tolerance: relative and absolute, that of `central_differences`
    unless told otherwise; None: what the dtype allows, for a reference that is exact.
    """

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        for n, argument in enumerate(names):
            part = (n, f"the gradient of {argument}") if len(names) > 1 else None
            gradient, right = p.pick(outcome.content, part), np.asarray(p.pick(expected, part))
            if as_array(gradient) is None or isinstance(gradient, tuple):
                return p.no_numbers(case, part, outcome, right)
            complaint = _complaint(case, argument, gradient, right, tolerance)
            if complaint:
                return complaint
        return None

    return Property(name, points, judge, on, after)


def _complaint(case: Case, argument: str, gradient: Any, right: Any,
               tolerance: p.Tolerance | None) -> str | None:
    """What is wrong with the gradient of one argument, an array or arrays in a dict or a list; None if nothing."""
    if isinstance(right, (dict, list, tuple)):
        inner = right.items() if isinstance(right, dict) else enumerate(right)
        each = (_complaint(case, f"{argument}[{key!r}]", _item(gradient, key), value, tolerance)
                for key, value in inner)
        return next(filter(None, each), None)
    got = None if gradient is None else as_array(gradient)
    if right is None or gradient is None:
        return _none(case, argument, got, right)
    want = np.asarray(right)
    of = p.of(case, (0, f"the gradient of {argument}"))
    if got is None:
        return f"{of} we expect an array of shape {want.shape} and got {what_is(gradient)}."
    if got.shape != want.shape:
        return f"{of} we expect shape {want.shape} and got {got.shape}."
    coarse = tolerance if tolerance and want.dtype == np.float64 else None
    place = p.first_difference(got, want, coarse)
    return None if place is None else f"{of} {p.difference(got, want, place)}."


def _none(case: Case, argument: str, got: Any, right: Any) -> str | None:
    """The complaint where one side has no gradient, which is as good as 0."""
    if right is None:
        arrived = got is not None and np.any(got)
        return f"For {case.description}: the result depends on {argument}, and should not." if arrived else None
    return (f"For {case.description}: no gradient arrives at {argument}. PyTorch's record shows no way from it to the "
            f"result: {argument} is not used, or the record breaks off, as at `detach()` or `numpy()`.") \
        if np.any(right) else None


def _no_way_back(got: Any, want: Any, cotangent: Any) -> str:
    """Why nobody could go backward: as the harness has it, another shape, or no floating tensor."""
    if got is None:
        return "the function returned None. Does it end in a return?"
    several = isinstance(want, (tuple, list))
    if several and (not isinstance(got, (tuple, list)) or len(got) != len(want)):
        return f"we expect {len(want)} results and got {what_is(got)}."
    for value, right, weight in zip(got, want, cotangent, strict=True) if several else [(got, want, cotangent)]:
        array = as_array(value)
        if weight is not None and array is not None and array.shape != np.shape(right):
            return f"no gradient could flow back: we expect a result of shape {np.shape(right)}, not {array.shape}."
    return ("no gradient can flow back from what the function returned: it is no floating torch tensor, computed "
            "from the tensors that came in.")


def _item(value: Any, key: Any) -> Any:
    """The entry of a dict, list or tuple; None where there is none."""
    if isinstance(value, dict):
        return value.get(str(key))
    return value[key] if isinstance(value, (list, tuple)) and isinstance(key, int) and key < len(value) else None


# --- a reference by differences --------------------------------------------------------------------------------------


def by_differences(forward: Callable, wrt: Sequence[int] | None = None, cotangent_is: str = "cotangent") -> Callable:
    """A reference (*arguments, cotangent) -> gradients of `forward`, for learners who write the gradients by hand.

    wrt: the positions of the arguments, all floating ones when left out; one gradient comes as it is, several as a
    tuple. Each has the dtype of its argument. Accurate to ACCURACY where numbers and slopes are about 1.
    cotangent_is: what a report calls the last argument, as learners do: dA, say.
    """

    @functools.wraps(forward)
    def reference(*given: Any) -> Any:
        *arguments, cotangent = given
        found = central_differences(forward, arguments, cotangent, wrt)
        return found[0] if len(found) == 1 else found

    setattr(reference, LAST, cotangent_is)
    return reference


def central_differences(forward: Callable, arguments: Sequence[Any], cotangent: Any,
                        wrt: Sequence[int] | None = None, step: float = STEP) -> tuple[np.ndarray, ...]:
    """Gradients of sum(cotangent * forward(*arguments)) by central differences of fourth order, in float64.

    Of each argument in `wrt`, by position; of all floating ones when left out. cotangent has the shape of the result,
    or is one array, or None, for each result. The error is about step**4 / 30 times the fifth derivative, and
    1e-16 / step times the largest term of the sum: some 1e-12 of both for slopes and numbers of about 1, and a
    thousand times better than ACCURACY. Where `forward` has a kink within two steps, the result is no gradient.

    >>> x = np.array([1.0, 2.0])
    >>> central_differences(lambda x: x ** 3, [x], np.ones(2))[0].round(9)
    array([ 3., 12.])
    """
    wide = [_in_float64(argument) for argument in arguments]
    positions = [n for n, each in enumerate(wide) if _is_floating(each)] if wrt is None else wrt

    def total() -> float:
        return _weighted_sum(forward(*wide), cotangent)

    found = []
    for n in positions:
        argument = wide[n]
        gradient = np.empty(argument.shape)
        for place in np.ndindex(argument.shape):
            gradient[place] = _slope(argument, place, total, step)
        found.append(gradient.astype(np.asarray(arguments[n]).dtype))
    return tuple(found)


def _slope(argument: np.ndarray, place: tuple[int, ...], total: Callable[[], float], step: float) -> float:
    """The derivative of `total` by one entry of an argument that it reads, which ends as it was."""
    middle, sums = argument[place], {}
    for steps in (-2, -1, 1, 2):
        argument[place] = middle + steps * step
        sums[steps] = total()
    argument[place] = middle
    return (8 * (sums[1] - sums[-1]) - (sums[2] - sums[-2])) / (12 * step)


def _weighted_sum(result: Any, cotangent: Any) -> float:
    """sum(cotangent * result), over all results where there are several."""
    several = isinstance(result, tuple)
    pairs = zip(result, cotangent, strict=True) if several else [(result, cotangent)]
    return float(sum(np.sum(np.asarray(weight, float) * each) for each, weight in pairs if weight is not None))


def _in_float64(argument: Any) -> Any:
    """A floating array as a float64 array of its own; anything else as it is."""
    return np.array(argument, np.float64) if _is_floating(argument) else argument


def _is_floating(argument: Any) -> bool:
    return isinstance(argument, (np.ndarray, np.generic)) and argument.dtype.kind == "f"
