"""What the reference and the slips hand to `check`, and what a right answer gives for a case: for every kind."""

from collections.abc import Sequence
from typing import Any

from attnlib.check.beside_learner import kinds
from attnlib.check.beside_learner.wire import decode, encode
from attnlib.check.spec import Case, Exercise, Slip


def reference_answer(exercise: Exercise) -> Any:
    """What the reference hands to `check`: the function or the class, the number it gives, a prediction beside it."""
    return handed_over(exercise, exercise.reference)


def slip_answer(exercise: Exercise, slip: Slip) -> Any:
    """What a learner who makes this slip hands to `check`."""
    return handed_over(exercise, slip.function)


def handed_over(exercise: Exercise, made: Any) -> Any:
    """What `check` gets of a function or class of the specification's.

    A number is what the function gives; a function that decides a prediction comes with the right prediction, and a
    slip of the prediction is a pair already.
    """
    if exercise.kind == "number":
        return made()
    if exercise.kind == "prediction" and not isinstance(made, tuple):
        return exercise.prediction, made
    return made


def given_by(exercise: Exercise, answer: Any, arguments: Sequence[Any]) -> Any:
    """What `answer` gives for the arguments of one case, which stay as they are, as it arrives on the scoring side."""
    copies = [decode(encode(argument)) for argument in arguments]
    return decode(encode(kinds.run(exercise.kind, answer, copies)))


def expected_of(exercise: Exercise, case: Case) -> Any:
    """What a right answer gives for a case: what the case says, or else what the reference gives."""
    if case.expected is not None:
        return case.expected
    return given_by(exercise, reference_answer(exercise), case.args)
