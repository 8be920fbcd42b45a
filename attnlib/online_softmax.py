"""The online softmax: attention over some of the keys at a time, merged into attention over all of them.

Layouts are those of `attnlib.attention`: q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E); neighbouring
query heads share a key head. Plain (N, D) matrices work too. float16 is computed in float32.
"""

from attnlib._arguments import can_look, check_axes, check_floating, check_mask, check_numbers, check_qkv, check_sizes
from attnlib._chunked import over_seen
from attnlib._dispatch import is_tensor
from attnlib._ops import astype, broadcast_to, exp, maximum, row_max, share, where, widen


def partial(q, k, v, *, mask=None, scale=None):
    """Attention over a subset of the keys, before normalisation: one partial result of an online softmax.

    q, k, v as in `attention`, k and v a subset of all; mask bool, broadcastable to (..., H, N, M). Returns
    mixed  (..., H, N, E), the sum of exp(score - top) v,
    total  (..., H, N, 1), the sum of exp(score - top),
    top    (..., H, N, 1), the largest score of the row, -inf where nothing may be looked at;
    all in float32 or wider. `merge_partials` joins two such results, `finish` divides.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Milakov & Gimelshein 2018, section 3.

    >>> import numpy as np
    >>> mixed, total, top = partial(np.zeros((1, 2)), np.zeros((3, 2)), np.array([[1.], [2.], [6.]]))
    >>> mixed.item(), total.item(), top.item()
    (9.0, 3.0, 0.0)
    """
    check_partial("partial", q, k, v, mask, scale)
    return _partial(q, k, v, mask, scale)


def _partial(q, k, v, mask, scale):
    q, k, v = widen(q, share(k, q), share(v, q))
    scores = _products(q, k, mask) * (q.shape[-1] ** -0.5 if scale is None else float(scale))  # (..., H, N, M)
    if mask is not None:
        mask = broadcast_to(mask, scores.shape)
        scores = where(mask, scores, -float("inf"))
    top = row_max(scores)                                                         # (..., H, N, 1)
    powers = exp(scores - finite(top))
    return over_seen(powers, v, mask), powers.sum(-1, keepdims=True), top


def _products(q, k, mask):
    """q k^T; of tensors some of which are hidden and not finite, so that no NaN comes back as a gradient."""
    if mask is None or not is_tensor(k) or not can_look(k):
        return q @ k.mT
    from attnlib.tensors import _chunks  # here, as it imports PyTorch

    return _chunks.products(q, k, careful=not _chunks.finite(k))


def merge_partials(mixed_a, total_a, top_a, mixed_b, total_b, top_b):
    """Join two partial results of an online softmax: both are rescaled to the larger top, then added.

    Each is what `partial` or `merge_partials` returned: mixed (..., N, E), total (..., N, 1), top (..., N, 1).
    Returns mixed, total, top. Neither the order of the two nor that of several merges matters.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Milakov & Gimelshein 2018, section 3.1.

    >>> import numpy as np
    >>> one, other = [np.array([[5.]]), np.array([[1.]]), np.array([[0.]])], [np.array([[8.]])] * 3
    >>> [x.round(3).item() for x in merge_partials(*one, *other)]
    [8.002, 8.0, 8.0]
    """
    parts = {"mixed_a": mixed_a, "total_a": total_a, "top_a": top_a,
             "mixed_b": mixed_b, "total_b": total_b, "top_b": top_b}
    axes = {name: (x, "... N E" if name.startswith("mixed") else "... N 1") for name, x in parts.items()}
    check_axes("merge_partials", **axes)
    check_floating("merge_partials", **parts)
    return _merge(*parts.values())


def _merge(mixed_a, total_a, top_a, mixed_b, total_b, top_b):
    top = maximum(top_a, top_b)                                          # (..., N, 1)
    shrink_a, shrink_b = exp(top_a - finite(top)), exp(top_b - finite(top))
    return mixed_a * shrink_a + mixed_b * shrink_b, total_a * shrink_a + total_b * shrink_b, top


def finish(mixed, total):
    """Normalise a merged result: mixed / total, zeros for a query with nothing to attend to.

    mixed (..., N, E), total (..., N, 1), the first two results of `partial` or `merge_partials`. Returns (..., N, E).
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.

    >>> import numpy as np
    >>> finish(np.array([[6., 3.], [0., 0.]]), np.array([[3.], [0.]]))
    array([[2., 1.],
           [0., 0.]])
    """
    check_axes("finish", mixed=(mixed, "... N E"), total=(total, "... N 1"))
    check_floating("finish", mixed=mixed, total=total)
    return mixed / where(total == 0, 1, total)


def online(q, k, v, *, block, mask=None, scale=None):
    """`attention` over one block of keys after another: what is kept does not grow with the number of keys.

    q, k, v and scale as in `attention`; mask bool, broadcastable to (..., H, N, M); block: how many keys at a
    time. Returns (..., H, N, E) in the dtype of q.
    Raises ValueError or TypeError naming the shapes, dtypes or the block when they do not fit.
    Source: Milakov & Gimelshein 2018, section 3; Rabe & Staats 2021.

    >>> import numpy as np
    >>> from attnlib.attention import attention
    >>> x = np.arange(10.).reshape(5, 2)
    >>> np.allclose(online(x, x, x, block=2), attention(x, x, x))
    True
    """
    check_partial("online", q, k, v, mask, scale)
    block = check_sizes("online", block=block)
    parts = None
    for start in range(0, max(1, k.shape[-2]), block):
        keys = slice(start, start + block)
        new = _partial(q, k[..., keys, :], v[..., keys, :], columns(mask, keys), scale)
        parts = new if parts is None else _merge(*parts, *new)
    return astype(finish(*parts[:2]), q.dtype)


def finite(top):
    """0 where the largest of no scores is -inf: -inf minus 0 stays -inf, while -inf minus -inf would be NaN.

    >>> import numpy as np
    >>> finite(np.array([-np.inf, 3.]))
    array([0., 3.])
    """
    return where(top == -float("inf"), 0, top)


def columns(mask, keys):
    """The columns `keys`, a slice, of a mask; None, and a mask with one column for all keys, stay as they are."""
    return mask if mask is None or not mask.ndim or mask.shape[-1] == 1 else mask[..., keys]


def check_partial(who, q, k, v, mask, scale):
    """Raise ValueError or TypeError, naming what came, unless the arguments of `partial` fit together."""
    check_qkv(who, q, k, v)
    check_mask(who, mask, (*q.shape[:-1], k.shape[-2]), q=q)
    if scale is not None:
        check_numbers(who, scale=scale)
