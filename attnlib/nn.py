"""The layers of `attnlib.transformer`, and `attnlib.rnn`, as torch modules, to be trained.

A module holds parameters and computes what the function it is named after computes. Its `state_dict` is the dict of
parameters that the function takes: `encoder(x, parameters, heads=4)` of arrays gives what `Encoder(2, 16, heads=4)(x)`
gives of tensors. What a module is made with decides which parameters there are; a call takes the options
of the function: masks, positions, a cache.
"""

import torch
from torch import nn

from attnlib import transformer
from attnlib._arguments import (
    check_axes,
    check_flags,
    check_floating,
    check_functions,
    check_numbers,
    check_score_options,
    check_sizes,
)
from attnlib.attention import attention
from attnlib.heads import attend_in_heads, check_multi_head
from attnlib.layers import check_mlp, check_norm, gelu, layer_norm, linear, mlp, rms_norm
from attnlib.rnn import check_rnn, rnn


def matrix(rows, columns):
    """A parameter (rows, columns), drawn so that x W is about as large as x (Glorot & Bengio 2010, eq. 16)."""
    rows, columns = check_sizes("matrix", rows=rows, columns=columns)
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(rows, columns)))


def vector(width, value=0.0):
    """A parameter (width), every number `value`."""
    check_numbers("vector", value=value)
    return nn.Parameter(torch.full((check_sizes("vector", width=width),), float(value)))


