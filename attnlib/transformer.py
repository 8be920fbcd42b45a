"""The transformer: blocks of attention and a small network, each added to its own input.

Parameters come as a plain dict of arrays, one a name: "attention.W_q", "mlp.b_in", "blocks.0.mlp_norm.gain".
They are the names of the modules in `attnlib.nn`, so a `state_dict` is such a dict. A bias that is absent is
not added. The layers are made of `linear`, the norms, the activations and `attention`, which take arrays and
tensors, so the layers take both.
"""

import math

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib.attention import attention
from attnlib.heads import check_projections, merge, split


@also_tensors
def linear(x, W, b=None):
    """Multiply every vector by one matrix and add one vector.

    x (..., D), W (D, E), b (E). Returns (..., E) in the dtype of x; float16 is summed in float32.
    Raises ValueError or TypeError naming the shapes and dtypes when they do not fit.

    >>> linear(np.array([[1., 2.]]), np.array([[1., 0.], [1., 1.]]), np.array([0., 10.]))
    array([[ 3., 12.]])
    """
    check_linear(x, W, b)
    wide = np.promote_types(x.dtype, np.float32)
    y = x.astype(wide, copy=False) @ W.astype(wide, copy=False)  # (..., E)
    if b is not None:
        y += b
    return y.astype(x.dtype, copy=False)


@also_tensors
def layer_norm(x, gain, shift, eps=1e-5):
    """Give every vector mean 0 and variance 1, then a learned gain and shift for each feature.

    x (..., D), gain (D), shift (D). Returns (..., D) in the dtype of x; float16 is averaged in float32.
    The variance divides by D; eps is added to it, so that a constant vector gives the shift, not NaN.
    Source: Ba, Kiros & Hinton 2016, eqs. 3 and 4.

    >>> layer_norm(np.array([[1., 3.]]), gain=np.array([1., 10.]), shift=np.zeros(2)).round(2)
    array([[-1., 10.]])
    """
    wide = x.astype(np.promote_types(x.dtype, np.float32), copy=False)
    centred = wide - wide.mean(-1, keepdims=True)                # (..., D)
    variance = (centred**2).mean(-1, keepdims=True)              # (..., 1)
    return (centred / np.sqrt(variance + eps) * gain + shift).astype(x.dtype, copy=False)


@also_tensors
def rms_norm(x, gain, eps=1e-6):
    """Divide every vector by its root mean square; no mean is subtracted and no shift added.

    x (..., D), gain (D). Returns (..., D) in the dtype of x; float16 is averaged in float32.
    Source: Zhang & Sennrich 2019, eq. 4.

    >>> rms_norm(np.array([[3., 4., 0., 0.]]), gain=np.ones(4)).round(2)
    array([[1.2, 1.6, 0. , 0. ]])
    """
    wide = x.astype(np.promote_types(x.dtype, np.float32), copy=False)
    power = (wide**2).mean(-1, keepdims=True)                    # (..., 1)
    return (wide / np.sqrt(power + eps) * gain).astype(x.dtype, copy=False)


_erf = np.vectorize(math.erf, otypes=[float])  # NumPy has no erf of its own


