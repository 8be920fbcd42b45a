"""The transformer: blocks of attention and a small network, each added to its own input.

Parameters come as a plain dict of arrays, one a name: "attention.W_q", "mlp.b_in", "blocks.0.mlp_norm.gain".
They are the names of the modules in `attnlib.nn`, so a `state_dict` is such a dict. What is absent is not done: without
"attention.b_q" no bias is added, without "attention.q_gain" no query is normed; a name that no layer knows raises.
Arrays and tensors go through the same text.
"""

import re
from collections.abc import Mapping
from functools import partial

from attnlib._arguments import check_axes, check_flags, check_floating, check_functions, check_sizes
from attnlib.heads import OPTIONS, attend_in_heads, check_multi_head, project_heads
from attnlib.kv_cache import Cache
from attnlib.layers import check_mlp, gelu, layer_norm, linear, mlp, rms_norm, silu

__all__ = [
    "attention_layer", "block", "blocks", "caches", "decoder", "decoder_block", "encoder", "gelu", "layer_norm",
    "linear", "mlp", "part", "project", "rms_norm", "silu",
]


def attention_layer(x, parameters, *, heads, context=None, **options):
    """Multi-head attention with its projections: from x to itself, or from x to `context` (cross-attention).

    x (..., N, D), context (..., M, D_c); keys and values come from context, or from x where there is none.
    parameters  those of `attnlib.heads.multi_head`, by their names: W_q, W_k, W_v, W_o; b_q, b_k, b_v, b_o, q_gain,
                k_gain, sinks, W_gate and b_gate if there are any.
    options     those of `multi_head`: mask, bias, causal, window, scale, softcap, past, weigh, turn, cache, keep,
                return_weights.
    Returns what `multi_head` returns: (..., N, D_out), and with return_weights the weights (..., heads, N, M).
    Raises ValueError or TypeError naming what came when names, shapes, dtypes or options do not fit.
    Source: Vaswani et al. 2017, section 3.2.2.

    >>> import numpy as np
    >>> same = dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], np.eye(2))
    >>> attention_layer(np.eye(2), same, heads=1).round(2)
    array([[0.67, 0.33],
           [0.33, 0.67]])
    """
    heads = check_multi_head("attention_layer", x, parameters, heads, context, options)
    out, weights = attend_in_heads(x, parameters, heads, context, **options)
    return (out, weights) if options.get("return_weights") else out


def project(x, parameters, *, heads, context=None, turn=None):
    """The queries of x and the keys and values of `context` (of x when there is none), split into heads.

    Shapes and parameters as in `attention_layer`; queries and keys are normed and turned as there. Returns
    q (..., heads, N, d), k (..., key_heads, M, d), v (..., key_heads, M, e); the number of key heads follows from the
    width of W_k. Raises ValueError or TypeError naming what came when it does not fit.

    >>> import numpy as np
    >>> q, k, v = project(np.ones((5, 4)), dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], np.eye(4)), heads=2)
    >>> q.shape
    (2, 5, 2)
    """
    heads = check_multi_head("project", x, parameters, heads, context, {"turn": turn})
    return project_heads(x, parameters, heads, context, turn)


def block(
    x, parameters, *, heads, norm_first=True, norm=layer_norm, act=gelu, return_weights=False, **options
):
    """One encoder block: attention, then the small network, each added to its own input.

    x (..., N, D); parameters "attention.*", "attention_norm.*", "mlp.*", "mlp_norm.*".
    norm_first  True normalises what goes into a layer (Xiong et al. 2020), False what comes out of the sum
                (Vaswani et al. 2017, section 3.1).
    norm        a function of x and the parameters of a norm: `layer_norm`, `rms_norm`.
    act         the activation of `mlp`.
    options     those of `attention_layer`: mask, bias, causal, window, scale, softcap, past, weigh, turn, cache, keep.
    Returns (..., N, D), and with return_weights the weights (..., heads, N, M).
    Raises ValueError or TypeError naming what came when names, shapes, dtypes or options do not fit.

    >>> import numpy as np
    >>> zeros = {f"attention.W_{a}": np.zeros((2, 2)) for a in "qkvo"}
    >>> zeros |= {f"mlp.W_{a}": np.zeros((2, 2)) for a in ("in", "out")}
    >>> zeros |= {f"{a}_norm.{b}": np.zeros(2) for a in ("attention", "mlp") for b in ("gain", "shift")}
    >>> block(np.eye(2), zeros, heads=1)  # layers that add nothing leave x as it came
    array([[1., 0.],
           [0., 1.]])
    """
    form = {"norm_first": norm_first, "norm": norm, "act": act}
    heads = check_sizes("block", heads=heads)
    check_block("block", x, parameters, heads, options, return_weights=return_weights, **form)
    x, weights = _run_block(x, parameters, heads, options, return_weights=return_weights, **form)
    return (x, weights) if return_weights else x


