"""The transformer: attention and a small network, each added to what came in, block upon block.

Weights come as a plain dict of arrays, one a name: "attention.W_q", "mlp.b_in", "blocks.0.mlp_norm.gain".
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
    """Divide every vector by its root mean square; no mean is taken off and no shift added.

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
    """x times its logistic sigmoid, as Llama's gated network has it.

    x, any shape, floating. Returns the same shape and dtype. Source: Elfwing, Uchibe & Doya 2018.

    >>> silu(np.array([0., 100.]))
    array([  0., 100.])
    """
    return x * (1 + np.tanh(x / 2)) / 2  # the sigmoid, without an exponential that overflows


def mlp(x, weights, *, act=gelu):
    """Widen every vector, bend it, narrow it again; no vector looks at another.

    x (..., D); weights W_in (D, F), W_out (F, D), and b_in (F), b_out (D) if there are any.
    With W_gate (D, F), act is applied to the gate and the two products are multiplied (Shazeer 2020, "GLU").
    Returns (..., D). Source: Vaswani et al. 2017, section 3.3.

    >>> mlp(np.array([[-5., 5.]]), {"W_in": np.eye(2), "W_out": np.eye(2)}).round(2)
    array([[-0.,  5.]])
    """
    wide = linear(x, weights["W_in"], weights.get("b_in"))       # (..., F)
    if "W_gate" in weights:
        wide = act(linear(x, weights["W_gate"], weights.get("b_gate"))) * wide
    else:
        wide = act(wide)
    return linear(wide, weights["W_out"], weights.get("b_out"))


def attention_layer(x, weights, *, heads, memory=None, mask=None, causal=False, turn=None):
    """Multi-head attention with its projections: x looks at itself, or at `memory` when there is one.

    x (..., N, D), memory (..., M, D); weights W_q (D, heads d), W_k (D, key_heads d), W_v (D, key_heads e),
    W_o (heads e, D), and b_q, b_k, b_v, b_o if there are any. Keys and values both come from memory.
    mask  bool, broadcastable to (..., heads, N, M); True = may attend.
    turn  a function of q and of k (..., heads, N, d): rotary positions.
    Returns (..., N, D): `attnlib.heads.multi_head` of these weights, when there is no turn.
    Raises ValueError naming the shapes when the heads do not divide the widths.
    Source: Vaswani et al. 2017, section 3.2.2; fewer key heads than query heads: Ainslie et al. 2023.

    >>> same = dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], np.eye(2))
    >>> attention_layer(np.eye(2), same, heads=1).round(2)
    array([[0.67, 0.33],
           [0.33, 0.67]])
    """
    q, k, v = project(x, weights, heads=heads, memory=memory, turn=turn)
    mixed = attention(q, k, v, mask=mask, causal=causal)         # (..., heads, N, e)
    return linear(merge(mixed), weights["W_o"], weights.get("b_o"))


def project(x, weights, *, heads, memory=None, turn=None):
    """The queries of x and the keys and values of memory (of x when there is none), cut into heads.

    Shapes and weights as in `attention_layer`. Returns q (..., heads, N, d), k (..., key_heads, M, d),
    v (..., key_heads, M, e); the number of key heads follows from the width of W_k.

    >>> q, k, v = project(np.ones((5, 4)), dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], np.eye(4)), heads=2)
    >>> q.shape
    (2, 5, 2)
    """
    source = x if memory is None else memory
    key_heads = check_projections(x, source, *(weights[f"W_{name}"] for name in "qkvo"), heads)
    q = split(linear(x, weights["W_q"], weights.get("b_q")), heads)
    k = split(linear(source, weights["W_k"], weights.get("b_k")), key_heads)
    v = split(linear(source, weights["W_v"], weights.get("b_v")), key_heads)
    return (q, k, v) if turn is None else (turn(q), turn(k), v)


def block(x, weights, *, heads, mask=None, causal=False, norm_first=True, norm=layer_norm, act=gelu, turn=None):
    """One encoder block: attention, then the small network; each is added to its input.

    x (..., N, D); weights "attention.*", "attention_norm.*", "mlp.*", "mlp_norm.*".
    norm_first=True normalises what goes into a layer (Xiong et al. 2020), False what comes out of the sum
    (Vaswani et al. 2017, section 3.1). mask, causal and turn as in `attention_layer`. Returns (..., N, D).

    >>> zeros = {f"attention.W_{a}": np.zeros((2, 2)) for a in "qkvo"}
    >>> zeros |= {f"mlp.W_{a}": np.zeros((2, 2)) for a in ("in", "out")}
    >>> zeros |= {f"{a}_norm.{b}": np.zeros(2) for a in ("attention", "mlp") for b in ("gain", "shift")}
    >>> block(np.eye(2), zeros, heads=1)  # layers that add nothing leave x as it came
    array([[1., 0.],
           [0., 1.]])
    """
    def look(y):
        return attention_layer(y, part(weights, "attention"), heads=heads, mask=mask, causal=causal, turn=turn)

    def think(y):
        return mlp(y, part(weights, "mlp"), act=act)

    for layer, name in (look, "attention_norm"), (think, "mlp_norm"):
        x = _add(x, layer, norm, part(weights, name), norm_first)
    return x


