"""Draw the inputs of an exercise, and make of them the challenge that an answer is run on."""

import numpy as np

from attnlib.check.beside_learner.wire import encode
from attnlib.check.spec import Case, Exercise


def draw(exercise: Exercise, seed: int) -> list[Case]:
    """The cases of `exercise` for a whole number `seed`, public or secret.

    Those of an exercise whose calls are repeated come twice, with other numbers of the same kinds.
    """
    rng = np.random.default_rng(seed)
    cases = exercise.cases(rng)
    return [*cases, *exercise.cases(rng)] if exercise.repeated and exercise.kind != "number" else cases


def challenge(exercise: Exercise, seed: int) -> dict:
    """What an answer is run on, as plain data: inputs, no expected value."""
    return {
        "kind": exercise.kind,
        "cases": [[encode(argument) for argument in case.args] for case in draw(exercise, seed)],
        "repeated": exercise.repeated,
        "seconds": exercise.seconds,
        "forbidden_calls": list(exercise.forbidden_calls),
        "allowed_modules": sorted(f"attnlib.{name}" for name in exercise.allowed_modules),
    }
