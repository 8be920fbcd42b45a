"""Attention: each query gets a mixture of the values, weighted by how relevant their keys are to it."""

import numpy as np

from attnlib._chunked import Rules, chunked_attention, exponentiate, key_head, scores_of
from attnlib._dispatch import also_tensors
from attnlib.weights import softmax


@also_tensors
def attend(Q, K, V, mask=None):
    """Mix the rows of V; each query chooses its own weights.

    Q (..., N, d), K (..., M, d), V (..., M, d_v), floating; mask (..., N, M), True where looking is allowed.
    Returns B (..., N, d_v) and alpha (..., N, M), whose rows sum to 1 (to 0 where a row may look at nothing).
    Raises ValueError naming the shapes when they do not fit.
    Source: Vaswani et al. 2017, eq. 1.

    >>> B, alpha = attend(np.eye(2), np.eye(2), np.array([[1.], [3.]]))
    >>> alpha.round(2)
    array([[0.67, 0.33],
           [0.33, 0.67]])
    >>> B.round(2)
    array([[1.66],
           [2.34]])
    """
    check_shapes("attend", Q, K, V)
    scores = Q @ K.swapaxes(-1, -2) / K.shape[-1] ** 0.5  # (..., N, M)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)          # exp(-inf) is exactly 0
    alpha = softmax(scores)                               # (..., N, M)
    return alpha @ V, alpha


@also_tensors
def attention(q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """softmax(scale q k^T) v, a chunk of queries at a time: the N x M score matrix is never allocated.

    q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E), one floating dtype; H a multiple of H_kv,
    neighbouring query heads share a key head. Plain (N, D) matrices work too.
    mask    bool, broadcastable to (..., H, N, M); True = may attend.
    bias    floating, broadcastable likewise; added to the scaled, capped scores.
    causal  query i sees keys 0..i (aligned top-left when N != M).
    window  an int w: query i sees keys i-w..i+w.
    scale   default 1/sqrt(D).
    softcap c: scores become c tanh(scores / c), before bias and mask.

    Returns (..., H, N, E) in the dtype of q; float16 is computed in float32.
    A query with nothing to attend to gets zeros.
    Raises ValueError or TypeError naming what came and what would be right.
    Source: Vaswani et al. 2017, eq. 1; chunks after Rabe & Staats 2021; grouped heads Ainslie et al. 2023.

    >>> q = k = np.eye(3)
    >>> attention(q, k, np.arange(3.)[:, None], causal=True).round(2)
    array([[0.  ],
           [0.64],
           [1.21]])
    """
    check_shapes("attention", q, k, v)
    check_dtypes("attention", q, k, v)
    rules = rules_of("attention", q, k, mask, bias, causal, window, scale, softcap)
    return chunked_attention(*widen(q, k, v), rules)[0].astype(q.dtype, copy=False)


@also_tensors
def attention_weights(q, k, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """The weights with which `attention` mixes the values, all allocated at once: (..., H, N, M).

    Takes the arguments of `attention` except v. Rows sum to 1, or to 0 where a query may look at nothing.
    Raises ValueError or TypeError naming what came and what would be right.

    >>> attention_weights(np.eye(2), np.eye(2), causal=True).round(2)
    array([[1.  , 0.  ],
           [0.33, 0.67]])
    """
    check_shapes("attention_weights", q, k, k)
    check_dtypes("attention_weights", q, k, k)
    rules = rules_of("attention_weights", q, k, mask, bias, causal, window, scale, softcap)
    return weights_of(*widen(q, k), rules).astype(q.dtype, copy=False)


def weights_of(q, k, rules):
    """The weights of q (..., H, N, D) and k (..., H_kv, M, D), float32 or wider, one head at a time: (..., H, N, M)."""
    weights = np.empty(q.shape[:-1] + k.shape[-2:-1], q.dtype)
    for head in np.ndindex(q.shape[:-2]):
        rows, columns = slice(0, q.shape[-2]), slice(0, k.shape[-2])
        scores = scores_of(q[head], k[key_head(head, q, k)], rules, [head], rows, columns)
        _, total = exponentiate(scores)
        weights[head] = scores / np.where(total == 0, 1, total)
    return weights


def rules_of(who, q, k, mask, bias, causal, window, scale, softcap):
    """The options of `attention` as `Rules`: scale filled in, mask and bias broadcast to the shape of the scores."""
    shape = q.shape[:-1] + k.shape[-2:-1]
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    mask, bias = _broadcast(who, "mask", mask, shape), _broadcast(who, "bias", bias, shape)
    return Rules(scale, mask, bias, causal, window, softcap)


def widen(*arrays):
    """Half types as float32; wider dtypes as they are."""
    return [x.astype(np.promote_types(x.dtype, np.float32), copy=False) for x in arrays]


def _broadcast(who, name, array, shape):
    """`array` broadcast to the shape of the scores; None stays None."""
    if array is None:
        return None
    array = np.asarray(array)
    if name == "mask" and array.dtype != bool:
        raise TypeError(f"{who}: mask must be bool, True = may attend; got {array.dtype}. Pass numbers as bias=.")
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"{who}: {name} {array.shape} does not broadcast to the scores {shape}.") from None


def check_shapes(who, q, k, v):
    """Raise ValueError, naming every shape, unless q, k and v fit together; arrays or tensors."""
    if q.ndim == k.ndim == v.ndim == 4 and q.shape[:2] == k.shape[:2] == v.shape[:2]:
        if q.shape[3] == k.shape[3] and k.shape[2] == v.shape[2]:
            return  # the common case, decided without building a message
    got = f"Got q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}."
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ValueError(f"{who}: q, k and v need two axes or more, (..., N, D). {got}")
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(f"{who}: q has {q.shape[-1]} columns, k has {k.shape[-1]}; both need the same width. {got}")
    if k.shape[-2] != v.shape[-2]:
        raise ValueError(f"{who}: {k.shape[-2]} keys and {v.shape[-2]} values; each key needs one value. {got}")
    if q.ndim != k.ndim or k.shape[:-2] != v.shape[:-2] or q.shape[:-3] != k.shape[:-3]:
        raise ValueError(f"{who}: the leading axes differ; k and v need those of q, except for fewer heads. {got}")
    if q.ndim > 2 and (not k.shape[-3] or q.shape[-3] % k.shape[-3]):
        raise ValueError(f"{who}: {q.shape[-3]} query heads cannot share {k.shape[-3]} key heads evenly. {got}")


def check_dtypes(who, q, k, v):
    """Raise TypeError unless q, k and v have one floating dtype (ml_dtypes' bfloat16 is one)."""
    floating = np.issubdtype(q.dtype, np.floating) or q.dtype.name == "bfloat16"
    if not q.dtype == k.dtype == v.dtype or not floating:
        raise TypeError(
            f"{who}: q, k and v need one floating dtype; got {q.dtype}, {k.dtype}, {v.dtype}. "
            "Convert with .astype(np.float32)."
        )
