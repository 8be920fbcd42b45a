import numpy as np
import pytest
import torch

from attnlib.rnn import rnn
from tests.attnlib.draws import B, D, N, draw
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

HIDDEN = 3


def drawn(dtype=np.float64):
    """x (2, 5, 4), W_x (4, 3), W_h (3, 3), b (3), state (2, 3)."""
    shapes = (B, N, D), (D, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN,), (B, HIDDEN)
    return [draw(*shape, seed=i, dtype=dtype) for i, shape in enumerate(shapes)]


def test_it_is_pytorchs_rnn():
    """Given the same matrices, does torch's nn.RNN give the same states, its two biases added up?"""
    x, W_x, W_h, b, state = drawn()
    theirs = torch.nn.RNN(D, HIDDEN, batch_first=True, dtype=torch.float64)
    first, second = draw(2, HIDDEN, seed=9)
    with torch.no_grad():
        values = {"weight_ih": W_x.T, "weight_hh": W_h.T, "bias_ih": first, "bias_hh": second}
        for name, value in values.items():
            getattr(theirs, f"{name}_l0").copy_(torch.from_numpy(value))
        expected = theirs(torch.from_numpy(x), torch.from_numpy(state)[None])
    states, last = rnn(x, W_x, W_h, first + second, state)
    np.testing.assert_allclose(states, expected[0], atol=1e-12)
    np.testing.assert_allclose(last, expected[1][0], atol=1e-12)
    assert abs(rnn(x, W_x, W_h.T, first + second, state)[0] - states).max() > 0.1   # the other convention


def test_it_goes_on_from_its_state():
    """Stopped and started again with the last state, does it give what it gives in one go?"""
    x, W_x, W_h, b, _ = drawn()
    states, last = rnn(x, W_x, W_h, b)
    first, state = rnn(x[:, :2], W_x, W_h, b)
    second, end = rnn(x[:, 2:], W_x, W_h, b, state)
    np.testing.assert_allclose(np.concatenate([first, second], 1), states, atol=1e-12)
    np.testing.assert_allclose(end, last, atol=1e-12)
    np.testing.assert_array_equal(last, states[:, -1])


def test_a_state_comes_from_what_was_read():
    """Does a later vector, NaN or not, leave the earlier states as they were, and spoil the later ones?"""
    x, *parameters = drawn()
    states, _ = rnn(x, *parameters[:3])
    x[:, 3] = np.nan
    other, _ = rnn(x, *parameters[:3])
    np.testing.assert_array_equal(other[:, :3], states[:, :3])
    assert np.isnan(other[:, 3:]).all()


def test_no_vectors_leave_the_state_as_it_was(twins):
    """Without vectors, are there no states, and is the last one the state given, or zeros?"""
    x, W_x, W_h, b, state = drawn()
    states, last = twins(rnn, x[:, :0], W_x, W_h, b, state)
    assert tuple(states.shape) == (B, 0, HIDDEN) and (last.cpu().numpy() == state).all()
    assert (rnn(x[:, :0], W_x, W_h)[1] == np.zeros((B, HIDDEN))).all()


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-6), ("float64", 1e-12)])
def test_tensors_give_what_arrays_give(dtype, tolerance, twins):
    """Do tensors give what arrays give, with and without bias and state, for one sequence and for a batch?"""
    x, W_x, W_h, b, state = drawn(dtype)
    for given in (x, W_x, W_h), (x, W_x, W_h, b, state), (x[0], W_x, W_h, b), (x, W_x, W_h, None, state[0]):
        twins(rnn, *given, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
def test_layouts_pytorch_and_gradients():
    """Does the layout in memory not matter; does it compile, trace, map over a batch and have right gradients?"""
    given = drawn()
    same_in_every_layout(rnn, *given)
    tensors = [torch.from_numpy(value) for value in given]
    same_in_pytorch(rnn, *tensors, batched=False)
    mapped = torch.func.vmap(lambda x: rnn(x, *tensors[1:4])[0])(tensors[0])
    torch.testing.assert_close(mapped, rnn(*tensors[:4])[0])
    assert torch.autograd.gradcheck(rnn, [tensor.requires_grad_() for tensor in tensors], fast_mode=True)


x, W_x, W_h, b, state = drawn()


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: rnn(x[0, 0], W_x, W_h), ValueError, "x needs 2 axes or more"),
        (lambda: rnn(x, W_x[:3], W_h), ValueError, r"need the same d; it is 4 and 3"),
        (lambda: rnn(x, W_x, W_x), ValueError, r"need the same h"),
        (lambda: rnn(x, W_x, W_h, b[:2]), ValueError, r"need the same h; it is 3 and 2"),
        (lambda: rnn(x, W_x, W_h, b, draw(5, 3)), ValueError, "do not broadcast"),
        (lambda: rnn(x, W_x, W_h, b, draw(4, 2, 3)), ValueError, r"state needs the axes of x .*, state \(4, 2, 3\)"),
        (lambda: rnn(x.astype(int), W_x, W_h), TypeError, "one floating dtype; got x int64"),
        (lambda: rnn(x, W_x.astype("f4"), W_h), TypeError, "W_x float32"),
        (lambda: rnn(x.tolist(), W_x, W_h), TypeError, "x must be an array or a tensor; got list"),
        (lambda: rnn(x, torch.from_numpy(W_x), W_h), TypeError, "do not mix"),
        (lambda: rnn(x, None, W_h), TypeError, "W_x must be an array or a tensor; got None"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error start with the name and say what came?"""
    with pytest.raises(kind, match=f"^rnn: .*{message}"):
        call()
