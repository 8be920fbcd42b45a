"""The key-value cache: keys and values of earlier tokens are kept, so that a new token costs one row of attention.

Layouts are those of `attnlib.attention`: q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E).
"""

import sys

from attnlib._arguments import check_arrays, check_axes, check_floating, check_qkv, check_score_options, got
from attnlib._dispatch import is_tensor
from attnlib._ops import concatenate, zeros
from attnlib.attention import attention

OPTIONS = {
    "mask": None, "bias": None, "causal": True, "window": None, "scale": None, "softcap": None, "sinks": None,
}


def cache_step(q, k, v, past_k, past_v, *, mask=None, **options):
    """Attention from the newest tokens to all so far: their keys and values are appended to the past ones.

    q (..., H, N, D), k (..., H_kv, N, D), v (..., H_kv, N, E), the newest N tokens; past_k (..., H_kv, P, D),
    past_v (..., H_kv, P, E), P = 0 at the start. Query i sees the past and the newest keys up to its own;
    mask, bool, broadcastable to (..., H, N, P + N), hides padding besides.
    options: bias, window, scale, softcap and sinks of `attention`, and causal, which is True unless given as False:
    then the newest tokens see each other. Positions are counted from the first past key. Returns out (..., H, N, E),
    keys (..., H_kv, P + N, D) and values (..., H_kv, P + N, E). Rotary positions go into q and k before this.
    Raises ValueError or TypeError naming the shapes, dtypes or options when they do not fit.
    Source: Shazeer 2019, "Fast Transformer Decoding".

    >>> import numpy as np
    >>> none, one = np.zeros((0, 1)), np.ones((1, 1))
    >>> out, keys, values = cache_step(one, one, one * 3, none, none)
    >>> out, keys, values = cache_step(one, one, one * 5, keys, values)
    >>> out, values
    (array([[4.]]), array([[3.],
           [5.]]))
    """
    check_newest("cache_step", q, k, v)
    check_past("cache_step", past_k=(past_k, k, "k"), past_v=(past_v, v, "v"))
    if past_k.shape[-2] != past_v.shape[-2]:
        came = got({"past_k": (past_k,), "past_v": (past_v,)})
        raise ValueError(f"cache_step: past_k and past_v need one number of rows, P. {came}")
    past = past_k.shape[-2]
    options = check_cached("cache_step", q, past, {"mask": mask, **options})
    keys, values = concatenate([past_k, k], -2), concatenate([past_v, v], -2)
    return attention(q, keys, values, past=past, **options), keys, values


def append(past, x):
    """The rows of x after those of past: (..., P, D) and (..., N, D) -> (..., P + N, D), of one dtype, any.

    Raises ValueError or TypeError naming the shapes or dtypes when they differ in more than their rows.

    >>> import numpy as np
    >>> append(np.array([[1.]]), np.array([[2.], [3.]]))
    array([[1.],
           [2.],
           [3.]])
    """
    check_axes("append", past=(past, "... P D"), x=(x, "... N D"))
    check_past("append", past=(past, x, "x"))
    return concatenate([past, x], -2)


