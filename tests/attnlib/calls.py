"""How every public function of attnlib is called: one valid call or more, every argument given in at least one.

`CALLS` is a list of `Call`. A test takes from it what it needs:

    for call in CALLS:
        arguments = call.draw()            # {name: value}, arrays of NumPy; call.draw(tensors=True): tensors
        answer = call.run(arguments)

and reads what an argument is in `call.arguments[name]`, a `Kind` (see kinds.py). A test holds that no function and no
named argument is missing here; what goes into `**options` is written by hand. To add one: write a line under the name
of its module. What attnlib alone calls stands in `INNER`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import attnlib
from attnlib.layers import layer_norm, silu
from attnlib.weights import relu_weights
from tests.attnlib.kinds import (
    SIZES,
    arrays,
    convert,
    edges,
    flag,
    floats,
    function,
    ids,
    like,
    mask,
    moved,
    number,
    pair,
    parameters,
    size,
    text,
    thing,
)

MODULES = [name for name in attnlib.MODULES if name not in ("check", "data", "devices")]
INNER = {  # what modules of attnlib use of one another: no chapter calls it, and its arguments have been checked
    "attention": ["weights_of"],
    "backward": ["chunked_backward", "add_rows", "less", "more", "sinks_gradient", "must_be_careful", "pairs_seen",
                 "only", "transposed", "softcap_slope"],
    "heads": ["groups_of", "attend_in_heads", "project_heads"],
    "inputs": ["to_samples"],
    "online_softmax": ["finite", "columns"],
    "positions": ["frequencies", "table_reach"],
    "transformer": ["options_of_attentions", "deal"],
}
INNER = {f"{module}.{name}" for module, names in INNER.items() for name in names}


@dataclass(frozen=True)
class Call:
    """One valid call of a function, a class or a method: "masks.window", "nn.Block", "nn.Block.forward".

    on        of a method: makes the object from the sizes and a function that converts arrays
    only      "tensors" or "arrays", where only these are taken
    compiles  whether torch.compile(fullgraph=True) takes it: not where the answer's shape depends on numbers
    random    whether the answer differs from call to call
    slow      whether it takes seconds
    """

    name: str
    arguments: dict
    on: Callable | None = None
    only: str | None = None
    compiles: bool = True
    random: bool = False
    slow: bool = False

    @property
    def marks(self):
        """The marks of its tests."""
        return [pytest.mark.slow] if self.slow else []

    @property
    def has_arrays(self):
        """Whether any argument is an array, so that tensors are another case."""
        return self.on is not None or any(
            kind.what in ("floats", "moved", "mask", "ids", "like", "parameters", "arrays")
            for kind in self.arguments.values()
        )

    @property
    def sides(self):
        """The kinds of array it takes: ["arrays", "tensors"], or one of them."""
        return [self.only] if self.only else ["arrays", "tensors"] if self.has_arrays else ["arrays"]

    def function(self, tensors=False, sizes=SIZES):
        """What is called; for a method, that of an object made anew."""
        if self.on is None:
            return find(self.name)
        made = self.on(sizes, torch.from_numpy if tensors else np.asarray)
        return getattr(made, self.name.split(".")[2])

    def names(self):
        """What an error may start with: the function; of a method, its class or both."""
        _, *names = self.name.split(".")
        return [names[0], ".".join(names)]

    def draw(self, tensors=False, sizes=SIZES):
        """A valid value for every argument: {name: value}."""
        drawn = {name: kind.draw(sizes, seed) for seed, (name, kind) in enumerate(self.arguments.items())}
        for name, kind in self.arguments.items():
            if kind.made is not None:
                drawn[name] = kind.made(drawn)
        return convert(drawn, torch.from_numpy) if tensors else drawn

    def run(self, given, tensors=False, sizes=SIZES, function=None):
        """The answer to these arguments; what the signature needs is passed by position, the rest by name."""
        function = function or self.function(tensors, sizes)
        positional = [name for name in required(self.name) if name in given]
        named = {name: value for name, value in given.items() if name not in positional}
        rest = named.pop("shape") if self.name == "reading.head_effects" else ()  # its sizes come one by one
        rest = rest if isinstance(rest, tuple) else (rest,)
        return function(*(given[name] for name in positional), *rest, **named)

    def __str__(self):
        return self.name


def find(name):
    """The function, class or method called "module.name" or "module.Class.method"."""
    module, *names = name.split(".")
    found = getattr(attnlib, module)
    for one in names:
        found = getattr(found, one)
    return found


def parameters_of(name):
    """The signature's parameters, without self."""
    found = inspect.signature(find(name)).parameters
    return {key: value for key, value in found.items() if key != "self"}


