"""A plain recurrent network, to compare attention with: one step after another, and a state of fixed size."""

from attnlib._arguments import broadcast, check_axes, check_floating, got
from attnlib._ops import astype, stack, tanh, widen, zeros


def rnn(x, W_x, W_h, b=None, state=None):
    """Read the vectors in order; each state comes from the vector and the state before it, by tanh.

    x (..., N, D), W_x (D, H), W_h (H, H), b (H); state (..., H), the state before the first vector, zeros unless given.
    state_n = tanh(x_n W_x + state_{n-1} W_h + b). Only x W_x is one product for all n; the rest takes N steps in turn.
    Returns every state (..., N, H) and the last (..., H), in the dtype of x; float16 is computed in float32. From the
    last state the next vectors can be read as if all had come at once.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Elman 1990, with a tanh as in PyTorch's nn.RNN, whose two biases add up to b.

    >>> import numpy as np
    >>> states, last = rnn(np.array([[1.], [0.], [0.]]), np.eye(1), np.eye(1))
    >>> states.T.round(2)
    array([[0.76, 0.64, 0.57]])
    """
    check_rnn("rnn", x, W_x, W_h, b, state)
    wide_x, W_x, W_h = widen(x, W_x, W_h)
    driven = wide_x @ W_x if b is None else wide_x @ W_x + b             # (..., N, H)
    before = zeros((*x.shape[:-2], W_h.shape[0]), wide_x)                # (..., H)
    states = [before if state is None else before + state]
    for n in range(x.shape[-2]):
        states.append(tanh(driven[..., n, :] + (states[-1][..., None, :] @ W_h)[..., 0, :]))
    every = astype(stack(states, -2), x.dtype)                           # (..., 1 + N, H)
    return every[..., 1:, :], every[..., -1, :]


def check_rnn(who, x, W_x, W_h, b, state):
    """Raise ValueError or TypeError, naming what came, unless the arguments of `rnn` fit together."""
    check_axes(who, x=(x, "... N d"), W_x=(W_x, "d h"), W_h=(W_h, "h h"), b=(b, "? h"), state=(state, "? ... h"))
    check_floating(who, x=x, W_x=W_x, W_h=W_h, b=b, state=state)
    one = (*x.shape[:-2], W_h.shape[0])
    if state is not None and broadcast(state.shape, one) != one:
        raise ValueError(f"{who}: state needs the axes of x before the last two. {got({'x': (x,), 'state': (state,)})}")