class Cache:
    """The keys and values so far, in arrays that double when they are full, so that a token costs its own copy only.

    `attend` gives what `cache_step` gives. `length` is how many tokens are kept: the position of the next one.
    What does not fit what is kept is refused, and the cache stays as it was. While PyTorch records gradients, rows
    are joined to new tensors instead of being written, so that gradients reach the keys and values of every token:
    decode under `torch.no_grad()`.

    >>> import numpy as np
    >>> cache, one = Cache(), np.ones((1, 1))
    >>> cache.attend(one, one, one * 3), cache.attend(one, one, one * 5)
    (array([[3.]]), array([[4.]]))
    >>> cache.length
    2
    """

    def __init__(self):
        self.length = 0
        self._kept = None  # keys and values, with rows to spare after the first `length`

    def append(self, k, v):
        """Keep k (..., H_kv, N, D) and v (..., H_kv, N, E). Returns all keys and values so far, as views.

        Raises ValueError or TypeError, naming what came, unless k and v differ from those kept in their rows only.
        """
        check_axes("Cache.append", k=(k, "... M D"), v=(v, "... M E"))
        check_floating("Cache.append", k=k, v=v)
        if k.shape[:-2] != v.shape[:-2]:
            raise ValueError(f"Cache.append: k and v need the same leading axes. {got({'k': (k,), 'v': (v,)})}")
        added, seen = self._with("Cache.append", k, v)
        self._keep(added)
        return seen

    def attend(self, q, k, v, *, mask=None, **options):
        """Keep k and v, and attend from q (..., H, N, D) to all so far; mask and options are those of `cache_step`."""
        check_newest("Cache.attend", q, k, v)
        options = check_cached("Cache.attend", q, self.length, {"mask": mask, **options})
        added, seen = self._with("Cache.attend", k, v)
        out = attention(q, *seen, past=self.length, **options)
        self._keep(added)
        return out

    def _with(self, who, k, v):
        """What `_keep` is to keep so that k and v are added, and the rows in use then. What is in use stays as it is.

        Raises in the name of `who` unless k and v differ from those kept in their rows only.
        """
        if self._kept is not None:
            kept_k, kept_v = (kept[..., : self.length, :] for kept in self._kept)
            check_past(who, cached_k=(kept_k, k, "k"), cached_v=(kept_v, v, "v"))
        length = self.length + k.shape[-2]
        kept = [None, None] if self._kept is None else self._kept
        kept = [_with_rows(old, self.length, new) for old, new in zip(kept, (k, v))]
        return (length, kept), tuple(x[..., :length, :] for x in kept)

    def _keep(self, added):
        self.length, self._kept = added


def _with_rows(kept, length, x):
    """An array that starts with `length` rows of kept (None at the start), then x: kept itself where it has room."""
    total = length + x.shape[-2]
    if is_tensor(x) and _records_gradients():
        return x.clone() if kept is None else concatenate([kept[..., :length, :], x], -2)
    if kept is None or total > kept.shape[-2] or not _may_be_written(kept):
        larger = zeros((*x.shape[:-2], total if kept is None else 2 * total, x.shape[-1]), x)
        if kept is not None:
            larger[..., :length, :] = kept[..., :length, :]
        kept = larger
    kept[..., length:total, :] = x
    return kept


def _records_gradients():
    return sys.modules["torch"].is_grad_enabled()


def _may_be_written(kept):
    """Whether PyTorch lets us write into it: not into what was made under inference_mode, outside of it."""
    return not is_tensor(kept) or not kept.is_inference() or sys.modules["torch"].is_inference_mode_enabled()


def check_newest(who, q, k, v):
    """Raise unless q, k and v are those of the same newest tokens."""
    check_qkv(who, q, k, v)
    if q.shape[-2] != k.shape[-2]:
        came = got({"q": (q,), "k": (k,), "v": (v,)})
        raise ValueError(f"{who}: q, k and v need one number of rows, those of the newest tokens. {came}")


def check_past(who, **pairs):
    """Raise unless each array kept and the new one differ in their rows only. pairs: name=(kept, new, its name)."""
    for name, (past, x, new) in pairs.items():
        check_arrays(who, **{new: x, name: past})
        if past.ndim < 2 or (*x.shape[:-2], x.shape[-1]) != (*past.shape[:-2], past.shape[-1]):
            raise ValueError(
                f"{who}: {new} and {name} may differ only in how many rows they have. "
                f"Got {new} {tuple(x.shape)}, {name} {tuple(past.shape)}."
            )
        if past.dtype != x.dtype:
            raise TypeError(f"{who}: {new} and {name} need one dtype. Got {new} {x.dtype}, {name} {past.dtype}.")


def check_cached(who, q, past, options):
    """The options of attention after `past` tokens, filled in; raise unless they are known, and fit."""
    if unknown := sorted(options.keys() - OPTIONS.keys()):
        raise TypeError(f"{who}: there is no option {', '.join(unknown)}; there are {', '.join(OPTIONS)}.")
    options = OPTIONS | options
    check_score_options(who, (*q.shape[:-1], past + q.shape[-2]), **options, past=past, q=q)
    return options