def required(name):
    """The parameters without a default that may be passed by position."""
    return [key for key, value in parameters_of(name).items()
            if value.default is value.empty and value.kind is value.POSITIONAL_OR_KEYWORD]


CALLS = []


def call(name, /, *, on=None, only=None, compiles=True, random=False, slow=False, **arguments):
    """Add a call to CALLS."""
    CALLS.append(Call(name, arguments, on, only, compiles, random, slow))


def shares(x):
    """Positive rows that sum to one, as weights do."""
    return abs(x) / np.maximum(abs(x).sum(-1, keepdims=True), 1e-9)


def negative(x):
    """Numbers below zero, as logarithms of a decay are."""
    return -abs(x)


def between(x):
    """Numbers from 0 to 1."""
    return 1 / (1 + np.exp(-x))


def turn(x, positions):
    """Rotary positions, for queries and for keys."""
    return attnlib.positions.rope(x, positions, base=100)


def new_cache(drawn):
    """An empty cache, a new one for each call."""
    return attnlib.kv_cache.Cache()


# attention ------------------------------------------------------------------------------------------------------------

GROUPED = {"q": floats("B H N d"), "k": floats("B G M d"), "v": floats("B G M e")}
PLAIN = {"q": floats("N d"), "k": floats("M d"), "v": floats("M e")}
NUMBERS = {"scale": number(0.3, optional=True), "softcap": number(2.0, above=0, optional=True)}
ADDED = {"broadcasts": True, "own_dtype": True, "optional": True}
OPTIONS = NUMBERS | {
    "mask": mask("B H N M"), "bias": floats("B H N M", **ADDED), "causal": flag(True),
    "window": size(3, least=0, optional=True),
}
INSIDE = {
    "causal": flag(True), "cache": thing(made=new_cache, optional=True),
    "keep": floats("H", broadcasts=True, or_booleans=True, optional=True),
}
LATER = {"past": size(2, least=0), "causal": flag(True), "sinks": floats("H", **ADDED)}


def only_scores(qkv):
    """q and k of a dict of q, k and v."""
    return {name: kind for name, kind in qkv.items() if name != "v"}


def forward(which):
    """What attention_forward returns for the other arguments of a call: the 0th, out, or the 1st, lse."""
    def made(drawn):
        options = {name: value for name, value in drawn.items() if name not in ("dout", "out", "lse", "q", "k", "v")}
        return attnlib.backward.attention_forward(drawn["q"], drawn["k"], drawn["v"], **options)[which]
    return made


BACKWARD = {"out": floats("B H N e", made=forward(0)), "lse": floats("B H N 1", made=forward(1), own_dtype=True)}
PLAIN_BACKWARD = {"out": floats("N e", made=forward(0)), "lse": floats("N 1", made=forward(1), own_dtype=True)}

call("attention.attend", Q=floats("B N d"), K=floats("B M d"), V=floats("B M e"), mask=mask("B N M"))
call("attention.attend", Q=floats("N d"), K=floats("M d"), V=floats("M e"))
for qkv in (GROUPED | OPTIONS, PLAIN, GROUPED | LATER):
    call("attention.attention", **qkv)
    call("attention.attention_weights", **only_scores(qkv))

# backward -------------------------------------------------------------------------------------------------------------

call("backward.softmax_jacobian", alpha=floats("B N M", change=shares))
call("backward.softmax_backward", dalpha=floats("B M"), alpha=floats("B M", change=shares))
for qkv in (GROUPED | OPTIONS, GROUPED | LATER):
    upper = {name.upper() if name in "qkv" else name: kind for name, kind in qkv.items()}
    call("backward.attend_backward", dB=floats("B H N e"), **upper)
    call("backward.attention_forward", **qkv)
    call("backward.attention_backward", dout=floats("B H N e"), **qkv, **BACKWARD)
