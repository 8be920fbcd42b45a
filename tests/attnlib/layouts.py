"""The same numbers in other layouts in memory, and a function that PyTorch compiles, traces and maps over."""

import warnings

import numpy as np
import torch


def _strided(x):
    return np.repeat(x, 2, -1)[..., ::2] if x.ndim else x


def _broadcast(x):
    """x with its first row in the place of all: every row is the same memory."""
    if not x.ndim or not x.shape[0]:
        return x
    return np.lib.stride_tricks.as_strided(x, x.shape, (0, *x.strides[1:]))


LAYOUTS = {
    "Fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.swapaxes(0, -1)).swapaxes(0, -1) if x.ndim else x,
    "flipped": lambda x: np.flip(np.ascontiguousarray(np.flip(x))),
    "strided": _strided,
    "broadcast": _broadcast,
}


def same_in_every_layout(function, *arrays, rtol=1e-10, atol=1e-12):
    """Assert that a function of these arrays, or tensors of them, gives one answer however they lie in memory."""
    for name, layout in LAYOUTS.items():
        views = [layout(x) for x in arrays]
        expected = function(*(np.array(view, order="C") for view in views))
        for kind in (np.asarray, torch.from_numpy)[: 1 if name == "flipped" else 2]:  # tensors have no negative strides
            before = [view.copy() for view in views]
            pairs = zip(tuple_of(function(*map(kind, views))), tuple_of(expected), strict=True)
            for got, right in pairs:
                np.testing.assert_allclose(np.asarray(got), right, rtol=rtol, atol=atol, err_msg=name)
            for view, kept in zip(views, before):
                np.testing.assert_array_equal(view, kept)


def same_in_pytorch(function, *tensors, batched=True, rtol=1e-6, atol=1e-6):
    """Assert that a function compiled as one graph, traced and, where it takes a batch, mapped gives what it gives."""
    expected = tuple_of(function(*tensors))
    forms = {
        "compile": lambda: torch.compile(function, fullgraph=True, backend="eager")(*tensors),
        "trace": lambda: torch.jit.trace(function, tensors, check_trace=False)(*tensors),
    }
    if batched:
        forms["vmap"] = lambda: torch.func.vmap(function)(*tensors)
    for name, form in forms.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")              # shapes are tensors while PyTorch traces, and it says so
            results = tuple_of(form())
        for got, right in zip(results, expected, strict=True):
            np.testing.assert_allclose(got.detach(), right.detach(), rtol=rtol, atol=atol, err_msg=name)


def tuple_of(result):
    """The results of a function, one or several, as a tuple."""
    return tuple(result) if isinstance(result, tuple | list) else (result,)
