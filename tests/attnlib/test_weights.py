import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from attnlib.weights import hard, relu_weights, softmax
from tests.attnlib.draws import draw
from tests.attnlib.onnx_cases import cases

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
@pytest.mark.parametrize("weigh", [softmax, relu_weights, hard])
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


@pytest.mark.parametrize("operator, weigh", [("Hardmax", hard), ("Softmax", softmax)])
def test_weights_are_the_onnx_operators(operator, weigh, twins):
    """Do hard and softmax agree with the ONNX operator's own cases, along every axis?"""
    tried = 0
    for _, attributes, (inputs,), _, (expected,), rtol, atol in cases(operator):
        inputs, expected = (np.moveaxis(x, attributes.get("axis", -1), -1).copy() for x in (inputs, expected))
        np.testing.assert_allclose(weigh(inputs), expected, rtol=rtol, atol=atol)
        twins(weigh, inputs, rtol=rtol, atol=atol)
        tried += 1
    assert tried == 7


@given(scores)
def test_hard_is_softmax_without_temperature(s):
    """Do all scores but the largest get nothing, as from a softmax of scores multiplied without bound?"""
    weights = hard(s)
    np.testing.assert_array_equal(weights.sum(-1), 1)
    np.testing.assert_array_equal((weights * s).sum(-1), s.max(-1))


def test_hard_takes_the_first_of_equals(twins):
    """Does a tie go to the first key, and does a row of -inf get nothing?"""
    s = np.array([[1.0, 2, 2], [0, 0, 0], [-np.inf, -np.inf, -np.inf], [-np.inf, -5, -np.inf]])
    np.testing.assert_array_equal(hard(s), [[0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]])
    twins(hard, s)


@pytest.mark.parametrize("weigh", [softmax, relu_weights, hard])
def test_tensors_give_what_arrays_give(weigh, twins):
    """Do the weights agree between arrays and tensors, rows of -inf and large scores included?"""
    s = np.random.default_rng(2).normal(size=(2, 5, 7)) * [[[1], [10], [1e4], [1], [1e-3]]]
    s[0, 3], s[1, 2, 4:] = -np.inf, -np.inf
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-5), (np.float16, 1e-2)):
        twins(weigh, s.astype(dtype), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("weigh", [softmax, relu_weights])
def test_gradients(weigh, device):
    """Are the gradients those of finite differences, and finite where a row may look at nothing?"""
    s = torch.from_numpy(np.random.default_rng(3).normal(size=(3, 4))).to(device)
    assert torch.autograd.gradcheck(weigh, s.requires_grad_())
    empty = torch.full((2, 3), -torch.inf, device=device, requires_grad=True)
    weigh(empty).sum().backward()
    assert empty.grad.isfinite().all()


def test_float16_weights_of_a_long_row(twins):
    """Do 70000 equal scores in float16, whose sum float16 cannot hold, still share one whole?"""
    s = np.zeros((1, 70000), np.float16)
    assert abs(softmax(s).sum(dtype=float) - 1) < 0.02
    twins(softmax, s, rtol=1e-2)


@pytest.mark.parametrize("weigh", [softmax, relu_weights, hard])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_an_empty_row_has_no_weights(weigh, kind):
    """Without keys, or without rows, are there no weights, and no error?"""
    for shape in (3, 0), (0, 3), (0,):
        assert weigh(kind(np.zeros(shape))).shape == shape


@pytest.mark.parametrize("weigh", [softmax, relu_weights, hard])
def test_how_scores_lie_in_memory_never_matters(weigh):
    """Are the weights the same for transposed, flipped, strided and broadcast scores?"""
    s = np.random.default_rng(5).normal(size=(6, 4))
    views = s.T, s[::-1, ::-1], s[::2, ::2], np.broadcast_to(s[0], (3, 4)), np.broadcast_to(s[:, :1], (6, 4))
    for view in views:
        np.testing.assert_allclose(weigh(view), weigh(view.copy()), rtol=1e-14)


@pytest.mark.parametrize("weigh", [softmax, relu_weights, hard])
@pytest.mark.parametrize("scores, kind, message", [
    (np.array([1, 2]), TypeError, "scores needs a floating dtype; got scores int64"),
    (torch.tensor([1, 2]), TypeError, "scores needs a floating dtype; got scores torch.int64"),
    ([1.0, 2.0], TypeError, "scores must be an array or a tensor; got list"),
    (np.array(1.0), ValueError, r"scores needs 1 axis or more"),
])
def test_errors_name_what_came(weigh, scores, kind, message):
    """Are whole numbers, lists and single numbers refused in the name of the function?"""
    with pytest.raises(kind, match=f"^{weigh.__name__}: {message}"):
        weigh(scores)


wide = np.random.default_rng(4).normal(size=(5, 5)) * 3
SLIPS = {
    "S1: down the columns": (softmax(wide), softmax(wide.T).T),
    "S2: over the whole matrix": (softmax(wide), softmax(wide.reshape(1, -1)).reshape(5, 5)),
    "S22: no division by the length": (relu_weights(wide), np.maximum(wide, 0)),
    "S22: divided by the sum": (relu_weights(wide), np.maximum(wide, 0) / np.maximum(wide, 0).sum(-1, keepdims=True)),
    "S24: hard for softmax": (softmax(wide), hard(wide)),
    "hard down the columns": (hard(wide), hard(wide.T).T),
}


@pytest.mark.parametrize("right, wrong", SLIPS.values(), ids=SLIPS)
def test_slips_differ(right, wrong):
    """Does each known slip give something else?"""
    assert not np.allclose(right, wrong)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_hidden_keys_do_not_count_in_relu_weights(dtype, twins):
    """Does padding change nothing, is a causal prefix the same alone, and are weights of no key zeros?"""
    scores = draw(4, 5).astype(dtype)
    padded = np.concatenate([scores, np.full((4, 3), -np.inf, dtype)], -1)
    np.testing.assert_array_equal(relu_weights(padded)[:, :5], relu_weights(scores))
    assert relu_weights(padded).dtype == dtype and (relu_weights(padded)[:, 5:] == 0).all()
    assert (relu_weights(np.full((2, 3), -np.inf, dtype)) == 0).all()
    twins(relu_weights, padded, rtol=1e-3 if dtype == np.float16 else 1e-6)
