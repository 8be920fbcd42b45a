"""The few operations that NumPy and PyTorch call by different names, so that one text can serve arrays and tensors.

Named and called as in NumPy. The functions a chapter prints keep `np.`, and have a twin in `attnlib.tensors` instead.
"""

import sys

import numpy as np

from attnlib._dispatch import is_tensor


def exp(x):
    """e to the power of every number."""
    return _library(x).exp(x)


def tanh(x):
    """The hyperbolic tangent of every number."""
    return _library(x).tanh(x)


def maximum(x, y):
    """The larger of two arrays, or two tensors, number by number."""
    return _library(x).maximum(x, y)


def where(condition, x, y):
    """x where the condition is true, y elsewhere; either may be a number, and takes the dtype of the other."""
    return _library(condition).where(condition, x, y)


def repeat(x, times, axis):
    """Each entry along an axis `times` times, side by side. (Tensor.repeat puts copies of the whole end to end.)"""
    return x.repeat_interleave(times, axis) if is_tensor(x) else x.repeat(times, axis)


def isfinite(x):
    """True where a number is neither infinite nor NaN."""
    return _library(x).isfinite(x)


def arange(length, like):
    """The whole numbers from 0 to length - 1, in the kind of `like`, on its device."""
    return sys.modules["torch"].arange(length, device=like.device) if is_tensor(like) else np.arange(length)


def astype(x, dtype):
    """x in another dtype; x itself where that is its own."""
    return x.to(dtype) if is_tensor(x) else x.astype(dtype, copy=False)


def widen(*arrays):
    """Half types as float32; wider dtypes as they are."""
    library = _library(arrays[0])
    return [astype(x, library.promote_types(x.dtype, library.float32)) for x in arrays]


def _library(x):
    return sys.modules["torch"] if is_tensor(x) else np
