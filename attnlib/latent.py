"""Multi-head latent attention: the cache keeps one short vector a token, from which all heads make keys and values.

A key has two parts. The first comes from the latent vector, as the value does, and has no position in it; the second,
the turned key, is one for all heads and carries the position, because a position in the first part would have to be
undone before the latent vector could be used in its place.
"""

from attnlib._arguments import (
    broadcast,
    check_arrays,
    check_axes,
    check_flags,
    check_floating,
    check_functions,
    check_mask,
    check_sizes,
    got,
)
from attnlib._ops import astype, concatenate, widen, zeros
from attnlib.attention import attention
from attnlib.heads import merge, split
from attnlib.layers import linear, rms_norm
from attnlib.positions import rope

SHAPES = {  # d is x's width, r the latent vector's, t the turned key's; k, v and s are heads times a width
    "W_dkv": "d r", "W_uk": "r k", "W_uv": "r v", "W_kr": "d t", "W_q": "d k", "W_qr": "d s", "W_o": "v d",
    "kv_norm.gain": "? r",
}
COMPRESSED = SHAPES | {"W_dq": "d q", "W_q": "q k", "W_qr": "q s", "q_norm.gain": "? q"}


def latent_attention(x, parameters, *, heads, cache=None, mask=None, absorbed=False, turn=rope):
    """Causal attention whose keys and values are made of a latent vector: all that is kept of a token.

    x (..., N, D), the newest N tokens. parameters, with the names of the paper:
    W_dkv (D, R)              down to the latent vector; "kv_norm.gain" (R), if there is one, normalises it
    W_uk, W_uv                up to keys (R, heads K) and values (R, heads V)
    W_kr (D, T)               the turned key, the same for all heads
    W_q, W_qr                 queries (D, heads K) and turned queries (D, heads T)
    W_dq (D, R_q)             if there is one, queries are compressed first, then W_q and W_qr have R_q rows;
                              "q_norm.gain" (R_q), if there is one, normalises them in between
    W_o (heads V, D)          joins the heads
    cache     (..., P, R + T), what an earlier call returned: latent vectors and turned keys of the P tokens before.
    mask      bool, broadcastable to (..., heads, N, P + N), hides padding besides; a token never sees a later one.
    absorbed  the same numbers another way: W_uk is multiplied into the queries and W_uv behind the weights, so that
              all heads share the cache itself as keys and values, which are never made.
    turn      a function of vectors (..., N, T) and positions (N,): `rope`, or with `interleaved` as DeepSeek's weights.
    Scores are divided by sqrt(K + T). Returns out (..., N, D) and the cache (..., P + N, R + T).
    Raises ValueError or TypeError naming what came when parameters are missing, too many, or do not fit.
    Source: DeepSeek-AI 2024, "DeepSeek-V2", section 2.1, eqs. 9 to 19; the norms: section 3.1.2.

    >>> import numpy as np
    >>> eye = np.eye(2)
    >>> parameters = dict.fromkeys(["W_dkv", "W_uk", "W_uv", "W_kr", "W_q", "W_qr", "W_o"], eye)
    >>> out, cache = latent_attention(eye, parameters, heads=1)
    >>> out.round(2), cache.shape
    (array([[1.  , 0.  ],
           [0.19, 0.81]]), (2, 4))
    >>> other, _ = latent_attention(eye[1:], parameters, heads=1, cache=cache[:1], absorbed=True)
    >>> np.allclose(other, out[1:])
    True
    """
    who = "latent_attention"
    heads = check_latent(who, x, parameters, heads, cache, mask)
    check_flags(who, absorbed=absorbed)
    check_functions(who, turn=turn)
    W, past = parameters, 0 if cache is None else int(cache.shape[-2])
    positions = list(range(past, past + x.shape[-2]))

    source = _normalised(linear(x, W["W_dq"]), W, "q_norm.gain") if "W_dq" in W else x
    q = split(linear(source, W["W_q"]), heads)                           # (..., heads, N, K)
    turned_q = turn(split(linear(source, W["W_qr"]), heads), positions)  # (..., heads, N, T)

    latent = _normalised(linear(x, W["W_dkv"]), W, "kv_norm.gain")       # (..., N, R)
    newest = concatenate([latent, turn(linear(x, W["W_kr"]), positions)], -1)
    cache = newest if cache is None else concatenate([cache, newest], -2)

    mix = _absorbed if absorbed else _expanded
    scale = int(q.shape[-1] + turned_q.shape[-1]) ** -0.5
    options = {"mask": mask, "causal": True, "past": past, "scale": scale}
    mixed = mix(q, turned_q, cache, W["W_uk"], W["W_uv"], options)       # (..., heads, N, V)
    return linear(merge(mixed), W["W_o"]), cache


def _expanded(q, turned_q, cache, W_uk, W_uv, options):
    """Every head makes its own keys and values of the latent vectors; the turned key is copied for each."""
    heads, rank = q.shape[-3], W_uk.shape[0]
    latent, turned = cache[..., :rank], cache[..., None, :, rank:]       # (..., M, R), (..., 1, M, T)
    k, v = split(linear(latent, W_uk), heads), split(linear(latent, W_uv), heads)
    turned = turned + zeros((*k.shape[:-1], 1), k)                       # (..., heads, M, T)
    return attention(concatenate([q, turned_q], -1), concatenate([k, turned], -1), v, **options)


