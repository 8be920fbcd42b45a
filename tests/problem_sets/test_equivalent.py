"""The rules that call a mutant harmless: does each see its own kind, and refuse what only looks like it?

A false friend gives the same as the right answer on all draws, because the cases are too tame; it is a mistake all the
same, and no rule may explain it.
"""

import numpy as np
import pytest

from attnlib.check.spec import Case, Exercise
from tests.problem_sets.equivalent import KINDS, explanation
from tests.problem_sets.shapes import declared_shapes, too_tame
from tests.problem_sets.trial import RightAnswer, Trial

MATRIX = (("N", "D"),)
PAIR = (("N", "d"), ("M", "d"))


def matrices(rng):
    """X (N, D), in both precisions."""
    return [rng.normal(size=(3, 5)), rng.normal(size=(4, 2)), rng.normal(size=(2, 6)).astype(np.float32)]


def one_row(rng):
    """X (N, D), but N is always 1."""
    return [rng.normal(size=(1, 5)), rng.normal(size=(1, 3))]


def one_column(rng):
    """X (N, D), but D is always 1."""
    return [rng.normal(size=(3, 1)), rng.normal(size=(2, 1))]


def vectors(rng):
    """x (N,)."""
    return [rng.normal(size=3), rng.normal(size=5)]


def cubes(rng):
    """X (A, B, C), but all of one size, and X[a] is symmetric."""
    whole = rng.integers(2, 9, size=(3, 3, 3)).astype(float)
    return [whole + whole.swapaxes(1, 2), np.ones((2, 2, 2)) * 3]


def pairs(rng):
    """Q (N, d) and K (M, d), in both precisions."""
    sizes = (3, 4, 2), (5, 2, 3)
    made = [(rng.normal(size=(N, d)), rng.normal(size=(M, d))) for N, M, d in sizes]
    return made + [tuple(array.astype(np.float32) for array in made[0])]


def square_pairs(rng):
    """Q (N, d) and K (M, d), but M is always d."""
    return [(rng.normal(size=(3, 4)), rng.normal(size=(4, 4))), (rng.normal(size=(5, 2)), rng.normal(size=(2, 2)))]


def fine_pairs(rng):
    """Q (N, d) and K (M, d), but always float64."""
    return pairs(rng)[:2]


def alike_pairs(rng):
    """Q and K of one shape, but always the same numbers."""
    return [(array, array.copy()) for array in matrices(rng)]


def square_twins(rng):
    """Q (n, d) and K (n, d), but always square and the same."""
    return [(array, array.copy()) for array in (rng.normal(size=(3, 3)), rng.normal(size=(2, 2)))]


def layers(rng):
    """What a layer is made with, its weights W (rows, columns), x (N, rows)."""
    return [([rows, columns], {"W": rng.normal(size=(rows, columns))}, rng.normal(size=(3, rows)))
            for rows, columns in ((2, 4), (5, 3))]


def trial(inputs, declared, body, now):
    """The mutant of `def f(...): body`, or of a class, in which the line `now` stands instead of another."""
    def cases(rng):
        drawn = inputs(rng)
        return [Case("plain", each if isinstance(each, tuple) else (each,), "inputs") for each in drawn]

    kind, head = ("module", "class f:") if inputs is layers else ("function", f"def f({ARGUMENTS[inputs]}):")
    source = f"{head}\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    right = RightAnswer(Exercise("made_up", "", None, cases, (), (), kind=kind), "f", {"np": np}, source, declared)
    found = [Trial(right, mutant) for mutant in right.mutants if mutant.what.endswith(f"  ->  {now}")]
    assert found, "\n".join(mutant.what for mutant in right.mutants)
    return found[0]


ARGUMENTS = dict.fromkeys((matrices, one_row, one_column, vectors, cubes), "X") | dict.fromkeys(
    (pairs, square_pairs, fine_pairs, alike_pairs, square_twins), "Q, K")
LAYER = ("def __init__(self, rows, columns):\n    self.W = np.full((rows, columns), 2)\n    self.n = rows\n"
         "def __call__(self, x):\n    return x @ self.W + 0 * self.n")
