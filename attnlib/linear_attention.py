"""Linear attention: products of features replace the softmax, so that a state of fixed size holds all keys.

Layouts are those of `attnlib.attention`: q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E); neighbouring
query heads share a key head. Plain (N, D) matrices work too. float16 is computed in float32. A token changes nothing
that comes before it, even where it is NaN.
"""

import numpy as np

from attnlib._arguments import (
    can_look,
    check_arrays,
    check_flags,
    check_floating,
    check_functions,
    check_numbers,
    check_qkv,
    check_sizes,
    is_floating,
)
from attnlib._dispatch import also_tensors
from attnlib._ops import astype, concatenate, exp, float64, isfinite, stack, total, tril, where, widen, zeros
from attnlib.heads import groups_of, share_heads
from attnlib.online_softmax import finish

CHUNK = 64           # tokens in a chunk
NOTHING_LEFT = -1000  # a decay below this counts as this: exp of it is 0, and sums stay small enough to be exact


def elu_plus_one(x):
    """A feature map that is never negative: x + 1 above zero, exp(x) below.

    x, any shape, floating. Returns the same shape and dtype. Raises TypeError unless x is a floating array or tensor.
    Source: Katharopoulos et al. 2020, eq. 7.

    >>> elu_plus_one(np.array([-1000., 0., 2.]))
    array([0., 1., 3.])
    """
    check_arrays("elu_plus_one", x=x)
    check_floating("elu_plus_one", x=x)
    return where(x > 0, x + 1, exp(x.clip(max=0)))


def linear_attention(q, k, v, *, causal=False, feature=elu_plus_one):
    """Attention with phi(q) . phi(k) in the place of exp(q . k): its cost grows with N, not with N squared.

    q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E); feature: phi, a function of arrays (..., D) that
    returns (..., F), never negative, in the dtype it is given. phi(k)^T v comes first, a matrix that does not grow
    with M; each row is divided by the sum of its weights. Returns (..., H, N, E) in the dtype of q. Causal needs N = M.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit, ValueError for a negative feature.
    Source: Katharopoulos et al. 2020, sections 3.2 and, causal, 3.3.

    >>> linear_attention(np.zeros((1, 2)), np.zeros((2, 2)), np.array([[1.], [3.]]))
    array([[2.]])
    """
    check_linear_attention("linear_attention", q, k, v, causal, feature)
    wide_q, wide_k, wide_v = widen(q, k, v)
    phi_q, phi_k = feature(wide_q), feature(wide_k)
    check_features("linear_attention", phi_q, phi_k, wide_q, wide_k)
    ones = zeros((*v.shape[:-1], 1), wide_v) + 1
    counted = concatenate([wide_v, ones], -1)                            # (..., M, E + 1): the ones add up the weights
    if causal:
        mixed, _ = recurrent_chunks(phi_q, phi_k, counted, scale=1.0)
    else:
        mixed = phi_q @ share_heads(_sum_of_products(phi_k, counted), q)  # (..., H, N, F) (..., H, F, E + 1)
    return astype(finish(mixed[..., :-1], mixed[..., -1:]), q.dtype)


def _sum_of_products(k, v):
    """k^T v, (..., D, E), of some tokens at a time, then added up in float64: a long sum in float32 loses digits."""
    parts = (slice(start, start + 4 * CHUNK) for start in range(0, max(1, k.shape[-2]), 4 * CHUNK))
    return astype(total(stack([k[..., part, :].mT @ v[..., part, :] for part in parts], 0), 0), k.dtype)


def recurrent(q, k, v, *, decay=None, beta=None, state=None, scale=None):
    """Linear attention as a recurrence: each token's key and value are added to a state of D x E numbers.

    q (..., H, N, D), k (..., H_kv, N, D), v (..., H_kv, N, E). For each token in turn:
    decay  (..., H_kv, N, D) or (..., H_kv, N, 1), logarithms, finite, at most 0: the state is multiplied by
           exp(decay), each row by its own or all by one (gated);
    beta   (..., H_kv, N, 1), 0 to 1: what the state already gives for this key is subtracted from the value, and
           this share of the difference is written (delta rule); keys should have length 1;
    then k^T v is added to the state, and the output is q times the state, times scale (1/sqrt(D) unless given).
    state  (..., H_kv, D, E), what an earlier call returned, zeros unless given.
    decay, beta and state have the dtype of q, or that of the state that is returned.
    Returns out (..., H, N, E) in the dtype of q and the state, float32 or wider.
    Raises ValueError or TypeError naming what came and what would be right.
    Source: Katharopoulos et al. 2020, section 3.4; delta rule: Schlag, Irie & Schmidhuber 2021; gated: Yang et al.
    2024, "Gated Linear Attention Transformers"; both: Yang, Kautz & Hatamizadeh 2025, "Gated Delta Networks".

    >>> k, v = np.array([[1., 0.], [1., 0.]]), np.array([[3.], [5.]])
    >>> recurrent(k, k, v, scale=1)[0].T                                # one key, two values: they add up
    array([[3., 8.]])
    >>> recurrent(k, k, v, scale=1, beta=np.ones((2, 1)))[0].T          # by the delta rule the new one replaces the old
    array([[3., 5.]])
    """
    check_recurrent("recurrent", q, k, v, decay, beta, state, scale)
    *tokens, state = _prepared(q, k, v, decay, beta, state, scale)
    out, state = _one_by_one(tokens, state)
    return astype(out.reshape(*q.shape[:-1], v.shape[-1]), q.dtype), state


