"""The case that a report shows: what went in, what is expected and what came."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from attnlib.check.beside_learner.wire import Other
from attnlib.check.scoring.outcome import Outcome, what_is
from attnlib.check.spec import Case, Exercise

ENTRIES = 60   # of an array, written out; a larger one is shown by its corners
CHARACTERS = 2000
LAST = "last_argument"  # attribute of a reference that is made of another function: what its last argument is called


@dataclass(frozen=True)
class Shown:
    """One call: its number among the cases, its description, (name, value) of its inputs, the value expected, what
    came, and what was printed meanwhile.
    """

    number: int
    description: str
    inputs: tuple[tuple[str, str], ...]
    expected: str
    got: str
    printed: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data, read back by `from_json`."""
        return {**self.__dict__, "inputs": [list(each) for each in self.inputs]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Shown":
        """The case behind `to_json`'s data."""
        return cls(**{**data, "inputs": tuple(tuple(each) for each in data["inputs"])})


def show(exercise: Exercise, number: int, case: Case, outcome: Outcome, expected: Any) -> Shown:
    """The case as a report shows it."""
    inputs = tuple((name, written(value)) for name, value in zip(names_of(exercise, case), case.args))
    if outcome.kind != "value":
        return Shown(number, case.description, inputs, written(expected), outcome.content, outcome.printed)
    apart = (n for n in (4, 12) if written(expected, n) != written(outcome.content, n))
    digits = next(apart, 4)
    return Shown(number, case.description, inputs, written(expected, digits), written(outcome.content, digits),
                 outcome.printed)


def names_of(exercise: Exercise, case: Case) -> tuple[str, ...]:
    """What to call the arguments of a case: as the reference does, and the last one as it says where it says so."""
    last = getattr(exercise.reference, LAST, "")
    return (*exercise.arguments[: len(case.args) - 1], last) if last else exercise.arguments


def written(value: Any, digits: int = 4) -> str:
    """A value as Python writes it, its arrays rounded to so many digits and cut when they are large."""
    if isinstance(value, Other):
        return what_is(value)
    if isinstance(value, tuple | list):
        return cut("\n".join(written(each, digits) for each in value) or repr(value))
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return written(value[()], digits)
    if isinstance(value, np.ndarray):
        dtype = "" if value.dtype in (np.float64, np.int64, np.bool_) else f", dtype={value.dtype}"
        text = np.array2string(value, 88, digits, _reads_as_fixed(value, digits), separator=", ", prefix="array(",
                               threshold=ENTRIES)
        return cut(f"array({text}{dtype})" if value.size else f"an empty array of shape {value.shape}")
    if isinstance(value, float | np.floating):
        return f"{value:.{digits + 2}g}"
    return cut(repr(value))


def _reads_as_fixed(value: np.ndarray, digits: int) -> bool:
    """Whether so many decimals show every entry: then 999.37 reads better than 9.9937e+02."""
    if value.dtype.kind != "f":
        return False
    sizes = np.abs(value[np.isfinite(value) & (value != 0)])
    return bool(sizes.min(initial=np.inf) >= 10.0**-digits)


def cut(text: str) -> str:
    """As much of a text as a report holds."""
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]} …"


def size_of(case: Case) -> int:
    """How many numbers a case holds."""
    return sum(_size(argument) for argument in case.args)


def _size(argument: Any) -> int:
    if isinstance(argument, dict):
        return sum(map(_size, argument.values()))
    if isinstance(argument, tuple | list):
        return sum(map(_size, argument))
    return int(np.size(argument))
