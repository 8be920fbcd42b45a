"""The key-value cache: keys and values of earlier tokens are kept, so that a new token costs one row of attention.

Layouts are those of `attnlib.attention`: q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E).
"""

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib.attention import attention, check_shapes
from attnlib.masks import causal


def cache_step(q, k, v, past_k, past_v, *, mask=None, **options):
    """Attention from the newest tokens to all so far: their keys and values are appended to the past ones.

    q (..., H, N, D), k (..., H_kv, N, D), v (..., H_kv, N, E), the newest N tokens; past_k (..., H_kv, P, D),
    past_v (..., H_kv, P, E), P = 0 at the start. Query i sees the past and the newest keys up to its own;
    mask, bool, broadcastable to (..., H, N, P + N), hides padding besides.
    options: bias, scale and softcap of `attention`. Returns out (..., H, N, E), keys (..., H_kv, P + N, D) and
    values (..., H_kv, P + N, E). Rotary positions go into q and k before this, counted from P.
    Raises ValueError naming the shapes when they do not fit.
    Source: Shazeer 2019, "Fast Transformer Decoding".

    >>> none, one = np.zeros((0, 1)), np.ones((1, 1))
    >>> out, keys, values = cache_step(one, one, one * 3, none, none)
    >>> out, keys, values = cache_step(one, one, one * 5, keys, values)
    >>> out, values
    (array([[4.]]), array([[3.],
           [5.]]))
    """
    check_past(k, v, past_k, past_v)
    keys, values = append(past_k, k), append(past_v, v)
    check_shapes("cache_step", q, keys, values)
    seen = causal(q.shape[-2], past=past_k.shape[-2], like=q)
    return attention(q, keys, values, mask=seen if mask is None else seen & mask, **options), keys, values


@also_tensors
def append(past, x):
    """The rows of x after those of past: (..., P, D) and (..., N, D) -> (..., P + N, D).

    >>> append(np.array([[1.]]), np.array([[2.], [3.]]))
    array([[1.],
           [2.],
           [3.]])
    """
    return np.concatenate([past, x], axis=-2)


class Cache:
    """The keys and values so far, in arrays that double when they are full, so that a token costs its own copy only.

    `attend` gives what `cache_step` gives. `length` is how many tokens are kept: the position of the next one.

    >>> cache, one = Cache(), np.ones((1, 1))
    >>> cache.attend(one, one, one * 3), cache.attend(one, one, one * 5)
    (array([[3.]]), array([[4.]]))
    >>> cache.length
    2
    """

    def __init__(self):
        self.length = 0
        self._kept = None  # keys and values, with empty rows after the first `length`

    def append(self, k, v):
        """Keep k (..., H_kv, N, D) and v (..., H_kv, N, E). Returns all keys and values so far, as views."""
        if self._kept is None:
            self._kept = [empty_rows(x, x.shape[-2]) for x in (k, v)]
        start, self.length = self.length, self.length + k.shape[-2]
        for i, x in enumerate((k, v)):
            if self.length > self._kept[i].shape[-2]:
                larger = empty_rows(x, 2 * self.length)
                larger[..., :start, :] = self._kept[i][..., :start, :]
                self._kept[i] = larger
            self._kept[i][..., start : self.length, :] = x
        keys, values = (kept[..., : self.length, :] for kept in self._kept)
        return keys, values

    def attend(self, q, k, v, *, mask=None, **options):
        """Keep k and v, and attend from q (..., H, N, D) to all so far; mask and options are those of `cache_step`."""
        past = self.length
        keys, values = self.append(k, v)
        if q.shape[-2] > 1:                                              # a single query, the newest, sees all keys
            seen = causal(q.shape[-2], past=past, like=q)
            mask = seen if mask is None else seen & mask
        return attention(q, keys, values, mask=mask, **options)


@also_tensors
def empty_rows(x, rows):
    """An array with so many rows like those of x (..., N, D), not yet written: (..., rows, D).

    >>> empty_rows(np.zeros((2, 3, 4)), 8).shape
    (2, 8, 4)
    """
    return np.empty((*x.shape[:-2], rows, x.shape[-1]), x.dtype)


def check_past(k, v, past_k, past_v):
    """Raise ValueError, naming the shapes, unless past keys and values differ from the new ones in their rows only."""
    for name, x, past in ("k", k, past_k), ("v", v, past_v):
        if (*x.shape[:-2], x.shape[-1]) != (*past.shape[:-2], past.shape[-1]):
            raise ValueError(
                f"cache_step: {name} and past_{name} may differ only in how many rows they have. "
                f"Got {name} {tuple(x.shape)}, past_{name} {tuple(past.shape)}."
            )
