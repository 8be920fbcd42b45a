"""Scores: how relevant each key is to each query, one number for every pair.

All arguments of a call have one floating dtype, and the scores have it too; float16 is computed in float32.
"""

from attnlib._arguments import check_axes, check_floating, check_numbers
from attnlib._ops import astype, norm, tanh, widen


def dot(Q, K):
    """Score every query against every key by their inner product.

    Q (..., N, d), K (..., M, d). Returns scores (..., N, M): row i belongs to query i.
    Raises ValueError when Q and K have different widths, TypeError unless they have one floating dtype.
    Source: Luong et al. 2015, section 3.1 ("dot").

    >>> import numpy as np
    >>> dot(np.array([[1., 2.]]), np.array([[3., 0.], [0., 5.]]))
    array([[ 3., 10.]])
    """
    check_axes("dot", Q=(Q, "... N d"), K=(K, "... M d"))
    check_floating("dot", Q=Q, K=K)
    queries, keys = widen(Q, K)
    scores = queries @ keys.swapaxes(-1, -2)      # (..., N, M)
    return astype(scores, Q.dtype)


def scaled_dot(Q, K):
    """`dot` divided by the square root of d, the width of a key.

    Q (..., N, d), K (..., M, d). Returns scores (..., N, M) in the dtype of the inputs.
    Independent components of mean 0 and variance 1 give products of variance d;
    after the division the variance is 1, whatever d.
    Raises ValueError when Q and K have different widths, TypeError unless they have one floating dtype.
    Source: Vaswani et al. 2017, eq. 1.

    >>> import numpy as np
    >>> scaled_dot(np.ones((1, 4)), np.ones((2, 4)))
    array([[2., 2.]])
    """
    check_axes("scaled_dot", Q=(Q, "... N d"), K=(K, "... M d"))
    check_floating("scaled_dot", Q=Q, K=K)
    scores = dot(*widen(Q, K)) / K.shape[-1] ** 0.5
    return astype(scores, Q.dtype)


def bilinear(Q, K, W):
    """Score by an inner product with a learned matrix in between: q W k.

    Q (..., N, d_q), K (..., M, d_k), W (d_q, d_k). Returns scores (..., N, M).
    With W = W_q @ W_k.T it is `dot` of the projected queries and keys.
    Raises ValueError, naming the shapes, when W does not fit Q and K, TypeError unless all have one floating dtype.
    Source: Luong et al. 2015, section 3.1 ("general").

    >>> import numpy as np
    >>> bilinear(np.array([[1., 2.]]), np.array([[3.], [5.]]), np.array([[1.], [10.]]))
    array([[ 63., 105.]])
    """
    check_axes("bilinear", Q=(Q, "... N d_q"), K=(K, "... M d_k"), W=(W, "d_q d_k"))
    check_floating("bilinear", Q=Q, K=K, W=W)
    queries, keys, W = widen(Q, K, W)
    scores = queries @ W @ keys.swapaxes(-1, -2)  # (..., N, M)
    return astype(scores, Q.dtype)


def additive(Q, K, W_q, W_k, w):
    """Score by a small network: w . tanh(q W_q + k W_k).

    Q (..., N, d_q), K (..., M, d_k), W_q (d_q, h), W_k (d_k, h), w (h,). Returns scores (..., N, M).
    Every pair has a hidden vector of its own: memory grows with N x M x h.
    Raises ValueError, naming the shapes, when the matrices do not fit, TypeError unless all have one floating dtype.
    Source: Bahdanau et al. 2015, appendix A.1.2.

    >>> import numpy as np
    >>> additive(np.zeros((1, 2)), np.array([[0.], [1.]]), np.ones((2, 3)), np.ones((1, 3)), np.ones(3)).round(2)
    array([[0.  , 2.28]])
    """
    axes = {"Q": (Q, "... N d_q"), "K": (K, "... M d_k"), "W_q": (W_q, "d_q h"), "W_k": (W_k, "d_k h"), "w": (w, "h")}
    check_axes("additive", **axes)
    check_floating("additive", Q=Q, K=K, W_q=W_q, W_k=W_k, w=w)
    dtype = Q.dtype
    Q, K, W_q, W_k, w = widen(Q, K, W_q, W_k, w)
    queries, keys = Q @ W_q, K @ W_k              # (..., N, h), (..., M, h)
    hidden = tanh(queries[..., :, None, :] + keys[..., None, :, :])      # (..., N, M, h)
    return astype(hidden @ w, dtype)


def cosine(Q, K, eps=1e-8):
    """Score by the cosine of the angle between query and key: lengths do not count.

    Q (..., N, d), K (..., M, d). Returns scores (..., N, M) between -1 and 1. A length below eps, which is above 0,
    counts as eps, so that a vector of zeros scores 0.
    Raises ValueError when Q and K have different widths, TypeError unless they have one floating dtype.
    Source: Graves, Wayne & Danihelka 2014, "Neural Turing Machines", section 3.3.

    >>> import numpy as np
    >>> cosine(np.array([[3., 4.]]), np.array([[6., 8.], [4., 3.], [0., 0.]])).round(2)
    array([[1.  , 0.96, 0.  ]])
    """
    check_axes("cosine", Q=(Q, "... N d"), K=(K, "... M d"))
    check_floating("cosine", Q=Q, K=K)
    check_numbers("cosine", above=0, eps=eps)
    queries, keys = (_unit(X, float(eps)) for X in widen(Q, K))
    return astype(queries @ keys.swapaxes(-1, -2), Q.dtype)


def _unit(X, eps):
    """The rows of X divided by their lengths, or by eps where they are shorter."""
    return X / norm(X).clip(min=eps)
