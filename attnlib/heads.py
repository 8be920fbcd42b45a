"""Multi-head attention: several kinds of relevance at once, each head with a part of the columns.

In grouped heads several query heads, neighbours, share one head of keys and values.
"""

from attnlib._arguments import (
    check_arrays,
    check_axes,
    check_broadcasts,
    check_flags,
    check_floating,
    check_functions,
    check_score_options,
    check_sizes,
)
from attnlib._chunked import over_seen
from attnlib._ops import arange, astype, repeat, tanh, where, widen
from attnlib.attention import attention, attention_weights
from attnlib.layers import check_names, linear, rms_norm, sigmoid
from attnlib.masks import causal as causal_mask
from attnlib.masks import window as window_mask


def split(X, heads):
    """Split the columns among the heads: head h gets columns h d to (h + 1) d.

    X (..., N, heads d). Returns (..., heads, N, d).
    Raises ValueError when the columns do not divide evenly.

    >>> import numpy as np
    >>> split(np.arange(8).reshape(2, 4), 2)
    array([[[0, 1],
            [4, 5]],
    <BLANKLINE>
           [[2, 3],
            [6, 7]]])
    """
    check_axes("split", X=(X, "... N D"))
    heads = check_sizes("split", heads=heads)
    d = X.shape[-1] // heads
    if X.shape[-1] % heads:
        raise ValueError(f"split: the columns of X must be a multiple of heads. Got X {tuple(X.shape)}, heads {heads}.")
    return X.reshape(*X.shape[:-1], heads, d).swapaxes(-2, -3)           # (..., N, heads, d), then swapped


def merge(X):
    """Put the columns of all heads side by side again: the inverse of `split`.

    X (..., heads, N, d). Returns (..., N, heads d).
    Raises ValueError when X has fewer than three axes.

    >>> import numpy as np
    >>> merge(split(np.arange(8).reshape(2, 4), 2))
    array([[0, 1, 2, 3],
           [4, 5, 6, 7]])
    """
    check_axes("merge", X=(X, "... H N D"))
    X = X.swapaxes(-2, -3)                                               # (..., N, heads, d)
    return X.reshape(*X.shape[:-2], X.shape[-2] * X.shape[-1])


def multi_head(
    X, W_q, W_k, W_v, W_o, heads, context=None, b_q=None, b_k=None, b_v=None, b_o=None, *,
    q_gain=None, k_gain=None, sinks=None, W_gate=None, b_gate=None, **options,
):
    """Project, split into heads, attend in each, merge, and mix the heads with W_o.

    X (..., N, D); context (..., M, D_c), where keys and values come from: X itself unless given
    (cross-attention: queries from the decoder, keys and values from the encoder).
    W_q (D, heads d), W_k (D_c, heads d), W_v (D_c, heads d_v), W_o (heads d_v, D_out); biases b_* one number
    a column, or None. Fewer columns in W_k and W_v, G d and G d_v, make grouped heads: G key heads.
    Returns (..., N, D_out). Each head scales by the width of its own keys, 1/sqrt(d).

    What else can be learned:
    q_gain, k_gain (d): each query and each key of a head goes through `rms_norm` with this gain, before it is turned.
    sinks (heads): a further score of each query of a head, whose weight goes to no value; see `attention`.
    W_gate (D, heads d_v), b_gate: the merged heads are multiplied by sigmoid(X W_gate + b_gate), before W_o.

    options: those of `attnlib.attention.attention`, mask, bias, causal, window, scale, softcap, past, and
    weigh   a function of the scores (..., heads, N, M), -inf where hidden, in the place of softmax: `relu_weights`.
    turn    a function of the queries or keys (..., heads, N, d) and their positions (N,): `attnlib.positions.rope`.
    cache   an `attnlib.kv_cache.Cache`: X comes after all that is kept, and its keys and values are kept too. Without
            causal=True the vectors of one call see each other. With a context, the cache keeps the keys and values of
            the context, and only rows that it does not have are projected.
    keep    (heads,) or what broadcasts to (..., heads), bool or numbers: what each head gives is multiplied by it.
    return_weights  True: returns the weights too, (..., heads, N, M).
    Raises ValueError or TypeError, naming every shape, when they do not fit; naming weigh or turn when that returns
    another shape.
    Source: Vaswani et al. 2017, section 3.2.2; grouped heads Ainslie et al. 2023; the norm of queries and keys Henry et
    al. 2020, with RMS norm as in Qwen3; sinks as in GPT-OSS; the gate Qiu et al. 2025, "Gated Attention for Large
    Language Models", which comes element by element after attention.

    >>> import numpy as np
    >>> X = np.array([[1., 0.], [0., 1.]])
    >>> multi_head(X, *[np.eye(2)] * 4, heads=2).round(2)
    array([[0.73, 0.5 ],
           [0.5 , 0.73]])
    >>> multi_head(X, *[np.eye(2)] * 4, heads=2, keep=np.array([True, False])).round(2)  # without the second head
    array([[0.73, 0.  ],
           [0.5 , 0.  ]])
    """
    parameters = {"W_q": W_q, "W_k": W_k, "W_v": W_v, "W_o": W_o, "b_q": b_q, "b_k": b_k, "b_v": b_v, "b_o": b_o,
                  "q_gain": q_gain, "k_gain": k_gain, "sinks": sinks, "W_gate": W_gate, "b_gate": b_gate}
    parameters = {name: array for name, array in parameters.items() if array is not None or name in MATRICES}
    heads = check_multi_head("multi_head", X, parameters, heads, context, options)
    out, weights = attend_in_heads(X, parameters, heads, context, **options)
    return (out, weights) if options.get("return_weights") else out


