"""How relevant is each key to each query? One number for every pair."""

import numpy as np

from attnlib._dispatch import also_tensors


@also_tensors
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


@also_tensors
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


def check_widths(who, Q, K):
    """Raise ValueError, naming both shapes, unless Q and K have vectors of one width."""
    if Q.shape[-1] != K.shape[-1]:
        raise ValueError(
            f"{who}: Q has {Q.shape[-1]} columns, K has {K.shape[-1]}; both need the same d. "
            f"Got Q {tuple(Q.shape)}, K {tuple(K.shape)}."
        )