call("backward.attend_backward", dB=floats("N e"), Q=floats("N d"), K=floats("M d"), V=floats("M e"))
call("backward.attention_forward", **PLAIN)
call("backward.attention_backward", dout=floats("N e"), **PLAIN, **PLAIN_BACKWARD)
call("backward.self_attention_backward", dB=floats("B N e"), X=floats("B N D"), W_q=floats("D d"), W_k=floats("D d"),
     W_v=floats("D e"), mask=mask("B N N"), causal=flag(True))

# costs ----------------------------------------------------------------------------------------------------------------

PAIRS = {"causal": flag(True), "window": size(2, least=0, optional=True), "past": size(2, least=0)}
call("costs.Cost", parameters=size(3, 0), flops=size(4, 0), activations=size(5, 0))
call("costs.Cost.bytes", on=lambda sizes, to: attnlib.costs.Cost(3, 4, 5), only="arrays", itemsize=size(2, least=1))
call("costs.linear", N=size("N", 1), d_in=size("d", 1), d_out=size("e", 1), bias=flag(True))
call("costs.dense", N=size("N", 1), d_in=size("d", 1), d_out=size("e", 1), bias=flag(True))
call("costs.windowed_linear", N=size("N", 1), d_in=size("d", 1), d_out=size("e", 1), k=size("k", 0), bias=flag(True))
call("costs.convolution", H=size("H", 1), W=size("M", 1), c_in=size("d", 1), c_out=size("e", 1), k=size(3, 1),
     bias=flag(True))
call("costs.recurrent", N=size("N", 1), d_in=size("d", 1), d_hidden=size("e", 1), bias=flag(True))
call("costs.pairs", N=size("N", 1), M=size("M", 1), **PAIRS)
call("costs.mixing", N=size("N", 1), M=size("M", 1), heads=size("H", 1), d_k=size("d", 1), d_v=size("e", 1), **PAIRS)
call("costs.self_attention", N=size("N", 1), d=size("D", 1), d_k=size("d", 1), d_v=size("e", 1), bias=flag(True),
     output=flag(True), **PAIRS)
call("costs.multi_head", N=size("N", 1), d_model=size("H*d", 1), heads=size("H", 1), M=size("M", 1),
     key_heads=size("G", 1), d_k=size("d", 1), d_v=size("e", 1), bias=flag(True), output=flag(False), **PAIRS)
call("costs.dot_score", N=size("N", 1), M=size("M", 1), d=size("d", 1))
call("costs.bilinear_score", N=size("N", 1), M=size("M", 1), d_q=size("d", 1), d_k=size("e", 1))
call("costs.additive_score", N=size("N", 1), M=size("M", 1), d_q=size("d", 1), d_k=size("e", 1), hidden=size("h", 1),
     bias=flag(True))
call("costs.layer_norm", N=size("N", 1), d=size("d", 1), bias=flag(True))
call("costs.mlp", N=size("N", 1), d=size("d", 1), hidden=size("h", 1), bias=flag(True))
call("costs.block", N=size("N", 1), d_model=size("H*d", 1), heads=size("H", 1), hidden=size("h", 1), bias=flag(True),
     key_heads=size("G", 1), **PAIRS)
call("costs.crossover", first=function(lambda N: N * N), second=function(lambda N: 9 * N), limit=size(100, 1))

# heads ----------------------------------------------------------------------------------------------------------------

MATRICES = {"W_q": floats("D H*d"), "W_k": floats("D G*d"), "W_v": floats("D G*e"), "W_o": floats("H*e h")}
BIASES = {"b_q": floats("H*d"), "b_k": floats("G*d"), "b_v": floats("G*e"), "b_o": floats("h")}
call("heads.split", X=moved("B N H*d"), heads=size("H", 1))
call("heads.merge", X=moved("B H N d"))
LEARNED = {"q_gain": floats("d"), "k_gain": floats("d"), "W_gate": floats("D H*e"), "b_gate": floats("H*e")}
call("heads.multi_head", X=floats("B N D"), **MATRICES, heads=size("H", 1), context=floats("B M D"), **BIASES,
     **LEARNED, **OPTIONS, weigh=function(relu_weights, optional=True), turn=function(turn, optional=True),
     return_weights=flag(True))