def decoder_block(
    x, memory, weights, *, heads, mask=None, memory_mask=None, norm_first=True, norm=layer_norm, act=gelu
):
    """One decoder block: causal attention to itself, attention to the encoder's output, the small network.

    x (..., N, D), memory (..., M, D); weights of `block` and "cross.*", "cross_norm.*".
    mask (..., heads, N, N) hides more than the future; memory_mask (..., heads, N, M) hides padding of memory.
    The attention to memory is never causal: the whole input is known. Returns (..., N, D).
    Source: Vaswani et al. 2017, section 3.1, figure 1 on the right.

    >>> zeros = {f"{layer}.W_{a}": np.zeros((2, 2)) for layer in ("attention", "cross") for a in "qkvo"}
    >>> zeros |= {f"mlp.W_{a}": np.zeros((2, 2)) for a in ("in", "out")}
    >>> zeros |= {f"{a}_norm.{b}": np.zeros(2) for a in ("attention", "cross", "mlp") for b in ("gain", "shift")}
    >>> decoder_block(np.eye(2), np.ones((3, 2)), zeros, heads=1)  # layers that add nothing leave x as it came
    array([[1., 0.],
           [0., 1.]])
    """
    def look(y):
        return attention_layer(y, part(weights, "attention"), heads=heads, mask=mask, causal=True)

    def ask(y):
        return attention_layer(y, part(weights, "cross"), heads=heads, memory=memory, mask=memory_mask)

    def think(y):
        return mlp(y, part(weights, "mlp"), act=act)

    for layer, name in (look, "attention_norm"), (ask, "cross_norm"), (think, "mlp_norm"):
        x = _add(x, layer, norm, part(weights, name), norm_first)
    return x


def encoder(x, weights, *, norm=layer_norm, **options):
    """Every block of the weights in turn, then the last norm if there is one.

    x (..., N, D); weights "blocks.0.*", "blocks.1.*", ... of `block`, and "norm.*", which stacks that normalise
    first have. options are those of `block`; heads must be given. Returns (..., N, D).

    >>> import torch, attnlib.nn
    >>> model, x = attnlib.nn.Encoder(2, 6, heads=3), np.ones((5, 6), np.float32)
    >>> weights = {name: value.numpy() for name, value in model.state_dict().items()}
    >>> np.allclose(encoder(x, weights, heads=3), model(torch.from_numpy(x)).detach(), atol=1e-5)
    True
    """
    for weights_of_block in blocks(weights):
        x = block(x, weights_of_block, norm=norm, **options)
    return norm(x, **part(weights, "norm")) if "norm.gain" in weights else x


def decoder(x, memory, weights, *, norm=layer_norm, **options):
    """Every decoder block of the weights in turn, then the last norm if there is one.

    x (..., N, D), memory (..., M, D): what the encoder gave. weights "blocks.0.*", ... of `decoder_block`, and
    "norm.*" if any. options are those of `decoder_block`; heads must be given. Returns (..., N, D).

    >>> import torch, attnlib.nn
    >>> model, x, memory = attnlib.nn.Decoder(2, 6, heads=3), np.ones((5, 6), np.float32), np.ones((7, 6), np.float32)
    >>> weights = {name: value.numpy() for name, value in model.state_dict().items()}
    >>> theirs = model(*map(torch.from_numpy, (x, memory))).detach()
    >>> np.allclose(decoder(x, memory, weights, heads=3), theirs, atol=1e-5)
    True
    """
    for weights_of_block in blocks(weights):
        x = decoder_block(x, memory, weights_of_block, norm=norm, **options)
    return norm(x, **part(weights, "norm")) if "norm.gain" in weights else x


def greedy_decode(scores_of, start, *, end, longest):
    """Write one token at a time, always the best-scored, until the end token or `longest` tokens.

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


def part(weights, name):
    """The weights whose names start with `name.`, without that start.

    Raises KeyError saying which names there are when none does.

    >>> part({"mlp.W_in": 1, "mlp_norm.gain": 2}, "mlp")
    {'W_in': 1}
    """
    start = name + "."
    own = {key.removeprefix(start): value for key, value in weights.items() if key.startswith(start)}
    if not own:
        raise KeyError(f"no weight is called '{start}...'; there are {', '.join(sorted(weights)) or 'none'}")
    return own


def blocks(weights):
    """The weights of each block, in order: those of "blocks.0.", those of "blocks.1.", and so on.

    >>> blocks({"blocks.0.a": 1, "blocks.1.a": 2, "norm.gain": 3})
    [{'a': 1}, {'a': 2}]
    """
    numbers = {int(key.split(".")[1]) for key in weights if key.startswith("blocks.")}
    return [part(weights, f"blocks.{number}") for number in sorted(numbers)]


def _add(x, layer, norm, gains, norm_first):
    """A residual step: x plus the layer's answer, with the norm before the layer or after the sum."""
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
        raise TypeError(f"linear: x and the weights need one dtype; got {', '.join(map(str, kinds))}.")
