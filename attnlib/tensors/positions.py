"""Positions of torch tensors; see `attnlib.positions`.

Tensors are created on the device of what is given; angles are computed in float64 there and then rounded.
"""

import torch

from attnlib.inputs import check_ids
from attnlib.positions import check_angles, check_even, check_floating, check_positions, slope_values
from attnlib.tensors.inputs import device_of, dtype_of, is_whole


def distances(N, M=None, past=0, like=None):
    """`attnlib.positions.distances` as a tensor (N, M), on the device of `like`."""
    M, device = N + past if M is None else M, device_of(like)
    return torch.arange(M, device=device) - (past + torch.arange(N, device=device)[:, None])


def sinusoidal(N, d, base=10000, like=None):
    """`attnlib.positions.sinusoidal` as a tensor (N, d), in torch's default dtype or that of `like`."""
    angles = torch.arange(N, device=device_of(like))[:, None] * frequencies(d, base, like, "sinusoidal")
    return torch.stack([angles.sin(), angles.cos()], -1).reshape(N, d).to(dtype_of(like))


def sinusoidal_shift(d, k, base=10000, like=None):
    """`attnlib.positions.sinusoidal_shift` as a tensor (d, d), in torch's default dtype or that of `like`."""
    angles = k * frequencies(d, base, like, "sinusoidal_shift")          # (d/2,)
    rows = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], -1)
    return torch.block_diag(*rows.reshape(-1, 2, 2)).to(dtype_of(like))


def learned(positions, table):
    """`attnlib.positions.learned` of tensors: positions (...,), table (longest, D) -> (..., D)."""
    positions = torch.as_tensor(positions, device=device_of(table))
    check_ids("learned", positions, len(table), is_whole(positions), what="position")
    return table[positions]


def alibi_slopes(heads, like=None):
    """`attnlib.positions.alibi_slopes` as a tensor (heads,), in torch's default dtype or that of `like`."""
    return torch.tensor(slope_values("alibi_slopes", heads), dtype=dtype_of(like), device=device_of(like))


def alibi_bias(heads, N, M=None, past=0, causal=False, like=None):
    """`attnlib.positions.alibi_bias` as a tensor (heads, N, M), in torch's default dtype or that of `like`."""
    ahead = distances(N, M, past, like)
    slopes = torch.tensor(slope_values("alibi_bias", heads), dtype=torch.float64, device=ahead.device)
    bias = -slopes[:, None, None] * ahead.abs()                          # (heads, N, M)
    return (bias.masked_fill(ahead > 0, -torch.inf) if causal else bias).to(dtype_of(like))


def rope(x, positions=None, base=10000, rotary_dim=None, interleaved=False):
    """`attnlib.positions.rope` of a tensor (..., N, d); positions (N,) or what broadcasts to (..., N)."""
    check_floating("rope", x, x.is_floating_point())
    r = x.shape[-1] if rotary_dim is None else rotary_dim
    positions = torch.arange(x.shape[-2]) if positions is None else positions
    positions = torch.as_tensor(positions, device=x.device)
    check_positions(x, positions, r)
    angles = positions[..., None] * frequencies(r, base, x, "rope")      # (..., N, r/2)
    return rotate(x, angles.cos(), angles.sin(), interleaved)


def rotate(x, cos, sin, interleaved=False):
    """`attnlib.positions.rotate` of tensors: x (..., N, d); cos, sin (..., N, r/2)."""
    check_floating("rotate", x, x.is_floating_point())
    check_angles(x, cos, sin)
    r, wide = 2 * cos.shape[-1], torch.promote_types(x.dtype, torch.float32)
    turning, cos, sin = x[..., :r].to(wide), cos.to(wide), sin.to(wide)
    first, second = (turning[..., 0::2], turning[..., 1::2]) if interleaved else turning.chunk(2, -1)
    pair = first * cos - second * sin, first * sin + second * cos       # 2 of (..., N, r/2)
    turned = torch.stack(pair, -1).flatten(-2) if interleaved else torch.cat(pair, -1)
    return torch.cat([turned.to(x.dtype), x[..., r:]], -1)


def frequencies(d, base, like, who):
    """`attnlib.positions.frequencies` as a float64 tensor (d/2,)."""
    check_even(who, d)
    return base ** (-torch.arange(0, d, 2, dtype=torch.float64, device=device_of(like)) / d)