call("heads.multi_head", X=floats("B N D"), **MATRICES, heads=size("H", 1), sinks=floats("H"), **INSIDE)
call("heads.multi_head", X=floats("N D"), **MATRICES, heads=size("H", 1))
call("heads.share_heads", x=moved("B G M e"), q=moved("B H N d", own_dtype=True))
call("heads.sum_of_heads", x=floats("B H M d"), k=moved("B G M d", own_dtype=True))

# images ---------------------------------------------------------------------------------------------------------------

call("images.patchify", image=moved("B p*2 p*3 C"), p=size("p", 1))
call("images.unpatchify", patches=moved("B 2*3 p*p*C"), p=size("p", 1), size=pair("p*2", "p*3"))
call("images.offsets", size=pair(2, 3), margin=size(1, 0), like=like())
call("images.conv_heads", size=pair(2, 3), k=size(3, 1), sharpness=number(40.0), like=like())
call("images.conv_as_attention", image=floats("B 4 5 C"), kernel=floats("e C 2*k+1 2*k+1"), bias=floats("e"),
     sharpness=number(40.0))
call("images.receptive_field", alpha=floats("B 2*3 4*5", change=shares), size=pair(2, 3), margin=size(1, 0))
call("images.attention_distance", alpha=floats("B 2*3 4*5", change=shares), size=pair(2, 3), margin=size(1, 0))

# inputs ---------------------------------------------------------------------------------------------------------------

call("inputs.one_hot", ids=ids("B N", below="V"), size=size("V", 0), like=like())
call("inputs.embed", ids=ids("B N", below="V"), table=moved("V D"))
call("inputs.frame", signal=moved("B 20"), rate=number(1000, above=0), window_ms=number(5, above=0),
     hop_ms=number(3, above=0))
call("inputs.frame_count", samples=size(100, 0), rate=number(1000, above=0), window_ms=number(5, above=0),
     hop_ms=number(3, above=0))
call("inputs.pad", sequences=arrays("N D", "M D"), compiles=False)
call("inputs.adjacency", edges=edges([(0, 1), (1, 2)], below="N"), N=size("N", 0), directed=flag(True), like=like())

# interop --------------------------------------------------------------------------------------------------------------

SQUARE = {"W_q": "D D", "W_k": "D D", "W_v": "D D", "W_o": "D D", "b_q": "D", "b_k": "D", "b_v": "D", "b_o": "D"}
TORCHS = parameters(True, in_proj_weight="3*D D", in_proj_bias="3*D", out_proj__weight="D D", out_proj__bias="D")
LLAMA = {
    "model_type": "llama", "num_attention_heads": 3, "hidden_act": "silu", "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
}
call("interop.from_multihead", state=TORCHS, compiles=False)
call("interop.to_multihead", parameters=parameters(True, **SQUARE), only="tensors", compiles=False)
call("interop.from_hugging_face", state=parameters(True, h__0__attn__c_attn__weight="D 3*D", ln_f__bias="D"),
     family=text("gpt2"), compiles=False)
call("interop.hugging_face_options", config=thing(SimpleNamespace(**LLAMA)))
call("interop.register_with_hugging_face", name=text("attnlib"), slow=True)  # imports transformers
call("interop.hugging_face_attention", module=thing(None, optional=True), query=floats("B H N d"),
     key=floats("B G M d"), value=floats("B G M e"), attention_mask=mask("B H N M", own_dtype=True),
     scaling=number(0.3), dropout=number(0.0, optional=True), is_causal=flag(False), softcap=number(2.0, above=0),
     s_aux=floats("H", **ADDED), position_bias=floats("B H N M", **ADDED), sliding_window=size(3, 1, optional=True),
     only="tensors")

# kv_cache -------------------------------------------------------------------------------------------------------------


def filled(sizes, to):
    """A Cache that has kept P keys and values."""
    shapes = [[sizes[letter] for letter in axes.split()] for axes in ("B G P d", "B G P e")]
    cache = attnlib.kv_cache.Cache()
    cache.append(*(to(np.random.default_rng(9 + i).normal(size=shape)) for i, shape in enumerate(shapes)))
    return cache


