"""Draw the inputs of an exercise, and make of them the challenge that an answer is run on."""

import numpy as np

from attnlib.check.beside_learner.wire import encode
from attnlib.check.spec import Case, Exercise


def draw(exercise: Exercise, seed: int) -> list[Case]:
    """The cases of `exercise` for a whole number `seed`, public or secret."""
    return exercise.cases(np.random.default_rng(seed))


def challenge(exercise: Exercise, seed: int) -> dict:
    """What an answer is run on, as plain data: inputs, no expected value."""
    return {
        "kind": exercise.kind,
        "cases": [[encode(argument) for argument in case.args] for case in draw(exercise, seed)],
        "seconds": exercise.seconds,
        "forbidden_calls": list(exercise.forbidden_calls),
    }
