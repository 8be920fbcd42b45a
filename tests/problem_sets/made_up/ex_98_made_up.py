"""A made-up problem set that has what chapter 05 has not: digits in names, one-hot rows, training, questions."""

import time

import numpy as np

from attnlib.check.scoring import properties as p
from attnlib.check.spec import Case, Exercise, ProblemSet, Question, Slip


def chosen_rows(picks, X):
    """The rows of X that one-hot rows pick."""
    return picks @ X


def one_hot_cases(rng):
    """picks (N, M) of 0s and 1s, X (M, d)."""
    def case(label, N, M, d, dtype=float):
        picks = np.eye(M, dtype=dtype)[rng.permutation(np.arange(N) % M)]
        return Case(label, (picks, rng.normal(size=(M, d)).astype(dtype)), f"{N} picks of {M} rows")

    return [case("plain", 5, 4, 3), case("plain", 3, 6, 2), case("float32", 4, 2, 5, np.float32)]


ONE_HOT = Exercise(
    name="one_hot_rows_pick_2_rows",
    title="One-hot rows pick rows",
    minutes=5,
    asks="the rows that one-hot rows pick",
    reference=chosen_rows,
    cases=one_hot_cases,
    properties=(p.values(1), p.dtype_kept(0.5), p.arrays_left_alone(0.5, ("picks", "X"))),
    slips=(
        Slip("picks-transposed", "The picks are transposed. Row i of picks makes row i of the result: `picks @ X`.",
             lambda picks, X: picks.T @ X),
        Slip("rows-added-up", "All rows are added up. Each row of picks picks a row of its own: `picks @ X`.",
             lambda picks, X: picks.sum(axis=0) @ X),
    ),
    zeros_and_ones=(0,),
)


def slope(x, y):
    """The slope of the line through the origin that fits best."""
    time.sleep(0.03)
    return (x @ y) / (x @ x)


TRAINED = Exercise(
    name="training_finds_the_slope",
    title="Training finds the slope",
    minutes=5,
    asks="the slope of the best line through the origin",
    reference=slope,
    cases=lambda rng: [Case("plain", (rng.normal(size=n), rng.normal(size=n)), f"{n} points") for n in (5, 8)],
    properties=(p.values(2.5), p.arrays_left_alone(0.5, ("x", "y"))),
    slips=(Slip("x-and-y-swapped", "x and y have changed places. The slope says how y grows with x.",
                lambda x, y: (x @ y) / (y @ y)),),
    seconds=20.0,
)

PROBLEM_SET = ProblemSet(
    stem="98_made_up",
    version=1,
    exercises=(ONE_HOT, TRAINED),
    questions=(Question("why_1_is_enough", "Why one is enough", 2, 5, after=ONE_HOT.name),
               Question("sketch_the_2_lines", "Sketch", 1, 5)),
    libraries=("numpy",),
)
