"""The checks of arguments: what each lets through, what it refuses, and in which words.

That every function uses them is the matter of test_bad_arguments.py.
"""

import numpy as np
import pytest
import torch

from attnlib._arguments import (
    as_array,
    broadcast,
    can_look,
    check_arrays,
    check_axes,
    check_broadcasts,
    check_flags,
    check_floating,
    check_functions,
    check_ids,
    check_like,
    check_mask,
    check_numbers,
    check_options,
    check_qkv,
    check_sizes,
    is_floating,
)

x, W, b = np.ones((2, 5, 4)), np.ones((4, 3)), np.ones(3)
OPTIONS = {"mask": None, "bias": None, "causal": False, "window": None, "scale": None, "softcap": None, "past": 0,
           "sinks": None}


def refused(kind, message, check, *args, **named):
    """Assert that a check raises this kind of error, with exactly this message."""
    with pytest.raises(kind) as caught:
        check(*args, **named)
    assert str(caught.value) == message


def test_axes_that_fit_pass():
    """Do letters, dots, what may be left out, and axes that broadcast let right arrays through, and tensors too?"""
    check_axes("f", x=(x, "... N D"), W=(W, "D E"), b=(b, "? E"), c=(None, "? E"))
    check_axes("f", x=(torch.ones(2, 5, 4), "... N D"), W=(torch.ones(4, 3), "D E"))
    check_axes("f", x=(np.ones((2, 1, 5, 4)), "... N D"), y=(np.ones((3, 7, 4)), "... M D"))
    check_axes("f", x=(np.ones((2, 0, 4)), "... N D"), lse=(np.ones((2, 0, 1)), "... N 1"))


@pytest.mark.parametrize("arrays, message", [
    ({"x": (x, "N D")}, "f: x needs 2 axes, (N, D). Got x (2, 5, 4)."),
    ({"b": (b, "... N D")}, "f: b needs 2 axes or more, (..., N, D). Got b (3,)."),
    ({"W": (W, "E")}, "f: W needs 1 axis, (E,). Got W (4, 3)."),
    ({"x": (x, "... N D"), "W": (W[:3], "D E")},
     "f: x (..., N, D) and W (D, E) need the same D; it is 4 and 3. Got x (2, 5, 4), W (3, 3)."),
    ({"x": (x, "... N 1")}, "f: x must be (..., N, 1); it has 4 for 1. Got x (2, 5, 4)."),
    ({"x": (x[..., :0], "... N d")}, "f: x (..., N, d) needs d to be 1 or more. Got x (2, 5, 0)."),
    ({"x": (x, "... N D"), "y": (np.ones((3, 5, 4)), "... N D")},
     "f: the axes before the last ones do not broadcast together. Got x (2, 5, 4), y (3, 5, 4)."),
])
def test_axes_that_do_not_fit_are_told(arrays, message):
    """Does the error say which array, what is wrong with it, and every shape that came?"""
    refused(ValueError, message, check_axes, "f", **arrays)


@pytest.mark.parametrize("value, told", [
    ([1.0], "list"), (None, "None"), ("abc", "'abc'"), (3, "3"), (2.5, "2.5"), (np.float64(2.5), "np.float64(2.5)"),
    (np.ma.masked_array([1.0]), "MaskedArray (1,)"), ("a" * 99, "str"),
])
def test_what_is_no_array_is_told(value, told):
    """Are lists, numbers, words and NumPy's arrays with other rules refused?"""
    message = f"f: b must be an array or a tensor; got {told}. Convert with np.asarray."
    refused(TypeError, message, check_arrays, "f", a=x, b=value)


def test_arrays_and_tensors_do_not_mix():
    """Does the error say which is which?"""
    message = "f: tensors and arrays do not mix; got a ndarray, b Tensor. Convert with torch.from_numpy."
    refused(TypeError, message, check_arrays, "f", a=x, b=torch.ones(3))
    with pytest.raises(ValueError, match="^f: all tensors need one device; got a on cpu, b on meta"):
        check_arrays("f", a=torch.ones(3), b=torch.ones(3, device="meta"))


@pytest.mark.parametrize("given, message", [
    ({"x": x, "W": W.astype("f4")},
     "f: x and W need one floating dtype; got x float64, W float32. Convert with .astype(np.float32)."),
    ({"x": x.astype(int)}, "f: x needs a floating dtype; got x int64. Convert with .astype(np.float32)."),
    ({"x": torch.ones(2, dtype=torch.bool)},
     "f: x needs a floating dtype; got x torch.bool. Convert with .to(torch.float32)."),
    ({"q": x, "k": x, "v": x.astype(complex)},
     "f: q, k and v need one floating dtype; got q float64, k float64, v complex128. "
     "Convert with .astype(np.float32)."),
])
def test_dtypes_that_are_not_one_floating_one_are_told(given, message):
    """Is nothing promoted silently?"""
    refused(TypeError, message, check_floating, "f", **given)