def recurrent_chunks(q, k, v, *, decay=None, beta=None, state=None, scale=None, chunk=CHUNK):
    """`recurrent` for a chunk of tokens at a time: matrix products inside a chunk, the recurrence between chunks.

    Takes, returns and raises what `recurrent` does; chunk: how many tokens at a time, 1 or more. By the delta rule,
    what a token writes depends on what the earlier tokens of its chunk wrote: one triangular system of equations.
    A chunk with a NaN or an infinity goes token by token, for 0 times NaN is NaN; while PyTorch compiles this or maps
    over it, nobody can look, and such a token spoils its whole chunk.
    Source: Yang et al. 2024, "Gated Linear Attention Transformers"; delta rule: Yang et al. 2024, "Parallelizing
    Linear Transformers with the Delta Rule over Sequence Length".

    >>> x, half = np.arange(10.).reshape(5, 2) / 10, np.full((5, 1), 0.5)
    >>> one, other = recurrent(x, x, x, beta=half), recurrent_chunks(x, x, x, beta=half, chunk=2)
    >>> np.allclose(one[0], other[0]), np.allclose(one[1], other[1])
    (True, True)
    """
    check_recurrent("recurrent_chunks", q, k, v, decay, beta, state, scale)
    chunk = check_sizes("recurrent_chunks", chunk=chunk)
    *tokens, state = _prepared(q, k, v, decay, beta, state, scale)
    outs = []
    for start in range(0, max(1, q.shape[-2]), chunk):                   # no tokens make one empty chunk
        part = _rows(tokens, start, start + chunk)
        all_finite = not can_look(q) or all(isfinite(x).all() for x in part if x is not None)
        out, state = (_at_once if all_finite and part[1].shape[-2] else _one_by_one)(part, state)
        outs.append(out)
    return astype(concatenate(outs, -2).reshape(*q.shape[:-1], v.shape[-1]), q.dtype), state


def _one_by_one(tokens, state):
    """The recurrence itself. tokens: q (..., H_kv, G, N, D), scaled; k, v, decay, beta (..., H_kv, N, width).

    Returns out (..., H_kv, G, N, E) and the state (..., H_kv, D, E) after the last token.
    """
    q, v = tokens[0], tokens[2]
    outs = [zeros((*q.shape[:-2], 0, v.shape[-1]), q)]
    for t in range(q.shape[-2]):
        q_t, k_t, v_t, decay_t, beta_t = _rows(tokens, t, t + 1)         # one row each
        state = exp(decay_t).mT * state                                  # (..., D, E)
        write = v_t if beta_t is None else beta_t * (v_t - k_t @ state)
        state = state + k_t.mT @ write
        outs.append(q_t @ state[..., None, :, :])
    return concatenate(outs, -2), state


def _at_once(tokens, state):
    """`_one_by_one` without the recurrence, for the C tokens of a chunk."""
    q, k, write, decay, beta = tokens
    level = float64(decay.clip(min=NOTHING_LEFT)).cumsum(-2)             # log of what is left since the chunk began
    left = level[..., -1:, :]                                            # at its end
    since, until, over_all = (exp(astype(x, k.dtype)) for x in (level, left - level, left))
    if beta is not None:
        earlier = tril(_faded_products(k, k, level), -1) * beta          # (..., C, C)
        write = _solve_unit_lower(earlier, (write - (k * since) @ state) * beta)
    out = tril(_faded_products(q, k[..., None, :, :], level[..., None, :, :])) @ write[..., None, :, :]
    out = out + (q * since[..., None, :, :]) @ state[..., None, :, :]    # (..., G, C, E)
    return out, over_all.mT * state + (k * until).mT @ write


def _faded_products(q, k, level):
    """q_i . k_j, each term faded by the decay between tokens j and i: (..., C, C), meant for j <= i.

    level (..., C, D) or (..., C, 1): the sum of the decays up to each token, in float64: small differences of large
    sums are taken.
    """
    between = astype(level[..., :, None, :] - level[..., None, :, :], q.dtype)        # (..., C, C, D or 1)
    fade = exp(between.clip(max=0))
    if fade.shape[-1] == 1:
        return q @ k.mT * fade[..., 0]
    return (q[..., :, None, :] * k[..., None, :, :] * fade).sum(-1)


