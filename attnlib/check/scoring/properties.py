"""Properties that many exercises share. Each maker returns a Property that shows the first place that differs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from attnlib.check.scoring.outcome import Outcome, as_array, what_is
from attnlib.check.spec import Case, Property

Part = tuple[int, str] | None  # which element of an answer that has several, and what to call it
Place = tuple[int, ...]        # an index into an array

EVERY = ("*",)                 # a property that looks at every case



@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may lie apart: relative to the number, and to the largest of its row or `floor`."""

    relative: float
    of_the_row: float
    floor: float = 1.0


TOLERANCE = {"float16": Tolerance(1e-2, 1e-3), "float32": Tolerance(2e-4, 1e-5)}  # of dtypes; else the line below
PLAIN = Tolerance(1e-6, 1e-6, 1e-3)  # what counts as the right numbers in float64
ALIKE = Tolerance(1e-10, 1e-12)      # two answers that do the same steps
DIGITS = ALIKE                       # what float64 keeps, whatever the order of the steps
ROUNDED = Tolerance(1e-6, 1e-7)      # a result in float32 where float64 was asked for

NUMBERS = "the numbers are right"


def values(points: float, part: Part = None, on: tuple[str, ...] = ("plain",), name: str = NUMBERS,
           after: str | None = None, parts: tuple[Part, ...] | None = None) -> Property:
    """Equal to the reference, within what the dtype allows; so is each of `parts` where there are several."""

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        complaints = (_numbers(case, each, outcome, expected) for each in parts or (part,))
        return next(filter(None, complaints), None)

    return Property(name, points, judge, on, after)


def _numbers(case: Case, part: Part, outcome: Outcome, expected: Any) -> str | None:
    want, got = np.asarray(pick(expected, part)), as_array(pick(outcome.content, part))
    if got is None:
        return no_numbers(case, part, outcome, want)
    if got.shape != want.shape:
        return f"{of(case, part)} {_other_shape(pick(outcome.content, part), got, want)}."
    place = first_difference(got, want)
    if place is not None:
        return f"{of(case, part)} {difference(got, want, place)}."
    return _too_many(case, part, outcome, expected)


def _other_shape(value: Any, got: np.ndarray, want: np.ndarray) -> str:
    """'we expect shape (2, 3) and got (3, 2)', or what came where that says more."""
    if not want.ndim or isinstance(value, tuple):
        wanted = f"an array of shape {want.shape}" if want.ndim else "a number"
        return f"we expect {wanted} and got {what_is(value)}"
    return f"we expect shape {want.shape} and got {got.shape}"


def _too_many(case: Case, part: Part, outcome: Outcome, expected: Any) -> str | None:
    """The sentence for results beyond those asked for; the last part that is asked for pays."""
    if part is None or not isinstance(expected, tuple) or not isinstance(outcome.content, tuple | list):
        return None
    if part[0] != len(expected) - 1 or len(outcome.content) == len(expected):
        return None
    return f"For {case.description}: we expect {len(expected)} results and got {len(outcome.content)}."


def digits(points: float, parts: tuple[Part, ...] = (None,), on: tuple[str, ...] = ("plain", "edge"),
           after: str | None = NUMBERS, name: str = "right to the tenth digit") -> Property:
    """As close to the reference as float64 allows; float32 and float16 are passed over."""

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        for part in parts:
            want, got = np.asarray(pick(expected, part)), as_array(pick(outcome.content, part))
            if got is None or want.dtype != np.float64 or got.shape != want.shape:
                continue
            place = first_difference(got, want, DIGITS)
            late = "They differ in a late digit: is something small added, or a step done in float32?"
            if place is not None:
                why = late if first_difference(got, want) is None else ""
                return f"{of(case, part)} {difference(got, want, place)}. {why}".rstrip()
        return None

    return Property(name, points, judge, on, after, passes_over_trouble=True)


def weights_rank_keys(points: float, part: Part = None, on: tuple[str, ...] = ("plain",),
                      name: str = "weights are positive, sum to one in a row and rank the keys by score") -> Property:
    """Weights of the reference's shape that order each row as the reference does, whatever their size."""

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        want, got = np.asarray(pick(expected, part)), as_array(pick(outcome.content, part))
        if got is None:
            return no_numbers(case, part, outcome, want)
        if got.shape != want.shape:
            return f"{of(case, part)} we expect weights of shape {want.shape} and got shape {got.shape}."
        place = next((tuple(map(int, at)) for at in np.argwhere(~(got > 0))), None)
        if place is not None:
            return f"{of(case, part)} the weight at [{where(place)}] is {got[place]:.4g}, not positive."
        return _row_sums(case, part, got) or _ranking(case, part, got, want)

    return Property(name, points, judge, on)


def _row_sums(case: Case, part: Part, got: np.ndarray) -> str | None:
    with np.errstate(all="ignore"):
        sums = got.sum(axis=-1, dtype=np.float64)
    place = first_difference(sums, np.ones_like(sums), TOLERANCE["float32"])
    digits = 4 if place is None or f"{sums[place]:.4g}" != "1" else 9
    return None if place is None else f"{of(case, part)} {row(place)} sums to {sums[place]:.{digits}g}, not 1."


