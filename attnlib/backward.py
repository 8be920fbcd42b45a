"""The gradients of attention, computed by hand.

A name that starts with d is the gradient of the loss with respect to what follows: dB has the shape of B.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from attnlib._chunked import HEADS, Rules, chunked_attention, key_heads, reachable_keys, scores_of, slices, stack
from attnlib._dispatch import also_tensors
from attnlib._ops import tanh
from attnlib._threads import blas_threads, on_all_threads
from attnlib.attention import check_dtypes, check_shapes, rules_of, weights_of, widen
from attnlib.heads import share_heads, sum_of_heads
from attnlib.online_softmax import finite

ROWS, COLUMNS = 256, 512  # queries and keys in a tile: its scores and their gradients stay in cache


@also_tensors
def softmax_jacobian(alpha):
    """The derivative of every weight of a row by every score: d alpha_i / d score_j = alpha_i ([i = j] - alpha_j).

    alpha (..., M), weights from `softmax`. Returns (..., M, M), symmetric, rows summing to 0.

    >>> softmax_jacobian(np.array([0.25, 0.75]))
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    return alpha[..., None] * (np.eye(alpha.shape[-1], dtype=alpha.dtype) - alpha[..., None, :])


def softmax_backward(dalpha, alpha):
    """The gradient of the scores from that of the weights, without the Jacobian.

    dalpha (..., M), alpha (..., M). Returns (..., M): alpha times how far each dalpha is above the row's
    mean, where alpha does the weighing. A row's gradients sum to 0, as a shift of its scores changes nothing.

    >>> softmax_backward(np.array([1., 0.]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    return alpha * (dalpha - (dalpha * alpha).sum(-1, keepdims=True))


@also_tensors
def attend_backward(dB, Q, K, V, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """The gradients of `attention` with all weights allocated at once: the plain form.

    dB (..., H, N, E), the gradient of the output of `attention(Q, K, V, ...)`; Q (..., H, N, D), K (..., H_kv, M, D),
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
    rules, dtype = rules_of("attend_backward", Q, K, mask, bias, causal, window, scale, softcap), Q.dtype
    dB, Q, K, V = widen(dB, Q, K, V)
    keys, values = share_heads(K, Q), share_heads(V, Q)                  # (..., H, M, D), (..., H, M, E)
    alpha = weights_of(Q, K, rules)                                      # (..., H, N, M)
    dalpha = dB @ values.mT                                              # (..., H, N, M)
    dscores = dadded = softmax_backward(dalpha, alpha)
    if softcap is not None:
        dscores = dadded * softcap_slope(rules.scale * Q @ keys.mT, softcap)
    dQ = rules.scale * dscores @ keys                                    # (..., H, N, D)
    dK = sum_of_heads(rules.scale * dscores.mT @ Q, K)                   # (..., H_kv, M, D)
    dV = sum_of_heads(alpha.mT @ dB, V)                                  # (..., H_kv, M, E)
    gradients = tuple(d.astype(dtype, copy=False) for d in (dQ, dK, dV))
    return gradients if bias is None else (*gradients, _unbroadcast(dadded, bias.shape).astype(bias.dtype, copy=False))


