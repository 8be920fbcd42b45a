import functools

import numpy as np
import pytest
import torch

from attnlib.attention import attention
from attnlib.heads import share_heads
from attnlib.linear_attention import elu_plus_one, linear_attention, recurrent, recurrent_chunks
from tests.attnlib.draws import B, D, E, H, N, draw, draw_qkv
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch
from tests.attnlib.onnx_cases import cases

FORMS = [recurrent, functools.partial(recurrent_chunks, chunk=3)]


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


@pytest.mark.slow
@pytest.mark.parametrize("form", [recurrent, recurrent_chunks, functools.partial(recurrent_chunks, chunk=5)])
@pytest.mark.parametrize("n", [1, 7, 70])
def test_it_is_qwens_gated_delta_rule(form, n):
    """Do Qwen3-Next's two forms of the gated delta rule give the same, from a state and to a state?"""
    from transformers.models.qwen3_next import modeling_qwen3_next as theirs

    q, k, v, decay, beta = written(n, per_row=False, dtype=np.float32)
    state = draw(B, H, D, E, seed=8, dtype=np.float32)
    given = [torch.from_numpy(x).transpose(1, 2) for x in (q, k, v)]                  # (B, N, H, width)
    gates = [torch.from_numpy(x[..., 0]).transpose(1, 2) for x in (decay, beta)]      # (B, N, H)
    out, last = form(q, k, v, decay=decay, beta=beta, state=state)
    for rule in theirs.torch_recurrent_gated_delta_rule, theirs.torch_chunk_gated_delta_rule:
        expected, kept = rule(*given, *gates, initial_state=torch.from_numpy(state), output_final_state=True)
        np.testing.assert_allclose(out.swapaxes(1, 2), expected, atol=1e-5)
        np.testing.assert_allclose(last, kept, atol=1e-5)


