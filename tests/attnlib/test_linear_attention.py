import functools

import numpy as np
import pytest
import torch

from attnlib.attention import attention
from attnlib.heads import share_heads
from attnlib.linear_attention import elu_plus_one, linear_attention, recurrent, recurrent_chunks
from tests.attnlib.draws import B, D, E, H, N, draw, draw_qkv
from tests.attnlib.onnx_cases import cases


def written(n=N, key_heads=H, per_row=True, dtype=np.float64):
    """Inputs of the gated delta rule: keys of length 1, decays below 0, betas between 0 and 1."""
    q, k, v = draw_qkv(key_heads, n=n, m=n, dtype=dtype)
    k /= np.linalg.norm(k, axis=-1, keepdims=True)
    decay = -abs(draw(B, key_heads, n, D if per_row else 1, seed=3, dtype=dtype))
    beta = (1 / (1 + np.exp(draw(B, key_heads, n, 1, seed=4)))).astype(dtype)
    return q, k, v, decay, beta


def test_onnx_linear_attention(capsys):
    """Are all the ONNX operator's cases met to the case's own tolerance: each rule, grouped heads, a past, float16?"""
    passed = set()
    for name, attributes, given, _, expected, rtol, atol in cases("LinearAttention"):
        for form in recurrent, functools.partial(recurrent_chunks, chunk=3):
            for convert in (lambda x: x), (lambda x: torch.from_numpy(x.copy())):
                for got, right in zip(packed(form, attributes, given, convert), expected):
                    np.testing.assert_allclose(got, right, rtol=rtol, atol=atol, err_msg=name)
        passed.add(name)
    with capsys.disabled():
        print(f"\nONNX LinearAttention: {len(passed)} of 14, as a recurrence and in chunks, arrays and tensors")
    assert len(passed) == 14


def packed(form, attributes, given, convert):
    """The operator by `form`: heads unpacked from the last axis, given to it as `convert` makes them, packed again."""
    q, k, v, state, decay, beta = (*given, None, None, None)[:6]
    heads, key_heads = attributes["q_num_heads"], attributes["kv_num_heads"]

    def unpack(x, heads):
        return None if x is None else convert(x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2))

    if beta is not None:
        beta = np.broadcast_to(beta, (*beta.shape[:2], key_heads))
    out, state = form(
        unpack(q, heads), unpack(k, key_heads), unpack(v, key_heads), decay=unpack(decay, key_heads),
        beta=unpack(beta, key_heads), state=None if state is None else convert(state), scale=attributes.get("scale"),
    )
    return np.asarray(out).swapaxes(1, 2).reshape(*q.shape[:2], -1), np.asarray(state)


@pytest.mark.parametrize("per_row", [True, False])
@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated delta"])
@pytest.mark.parametrize("chunk", [1, 3, 4, 11, 64])
def test_chunks_equal_the_recurrence(chunk, rule, per_row):
    """In chunks of any size, with a state from before and grouped heads, is the answer the recurrence's?"""
    q, k, v, decay, beta = written(11, key_heads=3, per_row=per_row)
    options = {"decay": decay * ("gated" in rule), "state": draw(B, 3, D, E, seed=7)}
    if "delta" in rule:
        options["beta"] = beta
    for got, right in zip(recurrent_chunks(q, k, v, chunk=chunk, **options), recurrent(q, k, v, **options)):
        np.testing.assert_allclose(got, right, atol=1e-10)


def test_strong_decay_does_not_overflow():
    """Where nearly all is forgotten at every token, are chunks of 64 in float32 finite and right to four digits?"""
    q, k, v, decay, beta = written(64, dtype=np.float32)
    with np.errstate(over="raise", invalid="raise"):
        got, _ = recurrent_chunks(q, k, v, decay=30 * decay, beta=beta)
    np.testing.assert_allclose(got, recurrent(q, k, v, decay=30 * decay, beta=beta)[0], atol=1e-4)


def test_the_recurrence_goes_on_from_its_state():
    """Stopped anywhere and started again with its state, does the recurrence give what it gives in one go?"""
    q, k, v, decay, beta = written(9)
    whole, last = recurrent(q, k, v, decay=decay, beta=beta)
    state, rows = None, []
    for part in np.split(np.arange(9), [2, 3, 7]):
        cut = (..., part, slice(None))
        out, state = recurrent_chunks(q[cut], k[cut], v[cut], decay=decay[cut], beta=beta[cut], state=state, chunk=2)
        rows.append(out)
    np.testing.assert_allclose(np.concatenate(rows, -2), whole, atol=1e-10)
    np.testing.assert_allclose(state, last, atol=1e-10)


def test_the_recurrence_is_attention_without_softmax():
    """Without gates, is it the causal scores times the values; does a constant gate fade them with the distance?"""
    q, k, v = draw_qkv(m=N)
    scores = np.tril(q @ k.swapaxes(-1, -2)) / 2
    np.testing.assert_allclose(recurrent(q, k, v)[0], scores @ v, atol=1e-12)
    ahead = np.arange(N)[:, None] - np.arange(N)
    faded = scores * np.exp(-0.3 * np.maximum(ahead, 0))
    decay = np.full((B, H, N, 1), -0.3)
    np.testing.assert_allclose(recurrent(q, k, v, decay=decay)[0], faded @ v, atol=1e-12)