LOOP = "out = np.zeros(X.shape)\nfor i in range(len(X)):\n    {}\nreturn out"
SHIFT = "found = []\nfor row in X:\n    total = 0.0\n    found.append(total + row.sum())\nreturn np.var(found)"

HARMLESS = [
    ("same axis", matrices, MATRIX, "return X.sum(axis=1)", "return X.sum(axis=-1)"),
    ("same axis", matrices, MATRIX, "return np.max(X, -1)", "return np.max(X, 1)"),
    ("same entry", matrices, MATRIX, "return X / X.shape[1]", "return X / X.shape[-1]"),
    ("same entry", matrices, MATRIX, "return X[:1][0]", "return X[:1][-1]"),
    ("same size", pairs, PAIR, "return Q / K.shape[1]", "return Q / Q.shape[1]"),
    ("same size", alike_pairs, (("n", "d"),) * 2, "return Q / len(K)", "return Q / len(Q)"),
    ("same dtype", pairs, PAIR, "return Q.astype(K.dtype)", "return Q.astype(Q.dtype)"),
    ("same number", matrices, MATRIX, "return X + 2.0 - 0.0", "return X + 2.0 - 0"),
    ("full slices", matrices, MATRIX, "return X[None, :, :]", "return X[None]"),
    ("symmetric function", matrices, MATRIX, "return np.maximum(X, 2)", "return np.maximum(2, X)"),
    ("even power", pairs, PAIR, "return (Q - K[0]) ** 2", "return (K[0] - Q) ** 2"),
    ("dot product", matrices, MATRIX, "return X[0] @ X[1]", "return X[1] @ X[0]"),
    ("conversion", matrices, MATRIX, "return np.array([X[0], X[1]])", "return [X[0], X[1]]"),
    ("default argument", matrices, MATRIX, "return np.sum(X, axis=None)", "return np.sum(X)"),
    ("broadcasting", matrices, MATRIX, "return X / X.sum(keepdims=True)", "return X / X.sum()"),
    ("tie", matrices, MATRIX, "return np.where(X > 0, X, 0)", "return np.where(X >= 0, X, 0)"),
    ("overwritten", matrices, MATRIX, LOOP.format("out[i] = X[i]"), "out = np.ones(X.shape)"),
    ("assigned again", matrices, MATRIX, "y = 3\ny = X.sum()\nreturn y", "pass"),
    ("loaded over", layers, (), LAYER, "self.W = np.full((rows, columns), 3)"),
    ("cancels", matrices, MATRIX, SHIFT, "total = 1.0"),
]

FALSE_FRIENDS = [
    ("same axis", cubes, (("A", "B", "C"),), "return X.sum(axis=1)", "return X.sum(axis=-1)"),
    ("same axis", matrices, (), "return X.sum(axis=1)", "return X.sum(axis=-1)"),
    ("same entry", cubes, (("A", "B", "C"),), "return X / X.shape[1]", "return X / X.shape[-1]"),
    ("same entry", one_row, MATRIX, "return X[0]", "return X[-1]"),
    ("same size", square_pairs, PAIR, "return Q / K.shape[1]", "return Q / K.shape[0]"),
    ("same size", alike_pairs, (("n", "d"), ("m", "d")), "return Q / len(K)", "return Q / len(Q)"),
    ("same dtype", fine_pairs, PAIR, "return Q.astype(K.dtype)", "return Q.astype(Q.dtype)"),
    ("same number", matrices, MATRIX, "return X * 0 * 3", "return X * 0 * 4"),
    ("full slices", one_column, MATRIX, "return X[0, :1]", "return X[0]"),
    ("symmetric function", alike_pairs, (("n", "d"),) * 2, "return np.arctan2(Q, K)", "return np.arctan2(K, Q)"),
    ("even power", alike_pairs, (("n", "d"),) * 2, "return (Q - K) ** 3", "return (K - Q) ** 3"),
    ("dot product", square_twins, (("n", "d"),) * 2, "return Q @ K", "return K @ Q"),
    ("conversion", fine_pairs, PAIR, "return np.float64(Q)", "return Q"),
    ("default argument", vectors, (("N",),), "return np.sum(X, axis=0)", "return np.sum(X)"),
    ("broadcasting", one_row, MATRIX, "return X / X.sum(axis=1, keepdims=True)", "return X / X.sum(axis=1)"),
    ("tie", matrices, MATRIX, "return (X > 0).sum()", "return (X >= 0).sum()"),
    ("overwritten", matrices, MATRIX, LOOP.format("if X[i].sum() < 1000000000.0: out[i] = X[i]"),
     "out = np.ones(X.shape)"),
    ("overwritten", matrices, MATRIX, "out = np.zeros(X.shape)\nout[X > -99] = 1\nreturn out",
     "out = np.ones(X.shape)"),
    ("assigned again", matrices, MATRIX, "y = 3\nif X.sum() > 1000000000.0:\n    return y\nreturn X.sum()", "pass"),
    ("loaded over", layers, (), LAYER, "self.n = columns"),
    ("cancels", matrices, MATRIX, "return np.where(X < 1000000000.0, X, 5.0)",
     "return np.where(X < 1000000000.0, X, 6.0)"),
]


