"""The layers of `attnlib.transformer` as torch modules, to be trained.

A module holds parameters and calls the function it is named after. Its `state_dict` is the dict of parameters that the
function takes: `encoder(x, parameters, heads=4)` of arrays gives what `Encoder(2, 16, heads=4)(x)` gives of tensors.
"""

import torch
from torch import nn

from attnlib.attention import attention, attention_weights
from attnlib.transformer import attention_layer, gelu, layer_norm, mlp, project


def matrix(rows, columns):
    """A parameter (rows, columns), drawn so that x W is about as large as x (Glorot & Bengio 2010, eq. 16)."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(rows, columns)))


def vector(width, value=0.0):
    """A parameter (width), every number `value`."""
    return nn.Parameter(torch.full((width,), value))


class SelfAttention(nn.Module):
    """One head of self-attention without W_o: three matrices, and every output a mixture of the values.

    W_q (width, d), W_k (width, d), W_v (width, e); d is key_width, e is value_width, or d when not given.

    >>> SelfAttention(6, 4)(torch.ones(5, 6)).shape
    torch.Size([5, 4])
    """

    def __init__(self, width, key_width, value_width=None):
        super().__init__()
        self.W_q = matrix(width, key_width)
        self.W_k = matrix(width, key_width)
        self.W_v = matrix(width, value_width or key_width)

    def forward(self, x, *, mask=None, causal=False):
        """x (..., N, width), mask (..., N, N), True = may attend -> (..., N, e)."""
        return attention(x @ self.W_q, x @ self.W_k, x @ self.W_v, mask=mask, causal=causal)


class MultiHeadAttention(nn.Module):
    """`attention_layer`: several heads, each with its own part of the projections, joined by W_o.

    width is that of x and of what comes out; heads share it evenly. Fewer key_heads than heads are shared by
    neighbours (Ainslie et al. 2023). bias=False leaves out b_q, b_k, b_v and b_o.

    >>> MultiHeadAttention(6, heads=2)(torch.ones(5, 6), causal=True).shape
    torch.Size([5, 6])
    """

    def __init__(self, width, heads, *, key_heads=None, bias=True):
        super().__init__()
        key_heads = key_heads or heads
        if width % heads or heads % key_heads:
            raise ValueError(
                f"MultiHeadAttention: heads must divide width, and key_heads heads. "
                f"Got width {width}, heads {heads}, key_heads {key_heads}."
            )
        self.heads = heads
        key_width = width // heads * key_heads
        for name, columns in ("q", width), ("k", key_width), ("v", key_width), ("o", width):
            self.register_parameter(f"W_{name}", matrix(width, columns))
            if bias:
                self.register_parameter(f"b_{name}", vector(columns))

    def forward(self, x, context=None, *, mask=None, causal=False):
        """x (..., N, width), context (..., M, width), mask (..., heads, N, M), True = may attend -> as x."""
        parameters = dict(self.named_parameters())
        options = {"heads": self.heads, "context": context, "mask": mask, "causal": causal}
        return attention_layer(x, parameters, **options, who="MultiHeadAttention")

    def attention_weights(self, x, context=None, *, mask=None, causal=False):
        """The weights alpha (..., heads, N, M) with which a call with these arguments mixes the values."""
        who = "MultiHeadAttention.attention_weights"
        q, k, _ = project(x, dict(self.named_parameters()), heads=self.heads, context=context, who=who)
        return attention_weights(q, k, mask=mask, causal=causal)


class LayerNorm(nn.Module):
    """`layer_norm` with its gain and shift, both (width)."""

    def __init__(self, width, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.gain = vector(width, 1.0)
        self.shift = vector(width)

    def forward(self, x):
        """x (..., width) -> (..., width)."""
        return layer_norm(x, self.gain, self.shift, self.eps)


class MLP(nn.Module):
    """`mlp`: W_in (width, hidden), b_in, W_out (hidden, width), b_out."""

    def __init__(self, width, hidden, *, act=gelu):
        super().__init__()
        self.act = act
        self.W_in, self.b_in = matrix(width, hidden), vector(hidden)
        self.W_out, self.b_out = matrix(hidden, width), vector(width)

    def forward(self, x):
        """x (..., width) -> (..., width)."""
        return mlp(x, dict(self.named_parameters()), act=self.act)


class Block(nn.Module):
    """`block`: attention and the small network, each added to its own input, with a norm before it or after the sum.

    hidden is the width inside the network, 4 width when not given. dropout zeroes that share of what is added,
    in training only (Srivastava et al. 2014).
    """

    def __init__(self, width, heads, *, hidden=None, norm_first=True, dropout=0.0):
        super().__init__()
        self.attention, self.attention_norm = MultiHeadAttention(width, heads), LayerNorm(width)
        self.mlp, self.mlp_norm = MLP(width, hidden or 4 * width), LayerNorm(width)
        self.norm_first = norm_first
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, *, mask=None, causal=False):
        """x (..., N, width), mask (..., heads, N, N), True = may attend -> (..., N, width)."""
        x = self.add(x, self.attention_norm, lambda y: self.attention(y, mask=mask, causal=causal))
        return self.add(x, self.mlp_norm, self.mlp)

    def add(self, x, norm, layer):
        """One residual step: x plus the layer's output."""
        if self.norm_first:
            return x + self.dropout(layer(norm(x)))
        return norm(x + self.dropout(layer(x)))


