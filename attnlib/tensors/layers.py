"""The layers of single vectors for torch tensors; see `attnlib.layers`."""

import torch

from attnlib.layers import check_linear, check_norm, check_vectors


def linear(x, W, b=None):
    """`attnlib.layers.linear` of tensors: x (..., D), W (D, E), b (E) -> (..., E).

    One call of PyTorch's own, which sums half types in float32 by itself.
    """
    check_linear(x, W, b)
    return torch.nn.functional.linear(x, W.T, b)


def layer_norm(x, gain, shift, eps=1e-5):
    """`attnlib.layers.layer_norm` of tensors: x (..., D), gain (D), shift (D) -> (..., D). Casts are `to`."""
    check_norm("layer_norm", x, eps, gain=gain, shift=shift)
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    centred = wide - wide.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return (centred / torch.sqrt(variance + eps) * gain + shift).to(x.dtype)


def sigmoid(x):
    """`attnlib.layers.sigmoid` of a tensor of any shape. PyTorch's own has the right gradient at 0 too."""
    check_vectors("sigmoid", x)
    return torch.sigmoid(x)


def erfc(x):
    """`attnlib.layers.erfc` of a tensor of any shape. PyTorch has one of its own."""
    check_vectors("erfc", x)
    return torch.erfc(x)
