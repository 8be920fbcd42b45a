"""How an array lies in memory never changes an answer: every function, every argument, every layout.

`attention_backward` once gave dq = 0 for a q that `heads.split` had returned, a view; all tests had used copies.
"""

import numpy as np
import pytest
import torch

from tests.attnlib.calls import CALLS
from tests.attnlib.kinds import convert, is_array
from tests.attnlib.test_calls import numbers_of

NO_TENSORS = "flipped", "read_only"
LAYOUTS = {}  # the name: a function of a contiguous array that returns an equal one that lies elsewhere


def layout(function):
    """Add a function to LAYOUTS."""
    LAYOUTS[function.__name__] = function
    return function


@layout
def fortran(x):
    """Columns one after another."""
    return np.asfortranarray(x)


@layout
def transposed(x):
    """A matrix that was transposed and is transposed back."""
    return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2) if x.ndim > 1 else x


@layout
def split(x):
    """As `heads.split` returns it: the heads stand inside the rows."""
    return np.ascontiguousarray(x.swapaxes(-2, -3)).swapaxes(-2, -3) if x.ndim > 2 else x


@layout
def flipped(x):
    """Every axis runs backwards."""
    return np.ascontiguousarray(np.flip(x))[(slice(None, None, -1),) * x.ndim]


@layout
def strided(x):
    """Every second number of a larger array, along every axis."""
    larger = np.ones([2 * length for length in x.shape], x.dtype)
    view = larger[(slice(None, None, 2),) * x.ndim]
    view[...] = x
    return view


@layout
def offset(x):
    """Begins in the middle of a larger array, at an odd place."""
    larger = np.ones(x.size + 3, x.dtype)
    larger[3:] = x.ravel()
    return larger[3:].reshape(x.shape)


@layout
def broadcast(x):
    """One entry that stands for all along the first axis: read-only, with a stride of 0. (Its numbers are others.)"""
    return np.broadcast_to(x[:1], x.shape) if x.ndim else x


@layout
def read_only(x):
    """Contiguous, and not to be written into."""
    x = x.copy()
    x.setflags(write=False)
    return x


def as_tensor(x):
    """A tensor that lies as an array does. One entry that stands for all is a tensor's `expand`."""
    return torch.from_numpy(x) if x.flags.writeable else torch.from_numpy(x[:1].copy()).expand(x.shape)


def copy(x):
    """The same numbers, one row after another."""
    return np.array(x, order="C")


def same(got, expected, told=""):
    """Assert that two answers are the same numbers."""
    for one, other in zip(numbers_of(got), numbers_of(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12, err_msg=told)


def lies_alike(call, side, layouts):
    """Assert that a call answers the same in every layout of its arrays, one of them or all; none is written into."""
    tensors = side == "tensors"
    finish = as_tensor if tensors else np.asarray
    drawn = call.draw()
    expected = call.run(convert(drawn, finish), tensors)
    names = [name for name, value in drawn.items() if any_array(value)]
    for change in layouts:
        for chosen in [[name] for name in names] + [names] * (len(names) > 1):
            laid = call.draw() | {name: convert(drawn[name], change) for name in chosen}
            plain = convert(call.draw() | convert({name: laid[name] for name in chosen}, copy), finish)
            given = convert(laid, finish)
            told = f"{change.__name__} {', '.join(chosen)}"
            same(call.run(given, tensors), call.run(plain, tensors) if change is broadcast else expected, told)
            for name in names:
                same(given[name], plain[name], f"{told}: {name} was written into")


def any_array(value):
    """Whether a value is, or holds, an array or a tensor."""
    if isinstance(value, dict | list | tuple):
        return any(map(any_array, value.values() if isinstance(value, dict) else value))
    return is_array(value) or isinstance(value, torch.Tensor)


LAID = [
    pytest.param(call, side, id=f"{call}-{side}")
    for call in CALLS if call.has_arrays and not call.random
    for side in call.sides
]


@pytest.mark.parametrize("call, side", LAID)
def test_a_layout_never_changes_an_answer(call, side):
    """Does a view, of any order and stride, give what a copy of it gives, and is it left as it was?"""
    lies_alike(call, side, [one for name, one in LAYOUTS.items() if side == "arrays" or name not in NO_TENSORS])


def test_a_function_that_reads_memory_in_its_own_order_is_found():
    """Would this test have found the fault that it guards against?"""
    class Careless:
        arguments, has_arrays = {}, True

        def draw(self):
            return {"x": np.arange(6.0).reshape(2, 3)}

        def run(self, given, tensors):
            return np.zeros_like(given["x"]).reshape(-1) + given["x"].ravel(order="K")

    with pytest.raises(AssertionError):
        lies_alike(Careless(), "arrays", [fortran])
