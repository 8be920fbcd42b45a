"""Small functions that specs share: drawing inputs, and the steps that right and wrong answers are made of."""

import numpy as np


def normal(rng, *shape):
    """Independent numbers of mean 0 and variance 1."""
    return rng.normal(size=shape)


def single(*arrays):
    """The same arrays in float32."""
    return tuple(array.astype(np.float32) for array in arrays)


def root(array):
    """The square root of the width, as a Python float: it leaves float32 alone."""
    return array.shape[-1] ** 0.5


def norm(array):
    """The length of each row, (N, 1)."""
    return np.linalg.norm(array, axis=-1, keepdims=True)


def exponentials(s, axis=-1):
    """exp(s) with the largest of `axis` taken off first."""
    return np.exp(s - s.max(axis=axis, keepdims=True))


def normalised(e):
    """Each row of e divided by its sum."""
    return e / e.sum(axis=-1, keepdims=True)
