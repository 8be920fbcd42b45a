"""The operations that NumPy and PyTorch call by different names, so that one text can serve arrays and tensors.

Those that NumPy has are named as there; others, such as `widen`, `share` and `total`, are ours. The functions a chapter
prints keep `np.`, and have a twin in `attnlib.tensors` instead.
"""

import sys

import numpy as np

from attnlib._dispatch import is_tensor


def exp(x):
    """e to the power of every number."""
    return _library(x).exp(x)


def log(x):
    """The natural logarithm of every number."""
    return _library(x).log(x)


def tanh(x):
    """The hyperbolic tangent of every number."""
    return _library(x).tanh(x)


def sin(x):
    """The sine of every number, in radians."""
    return _library(x).sin(x)


def cos(x):
    """The cosine of every number, in radians."""
    return _library(x).cos(x)


def maximum(x, y):
    """The larger of two arrays, or two tensors, number by number."""
    return _library(x).maximum(x, y)


def minimum(x, y):
    """The smaller of two arrays, or two tensors, number by number."""
    return _library(x).minimum(x, y)


def where(condition, x, y):
    """x where the condition is true, y elsewhere; either may be a number, and takes the dtype of the other."""
    return _library(condition).where(condition, x, y)


def repeat(x, times, axis):
    """Each entry along an axis `times` times, side by side. (Tensor.repeat puts copies of the whole end to end.)"""
    return x.repeat_interleave(times, axis) if is_tensor(x) else x.repeat(times, axis)


def concatenate(arrays, axis):
    """Arrays one after another along an axis that they have."""
    return _library(arrays[0]).concatenate(arrays, axis)


def stack(arrays, axis):
    """Arrays one after another along a new axis."""
    return _library(arrays[0]).stack(arrays, axis)


def tril(x, k=0):
    """x with zeros above the diagonal, or above the k-th one beside it."""
    return _library(x).tril(x, k)


def isfinite(x):
    """True where a number is neither infinite nor NaN."""
    return _library(x).isfinite(x)


def zeros(shape, like):
    """Zeros in the kind and dtype of `like`, on its device."""
    return like.new_zeros(shape) if is_tensor(like) else np.zeros(shape, like.dtype)


def arange(start, stop, like):
    """start, start + 1, ... up to stop - 1: whole numbers of the kind of `like`, on its device; None is an array."""
    return _library(like).arange(start, stop, device=None if like is None else like.device)


def asarray_like(values, like):
    """A list, or an array, as an array or tensor: the kind of `like`, on its device. Arrays and tensors stay."""
    if is_tensor(values) or isinstance(values, np.ndarray):
        return values
    return sys.modules["torch"].as_tensor(values, device=like.device) if is_tensor(like) else np.asarray(values)


def astype(x, dtype):
    """x in another dtype; x itself when it has that one."""
    return x.to(dtype) if is_tensor(x) else x.astype(dtype, copy=False)


def broadcast_to(x, shape):
    """x seen as an array of this shape, without a copy."""
    return _library(x).broadcast_to(x, shape)


def norm(x):
    """The length of every vector, (..., D) -> (..., 1); where it is 0 its gradient is 0 too."""
    if is_tensor(x):
        return sys.modules["torch"].linalg.vector_norm(x, dim=-1, keepdim=True)
    return np.linalg.norm(x, axis=-1, keepdims=True)


def add_at(x, places, values):
    """x with each of the values (..., P) added at its place (P,) of the last axis; places may come more than once."""
    if is_tensor(x):
        return x.index_add(-1, places, values)
    x = x.copy()
    np.add.at(x, (..., places), values)
    return x


def finfo(dtype):
    """What a floating dtype can hold: `max`, `eps`, ..."""
    return np.finfo(dtype) if isinstance(dtype, np.dtype) else sys.modules["torch"].finfo(dtype)


def largest(x):
    """The largest absolute value of all of x, a Python float: 0 of none, NaN where there is one."""
    return max(float(x.max()), -float(x.min())) if 0 not in x.shape else 0.0


def row_max(x):
    """The largest number of each row, (..., M) -> (..., 1); -inf of no numbers."""
    if not is_tensor(x):
        return x.max(axis=-1, keepdims=True, initial=-np.inf)
    return x.amax(-1, keepdim=True) if x.shape[-1] else x.new_full((*x.shape[:-1], 1), -np.inf)


def widen(*arrays):
    """Half types as float32; wider dtypes as they are."""
    return [astype(x, _library(x).promote_types(x.dtype, _library(x).float32)) for x in arrays]


def float64(x):
    """x in float64."""
    return astype(x, _library(x).float64)


def default_float(x):
    """x in the dtype in which its library makes real numbers: float64, or PyTorch's default."""
    return astype(x, sys.modules["torch"].get_default_dtype() if is_tensor(x) else np.float64)


def total(x, axis):
    """The sum along an axis, in float64 or wider: a long sum in float32 loses digits."""
    library = _library(x)
    return x.sum(axis, dtype=library.promote_types(x.dtype, library.float64))


def share(x, q):
    """Repeat each head of x (..., H_kv, M, D) for the heads of q (..., H, N, D) that reads it; neighbours share one."""
    if q.ndim < 3 or q.shape[-3] == x.shape[-3]:
        return x
    return repeat(x, q.shape[-3] // x.shape[-3], axis=-3)


def _library(x):
    return sys.modules["torch"] if is_tensor(x) else np
