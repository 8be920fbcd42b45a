"""Find the known slip behind a wrong answer: run every slip on the same inputs and compare what came of it.

A slip is named on evidence: it gives what the answer gave on all the cases that are compared, and on two or more of
them something else than the reference. Where two slips of different names explain an answer equally well, neither is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.wire import Other
from attnlib.check.scoring.challenge import challenge, draw, reference_answer
from attnlib.check.scoring.outcome import Outcome, as_array, read_outcomes
from attnlib.check.scoring.properties import ALIKE, first_difference
from attnlib.check.spec import Exercise, Slip

EVIDENCE = 2  # cases on which a slip is wrong, as the answer is, before it is named

Alike = Callable[[Outcome, Outcome], bool]


@dataclass(frozen=True)
class Look:
    """A way to compare: the cases that must be alike, those that must be right, and what counts as alike."""

    where: list[int]
    right: list[int]
    alike: Alike


def find_slip(exercise: Exercise, seed: int, outcomes: list[Outcome]) -> Slip | None:
    """The known slip whose outcomes these are, or None. Compares strictly first, then ever more loosely."""
    right, slips = _known_outcomes(exercise, seed)
    for look in _looks(exercise, seed):
        if not all(alike_in_value(outcomes[i], right[i]) for i in look.right):
            continue
        found = [(_evidence(theirs, outcomes, right, look), slip) for slip, theirs in slips]
        most = max((evidence for evidence, _ in found), default=0)
        named = {slip.id: slip for evidence, slip in found if evidence == most}
        if most >= min(EVIDENCE, len(outcomes)):
            return next(iter(named.values())) if len(named) == 1 else None
    return None


def _looks(exercise: Exercise, seed: int) -> Iterator[Look]:
    """The ways to compare an answer with a slip, ever looser."""
    cases, first = draw(exercise, seed), counting_first(exercise, seed)
    every = list(range(len(cases)))
    yield Look(every, [], alike)           # the slip and nothing else
    yield Look(every, [], alike_in_value)  # the slip, in another precision
    yield Look(first, [], alike_in_value)  # the slip, and something else where the numbers do not count yet
    yield Look([i for i in first if cases[i].label == "plain"], [], alike_in_value)
    for prop in exercise.properties:       # a slip that shows in one property alone
        where = [i for i in every if prop.looks_at(cases[i])]
        if prop.after and not set(first) & set(where):
            yield Look(where, first, alike_in_value)


def counting_first(exercise: Exercise, seed: int) -> list[int]:
    """The cases that properties look at which wait for no other."""
    first = [prop for prop in exercise.properties if not prop.after]
    return [i for i, case in enumerate(draw(exercise, seed)) if any(prop.looks_at(case) for prop in first)]


def _evidence(theirs: list[Outcome], outcomes: list[Outcome], right: list[Outcome], look: Look) -> int:
    """On how many cases a slip is wrong as the answer is; 0 when they differ anywhere in the look."""
    if not all(look.alike(theirs[i], outcomes[i]) for i in look.where):
        return 0
    if not all(alike_in_value(theirs[i], right[i]) for i in look.right):
        return 0
    return sum(not look.alike(theirs[i], right[i]) and is_evidence(theirs[i], outcomes[i]) for i in look.where)


@lru_cache(maxsize=64)
def _known_outcomes(exercise: Exercise, seed: int) -> tuple[list[Outcome], list[tuple[Slip, list[Outcome]]]]:
    """The outcomes of the reference, and those of each slip: the same for every check of one exercise and seed."""
    made = [(slip, outcomes_of(exercise, seed, slip_answer(exercise, slip))) for slip in exercise.slips]
    return outcomes_of(exercise, seed, reference_answer(exercise)), made


def outcomes_of(exercise: Exercise, seed: int, answer: Any) -> list[Outcome]:
    """What an answer of our own gives on the cases, each called once."""
    posed = challenge(exercise, seed) | {"repeated": False, "forbidden_calls": []}
    return read_outcomes(respond(posed, answer), len(posed["cases"]))


def slip_answer(exercise: Exercise, slip: Slip) -> Any:
    """What a learner who makes this slip hands to `check`."""
    return slip.function() if exercise.kind == "number" else slip.function


def alike(a: Outcome, b: Outcome) -> bool:
    """Same kind, same changed inputs, same values, dtypes and structure."""
    return a.changed == b.changed and alike_in_value(a, b) and _dtypes(a.content) == _dtypes(b.content)


def alike_in_value(a: Outcome, b: Outcome) -> bool:
    """Same kind and the same values, whatever the precision; an exception of the same type."""
    if a.kind != b.kind or a.error != b.error:
        return False
    return _equal(a.content, b.content) if a.kind == "value" else True


def is_evidence(a: Outcome, b: Outcome) -> bool:
    """Whether two outcomes that are alike speak for one cause: values do, exceptions when the operation is the same."""
    return a.kind == "value" or a.kind == "raised" and bool(a.operation) and a.operation == b.operation


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, Other) or isinstance(b, Other):
        return isinstance(a, Other) and isinstance(b, Other) and a == b
    x, y = as_array(a), as_array(b)
    if x is None or y is None:
        return x is None and y is None and type(a) is type(b)
    coarser = x if x.dtype.itemsize < y.dtype.itemsize else y  # compare as finely as the coarser one allows
    tolerance = ALIKE if coarser.dtype == "float64" else None
    return x.shape == y.shape and first_difference(x if coarser is y else y, coarser, tolerance) is None


def _dtypes(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(map(_dtypes, value))
    return str(getattr(value, "dtype", type(value).__name__))  # text: NumPy holds that float64 == None
