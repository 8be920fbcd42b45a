"""Several kinds of relevance at once: heads, each with a part of the columns."""

from attnlib._dispatch import also_tensors
from attnlib.attention import attention


@also_tensors
def split(X, heads):
    """Give each head its own columns: head h gets columns h d to (h + 1) d.

    X (..., N, heads d). Returns (..., heads, N, d).
    Raises ValueError when the columns do not divide evenly.

    >>> import numpy as np
    >>> split(np.arange(8).reshape(2, 4), 2)
    array([[[0, 1],
            [4, 5]],
    <BLANKLINE>
           [[2, 3],
            [6, 7]]])
    """
    check_split(X, heads)
    return X.reshape(*X.shape[:-1], heads, -1).swapaxes(-2, -3)          # (..., N, heads, d), then swapped


@also_tensors
def merge(X):
    """Put the heads side by side again: `split` undone.

    X (..., heads, N, d). Returns (..., N, heads d).
    Raises ValueError when X has fewer than three axes.

    >>> import numpy as np
    >>> merge(split(np.arange(8).reshape(2, 4), 2))
    array([[0, 1, 2, 3],
           [4, 5, 6, 7]])
    """
    check_merge(X)
    X = X.swapaxes(-2, -3)                                               # (..., N, heads, d)
    return X.reshape(*X.shape[:-2], X.shape[-2] * X.shape[-1])


def multi_head(X, W_q, W_k, W_v, W_o, heads, context=None, b_q=None, b_k=None, b_v=None, b_o=None, **options):
    """Project, split into heads, attend in each, merge, and mix the heads with W_o.

    X (..., N, D); context (..., M, D_c), where keys and values come from: X itself unless given
    (cross-attention: queries from the decoder, keys and values from the encoder).
    W_q (D, heads d), W_k (D_c, heads d), W_v (D_c, heads d_v), W_o (heads d_v, D_out); biases b_* one number
    a column, or None. Fewer columns in W_k and W_v, G d and G d_v, make grouped heads: G key heads.
    options go to `attnlib.attention.attention`: mask, bias, causal, window, scale, softcap.
    Returns (..., N, D_out). Each head scales by the width of its own keys, 1/sqrt(d).
    Raises ValueError, naming every shape, when they do not fit.
    Source: Vaswani et al. 2017, section 3.2.2.

    >>> import numpy as np
    >>> X = np.array([[1., 0.], [0., 1.]])
    >>> multi_head(X, *[np.eye(2)] * 4, heads=2).round(2)
    array([[0.73, 0.5 ],
           [0.5 , 0.73]])
    """
    context = X if context is None else context
    key_heads = check_projections(X, context, W_q, W_k, W_v, W_o, heads)
    q = split(linear(X, W_q, b_q), heads)                                # (..., heads, N, d)
    k = split(linear(context, W_k, b_k), key_heads)                      # (..., key_heads, M, d)
    v = split(linear(context, W_v, b_v), key_heads)                      # (..., key_heads, M, d_v)
    return linear(merge(attention(q, k, v, **options)), W_o, b_o)


def linear(X, W, b=None):
    """X W + b, for arrays and tensors alike."""
    return X @ W if b is None else X @ W + b


def check_split(X, heads):
    """Raise ValueError, naming the shape, unless the columns of X divide into so many heads."""
    if X.ndim < 2 or heads < 1 or X.shape[-1] % heads:
        raise ValueError(
            f"split: X needs shape (..., N, heads d), its columns a multiple of heads. "
            f"Got X {tuple(X.shape)} and {heads} heads."
        )


def check_merge(X):
    """Raise ValueError, naming the shape, unless X has an axis of heads."""
    if X.ndim < 3:
        raise ValueError(f"merge: X needs three axes or more, (..., heads, N, d). Got X {tuple(X.shape)}.")


def check_projections(X, context, W_q, W_k, W_v, W_o, heads):
    """The number of key heads; raise ValueError, naming every shape, unless the matrices fit."""
    matrices = {"W_q": W_q, "W_k": W_k, "W_v": W_v, "W_o": W_o}
    got = ", ".join(f"{name} {tuple(W.shape)}" for name, W in matrices.items())
    got = f"Got X {tuple(X.shape)}, context {tuple(context.shape)}, {got}, heads {heads}."
    for name, vectors in (("W_q", X), ("W_k", context), ("W_v", context)):
        if matrices[name].shape[0] != vectors.shape[-1]:
            raise ValueError(
                f"multi_head: {name} has {matrices[name].shape[0]} rows; the vectors it projects have "
                f"{vectors.shape[-1]} numbers. {got}"
            )
    if heads < 1 or W_q.shape[1] % heads:
        raise ValueError(f"multi_head: the {W_q.shape[1]} columns of W_q do not divide into {heads} heads. {got}")
    d = W_q.shape[1] // heads
    if W_k.shape[1] % d or heads % (W_k.shape[1] // d or heads + 1):
        raise ValueError(
            f"multi_head: a head of W_q has {d} columns, so W_k needs {heads * d}, or for grouped heads G x {d} "
            f"with G a divisor of {heads}; it has {W_k.shape[1]}. {got}"
        )
    key_heads = W_k.shape[1] // d
    if W_v.shape[1] % key_heads:
        raise ValueError(f"multi_head: the {W_v.shape[1]} columns of W_v do not divide into {key_heads} heads. {got}")
    if W_o.shape[0] != heads * (W_v.shape[1] // key_heads):
        raise ValueError(
            f"multi_head: W_o has {W_o.shape[0]} rows; {heads} heads of {W_v.shape[1] // key_heads} columns "
            f"need {heads * (W_v.shape[1] // key_heads)}. {got}"
        )
    return key_heads