def decoder_block(
    x, context, parameters, *, heads, norm_first=True, norm=layer_norm, act=gelu, return_weights=False, **options
):
    """One decoder block: causal self-attention, attention to the encoder's output, then the small network.

    x (..., N, D); context (..., M, D), the encoder's output; parameters of `block` and "cross.*", "cross_norm.*".
    norm_first, norm, act  as in `block`.
    options  mask, bias, window, past, turn and keep are those of self-attention, which is causal: mask hides more than
             the future. context_mask (..., heads, N, M), context_bias and context_keep are those of the attention to
             the context, which is never causal: the whole input is known. scale, softcap and weigh are for both.
             cache is a pair, one for each: see `caches`.
    Returns (..., N, D), and with return_weights a pair of weights, (..., heads, N, N) and (..., heads, N, M).
    Raises ValueError or TypeError naming what came when names, shapes, dtypes or options do not fit.
    Source: Vaswani et al. 2017, section 3.1, figure 1 on the right.

    >>> import numpy as np
    >>> zeros = {f"{layer}.W_{a}": np.zeros((2, 2)) for layer in ("attention", "cross") for a in "qkvo"}
    >>> zeros |= {f"mlp.W_{a}": np.zeros((2, 2)) for a in ("in", "out")}
    >>> zeros |= {f"{a}_norm.{b}": np.zeros(2) for a in ("attention", "cross", "mlp") for b in ("gain", "shift")}
    >>> decoder_block(np.eye(2), np.ones((3, 2)), zeros, heads=1)  # layers that add nothing leave x as it came
    array([[1., 0.],
           [0., 1.]])
    """
    form = {"norm_first": norm_first, "norm": norm, "act": act}
    check_context("decoder_block", context)
    heads = check_sizes("decoder_block", heads=heads)
    check_block("decoder_block", x, parameters, heads, options, context, return_weights=return_weights, **form)
    x, weights = _run_block(x, parameters, heads, options, context, return_weights=return_weights, **form)
    return (x, weights) if return_weights else x


def encoder(
    x, parameters, *, heads, norm_first=True, norm=layer_norm, act=gelu, return_weights=False, **options
):
    """The encoder: every block in turn, then the last norm if there is one.

    x (..., N, D); parameters "blocks.0.*", "blocks.1.*", ... of `block`, and "norm.*", which stacks that normalise
    first have. norm_first, norm, act and options are those of `block`. An option that is a list has one value a block,
    the others are for all; cache is a list always (see `caches`), and keep may be (depth, heads).
    Returns (..., N, D), and with return_weights a list of weights (..., heads, N, M), one a block.
    Raises ValueError or TypeError naming what came when names, shapes, dtypes or options do not fit.

    >>> import numpy as np, torch, attnlib.nn
    >>> model, x = attnlib.nn.Encoder(2, 6, heads=3), np.ones((5, 6), np.float32)
    >>> parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    >>> np.allclose(encoder(x, parameters, heads=3), model(torch.from_numpy(x)).detach(), atol=1e-5)
    True
    """
    form = {"norm_first": norm_first, "norm": norm, "act": act, "return_weights": return_weights}
    return _run_stack("encoder", x, parameters, heads, options, form)


