import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from attnlib.windows import stack_window, windowed_linear
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

N, D, OUT, K = 6, 3, 4, 2
rng = np.random.default_rng(0)
X, W, b = rng.normal(size=(2, N, D)), rng.normal(size=((2 * K + 1) * D, OUT)), rng.normal(size=OUT)


@given(st.integers(1, 6), st.integers(0, 8))
def test_windows_are_torch_unfold(n, k):
    """Does stack_window cut what PyTorch's unfold cuts, also where the window is wider than the sequence?"""
    x = X[:, :n]
    theirs = F.unfold(torch.from_numpy(x)[:, None], (2 * k + 1, D), padding=(k, 0)).mT
    np.testing.assert_array_equal(stack_window(x, k), theirs.numpy())


def test_the_layer_is_a_convolution():
    """Is the windowed layer what PyTorch's conv1d computes with the same numbers?"""
    kernel = torch.from_numpy(W).reshape(2 * K + 1, D, OUT).permute(2, 1, 0)
    theirs = F.conv1d(torch.from_numpy(X).mT, kernel, torch.from_numpy(b), padding=K).mT
    np.testing.assert_allclose(windowed_linear(X, W, K, b), theirs.numpy(), rtol=1e-12, atol=1e-14)


def test_a_window_of_none_is_a_layer_at_each_position():
    """With k = 0, do equal vectors get equal outputs wherever they stand?"""
    x = X[0][[0, 1, 0]]
    outputs = windowed_linear(x, W[:D], 0)
    np.testing.assert_array_equal(outputs[0], outputs[2])
    assert not np.allclose(*windowed_linear(x, W, K)[[0, 2]])


def test_tensors_give_what_arrays_give(twins):
    """Do the functions agree between arrays and tensors, in every dtype?"""
    for dtype in (np.float16, np.float32, np.float64):
        for k in (0, 1, 3):
            twins(stack_window, X.astype(dtype), k)
    twins(windowed_linear, X, W, K, b)
    twins(windowed_linear, X[0], W, K)


def test_gradients(device):
    """Do gradients reach the vectors, the weights and the bias?"""
    inputs = [torch.from_numpy(x).to(device).requires_grad_() for x in (X, W, b)]
    assert torch.autograd.gradcheck(lambda x, w, c: windowed_linear(x, w, K, c), inputs)


def test_half_precision_is_summed_in_single(twins):
    """Is a row of 4096 float16 ones summed to 4096, where a sum in float16 stops at 2048?"""
    ones = np.ones((1, 4096), np.float16), np.ones((4096, 1), np.float16)
    assert twins(windowed_linear, *ones, 0).item() == 4096


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "bool"])
def test_moving_numbers_takes_every_dtype(dtype, twins):
    """Does stack_window, which only moves numbers, keep whole numbers and half precision as they are?"""
    x = (abs(X) * 100).astype(dtype)
    assert twins(stack_window, x, 1).cpu().numpy().dtype == dtype


def test_layouts_and_pytorchs_transforms():
    """Do views in every layout give the same, and do the functions compile whole, trace and map?"""
    same_in_every_layout(lambda x: stack_window(x, 2), X)
    same_in_every_layout(lambda x, w, c: windowed_linear(x, w, K, c), X, W, b)
    x, w, c = map(torch.from_numpy, (X, W, b))
    same_in_pytorch(lambda x: stack_window(x, 2), x)
    same_in_pytorch(lambda x: windowed_linear(x, w, K, c), x)


def test_empty_axes():
    """Do no vectors, no sequences and no outputs give empty arrays, and vectors without numbers the bias?"""
    assert stack_window(X[:, :0], 2).shape == (2, 0, 15) and stack_window(X[:0], 2).shape == (0, N, 15)
    assert windowed_linear(X, W[:, :0], K).shape == (2, N, 0)
    np.testing.assert_array_equal(windowed_linear(X[..., :0], W[:0], K, b), np.broadcast_to(b, (2, N, OUT)))


def shifted(x, s):
    return np.pad(x, ((0, 0), (K, K), (0, 0)))[:, K + s : K + s + N]


SLIPS = {
    "W1: neighbours added": lambda: sum(shifted(X, s) for s in range(-K, K + 1)),
    "W2: a window of 2k": lambda: np.concatenate([shifted(X, s) for s in range(-K, K)], -1),
    "W4: no zeros at the ends": lambda: stack_window(X, K)[:, K:-K],
    "the window backwards": lambda: np.concatenate([shifted(X, s) for s in range(K, -K - 1, -1)], -1),
    "the ends repeated": lambda: np.concatenate(
        [X[:, np.clip(np.arange(N) + s, 0, N - 1)] for s in range(-K, K + 1)], -1
    ),
    "neighbours by column, not by place": lambda: np.stack([shifted(X, s) for s in range(-K, K + 1)], -1).reshape(
        2, N, -1
    ),
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_slips_differ(slip):
    """Does each known slip give something else?"""
    right, wrong = stack_window(X, K), slip()
    assert right.shape != wrong.shape or not np.allclose(right, wrong)


def test_inputs_are_left_alone():
    """Is X the same afterwards, and the answer an array of its own?"""
    before = X.copy()
    stack_window(X, 0)[:] = 9
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: stack_window(X[0, 0], 1), ValueError, r"stack_window: X needs 2 axes or more, .* Got X \(3,\)"),
        (lambda: stack_window(X, -1), ValueError, "stack_window: k must be a whole number, 0 or more. Got k=-1"),
        (lambda: stack_window(X, 1.5), TypeError, "k must be a whole number, 0 or more. Got 1.5"),
        (lambda: stack_window(X.tolist(), 1), TypeError, "stack_window: X must be an array or a tensor; got list"),
        (lambda: stack_window(X, True), TypeError, "stack_window: k must be a whole number, 0 or more. Got True"),
        (lambda: windowed_linear(X, None, 1), TypeError, "windowed_linear: W must be an array or a tensor; got None"),
        (lambda: windowed_linear(X, W, K, b[:2]), ValueError,
         r"windowed_linear: W .* and b .* need the same E; it is 4 and 2"),
        (lambda: windowed_linear(X.astype(int), W.astype(int), K), TypeError,
         "windowed_linear: X and W need one floating dtype; got X int64, W int64"),
        (lambda: windowed_linear(X, W.astype("f4"), K), TypeError, "one floating dtype; got X float64, W float32"),
        (lambda: windowed_linear(X, W, 1), ValueError,
         r"windowed_linear: W has 15 rows; a window of 1 \+ 1 \+ 1 vectors of 3 numbers needs 9. Got X"),
        (lambda: windowed_linear(torch.from_numpy(X), torch.ones(4, 4), 1), ValueError,
         r"needs 9. Got X \(2, 6, 3\), W \(4, 4\)"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
