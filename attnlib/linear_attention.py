"""Linear attention: products of features replace the softmax, so that a state of fixed size holds all keys.

Layouts are those of `attnlib.attention`: q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E); neighbouring
query heads share a key head. Plain (N, D) matrices work too. float16 is computed in float32.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib._ops import exp, where
from attnlib.attention import check_dtypes, check_shapes, widen
from attnlib.heads import groups_of, share_heads
from attnlib.online_softmax import finish

CHUNK = 64  # tokens in a chunk


def elu_plus_one(x):
    """A feature map that is never negative: x + 1 above zero, exp(x) below.

    x, any shape, floating. Returns the same shape and dtype. Source: Katharopoulos et al. 2020, eq. 7.

    >>> elu_plus_one(np.array([-1000., 0., 2.]))
    array([0., 1., 3.])
    """
    return where(x > 0, x + 1, exp(x.clip(max=0)))


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
    check_dtypes("linear_attention", q, k, v)
    wide_q, wide_k, v = widen(q, k, v)
    phi_q, phi_k = feature(wide_q), feature(wide_k)
    counted = np.concatenate([v, np.ones_like(v[..., :1])], axis=-1)     # (..., M, E + 1): the ones add up the weights
    if causal:
        mixed, _ = recurrent_chunks(phi_q, phi_k, counted, scale=1.0)
    else:
        mixed = phi_q @ share_heads(phi_k.mT @ counted, q)               # (..., H, N, D) (..., H, D, E + 1)
    return finish(mixed[..., :-1], mixed[..., -1:]).astype(q.dtype, copy=False)


@also_tensors
def recurrent(q, k, v, *, decay=None, beta=None, state=None, scale=None):
    """Linear attention as a recurrence: each token's key and value are added to a state of D x E numbers.

    q (..., H, N, D), k (..., H_kv, N, D), v (..., H_kv, N, E). For each token in turn:
    decay  (..., H_kv, N, D) or (..., H_kv, N, 1), logarithms, finite, at most 0: the state is multiplied by
           exp(decay), each row by its own or all by one (gated);
    beta   (..., H_kv, N, 1), 0 to 1: what the state already gives for this key is subtracted from the value, and
           this share of the difference is written (delta rule); keys should have length 1;
    then k^T v is added to the state, and the output is q times the state, times scale (1/sqrt(D) unless given).
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
    inputs = _by_key_head("recurrent", q, k, v, decay, beta, state, scale)
    state, out = inputs.state, np.empty((*inputs.q.shape[:-1], v.shape[-1]), inputs.q.dtype)
    for t in range(q.shape[-2]):
        q_t, k_t, v_t, decay_t, beta_t = inputs.rows(t, t + 1)           # one row each
        state = np.exp(decay_t).mT * state                               # (..., D, E)
        write = v_t if beta_t is None else beta_t * (v_t - k_t @ state)
        state = state + k_t.mT @ write
        out[..., t : t + 1, :] = q_t @ state
    return out.reshape(*q.shape[:-1], v.shape[-1]).astype(q.dtype, copy=False), inputs.ungroup(state)


@also_tensors
def recurrent_chunks(q, k, v, *, decay=None, beta=None, state=None, scale=None, chunk=CHUNK):
    """`recurrent` for a chunk of tokens at a time: matrix products inside a chunk, the recurrence between chunks.

    Takes and returns what `recurrent` does; chunk: how many tokens at a time. By the delta rule, what a token writes
    depends on what the earlier tokens of its chunk wrote: one triangular system of equations.
    Raises ValueError for a chunk below 1.
    Source: Yang et al. 2024, "Gated Linear Attention Transformers"; delta rule: Yang et al. 2024, "Parallelizing
    Linear Transformers with the Delta Rule over Sequence Length".

    >>> x, half = np.arange(10.).reshape(5, 2), np.full((5, 1), 0.5)
    >>> one, other = recurrent(x, x, x, beta=half), recurrent_chunks(x, x, x, beta=half, chunk=2)
    >>> np.allclose(one[0], other[0]), np.allclose(one[1], other[1])
    (True, True)
    """
    check_chunk("recurrent_chunks", chunk)
    inputs = _by_key_head("recurrent_chunks", q, k, v, decay, beta, state, scale)
    state, out = inputs.state, np.empty((*inputs.q.shape[:-1], v.shape[-1]), inputs.q.dtype)
    for start in range(0, q.shape[-2], chunk):
        queries, keys, write, decays, betas = inputs.rows(start, start + chunk)       # (..., C, D or E or 1)
        level = np.cumsum(decays, axis=-2)                               # log of what is left since the chunk began
        if betas is not None:
            earlier = np.tril(_faded_products(keys, keys, level), -1) * betas         # (..., C, C)
            fresh = (write - (keys * np.exp(level)) @ state) * betas
            write = np.linalg.solve(earlier + np.eye(earlier.shape[-1], dtype=earlier.dtype), fresh)
        within = np.tril(_faded_products(queries, keys, level)) @ write  # (..., C, E)
        out[..., start : start + chunk, :] = (queries * np.exp(level)) @ state + within
        left = level[..., -1:, :]                                        # at the end of the chunk
        state = np.exp(left).mT * state + (keys * np.exp(left - level)).mT @ write    # (..., D, E)
    return out.reshape(*q.shape[:-1], v.shape[-1]).astype(q.dtype, copy=False), inputs.ungroup(state)


