"""A small exercise of our own for the tests of the engine: twice the array, and how many entries it has."""

import numpy as np

from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring import properties as p
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from attnlib.check.spec import Case, Exercise, Forbidden, Slip


def cases(rng):
    return [
        Case("plain", (rng.normal(size=(2, 3)),), "an array of shape (2, 3)"),
        Case("plain", (rng.normal(size=4),), "an array of shape (4,)"),
        Case("large", (1e300 * (1 + rng.random(size=3)),), "large numbers"),
        Case("float32", (rng.normal(size=5).astype(np.float32),), "float32 numbers"),
    ]


TWICE = Exercise(
    name="doubling_doubles",
    set="00_test",
    asks="twice the array",
    reference=lambda array: 2 * array,
    cases=cases,
    properties=(
        p.values(2), p.values(1, on=("large",), name="large numbers stay finite"), p.dtype_kept(0.5),
        p.arrays_left_alone(0.5, ("array",))),
    slips=(
        Slip("T1", "This is three times the array.", lambda array: 3 * array),
        Slip("T2", "The result is float64.", lambda array: 2 * array.astype(float)),
        Slip("T3", "The array is changed in place.", lambda array: np.multiply(array, 2, out=array)),
        Slip("T4", "The exponential overflows.", lambda array: np.log(np.exp(array) ** 2)),
        Slip("T5", "The sum is wrong.", lambda array: array + [1, 2]),
    ),
    forbidden=(Forbidden("softmax", ("attnlib.softmax", "torch.softmax", "torch.add", "numpy.ediff1d")),),
    seconds=1.5,
)

PAIR = Exercise(
    name="two_results",
    set="00_test",
    asks="twice the array, and half of it",
    reference=lambda array: (2 * array, array / 2),
    cases=lambda rng: cases(rng)[:1],
    properties=(
        p.values(1, part=(0, "double"), name="the double is right"),
        p.values(1, part=(1, "half"), name="the half is right"),
        p.digits(0.5, ((0, "double"), (1, "half")), after="the half is right")),
    slips=(Slip("T6", "The two have changed places.", lambda array: (array / 2, 2 * array)),),
)

NUMBER = Exercise(
    name="seven",
    set="00_test",
    asks="the number seven",
    reference=lambda: 7,
    cases=lambda rng: [Case("plain", (), "seven")],
    properties=(p.number(1),),
    slips=(Slip("T7", "Eight is one too many.", lambda: 8),),
    kind="number",
)


def report_of(answer, exercise=TWICE, seed=0):
    """The report of an answer."""
    with np.errstate(all="ignore"):
        return score(exercise, seed, respond(challenge(exercise, seed), answer))
