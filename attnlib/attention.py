"""Attention: each query gets a mixture of the values, weighted by how relevant their keys are to it."""

import numpy as np

from attnlib._arguments import check_mask, check_qkv
from attnlib._chunked import (
    Tiles,
    before_any_key,
    chunked_attention,
    over_seen,
    quietly,
    rules_of,
    scaled,
    scores_of,
    stack,
    subtract_top,
    sum_of_rows,
)
from attnlib._dispatch import also_tensors
from attnlib._ops import share, widen
from attnlib.weights import softmax


@also_tensors
def attend(Q, K, V, mask=None):
    """Mix the rows of V; each query chooses its own weights.

    Q (..., N, d), K (..., M, d), V (..., M, d_v), one floating dtype; K and V may have fewer heads than Q, as in
    `attention`; mask (..., N, M), bool, True where looking is
    allowed. Returns B (..., N, d_v) and alpha (..., N, M), whose rows sum to 1 (to 0 where a row may look at nothing),
    in that dtype; float16 is computed in float32. What a row may not look at never changes its result, not even NaN.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Vaswani et al. 2017, eq. 1.

    >>> B, alpha = attend(np.eye(2), np.eye(2), np.array([[1.], [3.]]))
    >>> alpha.round(2)
    array([[0.67, 0.33],
           [0.33, 0.67]])
    >>> B.round(2)
    array([[1.66],
           [2.34]])
    """
    check_qkv("attend", Q, K, V)
    check_mask("attend", mask, (*Q.shape[:-1], K.shape[-2]), Q=Q)
    dtype = Q.dtype
    Q, K, V = widen(Q, share(K, Q), share(V, Q))          # half types as float32, one head of keys for each of queries
    scores = Q @ K.swapaxes(-1, -2) / K.shape[-1] ** 0.5  # (..., N, M)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)          # exp(-inf) is exactly 0
    alpha = softmax(scores)                               # (..., N, M)
    B = over_seen(alpha, V, mask)                         # alpha @ V, whatever a masked value is
    return B.astype(dtype, copy=False), alpha.astype(dtype, copy=False)


@also_tensors
def attention(
    q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """softmax(scale q k^T) v, a chunk of queries at a time: the N x M score matrix is never allocated.

    q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E), one floating dtype; H a multiple of H_kv,
    neighbouring query heads share a key head. Plain (N, D) matrices work too.
    mask    bool, broadcastable to (..., H, N, M); True = may attend.
    bias    floating, broadcastable likewise; added to the scaled, capped scores.
    causal  a query sees the keys up to its own position.
    window  w: a query sees the keys at most w places away, on both sides.
    scale   default 1/sqrt(D).
    softcap c: scores become c tanh(scores / c), before bias and mask.
    past    how many keys come before the first query, the length of a cache: query i stands at position past + i.
    sinks   floating, broadcastable to (..., H): a further score that each query of a head has, and whose weight
            goes nowhere. Rows of weights then sum to less than 1.

    Returns (..., H, N, E) in the dtype of q; float16 is computed in float32.
    A query with nothing to attend to gets zeros. What a query may not see, by mask, causal, window or a bias of
    -inf, never changes its result, not even NaN; a query that may see NaN or an infinite value gets it.
    Raises ValueError or TypeError naming what came and what would be right.
    Source: Vaswani et al. 2017, eq. 1; chunks after Rabe & Staats 2021; grouped heads Ainslie et al. 2023.

    >>> q = k = np.eye(3)
    >>> attention(q, k, np.arange(3.)[:, None], causal=True).round(2)
    array([[0.  ],
           [0.64],
           [1.21]])
    """
    check_qkv("attention", q, k, v)
    rules = rules_of("attention", q, k, mask, bias, causal, window, scale, softcap, past, sinks)
    return chunked_attention(*widen(q, k, v), rules)[0].astype(q.dtype, copy=False)


@also_tensors
def attention_weights(
    q, k, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """The weights with which `attention` mixes the values, all allocated at once: (..., H, N, M).

    Takes the arguments of `attention` except v. Rows sum to 1, to less with sinks, to 0 where a query may look at
    nothing.
    Raises ValueError or TypeError naming what came and what would be right.

    >>> attention_weights(np.eye(2), np.eye(2), causal=True).round(2)
    array([[1.  , 0.  ],
           [0.33, 0.67]])
    """
    check_qkv("attention_weights", q, k, k)
    rules = rules_of("attention_weights", q, k, mask, bias, causal, window, scale, softcap, past, sinks)
    return weights_of(*widen(q, k), rules).astype(q.dtype, copy=False)


def weights_of(q, k, rules):
    """The weights of q (..., H, N, D) and k (..., H_kv, M, D), float32 or wider, one head at a time: (..., H, N, M)."""
    N, M = q.shape[-2], k.shape[-2]
    tiles, weights = Tiles(q, k, rules), np.empty((*q.shape[:-1], M), q.dtype)
    queries, keys = stack(scaled(q, rules)), stack(k)

    def weigh(number):
        head, rows, columns = slice(number, number + 1), slice(0, N), slice(0, M)
        own = stack(weights)[head]                                            # a view: writing to it fills weights
        scores = scores_of(queries[head], tiles.shared(keys, head, columns), rules, tiles.indices[head], rows, columns,
                           out=own)                                           # (1, N, M)
        total, top = before_any_key(rules, head, small=False, dtype=q.dtype)
        top, shrink = subtract_top(scores, top)
        np.exp(scores, out=scores)
        total = total * shrink + sum_of_rows(scores)
        scores /= np.where(total == 0, 1, total)

    for number in range(len(tiles.indices)):
        quietly(weigh)(number)
    return weights