def test_floating_dtypes_of_both_libraries_are_known():
    """Are half types and bfloat16 floating, and whole, complex and boolean ones not?"""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert all(map(is_floating, [np.dtype("f2"), np.dtype("f8"), np.dtype(ml_dtypes.bfloat16), torch.bfloat16]))
    assert not any(map(is_floating, [np.dtype(int), np.dtype(complex), np.dtype(bool), torch.int8, torch.complex64]))
    check_floating("f", x=None, y=x)


@pytest.mark.parametrize("shapes", [[(2, 1), (3,)], [(), (4, 0)], [(1, 1), (5, 1), (1, 6)], [(2,), (3,)], [(0,), (2,)]])
def test_broadcast_is_numpys(shapes):
    """Is the shape NumPy's, and None where NumPy raises?"""
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        expected = None
    assert broadcast(*shapes) == expected


def test_masks_are_boolean_and_broadcast():
    """Is a mask of numbers refused, and one of another shape?"""
    check_mask("f", None, (5, 7))
    check_mask("f", np.ones((1, 7), bool), (2, 5, 7), q=x)
    with pytest.raises(TypeError, match=r"^f: mask must be bool, True = may attend; got float64 \(5, 7\)"):
        check_mask("f", np.ones((5, 7)), (5, 7))
    message = "f: mask (5, 6) does not broadcast to the scores (2, 5, 7)."
    refused(ValueError, message, check_mask, "f", np.ones((5, 6), bool), (2, 5, 7))
    message = "f: b (2, 2, 5) does not broadcast to the rows (2, 5)."
    refused(ValueError, message, check_broadcasts, "f", "b", np.ones((2, 2, 5)), (2, 5), "the rows")


def test_sizes_come_back_as_pythons_integers():
    """Are sizes of NumPy taken, and can they no longer overflow?"""
    N, M = check_sizes("f", N=np.int8(100), M=7)
    assert type(N) is int and N * M == 700 and check_sizes("f", least=0, N=0) == 0


@pytest.mark.parametrize("size", [
    2.0, np.float64(2), True, np.True_, "2", None, [2], 2j, np.array(2), np.array([2]), torch.tensor(2), float("nan"),
])
def test_what_is_no_size_raises(size):
    """Is only a whole number a size?"""
    with pytest.raises(TypeError, match="^f: N must be a whole number, 1 or more. Got "):
        check_sizes("f", N=size)


def test_sizes_that_are_too_small_are_told_with_all_others():
    """Does the error name every size that came?"""
    refused(ValueError, "f: M must be a whole number, 1 or more. Got N=5, M=0.", check_sizes, "f", N=5, M=0)
    refused(ValueError, "f: w must be a whole number, 0 or more. Got w=-1.", check_sizes, "f", least=0, w=-1)


@pytest.mark.parametrize("number, kind", [
    (float("nan"), ValueError), (float("inf"), ValueError), (-float("inf"), ValueError), (True, TypeError),
    ("1", TypeError), (None, TypeError), (1j, TypeError), ([1.0], TypeError), (np.array(1.0), TypeError),
])
def test_what_is_no_finite_number_raises(number, kind):
    """Is only a finite real number a number, and does the error say what came?"""
    check_numbers("f", s=0.5, t=-3, u=np.float32(2))
    with pytest.raises(kind, match="^f: s must be a finite number. Got "):
        check_numbers("f", s=number)


def test_numbers_must_be_above_their_bound():
    """Is the bound itself refused?"""
    check_numbers("f", above=0, s=1e-9)
    refused(ValueError, "f: s must be a finite number above 0. Got 0.", check_numbers, "f", above=0, s=0)


@pytest.mark.parametrize("flag", [1, 0, None, "yes", 1.0, np.array(True), [True]])
def test_flags_are_true_or_false(flag):
    """Is what is only like True or False refused?"""
    check_flags("f", a=True, b=np.False_)
    with pytest.raises(TypeError, match="^f: causal must be True or False. Got "):
        check_flags("f", causal=flag)


@pytest.mark.parametrize("function", [None, 3, "exp"])
def test_functions_can_be_called(function):
    """Is what cannot be called refused where a function is needed?"""
    check_functions("f", act=np.exp)
    with pytest.raises(TypeError, match="^f: act must be a function. Got "):
        check_functions("f", act=function)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
def test_ids_of_every_integer_dtype_are_compared_with_large_sizes(dtype, convert):
    """Do ids of a small dtype pass under a size that the dtype cannot hold?"""
    ids = check_ids("f", convert(np.array([3, 0], dtype)), 100_000)
    assert "int64" in str(ids.dtype) and ids.tolist() == [3, 0]


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
def test_ids_outside_and_ids_that_are_not_whole_raise(convert):
    """Does the error give the id and the size, in the words and of the kind that the caller wants?"""
    ids = convert(np.array([1, -1]))
    refused(IndexError, "f: id -1 is outside 0..4; the size is 5.", check_ids, "f", ids, 5)
    message = "f: length 1 is outside 0..0; the size is 1."
    refused(ValueError, message, check_ids, "f", ids[:1], 1, what="length", outside=ValueError)
    for wrong in np.array([0.5]), np.array([True]), np.array(["a"]), np.array([1j]):
        with pytest.raises(TypeError, match="^f: ids must be whole numbers; got "):
            check_ids("f", wrong, 5)
    assert check_ids("f", np.asarray([]), 5).dtype == np.int64


