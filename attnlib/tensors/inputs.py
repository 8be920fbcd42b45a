"""One-hot vectors as torch tensors; see `attnlib.inputs`. They are created on the device of what is given."""

import torch

from attnlib._ops import default_float
from attnlib.inputs import check_one_hot


def one_hot(ids, size, like=None):
    """`attnlib.inputs.one_hot` of tensors: ids (...,) -> (..., size), in torch's default dtype or that of `like`."""
    ids, size = check_one_hot(ids, size, like)
    ones = ids[..., None] == torch.arange(size, device=ids.device)
    return default_float(ones) if like is None else ones.to(like.dtype)