class DecoderBlock(Block):
    """`decoder_block`: a causal `Block` with attention to the encoder's output, `cross`, before its network."""

    def __init__(self, width, heads, *, hidden=None, norm_first=True, dropout=0.0):
        super().__init__(width, heads, hidden=hidden, norm_first=norm_first, dropout=dropout)
        self.cross, self.cross_norm = MultiHeadAttention(width, heads), LayerNorm(width)

    def forward(self, x, context, *, mask=None, context_mask=None):
        """x (..., N, width), context (..., M, width), masks (..., heads, N, N) and (..., heads, N, M) -> as x."""
        x = self.add(x, self.attention_norm, lambda y: self.attention(y, mask=mask, causal=True))
        x = self.add(x, self.cross_norm, lambda y: self.cross(y, context, mask=context_mask))
        return self.add(x, self.mlp_norm, self.mlp)


class Encoder(nn.Module):
    """`encoder`: depth blocks, and a last norm when they normalise first. options are those of `Block`.

    >>> Encoder(2, 6, heads=2, hidden=8)(torch.ones(3, 5, 6)).shape
    torch.Size([3, 5, 6])
    """

    block = Block

    def __init__(self, depth, width, heads, **options):
        super().__init__()
        self.blocks = nn.ModuleList(self.block(width, heads, **options) for _ in range(depth))
        self.norm = LayerNorm(width) if options.get("norm_first", True) else None

    def forward(self, x, *, mask=None, causal=False):
        """x (..., N, width), mask (..., heads, N, N), True = may attend -> (..., N, width)."""
        for block in self.blocks:
            x = block(x, mask=mask, causal=causal)
        return x if self.norm is None else self.norm(x)


class Decoder(Encoder):
    """`decoder`: depth decoder blocks; called with x and context, the encoder's output.

    >>> Decoder(2, 6, heads=2)(torch.ones(3, 5, 6), torch.ones(3, 7, 6)).shape
    torch.Size([3, 5, 6])
    """

    block = DecoderBlock

    def forward(self, x, context, *, mask=None, context_mask=None):
        """x (..., N, width), context (..., M, width), masks (..., heads, N, N) and (..., heads, N, M) -> as x."""
        for block in self.blocks:
            x = block(x, context, mask=mask, context_mask=context_mask)
        return x if self.norm is None else self.norm(x)