def test_the_delta_rule_remembers_orthogonal_keys():
    """Asked for a key, does the delta rule give its newest value, however often it was written?"""
    keys, values = np.eye(4), draw(4, E)
    old = draw(4, E, seed=1)
    k, v = np.concatenate([keys, keys]), np.concatenate([old, values])
    out, state = recurrent(k, k, v, beta=np.ones((8, 1)), scale=1)
    np.testing.assert_allclose(out, v, atol=1e-12)
    np.testing.assert_allclose(state, values, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("key_heads", [6, 2])
def test_linear_attention_is_the_quadratic_form(causal, key_heads):
    """Is it phi(q) phi(k)^T, each row divided by its sum, times v; its phi torch's elu + 1?"""
    q, k, v = draw_qkv(key_heads, m=N)
    phi_q, phi_k = (torch.nn.functional.elu(torch.from_numpy(x)).numpy() + 1 for x in (q, share_heads(k, q)))
    weights = phi_q @ phi_k.swapaxes(-1, -2) * (np.tri(N) if causal else 1)
    weights /= weights.sum(-1, keepdims=True)
    np.testing.assert_allclose(linear_attention(q, k, v, causal=causal), weights @ share_heads(v, q), atol=1e-12)
    no_normaliser = phi_q @ (phi_k.swapaxes(-1, -2) @ share_heads(v, q))
    assert abs(no_normaliser - weights @ share_heads(v, q)).max() > 0.1  # E12


def test_softmax_attention_is_linear_attention_with_enough_features():
    """With random features whose products estimate exp(q . k), does linear attention come near softmax attention?"""
    q, k, v = (0.5 * draw(N, D, seed=i) for i in range(3))
    directions = draw(D, 200_000, seed=9)

    def positive_features(x):
        return np.exp(x @ directions - (x**2).sum(-1, keepdims=True) / 2)

    got = linear_attention(q, k, v, feature=positive_features)
    np.testing.assert_allclose(got, attention(q, k, v, scale=1.0), atol=0.01)


def test_no_keys_at_all():
    """Without keys, does linear attention give zeros?"""
    q, k, v = np.ones((N, D)), np.ones((0, D)), np.ones((0, E))
    for kind in np.asarray, torch.from_numpy:
        out = linear_attention(kind(q), kind(k), kind(v))
        assert out.shape == (N, E) and (out == 0).all()


def test_linear_attention_adds_up_in_single():
    """Are the weights of 70,000 keys, more than the largest float16, added up in float32?"""
    q, k, v = (np.full((rows, D), value, np.float16) for rows, value in ((1, 0), (70_000, 0), (70_000, 1.0009766)))
    got = linear_attention(q, k, v)
    assert got.dtype == np.float16 and got[0, 0] == v[0, 0]


@pytest.mark.parametrize("dtype, tolerance", [("float16", 3e-3), ("float32", 1e-5), ("float64", 1e-11)])
def test_tensors_give_what_arrays_give(dtype, tolerance, twins):
    """Do the functions give for tensors what they give for arrays, in the dtype of the inputs?"""
    exact = {"rtol": tolerance, "atol": tolerance}
    q, k, v = draw_qkv(2, m=N, dtype=dtype)
    twins(elu_plus_one, q, **exact)
    for causal in False, True:
        twins(linear_attention, q, k, v, causal=causal, **exact)
    q, k, v, decay, beta = written(key_heads=2, dtype=dtype)
    for form in recurrent, functools.partial(recurrent_chunks, chunk=2):
        for options in {}, {"decay": decay, "state": draw(B, 2, D, E, dtype=dtype)}, {"beta": beta, "scale": 1.0}:
            twins(form, q, k, v, **options, **exact)


@pytest.mark.parametrize("form", [recurrent, functools.partial(recurrent_chunks, chunk=3)])
def test_gradients_pass_through_the_recurrence(form, device):
    """Do PyTorch's finite differences agree with autograd through the recurrence and its chunks?"""
    q, k, v, decay, beta = (torch.from_numpy(x).to(device).requires_grad_() for x in written(4, key_heads=3))
    assert torch.autograd.gradcheck(
        lambda q, k, v, decay, beta: form(q, k, v, decay=decay, beta=beta), (q, k, v, decay, beta), fast_mode=True
    )


def test_inputs_are_left_alone():
    """Are the inputs of every function the same afterwards?"""
    q, k, v, decay, beta = given = written()
    state, before = draw(B, H, D, E), [x.copy() for x in given]
    kept = state.copy()
    linear_attention(q, k, v, causal=True)
    for form in recurrent, recurrent_chunks:
        form(q, k, v, decay=decay, beta=beta, state=state)
    for now, then in zip((*given, state), (*before, kept)):
        np.testing.assert_array_equal(now, then)


q, k, v = np.ones((H, N, D)), np.ones((2, N, D)), np.ones((2, N, E))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: linear_attention(q[:, :3], k, v, causal=True), ValueError,
         r"as many queries as keys. Got q \(6, 3, 4\), k \(2, 5, 4\)"),
        (lambda: recurrent(q[:, :3], k, v), ValueError,
         r"recurrent: needs as many queries as keys, one a token. Got q \(6, 3, 4\), k"),
        (lambda: recurrent(q, k, v, decay=k[..., :2]), ValueError,
         r"decay needs the shape \(2, 5, 4\) or \(2, 5, 1\). Got \(2, 5, 2\), with k \(2, 5, 4\), v \(2, 5, 3\)"),
        (lambda: recurrent_chunks(q, k, v, beta=k), ValueError, r"beta needs the shape \(2, 5, 1\). Got \(2, 5, 4\)"),
        (lambda: recurrent(q, k, v, state=q), ValueError, r"state needs the shape \(2, 4, 3\). Got \(6, 5, 4\)"),
        (lambda: recurrent_chunks(q, k, v, chunk=0), ValueError,
         "recurrent_chunks: chunk must be a whole number, 1 or more. Got chunk=0"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