def decoder(
    x, context, parameters, *, heads, norm_first=True, norm=layer_norm, act=gelu, return_weights=False, **options
):
    """The decoder: every decoder block in turn, then the last norm if there is one.

    x (..., N, D); context (..., M, D), the encoder's output; parameters "blocks.0.*", ... of `decoder_block`, and
    "norm.*" if any. norm_first, norm, act and options are those of `decoder_block`. An option that is a list has one
    value a block; cache is a list of pairs (see `caches`), keep and context_keep may be (depth, heads).
    Returns (..., N, D), and with return_weights a list of pairs of weights, one a block.
    Raises ValueError or TypeError naming what came when names, shapes, dtypes or options do not fit.

    >>> import numpy as np, torch, attnlib.nn
    >>> model, x, context = attnlib.nn.Decoder(2, 6, heads=3), np.ones((5, 6), np.float32), np.ones((7, 6), np.float32)
    >>> parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    >>> theirs = model(*map(torch.from_numpy, (x, context))).detach()
    >>> np.allclose(decoder(x, context, parameters, heads=3), theirs, atol=1e-5)
    True
    """
    form = {"norm_first": norm_first, "norm": norm, "act": act, "return_weights": return_weights}
    check_context("decoder", context)
    return _run_stack("decoder", x, parameters, heads, options, form, context)


def caches(parameters):
    """Empty caches with which a stack of these parameters can begin to decode, one a block, for the option `cache`.

    parameters of `encoder` or `decoder`. Returns a list of `attnlib.kv_cache.Cache`; for a decoder a list of pairs, the
    second for the keys and values of the context, which are computed in the first call only.

    >>> caches({"blocks.0.attention.W_q": 1, "blocks.1.attention.W_q": 2})[1].length
    0
    """
    check_block_names("caches", parameters)
    return [
        (Cache(), Cache()) if any(name.startswith("cross.") for name in own) else Cache() for own in blocks(parameters)
    ]


def part(parameters, name):
    """The parameters whose names start with `name.`, under the rest of their names.

    Raises KeyError, listing the names there are, when none does.

    >>> part({"mlp.W_in": 1, "mlp_norm.gain": 2}, "mlp")
    {'W_in': 1}
    """
    check_parameters("part", parameters)
    if not isinstance(name, str):
        raise TypeError(f"part: name must be a string, as 'mlp'. Got {_kind(name)} {name!r:.40}.")
    start = name + "."
    own = {key.removeprefix(start): value for key, value in parameters.items() if key.startswith(start)}
    if not own:
        there = ", ".join(sorted(parameters)) or "none"
        raise KeyError(f"part: no parameter is called '{start}...'; there are {there}")
    return own


def blocks(parameters):
    """The parameters of each block, in order: those of "blocks.0.", those of "blocks.1.", and so on.

    Raises ValueError for a name whose block has no number.

    >>> blocks({"blocks.0.a": 1, "blocks.1.a": 2, "norm.gain": 3})
    [{'a': 1}, {'a': 2}]
    """
    check_parameters("blocks", parameters)
    numbers = {_number_of("blocks", key) for key in parameters if key.startswith("blocks.")}
    return [part(parameters, f"blocks.{number}") for number in sorted(numbers)]


def _number_of(who, name):
    """The number of the block in a name: 12 in "blocks.12.mlp.W_in"."""
    number = name.split(".")[1]
    if not number.isdecimal() or name.count(".") < 2:
        raise ValueError(f"{who}: a parameter of a block is called 'blocks.0.mlp.W_in', with its number. Got {name!r}.")
    return int(number)


def _run_block(x, parameters, heads, options, context=None, *, norm_first, norm, act, return_weights):
    """`block`, or with a context `decoder_block`, of checked arguments. Returns x and the weights, or None."""
    own, cross = options_of_attentions(options, context is not None)

    def before(name, x):
        return norm(x, **_parts(parameters, name)) if norm_first else x

    def after(name, x):
        return x if norm_first else norm(x, **_parts(parameters, name))

    def attend(name, x, context, options):
        mixed, weights = attend_in_heads(
            before(f"{name}_norm", x), part(parameters, name), heads, context, **options, return_weights=return_weights
        )
        return after(f"{name}_norm", x + mixed), weights

    x, weights = attend("attention", x, None, own)
    if context is not None:
        x, of_context = attend("cross", x, context, cross)
        weights = weights, of_context
    x = after("mlp_norm", x + mlp(before("mlp_norm", x), part(parameters, "mlp"), act=act))
    return x, weights


