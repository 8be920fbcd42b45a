"""Wrong ways from scores to softmax weights: every function takes scores (..., M) and returns weights (..., M)."""

import math

import numpy as np

from attnlib.check.spec import Mistake, Slip
from attnlib.check.specs.arrays import exponentials, normalised
from attnlib.weights import softmax


def over(axis):
    """Softmax over another axis than the last."""
    return lambda s: exponentials(s, axis) / exponentials(s, axis).sum(axis=axis, keepdims=True)


def with_epsilon(small, shift):
    """Softmax with a small number added to the sum, with the largest score taken off first or not."""
    def function(s):
        e = exponentials(s) if shift else np.exp(s)
        return e / (e.sum(axis=-1, keepdims=True) + small)

    return function


def clipped(bound):
    """Softmax of scores cut at ±bound."""
    return lambda s: normalised(np.exp(np.clip(s, -bound, bound)))


def shifted_by(taken):
    """Softmax with something else than the largest score taken off first."""
    return lambda s: normalised(np.exp(s - taken(s, axis=-1, keepdims=True)))


def without_numpy(s):
    """Softmax with Python's own exponential, which raises where NumPy's gives infinity."""
    e = np.reshape([math.exp(each) for each in np.ravel(s)], np.shape(s)).astype(s.dtype)
    return normalised(e)


OVERFLOW = Mistake(
    "exponential-overflows",
    "The exponential overflows: `exp(710)` is already infinite in float64. Subtract each row's largest score first; "
    "the weights stay the same.")
SOFTMAX_OVER_QUERIES = Mistake(
    "softmax-over-queries",
    "The sum runs over the queries. Each query's weights must sum to one: sum over the last axis.")
OVER_THE_MATRIX = Mistake(
    "softmax-over-the-matrix",
    "The sum runs over the whole matrix. Each row needs a sum of its own: sum over the last axis.")
SUMS_WITHOUT_THEIR_AXIS = Mistake(
    "sums-have-lost-an-axis",
    "The sums have lost an axis, so rows are divided by the wrong sums or not at all. Keep it with `keepdims=True`.")
SOFTMAX_TWICE = Mistake("softmax-twice", "Softmax is taken twice, which flattens the weights. Take it once.")
NOT_DIVIDED_BY_THE_SUM = Mistake(
    "not-divided-by-the-sum", "The exponentials are not divided by their sum. Divide each row by its own sum.")
WEIGHTS_ARE_FLOAT64 = Mistake(
    "weights-are-float64", "The weights are float64 where the scores are float32. Keep the dtype of the input.")
EPSILON = Mistake(
    "epsilon-in-the-denominator",
    "Something small is added to the sum, so the weights do not quite sum to one. With the largest score taken off "
    "first the sum is at least 1, and nothing need be added.")
EPSILONS = tuple(EPSILON.slip(with_epsilon(small, shift))
                 for small in (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3) for shift in (True, False))
CLIPPED = Mistake(
    "scores-clipped", "The scores are clipped, so all beyond the bound count as equal. Subtract each row's largest "
    "score instead: that changes no weight.")

WEIGHING = (  # whatever the weights are used for
    SOFTMAX_OVER_QUERIES.slip(over(0)),
    SOFTMAX_OVER_QUERIES.slip(lambda s: exponentials(s) / exponentials(s).sum(axis=0)),
    OVER_THE_MATRIX.slip(over(None)),
    OVER_THE_MATRIX.slip(lambda s: exponentials(s) / exponentials(s).sum()),
    OVERFLOW.slip(lambda s: normalised(np.exp(s))),
    OVERFLOW.slip(lambda s: np.nan_to_num(normalised(np.exp(s)))),
    OVERFLOW.slip(lambda s: np.exp(s - np.log(np.exp(s).sum(axis=-1, keepdims=True)))),
    OVERFLOW.slip(without_numpy),
    OVERFLOW.slip(with_epsilon(1e-12, False)),
    *(OVERFLOW.slip(shifted_by(taken)) for taken in (np.mean, np.min, np.median, lambda s, **_: s[..., :1])),
    Slip("maximum-of-the-matrix",
         "The largest score of the whole matrix is subtracted from every row. A row far below it becomes 0/0. "
        "Subtract each row's own largest score.", lambda s: normalised(np.exp(s - s.max()))),
    Slip("maximum-of-each-column",
         "The largest score of each column is subtracted, which changes the weights. Subtract each row's own largest "
         "score.", lambda s: normalised(np.exp(s - s.max(axis=0, keepdims=True)))),
    Slip("maxima-have-lost-an-axis",
         "The largest scores have lost an axis, so they are taken off the wrong scores or off none. Keep it with "
         "`keepdims=True`.", lambda s: normalised(np.exp(s - s.max(axis=-1)))),
    *EPSILONS,
    *(CLIPPED.slip(clipped(bound)) for bound in (50, 100, 500, 700)),
    Slip("all-weight-to-the-largest",
         "All the weight goes to the largest score. Every key gets a share: its exponential over the row's sum.",
        lambda s: (s == s.max(axis=-1, keepdims=True)).astype(s.dtype)),
    Slip("powers-of-two",
         "The base is 2. Softmax takes powers of e: `np.exp`.",
         lambda s: normalised(2 ** (s - s.max(axis=-1, keepdims=True)))),
    Slip("no-exponential",
         "The scores are divided by their sum without the exponential. Weights can then be negative: "
        "take `np.exp` first.", normalised),
    NOT_DIVIDED_BY_THE_SUM.slip(exponentials),
    NOT_DIVIDED_BY_THE_SUM.slip(np.exp),
    Slip("exponent-has-the-wrong-sign",
         "The exponent has the wrong sign: the largest score gets the smallest weight.",
        lambda s: normalised(np.exp(s.min(axis=-1, keepdims=True) - s))),
    Slip("sigmoid-of-each-score",
         "Each weight is a sigmoid of its own score. In a softmax the keys compete: divide by the row's sum.",
        lambda s: 1 / (1 + np.exp(-s))),
)

def sums_without_their_axis(shift):
    """Softmax with keepdims forgotten in the sum, the largest score taken off first or not."""
    def function(s):
        e = np.exp(s - s.max(axis=-1, keepdims=True)) if shift else np.exp(s)
        return e / e.sum(axis=-1)

    return SUMS_WITHOUT_THEIR_AXIS.slip(function)


WITHOUT_KEEPDIMS = (sums_without_their_axis(True), sums_without_their_axis(False))
TWICE = SOFTMAX_TWICE.slip(lambda s: softmax(softmax(s)))
