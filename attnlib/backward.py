"""The gradients of attention, computed by hand.

A name that starts with d is the gradient of the loss with respect to what follows: dB has the shape of B. For

    s = scale q k^T,   alpha = softmax(s),   out = alpha v

the way back is, one line each,

    dv = alpha^T dout               dalpha = dout v^T
    ds = alpha (dalpha - delta)     delta_i = sum_j alpha_ij dalpha_ij, which is dout_i . out_i
    dq = scale ds k                 dk = scale ds^T q

A softcap multiplies ds by 1 - tanh^2. A sink has a weight but no value, so its dalpha is 0: dsink = -alpha_sink delta.
`attend_backward` is these lines. `attention_backward` is the same a tile of scores at a time: the weights of a tile
come back as exp(s - lse), and delta from dout and out, so nothing of N x M is kept. `attnlib.tensors.backward` has that
loop without what makes it fast here.
"""

import itertools
import math

import numpy as np

from attnlib._arguments import (
    can_look,
    check_arrays,
    check_axes,
    check_flags,
    check_floating,
    check_mask,
    check_numbers,
    check_qkv,
    got,
)
from attnlib._chunked import (
    Tiles,
    chunked_attention,
    hidden_by_position,
    over_seen,
    products_stay_finite,
    quietly,
    rules_of,
    scaled,
    scratch,
    something_is_hidden,
    stack,
)
from attnlib._dispatch import also_tensors
from attnlib._ops import arange, astype, exp, share, tanh, where, widen
from attnlib._threads import on_all_threads, threads_for
from attnlib.attention import attention_weights
from attnlib.heads import sum_of_heads
from attnlib.online_softmax import finite