def _ranking(case: Case, part: Part, got: np.ndarray, want: np.ndarray) -> str | None:
    order = want.argsort(axis=-1)                                  # keys by weight, lightest first
    steps = np.diff(np.take_along_axis(got, order, axis=-1))
    wrong = np.argwhere(~(steps > 0))
    if not len(wrong):
        return None
    *place, step = map(int, wrong[0])
    low, high = order[*place, step], order[*place, step + 1]
    return (f"{of(case, part)} {row(tuple(place))} gives key {low} no less weight than key {high}, "
            f"whose score is larger.")


def number(points: float, name: str = "the number is right") -> Property:
    """The number of the reference; the sentence never gives it away."""

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        got = as_array(outcome.content)
        if got is None or got.ndim:
            return f"We expect a number and got {what_is(outcome.content)}."
        if first_difference(got, np.asarray(expected)) is None:
            return None
        if not np.isfinite(got):
            return f"{got:g} is no number."
        return f"{got:g} is too {'small' if got < expected else 'large'}."

    return Property(name, points, judge)


def dtype_kept(points: float, parts: tuple[Part, ...] = (None,), on: tuple[str, ...] = ("float32",),
               after: str | None = NUMBERS, name: str = "float32 in, float32 out") -> Property:
    """The numbers and the dtype of the answer, of each of its `parts`, are those of the reference."""

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        for part in parts:
            want, got = pick(expected, part), pick(outcome.content, part)
            if not isinstance(got, (np.ndarray, np.generic)) or got.dtype != want.dtype:
                return f"{of(case, part)} we expect {want.dtype} and got {what_is(got)}."
            complaint = _numbers(case, part, outcome, expected)
            if complaint:
                return complaint
        return None

    return Property(name, points, judge, on, after)


def arrays_left_alone(points: float, names: tuple[str, ...], on: tuple[str, ...] = EVERY, after: str | None = NUMBERS,
                      name: str = "the caller's arrays are left alone") -> Property:
    """No argument was changed, and no result by a later call; `names` are the arguments', in order."""

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        if outcome.changed:
            changed = [_as_code(names[i]) for i in outcome.changed if 0 <= i < len(names)] or ["an argument"]
            return (f"For {case.description}: your function changed {' and '.join(changed)}, which "
                    f"belong{'s' * (len(changed) == 1)} to the caller. Work on a new array.")
        if outcome.overwritten:
            return (f"For {case.description}: a later call changed the result of this one, which belongs to the "
                    "caller by then. Return a new array each time.")
        return None

    return Property(name, points, judge, on, after, passes_over_trouble=True)


def _as_code(name: str) -> str:
    """An argument's name between backquotes; words, as 'the weights' of a module, stay words."""
    return f"`{name}`" if name.isidentifier() else name


def pick(value: Any, part: Part) -> Any:
    """Element `part` of a tuple, list or vector; the value itself when part is None; None when there is none.

    An array of more axes is one result, not several: its rows are no parts.
    """
    if part is None:
        return value
    index, _ = part
    several = isinstance(value, (tuple, list)) or np.ndim(value) == 1
    return value[index] if several and len(value) > index else None


def no_numbers(case: Case, part: Part, outcome: Outcome, want: np.ndarray) -> str:
    """The sentence for a value, or a part of one, that is not numbers all through."""
    value = pick(outcome.content, part)
    if outcome.content is None:
        return f"For {case.description}: the function returned None. Does it end in a return?"
    if isinstance(outcome.content, dict) and part:
        return f"For {case.description}: we expect a tuple of results and got a dict."
    if value is None and part:
        return f"For {case.description}: there is no {part[1]}; what came back is {what_is(outcome.content)}."
    wanted = f"an array of shape {want.shape}" if want.ndim else "a number"
    return f"{of(case, part)} we expect {wanted} and got {what_is(value)}."


def of(case: Case, part: Part) -> str:
    """The beginning of a sentence: which case, which part of the answer."""
    return f"For {case.description}:" if part is None else f"For {case.description}, in {part[1]}:"


def first_difference(got: np.ndarray, want: np.ndarray, tolerance: Tolerance | None = None) -> Place | None:
    """The index of the first entry that differs, or None. NaN equals NaN only where NaN is expected."""
    allowed = tolerance or TOLERANCE.get(want.dtype.name, PLAIN)
    with np.errstate(all="ignore"):
        a, b = np.asarray(got, float), np.asarray(want, float)
        largest = np.max(np.abs(b), axis=-1 if b.ndim else None, keepdims=True, initial=allowed.floor,
                         where=np.isfinite(b))
        same = np.isclose(a, b, allowed.relative, allowed.of_the_row * largest, equal_nan=True)
    return None if same.all() else tuple(int(i) for i in np.argwhere(~same)[0])


def difference(got: np.ndarray, want: np.ndarray, place: Place) -> str:
    """'at [0, 2] we expect 0.31 and got 0.02', with enough digits to tell them apart."""
    a, b = want[place], got[place]
    digits = next((n for n in (4, 8) if f"{a:.{n}g}" != f"{b:.{n}g}"), 17)
    here = f"at [{where(place)}] " if place else ""
    return f"{here}we expect {a:.{digits}g} and got {b:.{digits}g}"


def where(place: Place) -> str:
    """'0, 2' for the index (0, 2)."""
    return ", ".join(map(str, place))


def row(place: Place) -> str:
    """'row 2' for the index (2,); 'the row' where there is only one."""
    return f"row {where(place)}" if place else "the row"
