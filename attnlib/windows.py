"""The windowed fully connected layer: it reads each vector together with its neighbours."""

import numpy as np

from attnlib._dispatch import also_tensors


@also_tensors
def stack_window(X, k):
    """Join each vector with the k before it and the k after it, in their order, into one row.

    X (..., N, D). Returns (..., N, (2k + 1) D) in the dtype of X, zeros where the window reaches past an end.
    Raises ValueError unless k is a whole number, 0 or more.

    >>> stack_window(np.array([[1.], [2.], [3.]]), 1)
    array([[0., 1., 2.],
           [1., 2., 3.],
           [2., 3., 0.]])
    """
    check_window("stack_window", X, k)
    N, D = X.shape[-2:]
    beyond = np.zeros((*X.shape[:-2], k, D), X.dtype)
    padded = np.concatenate([beyond, X, beyond], axis=-2)                # (..., k + N + k, D)
    return np.concatenate([padded[..., s : s + N, :] for s in range(2 * k + 1)], axis=-1)


def windowed_linear(X, W, k, b=None):
    """One fully connected layer over each vector and its k neighbours on either side.

    X (..., N, D), W ((2k + 1) D, D_out), b (D_out,) or None. Returns (..., N, D_out).
    The same W serves every position: the layer has (2k + 1) D D_out weights, whatever N.
    Raises ValueError, naming the shapes, when W does not have (2k + 1) D rows.
    Source: Waibel et al. 1989, the time-delay neural network.

    >>> windowed_linear(np.array([[1.], [2.], [3.]]), np.ones((3, 1)), k=1)
    array([[3.],
           [6.],
           [5.]])
    """
    check_window("windowed_linear", X, k, W)
    outputs = stack_window(X, k) @ W                                     # (..., N, D_out)
    return outputs if b is None else outputs + b


def check_window(who, X, k, W=None):
    """Raise ValueError, naming what came, unless X, k and W fit together."""
    if X.ndim < 2:
        raise ValueError(f"{who}: X needs two axes or more, (..., N, D). Got X {tuple(X.shape)}.")
    if k != int(k) or k < 0:
        raise ValueError(f"{who}: k, the number of neighbours on one side, must be 0, 1, 2, ... Got {k}.")
    if W is not None and W.shape[0] != (2 * k + 1) * X.shape[-1]:
        raise ValueError(
            f"{who}: W has {W.shape[0]} rows; a window of {k} + 1 + {k} vectors of {X.shape[-1]} numbers "
            f"needs {(2 * k + 1) * X.shape[-1]}. Got X {tuple(X.shape)}, W {tuple(W.shape)}."
        )
