import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from attnlib.layers import erfc, gelu, layer_norm, linear, mlp, rms_norm, sigmoid, silu
from tests.attnlib.draws import draw

B, N, D = 2, 5, 12


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-12)])
def test_the_small_functions_are_torchs(dtype, tolerance):
    """Do linear, the norms and the activations agree with PyTorch's?"""
    x, W, b = draw(B, N, D, dtype=dtype) * 3 + 1, draw(D, 4, seed=1, dtype=dtype), draw(4, seed=2, dtype=dtype)
    gain, shift = draw(D, seed=3, dtype=dtype), draw(D, seed=4, dtype=dtype)
    X, G, S = map(torch.from_numpy, (x, gain, shift))
    pairs = [
        (linear(x, W, b), F.linear(X, torch.from_numpy(W.T), torch.from_numpy(b))),
        (layer_norm(x, gain, shift), F.layer_norm(X, (D,), G, S)),
        (layer_norm(x, gain, shift, eps=0.1), F.layer_norm(X, (D,), G, S, eps=0.1)),
        (rms_norm(x, gain), F.rms_norm(X, (D,), G, eps=1e-6)),
        (gelu(x), F.gelu(X)),
        (gelu(x, tanh=True), F.gelu(X, approximate="tanh")),
        (silu(x), F.silu(X)),
    ]
    for mine, torchs in pairs:
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine, torchs.numpy(), rtol=tolerance, atol=tolerance)


SMALL = {
    "linear": (linear, (N, D), (D, 4), (4,)),
    "layer_norm": (layer_norm, (N, D), (D,), (D,)),
    "rms_norm": (rms_norm, (N, D), (D,)),
    "gelu": (gelu, (N, D)),
    "tanh gelu": (lambda x: gelu(x, tanh=True), (N, D)),
    "silu": (silu, (N, D)),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-6), ("float64", 1e-12)])
def test_tensors_give_what_arrays_give(name, dtype, tolerance, device):
    """Does the function of tensors give the array's numbers, dtype kept, inputs left alone?"""
    function, *shapes = SMALL[name]
    inputs = [draw(*shape, seed=i, dtype=dtype) for i, shape in enumerate(shapes)]
    before = [x.copy() for x in inputs]
    expected = function(*inputs)
    got = function(*(torch.from_numpy(x).to(device) for x in inputs))
    assert expected.dtype == dtype and got.dtype == getattr(torch, dtype) and got.device.type == device
    np.testing.assert_allclose(got.cpu().numpy(), expected, rtol=tolerance, atol=tolerance)
    for now, then in zip(inputs, before):
        np.testing.assert_array_equal(now, then)


def test_half_precision_is_averaged_in_single():
    """Is the mean of 4096 float16 numbers near 100 exact enough to tell them apart afterwards?"""
    x = (100 + draw(4096)).astype(np.float16)
    exact = layer_norm(x.astype(float), np.ones(4096), np.zeros(4096))
    got = layer_norm(x, np.ones(4096, np.float16), np.zeros(4096, np.float16))
    np.testing.assert_allclose(got, exact, atol=2e-3)


@given(st.floats(-50, 50), st.floats(0.5, 50))
def test_layer_norm_ignores_shift_and_scale(shift, scale):
    """Does moving or stretching a whole vector change nothing?"""
    x, gain = draw(N, D), np.ones(D)
    np.testing.assert_allclose(
        layer_norm(x * scale + shift, gain, 0 * gain, eps=0), layer_norm(x, gain, 0 * gain, eps=0), atol=1e-9
    )


def test_a_constant_vector_is_no_nan():
    """Does a vector without variance give the shift?"""
    np.testing.assert_array_equal(layer_norm(np.full((1, D), 3.0), np.ones(D), np.arange(D) * 1.0), [np.arange(D)])