@pytest.mark.parametrize("mistake", ["decay after reading", "no delta", "beta on the value only"])
def test_other_rules_are_told_apart(mistake):
    """Does the loop a reader would write, each step in the paper's order, give the same, and one mistaken step not?"""
    q, k, v, decay, beta = (x[0, 0] for x in written(9))

    def loop(mistake=None):
        state, out = np.zeros((D, E)), []
        for t in range(9):
            faded = state * np.exp(decay[t])[:, None]
            known = k[t] @ (state if mistake == "decay after reading" else faded)
            if mistake == "no delta":
                known = 0
            write = beta[t] * v[t] - known if mistake == "beta on the value only" else beta[t] * (v[t] - known)
            state = faded + np.outer(k[t], write)
            out.append(q[t] @ state / 2)
        return np.array(out)

    for form in FORMS:
        got, _ = form(q, k, v, decay=decay, beta=beta)
        np.testing.assert_allclose(got, loop(), atol=1e-12)
        assert abs(got - loop(mistake)).max() > 0.01


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
@pytest.mark.parametrize("which", ["q", "k", "v"])
@pytest.mark.parametrize("rule", ["linear", "gated", "gated delta"])
def test_a_later_token_changes_nothing_before_it(rule, which, spoiled, kind):
    """NaN or inf in a token: is what comes before as it was, in other chunks and its own, and what follows spoiled?"""
    q, k, v, decay, beta = written(8, key_heads=3)
    given = {"q": q, "k": k, "v": v}
    given |= ({"decay": decay} if "gated" in rule else {}) | ({"beta": beta} if "delta" in rule else {})
    other = {name: x.copy() for name, x in given.items()}
    other[which][:, 0, 4] = spoiled
    for form in recurrent, *(functools.partial(recurrent_chunks, chunk=chunk) for chunk in (1, 2, 3, 8, 64)):
        before, _ = form(**{name: kind(x) for name, x in given.items()})
        with np.errstate(invalid="ignore"):
            after, _ = form(**{name: kind(x) for name, x in other.items()})
        np.testing.assert_allclose(after[:, :, :4], before[:, :, :4], atol=1e-12)
        np.testing.assert_allclose(after[:, 2:], before[:, 2:], atol=1e-12)                 # the other key heads
        assert not np.isfinite(np.asarray(after[:, 0, 4])).any()
        if which == "q":
            np.testing.assert_allclose(after[:, :, 5:], before[:, :, 5:], atol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_causal_linear_attention_sees_no_later_token(which, kind):
    """With a NaN in a later query, key or value, are the earlier outputs of causal linear attention as they were?"""
    given = draw_qkv(n=70, m=70)
    before = linear_attention(*map(kind, given), causal=True)
    given[which][:, :, 66] = np.nan
    after = linear_attention(*map(kind, given), causal=True)
    np.testing.assert_allclose(after[:, :, :66], before[:, :, :66], atol=1e-12)
    assert np.isnan(np.asarray(after[:, :, 66])).all()


@pytest.mark.parametrize("form", FORMS)
def test_no_tokens_leave_the_state_as_it_was(form, twins):
    """Without tokens, is there no output, and is the state the one given, or zeros?"""
    q, k, v, decay, beta = (x[:, :, :0] for x in written(key_heads=3))
    state = draw(B, 3, D, E)
    out, last = twins(form, q, k, v, decay=decay, beta=beta, state=state)
    assert tuple(out.shape) == (B, H, 0, E)
    np.testing.assert_array_equal(last.cpu(), state)
    assert (form(q, k, v)[1] == np.zeros((B, 3, D, E))).all()
    assert linear_attention(q, k, v, causal=True).shape == (B, H, 0, E)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("half", [np.float16, np.float32])
def test_the_state_is_float32_at_least(form, half, twins):
    """Of half types, is the state float32, accepted again as such or in the half type, and with it gates of either?"""
    q, k, v, decay, beta = written(dtype=half)
    _, state = form(q, k, v, decay=decay, beta=beta)
    assert state.dtype == np.float32
    for kept in np.float32, half:
        gates = {"decay": decay.astype(kept), "beta": beta.astype(kept), "state": state.astype(kept)}
        out, last = form(q, k, v, **gates)
        assert out.dtype == half and last.dtype == np.float32
        twins(form, q, k, v, **gates, rtol=2e-3, atol=2e-3)


def test_the_scale_multiplies_the_output():
    """Is any number a scale, negative, zero and of NumPy, and does it not change the dtype?"""
    q, k, v = draw_qkv(m=N, dtype=np.float32)
    for form in FORMS:
        one = form(q, k, v, scale=1)[0]
        for scale in -2, 0, np.float64(0.3):
            out = form(q, k, v, scale=scale)[0]
            assert out.dtype == np.float32
            np.testing.assert_allclose(out, np.float32(scale) * one, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("causal, kind", [(False, np.asarray), (False, torch.from_numpy), (True, np.asarray)])
def test_a_long_row_keeps_its_digits(causal, kind):
    """Is the mixture of 131,072 equal float32 values that value? Added up in float32 it is wrong by 1e-3."""
    x = kind(np.full((131_072, 1), 0.1, np.float32))
    np.testing.assert_allclose(linear_attention(x, x, x, causal=causal)[-1], x[-1], rtol=2e-5)


def test_the_layout_in_memory_does_not_matter():
    """Transposed, Fortran, flipped, strided and broadcast: is the answer that of a copy?"""
    q, k, v, decay, beta = written(6, key_heads=3)
    for causal in False, True:
        same_in_every_layout(lambda *qkv: linear_attention(*qkv, causal=causal), q, k, v)   # noqa: B023
    state = draw(B, 3, D, E)
    for form in FORMS:
        same_in_every_layout(
            lambda q, k, v, decay, beta, state: form(q, k, v, decay=decay, beta=beta, state=state),   # noqa: B023
            q, k, v, decay, beta, state,
        )


@pytest.mark.slow
def test_pytorch_compiles_traces_and_maps_over_it():
    """Compiled as one graph, traced, and mapped over a batch, is the answer the same?"""
    q, k, v, decay, beta = map(torch.from_numpy, written(5))
    for causal in False, True:
        same_in_pytorch(lambda *qkv: linear_attention(*qkv, causal=causal), q, k, v)        # noqa: B023
    for form in FORMS:
        same_in_pytorch(lambda q, k, v, decay, beta: form(q, k, v, decay=decay, beta=beta), q, k, v, decay, beta)  # noqa: B023


@pytest.mark.parametrize("causal", [False, True])
def test_linear_attention_has_right_gradients(causal):
    """Do PyTorch's finite differences agree with autograd, grouped heads and a feature of another width included?"""
    q, k, v = (torch.from_numpy(x).requires_grad_() for x in draw_qkv(3, m=N))

    def pairs(x):
        return torch.cat([x.exp(), (-x).exp()], -1)

    for feature in elu_plus_one, pairs:
        assert torch.autograd.gradcheck(
            lambda q, k, v: linear_attention(q, k, v, causal=causal, feature=feature), (q, k, v), fast_mode=True  # noqa: B023
        )


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


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("strong", [-1e3, -1e9, -1e38])
def test_a_decay_that_leaves_nothing_does_not_blur_the_others(strong, kind):
    """After a token that forgets everything, are the small decays behind it kept apart, in float32 too?"""
    q, k, v, decay, beta = written(20, per_row=False, dtype=np.float32)
    decay[:, :, [3, 4, 5, 11]] = strong
    given = {"decay": kind(decay), "beta": kind(beta), "state": kind(draw(B, H, D, E, dtype=np.float32))}
    right, state = recurrent(kind(q), kind(k), kind(v), **given)
    for chunk in 3, 20:
        got, last = recurrent_chunks(kind(q), kind(k), kind(v), **given, chunk=chunk)
        np.testing.assert_allclose(got, right, atol=1e-5)
        np.testing.assert_allclose(last, state, atol=1e-5)


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
ONE = np.ones((2, N, 1))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: linear_attention(q[:, :3], k, v, causal=True), ValueError,
         r"as many queries as keys. Got q \(6, 3, 4\), k \(2, 5, 4\)"),
        (lambda: linear_attention(q, k, v, causal=1), TypeError, "causal must be True or False. Got 1"),
        (lambda: linear_attention(q, k, v, feature=None), TypeError, "feature must be a function. Got None"),
        (lambda: linear_attention(q, k, v, feature=lambda x: x - 2), ValueError,
         r"feature must not be negative; feature\(q\) has -1"),
        (lambda: linear_attention(q, k, v, feature=lambda x: x.sum(-1)), ValueError,
         r"feature must turn .* It made \(6, 5\) of q \(6, 5, 4\) and \(2, 5\) of k"),
        (lambda: linear_attention(q, k, v, feature=lambda x: x[..., :0]), ValueError, "feature must turn"),
        (lambda: linear_attention(q, k, v, feature=lambda x: x[..., : len(x)]), ValueError, "the same for queries and"),
        (lambda: linear_attention(q, k, v, feature=lambda x: x.tolist()), TypeError, r"feature\(q\) must be an array"),
        (lambda: linear_attention(q, k, v, feature=lambda x: x > 0), TypeError, r"feature\(q\) bool"),
        (lambda: linear_attention(q, k, v, feature=lambda x: x.astype("f4")), TypeError, r"feature\(q\) float32"),
        (lambda: linear_attention(q.astype(int), k, v), TypeError, "one floating dtype; got q int64"),
        (lambda: linear_attention(q, k, v.tolist()), TypeError, "v must be an array or a tensor; got list"),
    ],
)
def test_errors_of_linear_attention(call, kind, message):
    """Does an error name what was received and say what would be right?"""
    with pytest.raises(kind, match=f"^linear_attention: .*{message}"):
        call()