class SelfAttention(nn.Module):
    """One head of self-attention without W_o: three matrices, and every output a mixture of the values.

    W_q (width, d), W_k (width, d), W_v (width, e); d is key_width, e is value_width, or d when not given.

    >>> SelfAttention(6, 4)(torch.ones(5, 6)).shape
    torch.Size([5, 4])
    """

    def __init__(self, width, key_width, value_width=None):
        super().__init__()
        value_width = key_width if value_width is None else value_width
        check_sizes("SelfAttention", width=width, key_width=key_width, value_width=value_width)
        self.W_q = matrix(width, key_width)
        self.W_k = matrix(width, key_width)
        self.W_v = matrix(width, value_width)

    def forward(self, x, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
        """x (..., N, width), mask (..., N, N), True = may attend -> (..., N, e).

        bias, window, scale and softcap as in `attention`.
        There is no axis of heads: of a mask for heads, `attnlib.masks.padding(lengths, N)`, take [:, 0].
        """
        options = {"mask": mask, "bias": bias, "causal": causal, "window": window, "scale": scale, "softcap": softcap}
        check_axes("SelfAttention", x=(x, "... N d"), W_q=(self.W_q, "d k"))
        check_floating("SelfAttention", x=x, W_q=self.W_q)
        check_score_options("SelfAttention", (*x.shape[:-1], x.shape[-2]), **options, past=0, sinks=None, x=x)
        return attention(*(linear(x, W) for W in (self.W_q, self.W_k, self.W_v)), **options)


class MultiHeadAttention(nn.Module):
    """`attention_layer`: several heads, each with its own part of the projections, joined by W_o.

    width is that of x and of what comes out; heads share it evenly. Fewer key_heads than heads are shared by
    neighbours (Ainslie et al. 2023). bias=False leaves out b_q, b_k, b_v and b_o. Further parameters of
    `attnlib.heads.multi_head`: qk_norm=True makes q_gain and k_gain, ones; sinks=True makes sinks, zeros; gate=True
    makes W_gate, and b_gate where there are biases.

    >>> MultiHeadAttention(6, heads=2)(torch.ones(5, 6), causal=True).shape
    torch.Size([5, 6])
    """

    def __init__(self, width, heads, *, key_heads=None, bias=True, qk_norm=False, sinks=False, gate=False):
        super().__init__()
        width, self.heads, key_heads = check_attention(
            "MultiHeadAttention", width, heads, key_heads=key_heads, bias=bias, qk_norm=qk_norm, sinks=sinks, gate=gate
        )
        d = width // self.heads
        columns = {"q": width, "k": d * key_heads, "v": d * key_heads, "o": width} | ({"gate": width} if gate else {})
        for name, number in columns.items():
            self.register_parameter(f"W_{name}", matrix(width, number))
            if bias:
                self.register_parameter(f"b_{name}", vector(number))
        if qk_norm:
            self.q_gain, self.k_gain = vector(d, 1.0), vector(d, 1.0)
        if sinks:
            self.sinks = vector(self.heads)

    def forward(self, x, context=None, **options):
        """x (..., N, width), context (..., M, width) -> (..., N, width).

        options: those of `attention_layer`: mask (..., heads, N, M), bias, causal, window, scale, softcap, past, weigh,
        turn, cache, keep; with return_weights=True it returns the weights (..., heads, N, M) too.
        """
        out, weights = self._attend("MultiHeadAttention", x, context, options)
        return (out, weights) if options.get("return_weights") else out

    def attention_weights(self, x, context=None, **options):
        """The weights alpha (..., heads, N, M) with which a call with these arguments mixes the values."""
        return self._attend("MultiHeadAttention.attention_weights", x, context, options | {"return_weights": True})[1]

    def _attend(self, who, x, context, options):
        parameters = dict(self.named_parameters(remove_duplicate=False))
        check_multi_head(who, x, parameters, self.heads, context, options)
        return attend_in_heads(x, parameters, self.heads, context, **options)


class LayerNorm(nn.Module):
    """`layer_norm` with its gain and shift, both (width)."""

    def __init__(self, width, eps=1e-5):
        super().__init__()
        check_made_norm("LayerNorm", width, eps)
        self.eps = eps
        self.gain = vector(width, 1.0)
        self.shift = vector(width)

    def forward(self, x):
        """x (..., width) -> (..., width)."""
        check_norm("LayerNorm", x, self.eps, gain=self.gain, shift=self.shift)
        return layer_norm(x, self.gain, self.shift, self.eps)


class RMSNorm(nn.Module):
    """`rms_norm` with its gain (width).

    >>> RMSNorm(2)(torch.tensor([[3.0, 3.0]])).detach().round()
    tensor([[1., 1.]])
    """

    def __init__(self, width, eps=1e-6):
        super().__init__()
        check_made_norm("RMSNorm", width, eps)
        self.eps = eps
        self.gain = vector(width, 1.0)

    def forward(self, x):
        """x (..., width) -> (..., width)."""
        check_norm("RMSNorm", x, self.eps, gain=self.gain)
        return rms_norm(x, self.gain, self.eps)


class MLP(nn.Module):
    """`mlp`: W_in (width, hidden), b_in, W_out (hidden, width), b_out; with gate=True W_gate and b_gate besides.

    act is a function or a module; bias=False leaves out b_in, b_out and b_gate.
    """

    def __init__(self, width, hidden, *, act=gelu, bias=True, gate=False):
        super().__init__()
        width, hidden = check_sizes("MLP", width=width, hidden=hidden)
        check_functions("MLP", act=act)
        check_flags("MLP", bias=bias, gate=gate)
        self.act = act
        shapes = {"in": (width, hidden), "out": (hidden, width)} | ({"gate": (width, hidden)} if gate else {})
        for name, shape in shapes.items():
            self.register_parameter(f"W_{name}", matrix(*shape))
            if bias:
                self.register_parameter(f"b_{name}", vector(shape[1]))

    def forward(self, x):
        """x (..., width) -> (..., width)."""
        parameters = dict(self.named_parameters(recurse=False))
        check_mlp("MLP", x, parameters, self.act)
        return mlp(x, parameters, act=self.act)


class Block(nn.Module):
    """`block`: attention and the small network, each added to its own input, with a norm before it or after the sum.

    hidden is the width inside the network, 4 width when not given; act its activation; mlp_gate=True gives it a gate.
    norm_first=True puts the norms before the layers, False after the sums; norm is the class of a norm, made with the
    width: `LayerNorm`, `RMSNorm`. dropout zeroes that share of what is added, in training only (Srivastava et al.
    2014). options are those of `MultiHeadAttention`: key_heads, bias (the network's too), qk_norm, sinks, gate.

    >>> llama = Block(6, 2, key_heads=1, bias=False, norm=RMSNorm, act=torch.nn.functional.silu, mlp_gate=True)
    >>> sorted(llama.mlp.state_dict())
    ['W_gate', 'W_in', 'W_out']
    """

    def __init__(
        self, width, heads, *, hidden=None, norm_first=True, norm=LayerNorm, act=gelu, mlp_gate=False, dropout=0.0,
        **options,
    ):
        super().__init__()
        form = {"hidden": hidden, "norm_first": norm_first, "norm": norm, "act": act, "mlp_gate": mlp_gate}
        width, heads = check_made_block(type(self).__name__, width, heads, dropout=dropout, **form, **options)
        hidden = 4 * width if hidden is None else hidden
        self.attention, self.attention_norm = MultiHeadAttention(width, heads, **options), norm(width)
        self.mlp = MLP(width, hidden, act=act, bias=options.get("bias", True), gate=mlp_gate)
        self.mlp_norm = norm(width)
        self.norm_first = norm_first
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, *, return_weights=False, **options):
        """x (..., N, width) -> (..., N, width). options: those of `attnlib.transformer.block`."""
        self._check("Block", x, None, return_weights, options)
        x, weights = self._attend_and_add("attention", x, None, return_weights, options)
        x = self._feed_and_add(x)
        return (x, weights) if return_weights else x

    def _check(self, who, x, context, return_weights, options, home=""):
        """Raise, for `who`, unless a call with these arguments can be computed."""
        check_flags(who, return_weights=return_weights)
        parameters = dict(self.named_parameters(remove_duplicate=False))
        transformer.check_attentions(who, x, parameters, self.attention.heads, options, context, home)

    def _attend_and_add(self, name, x, context, return_weights, options):
        """One residual step: x plus what the attention called `name` adds. Returns x and the weights, or None."""
        layer, norm = getattr(self, name), getattr(self, f"{name}_norm")
        mixed = layer(self._before(norm, x), context, return_weights=return_weights, **options)
        mixed, weights = mixed if return_weights else (mixed, None)
        return self._after(norm, x + self.dropout(mixed)), weights

    def _feed_and_add(self, x):
        """The other residual step: x plus what the network adds."""
        return self._after(self.mlp_norm, x + self.dropout(self.mlp(self._before(self.mlp_norm, x))))

    def _before(self, norm, x):
        """What goes into a layer."""
        return norm(x) if self.norm_first else x

    def _after(self, norm, x):
        """What comes out of the sum."""
        return x if self.norm_first else norm(x)


