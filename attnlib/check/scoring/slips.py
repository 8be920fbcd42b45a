"""Find the known slip behind a wrong answer: run every slip on the same inputs and compare what came of it.

A slip is named on evidence: it gives what the answer gave on all the cases that are compared, and on two or more of
them something else than the reference. Where two slips of different names explain an answer equally well, neither is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.wire import Other
from attnlib.check.scoring.answers import reference_answer, slip_answer
from attnlib.check.scoring.challenge import challenge, draw
from attnlib.check.scoring.outcome import Outcome, as_array, read_outcomes
from attnlib.check.scoring.properties import ALIKE, ROUNDED, TOLERANCE, Tolerance, first_difference
from attnlib.check.spec import Exercise, Slip

OPERATORS = ("@", "*", "/", "+", "-", "**", "//")
EVIDENCE = 2  # cases on which a slip is wrong, as the answer is, before it is named


@dataclass(frozen=True)
class Look:
    """A way to compare: the cases that must be alike, those that must be right, and whether dtypes count."""

    where: list[int]
    right: list[int]
    strict: bool = False


class Comparison:
    """An answer beside the reference and one slip, case by case; each pair is compared once."""

    def __init__(self, mine: list[Outcome], theirs: list[Outcome], right: list[Outcome]):
        self.mine, self.theirs, self.right = mine, theirs, right
        self.same = cache(lambda i: alike_in_value(mine[i], theirs[i], right[i]))
        self.slip_is_right = cache(lambda i: alike_in_value(theirs[i], right[i], right[i]))
        self.answer_is_right = cache(lambda i: alike_in_value(mine[i], right[i], right[i]))

    def evidence(self, look: Look) -> int:
        """On how many cases the slip is wrong as the answer is; 0 when they differ anywhere in the look."""
        if not all(self.same(i) and (not look.strict or same_form(self.mine[i], self.theirs[i])) for i in look.where):
            return 0
        if not all(self.slip_is_right(i) for i in look.right):
            return 0
        return sum(self._tells(i, look.strict) for i in look.where)

    def _tells(self, i: int, strict: bool) -> bool:
        wrong = not self.slip_is_right(i) and not self.answer_is_right(i)
        wrong = wrong or strict and not same_form(self.theirs[i], self.right[i])
        return wrong and is_evidence(self.theirs[i], self.mine[i])


def find_slip(exercise: Exercise, seed: int, outcomes: list[Outcome]) -> Slip | None:
    """The known slip whose outcomes these are, or None. Compares strictly first, then ever more loosely."""
    right, slips = _known_outcomes(exercise, seed)
    is_right = cache(lambda i: alike_in_value(outcomes[i], right[i], right[i]))
    compared = [(slip, Comparison(outcomes, theirs, right)) for slip, theirs in slips]
    for look in _looks(exercise, seed):
        if not all(is_right(i) for i in look.right):
            continue
        found = [(comparison.evidence(look), slip) for slip, comparison in compared]
        most = max((evidence for evidence, _ in found), default=0)
        named = {slip.id: slip for evidence, slip in found if evidence == most}
        if most >= min(EVIDENCE, len(outcomes)):
            return next(iter(named.values())) if len(named) == 1 else None
    return None


def _looks(exercise: Exercise, seed: int) -> Iterator[Look]:
    """The ways to compare an answer with a slip, ever looser."""
    cases, first = draw(exercise, seed), counting_first(exercise, seed)
    every = list(range(len(cases)))
    yield Look(every, [], strict=True)  # the slip and nothing else
    yield Look(every, [])               # the slip, in another precision
    yield Look(first, [], strict=True)  # the slip, and something else where the numbers do not count yet
    yield Look(first, [])
    yield Look([i for i in first if cases[i].label == "plain"], [])
    for prop in exercise.properties:    # a slip that shows in one property alone
        where = [i for i in every if prop.looks_at(cases[i])]
        if prop.after and not set(first) & set(where):
            yield Look(where, first)


def counting_first(exercise: Exercise, seed: int) -> list[int]:
    """The cases that properties look at which wait for no other."""
    first = [prop for prop in exercise.properties if not prop.after]
    return [i for i, case in enumerate(draw(exercise, seed)) if any(prop.looks_at(case) for prop in first)]


@lru_cache(maxsize=64)
def _known_outcomes(exercise: Exercise, seed: int) -> tuple[list[Outcome], list[tuple[Slip, list[Outcome]]]]:
    """The outcomes of the reference, and those of each slip: the same for every check of one exercise and seed."""
    made = [(slip, outcomes_of(exercise, seed, slip_answer(exercise, slip))) for slip in exercise.slips]
    return outcomes_of(exercise, seed, reference_answer(exercise)), made


def outcomes_of(exercise: Exercise, seed: int, answer: Any) -> list[Outcome]:
    """What an answer of our own gives on the cases, each called once."""
    posed = challenge(exercise, seed) | {"repeated": False, "forbidden_calls": []}
    return read_outcomes(respond(posed, answer), len(posed["cases"]))


def same_form(a: Outcome, b: Outcome) -> bool:
    """Same changed inputs, same dtypes and structure."""
    return a.changed == b.changed and _dtypes(a.content) == _dtypes(b.content)


def alike_in_value(a: Outcome, b: Outcome, right: Outcome) -> bool:
    """Same kind and the same values, as finely as the dtype of the right one allows; an exception of the same type."""
    if a.kind != b.kind or a.error != b.error:
        return False
    if a.operation != b.operation and {a.operation[:1], b.operation[:1]} <= {(sign,) for sign in OPERATORS}:
        return False
    return _equal(a.content, b.content, right.content) if a.kind == "value" else True


def is_evidence(a: Outcome, b: Outcome) -> bool:
    """Whether two outcomes that are alike speak for one cause: exceptions do when the operation is the same."""
    return a.kind in ("value", "unfit") or a.kind == "raised" and bool(a.operation) and a.operation == b.operation


def _equal(a: Any, b: Any, right: Any) -> bool:
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        parts = right if isinstance(right, tuple | list) and len(right) == len(a) else [right] * len(a)
        return len(a) == len(b) and all(map(_equal, a, b, parts))
    if isinstance(a, dict) and isinstance(b, dict):
        named = right if isinstance(right, dict) else {}
        return a.keys() == b.keys() and all(_equal(a[key], b[key], named.get(key)) for key in a)
    if isinstance(a, Other) or isinstance(b, Other):
        return isinstance(a, Other) and isinstance(b, Other) and a == b
    x, y = as_array(a), as_array(b)
    if x is None or y is None:
        return x is None and y is None and type(a) is type(b) and a == b
    if x.shape != y.shape:
        return False
    return first_difference(x, y, _as_fine(x.dtype, y.dtype, getattr(right, "dtype", None))) is None


def _as_fine(a: Any, b: Any, right: Any) -> Tolerance:
    """How finely to compare two values: as their dtypes and that of the right one allow."""
    if right == np.float32 and "float16" not in (a.name, b.name):
        return TOLERANCE["float32"]
    return ROUNDED if np.float32 in (a, b) else ALIKE


def _dtypes(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(map(_dtypes, value))
    return str(getattr(value, "dtype", type(value).__name__))  # text: NumPy holds that float64 == None
