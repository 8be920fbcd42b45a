"""Draw the inputs of an exercise, make of them the challenge that an answer is run on, and know what is expected."""

import numpy as np

from attnlib.check.beside_learner.wire import decode, encode
from attnlib.check.spec import Case, Exercise


def draw(exercise: Exercise, seed: int) -> list[Case]:
    """The cases of `exercise` for a whole number `seed`, public or secret.

    Those of an exercise whose calls are repeated come twice, with other numbers of the same kinds.
    """
    rng = np.random.default_rng(seed)
    return [case for _ in range(draws(exercise)) for case in exercise.cases(rng)]


def draws(exercise: Exercise) -> int:
    """How often the cases of an exercise are drawn: a result that was kept for inputs of one shape shows at the second.

    An exercise that trains, or asks for a number, draws them once.
    """
    return 2 if exercise.repeated and exercise.kind != "number" else 1


def challenge(exercise: Exercise, seed: int) -> dict:
    """What an answer is run on, as plain data: inputs, no expected value."""
    return {
        "kind": exercise.kind,
        "points": exercise.points,
        "cases": [[encode(argument) for argument in case.args] for case in draw(exercise, seed)],
        "draws": draws(exercise),
        "repeated": exercise.repeated,
        "seconds": exercise.seconds,
        "forbidden_calls": list(exercise.forbidden_calls),
        "allowed_modules": sorted(f"attnlib.{name}" for name in exercise.allowed_modules),
    }


def copy_of_case(exercise: Exercise, seed: int, number: int) -> tuple:
    """The arguments of case `number`, as an answer gets them."""
    return tuple(decode(encode(each)) for each in draw(exercise, seed)[number].args)