@pytest.mark.parametrize("large", [1e3, -1e3])
def test_activations_of_large_numbers(large):
    """Are the activations of +-1000 exactly the number or zero, without a warning?"""
    with np.errstate(all="raise"):
        for act in gelu, silu:
            np.testing.assert_array_equal(act(np.array([large])), [max(large, 0)])


def test_a_gated_network_multiplies():
    """With W_gate, is the network act(x W_gate) * (x W_in), then W_out?"""
    x, W = draw(N, D), {"W_in": draw(D, 8, seed=1), "W_gate": draw(D, 8, seed=2), "W_out": draw(8, D, seed=3)}
    expected = (F.silu(torch.from_numpy(x @ W["W_gate"])).numpy() * (x @ W["W_in"])) @ W["W_out"]
    np.testing.assert_allclose(mlp(x, W, act=silu), expected, atol=1e-12)




FLOATING = {"layer_norm": (layer_norm, 2), "rms_norm": (rms_norm, 1), "gelu": (gelu, 0), "silu": (silu, 0),
            "sigmoid": (sigmoid, 0), "erfc": (erfc, 0)}


@pytest.mark.parametrize("name", FLOATING)
@pytest.mark.parametrize("tensors", [False, True])
def test_whole_numbers_raise(name, tensors):
    """Are whole numbers refused by name, where they were cut to whole results?"""
    function, learned = FLOATING[name]
    inputs = [np.arange(12).reshape(3, 4), *[np.ones(4, int)] * learned]
    with pytest.raises(TypeError, match=f"^{name}: x.* floating dtype; got x (torch.)?int64.* Convert with"):
        function(*(map(torch.from_numpy, inputs) if tensors else inputs))