def attend_in_heads(
    X, parameters, heads, context=None, *, weigh=None, turn=None, cache=None, keep=None, return_weights=False, past=0,
    **options,
):
    """`multi_head` of a dict of parameters, all arguments checked. Returns the output and the weights, or None."""
    kept = 0 if cache is None else cache.length
    past = past if context is not None else past + kept                  # where the first query stands
    q, k, v = project_heads(X, parameters, heads, context, turn, past, kept)
    if cache is not None:
        added, (k, v) = cache._with("Cache.append", k, v)                # kept once nothing can fail any more
    options |= {"past": past, "sinks": parameters.get("sinks")}
    weights = None
    if weigh is not None:
        mixed, weights = _attend_by(weigh, q, k, v, **options)            # (..., heads, N, d_v)
    else:
        mixed = attention(q, k, v, **options)
        if return_weights:
            weights = attention_weights(q, k, **options)                 # (..., heads, N, M)
    if keep is not None:
        mixed = mixed * keep[..., None, None]
    mixed = merge(mixed)                                                 # (..., N, heads d_v)
    if "W_gate" in parameters:
        mixed = mixed * sigmoid(linear(X, parameters["W_gate"], parameters.get("b_gate")))
    if cache is not None:
        cache._keep(added)
    return linear(mixed, parameters["W_o"], parameters.get("b_o")), weights


def project_heads(X, parameters, heads, context=None, turn=None, past=0, kept=0):
    """Queries, keys and values, split into heads, normed and turned. Of a context, the first `kept` rows are left out.

    Returns q (..., heads, N, d), k (..., key_heads, M, d), v (..., key_heads, M, d_v).
    """
    source, start = (X, past) if context is None else (context[..., kept:, :], kept)
    q = split(linear(X, parameters["W_q"], parameters.get("b_q")), heads)
    key_heads = parameters["W_k"].shape[1] // q.shape[-1]
    k = split(linear(source, parameters["W_k"], parameters.get("b_k")), key_heads)
    v = split(linear(source, parameters["W_v"], parameters.get("b_v")), key_heads)
    if "q_gain" in parameters:
        q = rms_norm(q, parameters["q_gain"])
    if "k_gain" in parameters:
        k = rms_norm(k, parameters["k_gain"])
    if turn is not None:
        queries, keys = arange(past, past + q.shape[-2], like=q), arange(start, start + k.shape[-2], like=k)
        q, k = check_returned("turn", turn(q, queries), q), check_returned("turn", turn(k, keys), k)
    return q, k, v


def _attend_by(weigh, q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0,
              sinks=None):
    """`attention` with other weights than softmax, all arguments checked. Returns what is mixed and the weights.

    weigh makes the weights from the scores (..., heads, N, M), which are -inf where a key is hidden.
    """
    wide_q, wide_k, wide_v = widen(q, share_heads(k, q), share_heads(v, q))
    scores = wide_q @ wide_k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if softcap is not None:
        scores = softcap * tanh(scores / softcap)
    if bias is not None:
        scores = where(bias == -float("inf"), -float("inf"), scores + astype(bias, scores.dtype))
    N, M = scores.shape[-2:]
    if causal:
        scores = where(causal_mask(N, M, past, like=q), scores, -float("inf"))
    if window is not None:
        scores = where(window_mask(N, window, M, past, like=q), scores, -float("inf"))
    if mask is not None:
        scores = where(mask, scores, -float("inf"))
    weights = check_returned("weigh", weigh(scores), scores)
    mixed = over_seen(weights, wide_v, scores != -float("inf"))          # 0 times a hidden NaN would be NaN
    return astype(mixed, q.dtype), astype(weights, q.dtype)