NEWEST = {"q": floats("B H N d"), "k": floats("B G N d"), "v": floats("B G N e")}
CACHED = {
    "mask": mask("B H N P+N"), "bias": floats("B H N P+N", **ADDED), **NUMBERS, "causal": flag(True),
    "window": size(3, least=0, optional=True), "sinks": floats("H", **ADDED),
}
call("kv_cache.cache_step", **NEWEST, past_k=floats("B G P d"), past_v=floats("B G P e"), **CACHED)
call("kv_cache.append", past=moved("B G P d"), x=moved("B G N d"))
call("kv_cache.Cache")
call("kv_cache.Cache.append", on=filled, k=floats("B G N d"), v=floats("B G N e"), compiles=False)
call("kv_cache.Cache.attend", on=filled, **NEWEST, **CACHED, compiles=False)

# linear_attention -----------------------------------------------------------------------------------------------------

RECURRENT = {
    "q": floats("B H N d"), "k": floats("B G N d"), "v": floats("B G N e"),
    "decay": floats("B G N d", change=negative, broadcasts=True),
    "beta": floats("B G N 1", change=between), "state": floats("B G d e"),
    "scale": number(0.3),
}
call("linear_attention.elu_plus_one", x=floats("B N d"))
call("linear_attention.linear_attention", **NEWEST, causal=flag(True), feature=function(lambda x: x * x + 1))
call("linear_attention.linear_attention", **GROUPED)
call("linear_attention.recurrent", **RECURRENT)
call("linear_attention.recurrent_chunks", **RECURRENT, chunk=size(2, 1))

# masks ----------------------------------------------------------------------------------------------------------------

PLACES = {"N": size("N", 0), "M": size("M", 0), "past": size(2, 0)}
call("masks.causal", **PLACES, like=like())
call("masks.padding", lengths=ids("B", below="M+1"), M=size("M", 0), like=like())
call("masks.window", **PLACES, w=size(2, 0), like=like())
call("masks.graph", edges=edges([(0, 1), (1, 2)], below="N"), N=size("N", 0), self_loops=flag(False),
     directed=flag(True), like=like())

# online_softmax -------------------------------------------------------------------------------------------------------

PARTS = {"mixed": "B H N e", "total": "B H N 1", "top": "B H N 1"}
TWO_PARTS = {f"{name}_{which}": floats(axes, change=abs) for which in "ab" for name, axes in PARTS.items()}
call("online_softmax.partial", **GROUPED, mask=mask("B H N M"), scale=number(0.3))
call("online_softmax.partial", **PLAIN)
call("online_softmax.merge_partials", **TWO_PARTS)
call("online_softmax.finish", mixed=floats("B H N e"), total=floats("B H N 1"))
call("online_softmax.online", **GROUPED, block=size(3, 1), mask=mask("B H N M"), scale=number(0.3))
call("online_softmax.online", **PLAIN, block=size(3, 1))

# positions ------------------------------------------------------------------------------------------------------------

call("positions.distances", **PLACES, like=like())
call("positions.sinusoidal", N=size("N", 0), d=size("d", 0), base=number(100, above=0), like=like())
call("positions.sinusoidal_shift", d=size("d"), k=number(-3), base=number(100, above=0), like=like())
call("positions.learned", positions=ids("B N", below="V"), table=moved("V D"))
call("positions.relative_bias", table=moved("H 2*k+1"), **PLACES)
call("positions.alibi_slopes", heads=size("H", 1), like=like())
call("positions.alibi_bias", heads=size("H", 1), **PLACES, causal=flag(True), like=like())
call("positions.rope", x=floats("B H N d"), positions=ids("B 1 N", broadcasts=True), base=number(100, above=0),
     rotary_dim=size(2, 1), interleaved=flag(True))
call("positions.rope", x=floats("B H N d"), frequencies=floats("2", own_dtype=True), factor=number(1.5, above=0))
call("positions.yarn", d=size("d"), factor=number(4, above=0), length=size(64, 1), base=number(100, above=0),
     beta_fast=number(8, above=0), beta_slow=number(2, above=0), like=like())
call("positions.rotate", x=floats("B H N d"), cos=floats("N 1", broadcasts=True, own_dtype=True),
     sin=floats("N 1", broadcasts=True, own_dtype=True), interleaved=flag(True))

# scores ---------------------------------------------------------------------------------------------------------------