def softmax_jacobian(alpha):
    """The derivative of every weight of a row by every score: d alpha_i / d score_j = alpha_i ([i = j] - alpha_j).

    alpha (..., M), floating, weights from `softmax`. Returns (..., M, M), symmetric, rows summing to 0.
    Raises TypeError unless alpha is floating.

    >>> softmax_jacobian(np.array([0.25, 0.75]))
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    check_axes("softmax_jacobian", alpha=(alpha, "... M"))
    check_floating("softmax_jacobian", alpha=alpha)
    i = arange(0, alpha.shape[-1], like=alpha)
    same = astype(i[:, None] == i, alpha.dtype)                          # [i = j], (M, M)
    return alpha[..., None] * (same - alpha[..., None, :])


def softmax_backward(dalpha, alpha):
    """The gradient of the scores from that of the weights, without the Jacobian.

    dalpha (..., M), alpha (..., M), one floating dtype. Returns (..., M): alpha times how far each dalpha is above
    the row's mean, where alpha does the weighing. A row's gradients sum to 0, as a shift of its scores changes nothing.
    float16 is computed in float32.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.

    >>> softmax_backward(np.array([1., 0.]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    check_axes("softmax_backward", dalpha=(dalpha, "... M"), alpha=(alpha, "... M"))
    check_floating("softmax_backward", dalpha=dalpha, alpha=alpha)
    dtype = alpha.dtype
    dalpha, alpha = widen(dalpha, alpha)
    return astype(alpha * (dalpha - (dalpha * alpha).sum(-1, keepdims=True)), dtype)


def attend_backward(
    dB, Q, K, V, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """The gradients of `attention` with all weights allocated at once: the plain form.

    dB (..., H, N, E), the gradient of the output of `attention(Q, K, V, ...)`; Q (..., H, N, D), K (..., H_kv, M, D),
    V (..., H_kv, M, E) and the options are those of `attention`. Returns dQ, dK, dV in their shapes; then dbias if
    there is a bias, then dsinks if there are sinks, in theirs. A key head read by several query heads gets the sum of
    their gradients. A pair of query and key that may not see each other adds nothing to any gradient, not even NaN.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Dao et al. 2022 ("FlashAttention"), appendix B.2.

    >>> dQ, dK, dV = attend_backward(np.eye(2), np.eye(2), np.eye(2), np.eye(2))
    >>> dV.round(2)  # what each value gets: the weights, transposed
    array([[0.67, 0.33],
           [0.33, 0.67]])
    >>> dQ.round(2)
    array([[ 0.16, -0.16],
           [-0.16,  0.16]])
    """
    check_gradient("attend_backward", Q, K, V, dB=dB)
    rules = rules_of("attend_backward", Q, K, mask, bias, causal, window, scale, softcap, past, sinks)
    dtype = Q.dtype
    dB, Q, K, V = widen(dB, Q, K, V)
    seen = pairs_seen(Q, K, rules) if must_be_careful(dB, Q, K, V, rules) else None
    keys, values = share(K, Q), share(V, Q)                              # (..., H, M, D), (..., H, M, E)
    alpha = attention_weights(Q, K, mask=mask, bias=bias, causal=causal, window=window, scale=scale, softcap=softcap,
                              past=past, sinks=sinks)                    # (..., H, N, M)
    alpha, dalpha = only(seen, alpha), only(seen, dB @ values.mT)        # (..., H, N, M)
    dscores = dadded = only(seen, softmax_backward(dalpha, alpha))       # with a bias: the gradient of what it adds
    if softcap is not None:
        dscores = only(seen, dadded * softcap_slope(rules.scale * Q @ keys.mT, rules.softcap))
    dQ = rules.scale * over_seen(dscores, keys, seen)                                     # (..., H, N, D)
    dK = rules.scale * sum_of_heads(over_seen(dscores.mT, Q, transposed(seen)), K)        # (..., H_kv, M, D)
    dV = sum_of_heads(over_seen(alpha.mT, dB, transposed(seen)), V)                       # (..., H_kv, M, E)
    gradients = [astype(d, dtype) for d in (dQ, dK, dV)]
    if bias is not None:
        gradients.append(astype(_unbroadcast(dadded, bias.shape), bias.dtype))
    if sinks is not None:                                                # the weight that is missing went to the sink
        dsinks = -(1 - alpha.sum(-1)) * (dalpha * alpha).sum(-1)         # (..., H, N)
        gradients.append(astype(_unbroadcast(dsinks.sum(-1), sinks.shape), sinks.dtype))
    return tuple(gradients)


def self_attention_backward(dB, X, W_q, W_k, W_v, *, mask=None, causal=False):
    """The gradients of one head of self-attention: X is query, key and value, so dX is the sum of three terms.

    dB (..., N, e), the gradient of attention(X W_q, X W_k, X W_v); X (..., N, D), W_q and W_k (D, d), W_v (D, e), one
    floating dtype. Returns dX (..., N, D) and dW_q, dW_k, dW_v, summed over the leading axes; float16 is computed in
    float32.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.

    >>> I = np.eye(2)
    >>> dX, dW_q, dW_k, dW_v = self_attention_backward(np.array([[1., 0.], [0., 0.]]), I, I, I, I)
    >>> dX.round(2)
    array([[ 0.98, -0.16],
           [ 0.17,  0.  ]])
    """
    who, arrays = "self_attention_backward", {"dB": dB, "X": X, "W_q": W_q, "W_k": W_k, "W_v": W_v}
    axes = {"dB": "... N e", "X": "... N D", "W_q": "D d", "W_k": "D d", "W_v": "D e"}
    check_axes(who, **{name: (array, axes[name]) for name, array in arrays.items()})
    check_floating(who, **arrays)
    if dB.shape[:-1] != X.shape[:-1]:
        raise ValueError(f"{who}: dB needs a row for each row of X. Got dB {tuple(dB.shape)}, X {tuple(X.shape)}.")
    check_mask(who, mask, (*X.shape[:-1], X.shape[-2]), X=X)
    check_flags(who, causal=causal)
    dtype = X.dtype
    dB, X, W_q, W_k, W_v = widen(dB, X, W_q, W_k, W_v)
    dQ, dK, dV = attend_backward(dB, X @ W_q, X @ W_k, X @ W_v, mask=mask, causal=causal)
    dX = dQ @ W_q.T + dK @ W_k.T + dV @ W_v.T                             # (..., N, D)
    flat, *others = (x.reshape(math.prod(x.shape[:-1]), x.shape[-1]) for x in (X, dQ, dK, dV))
    dW = [flat.T @ d for d in others]                                     # (D, d), (D, d), (D, e)
    return tuple(astype(d, dtype) for d in (dX, *dW))


@also_tensors
def attention_forward(
    q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """`attention`, and the logarithm of every row's sum of exponentials, which `attention_backward` needs.

    Arguments of `attention`. Returns out (..., H, N, E) in the dtype of q, and lse (..., H, N, 1), float32 or
    wider, -inf for a query with nothing to attend to; a sink counts in it.
    Raises ValueError or TypeError naming what came and what would be right.
    Source: Dao 2023 ("FlashAttention-2"), algorithm 1.

    >>> out, lse = attention_forward(np.zeros((1, 2)), np.zeros((4, 2)), np.arange(4.)[:, None])
    >>> out[0, 0], np.exp(lse[0, 0]).round(2)
    (np.float64(1.5), np.float64(4.0))
    """
    check_qkv("attention_forward", q, k, v)
    rules = rules_of("attention_forward", q, k, mask, bias, causal, window, scale, softcap, past, sinks)
    out, lse = chunked_attention(*widen(q, k, v), rules)
    return out.astype(q.dtype, copy=False), lse


@also_tensors
def attention_backward(
    dout, q, k, v, out, lse, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0,
    sinks=None
):
    """The gradients of `attention`, a tile of scores at a time: weights are recomputed, never stored as N x M.

    dout (..., H, N, E), the gradient of out; q, k, v and the options are those `attention_forward` had, out and
    lse what it returned. Returns dq, dk, dv in the dtype of q; with sinks also dsinks, in their shape and dtype.
    float16 is computed in float32. The bias gets no gradient here: that would be N x M numbers; see
    `attend_backward`. A pair that may not see each other adds nothing to any gradient, not even NaN.
    Raises ValueError or TypeError naming the shapes or dtypes when they do not fit.
    Source: Dao 2023 ("FlashAttention-2"), algorithm 2.

    >>> q = np.eye(2)
    >>> dq, dk, dv = attention_backward(q, q, q, q, *attention_forward(q, q, q))
    >>> np.allclose(dq, attend_backward(q, q, q, q)[0])
    True
    """
    check_gradient("attention_backward", q, k, v, dout=dout, out=out, lse=lse)
    rules = rules_of("attention_backward", q, k, mask, bias, causal, window, scale, softcap, past, sinks)
    dtype = q.dtype
    dout, q, k, v, out = widen(dout, q, k, v, out)
    lse = finite(lse)
    delta = np.vecdot(dout, out)[..., None]                   # (..., H, N, 1): the sum of alpha dalpha in every row
    dq, dk, dv = chunked_backward(dout, q, k, v, delta, lse, rules)
    gradients = [d.astype(dtype, copy=False) for d in (dq, sum_of_heads(dk, k), sum_of_heads(dv, v))]
    return tuple(gradients) if sinks is None else (*gradients, sinks_gradient(delta, lse, rules, sinks))


def chunked_backward(dout, q, k, v, delta, lse, rules):
    """dq, and dk and dv of every query head: (..., H, N, D), (..., H, M, D), (..., H, M, E).

    Threads share the heads. Where there are fewer slices of heads than threads, several share the rows of a slice,
    each with a dk and a dv of its own; these are added up in the end.
    """
    tiles, careful = Tiles(q, k, rules), must_be_careful(dout, q, k, v, rules)
    inputs = [stack(x) for x in (scaled(q, rules), k, v, dout, delta, lse)]
    count = lse.size * k.shape[-2]
    copies = math.ceil(threads_for(count) / max(1, len(tiles.heads)))
    dq = np.zeros(q.shape, q.dtype)
    dk = np.zeros((copies, *q.shape[:-2], *k.shape[-2:]), q.dtype)
    dv = np.zeros((copies, *q.shape[:-2], *v.shape[-2:]), q.dtype)

    def add_share(piece):
        heads, share = piece
        gradients = [stack(d)[heads] for d in (dq, dk[share], dv[share])]     # views: writing fills dq, dk and dv
        for rows in tiles.rows[share::copies]:
            add_rows(tiles, heads, rows, careful, *inputs, *gradients)

    on_all_threads(quietly(add_share), list(itertools.product(tiles.heads, range(copies))), count)
    dq *= rules.scale                                                         # dk has it: its queries were scaled
    return dq, *(d[0] if copies == 1 else d.sum(axis=0) for d in (dk, dv))


def add_rows(tiles, heads, rows, careful, q, k, v, dout, delta, lse, dq, dk, dv):
    """Add what some queries of some heads contribute to dq, before the scale, dk and dv: a tile of keys at a time.

    All stacked, (all heads, N or M, width), q already scaled; dq, dk and dv hold these heads only. In every tile the
    weights come back as exp(scores - lse), dscores is alpha (dalpha - delta), and the gradients are products of these.
    """
    cap = tiles.rules.softcap
    queries, dout, delta, lse = (x[heads, rows] for x in (q, dout, delta, lse))
    queries_less, dout_less = less(queries, lse), less(dout, delta)
    for columns in tiles.columns(rows):
        keys, values = (tiles.shared(x, heads, columns) for x in (k, v))
        if cap is None:
            alpha = tiles.scores(queries_less, more(keys), heads, rows, columns)  # (heads, rows, columns), less lse
        else:
            alpha = tiles.scores(queries, keys, heads, rows, columns)         # capped first: lse comes off below
        seen = alpha != -np.inf if careful else None
        if cap is not None:
            alpha -= lse
        np.exp(alpha, out=alpha)
        dscores = np.matmul(dout_less, more(values).mT, out=scratch("dscores", alpha.shape, alpha))  # dalpha - delta
        dscores *= alpha
        if cap is not None:
            dscores *= softcap_slope(queries @ keys.mT, cap)
        alpha, dscores = only(seen, alpha), only(seen, dscores)
        dq[:, rows] += over_seen(dscores, keys, seen)
        dk[:, columns] += over_seen(dscores.mT, queries, transposed(seen))
        dv[:, columns] += over_seen(alpha.mT, dout, transposed(seen))


def less(x, row):
    """x with a column more, which makes less(x, row) @ more(y).T the same as x @ y.T - row, without a pass over it."""
    return np.concatenate([x, -row], axis=-1)


def more(y):
    """y with a column of ones: see `less`."""
    return np.concatenate([y, np.ones((*y.shape[:-1], 1), y.dtype)], axis=-1)


def sinks_gradient(delta, lse, rules, sinks):
    """The gradient of the sinks: a sink's weight pulls at every output of its head, and gives it nothing.

    delta and lse (..., H, N, 1), lse finite. Returns the shape and dtype of sinks.
    """
    alpha = exp(rules.sinks[..., None, None] - lse)                           # (..., H, N, 1): the weights of the sink
    return astype(_unbroadcast(-(alpha * delta).sum((-1, -2)), sinks.shape), sinks.dtype)


def must_be_careful(dout, q, k, v, rules):
    """Whether something hidden may be NaN or infinite, or become so in a product: 0 times that would be NaN."""
    if not can_look(q) or not something_is_hidden(rules, q, k):
        return False
    return not (products_stay_finite(q, k) and products_stay_finite(dout, v))


def pairs_seen(q, k, rules):
    """True where a query of q (..., H, N, D) may see a key of k (..., H_kv, M, D): (N, M) or (..., H, N, M)."""
    queries = arange(rules.past, rules.past + q.shape[-2], like=q)[:, None]
    seen = ~hidden_by_position(queries, arange(0, k.shape[-2], like=q), rules.back, rules.ahead)
    seen = seen if rules.mask is None else seen & rules.mask
    return seen if rules.bias is None else seen & (rules.bias != -np.inf)


def only(seen, x):
    """x, 0 where a pair is not seen; seen None: x as it is."""
    return x if seen is None else where(seen, x, 0)


def transposed(seen):
    """`seen` for a product over the queries instead of the keys; None stays None."""
    return None if seen is None else seen.mT


def softcap_slope(scores, cap):
    """The derivative of c tanh(s / c) by s, 1 - tanh^2: the factor of a softcap in the gradient of the scores.

    scores, floating, of any shape; cap, a number above 0. Returns the same shape.
    Raises TypeError or ValueError naming what came.

    >>> softcap_slope(np.array([0., 100.]), 1.0)
    array([1., 0.])
    """
    check_arrays("softcap_slope", scores=scores)
    check_floating("softcap_slope", scores=scores)
    check_numbers("softcap_slope", above=0, cap=cap)
    return 1 - tanh(scores / cap) ** 2


def _unbroadcast(d, shape):
    """The gradient of an array of `shape` from the gradient of what it was broadcast to."""
    leading = tuple(range(d.ndim - len(shape)))
    d = d.sum(leading) if leading else d                                      # to PyTorch () would mean all axes
    stretched = tuple(i for i, size in enumerate(shape) if size == 1)
    return d.sum(stretched, keepdims=True) if stretched else d


def check_gradient(who, q, k, v, **given):
    """Raise ValueError or TypeError, naming what came, unless q, k, v and what is given fit together.

    given: the gradient of the output by its name, and out and lse where they are needed.
    """
    check_qkv(who, q, k, v)
    check_arrays(who, q=q, **given)
    (wide,) = widen(q)
    for name, x in given.items():
        axes, dtype = (1, wide.dtype) if name == "lse" else (v.shape[-1], q.dtype)
        right = (*q.shape[:-1], axes)
        if tuple(x.shape) != right:
            came = got({"q": (q,), "k": (k,), "v": (v,)}).removeprefix("Got ")
            raise ValueError(f"{who}: {name} needs the shape {right}. Got {tuple(x.shape)}, with {came}")
        if x.dtype != dtype:
            source = "the dtype that attention_forward gives it" if name == "lse" else "the dtype of q"
            raise TypeError(f"{who}: {name} needs {source}, {dtype}. Got {x.dtype}.")
