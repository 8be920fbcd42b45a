"""Random arrays for tests, the same in every run."""

import numpy as np

B, H, N, M, D, E = 2, 6, 5, 7, 4, 3

# Views of (B, H, N, D) that hold the same numbers, differently laid out in memory.
LAYOUTS = {
    "transposed": lambda x: np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2),  # what heads.split returns
    "Fortran": np.asfortranarray,
    "flipped": lambda x: np.ascontiguousarray(x[..., ::-1, ::-1])[..., ::-1, ::-1],
    "strided": lambda x: x.repeat(2, -1).repeat(2, -2).repeat(2, 0)[::2, :, ::2, ::2],
    "read-only": lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
}


def draw(*shape, seed=0, dtype=np.float64):
    """An array of this shape, from a normal distribution."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def draw_qkv(key_heads=H, n=N, m=M, dtype=np.float64):
    """q (2, 6, n, 4), k (2, key_heads, m, 4), v (2, key_heads, m, 3)."""
    shapes = (B, H, n, D), (B, key_heads, m, D), (B, key_heads, m, E)
    return [draw(*shape, seed=i, dtype=dtype) for i, shape in enumerate(shapes)]