@also_tensors
def gelu(x, tanh=False):
    """x times the probability that a standard normal number is below x.

    x, any shape, floating. Returns the same shape and dtype. Exact by the error function;
    tanh=True takes the approximation that GPT-2 was trained with (at most 5e-4 away).
    Source: Hendrycks & Gimpel 2016.

    >>> gelu(np.array([-1., 0., 1.])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    if tanh:
        bell = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    else:
        bell = _erf(x * math.sqrt(0.5)).astype(x.dtype)
    return x * (1 + bell) / 2


@also_tensors
def silu(x):
    """x times its logistic sigmoid, the activation of Llama's gated network.

    x, any shape, floating. Returns the same shape and dtype. Source: Elfwing, Uchibe & Doya 2018.

    >>> silu(np.array([0., 100.]))
    array([  0., 100.])
    """
    return x * (1 + np.tanh(x / 2)) / 2  # the sigmoid, without an exponential that overflows


def mlp(x, parameters, *, act=gelu):
    """The small network of a block, applied to each vector alone: a wider layer, an activation, and a layer back.

    x (..., D); parameters W_in (D, F), W_out (F, D), and b_in (F), b_out (D) if there are any.
    With W_gate (D, F), act is applied to the gate and the two products are multiplied (Shazeer 2020, "GLU").
    Returns (..., D). Source: Vaswani et al. 2017, section 3.3.

    >>> mlp(np.array([[-5., 5.]]), {"W_in": np.eye(2), "W_out": np.eye(2)}).round(2)
    array([[-0.,  5.]])
    """
    wide = linear(x, parameters["W_in"], parameters.get("b_in"))  # (..., F)
    if "W_gate" in parameters:
        wide = act(linear(x, parameters["W_gate"], parameters.get("b_gate"))) * wide
    else:
        wide = act(wide)
    return linear(wide, parameters["W_out"], parameters.get("b_out"))


def attention_layer(
    x, parameters, *, heads, context=None, mask=None, causal=False, turn=None, who="attention_layer"
):
    """Multi-head attention with its projections: from x to itself, or from x to `context` (cross-attention).

    x (..., N, D), context (..., M, D); parameters W_q (D, heads d), W_k (D, key_heads d), W_v (D, key_heads e),
    W_o (heads e, D), and b_q, b_k, b_v, b_o if there are any. Keys and values both come from context.
    mask  bool, broadcastable to (..., heads, N, M); True = may attend.
    turn  a function of q and of k (..., heads, N, d): rotary positions.
    who   the name that an error starts with.
    Returns (..., N, D): what `attnlib.heads.multi_head` gives for the same matrices, when there is no turn.
    Raises ValueError naming the shapes when the heads do not divide the widths.
    Source: Vaswani et al. 2017, section 3.2.2; fewer key heads than query heads: Ainslie et al. 2023.

    >>> same = dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], np.eye(2))
    >>> attention_layer(np.eye(2), same, heads=1).round(2)
    array([[0.67, 0.33],
           [0.33, 0.67]])
    """
    q, k, v = project(x, parameters, heads=heads, context=context, turn=turn, who=who)
    mixed = attention(q, k, v, mask=mask, causal=causal)         # (..., heads, N, e)
    return linear(merge(mixed), parameters["W_o"], parameters.get("b_o"))


def project(x, parameters, *, heads, context=None, turn=None, who="project"):
    """The queries of x and the keys and values of `context` (of x when there is none), split into heads.

    Shapes and parameters as in `attention_layer`. Returns q (..., heads, N, d), k (..., key_heads, M, d),
    v (..., key_heads, M, e); the number of key heads follows from the width of W_k.

    >>> q, k, v = project(np.ones((5, 4)), dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], np.eye(4)), heads=2)
    >>> q.shape
    (2, 5, 2)
    """
    source = x if context is None else context
    key_heads = check_projections(who, x, source, *(parameters[f"W_{name}"] for name in "qkvo"), heads)
    q = split(linear(x, parameters["W_q"], parameters.get("b_q")), heads)
    k = split(linear(source, parameters["W_k"], parameters.get("b_k")), key_heads)
    v = split(linear(source, parameters["W_v"], parameters.get("b_v")), key_heads)
    return (q, k, v) if turn is None else (turn(q), turn(k), v)


def block(x, parameters, *, heads, mask=None, causal=False, norm_first=True, norm=layer_norm, act=gelu, turn=None):
    """One encoder block: attention, then the small network, each added to its own input.

    x (..., N, D); parameters "attention.*", "attention_norm.*", "mlp.*", "mlp_norm.*".
    norm_first=True normalises what goes into a layer (Xiong et al. 2020), False what comes out of the sum
    (Vaswani et al. 2017, section 3.1). mask, causal and turn as in `attention_layer`. Returns (..., N, D).

    >>> zeros = {f"attention.W_{a}": np.zeros((2, 2)) for a in "qkvo"}
    >>> zeros |= {f"mlp.W_{a}": np.zeros((2, 2)) for a in ("in", "out")}
    >>> zeros |= {f"{a}_norm.{b}": np.zeros(2) for a in ("attention", "mlp") for b in ("gain", "shift")}
    >>> block(np.eye(2), zeros, heads=1)  # layers that add nothing leave x as it came
    array([[1., 0.],
           [0., 1.]])
    """
    def self_attention(y):
        return attention_layer(y, part(parameters, "attention"), heads=heads, mask=mask, causal=causal, turn=turn)

    def network(y):
        return mlp(y, part(parameters, "mlp"), act=act)

    for layer, name in (self_attention, "attention_norm"), (network, "mlp_norm"):
        x = _add(x, layer, norm, part(parameters, name), norm_first)
    return x


def decoder_block(
    x, context, parameters, *, heads, mask=None, context_mask=None, norm_first=True, norm=layer_norm, act=gelu
):
    """One decoder block: causal self-attention, attention to the encoder's output, then the small network.

    x (..., N, D); context (..., M, D), the encoder's output; parameters of `block` and "cross.*", "cross_norm.*".
    mask (..., heads, N, N) hides more than the future; context_mask (..., heads, N, M) hides padding of the
    context. Attention to the context is never causal: the whole input is known. Returns (..., N, D).
    Source: Vaswani et al. 2017, section 3.1, figure 1 on the right.

    >>> zeros = {f"{layer}.W_{a}": np.zeros((2, 2)) for layer in ("attention", "cross") for a in "qkvo"}
    >>> zeros |= {f"mlp.W_{a}": np.zeros((2, 2)) for a in ("in", "out")}
    >>> zeros |= {f"{a}_norm.{b}": np.zeros(2) for a in ("attention", "cross", "mlp") for b in ("gain", "shift")}
    >>> decoder_block(np.eye(2), np.ones((3, 2)), zeros, heads=1)  # layers that add nothing leave x as it came
    array([[1., 0.],
           [0., 1.]])
    """
    def self_attention(y):
        return attention_layer(y, part(parameters, "attention"), heads=heads, mask=mask, causal=True)

    def cross_attention(y):
        return attention_layer(y, part(parameters, "cross"), heads=heads, context=context, mask=context_mask)

    def network(y):
        return mlp(y, part(parameters, "mlp"), act=act)

    for layer, name in (self_attention, "attention_norm"), (cross_attention, "cross_norm"), (network, "mlp_norm"):
        x = _add(x, layer, norm, part(parameters, name), norm_first)
    return x


def encoder(x, parameters, *, norm=layer_norm, **options):
    """The encoder: every block in turn, then the last norm if there is one.

    x (..., N, D); parameters "blocks.0.*", "blocks.1.*", ... of `block`, and "norm.*", which stacks that normalise
    first have. options are those of `block`; heads must be given. Returns (..., N, D).

    >>> import torch, attnlib.nn
    >>> model, x = attnlib.nn.Encoder(2, 6, heads=3), np.ones((5, 6), np.float32)
    >>> parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    >>> np.allclose(encoder(x, parameters, heads=3), model(torch.from_numpy(x)).detach(), atol=1e-5)
    True
    """
    for parameters_of_block in blocks(parameters):
        x = block(x, parameters_of_block, norm=norm, **options)
    return norm(x, **part(parameters, "norm")) if "norm.gain" in parameters else x


def decoder(x, context, parameters, *, norm=layer_norm, **options):
    """The decoder: every decoder block in turn, then the last norm if there is one.

    x (..., N, D); context (..., M, D), the encoder's output; parameters "blocks.0.*", ... of `decoder_block`, and
    "norm.*" if any. options are those of `decoder_block`; heads must be given. Returns (..., N, D).

    >>> import torch, attnlib.nn
    >>> model, x, context = attnlib.nn.Decoder(2, 6, heads=3), np.ones((5, 6), np.float32), np.ones((7, 6), np.float32)
    >>> parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    >>> theirs = model(*map(torch.from_numpy, (x, context))).detach()
    >>> np.allclose(decoder(x, context, parameters, heads=3), theirs, atol=1e-5)
    True
    """
    for parameters_of_block in blocks(parameters):
        x = decoder_block(x, context, parameters_of_block, norm=norm, **options)
    return norm(x, **part(parameters, "norm")) if "norm.gain" in parameters else x


def greedy_decode(scores_of, start, *, end, longest):
    """Write one token at a time, each the one with the highest score, until the end token or `longest` tokens.

    scores_of takes the list of tokens so far, start included, and returns the scores of the next one (V,).
    Returns the list of tokens written, without start; its last is `end` unless the length ran out first.
    Of equal scores the first wins. Raises ValueError when start is empty.

    >>> def count_up(tokens):
    ...     return np.eye(10)[tokens[-1] + 1]
    >>> greedy_decode(count_up, [3], end=6, longest=10)
    [4, 5, 6]
    >>> greedy_decode(count_up, [3], end=6, longest=2)
    [4, 5]
    """
    tokens = list(start)
    if not tokens:
        raise ValueError("greedy_decode: start is empty; the first scores need at least one token, [start_token].")
    first = len(tokens)
    while len(tokens) - first < longest:
        tokens.append(int(scores_of(tokens).argmax()))
        if tokens[-1] == end:
            break
    return tokens[first:]


def part(parameters, name):
    """The parameters whose names start with `name.`, under the rest of their names.

    Raises KeyError, listing the names there are, when none does.

    >>> part({"mlp.W_in": 1, "mlp_norm.gain": 2}, "mlp")
    {'W_in': 1}
    """
    start = name + "."
    own = {key.removeprefix(start): value for key, value in parameters.items() if key.startswith(start)}
    if not own:
        there = ", ".join(sorted(parameters)) or "none"
        raise KeyError(f"part: no parameter is called '{start}...'; there are {there}")
    return own


def blocks(parameters):
    """The parameters of each block, in order: those of "blocks.0.", those of "blocks.1.", and so on.

    >>> blocks({"blocks.0.a": 1, "blocks.1.a": 2, "norm.gain": 3})
    [{'a': 1}, {'a': 2}]
    """
    numbers = {int(key.split(".")[1]) for key in parameters if key.startswith("blocks.")}
    return [part(parameters, f"blocks.{number}") for number in sorted(numbers)]


def _add(x, layer, norm, gains, norm_first):
    """A residual step: x plus the layer's output, with the norm before the layer or after the sum."""
    return x + layer(norm(x, **gains)) if norm_first else norm(x + layer(x), **gains)


def check_linear(x, W, b):
    """Raise ValueError or TypeError, naming what came, unless x, W and b fit together."""
    got = f"Got x {tuple(x.shape)}, W {tuple(W.shape)}" + (f", b {tuple(b.shape)}." if b is not None else ".")
    if W.ndim != 2 or x.shape[-1] != W.shape[0]:
        raise ValueError(f"linear: x has {x.shape[-1]} columns, so W must be ({x.shape[-1]}, E). {got}")
    if b is not None and tuple(b.shape) != (W.shape[1],):
        raise ValueError(f"linear: W makes vectors of {W.shape[1]}, so b must be ({W.shape[1]},). {got}")
    kinds = [value.dtype for value in (x, W, b) if value is not None]
    if len(set(kinds)) > 1:
        raise TypeError(f"linear: x, W and b need one dtype; got {', '.join(map(str, kinds))}.")