def _run_stack(who, x, parameters, heads, options, form, context=None):
    """`encoder`, or with a context `decoder`: check the arguments for `who`, then every block and the last norm."""
    heads = check_sizes(who, heads=heads)
    dealt, seen = check_stack(who, x, parameters, heads, options, context, **form), []
    for parameters_of_block, own in zip(blocks(parameters), dealt):
        x, weights = _run_block(x, parameters_of_block, heads, own, context, **form)
        seen.append(weights)
    if any(name.startswith("norm.") for name in parameters):
        x = form["norm"](x, **part(parameters, "norm"))
    return (x, seen) if form["return_weights"] else x


def _parts(parameters, name):
    """`part`, or an empty dict where a norm has nothing to learn."""
    return part(parameters, name) if any(key.startswith(name + ".") for key in parameters) else {}


BOTH = "scale", "softcap", "weigh"                             # options of both attentions of a decoder block
OF_CONTEXT = {"context_mask": "mask", "context_bias": "bias", "context_keep": "keep"}


def options_of_attentions(options, decodes):
    """The options of self-attention and, in a decoder, of the attention to the context."""
    if not decodes:
        return options, {}
    own = {name: value for name, value in options.items() if name not in OF_CONTEXT} | {"causal": True}
    cross = {name: options[name] for name in BOTH if name in options}
    cross |= {ours: options[name] for name, ours in OF_CONTEXT.items() if name in options}
    if options.get("cache") is not None:
        own["cache"], cross["cache"] = options["cache"]
    return own, cross


def deal(who, options, depth):
    """The options of each block: a list has one value a block, `keep` may be (depth, heads), the rest is for all."""
    dealt = {}
    for name, value in options.items():
        if name.endswith("keep") and value is not None and not isinstance(value, list):
            check_axes(who, **{name: (value, "L H")})
            value = list(value)
        if name == "cache" and not (value is None or isinstance(value, list)):
            raise TypeError(f"{who}: cache must be a list of {depth}, one a block, from `caches`. Got {_kind(value)}.")
        if isinstance(value, list) and len(value) != depth:
            raise ValueError(f"{who}: {name} is a list of {len(value)} values for {depth} blocks.")
        dealt[name] = value if isinstance(value, list) else [value] * depth
    return [{name: values[i] for name, values in dealt.items()} for i in range(depth)]


def check_stack(who, x, parameters, heads, options, context=None, *, norm, **form):
    """The options of each block; raise, naming what came, unless the arguments of `encoder` or `decoder` fit."""
    check_block_names(who, parameters)
    dealt = deal(who, options, len(blocks(parameters)))
    for i, (own, parameters_of_block) in enumerate(zip(dealt, blocks(parameters))):
        check_block(who, x, parameters_of_block, heads, own, context, norm=norm, **form, home=f"blocks.{i}.")
    check_norm_parameters(who, "norm", x, _parts(parameters, "norm"), norm, optional=True)
    return dealt


def check_block_names(who, parameters):
    """Raise unless every name belongs to a block or to the last norm, and no block is left out."""
    check_parameters(who, parameters)
    unknown = [name for name in parameters if not re.match(r"blocks\.|norm\.", str(name))]
    if unknown:
        raise ValueError(
            f"{who}: names start with 'blocks.0.', 'blocks.1.', ... or 'norm.'. Got {', '.join(map(str, unknown))}."
        )
    numbers = {_number_of(who, name) for name in parameters if name.startswith("blocks.")}
    missing = [f"'blocks.{i}.'" for i in range(max(numbers, default=0) + 1) if i not in numbers]
    if missing:
        raise ValueError(f"{who}: no parameter is called {missing[0][:-1]}...'. Got {_names(parameters)}.")