@pytest.mark.parametrize("numbers", [[3, 0], (3, 0), np.array([3, 0])])
def test_lists_take_the_kind_of_the_array_beside_them(numbers):
    """Does a list become an array beside an array, and a tensor beside a tensor?"""
    assert isinstance(as_array("f", "ids", numbers, table=x), np.ndarray)
    if isinstance(numbers, list | tuple):
        assert as_array("f", "ids", numbers, table=torch.ones(2)).tolist() == [3, 0]
    else:
        with pytest.raises(TypeError, match="^f: tensors and arrays do not mix; got ids ndarray, table Tensor"):
            as_array("f", "ids", numbers, table=torch.ones(2))


@pytest.mark.parametrize("numbers, told", [("abc", "'abc'"), (None, "None"), ([[1], [1, 2]], "list"), ({1}, "set")])
def test_what_is_no_list_of_numbers_raises(numbers, told):
    """Are words, None and rows of different lengths refused in the same words?"""
    message = f"f: ids must be numbers, in an array, a tensor or a list. Got {told}."
    refused(TypeError, message, as_array, "f", "ids", numbers)


def test_what_a_result_is_to_be_like_is_an_array():
    """Is `like` None, an array or a tensor, and floating where the result is?"""
    check_like("f", None)
    check_like("f", x)
    check_like("f", x.astype(int), real=False)
    with pytest.raises(TypeError, match="^f: like needs a floating dtype; got like int64"):
        check_like("f", x.astype(int))
    with pytest.raises(TypeError, match="^f: like must be an array or a tensor; got 'abc'"):
        check_like("f", "abc", real=False)


def test_numbers_of_a_tensor_that_is_only_planned_are_not_looked_at():
    """May code branch on arrays and tensors, and not on what PyTorch maps over or only plans?"""
    assert can_look(x) and can_look(torch.ones(2)) and not can_look(torch.ones(2, device="meta"))
    seen = []
    torch.func.vmap(lambda one: (seen.append(can_look(one)), one)[1])(torch.ones(2))
    assert seen == [False]


@pytest.mark.parametrize("shapes, told", [
    (((4,), (4,), (4,)), "q, k and v need two axes or more"),
    (((5, 4), (7, 3), (7, 3)), "q has 4 columns, k has 3; both need the same width"),
    (((5, 0), (7, 0), (7, 3)), "q has 0 columns, k has 0; both need the same width, 1 or more"),
    (((5, 4), (7, 4), (6, 3)), "7 keys and 6 values"),
    (((2, 5, 4), (7, 4), (7, 3)), "the leading axes differ"),
    (((2, 6, 5, 4), (3, 6, 7, 4), (3, 6, 7, 3)), "the leading axes differ"),
    (((2, 6, 5, 4), (2, 4, 7, 4), (2, 4, 7, 3)), "6 query heads cannot share 4 key heads evenly"),
    (((2, 6, 5, 4), (2, 0, 7, 4), (2, 0, 7, 3)), "6 query heads cannot share 0 key heads evenly"),
])
def test_queries_keys_and_values_that_do_not_fit_are_told(shapes, told):
    """Does the error say what is wrong, and every shape that came?"""
    q, k, v = map(np.ones, shapes)
    with pytest.raises(ValueError) as caught:
        check_qkv("f", q, k, v)
    message = str(caught.value)
    assert message.startswith(f"f: {told}") and message.endswith(f"Got q {q.shape}, k {k.shape}, v {v.shape}.")


@pytest.mark.parametrize("option, value, told", [
    ("mask", np.ones((5, 7)), "mask must be bool"), ("mask", np.ones((5, 6), bool), "mask (5, 6) does not broadcast"),
    ("bias", np.ones((5, 7), int), "bias must be floating"), ("bias", np.ones((5, 6)), "bias (5, 6) does not"),
    ("sinks", np.ones(5), "sinks (5,) does not broadcast to the heads (2, 6)"), ("causal", 1, "causal must be True"),
    ("window", -1, "window must be a whole number, 0 or more"), ("window", 1.5, "window must be a whole number"),
    ("past", -1, "past must be a whole number, 0 or more"), ("scale", np.inf, "scale must be a finite number"),
    ("softcap", 0, "softcap must be a finite number above 0"),
    ("bias", torch.ones(5, 7), "tensors and arrays do not mix"),
])
def test_options_that_do_not_fit_are_told(option, value, told):
    """Is each option of attention checked, and named?"""
    q, k = np.ones((2, 6, 5, 4)), np.ones((2, 3, 7, 4))
    check_options("f", q, k, **OPTIONS)
    with pytest.raises((TypeError, ValueError)) as caught:
        check_options("f", q, k, **OPTIONS | {option: value})
    assert str(caught.value).startswith(f"f: {told}")