@also_tensors
def _solve_unit_lower(L, b):
    """Solve (1 + L) x = b for a strictly lower triangular L (..., C, C) and b (..., C, E).

    >>> _solve_unit_lower(np.array([[0., 0.], [2., 0.]]), np.array([[1.], [5.]])).T
    array([[1., 3.]])
    """
    return np.linalg.solve(L + np.eye(L.shape[-1], dtype=L.dtype), b)


def _rows(tokens, start, stop):
    """The tokens from start to stop of each array (..., N, width); None stays None."""
    return [None if x is None else x[..., start:stop, :] for x in tokens]


def _prepared(q, k, v, decay, beta, state, scale):
    """The inputs of `recurrent` in float32 or wider, defaults filled in: q, k, v, decay, beta and state.

    q is scaled and has an axis for the G query heads that share a key head, (..., H_kv, G, N, D).
    """
    scale = q.shape[-1] ** -0.5 if scale is None else float(scale)
    groups = groups_of("recurrent", q, k)
    q, k, v = widen(q, k, v)
    decay = zeros((*k.shape[:-1], 1), k) if decay is None else decay
    state = zeros((*k.shape[:-2], k.shape[-1], v.shape[-1]), k) if state is None else state
    decay, beta, state = (None if x is None else astype(x, q.dtype) for x in (decay, beta, state))
    return q.reshape(*k.shape[:-2], groups, *q.shape[-2:]) * scale, k, v, decay, beta, state


def check_linear_attention(who, q, k, v, causal, feature):
    """Raise unless the arguments of `linear_attention` fit; causal needs as many queries as keys."""
    check_qkv(who, q, k, v)
    check_flags(who, causal=causal)
    check_functions(who, feature=feature)
    if causal and q.shape[-2] != k.shape[-2]:
        raise ValueError(
            f"{who}: causal=True needs as many queries as keys. Got q {tuple(q.shape)}, k {tuple(k.shape)}."
        )


def check_features(who, phi_q, phi_k, q, k):
    """Raise unless the features of q and k are rows of one width and of their dtype, and none is negative."""
    check_arrays(who, **{"q": q, "feature(q)": phi_q, "feature(k)": phi_k})
    check_floating(who, **{"q": q, "feature(q)": phi_q, "feature(k)": phi_k})
    width = phi_q.shape[-1] if phi_q.ndim else 0
    for name, x, phi in ("q", q, phi_q), ("k", k, phi_k):
        if tuple(phi.shape) != (*x.shape[:-1], width) or not width:
            raise ValueError(
                f"{who}: feature must turn (..., D) into (..., F), F at least 1 and the same for queries and keys. "
                f"It made {tuple(phi_q.shape)} of q {tuple(q.shape)} and {tuple(phi_k.shape)} of k {tuple(k.shape)}."
            )
        if can_look(phi) and (phi < 0).any():
            raise ValueError(
                f"{who}: feature must not be negative; feature({name}) has {float(phi[phi < 0][0]):.3g}. "
                "Weights must not cancel out, for each row is divided by their sum."
            )


def check_recurrent(who, q, k, v, decay, beta, state, scale):
    """Raise unless the arguments of `recurrent` fit together; their numbers are checked where they can be looked at."""
    check_qkv(who, q, k, v)
    if scale is not None:
        check_numbers(who, scale=scale)
    rows, (D, E) = tuple(k.shape[:-1]), (k.shape[-1], v.shape[-1])
    if q.shape[-2] != rows[-1]:
        came = f"Got q {tuple(q.shape)}, k {tuple(k.shape)}."
        raise ValueError(f"{who}: needs as many queries as keys, one a token. {came}")
    given = {
        "decay": (decay, [(*rows, D), (*rows, 1)]),
        "beta": (beta, [(*rows, 1)]),
        "state": (state, [(*rows[:-1], D, E)]),
    }
    for name, (x, shapes) in given.items():
        if x is None:
            continue
        check_arrays(who, **{"q": q, name: x})
        if not is_floating(x.dtype) or x.dtype not in (q.dtype, widen(q)[0].dtype):
            raise TypeError(
                f"{who}: {name} must have the dtype of q, or be float32 where q is of a half type. "
                f"Got {name} {x.dtype}, q {q.dtype}."
            )
        if tuple(x.shape) not in shapes:
            raise ValueError(
                f"{who}: {name} needs the shape {' or '.join(map(str, shapes))}. Got {tuple(x.shape)}, "
                f"with k {tuple(k.shape)}, v {tuple(v.shape)}."
            )
    if decay is not None and can_look(decay) and not ((decay <= 0) & isfinite(decay)).all():
        raise ValueError(f"{who}: decay must be finite and at most 0: the logarithm of the share of the state to keep.")
    if beta is not None and can_look(beta) and not ((beta >= 0) & (beta <= 1)).all():
        raise ValueError(f"{who}: beta must be from 0 to 1: the share of the difference to write.")
