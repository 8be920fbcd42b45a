"""The layers of single vectors for torch tensors; see `attnlib.layers`."""

import torch

from attnlib.layers import check_linear, check_vectors


def linear(x, W, b=None):
    """`attnlib.layers.linear` of tensors: x (..., D), W (D, E), b (E) -> (..., E).

    One call of PyTorch's own, which sums half types in float32 by itself.
    """
    check_linear(x, W, b)
    return torch.nn.functional.linear(x, W.T, b)


def sigmoid(x):
    """`attnlib.layers.sigmoid` of a tensor of any shape. PyTorch's own has the right gradient at 0 too."""
    check_vectors("sigmoid", x)
    return torch.sigmoid(x)


def erfc(x):
    """`attnlib.layers.erfc` of a tensor of any shape. PyTorch has one of its own."""
    check_vectors("erfc", x)
    return torch.erfc(x)