def check_block(
    who, x, parameters, heads, options, context=None, *, norm_first, norm, act, return_weights, home=""
):
    """Raise, naming what came, unless the arguments of `block`, or with a context of `decoder_block`, fit.

    home: what the names of the parameters start with, for messages.
    """
    check_flags(who, norm_first=norm_first, return_weights=return_weights)
    check_functions(who, norm=norm, act=act)
    check_parameters(who, parameters)
    attentions = ("attention",) if context is None else ("attention", "cross")
    needed = (*attentions, "mlp")
    known = (*needed, *(f"{name}_norm" for name in needed))
    unknown = [f"{home}{name}" for name in parameters if str(name).partition(".")[0] not in known]
    missing = [f"{home}{name}" for name in needed if not _parts(parameters, name)]
    if unknown or missing:
        wrong = f"no parameter is called {missing[0]}.*" if missing else f"nothing here uses {', '.join(unknown)}"
        raise ValueError(
            f"{who}: {wrong}; names start with {', '.join(f'{home}{name}.' for name in known)}. "
            f"Got {_names(parameters)}."
        )
    check_attentions(who, x, parameters, heads, options, context, home)
    check_mlp(f"{who}: {home}mlp", x, part(parameters, "mlp"), act)
    for name in needed:
        check_norm_parameters(who, f"{home}{name}_norm", x, _parts(parameters, f"{name}_norm"), norm)
        last = f"{name}.W_o" if name in attentions else "mlp.W_out"
        if parameters[last].shape[1] != x.shape[-1]:
            raise ValueError(
                f"{who}: {home}{last} must have {x.shape[-1]} columns, for what it makes is added to x "
                f"{tuple(x.shape)}. Got {tuple(parameters[last].shape)}."
            )


def check_attentions(who, x, parameters, heads, options, context=None, home=""):
    """Raise, naming what came, unless the parameters and options of the attentions of a block fit x."""
    decodes = context is not None
    may = [*(name for name in OPTIONS if name != "return_weights" and not (decodes and name == "causal")),
           *(OF_CONTEXT if decodes else ())]
    unknown = [name for name in options if name not in may]
    if unknown:
        raise TypeError(f"{who}: there is no option {', '.join(unknown)}; there are {', '.join(may)}.")
    if decodes and options.get("cache") is not None:
        if not (isinstance(options["cache"], tuple) and len(options["cache"]) == 2):
            raise TypeError(f"{who}: cache must be a pair for a decoder block. Got {_kind(options['cache'])}.")
    own, cross = options_of_attentions(options, decodes)
    check_multi_head(f"{who}: {home}attention", x, part(parameters, "attention"), heads, None, own)
    if decodes:
        check_multi_head(f"{who}: {home}cross", x, part(parameters, "cross"), heads, context, cross)


def check_norm_parameters(who, name, x, parameters, norm, optional=False):
    """Raise unless the parameters called `name` are those of this norm, where it is one of ours, and fit x."""
    function = norm.func if isinstance(norm, partial) else norm
    names = {layer_norm: ("gain", "shift"), rms_norm: ("gain",)}.get(function)
    if names is None or optional and not parameters:
        return
    if set(names) != set(parameters):
        raise ValueError(
            f"{who}: {function.__name__} needs {', '.join(f'{name}.{own}' for own in names)}. "
            f"Got {', '.join(f'{name}.{own}' for own in parameters) or 'none'}."
        )
    check_axes(who, x=(x, "... d"), **{own: (array, "d") for own, array in parameters.items()})
    check_floating(who, x=x, **parameters)


def check_parameters(who, parameters):
    """Raise TypeError unless the parameters are a dict of names."""
    if not isinstance(parameters, Mapping):
        raise TypeError(f"{who}: the parameters must be a dict, one array a name. Got {_kind(parameters)}.")
    for name in parameters:
        if not isinstance(name, str):
            raise TypeError(f"{who}: the parameters need names. Got {name!r}.")


def check_context(who, context):
    """Raise TypeError where a decoder has no context."""
    if context is None:
        raise TypeError(f"{who}: context must be an array or a tensor, the encoder's output. Got None.")


def _kind(value):
    return type(value).__name__


def _names(parameters):
    """The names there are, the first ten, for a message."""
    return ", ".join([*map(str, parameters)][:10]) + (", ..." if len(parameters) > 10 else "") or "none"