def share_heads(x, q):
    """Repeat each key head (or value head) for every query head that reads it: neighbours share one.

    x (..., H_kv, M, D), q (..., H, N, D) with H a multiple of H_kv. Returns (..., H, M, D).
    `attention` does without this copy. Raises ValueError, naming the shapes, unless the heads share evenly.
    Source: Ainslie et al. 2023, section 2.2.

    >>> import numpy as np
    >>> share_heads(np.array([[[1.]], [[2.]]]), np.zeros((4, 1, 1)))[:, 0, 0]
    array([1., 1., 2., 2.])
    """
    check_groups("share_heads", x=x, q=q)
    groups = groups_of("share_heads", q, x)
    return x if groups == 1 else repeat(x, groups, axis=-3)


def sum_of_heads(x, k):
    """Add up the query heads that share each key head: the gradient of `share_heads`.

    x (..., H, M, D), k (..., H_kv, M, D) with H a multiple of H_kv. Returns (..., H_kv, M, D).
    Raises ValueError, naming the shapes, unless the heads share evenly.

    >>> import numpy as np
    >>> sum_of_heads(np.array([[[1.]], [[2.]], [[3.]], [[4.]]]), np.zeros((2, 1, 1)))[:, 0, 0]
    array([3., 7.])
    """
    check_groups("sum_of_heads", x=x, k=k)
    check_floating("sum_of_heads", x=x)
    if x.shape[-2:] != k.shape[-2:]:
        raise ValueError(f"sum_of_heads: x and k need the same M and D. Got x {tuple(x.shape)}, k {tuple(k.shape)}.")
    groups = groups_of("sum_of_heads", x, k)
    return x if groups == 1 else x.reshape(*x.shape[:-3], k.shape[-3], groups, *x.shape[-2:]).sum(-3)


def groups_of(who, q, k):
    """How many query heads read each key head. Raises ValueError, naming the shapes, unless they share evenly."""
    if q.ndim < 3 or q.shape[-3] == k.shape[-3]:
        return 1
    if not k.shape[-3] or q.shape[-3] % k.shape[-3]:
        raise ValueError(
            f"{who}: {q.shape[-3]} query heads cannot share {k.shape[-3]} key heads evenly. "
            f"Got {tuple(q.shape)} and {tuple(k.shape)}."
        )
    return q.shape[-3] // k.shape[-3]


def check_groups(who, **arrays):
    """Raise unless both are arrays, or both tensors, with the same axes (..., H, M, D) but for the last three."""
    check_arrays(who, **arrays)
    for name, array in arrays.items():
        check_axes(who, **{name: (array, "... M D")})
    one, other = arrays.values()
    if one.ndim != other.ndim or tuple(one.shape[:-3]) != tuple(other.shape[:-3]):
        came = ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items())
        raise ValueError(f"{who}: both need the same axes before those of the heads. Got {came}.")


MATRICES = "W_q", "W_k", "W_v", "W_o"
LEARNED = "b_q", "b_k", "b_v", "b_o", "q_gain", "k_gain", "sinks", "W_gate", "b_gate"
OPTIONS = ("mask", "bias", "causal", "window", "scale", "softcap", "past", "weigh", "turn", "cache", "keep",
           "return_weights")


def check_multi_head(who, X, parameters, heads, context, options):
    """heads as Python's integer; raise, naming what came, unless the arguments of `multi_head` fit together."""
    heads = check_sizes(who, heads=heads)
    check_names(who, parameters, MATRICES, LEARNED)
    d, key_heads, d_v = check_projections(who, X, context, parameters, heads)
    widths = {"b_q": heads * d, "b_k": key_heads * d, "b_v": key_heads * d_v, "b_o": parameters["W_o"].shape[1],
              "q_gain": d, "k_gain": d, "sinks": heads, "b_gate": heads * d_v}
    for name, width in widths.items():
        if name in parameters and tuple(parameters[name].shape) != (width,):
            came = _shapes(X, context, parameters, heads)
            raise ValueError(f"{who}: {name} must be ({width},); it is {tuple(parameters[name].shape)}. {came}")
    gate = parameters.get("W_gate")
    if gate is None and "b_gate" in parameters:
        raise ValueError(f"{who}: b_gate is added to the gate, X W_gate; W_gate is missing, or None.")
    if gate is not None and tuple(gate.shape) != (X.shape[-1], heads * d_v):
        came = _shapes(X, context, parameters, heads)
        raise ValueError(f"{who}: W_gate must be ({X.shape[-1]}, {heads * d_v}); it is {tuple(gate.shape)}. {came}")
    check_head_options(who, X, heads, context, "sinks" in parameters, **options)
    return heads


