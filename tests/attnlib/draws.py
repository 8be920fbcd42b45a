"""Random arrays for tests, the same in every run."""

import numpy as np

B, H, N, M, D, E = 2, 6, 5, 7, 4, 3


def draw(*shape, seed=0, dtype=np.float64):
    """An array of this shape, from a normal distribution."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def draw_qkv(key_heads=H, n=N, m=M, dtype=np.float64):
    """q (2, 6, n, 4), k (2, key_heads, m, 4), v (2, key_heads, m, 3)."""
    shapes = (B, H, n, D), (B, key_heads, m, D), (B, key_heads, m, E)
    return [draw(*shape, seed=i, dtype=dtype) for i, shape in enumerate(shapes)]
