"""Windows of torch tensors; see `attnlib.windows`."""

import torch

from attnlib.windows import check_window


def stack_window(X, k):
    """`attnlib.windows.stack_window` of a tensor (..., N, D) -> (..., N, (2k + 1) D)."""
    check_window(X, k)
    N, D = X.shape[-2:]
    beyond = X.new_zeros(*X.shape[:-2], k, D)
    padded = torch.cat([beyond, X, beyond], -2)                          # (..., k + N + k, D)
    return torch.cat([padded[..., s : s + N, :] for s in range(2 * k + 1)], -1)


def windowed_linear(X, W, k, b=None):
    """`attnlib.windows.windowed_linear` of tensors: X (..., N, D), W ((2k + 1) D, D_out) -> (..., N, D_out)."""
    check_window(X, k, W)
    outputs = stack_window(X, k) @ W
    return outputs if b is None else outputs + b