call("scores.dot", Q=floats("B N d"), K=floats("B M d"))
call("scores.scaled_dot", Q=floats("B N d"), K=floats("B M d"))
call("scores.bilinear", Q=floats("B N d"), K=floats("B M e"), W=floats("d e"))
call("scores.additive", Q=floats("B N d"), K=floats("B M e"), W_q=floats("d h"), W_k=floats("e h"), w=floats("h"))
call("scores.cosine", Q=floats("B N d"), K=floats("B M d"), eps=number(1e-3, above=0))

# layers ---------------------------------------------------------------------------------------------------------------

call("layers.linear", x=floats("B N D"), W=floats("D e"), b=floats("e"))
call("layers.layer_norm", x=floats("B N D"), gain=floats("D"), shift=floats("D"), eps=number(1e-3, least=0))
call("layers.rms_norm", x=floats("B N D"), gain=floats("D"), eps=number(1e-3, least=0))
call("layers.gelu", x=floats("B N D"), tanh=flag(True))
for name in "gelu", "silu", "sigmoid", "erfc":
    call(f"layers.{name}", x=floats("B N D"))


def network(start="", width="H*d"):
    """The parameters of the small network of a block, with a gate."""
    wide = {f"{start}W_{name}": f"{width} h" for name in ("in", "gate")}
    wide |= {f"{start}b_{name}": "h" for name in ("in", "gate")}
    return wide | {f"{start}W_out": f"h {width}", f"{start}b_out": width}


X, CONTEXT, HEADS = floats("B N H*d"), floats("B M H*d"), {"heads": size("H", 1)}
call("layers.mlp", x=X, parameters=parameters(**network()), act=function(silu))

# latent, neighbours, outputs, reading, rnn ----------------------------------------------------------------------------

LATENT = {"W_dkv": "D h", "W_uk": "h H*d", "W_uv": "h H*e", "W_kr": "D p", "W_q": "D H*d", "W_qr": "D H*p",
          "W_o": "H*e D", "kv_norm__gain": "h"}
COMPRESSED = LATENT | {"W_dq": "D M", "W_q": "M H*d", "W_qr": "M H*p", "q_norm__gain": "M"}
WEIGHTS = floats("B H N N", change=shares)
call("latent.latent_attention", x=floats("B N D"), parameters=parameters(**LATENT), **HEADS)
call("latent.latent_attention", x=floats("B N D"), parameters=parameters(**COMPRESSED), **HEADS,
     cache=floats("B P h+p"), mask=mask("B H N P+N"), absorbed=flag(True), turn=function(turn, optional=True))
call("latent.cached_numbers", heads=size("H", 1), width=size("d", 1), groups=size("G", 1), rank=size("h", 1),
     turned=size("p", 1))
call("neighbours.path_length", mask=mask("B N N", optional=False))
call("neighbours.graph_attention", h=floats("B N D"), mask=mask("N N", optional=False), W=floats("D e"),
     a_query=floats("e"), a_key=floats("e"), slope=number(0.1))
call("outputs.masked_mean", x=floats("B N D"), mask=mask("B N", optional=False))
call("outputs.greedy_decode", scores_of=function(lambda tokens: np.eye(60)[tokens[-1] + 1]), start=ids("2"),
     end=size(9, optional=True), longest=size(3, 0), compiles=False)
call("reading.mean_at_offset", alpha=WEIGHTS, back=size(-1))
call("reading.induction_score", alpha=WEIGHTS, tokens=ids("B N", broadcasts=True, change=lambda x: x % 2))
call("reading.rollout", alphas=arrays("H N N", "H N N"), residual=number(0.3, least=0))
call("reading.entropy", alpha=WEIGHTS)
call("reading.head_effects", measure=function(lambda keep: float(keep.sum())), shape=thing((2, 3)))
call("rnn.rnn", x=floats("B N D"), W_x=floats("D h"), W_h=floats("h h"), b=floats("h"),
     state=floats("B h", broadcasts=True))

# transformer ----------------------------------------------------------------------------------------------------------


def layer(start="", width="H*d"):
    """The parameters of one layer of attention of H heads and G key heads."""
    axes = {"q": f"{width} H*d", "k": f"{width} G*d", "v": f"{width} G*d", "o": f"H*d {width}"}
    matrices = {f"{start}W_{name}": value for name, value in axes.items()}
    return matrices | {f"{start}b_{name}": value.split()[1] for name, value in axes.items()}


