"""Attention without the N x N matrix: a softmax merged from parts, a cache that grows, a state that does not.

Layouts are those of `attnlib.attention`: q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E); neighbouring
query heads share a key head. Plain (N, D) matrices work too. float16 is computed in float32.
"""

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib.attention import attention, check_dtypes, check_shapes
from attnlib.masks import causal as causal_mask

CHUNK = 64  # tokens that linear attention takes at a time


@also_tensors
def partial(q, k, v, *, mask=None, scale=None):
    """What some of the keys and values contribute to attention, not yet divided: one part of an online softmax.

    q, k, v as in `attention`, k and v a part of all; mask bool, broadcastable to (..., H, N, M). Returns
    mixed  (..., H, N, E), the sum of exp(score - top) v,
    total  (..., H, N, 1), the sum of exp(score - top),
    top    (..., H, N, 1), the largest score of the row, -inf where nothing may be looked at;
    all in float32 or wider. `merge` joins two such parts, `finish` divides.
    Source: Milakov & Gimelshein 2018, section 3.

    >>> mixed, total, top = partial(np.zeros((1, 2)), np.zeros((3, 2)), np.array([[1.], [2.], [6.]]))
    >>> mixed.item(), total.item(), top.item()
    (9.0, 3.0, 0.0)
    """
    check_shapes("partial", q, k, v)
    check_dtypes(q, k, v)
    wide = np.promote_types(q.dtype, np.float32)
    q, k, v = q.astype(wide), share_heads(k, q).astype(wide), share_heads(v, q).astype(wide)
    scores = q @ k.swapaxes(-1, -2) * wide.type(q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        check_mask("partial", mask)
        scores = np.where(mask, scores, -np.inf)                         # (..., H, N, M)
    top = scores.max(axis=-1, keepdims=True, initial=-np.inf)            # (..., H, N, 1)
    powers = np.exp(scores - finite(top))
    return powers @ v, powers.sum(axis=-1, keepdims=True), top


@also_tensors
def merge(mixed_a, total_a, top_a, mixed_b, total_b, top_b):
    """Two parts of an online softmax as one: both are rescaled to the larger top, then added.

    Each part is what `partial` or `merge` gave: mixed (..., N, E), total (..., N, 1), top (..., N, 1).
    Returns mixed, total, top. The order does not matter, nor which are merged first.
    Source: Milakov & Gimelshein 2018, section 3.1.

    >>> one, other = [np.array([[5.]]), np.array([[1.]]), np.array([[0.]])], [np.array([[8.]])] * 3
    >>> [x.round(3).item() for x in merge(*one, *other)]
    [8.002, 8.0, 8.0]
    """
    top = np.maximum(top_a, top_b)                                       # (..., N, 1)
    shrink_a, shrink_b = np.exp(top_a - finite(top)), np.exp(top_b - finite(top))
    return mixed_a * shrink_a + mixed_b * shrink_b, total_a * shrink_a + total_b * shrink_b, top


@also_tensors
def finish(mixed, total, top=None):
    """The outputs of attention from the parts merged: mixed / total, zeros where nothing was looked at.

    mixed (..., N, E), total (..., N, 1); top is not needed any more. Returns (..., N, E).

    >>> finish(np.array([[6., 3.], [0., 0.]]), np.array([[3.], [0.]]))
    array([[2., 1.],
           [0., 0.]])
    """
    return mixed / np.where(total == 0, 1, total)


@also_tensors
def online(q, k, v, *, block, mask=None, scale=None):
    """`attention` from one block of keys after another: what is kept does not grow with the number of keys.

    q, k, v and scale as in `attention`; mask bool, broadcastable to (..., H, N, M); block: how many keys at a
    time. Returns (..., H, N, E) in the dtype of q. Raises ValueError for a block below 1.
    Source: Milakov & Gimelshein 2018, section 3; Rabe & Staats 2021.

    >>> x = np.arange(10.).reshape(5, 2)
    >>> np.allclose(online(x, x, x, block=2), attention(x, x, x))
    True
    """
    check_block("online", block)
    state = None
    for start in range(0, max(1, k.shape[-2]), block):
        keys = slice(start, start + block)
        part = partial(q, k[..., keys, :], v[..., keys, :], mask=columns(mask, keys), scale=scale)
        state = part if state is None else merge(*state, *part)
    return finish(*state).astype(q.dtype, copy=False)


@also_tensors
def finite(top):
    """-inf, the largest of no scores at all, as 0: subtracted from -inf it leaves -inf, not NaN.

    >>> finite(np.array([-np.inf, 3.]))
    array([0., 3.])
    """
    return np.where(np.isneginf(top), 0, top)


@also_tensors
def share_heads(x, q):
    """Each key head (or value head) once for every query head that reads it: neighbours share one.

    x (..., H_kv, M, D), q (..., H, N, D) with H a multiple of H_kv. Returns (..., H, M, D).
    `attention` does without this copy. Source: Ainslie et al. 2023, section 2.2.

    >>> share_heads(np.array([[[1.]], [[2.]]]), np.zeros((4, 1, 1)))[:, 0, 0]
    array([1., 1., 2., 2.])
    """
    groups = groups_of("share_heads", q, x)
    return x if groups == 1 else x.repeat(groups, axis=-3)


def cache_step(q, k, v, past_k, past_v, *, mask=None, **options):
    """Attention of the newest tokens to all so far: their keys and values go behind the past ones.

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
    for name, x, past in ("k", k, past_k), ("v", v, past_v):
        if (*x.shape[:-2], x.shape[-1]) != (*past.shape[:-2], past.shape[-1]):
            raise ValueError(
                f"cache_step: {name} and past_{name} may differ only in how many rows they have. "
                f"Got {name} {tuple(x.shape)}, past_{name} {tuple(past.shape)}."
            )
    keys, values = append(past_k, k), append(past_v, v)
    seen = causal_mask(q.shape[-2], past=past_k.shape[-2], like=q)
    return attention(q, keys, values, mask=seen if mask is None else seen & mask, **options), keys, values


@also_tensors
def sum_of_heads(x, k):
    """What the query heads of each key head have, added: `share_heads` backwards, for gradients.

    x (..., H, M, D), k (..., H_kv, M, D) with H a multiple of H_kv. Returns (..., H_kv, M, D).

    >>> sum_of_heads(np.array([[[1.]], [[2.]], [[3.]], [[4.]]]), np.zeros((2, 1, 1)))[:, 0, 0]
    array([3., 7.])
    """
    groups = groups_of("sum_of_heads", x, k)
    if groups == 1:
        return x
    return x.reshape(*x.shape[:-3], x.shape[-3] // groups, groups, *x.shape[-2:]).sum(axis=-3)


@also_tensors
def append(past, x):
    """The rows of x behind those of past: (..., P, D) and (..., N, D) -> (..., P + N, D).

    >>> append(np.array([[1.]]), np.array([[2.], [3.]]))
    array([[1.],
           [2.],
           [3.]])
    """
    return np.concatenate([past, x], axis=-2)


class Cache:
    """Keys and values so far, in room that doubles when it is full, so that a token costs its own copy only.

    `attend` gives what `cache_step` gives. `length` is how many tokens are kept: the position of the next one.

    >>> cache, one = Cache(), np.ones((1, 1))
    >>> cache.attend(one, one, one * 3), cache.attend(one, one, one * 5)
    (array([[3.]]), array([[4.]]))
    >>> cache.length
    2
    """

    def __init__(self):
        self.length = 0
        self._rooms = None

    def append(self, k, v):
        """Keep k (..., H_kv, N, D) and v (..., H_kv, N, E); returns all keys and values so far, without a copy."""
        if self._rooms is None:
            self._rooms = [room(x, x.shape[-2]) for x in (k, v)]
        start, self.length = self.length, self.length + k.shape[-2]
        for i, x in enumerate((k, v)):
            if self.length > self._rooms[i].shape[-2]:
                wider = room(x, 2 * self.length)
                wider[..., :start, :] = self._rooms[i][..., :start, :]
                self._rooms[i] = wider
            self._rooms[i][..., start : self.length, :] = x
        keys, values = (kept[..., : self.length, :] for kept in self._rooms)
        return keys, values

    def attend(self, q, k, v, *, mask=None, **options):
        """Keep k and v, and attend from q (..., H, N, D) to all so far; mask and options are those of `cache_step`."""
        past = self.length
        keys, values = self.append(k, v)
        if q.shape[-2] > 1:                                              # one alone, the newest, sees everything
            seen = causal_mask(q.shape[-2], past=past, like=q)
            mask = seen if mask is None else seen & mask
        return attention(q, keys, values, mask=mask, **options)


@also_tensors
def room(x, rows):
    """Room for so many rows like those of x (..., N, D): (..., rows, D), not yet written.

    >>> room(np.zeros((2, 3, 4)), 8).shape
    (2, 8, 4)
    """
    return np.empty((*x.shape[:-2], rows, x.shape[-1]), x.dtype)


@also_tensors
def elu_plus_one(x):
    """A feature map that is never negative: x + 1 above zero, exp(x) below.

    x, any shape, floating. Returns the same shape and dtype. Source: Katharopoulos et al. 2020, eq. 7.

    >>> elu_plus_one(np.array([-1000., 0., 2.]))
    array([0., 1., 3.])
    """
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


@also_tensors
def linear_attention(q, k, v, *, causal=False, feature=elu_plus_one):
    """Attention with phi(q) . phi(k) in the place of exp(q . k): its cost grows with N, not with N squared.

    q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E); feature: phi, a function of arrays (..., D) that
    must not be negative. phi(k)^T v comes first, a matrix that does not grow with M; each row is divided by the
    sum of its weights. Returns (..., H, N, E) in the dtype of q. Causal needs N = M.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Katharopoulos et al. 2020, sections 3.2 and, causal, 3.3.

    >>> linear_attention(np.zeros((1, 2)), np.zeros((2, 2)), np.array([[1.], [3.]]))
    array([[2.]])
    """
    check_linear_attention(q, k, v, causal)
    check_dtypes(q, k, v)
    wide = np.promote_types(q.dtype, np.float32)
    phi_q, phi_k, v = feature(q.astype(wide)), feature(k.astype(wide)), v.astype(wide)
    counted = np.concatenate([v, np.ones_like(v[..., :1])], axis=-1)     # (..., M, E + 1): the ones add up the weights
    if causal:
        mixed, _ = recurrent_chunks(phi_q, phi_k, counted, scale=1.0)
    else:
        mixed = phi_q @ share_heads(phi_k.swapaxes(-1, -2) @ counted, q)  # (..., H, N, D) (..., H, D, E + 1)
    return finish(mixed[..., :-1], mixed[..., -1:]).astype(q.dtype, copy=False)


@also_tensors
def recurrent(q, k, v, *, decay=None, beta=None, state=None, scale=None):
    """Linear attention as a recurrence: a matrix of D x E numbers takes in one key and value after another.

    q (..., H, N, D), k (..., H_kv, N, D), v (..., H_kv, N, E). For every token, one after the other:
    decay  (..., H_kv, N, D) or (..., H_kv, N, 1), logarithms, finite, at most 0: the state is multiplied by
           exp(decay), each row by its own or all by one (gated);
    beta   (..., H_kv, N, 1), 0 to 1: what the state already gives for this key is taken off the value, and this
           share of the rest is written (delta rule); keys should have length 1;
    k^T v is added, and q times the state, times scale (1/sqrt(D) unless given), is the output.
    state  (..., H_kv, D, E), what an earlier call returned, zeros unless given.
    Returns out (..., H, N, E) in the dtype of q and the state, float32 or wider.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Katharopoulos et al. 2020, section 3.4; delta rule: Schlag, Irie & Schmidhuber 2021; gated: Yang et al.
    2024, "Gated Linear Attention Transformers"; both: Yang, Kautz & Hatamizadeh 2025, "Gated Delta Networks".

    >>> k, v = np.array([[1., 0.], [1., 0.]]), np.array([[3.], [5.]])
    >>> recurrent(k, k, v, scale=1)[0].T                                # one key, two values: they add up
    array([[3., 8.]])
    >>> recurrent(k, k, v, scale=1, beta=np.ones((2, 1)))[0].T          # by the delta rule the new one replaces the old
    array([[3., 5.]])
    """
    shape, dtype = q.shape[:-1] + v.shape[-1:], q.dtype
    q, k, v, decay, beta, state = _by_key_head("recurrent", q, k, v, decay, beta, state, scale)
    out = np.empty(q.shape[:-1] + v.shape[-1:], q.dtype)
    for t in range(q.shape[-2]):
        now = (..., slice(t, t + 1), slice(None))                        # the row of one token
        state = np.exp(decay[now]).swapaxes(-1, -2) * state              # (..., D, E)
        write = v[now] if beta is None else beta[now] * (v[now] - k[now] @ state)
        state = state + k[now].swapaxes(-1, -2) @ write
        out[now] = q[now] @ state
    return out.reshape(shape).astype(dtype, copy=False), state[..., 0, :, :]


@also_tensors
def recurrent_chunks(q, k, v, *, decay=None, beta=None, state=None, scale=None, chunk=CHUNK):
    """`recurrent`, many tokens at a time: matrix products inside a chunk, the recurrence from chunk to chunk.

    Arguments and answers of `recurrent`; chunk: how many tokens at a time. What the tokens of a chunk write
    depends, by the delta rule, on what the earlier ones wrote: one triangular system of equations.
    Source: Yang et al. 2024, "Gated Linear Attention Transformers"; delta rule: Yang et al. 2024, "Parallelizing
    Linear Transformers with the Delta Rule over Sequence Length".

    >>> x, half = np.arange(10.).reshape(5, 2), np.full((5, 1), 0.5)
    >>> one, other = recurrent(x, x, x, beta=half), recurrent_chunks(x, x, x, beta=half, chunk=2)
    >>> np.allclose(one[0], other[0]), np.allclose(one[1], other[1])
    (True, True)
    """
    check_block("recurrent_chunks", chunk)
    shape, dtype = q.shape[:-1] + v.shape[-1:], q.dtype
    q, k, v, decay, beta, state = _by_key_head("recurrent_chunks", q, k, v, decay, beta, state, scale)
    out = np.empty(q.shape[:-1] + v.shape[-1:], q.dtype)
    for start in range(0, q.shape[-2], chunk):
        rows = (..., slice(start, start + chunk), slice(None))
        queries, keys, write = q[rows], k[rows], v[rows]                 # (..., C, D), (..., C, D), (..., C, E)
        level = np.cumsum(decay[rows], axis=-2)                          # log of what is left since the chunk began
        if beta is not None:
            earlier = np.tril(_products(keys, keys, level), -1) * beta[rows]          # (..., C, C)
            fresh = (write - (keys * np.exp(level)) @ state) * beta[rows]
            write = np.linalg.solve(earlier + np.eye(earlier.shape[-1], dtype=q.dtype), fresh)
        out[rows] = (queries * np.exp(level)) @ state + np.tril(_products(queries, keys, level)) @ write
        left = level[..., -1:, :]                                        # at the end of the chunk
        kept = (keys * np.exp(left - level)).swapaxes(-1, -2) @ write    # (..., D, E)
        state = np.exp(left).swapaxes(-1, -2) * state + kept
    return out.reshape(shape).astype(dtype, copy=False), state[..., 0, :, :]


def _products(q, k, level):
    """q_i . k_j, each term of it faded by what is left at i of what came at j <= i: (..., C, C)."""
    fade = np.exp(np.minimum(level[..., :, None, :] - level[..., None, :, :], 0))     # (..., C, C, D) or 1
    if fade.shape[-1] == 1:
        return q @ k.swapaxes(-1, -2) * fade[..., 0]
    return (q[..., :, None, :] * k[..., None, :, :] * fade).sum(axis=-1)


def _by_key_head(who, q, k, v, decay, beta, state, scale):
    """The inputs of `recurrent` with an axis for the query heads of a key head, defaults filled in, q scaled."""
    check_recurrent(who, q, k, v, decay, beta, state)
    check_dtypes(q, k, v)
    wide = np.promote_types(q.dtype, np.float32)
    D, E = k.shape[-1], v.shape[-1]
    decay = np.zeros((*k.shape[:-1], 1), wide) if decay is None else decay
    state = np.zeros((*k.shape[:-2], D, E), wide) if state is None else state
    q = q.astype(wide).reshape(*k.shape[:-2], groups_of(who, q, k), *q.shape[-2:]) * wide.type(
        D**-0.5 if scale is None else scale
    )
    others = (None if x is None else x.astype(wide)[..., None, :, :] for x in (k, v, decay, beta, state))
    return q, *others


def columns(mask, keys):
    """The columns `keys` of a mask; one that is the same for every key stays as it is."""
    return mask if mask is None or mask.shape[-1] == 1 else mask[..., keys]


def groups_of(who, q, k):
    """How many query heads read each key head. Raises ValueError, naming the shapes, unless they share evenly."""
    if q.ndim < 3:
        return 1
    groups, left = divmod(q.shape[-3], k.shape[-3]) if k.shape[-3] else (0, 1)
    if left:
        raise ValueError(
            f"{who}: {q.shape[-3]} query heads cannot share {k.shape[-3]} key heads evenly. "
            f"Got {tuple(q.shape)} and {tuple(k.shape)}."
        )
    return groups


def check_mask(who, mask):
    """Raise TypeError unless the mask is boolean."""
    if mask.dtype != bool:
        raise TypeError(f"{who}: mask must be bool, True = may attend. Got {mask.dtype} {tuple(mask.shape)}.")


def check_block(who, size):
    """Raise ValueError unless a block or chunk holds a row at least."""
    if size < 1:
        raise ValueError(f"{who}: so many rows are taken at a time, 1 or more. Got {size}.")


def check_linear_attention(q, k, v, causal):
    """Raise ValueError, naming every shape, unless q, k and v fit; causal needs as many queries as keys."""
    check_shapes("linear_attention", q, k, v)
    if causal and q.shape[-2] != k.shape[-2]:
        raise ValueError(
            f"linear_attention: causal needs as many queries as keys. Got q {tuple(q.shape)}, k {tuple(k.shape)}."
        )


def check_recurrent(who, q, k, v, decay, beta, state):
    """Raise ValueError, naming what came, unless the inputs of `recurrent` fit together."""
    check_shapes(who, q, k, v)
    rows, (D, E) = tuple(k.shape[:-1]), (k.shape[-1], v.shape[-1])
    right = {
        "decay": (decay, [(*rows, D), (*rows, 1)]),
        "beta": (beta, [(*rows, 1)]),
        "state": (state, [(*rows[:-1], D, E)]),
    }
    if q.shape[-2] != rows[-1]:
        raise ValueError(f"{who}: each token brings a query and a key. Got q {tuple(q.shape)}, k {tuple(k.shape)}.")
    for name, (x, shapes) in right.items():
        if x is not None and tuple(x.shape) not in shapes:
            raise ValueError(
                f"{who}: {name} needs the shape {' or '.join(map(str, shapes))}. Got {tuple(x.shape)}, "
                f"with k {tuple(k.shape)}, v {tuple(v.shape)}."
            )