def self_attention_backward(dB, X, W_q, W_k, W_v, *, mask=None, causal=False):
    """The gradients of one head of self-attention: X is query, key and value, so dX is the sum of three terms.

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
    """`attention`, and the logarithm of every row's sum of exponentials, which `attention_backward` needs.

    Arguments of `attention`. Returns out (..., H, N, E) in the dtype of q, and lse (..., H, N, 1), float32 or
    wider, -inf for a query with nothing to attend to. Source: Dao 2023 ("FlashAttention-2"), algorithm 1.

    >>> out, lse = attention_forward(np.zeros((1, 2)), np.zeros((4, 2)), np.arange(4.)[:, None])
    >>> out[0, 0], np.exp(lse[0, 0]).round(2)
    (np.float64(1.5), np.float64(4.0))
    """
    check_shapes("attention_forward", q, k, v)
    check_dtypes("attention_forward", q, k, v)
    rules, dtype = rules_of("attention_forward", q, k, mask, bias, causal, window, scale, softcap), q.dtype
    out, lse = chunked_attention(*widen(q, k, v), rules)
    return out.astype(dtype, copy=False), lse


@also_tensors
def attention_backward(
    dout, q, k, v, out, lse, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None
):
    """The gradients of `attention`, a tile of scores at a time: weights are recomputed, never stored as N x M.

    dout (..., H, N, E), the gradient of out; q, k, v and the options are those `attention_forward` had, out and
    lse what it returned. Returns dq, dk, dv in the dtype of q; float16 is computed in float32. The bias gets no
    gradient here: that would be N x M numbers; see `attend_backward`.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Dao 2023 ("FlashAttention-2"), algorithm 2.

    >>> q = np.eye(2)
    >>> dq, dk, dv = attention_backward(q, q, q, q, *attention_forward(q, q, q))
    >>> np.allclose(dq, attend_backward(q, q, q, q)[0])
    True
    """
    check_gradient("attention_backward", dout, q, k, v, out, lse)
    check_dtypes("attention_backward", q, k, v)
    rules, dtype = rules_of("attention_backward", q, k, mask, bias, causal, window, scale, softcap), q.dtype
    dout, q, k, v, out = widen(dout, q, k, v, out)
    row_step, head_slices, shares = _plan(q, k, causal)
    dq = np.zeros(q.shape, q.dtype)
    dk = np.zeros((shares, *q.shape[:-2], *k.shape[-2:]), q.dtype)        # of each query head: summed below
    dv = np.zeros((shares, *q.shape[:-2], *v.shape[-2:]), q.dtype)
    q_stacked, k_stacked, v_stacked, *others = map(stack, (q, k, v, out, dout, finite(lse)))
    heads = list(np.ndindex(q.shape[:-2]))

    def add_share(piece):
        """Add what every `shares`-th chunk of rows, from number `share` on, contributes to the gradients."""
        head_slice, share = piece
        shared = key_heads(head_slice, q_stacked, k_stacked)
        some = _Heads(q_stacked[head_slice], k_stacked[shared], v_stacked[shared], *(x[head_slice] for x in others),
                      heads[head_slice], rules)
        gradients = [stack(d)[head_slice] for d in (dq, dk[share], dv[share])]  # views: writing fills dq, dk and dv
        for start in range(share * row_step, q.shape[-2], shares * row_step):
            _add_rows(some, slice(start, min(start + row_step, q.shape[-2])), *gradients)

    pieces = list(itertools.product(head_slices, range(shares)))
    on_all_threads(add_share, pieces, lse.size * k.shape[-2])
    dk, dv = (sum_of_heads(d[0] if shares == 1 else d.sum(axis=0), k) for d in (dk, dv))
    return tuple(d.astype(dtype, copy=False) for d in (dq, dk, dv))


class _Heads(NamedTuple):
    """What the tiles of some heads read: arrays (heads, N or M, width), each head's index, the options."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    out: np.ndarray
    dout: np.ndarray
    lse: np.ndarray
    indices: list
    rules: Rules


def _plan(q, k, causal):
    """How `attention_backward` divides its work: rows in a tile, slices of heads, and shares of a slice's rows."""
    N, M, heads = q.shape[-2], k.shape[-2], math.prod(q.shape[:-2])
    row_step = ROWS // 2 if causal and N > ROWS else ROWS                 # smaller tiles follow the diagonal closer
    head_step = max(1, HEADS // max(1, min(row_step, N) * min(COLUMNS, M)))
    head_slices = slices(heads, head_step)
    return row_step, head_slices, math.ceil(blas_threads() / max(1, len(head_slices)))


def _add_rows(some, rows, dq, dk, dv):
    """Add to dq, dk and dv (heads, N or M, width) what these rows contribute, one tile of keys after another."""
    q, dout, lse = (x[:, rows] for x in (some.q, some.dout, some.lse))    # (heads, rows, D), (..., E), (..., 1)
    delta = np.vecdot(dout, some.out[:, rows])[..., None]                 # (heads, rows, 1): sums of alpha dalpha
    scale, softcap = q.dtype.type(some.rules.scale), some.rules.softcap
    scaled_q = q * scale
    reachable = reachable_keys(rows, some.k.shape[-2], some.rules)
    for start in range(reachable.start, reachable.stop, COLUMNS):
        columns = slice(start, min(start + COLUMNS, reachable.stop))
        keys = some.k[:, columns]                                         # (heads, columns, D)
        alpha = scores_of(q, keys, some.rules, some.indices, rows, columns)
        alpha -= lse
        np.exp(alpha, out=alpha)                                          # (heads, rows, columns)
        dscores = dout @ some.v[:, columns].mT                            # dalpha
        dscores -= delta
        dscores *= alpha
        if softcap is not None:
            dscores *= softcap_slope(scaled_q @ keys.mT, softcap)
        dq[:, rows] += dscores @ keys
        dk[:, columns] += dscores.mT @ scaled_q
        dv[:, columns] += alpha.mT @ dout
    dq[:, rows] *= scale


def softcap_slope(scores, cap):
    """The derivative of c tanh(s / c) by s, 1 - tanh^2: the factor of a softcap in the gradient of the scores.

    >>> softcap_slope(np.array([0., 100.]), 1.0)
    array([1., 0.])
    """
    return 1 - tanh(scores / cap) ** 2


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
