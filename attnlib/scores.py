"""Scores: how relevant each key is to each query, one number for every pair."""

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib._ops import tanh


def dot(Q, K):
    """Score every query against every key by their inner product.

    Q (..., N, d), K (..., M, d). Returns scores (..., N, M): row i belongs to query i.
    Raises ValueError when Q and K have different widths.
    Source: Luong et al. 2015, eq. 8 ("dot").

    >>> dot(np.array([[1., 2.]]), np.array([[3., 0.], [0., 5.]]))
    array([[ 3., 10.]])
    """
    check_widths("dot", Q, K)
    return Q @ K.swapaxes(-1, -2)                 # (..., N, M)


def scaled_dot(Q, K):
    """`dot` divided by the square root of d, the width of a key.

    Q (..., N, d), K (..., M, d). Returns scores (..., N, M) in the dtype of the inputs.
    Independent components of mean 0 and variance 1 give products of variance d;
    after the division the variance is 1, whatever d.
    Source: Vaswani et al. 2017, eq. 1.

    >>> scaled_dot(np.ones((1, 4)), np.ones((2, 4)))
    array([[2., 2.]])
    """
    return dot(Q, K) / K.shape[-1] ** 0.5


def bilinear(Q, K, W):
    """Score by an inner product with a learned matrix in between: q W k.

    Q (..., N, d_q), K (..., M, d_k), W (d_q, d_k). Returns scores (..., N, M).
    With W = W_q @ W_k.T it is `dot` of the projected queries and keys.
    Raises ValueError, naming the shapes, when W does not fit Q and K.
    Source: Luong et al. 2015, eq. 8 ("general").

    >>> bilinear(np.array([[1., 2.]]), np.array([[3.], [5.]]), np.array([[1.], [10.]]))
    array([[ 63., 105.]])
    """
    check_matrix("bilinear", "W", W, (Q.shape[-1], K.shape[-1]), Q, K)
    return Q @ W @ K.swapaxes(-1, -2)             # (..., N, M)


def additive(Q, K, W_q, W_k, w):
    """Score by a small network: w . tanh(q W_q + k W_k).

    Q (..., N, d_q), K (..., M, d_k), W_q (d_q, h), W_k (d_k, h), w (h,). Returns scores (..., N, M).
    Every pair has a hidden vector of its own: memory grows with N x M x h.
    Raises ValueError, naming the shapes, when the matrices do not fit.
    Source: Bahdanau et al. 2015, appendix A.1.2.

    >>> additive(np.zeros((1, 2)), np.array([[0.], [1.]]), np.ones((2, 3)), np.ones((1, 3)), np.ones(3)).round(2)
    array([[0.  , 2.28]])
    """
    check_matrix("additive", "W_q", W_q, (Q.shape[-1], w.shape[0]), Q, K)
    check_matrix("additive", "W_k", W_k, (K.shape[-1], w.shape[0]), Q, K)
    queries, keys = Q @ W_q, K @ W_k              # (..., N, h), (..., M, h)
    hidden = tanh(queries[..., :, None, :] + keys[..., None, :, :])      # (..., N, M, h)
    return hidden @ w


@also_tensors
def cosine(Q, K, eps=1e-8):
    """Score by the cosine of the angle between query and key: lengths do not count.

    Q (..., N, d), K (..., M, d). Returns scores (..., N, M) between -1 and 1. A length below eps
    counts as eps, so that a vector of zeros scores 0. float16 is computed in float32.
    Raises ValueError when Q and K have different widths.
    Source: Graves et al. 2014, eq. 6.

    >>> cosine(np.array([[3., 4.]]), np.array([[6., 8.], [4., 3.], [0., 0.]])).round(2)
    array([[1.  , 0.96, 0.  ]])
    """
    check_widths("cosine", Q, K)
    narrow = np.result_type(Q, K)
    wide = np.promote_types(narrow, np.float32)
    cosines = _unit(Q.astype(wide), eps) @ _unit(K.astype(wide), eps).swapaxes(-1, -2)
    return cosines.astype(wide if np.issubdtype(narrow, np.integer) else narrow)


def _unit(X, eps):
    """The rows of X divided by their lengths, or by eps where they are shorter."""
    return X / np.maximum(np.linalg.norm(X, axis=-1, keepdims=True), eps)


def check_widths(who, Q, K):
    """Raise ValueError, naming both shapes, unless Q and K have vectors of one width."""
    if Q.shape[-1] != K.shape[-1]:
        raise ValueError(
            f"{who}: Q has {Q.shape[-1]} columns, K has {K.shape[-1]}; both need the same d. "
            f"Got Q {tuple(Q.shape)}, K {tuple(K.shape)}."
        )


def check_matrix(who, name, W, shape, Q, K):
    """Raise ValueError, naming every shape, unless the matrix called `name` has this shape."""
    if tuple(W.shape) != shape:
        raise ValueError(
            f"{who}: {name} is {tuple(W.shape)}; it must be {shape}. Got Q {tuple(Q.shape)}, K {tuple(K.shape)}."
        )
