"""Weights: how much of each value a query takes, computed from its scores."""

import numpy as np

from attnlib._arguments import check_axes, check_floating
from attnlib._dispatch import also_tensors
from attnlib._ops import arange, astype, widen


@also_tensors
def softmax(scores):
    """Turn each row of scores into positive weights that sum to one.

    scores (..., M), floating. Returns weights of the same shape and dtype; float16 is summed in float32.
    The row's largest score is subtracted first, so no exponential overflows.
    A row of -inf, a query that may look at nothing, gives zeros.
    Raises TypeError unless the scores are floating, ValueError unless they have an axis.
    Source: Bridle 1990; the shift is the log-sum-exp trick.

    >>> softmax(np.array([[0., np.log(3.)]]))
    array([[0.25, 0.75]])
    >>> softmax(np.array([[1000., 1000.], [-np.inf, -np.inf]]))
    array([[0.5, 0.5],
           [0. , 0. ]])
    """
    check_scores("softmax", scores)
    top = scores.max(axis=-1, keepdims=True, initial=-np.inf)  # (..., 1)
    top = np.where(np.isneginf(top), 0, top)               # -inf - -inf would be NaN
    powers = np.exp(scores - top)                          # (..., M)
    wide = np.promote_types(powers.dtype, np.float32)      # a float16 sum ends at 65504
    total = powers.sum(axis=-1, keepdims=True, dtype=wide)  # (..., 1)
    return (powers / np.where(total == 0, 1, total)).astype(powers.dtype, copy=False)


def relu_weights(scores):
    """Replace negative scores by zero and divide by L, the number of keys in a row.

    scores (..., L), floating. Returns weights of the same shape and dtype. Rows do not
    sum to one; dividing by L keeps their sum of one size as sequences grow. A key that is hidden, whose score is
    -inf, does not count in L, so that padding changes nothing.
    Raises TypeError unless the scores are floating, ValueError unless they have an axis.
    Source: Wortsman et al. 2023, "Replacing softmax with ReLU in Vision Transformers".

    >>> relu_weights(np.array([[2., -1., 4., 0.]]))
    array([[0.5, 0. , 1. , 0. ]])
    """
    check_scores("relu_weights", scores)
    (wide,) = widen(scores)
    L = astype(wide > -float("inf"), wide.dtype).sum(-1)[..., None]                # (..., 1)
    return astype(wide.clip(0) / L.clip(1), scores.dtype)


def hard(scores):
    """Put all the weight of a row on its largest score; the first of equal ones.

    scores (..., M), floating. Returns weights of the same shape and dtype, zeros and a single 1 in each row.
    It is the limit of softmax(scores / t) as t goes to 0, and has no useful gradient.
    A row of -inf gives zeros. Raises TypeError unless the scores are floating, ValueError unless they have an axis.
    Source: Xu et al. 2015, section 4.1, chooses by sampling; this takes the best.

    >>> hard(np.array([[1., 3., 2.], [5., 5., 0.], [-np.inf, -np.inf, -np.inf]]))
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 0.]])
    """
    check_scores("hard", scores)
    if scores.shape[-1] == 0:
        return astype(scores == 0, scores.dtype)           # argmax takes no empty row
    best = scores.argmax(-1)[..., None]                    # (..., 1)
    chosen = arange(0, scores.shape[-1], like=scores) == best
    return astype(chosen & (scores != -np.inf), scores.dtype)


def check_scores(who, scores):
    """Raise unless scores is a floating array or tensor with an axis or more."""
    check_axes(who, scores=(scores, "... M"))
    check_floating(who, scores=scores)