def norm(start, width="H*d"):
    """The parameters of a layer norm."""
    return {f"{start}__gain": width, f"{start}__shift": width}


def blocks(cross=False):
    """The parameters of a block; of a decoder's, with attention to the encoder's output."""
    own = layer("attention__") | norm("attention_norm") | network("mlp__") | norm("mlp_norm")
    return own | layer("cross__") | norm("cross_norm") if cross else own


def stack(cross=False):
    """The parameters of two blocks and a last norm."""
    return {f"blocks__{i}__{name}": axes for i in range(2) for name, axes in blocks(cross).items()} | norm("norm")


FURTHER = {"q_gain": "d", "k_gain": "d", "sinks": "H", "W_gate": "H*d H*d", "b_gate": "H*d"}
UNREAD = "W_o", "b_o", "sinks", "W_gate", "b_gate"
FORM = {"norm_first": flag(False), "norm": function(layer_norm), "act": function(silu), "return_weights": flag(True)}
OF_BLOCK = OPTIONS | {"mask": mask("B H N N"), "bias": floats("B H N N", **ADDED)}
OF_DECODER = {name: kind for name, kind in OF_BLOCK.items() if name != "causal"} | {
    "context_mask": mask("B H N M"), "context_bias": floats("B H N M", **ADDED),
    "context_keep": floats("H", broadcasts=True, or_booleans=True, optional=True),
}
TURNED = {"turn": function(turn, optional=True), "keep": floats("H", broadcasts=True, or_booleans=True, optional=True)}
call("transformer.attention_layer", x=X, parameters=parameters(**layer()), **HEADS, context=CONTEXT, **OPTIONS,
     weigh=function(relu_weights, optional=True), turn=function(turn, optional=True), return_weights=flag(True))
call("transformer.attention_layer", x=X, parameters=parameters(**layer(), **FURTHER), **HEADS, **INSIDE)
call("transformer.project", x=X, parameters=parameters(UNREAD, **layer(), **FURTHER), **HEADS, context=CONTEXT,
     turn=function(turn, optional=True))
call("transformer.block", x=X, parameters=parameters(**blocks()), **HEADS, **FORM, **OF_BLOCK, **TURNED)
call("transformer.block", x=X, parameters=parameters(**blocks()), **HEADS)
call("transformer.decoder_block", x=X, context=CONTEXT, parameters=parameters(**blocks(cross=True)), **HEADS, **FORM,
     **OF_DECODER, **TURNED)
call("transformer.encoder", x=X, parameters=parameters(**stack()), **HEADS, **FORM | {"norm_first": flag(True)},
     **OF_BLOCK, turn=function(turn, optional=True))
call("transformer.decoder", x=X, context=CONTEXT, parameters=parameters(**stack(cross=True)), **HEADS,
     **FORM | {"norm_first": flag(True)}, mask=mask("B H N N"), context_mask=mask("B H N M"))
call("transformer.caches", parameters=parameters(True, **stack(cross=True)), compiles=False)
call("transformer.part", parameters=parameters(True, mlp__W_in="D h", mlp_norm__gain="D"), name=text("mlp"),
     compiles=False)
call("transformer.blocks", parameters=parameters(True, blocks__0__a="D", blocks__1__a="D"), compiles=False)
call("images.vit", image=floats("B p*2 p*3 C"), p=size("p", 1), **HEADS, parameters=parameters(
    patch__W="p*p*C H*d", patch__b="H*d", cls="H*d", positions="1+2*3 H*d", head__W="H*d e", head__b="e", **stack(),
), **FORM | {"norm_first": flag(True)})
call("images.prepend", token=floats("D"), x=floats("B N D"))

# weights, windows -----------------------------------------------------------------------------------------------------

call("weights.softmax", scores=floats("B N M"))
call("weights.relu_weights", scores=floats("B N M"))
call("weights.hard", scores=floats("B N M"))
call("windows.stack_window", X=moved("B N D"), k=size("k", 0))
call("windows.windowed_linear", X=floats("B N D"), W=floats("(2*k+1)*D e"), k=size("k", 0), b=floats("e"))

# nn: modules of torch, which take tensors only; a forward names its class in errors ----------------------------------


