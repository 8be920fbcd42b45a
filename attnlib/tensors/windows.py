"""Windows of torch tensors; see `attnlib.windows`."""

import torch

from attnlib.windows import check_window


def stack_window(X, k):
    """`attnlib.windows.stack_window` of a tensor (..., N, D) -> (..., N, (2k + 1) D).

    The zeros beyond the ends are created on the device of X.
    """
    check_window("stack_window", X, k)
    N, D = X.shape[-2:]
    beyond = X.new_zeros(*X.shape[:-2], k, D)
    padded = torch.cat([beyond, X, beyond], -2)                          # (..., k + N + k, D)
    return torch.cat([padded[..., s : s + N, :] for s in range(2 * k + 1)], -1)
