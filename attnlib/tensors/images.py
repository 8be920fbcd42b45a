"""Images as torch tensors; see `attnlib.images`. Creating, padding and scattering have other names in PyTorch."""

import torch
import torch.nn.functional as F

from attnlib.heads import merge
from attnlib.images import check_kernel, check_odd, check_weights
from attnlib.tensors.weights import softmax


def offsets(size, margin=0, like=None):
    """`attnlib.images.offsets` as a tensor (N, M, 2) on the device and in the dtype of `like`."""
    return (_grid(size, margin, like) - _grid(size, 0, like)[:, None]).to(like.dtype)


def _grid(size, margin, like):
    """Row and column of every pixel, from -margin to the far side plus margin: (pixels, 2), whole numbers."""
    rows, columns = (torch.arange(-margin, length + margin, device=like.device) for length in size)
    return torch.cartesian_prod(rows, columns)


def conv_heads(size, k, sharpness=46.0, like=None):
    """`attnlib.images.conv_heads` as a tensor (k k, N, M) on the device and in the dtype of `like`."""
    check_odd(k)
    d = offsets(size, k // 2, like)                                 # (N, M, 2)
    r = torch.cat([d.square().sum(-1, keepdim=True), d], -1)        # (N, M, 3)
    shifts = _grid((k, k), 0, like) - k // 2                        # (k k, 2)
    v = F.pad(-2.0 * shifts, (1, 0), value=1.0).to(r.dtype) * -sharpness
    return softmax((r @ v.T).movedim(-1, 0))                        # (k k, N, M)


def conv_as_attention(image, kernel, bias=None, sharpness=46.0):
    """`attnlib.images.conv_as_attention` of tensors: (..., H, W, C), (C_out, C, k, k) -> (..., H, W, C_out)."""
    k = check_kernel(image, kernel, bias)
    *batch, H, W, C = image.shape
    wide = torch.promote_types(image.dtype, torch.float32)
    values = F.pad(image.to(wide), (0, 0, k // 2, k // 2, k // 2, k // 2)).reshape(*batch, 1, -1, C)
    fetched = conv_heads((H, W), k, sharpness, like=values) @ values  # (..., k k, N, C)
    W_o = kernel.permute(2, 3, 1, 0).reshape(k * k * C, -1).to(wide)
    out = merge(fetched) @ W_o                                      # (..., N, C_out)
    if bias is not None:
        out = out + bias
    return out.reshape(*batch, H, W, -1).to(image.dtype)


def receptive_field(alpha, size, margin=0):
    """`attnlib.images.receptive_field` of a tensor: (..., N, M) -> (..., 2 H - 1 + 2 margin, 2 W - 1 + 2 margin)."""
    check_weights("receptive_field", alpha, size, margin)
    H, W = (length + margin for length in size)
    rows, columns = offsets(size, margin, like=alpha.new_empty(0, dtype=torch.long)).reshape(-1, 2).T
    place = (rows + H - 1) * (2 * W - 1) + columns + W - 1                         # (N M)
    flat = alpha.reshape(*alpha.shape[:-2], -1).to(torch.promote_types(alpha.dtype, torch.float32))
    total = flat.new_zeros(*flat.shape[:-1], (2 * H - 1) * (2 * W - 1)).index_add(-1, place, flat)
    mean = total / torch.bincount(place, minlength=total.shape[-1]).clamp(min=1)
    return mean.reshape(*alpha.shape[:-2], 2 * H - 1, 2 * W - 1).to(alpha.dtype)


def attention_distance(alpha, size, margin=0):
    """`attnlib.images.attention_distance` of a tensor: (..., N, M) -> (...)."""
    check_weights("attention_distance", alpha, size, margin)
    wide = alpha.to(torch.promote_types(alpha.dtype, torch.float32))
    distance = offsets(size, margin, like=wide).norm(dim=-1)                       # (N, M)
    return (wide * distance).sum(-1).mean(-1).to(alpha.dtype)


def prepend(token, x):
    """`attnlib.images.prepend` of tensors: (D), (..., N, D) -> (..., 1 + N, D)."""
    return torch.cat([token.expand(*x.shape[:-2], 1, -1), x], -2)