def check_head_options(
    who, X, heads, context, sinks, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0,
    weigh=None, turn=None, cache=None, keep=None, return_weights=False, **unknown,
):
    """Raise unless these options of `multi_head` fit vectors that have been checked."""
    if unknown:
        raise TypeError(f"{who}: there is no option {', '.join(unknown)}; there are {', '.join(OPTIONS)}.")
    check_flags(who, return_weights=return_weights)
    check_functions(who, **{name: f for name, f in (("weigh", weigh), ("turn", turn)) if f is not None})
    if weigh is not None and sinks:
        raise ValueError(f"{who}: sinks are a part of softmax; leave out weigh, or the sinks.")
    kept = check_cache(who, cache, context, past)
    M = kept + X.shape[-2] if context is None else context.shape[-2]
    check_score_options(
        who, (*X.shape[:-2], heads, X.shape[-2], M), mask=mask, bias=bias, causal=causal, window=window, scale=scale,
        softcap=softcap, past=past, sinks=None, X=X,
        what=f"the scores of X {tuple(X.shape)}{'' if context is None else f' and context {tuple(context.shape)}'},",
    )
    if keep is not None:
        check_arrays(who, X=X, keep=keep)
        check_broadcasts(who, "keep", keep, (*X.shape[:-2], heads), "the heads")
        if "bool" not in str(keep.dtype):
            check_floating(who, X=X, keep=keep)


def check_cache(who, cache, context, past):
    """How many keys are kept; raise unless the cache is None or one, and fits what is asked of it."""
    if cache is None:
        return 0
    if not (hasattr(cache, "append") and hasattr(cache, "length")):
        raise TypeError(f"{who}: cache must be an attnlib.kv_cache.Cache. Got {type(cache).__name__}.")
    if context is None and past:
        raise ValueError(f"{who}: a cache knows itself how many keys come before the first query. Got past={past}.")
    if context is not None and cache.length > context.shape[-2]:
        raise ValueError(f"{who}: the cache keeps {cache.length} rows of a context that has {context.shape[-2]}.")
    return cache.length


def check_returned(name, returned, given):
    """What the function called `name` returned; raise unless it has kind, shape and dtype of what it was given."""
    check_arrays(name, given=given, returned=returned)
    check_floating(name, given=given, returned=returned)
    if tuple(returned.shape) != tuple(given.shape):
        raise ValueError(
            f"{name}: must return the shape that it is given, {tuple(given.shape)}. Got {tuple(returned.shape)}."
        )
    return returned


def check_projections(who, X, context, parameters, heads):
    """d, the number of key heads, and d_v; raise, naming every shape, unless the matrices fit."""
    vectors = {"X": X} if context is None else {"X": X, "context": context}
    check_arrays(who, **vectors, **parameters)
    check_floating(who, **vectors, **parameters)
    W_q, W_k, W_v, W_o = matrices = [parameters[name] for name in MATRICES]
    source = X if context is None else context
    axes = zip(MATRICES, matrices, ("A a", "B b", "C c", "D d"))         # which lengths fit is said better below
    check_axes(who, X=(X, "... N x"), **{name: (array, letters) for name, array, letters in axes})
    check_axes(who, context=(source, "... M y"))
    wrong = None
    d, left = W_q.shape[1] // heads, W_q.shape[1] % heads
    key_heads, left_of_keys = (W_k.shape[1] // d, W_k.shape[1] % d) if d else (0, 0)
    d_v, left_of_values = (W_v.shape[1] // key_heads, W_v.shape[1] % key_heads) if key_heads else (0, 0)
    for name, W, array in (("W_q", W_q, X), ("W_k", W_k, source), ("W_v", W_v, source)):
        if W.shape[0] != array.shape[-1]:
            wrong = wrong or f"{name} has {W.shape[0]} rows; the vectors it projects have {array.shape[-1]} numbers"
    if wrong is not None:
        pass
    elif X.shape[:-2] != source.shape[:-2]:
        wrong = "the leading axes of X and context differ"
    elif left or not d:
        wrong = f"the {W_q.shape[1]} columns of W_q do not divide into {heads} heads"
    elif left_of_keys or not key_heads or heads % key_heads:
        wrong = (
            f"a head of W_q has {d} columns, so W_k needs {heads * d}, or for grouped heads G x {d} "
            f"with G a divisor of {heads}; it has {W_k.shape[1]}"
        )
    elif left_of_values:
        wrong = f"the {W_v.shape[1]} columns of W_v do not divide into {key_heads} heads"
    elif W_o.shape[0] != heads * d_v:
        wrong = f"W_o has {W_o.shape[0]} rows; {heads} heads of {d_v} columns need {heads * d_v}"
    if wrong is not None:
        raise ValueError(f"{who}: {wrong}. {_shapes(X, context, parameters, heads)}")
    return d, key_heads, d_v


def _shapes(X, context, parameters, heads):
    """The last sentence of an error: every array with its shape, and the heads."""
    arrays = {"X": X} | ({} if context is None else {"context": context}) | parameters
    return f"Got {', '.join(f'{name} {tuple(array.shape)}' for name, array in arrays.items())}, heads {heads}."