EXACT = {  # by Python's own functions, in double precision, in forms that lose no digit of negative x
    "gelu": (gelu, lambda x: x * math.erfc(-x / 2**0.5) / 2),
    "tanh gelu": (
        lambda x: gelu(x, tanh=True), lambda x: x / (1 + math.exp(-2 * (2 / math.pi) ** 0.5 * (x + 0.044715 * x**3)))
    ),
    "silu": (silu, lambda x: x / (1 + math.exp(-x))),
    "sigmoid": (sigmoid, lambda x: 1 / (1 + math.exp(-x))),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("dtype, tolerance", [("float16", 1e-3), ("float32", 2e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("tensors", [False, True])
def test_activations_keep_the_digits_of_negative_numbers(name, dtype, tolerance, tensors):
    """Down to -9, is every activation right to a share of itself, not of 1? Forms with 1 + tanh or 1 + erf are not."""
    function, exact = EXACT[name]
    x = np.linspace(-9, 4, 200).astype(dtype)
    got = function(torch.from_numpy(x)).numpy() if tensors else function(x)
    expected = np.array([exact(float(value)) for value in x])
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=np.finfo(dtype).smallest_subnormal)
    assert got.dtype == dtype


def test_the_slope_of_sigmoid_at_0_is_a_quarter():
    """At exactly 0, where a gate of zeros starts, are the gradients of the tensor functions right?"""
    for function, slope in (sigmoid, 0.25), (silu, 0.5), (gelu, 0.5), (lambda x: gelu(x, tanh=True), 0.5):
        x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        function(x).sum().backward()
        assert abs(x.grad.item() - slope) < 1e-12


@pytest.mark.parametrize("lay", [np.asfortranarray, lambda x: x[::-1], lambda x: x[:, ::-1], lambda x: x[::2],
                                 lambda x: np.broadcast_to(x[:1], x.shape), lambda x: x.T.copy().T])
def test_layouts_never_matter(lay):
    """Do arrays that are transposed, flipped, strided or broadcast give what their copies give?"""
    x = lay(draw(6, D))
    gain, shift, W = draw(2 * D, seed=1)[::2], draw(D, seed=2)[::-1], draw(8, D, seed=3).T
    for function, rest in ((linear, (W,)), (layer_norm, (gain, shift)), (rms_norm, (gain,)), (gelu, ()), (silu, ())):
        copies = [np.ascontiguousarray(a) for a in (x, *rest)]
        np.testing.assert_allclose(function(x, *rest), function(*copies), rtol=1e-13, atol=1e-13)


x, W, EYE = np.ones((N, D)), np.ones((D, 8)), np.eye(D)


@pytest.mark.parametrize("call, kind, message", [
    (lambda: linear(x, W.T), ValueError,
     r"linear: .* need the same D; it is 12 and 8. Got x \(5, 12\), W \(8, 12\)."),
    (lambda: linear(torch.ones(5, 12), torch.ones(8, 12)), ValueError,
     r"linear: .* need the same D; it is 12 and 8. Got x \(5, 12\), W \(8, 12\)."),
    (lambda: linear(x, W, np.ones(3)), ValueError, r"linear: .* need the same E; it is 8 and 3. Got x .*, b \(3,\)."),
    (lambda: linear(x, W.astype("f4")), TypeError, "linear: .* one floating dtype; got x float64, W float32."),
    (lambda: linear(x.tolist(), W), TypeError, "linear: x must be an array or a tensor; got list"),
    (lambda: linear(x, torch.ones(D, 8)), TypeError, "linear: tensors and arrays do not mix"),
    (lambda: layer_norm(x, np.ones(3), np.ones(D)), ValueError, r"layer_norm: .* the same d; it is 12 and 3. Got x"),
    (lambda: layer_norm(x, np.ones(D), np.ones(1)), ValueError, r"layer_norm: .* same d; it is 12 and 1. Got x"),
    (lambda: layer_norm(x, np.ones(D), np.ones(D), eps=-1.0), ValueError, "layer_norm: eps must be 0 or more; got -1"),
    (lambda: layer_norm(x, np.ones(D), np.ones(D), eps=None), TypeError, "layer_norm: eps must be a finite number"),
    (lambda: layer_norm(np.ones((N, 0)), np.ones(0), np.ones(0)), ValueError, "layer_norm: .* d to be 1 or more"),
    (lambda: rms_norm(x, np.ones(3)), ValueError, r"rms_norm: .* the same d; it is 12 and 3. Got x"),
    (lambda: rms_norm(x, np.ones(D, "f4")), TypeError, "rms_norm: .* got x float64, gain float32"),
    (lambda: rms_norm(torch.ones(2, D), torch.ones(3)), ValueError, "rms_norm: .* the same d"),
    (lambda: gelu(None), TypeError, "gelu: x must be an array or a tensor; got None"),
    (lambda: gelu(x, tanh=1), TypeError, "gelu: tanh must be True or False. Got 1"),
    (lambda: mlp(x, {"W_in": EYE, "W_ut": EYE}), ValueError,
     "mlp: the parameters have no W_out. There must be W_in, W_out; there may be .* Got W_in, W_ut"),
    (lambda: mlp(x, {"W_in": EYE, "W_out": EYE, "b_up": EYE}), ValueError, "mlp: the parameters have an unknown b_up"),
    (lambda: mlp(x, {"W_in": EYE, "W_out": W.T}), ValueError, "mlp: .* need the same F; it is 12 and 8"),
    (lambda: mlp(x, {"W_in": EYE, "W_out": EYE, "b_gate": x[0]}), ValueError, "mlp: b_gate .* W_gate is missing"),
    (lambda: mlp(x, [EYE, EYE]), TypeError, "mlp: the parameters must be a dict, one array a name. Got list"),
    (lambda: mlp(x, {"W_in": EYE, "W_out": EYE}, act="gelu"), TypeError, "mlp: act must be a function. Got 'gelu'"),
])
def test_errors_name_what_came(call, kind, message):
    """Does an error name the function called, what came and what would be right?"""
    with pytest.raises(kind, match="^" + message):
        call()
