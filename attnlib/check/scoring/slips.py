"""Find the known slip behind a wrong answer: run every slip on the same inputs and compare what came of it."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.wire import Other
from attnlib.check.scoring.answers import reference_answer, slip_answer
from attnlib.check.scoring.challenge import challenge, draw
from attnlib.check.scoring.outcome import Outcome, as_array, read_outcomes
from attnlib.check.scoring.properties import first_difference
from attnlib.check.spec import Exercise, Slip

Alike = Callable[[Outcome, Outcome], bool]


def find_slip(exercise: Exercise, seed: int, outcomes: list[Outcome]) -> Slip | None:
    """The known slip whose outcomes these are, or None. Compares strictly first, then ever more loosely."""
    right, slips = _known_outcomes(exercise, seed)

    def explains(theirs: list[Outcome], where: list[int], alike: Alike) -> bool:
        """Whether on the cases `where` a slip gives what the answer gave, and on at least one of them a wrong value."""
        same = all(alike(theirs[i], outcomes[i]) for i in where)
        return same and not all(alike(theirs[i], right[i]) for i in where)

    for where, alike in _comparisons(exercise, seed):
        for slip, theirs in slips:
            if explains(theirs, where, alike):
                return slip
    return None


def _comparisons(exercise: Exercise, seed: int) -> Iterator[tuple[list[int], Alike]]:
    """(cases to look at, what counts as alike), ever looser."""
    labels = [case.label for case in draw(exercise, seed)]
    yield list(range(len(labels))), alike                # the slip and nothing else
    yield list(range(len(labels))), alike_in_value       # the slip in another precision
    for on in [("plain",), *(prop.on for prop in exercise.properties if not prop.after)]:
        yield [i for i, label in enumerate(labels) if label in on], alike_in_value  # this slip, and another elsewhere


@lru_cache(maxsize=64)
def _known_outcomes(exercise: Exercise, seed: int) -> tuple[list[Outcome], list[tuple[Slip, list[Outcome]]]]:
    """The outcomes of the reference, and those of each slip: the same for every check of one exercise and seed."""
    posed = challenge(exercise, seed)

    def outcomes(answer: Any) -> list[Outcome]:
        return read_outcomes(respond(posed, answer), len(posed["cases"]))

    made = [(slip, outcomes(slip_answer(exercise, slip))) for slip in exercise.slips]
    return outcomes(reference_answer(exercise)), made


def alike(a: Outcome, b: Outcome) -> bool:
    """Same kind, same changed inputs, same values, dtypes and structure."""
    return a.changed == b.changed and alike_in_value(a, b) and _dtypes(a.content) == _dtypes(b.content)


def alike_in_value(a: Outcome, b: Outcome) -> bool:
    """Same kind and the same values, whatever the precision; the same exception, whichever line raised it."""
    if a.kind != b.kind or a.error != b.error:
        return False
    return _equal(a.content, b.content) if a.kind == "value" else True


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, Other) or isinstance(b, Other):
        return isinstance(a, Other) and isinstance(b, Other) and a == b
    x, y = as_array(a), as_array(b)
    if x is None or y is None:
        return x is None and y is None and type(a) is type(b) and a == b
    loose = x if x.dtype.itemsize < y.dtype.itemsize else y  # compare as finely as the coarser one allows
    return x.shape == y.shape and first_difference(x if loose is y else y, loose) is None


def _dtypes(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(map(_dtypes, value))
    return str(getattr(value, "dtype", type(value).__name__))  # text: NumPy holds that float64 == None