def each(table):
    """One test a line, named after its kind and its changed line."""
    return pytest.mark.parametrize(("kind", "inputs", "declared", "body", "now"), table,
                                   ids=[f"{line[0]}: {line[4]}" for line in table])


@each(HARMLESS)
def test_a_harmless_mutant_is_explained_by_its_kind(kind, inputs, declared, body, now):
    """Is the mutant called by the name of its kind?"""
    assert explanation(trial(inputs, declared, body, now)).name == kind


@each(FALSE_FRIENDS)
def test_a_false_friend_is_not_explained(kind, inputs, declared, body, now):
    """Is a mutant that agrees on every draw, because they are tame, left unexplained?"""
    made_up = trial(inputs, declared, body, now)
    assert made_up.agrees(), "it is caught, and no false friend"
    found = explanation(made_up)
    assert found is None, found.name


def test_every_kind_has_a_friend_and_a_false_one():
    """Is no rule without a test that it holds and one that it refuses?"""
    names = {kind.name for kind in KINDS}
    assert len(names) == len(KINDS)
    assert {line[0] for line in HARMLESS} == names == {line[0] for line in FALSE_FRIENDS}


@pytest.mark.parametrize(("signature", "shapes"), [
    ("f(Q, K)    Q (N, d_k), K (M, d_k)  ->  scores (N, M)", (("N", "d_k"), ("M", "d_k"))),
    ("f(scores)    scores (..., M)  ->  weights (..., M)", (("...", "M"),)),
    ("f(i, V)    i an int, V (N,)  ->  b (N,)", (None, ("N",))),
    ("f(X, axis=0)    X (N, D)  ->  Y (N, D)", (("N", "D"), None)),
    ("width = ...    a number", ()),
])
def test_declared_shapes_are_read_from_the_signature(signature, shapes):
    """Is the shape of each argument read, in the order of the call, and none where none is told?"""
    assert declared_shapes(f"## 1. Title\n\n```text\n{signature}\n```\n") == shapes


@pytest.mark.parametrize(("declared", "shapes", "told"), [
    (PAIR, [[(3, 2), (4, 2)], [(2, 5), (3, 5)]], []),
    (PAIR, [[(3, 2), (4, 2)], [(3, 5), (2, 5)]], ["N is the same in all cases"]),
    (PAIR, [[(3, 2), (3, 2)], [(2, 5), (2, 5)]], ["N and M are the same in each case"]),
    ((("...", "M"),), [[(3, 2)], [(2, 5)]], ["... is the same in all cases"]),
    ((("...", "M"),), [[(3, 2)], [(2, 4, 5)]], []),
])
def test_cases_that_do_not_tell_sizes_apart_are_too_tame(declared, shapes, told):
    """Is a size that never changes named, and two that never differ?"""
    assert too_tame(declared, [tuple(map(np.zeros, each)) for each in shapes]) == told