class DecoderBlock(Block):
    """`decoder_block`: a causal `Block` with attention to the encoder's output, `cross`, before its network.

    options are those of `Block`; `cross` has the same as `attention`.
    """

    def __init__(self, width, heads, *, norm=LayerNorm, **options):
        super().__init__(width, heads, norm=norm, **options)
        own = {name: value for name, value in options.items() if name in ATTENTION}
        self.cross, self.cross_norm = MultiHeadAttention(width, heads, **own), norm(width)

    def forward(self, x, context, *, return_weights=False, **options):
        """x (..., N, width), context (..., M, width) -> as x. options: those of `attnlib.transformer.decoder_block`."""
        transformer.check_context("DecoderBlock", context)
        self._check("DecoderBlock", x, context, return_weights, options)
        own, cross = transformer.options_of_attentions(options, decodes=True)
        x, weights = self._attend_and_add("attention", x, None, return_weights, own)
        x, of_context = self._attend_and_add("cross", x, context, return_weights, cross)
        x = self._feed_and_add(x)
        return (x, (weights, of_context)) if return_weights else x


class Encoder(nn.Module):
    """`encoder`: depth blocks, and a last norm when they normalise first. options are those of `Block`.

    >>> Encoder(2, 6, heads=2, hidden=8)(torch.ones(3, 5, 6)).shape
    torch.Size([3, 5, 6])
    """

    block = Block

    def __init__(self, depth, width, heads, *, norm_first=True, norm=LayerNorm, **options):
        super().__init__()
        who = type(self).__name__
        depth = check_sizes(who, depth=depth)
        check_made_block(who, width, heads, norm_first=norm_first, norm=norm, **options)
        options |= {"norm_first": norm_first, "norm": norm}
        self.blocks = nn.ModuleList(self.block(width, heads, **options) for _ in range(depth))
        self.norm = norm(width) if norm_first else None

    def forward(self, x, *, return_weights=False, **options):
        """x (..., N, width) -> (..., N, width). options: those of `attnlib.transformer.encoder`.

        With return_weights=True it returns a list of weights too, (..., heads, N, N), one a block.
        """
        return self._run("Encoder", x, (), return_weights, options)

    def caches(self):
        """Empty caches with which decoding begins, one a block, for the option `cache`."""
        return transformer.caches(dict(self.named_parameters(remove_duplicate=False)))

    def _run(self, who, x, context, return_weights, options):
        """Check the arguments for `who`, then every block and the last norm. context: (), or (context,)."""
        dealt, seen = transformer.deal(who, options, len(self.blocks)), []
        alike = not any(isinstance(value, list) for value in options.values())  # then what fits one block fits all
        for i, (block, own) in enumerate(zip(self.blocks, dealt[:1] if alike else dealt)):
            block._check(who, x, *(context or (None,)), return_weights, own, home=f"blocks.{i}.")
        for block, own in zip(self.blocks, dealt):
            x = block(x, *context, return_weights=return_weights, **own)
            if return_weights:
                x, weights = x
                seen.append(weights)
        x = x if self.norm is None else self.norm(x)
        return (x, seen) if return_weights else x


