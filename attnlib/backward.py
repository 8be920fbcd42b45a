"""Where do the gradients go? Attention backwards, by hand.

A name that starts with d is the gradient of the loss with respect to what follows: dB has the shape of B.
"""

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib.attention import attention_weights, check_dtypes, check_shapes, rules_of, widen
from attnlib._chunked import HEADS, blas_threads, cut, key_heads, mix, on_all_threads, reachable, scores_of, stack
from attnlib.memory import finite, share_heads, sum_of_heads

ROWS, COLUMNS = 256, 512  # queries and keys in a tile: its scores and their gradients stay in cache


@also_tensors
def softmax_jacobian(alpha):
    """How every weight of a row answers to every score: d alpha_i / d score_j = alpha_i ([i = j] - alpha_j).

    alpha (..., M), weights that `softmax` gave. Returns (..., M, M), symmetric, rows summing to 0.

    >>> softmax_jacobian(np.array([0.25, 0.75]))
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    return alpha[..., None] * (np.eye(alpha.shape[-1], dtype=alpha.dtype) - alpha[..., None, :])


@also_tensors
def softmax_backward(dalpha, alpha):
    """From the gradient of the weights to that of the scores, without the Jacobian.

    dalpha (..., M), alpha (..., M). Returns (..., M): alpha times how far each dalpha is above the row's
    mean, where alpha does the weighing. A row's gradients sum to 0, as a shift of its scores changes nothing.

    >>> softmax_backward(np.array([1., 0.]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    return alpha * (dalpha - (dalpha * alpha).sum(axis=-1, keepdims=True))


@also_tensors
def attend_backward(dB, Q, K, V, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """The gradients of `attention` with all weights held at once: the plain form.

    dB (..., H, N, E), the gradient of what `attention(Q, K, V, ...)` gave; Q (..., H, N, D), K (..., H_kv, M, D),
    V (..., H_kv, M, E) and the options are those of `attention`. Returns dQ, dK, dV in their shapes; with a bias
    also dbias, in its. A key head read by several query heads gets the sum of their gradients.
    Raises ValueError naming the shapes when they do not fit.
    Source: Dao et al. 2022 ("FlashAttention"), appendix B.2.

    >>> dQ, dK, dV = attend_backward(np.eye(2), np.eye(2), np.eye(2), np.eye(2))
    >>> dV.round(2)  # what each value gets: the weights, transposed
    array([[0.67, 0.33],
           [0.33, 0.67]])
    >>> dQ.round(2)
    array([[ 0.16, -0.16],
           [-0.16,  0.16]])
    """
    check_gradient("attend_backward", dB, Q, K, V)
    options = dict(mask=mask, bias=bias, causal=causal, window=window, softcap=softcap)
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    dtype = Q.dtype
    dB, Q, K, V = widen(dB, Q, K, V)
    keys, values = share_heads(K, Q), share_heads(V, Q)                  # (..., H, M, D), (..., H, M, E)
    alpha = attention_weights(Q, K, scale=scale, **options)              # (..., H, N, M)
    dalpha = dB @ values.swapaxes(-1, -2)                                # (..., H, N, M)
    dscores = dadded = softmax_backward(dalpha, alpha)
    if softcap is not None:
        dscores = dadded * softcap_slope(scale * Q @ keys.swapaxes(-1, -2), softcap)
    dQ = scale * dscores @ keys                                          # (..., H, N, D)
    dK = sum_of_heads(scale * dscores.swapaxes(-1, -2) @ Q, K)           # (..., H_kv, M, D)
    dV = sum_of_heads(alpha.swapaxes(-1, -2) @ dB, V)                    # (..., H_kv, M, E)
    gradients = tuple(d.astype(dtype, copy=False) for d in (dQ, dK, dV))
    return gradients if bias is None else (*gradients, _unbroadcast(dadded, bias.shape).astype(bias.dtype, copy=False))


@also_tensors
def self_attention_backward(dB, X, W_q, W_k, W_v, *, mask=None, causal=False):
    """One head of self-attention backwards: X acts as query, as key and as value, so three paths lead to dX.

    dB (..., N, e), the gradient of attention(X W_q, X W_k, X W_v); X (..., N, D), W_q and W_k (D, d), W_v (D, e).
    Returns dX (..., N, D) and dW_q, dW_k, dW_v, summed over the leading axes.

    >>> I = np.eye(2)
    >>> dX, dW_q, dW_k, dW_v = self_attention_backward(np.array([[1., 0.], [0., 0.]]), I, I, I, I)
    >>> dX.round(2)
    array([[ 0.98, -0.16],
           [ 0.17,  0.  ]])
    """
    dQ, dK, dV = attend_backward(dB, X @ W_q, X @ W_k, X @ W_v, mask=mask, causal=causal)
    dX = dQ @ W_q.T + dK @ W_k.T + dV @ W_v.T                             # (..., N, D)
    flat = X.reshape(-1, X.shape[-1])
    dW = [flat.T @ d.reshape(-1, d.shape[-1]) for d in (dQ, dK, dV)]      # (D, d), (D, d), (D, e)
    return dX, *dW


@also_tensors
def attention_forward(q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """`attention`, and the logarithm of every row's sum of exponentials: all that `attention_backward` needs to keep.

    Arguments of `attention`. Returns out (..., H, N, E) in the dtype of q, and lse (..., H, N, 1), float32 or
    wider, -inf for a query with nothing to attend to. Source: Dao 2023 ("FlashAttention-2"), algorithm 1.

    >>> out, lse = attention_forward(np.zeros((1, 2)), np.zeros((4, 2)), np.arange(4.)[:, None])
    >>> out[0, 0], np.exp(lse[0, 0]).round(2)
    (np.float64(1.5), np.float64(4.0))
    """
    check_shapes("attention_forward", q, k, v)
    check_dtypes(q, k, v)
    rules, dtype = rules_of(q, k, mask, bias, causal, window, scale, softcap), q.dtype
    out, lse = mix(*widen(q, k, v), rules)
    return out.astype(dtype, copy=False), lse


@also_tensors
def attention_backward(
    dout, q, k, v, out, lse, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None
):
    """The gradients of `attention`, tile by tile: the weights are computed again, no N x M array is ever held.

    dout (..., H, N, E), the gradient of out; q, k, v and the options are those `attention_forward` had, out and
    lse what it gave. Returns dq, dk, dv in the dtype of q; float16 is computed in float32. The bias gets no
    gradient here: that would be N x M numbers; see `attend_backward`.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Dao 2023 ("FlashAttention-2"), algorithm 2.

    >>> q = np.eye(2)
    >>> dq, dk, dv = attention_backward(q, q, q, q, *attention_forward(q, q, q))
    >>> np.allclose(dq, attend_backward(q, q, q, q)[0])
    True
    """
    check_gradient("attention_backward", dout, q, k, v, out, lse)
    check_dtypes(q, k, v)
    rules, dtype = rules_of(q, k, mask, bias, causal, window, scale, softcap), q.dtype
    dout, q, k, v, out = widen(dout, q, k, v, out)
    scale, N, M = q.dtype.type(rules.scale), q.shape[-2], k.shape[-2]
    count = ROWS >> (causal and N > ROWS)                                 # smaller steps follow the diagonal closer
    heads = list(np.ndindex(q.shape[:-2]))
    together = max(1, HEADS // max(1, min(count, N) * min(COLUMNS, M)))   # heads in a piece
    pieces = cut(len(heads), together)
    shares = -(-blas_threads() // max(1, len(pieces)))                    # parts of a piece's queries, for the threads
    dq = np.zeros_like(q)
    dk = np.zeros((shares, *q.shape[:-2], M, k.shape[-1]), q.dtype)       # of each query head: summed below
    dv = np.zeros((shares, *q.shape[:-2], M, v.shape[-1]), q.dtype)
    Q, K, V, O, dO, L, dQ = map(stack, (q, k, v, out, dout, lse, dq))     # (heads, N or M, width)
    dK, dV = [stack(d) for d in dk], [stack(d) for d in dv]

    def backward_rows(piece):
        some, share = piece
        keys, values = (x[key_heads(some, Q, K)] for x in (K, V))
        queries, scaled_keys = Q[some] * scale, keys * scale
        delta = np.vecdot(dO[some], O[some])[..., None]                   # (some, N, 1): each row's sum of alpha dalpha
        level = finite(L[some])                                           # (some, N, 1)
        for rows, columns in _tiles(range(share * count, N, shares * count), count, N, M, rules):
            weights = scores_of(Q[some, rows], keys[:, columns], rules, heads[some], rows, columns)
            weights -= level[:, rows]
            np.exp(weights, out=weights)                                  # (some, rows, columns) of alpha
            dscores = dO[some, rows] @ values[:, columns].mT              # dalpha
            dscores -= delta[:, rows]
            dscores *= weights
            if softcap is not None:
                dscores *= softcap_slope(queries[:, rows] @ keys[:, columns].mT, softcap)
            dQ[some, rows] += dscores @ scaled_keys[:, columns]
            dK[share][some, columns] += dscores.mT @ queries[:, rows]
            dV[share][some, columns] += weights.mT @ dO[some, rows]

    on_all_threads(backward_rows, [(some, s) for some in pieces for s in range(shares)], lse.size * M)
    dk, dv = (sum_of_heads(d[0] if shares == 1 else d.sum(axis=0), k) for d in (dk, dv))
    return tuple(d.astype(dtype, copy=False) for d in (dq, dk, dv))


@also_tensors
def softcap_slope(scores, cap):
    """How much c tanh(s / c) answers to s: 1 - tanh^2, the factor a softcap puts into the gradient of the scores.

    >>> softcap_slope(np.array([0., 100.]), 1.0)
    array([1., 0.])
    """
    return 1 - np.tanh(scores / cap) ** 2


def _tiles(starts, count, N, M, rules):
    """Every (rows, columns) with a key that some query of the rows may look at; `count` rows from each start."""
    for start in starts:
        rows = slice(start, min(start + count, N))
        seen = reachable(rows, M, rules)
        for first in range(seen.start, seen.stop, COLUMNS):
            yield rows, slice(first, min(first + COLUMNS, seen.stop))


def _unbroadcast(d, shape):
    """The gradient of an array of `shape` from the gradient of what it was broadcast to."""
    d = d.sum(axis=tuple(range(d.ndim - len(shape))))
    return d.sum(axis=tuple(i for i, size in enumerate(shape) if size == 1), keepdims=True)


def check_gradient(who, dout, q, k, v, out=None, lse=None):
    """Raise ValueError or TypeError, naming what came, unless the gradient, q, k, v, out and lse fit together."""
    check_shapes(who, q, k, v)
    shape = (*q.shape[:-1], v.shape[-1])
    for name, x, right in ("the gradient", dout, shape), ("out", out, shape), ("lse", lse, (*q.shape[:-1], 1)):
        if x is not None and tuple(x.shape) != right:
            raise ValueError(
                f"{who}: {name} needs the shape {tuple(right)}. Got {tuple(x.shape)}, "
                f"with q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}."
            )
    if dout.dtype != q.dtype:
        raise TypeError(f"{who}: the gradient needs the dtype of q, {q.dtype}. Got {dout.dtype}.")
