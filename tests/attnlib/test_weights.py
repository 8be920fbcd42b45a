import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from attnlib.weights import relu_weights, softmax

scores = arrays(np.float64, array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.floats(-1e4, 1e4))


@given(scores)
def test_softmax_is_torch_softmax(s):
    """Does softmax agree with PyTorch's, large scores included?"""
    np.testing.assert_allclose(softmax(s), torch.from_numpy(s).softmax(-1).numpy(), rtol=1e-12, atol=1e-300)


@given(scores)
def test_rows_sum_to_one(s):
    """Do the weights of every query sum to one?"""
    np.testing.assert_allclose(softmax(s).sum(-1), 1)


@given(scores, st.floats(-1e3, 1e3))
def test_softmax_ignores_a_shift(s, shift):
    """Does adding one number to a whole row change nothing?"""
    np.testing.assert_allclose(softmax(s + shift), softmax(s), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("weigh", [softmax, relu_weights])
def test_dtype_and_inputs_are_kept(weigh, dtype):
    """Does the answer have the dtype of the scores, and are the scores left alone?"""
    s = np.random.default_rng(0).normal(size=(5, 7)).astype(dtype)
    before = s.copy()
    assert weigh(s).dtype == dtype
    np.testing.assert_array_equal(s, before)


def test_nothing_to_attend_to_gives_zeros():
    """Does a row of -inf give zeros, without touching its neighbours?"""
    s = np.array([[-np.inf, -np.inf], [0.0, -np.inf]])
    np.testing.assert_array_equal(softmax(s), [[0, 0], [1, 0]])


def test_relu_weights_do_not_grow_with_length():
    """Is the sum of a row of ReLU weights the same for a sequence said twice?"""
    s = np.random.default_rng(1).normal(size=(3, 8))
    np.testing.assert_allclose(relu_weights(np.tile(s, 2)).sum(-1), relu_weights(s).sum(-1))
