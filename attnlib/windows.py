"""The windowed fully connected layer: it reads each vector together with its neighbours."""

from attnlib._arguments import check_axes, check_floating, check_sizes
from attnlib._ops import astype, concatenate, widen, zeros


def stack_window(X, k):
    """Join each vector with the k before it and the k after it, in their order, into one row.

    X (..., N, D). Returns (..., N, (2k + 1) D) in the dtype of X, zeros where the window reaches past an end.
    Raises ValueError unless k is 0 or more.

    >>> import numpy as np
    >>> stack_window(np.array([[1.], [2.], [3.]]), 1)
    array([[0., 1., 2.],
           [1., 2., 3.],
           [2., 3., 0.]])
    """
    k = check_window("stack_window", X, k)
    N, D = X.shape[-2:]
    beyond = zeros((*X.shape[:-2], k, D), like=X)
    padded = concatenate([beyond, X, beyond], axis=-2)                   # (..., k + N + k, D)
    return concatenate([padded[..., s : s + N, :] for s in range(2 * k + 1)], axis=-1)


def windowed_linear(X, W, k, b=None):
    """One fully connected layer over each vector and its k neighbours on either side.

    X (..., N, D), W ((2k + 1) D, D_out), b (D_out,) or None. Returns (..., N, D_out) in the dtype of X; float16 is
    summed in float32. The same W serves every position: the layer has (2k + 1) D D_out weights, whatever N.
    Raises ValueError, naming the shapes, when W does not have (2k + 1) D rows, TypeError unless all have one
    floating dtype.
    Source: Waibel et al. 1989, the time-delay neural network.

    >>> import numpy as np
    >>> windowed_linear(np.array([[1.], [2.], [3.]]), np.ones((3, 1)), k=1)
    array([[3.],
           [6.],
           [5.]])
    """
    check_axes("windowed_linear", X=(X, "... N D"), W=(W, "R E"), b=(b, "? E"))
    k = check_window("windowed_linear", X, k, W)
    check_floating("windowed_linear", X=X, W=W, b=b)
    stacked, W = widen(stack_window(X, k), W)
    outputs = stacked @ W                                                # (..., N, D_out)
    return astype(outputs if b is None else outputs + b, X.dtype)


def check_window(who, X, k, W=None):
    """k as Python's integer; raise, naming what came, unless X, k and W fit together."""
    check_axes(who, X=(X, "... N D"))
    k = check_sizes(who, least=0, k=k)
    if W is not None and W.shape[0] != (2 * k + 1) * X.shape[-1]:
        raise ValueError(
            f"{who}: W has {W.shape[0]} rows; a window of {k} + 1 + {k} vectors of {X.shape[-1]} numbers "
            f"needs {(2 * k + 1) * X.shape[-1]}. Got X {tuple(X.shape)}, W {tuple(W.shape)}."
        )
    return k