def _absorbed(q, turned_q, cache, W_uk, W_uv, options):
    """All heads share the cache: q . (c W_uk) = (q W_uk^T) . c, and the mixture of c W_uv is that of c, times W_uv."""
    heads, rank = q.shape[-3], W_uk.shape[0]
    W_uk, W_uv = split(W_uk, heads), split(W_uv, heads)                  # (heads, R, K), (heads, R, V)
    shared = cache[..., None, :, :]                                      # (..., 1, M, R + T)
    mixed = attention(concatenate([_times(q, W_uk.mT), turned_q], -1), shared, shared[..., :rank], **options)
    return _times(mixed, W_uv)                                           # (..., heads, N, R) to (..., heads, N, V)


def _times(x, W):
    """x @ W, a matrix for each head; half types are summed in float32."""
    wide_x, wide_W = widen(x, W)
    return astype(wide_x @ wide_W, x.dtype)


def _normalised(x, parameters, gain):
    """x after an RMS norm, where there is a gain of this name."""
    return x if parameters.get(gain) is None else rms_norm(x, parameters[gain])


def cached_numbers(*, heads, width, groups, rank, turned):
    """How many numbers a cache keeps of each token in each layer, by the kind of attention.

    heads, each with keys and values of `width` numbers; groups: the key heads of grouped attention; rank: the width of
    the latent vector; turned: that of the turned key. Returns {kind: numbers}.
    Raises ValueError or TypeError unless all are whole numbers, 1 or more, and groups divides heads.
    Source: DeepSeek-AI 2024, "DeepSeek-V2", table 1.

    >>> cached_numbers(heads=128, width=128, groups=8, rank=512, turned=64)
    {'multi-head': 32768, 'grouped': 2048, 'multi-query': 256, 'latent': 576}
    """
    heads, width, groups, rank, turned = check_sizes(
        "cached_numbers", heads=heads, width=width, groups=groups, rank=rank, turned=turned
    )
    if heads % groups:
        raise ValueError(f"cached_numbers: {heads} heads cannot share {groups} groups evenly.")
    return {
        "multi-head": 2 * heads * width, "grouped": 2 * groups * width, "multi-query": 2 * width,
        "latent": rank + turned,
    }


def check_latent(who, x, parameters, heads, cache, mask):
    """The number of heads; raise unless the arguments of `latent_attention` fit together."""
    heads = check_sizes(who, heads=heads)
    if not isinstance(parameters, dict):
        raise TypeError(f"{who}: parameters must be a dict of arrays. Got {type(parameters).__name__}.")
    shapes = COMPRESSED if "W_dq" in parameters else SHAPES
    missing = [name for name, axes in shapes.items() if name not in parameters and "?" not in axes]
    unknown = [str(name) for name in parameters if name not in shapes]
    if missing or unknown:
        wrong = f"{', '.join(missing)} missing" if missing else f"{', '.join(unknown)} not among them"
        only = "" if "W_dq" in parameters else ", and with W_dq also q_norm.gain"
        raise ValueError(f"{who}: parameters are {', '.join(shapes)}{only}; {wrong}.")
    given = {name: parameters.get(name) for name in shapes}
    check_axes(who, x=(x, "... N d"), **{name: (given[name], axes) for name, axes in shapes.items()})
    check_floating(who, x=x, **given)
    R, T = parameters["W_dkv"].shape[-1], parameters["W_kr"].shape[-1]
    for name in "W_uk", "W_uv", "W_qr":
        columns = parameters[name].shape[-1]
        if columns % heads or name == "W_qr" and columns != heads * T:
            right = f"{heads} times {T}, the width of W_kr" if name == "W_qr" else f"a multiple of {heads}"
            came = got({key: (parameters[key],) for key in {name: 0, "W_kr": 0}})
            raise ValueError(f"{who}: with {heads} heads, the columns of {name} must be {right}. {came}")
    if T % 2:
        raise ValueError(f"{who}: positions turn columns in pairs, so W_kr must have an even number. Got {T}.")
    past = 0
    if cache is not None:
        check_axes(who, x=(x, "... N d"), cache=(cache, "... P c"))
        check_floating(who, x=x, cache=cache)
        past = cache.shape[-2]
        if tuple(cache.shape[:-2]) != tuple(x.shape[:-2]) or cache.shape[-1] != R + T:
            right = ", ".join(map(str, [*x.shape[:-2], "P", R + T]))
            came = got({"x": (x,), "cache": (cache,)})
            raise ValueError(f"{who}: cache must be ({right}), as a call returned it. {came}")
    shape = (*x.shape[:-2], heads, x.shape[-2], past + x.shape[-2])
    if mask is not None:
        check_arrays(who, x=x, mask=mask)
        check_mask(who, mask, mask.shape, x=x)
        if broadcast(mask.shape, shape) != shape:
            kept = "no cache" if cache is None else f"cache {tuple(cache.shape)}"
            raise ValueError(f"{who}: mask {tuple(mask.shape)} does not broadcast to the scores {shape}, with {kept}.")
    return heads