def module(name, *args, **options):
    """What makes a module in float64, always with the same parameters."""
    def make(sizes, to):
        torch.manual_seed(0)
        return getattr(attnlib.nn, name)(*args, **options).double()
    return make


WIDTH = {"width": size("H*d", 1), "heads": size("H", 1)}
ATTENTION = {"key_heads": size("G", 1, optional=True), **{name: flag(True) for name in ("qk_norm", "sinks", "gate")}}
BLOCK = {
    "hidden": size("h", 1, optional=True), "norm_first": flag(False), "norm": function(attnlib.nn.RMSNorm),
    "act": function(silu), "mlp_gate": flag(True), "dropout": number(0.1, least=0), "bias": flag(False), **ATTENTION,
}
MASKED = {**OF_BLOCK, "turn": function(turn, optional=True), "return_weights": flag(True)}
MASKS = {"mask": mask("B H N N"), "context_mask": mask("B H N M"), "return_weights": flag(True)}


def made(name, /, **arguments):
    """A call that makes a module: of sizes, so not of arrays or tensors, and never the same numbers."""
    call(f"nn.{name}", **arguments, only="arrays", compiles=False, random=True)


made("matrix", rows=size("N", 1), columns=size("M", 1))
made("vector", width=size("N", 1), value=number(2.0))
made("SelfAttention", width=size("D", 1), key_width=size("d", 1), value_width=size("e", 1, optional=True))
made("MultiHeadAttention", **WIDTH, bias=flag(False), **ATTENTION)
for name in "LayerNorm", "RMSNorm":
    made(name, width=size("D", 1), eps=number(1e-3, least=0))
made("RNN", width=size("D", 1), hidden=size("h", 1))
made("MLP", width=size("D", 1), hidden=size("h", 1), act=function(silu), bias=flag(False), gate=flag(True))
for name in "Block", "DecoderBlock":
    made(name, **WIDTH, **BLOCK)
for name in "Encoder", "Decoder":
    made(name, depth=size(2, 0), **WIDTH, **BLOCK)

call("nn.SelfAttention.forward", on=module("SelfAttention", 9, 4, 10), only="tensors", x=floats("B N D"),
     **OPTIONS | {"mask": mask("B N N"), "bias": floats("B N N", **ADDED)})
for method in "forward", "attention_weights":
    call(f"nn.MultiHeadAttention.{method}", on=module("MultiHeadAttention", 24, 6, key_heads=3), only="tensors", x=X,
         context=CONTEXT, **OPTIONS, turn=function(turn, optional=True))
for name in "LayerNorm", "RMSNorm":
    call(f"nn.{name}.forward", on=module(name, 9), only="tensors", x=floats("B N D"))
call("nn.MLP.forward", on=module("MLP", 9, 13), only="tensors", x=floats("B N D"))
call("nn.RNN.forward", on=module("RNN", 9, 13), only="tensors", x=floats("B N D"),
     state=floats("B h", optional=True))
call("nn.Block.forward", on=module("Block", 24, 6), only="tensors", x=X, **MASKED)
call("nn.DecoderBlock.forward", on=module("DecoderBlock", 24, 6), only="tensors", x=X, context=CONTEXT, **MASKS)
call("nn.Encoder.forward", on=module("Encoder", 2, 24, 6), only="tensors", x=X, **MASKED)
call("nn.Encoder.caches", on=module("Encoder", 2, 24, 6), only="tensors", compiles=False)
call("nn.Decoder.forward", on=module("Decoder", 2, 24, 6), only="tensors", x=X, context=CONTEXT, **MASKS)


def defined():
    """Every function, class and method of attnlib, by name, that does not say by `_` or `check_` what it is for."""
    found = []
    for name in MODULES:
        home = getattr(attnlib, name)
        for key, value in vars(home).items():
            own = callable(value) and getattr(value, "__module__", None) == home.__name__
            if not own or key.startswith(("_", "check_")):
                continue
            found.append(f"{name}.{key}")
            if inspect.isclass(value):
                found += [f"{name}.{key}.{method}" for method, made in vars(value).items()
                          if inspect.isfunction(made) and not method.startswith("_")]
    return found


def public():
    """What of this a chapter, or a reader, calls: "masks.window", "nn.Block", "nn.Block.forward"."""
    return [name for name in defined() if name not in INNER]