class Decoder(Encoder):
    """`decoder`: depth decoder blocks; called with x and context, the encoder's output.

    >>> Decoder(2, 6, heads=2)(torch.ones(3, 5, 6), torch.ones(3, 7, 6)).shape
    torch.Size([3, 5, 6])
    """

    block = DecoderBlock

    def forward(self, x, context, *, return_weights=False, **options):
        """x (..., N, width), context (..., M, width) -> as x. options: those of `attnlib.transformer.decoder`.

        With return_weights=True it returns a list of pairs of weights too, one a block.
        """
        transformer.check_context("Decoder", context)
        return self._run("Decoder", x, (context,), return_weights, options)


class RNN(nn.Module):
    """`attnlib.rnn.rnn`, to be trained: W_x (width, hidden), W_h (hidden, hidden), b (hidden).

    >>> states, last = RNN(6, hidden=4)(torch.ones(2, 5, 6))
    >>> states.shape, last.shape
    (torch.Size([2, 5, 4]), torch.Size([2, 4]))
    """

    def __init__(self, width, hidden):
        super().__init__()
        width, hidden = check_sizes("RNN", width=width, hidden=hidden)
        self.W_x, self.W_h, self.b = matrix(width, hidden), matrix(hidden, hidden), vector(hidden)

    def forward(self, x, state=None):
        """x (..., N, width), state (..., hidden), zeros unless given -> every state (..., N, hidden) and the last."""
        check_rnn("RNN", x, self.W_x, self.W_h, self.b, state)
        return rnn(x, self.W_x, self.W_h, self.b, state)


ATTENTION = "key_heads", "bias", "qk_norm", "sinks", "gate"  # what `MultiHeadAttention` is made with


def check_made_block(
    who, width, heads, *, hidden=None, norm_first=True, norm=LayerNorm, act=gelu, mlp_gate=False, dropout=0.0, **options
):
    """width and heads as Python's integers; raise, naming what came, unless a block can be made of these."""
    unknown = [name for name in options if name not in ATTENTION]
    if unknown:
        there = ", ".join(("hidden", "norm_first", "norm", "act", "mlp_gate", "dropout", *ATTENTION))
        raise TypeError(f"{who}: there is no option {', '.join(unknown)}; there are {there}.")
    width, heads, _ = check_attention(who, width, heads, **options)
    if hidden is not None:
        check_sizes(who, hidden=hidden)
    check_flags(who, norm_first=norm_first, mlp_gate=mlp_gate)
    check_functions(who, norm=norm, act=act)
    if isinstance(norm, nn.Module) or norm in (layer_norm, rms_norm):
        raise TypeError(f"{who}: norm must be a class, made here with the width, as LayerNorm or RMSNorm. Got {norm}.")
    check_numbers(who, dropout=dropout)
    if not 0 <= dropout < 1:
        raise ValueError(f"{who}: dropout must be 0 or more, and less than 1. Got {dropout}.")
    return width, heads


def check_attention(who, width, heads, *, key_heads=None, **flags):
    """width, heads and key_heads as Python's integers; raise unless the one divides into the others."""
    key_heads = heads if key_heads is None else key_heads
    width, heads, key_heads = check_sizes(who, width=width, heads=heads, key_heads=key_heads)
    check_flags(who, **flags)
    if width % heads or heads % key_heads:
        raise ValueError(
            f"{who}: heads must divide width, and key_heads heads. "
            f"Got width {width}, heads {heads}, key_heads {key_heads}."
        )
    return width, heads, key_heads


def check_made_norm(who, width, eps):
    """Raise unless a norm can be made of this width and eps."""
    check_sizes(who, width=width)
    check_numbers(who, eps=eps)
    if eps < 0:
        raise ValueError(f"{who}: eps must be 0 or more. Got {eps}.")
