"""Multi-head attention: several kinds of relevance at once, each head with a part of the columns.

In grouped heads several query heads, neighbours, share one head of keys and values.
"""

from attnlib._ops import repeat
from attnlib.attention import attention


def split(X, heads):
    """Split the columns among the heads: head h gets columns h d to (h + 1) d.

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
    d = X.shape[-1] // heads
    return X.reshape(*X.shape[:-1], heads, d).swapaxes(-2, -3)           # (..., N, heads, d), then swapped


def merge(X):
    """Put the columns of all heads side by side again: the inverse of `split`.

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
    key_heads = check_projections("multi_head", X, context, W_q, W_k, W_v, W_o, heads)
    q = split(_project(X, W_q, b_q), heads)                              # (..., heads, N, d)
    k = split(_project(context, W_k, b_k), key_heads)                    # (..., key_heads, M, d)
    v = split(_project(context, W_v, b_v), key_heads)                    # (..., key_heads, M, d_v)
    return _project(merge(attention(q, k, v, **options)), W_o, b_o)


def _project(X, W, b):
    return X @ W if b is None else X @ W + b


def share_heads(x, q):
    """Repeat each key head (or value head) for every query head that reads it: neighbours share one.

    x (..., H_kv, M, D), q (..., H, N, D) with H a multiple of H_kv. Returns (..., H, M, D).
    `attention` does without this copy. Raises ValueError, naming the shapes, unless the heads share evenly.
    Source: Ainslie et al. 2023, section 2.2.

    >>> import numpy as np
    >>> share_heads(np.array([[[1.]], [[2.]]]), np.zeros((4, 1, 1)))[:, 0, 0]
    array([1., 1., 2., 2.])
    """
    groups = groups_of("share_heads", q, x)
    return x if groups == 1 else repeat(x, groups, axis=-3)


def sum_of_heads(x, k):
    """Add up the query heads that share each key head: the gradient of `share_heads`.

    x (..., H, M, D), k (..., H_kv, M, D) with H a multiple of H_kv. Returns (..., H_kv, M, D).
    Raises ValueError, naming the shapes, unless the heads share evenly.

    >>> import numpy as np
    >>> sum_of_heads(np.array([[[1.]], [[2.]], [[3.]], [[4.]]]), np.zeros((2, 1, 1)))[:, 0, 0]
    array([3., 7.])
    """
    groups = groups_of("sum_of_heads", x, k)
    if groups == 1:
        return x
    return x.reshape(*x.shape[:-3], x.shape[-3] // groups, groups, *x.shape[-2:]).sum(-3)


def groups_of(who, q, k):
    """How many query heads read each key head. Raises ValueError, naming the shapes, unless they share evenly."""
    if q.ndim < 3 or q.shape[-3] == k.shape[-3]:
        return 1
    groups, left = divmod(q.shape[-3], k.shape[-3]) if k.shape[-3] else (0, 1)
    if left:
        raise ValueError(
            f"{who}: {q.shape[-3]} query heads cannot share {k.shape[-3]} key heads evenly. "
            f"Got {tuple(q.shape)} and {tuple(k.shape)}."
        )
    return groups


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


def check_projections(who, X, context, W_q, W_k, W_v, W_o, heads):
    """The number of key heads; raise ValueError, naming every shape, unless the matrices fit."""
    matrices = {"W_q": W_q, "W_k": W_k, "W_v": W_v, "W_o": W_o}
    got = ", ".join(f"{name} {tuple(W.shape)}" for name, W in matrices.items())
    got = f"Got X {tuple(X.shape)}, context {tuple(context.shape)}, {got}, heads {heads}."
    for name, vectors in (("W_q", X), ("W_k", context), ("W_v", context)):
        if matrices[name].shape[0] != vectors.shape[-1]:
            raise ValueError(
                f"{who}: {name} has {matrices[name].shape[0]} rows; the vectors it projects have "
                f"{vectors.shape[-1]} numbers. {got}"
            )
    if heads < 1 or W_q.shape[1] % heads:
        raise ValueError(f"{who}: the {W_q.shape[1]} columns of W_q do not divide into {heads} heads. {got}")
    d = W_q.shape[1] // heads
    key_heads, left = divmod(W_k.shape[1], d)
    if left or key_heads == 0 or heads % key_heads:
        raise ValueError(
            f"{who}: a head of W_q has {d} columns, so W_k needs {heads * d}, or for grouped heads G x {d} "
            f"with G a divisor of {heads}; it has {W_k.shape[1]}. {got}"
        )
    d_v, left = divmod(W_v.shape[1], key_heads)
    if left:
        raise ValueError(f"{who}: the {W_v.shape[1]} columns of W_v do not divide into {key_heads} heads. {got}")
    if W_o.shape[0] != heads * d_v:
        raise ValueError(
            f"{who}: W_o has {W_o.shape[0]} rows; {heads} heads of {d_v} columns need {heads * d_v}. {got}"
        )
    return key_heads
