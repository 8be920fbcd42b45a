"""Values cross the sandbox wall as plain data: do they arrive whole, and can hostile data do harm?"""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from attnlib.check.beside_learner.wire import DTYPES, MAX_BYTES, Other, WireError, decode, encode

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)
arrays = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes))
plain = st.none() | st.booleans() | st.integers(-(1 << 63) + 1, (1 << 63) - 1) | st.floats() | st.text(max_size=50)
values = st.recursive(plain | arrays, lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
                      | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5)
words = st.sampled_from(["array", "dtype", "shape", "plain", "float", "tuple", "list", "dict", "other", *DTYPES])
sizes = st.lists(st.integers(-2, 1 << 40), max_size=10)
hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | words | sizes,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4),
    max_leaves=12)
packed = st.fixed_dictionaries({"array": hostile | st.just(""), "dtype": hostile, "shape": hostile | sizes})


def same(a, b):
    """Alike bit by bit, dtype and structure too."""
    if isinstance(a, np.ndarray | np.generic):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape, bits(a)) == (b.dtype, b.shape, bits(b))
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and repr(a) == repr(b)


def bits(array):
    """The bytes of its numbers; a longdouble has others too, which mean nothing."""
    return (array.astype(np.float64) if array.dtype == np.longdouble else array).tobytes()


def travel(value):
    """The value after the way through JSON."""
    return decode(json.loads(json.dumps(encode(value))))


@given(values.filter(lambda value: "other" not in json.dumps(encode(value))))
def test_a_value_arrives_as_it_left(value):
    """Does every array, number, text and nest of them come back bit by bit?"""
    assert same(value, travel(value))


@given(hostile | packed)
def test_hostile_data_raises_one_error_only(data):
    """Does data of any form either decode or raise WireError, never another exception?"""
    try:
        decode(data)
    except WireError as error:
        assert str(error)


@pytest.mark.parametrize("data", [
    {"array": "", "dtype": "float64", "shape": [0, 2**31 - 1, 2**31 - 1, 2**31 - 1]},
    {"array": "", "dtype": "float64", "shape": [2**31 - 1, 0]},
    {"array": "AAAA", "dtype": "float64", "shape": [1]}, {"array": "AAAAAAAAAAA=", "dtype": "object", "shape": [1]},
    {"array": "AAAAAAAAAAA=", "dtype": "float64", "shape": [True]}, {"array": "$", "dtype": "bool", "shape": [1]},
    {"array": "AAAAAAAAAAA=", "dtype": ["float64"], "shape": [1]}, {"array": 1, "dtype": "bool", "shape": []},
    {"float": "0x1p99999"}, {"float": "one"}, {"float": 1}, {"plain": []}, {"plain": 1.5}, {"list": {}}, {}, [], None,
    {"plain": 1, "float": "1"}, {"pickle": "gASVBQAAAAAAAABLAS4="},
    {"list": [{"list": [{"list": [{"list": [{"list": [{"list": [{"list": []}]}]}]}]}]}]},
])
def test_data_of_no_known_form_is_refused(data):
    """Is a wrong length, dtype, depth or form refused by name?"""
    with pytest.raises(WireError):
        decode(data)


def test_a_byte_that_is_no_bool_becomes_one():
    """Can a bool array smuggle in values other than 0 and 1?"""
    assert decode({"array": "Av8A", "dtype": "bool", "shape": [3]}).view(np.uint8).tolist() == [1, 1, 0]


class Liar:
    """Says it is an array, and lies about everything else."""

    __class__ = np.ndarray

    def __getattr__(self, name):
        raise RuntimeError(name)


class Nameless:
    __module__ = 5


class Fails:
    def __repr__(self):
        raise ValueError

    __str__ = __array__ = __len__ = __iter__ = __eq__ = __hash__ = __repr__


def endless():
    """A list that holds itself."""
    items = []
    items.append(items)
    return items


ODD = [
    (1j, "a complex"), (np.array([1j]), "dtype complex128, shape (1,)"), (np.array([None]), "dtype object"),
    (np.array(["a"]), "dtype <U1"), (np.ma.masked_array([1.0]), "MaskedArray"), (10**400, "an int"),
    (np.zeros(MAX_BYTES), "more than can be checked"), ([0] * 1001, "a list"), (Liar(), "Liar"), (Nameless(), "object"),
    (Fails(), "Fails"), (len, "builtin_function_or_method"), ((n for n in ()), "a generator"), (np, "a module"),
    (int, "a type"),
    (np.array([(1, 2.0)], "i4,f4"), "shape (1,)"), (torch.zeros(2, dtype=torch.complex64), "complex64"),
    (b"bytes", "a bytes"), ({1, 2}, "a set"), (np.datetime64("2026-01-01"), "datetime64"),
]


@pytest.mark.parametrize(("value", "words"), ODD, ids=[words for _, words in ODD])
def test_what_cannot_travel_is_described(value, words):
    """Does a value of another kind become words for a person, whatever it does to defend itself?"""
    assert words in travel(value).description


def test_encode_never_raises():
    """Does a value that holds itself, or fails when looked at, still give JSON of bounded depth?"""
    for value in (endless(), {"a": endless()}, [Fails()], (Nameless(),), {Nameless(): 1}, {Fails: 1}, [Liar()]):
        travel(value)


@pytest.mark.parametrize("tensor", [
    torch.arange(6.0).reshape(2, 3), torch.ones(2, requires_grad=True), torch.ones(2, dtype=torch.bfloat16),
    torch.tensor(3), torch.nn.Parameter(torch.ones(1)), torch.zeros(0, 2), torch.tensor([True, False]),
    torch.arange(6.0).reshape(2, 3).T,
])
def test_tensors_travel_as_arrays(tensor):
    """Do PyTorch's tensors arrive as NumPy arrays with the same numbers?"""
    arrived = travel(tensor)
    assert isinstance(arrived, np.ndarray)
    np.testing.assert_array_equal(arrived, tensor.detach().to(torch.float64).numpy())


def test_numbers_of_numpy_and_views_travel():
    """Do NumPy's own numbers, other byte orders and strided views arrive as plain arrays?"""
    assert travel(np.float32(0.5)) == np.float32(0.5) and travel(np.float32(0.5)).dtype == np.float32
    np.testing.assert_array_equal(travel(np.arange(5, dtype=">i4")), np.arange(5))
    np.testing.assert_array_equal(travel(np.arange(12.0).reshape(3, 4).T[::2]), np.arange(12.0).reshape(3, 4).T[::2])


def test_an_other_is_a_value_like_any_other():
    """Are two descriptions equal when their words are?"""
    assert decode({"other": "a set"}) == Other("a set")
