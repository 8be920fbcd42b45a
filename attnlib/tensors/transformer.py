"""The parts of a transformer for torch tensors; see `attnlib.transformer`."""

import math

import torch

from attnlib.transformer import check_linear


def linear(x, W, b=None):
    """`attnlib.transformer.linear` of tensors: x (..., D), W (D, E), b (E) -> (..., E).

    One call of PyTorch's own, which sums half types in float32 by itself.
    """
    check_linear(x, W, b)
    return torch.nn.functional.linear(x, W.T, b)


def layer_norm(x, gain, shift, eps=1e-5):
    """`attnlib.transformer.layer_norm` of tensors: x (..., D), gain (D), shift (D) -> (..., D). Casts are `to`."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    centred = wide - wide.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return (centred / torch.sqrt(variance + eps) * gain + shift).to(x.dtype)


def rms_norm(x, gain, eps=1e-6):
    """`attnlib.transformer.rms_norm` of tensors: x (..., D), gain (D) -> (..., D). Casts are `to`."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    power = wide.square().mean(-1, keepdim=True)
    return (wide / torch.sqrt(power + eps) * gain).to(x.dtype)


def gelu(x, tanh=False):
    """`attnlib.transformer.gelu` of a tensor of any shape. PyTorch has an erf of its own."""
    if tanh:
        return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    return x * (1 + torch.erf(x * math.sqrt(0.5))) / 2


def silu(x):
    """`attnlib.transformer.silu` of a tensor of any shape. sigmoid keeps digits of half types that 1 + tanh loses."""
    return x * torch.sigmoid(x)