@pytest.mark.parametrize("form", [recurrent, recurrent_chunks])
@pytest.mark.parametrize(
    "change, kind, message",
    [
        ({"q": q[:, :3]}, ValueError, r"needs as many queries as keys, one a token. Got q \(6, 3, 4\), k"),
        ({"q": q.astype("f4")}, TypeError, "one floating dtype; got q float32"),
        ({"q": q.astype(int), "k": k.astype(int), "v": v.astype(int)}, TypeError, "one floating dtype; got q int64"),
        ({"q": q[:5]}, ValueError, "5 query heads cannot share 2 key heads"),
        ({"v": torch.from_numpy(v)}, TypeError, "do not mix"),
        ({"decay": -k[..., :2]}, ValueError,
         r"decay needs the shape \(2, 5, 4\) or \(2, 5, 1\). Got \(2, 5, 2\), with k \(2, 5, 4\), v \(2, 5, 3\)"),
        ({"decay": ONE}, ValueError, "decay must be finite and at most 0"),
        ({"decay": -ONE * np.inf}, ValueError, "decay must be finite and at most 0"),
        ({"decay": ONE * np.nan}, ValueError, "decay must be finite and at most 0"),
        ({"decay": torch.from_numpy(-ONE)}, TypeError, "do not mix"),
        ({"decay": -1.0}, TypeError, "decay must be an array or a tensor; got -1.0"),
        ({"decay": ONE.astype(int)}, TypeError, "decay must have the dtype of q, .* Got decay int64, q float64"),
        ({"beta": k}, ValueError, r"beta needs the shape \(2, 5, 1\). Got \(2, 5, 4\)"),
        ({"beta": ONE[0]}, ValueError, r"beta needs the shape \(2, 5, 1\). Got \(5, 1\)"),
        ({"beta": 2 * ONE}, ValueError, "beta must be from 0 to 1"),
        ({"beta": -ONE}, ValueError, "beta must be from 0 to 1"),
        ({"beta": ONE * np.nan}, ValueError, "beta must be from 0 to 1"),
        ({"beta": ONE > 0}, TypeError, "beta must have the dtype of q"),
        ({"state": q}, ValueError, r"state needs the shape \(2, 4, 3\). Got \(6, 5, 4\)"),
        ({"state": np.ones((2, D, E), "f4")}, TypeError, "state must have the dtype of q"),
        ({"state": [1.0]}, TypeError, "state must be an array or a tensor; got list"),
        ({"scale": np.inf}, ValueError, "scale must be a finite number"),
        ({"scale": "1"}, TypeError, "scale must be a finite number"),
    ],
)
def test_errors_of_the_recurrence(form, change, kind, message):
    """Does an error name the form that was called and what was received; do tensors raise the same?"""
    given = {"q": q, "k": k, "v": v} | change
    with pytest.raises(kind, match=f"^{form.__name__}: .*{message}"):
        form(**given)
    if all(isinstance(x, np.ndarray) for x in given.values()):
        tensors = {name: torch.from_numpy(x) for name, x in given.items()}
        with pytest.raises(kind, match=f"^{form.__name__}: "):
            form(**tensors)


@pytest.mark.parametrize(
    "chunk, kind", [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError), (None, TypeError)]
)
def test_a_chunk_is_a_whole_number(chunk, kind):
    """Is a chunk of no tokens, or of half a token, refused, whatever the rest?"""
    with pytest.raises(kind, match="^recurrent_chunks: chunk must be a whole number, 1 or more"):
        recurrent_chunks(q, k, v, chunk=chunk)


def test_errors_of_elu_plus_one():
    """Are whole numbers and lists refused, by name?"""
    for wrong in np.ones(3, int), [1.0]:
        with pytest.raises(TypeError, match="^elu_plus_one: "):
            elu_plus_one(wrong)