def _faded_products(q, k, level):
    """q_i . k_j, each term faded by the decay between tokens j and i: (..., C, C), meant for j <= i.

    level (..., C, D) or (..., C, 1): the sum of the decays up to each token.
    """
    fade = exp((level[..., :, None, :] - level[..., None, :, :]).clip(max=0))         # (..., C, C, D or 1)
    if fade.shape[-1] == 1:
        return q @ k.mT * fade[..., 0]
    return (q[..., :, None, :] * k[..., None, :, :] * fade).sum(-1)


@dataclass
class _ByKeyHead:
    """The inputs of `recurrent`, with an axis for the G query heads that share a key head, of length 1 except in q.

    q (..., H_kv, G, N, D), scaled; k, v, decay and beta (..., H_kv, 1, N, width), beta None without the delta rule;
    state (..., H_kv, 1, D, E). For plain matrices H_kv is missing. All are float32 or wider.
    """

    q: Any
    k: Any
    v: Any
    decay: Any
    beta: Any
    state: Any

    @classmethod
    def of(cls, q, k, v, decay, beta, state):
        """The inputs as `recurrent` takes them, with the axis added."""
        grouped = q.reshape(*k.shape[:-2], groups_of("recurrent", q, k), *q.shape[-2:])
        return cls(grouped, *(None if x is None else x[..., None, :, :] for x in (k, v, decay, beta, state)))

    def rows(self, start, stop):
        """q, k, v, decay and beta (or None) of the tokens start to stop."""
        tokens = (self.q, self.k, self.v, self.decay, self.beta)
        return [None if x is None else x[..., start:stop, :] for x in tokens]

    @staticmethod
    def ungroup(state):
        """A state without the axis: (..., H_kv, D, E)."""
        return state[..., 0, :, :]


def _by_key_head(who, q, k, v, decay, beta, state, scale):
    """The inputs of `recurrent` as `_ByKeyHead`: checked, in float32 or wider, defaults filled in, q scaled."""
    check_recurrent(who, q, k, v, decay, beta, state)
    check_dtypes(who, q, k, v)
    q, k, v = widen(q, k, v)
    scale = q.dtype.type(q.shape[-1] ** -0.5 if scale is None else scale)
    decay = np.zeros((*k.shape[:-1], 1)) if decay is None else decay
    state = np.zeros((*k.shape[:-2], k.shape[-1], v.shape[-1])) if state is None else state
    decay, beta, state = (None if x is None else x.astype(q.dtype) for x in (decay, beta, state))
    return _ByKeyHead.of(q * scale, k, v, decay, beta, state)


def check_chunk(who, chunk):
    """Raise ValueError for a chunk of no tokens."""
    if chunk < 1:
        raise ValueError(f"{who}: chunk must be at least 1; got {chunk}.")


def check_linear_attention(q, k, v, causal):
    """Raise ValueError, naming every shape, unless q, k and v fit; causal needs as many queries as keys."""
    check_shapes("linear_attention", q, k, v)
    if causal and q.shape[-2] != k.shape[-2]:
        raise ValueError(
            f"linear_attention: causal=True needs as many queries as keys. Got q {tuple(q.shape)}, k {tuple(k.shape)}."
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
        got = f"Got q {tuple(q.shape)}, k {tuple(k.shape)}."
        raise ValueError(f"{who}: needs as many queries as keys, one a token. {got}")
    for name, (x, shapes) in right.items():
        if x is not None and tuple(x.shape) not in shapes:
            raise ValueError(
                f"{who}: {name} needs the shape {' or '.join(map(str, shapes))}. Got {tuple(x.shape)}, "
                f"with k {tuple(k.shape)}, v {tuple(v.shape)}."
            )
