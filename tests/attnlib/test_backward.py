import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib import _chunked
from attnlib.attention import attention, attention_weights
from attnlib.backward import (
    attend_backward,
    attention_backward,
    attention_forward,
    self_attention_backward,
    softcap_slope,
    softmax_backward,
    softmax_jacobian,
)
from attnlib.scores import scaled_dot
from attnlib.weights import softmax
from tests.attnlib.draws import LAYOUTS, draw

B, H, N, M, D, E = 2, 6, 5, 7, 4, 3


def inputs(key_heads=H, n=N, m=M, dtype=np.float64):
    """dB (2, 6, n, 3), q (2, 6, n, 4), k (2, key_heads, m, 4), v (2, key_heads, m, 3)."""
    shapes = (B, H, n, E), (B, H, n, D), (B, key_heads, m, D), (B, key_heads, m, E)
    return [draw(*shape, seed=i, dtype=dtype) for i, shape in enumerate(shapes)]


def explicit(
    q, k, v, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """Attention as PyTorch's autograd is to differentiate it, written out with PyTorch's own softmax."""
    k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], -3) for x in (k, v))
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores if bias is None else scores + bias
    ahead = torch.arange(k.shape[-2]) - past - torch.arange(q.shape[-2])[:, None]
    allowed = torch.ones_like(ahead, dtype=bool) if mask is None else mask
    allowed = allowed & ((ahead <= 0) | (not causal)) & (ahead.abs() <= (window if window is not None else 10**6))
    some = allowed.any(-1, keepdim=True)
    scores = scores.masked_fill(~allowed & some, -torch.inf)
    if sinks is not None:
        scores = torch.cat([scores, sinks[..., None, None].expand(*scores.shape[:-1], 1)], -1)
    alpha = scores.softmax(-1)[..., : k.shape[-2]]
    return (alpha * some) @ v


def autograd(dB, q, k, v, **options):
    """The gradients of q, k, v (and the bias, and the sinks) by PyTorch's autograd, as arrays."""
    options = {key: torch.from_numpy(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    leaves = [torch.from_numpy(x).requires_grad_() for x in (q, k, v)]
    leaves += [options[name].requires_grad_() for name in ("bias", "sinks") if options.get(name) is not None]
    explicit(*leaves[:3], **options).backward(torch.from_numpy(dB))
    return [leaf.grad.numpy() for leaf in leaves]


HOLES = np.random.default_rng(9).random((B, 1, N, M)) < 0.5
HOLES[0, 0, 2] = False  # a query with nothing to look at
OPTIONS = {
    "plain": {},
    "causal": {"causal": True},
    "window": {"window": 1},
    "causal window": {"window": 2, "causal": True},
    "mask": {"mask": HOLES},
    "scale": {"scale": 0.3},
    "softcap": {"softcap": 0.7},
    "bias": {"bias": draw(H, N, 1, seed=5)},
    "past": {"causal": True, "window": 3, "past": 2},
    "sinks": {"sinks": draw(H, seed=7), "mask": HOLES},
    "everything": {
        "bias": draw(1, H, 1, M, seed=6), "mask": HOLES, "causal": True, "window": 3, "scale": 0.9, "softcap": 1.5,
        "past": 1, "sinks": draw(B, 1, seed=8),
    },
}


@pytest.mark.parametrize("key_heads", [6, 3, 1])
@pytest.mark.parametrize("name", OPTIONS)
def test_gradients_are_autograds(name, key_heads):
    """Are dq, dk, dv and dbias, plain and chunked, those of PyTorch's autograd to 1e-10, grouped heads included?"""
    (dB, *qkv), options = inputs(key_heads), OPTIONS[name]
    expected = autograd(dB, *qkv, **options)
    plain = attend_backward(dB, *qkv, **options)
    assert len(plain) == len(expected)
    for got, right in zip(plain, expected):
        np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-10, strict=True)
    chunked = attention_backward(dB, *qkv, *attention_forward(*qkv, **options), **options)
    expected = [right for i, right in enumerate(expected) if i != 3 or "bias" not in options]  # it gives no dbias
    for got, right in zip(chunked, expected, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-10, strict=True)


@pytest.mark.parametrize("causal, window", [(False, None), (True, None), (False, 3), (True, 40)])
@pytest.mark.parametrize("rows, columns", [(2, 1), (3, 5), (16, 7), (64, 64)])
def test_tile_sizes_never_matter(rows, columns, causal, window, monkeypatch):
    """However the queries and keys are cut, ragged last tiles included, are the gradients the plain ones?"""
    for name, size in ("ROWS", rows), ("COLUMNS", columns), ("LONGEST", columns), ("SCORES", 3 * rows * columns):
        monkeypatch.setattr(_chunked, name, size)
    dB, *qkv = inputs(3, n=33, m=29)
    options = {"causal": causal, "window": window}
    chunked = attention_backward(dB, *qkv, *attention_forward(*qkv, **options), **options)
    for got, right in zip(chunked, attend_backward(dB, *qkv, **options)):
        np.testing.assert_allclose(got, right, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("heads", [(), (1,), (2, 3)])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_never_matter(heads, threads, monkeypatch):
    """Shared among threads, one head by its queries or several heads, are the gradients the plain ones?"""
    monkeypatch.setattr("attnlib._threads.blas_threads", lambda: threads)
    monkeypatch.setattr("attnlib._threads.LARGE", 0)
    monkeypatch.setattr(_chunked, "ROWS", 8)
    dB, q, k, v = (draw(*heads, n, 4, seed=i) for i, n in enumerate((50, 50, 60, 60)))
    chunked = attention_backward(dB, q, k, v, *attention_forward(q, k, v, causal=True), causal=True)
    for got, right in zip(chunked, attend_backward(dB, q, k, v, causal=True)):
        np.testing.assert_allclose(got, right, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_forward_keeps_the_log_sum_exp(name):
    """Does attention_forward give what attention gives, and the rows' log-sum-exp, -inf where nothing is seen?"""
    (_, q, k, v), options = inputs(3), OPTIONS[name]
    out, lse = attention_forward(q, k, v, **options)
    np.testing.assert_allclose(out, attention(q, k, v, **options), atol=1e-12)
    if name == "sinks":
        more = np.concatenate([scaled_dot(q, k.repeat(2, -3)) + np.where(HOLES, 0, -np.inf),
                               np.broadcast_to(options["sinks"][:, None, None], (B, H, N, 1))], -1)
        np.testing.assert_allclose(lse, np.logaddexp.reduce(more, -1, keepdims=True), atol=1e-12)
    if name in ("plain", "mask"):
        scores = scaled_dot(q, k.repeat(2, -3)) + np.where(options.get("mask", True), 0, -np.inf)
        np.testing.assert_allclose(lse, np.logaddexp.reduce(scores, -1, keepdims=True), atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", ["plain", "softcap", "everything"])
def test_how_arrays_lie_in_memory_never_matters(name, layout):
    """Are the gradients the same for views of every kind? (dq was 0 for what heads.split returns.)"""
    given_, options = inputs(3), OPTIONS[name]
    saved = attention_forward(*given_[1:], **options)
    right = attention_backward(*given_, *saved, **options), attend_backward(*given_, **options)
    views = [layout(x) for x in given_]
    for now, before in zip(attention_forward(*views[1:], **options), saved):
        np.testing.assert_allclose(now, before, rtol=1e-12, atol=1e-13)
    again = attention_backward(*views, *map(layout, saved), **options), attend_backward(*views, **options)
    for now, before in zip((*again[0], *again[1]), (*right[0], *right[1])):
        np.testing.assert_allclose(now, before, rtol=1e-11, atol=1e-12, strict=True)


def test_broadcast_arrays():
    """Are gradients of arrays that are one vector seen many times those of its copies?"""
    views = [np.broadcast_to(x[:, :1, :1], x.shape) for x in inputs()]
    copies = [x.copy() for x in views]
    right = attention_backward(*copies, *attention_forward(*copies[1:]))
    for now, before in zip(attention_backward(*views, *attention_forward(*views[1:])), right):
        np.testing.assert_allclose(now, before, rtol=1e-11, atol=1e-12)


BAD = {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf, "huge": 1e300}


def gradients_of(kind, dB, q, k, v, options):
    """Plain and chunked gradients of q, k and v, arrays or tensors, as arrays."""
    dB, q, k, v = map(kind, (dB, q, k, v))
    options = {key: kind(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    with np.errstate(all="ignore"):
        saved = attention_forward(q, k, v, **options)
        answers = attend_backward(dB, q, k, v, **options)[:3], attention_backward(dB, q, k, v, *saved, **options)[:3]
    return [[np.asarray(x) for x in answer] for answer in answers]


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["arrays", "tensors"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("hide", [
    {"mask": np.arange(M) != 6}, {"bias": np.where(np.arange(M) != 6, 0.0, -np.inf)}, {"causal": True},
    {"window": 1}, {"causal": True, "past": 1}, {"mask": np.arange(M) != 6, "softcap": 2.0},
], ids=["mask", "bias", "causal", "window", "past", "softcap"])
def test_what_no_query_sees_never_matters(hide, bad, kind):
    """Whatever stands in a key and a value that no query may see, are all gradients as before, its own 0?"""
    dB, q, k, v = inputs()
    right = gradients_of(kind, dB, q, k, v, hide)
    k[..., 6, :], v[..., 6, :] = bad, bad
    for answer, before in zip(gradients_of(kind, dB, q, k, v, hide), right):
        for got, expected in zip(answer, before):
            np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-11)
        assert not answer[1][..., 6, :].any() and not answer[2][..., 6, :].any()


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["arrays", "tensors"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_only_pairs_that_see_each_other_share_a_gradient(bad, kind):
    """Where a query and its output's gradient are not finite, do keys that it may not see get what they got?"""
    dB, q, k, v = inputs(n=N, m=N)
    right = gradients_of(kind, dB, q, k, v, {"causal": True})
    q[..., 2, :], dB[..., 2, :] = bad, bad
    for answer, before in zip(gradients_of(kind, dB, q, k, v, {"causal": True}), right):
        (dq, dk, dv), (right_q, right_k, right_v) = answer, before
        np.testing.assert_allclose(dq[..., [0, 1, 3, 4], :], right_q[..., [0, 1, 3, 4], :], rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(dk[..., 3:, :], right_k[..., 3:, :], rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(dv[..., 3:, :], right_v[..., 3:, :], rtol=1e-10, atol=1e-11)
        if np.isnan(bad):  # a score of -inf, which an infinite query may have, weighs nothing
            assert np.isnan(dq[..., 2, :]).all() and np.isnan(dv[..., :3, :]).all()


@given(st.data())
def test_any_options_at_once(data):
    """Whatever the options, are the chunked gradients the plain ones, and those of tensors the same?"""
    n, m, key_heads = (data.draw(st.integers(1, most)) for most in (7, 9, 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    shapes = (2, n, 3), (2, n, 4), (2 // key_heads, m, 4), (2 // key_heads, m, 3)
    dB, q, k, v = (rng.normal(size=shape) for shape in shapes)
    options = {
        "mask": data.draw(st.sampled_from([None, rng.random((n, m)) < 0.6, rng.random((2, 1, m)) < 0.6])),
        "bias": data.draw(st.sampled_from([None, rng.normal(size=(n, m)), np.where(rng.random(m) < 0.3, -np.inf, 1)])),
        "causal": data.draw(st.booleans()), "window": data.draw(st.none() | st.integers(0, 9)),
        "scale": data.draw(st.none() | st.floats(-2, 2)), "softcap": data.draw(st.none() | st.floats(0.1, 5)),
        "past": data.draw(st.integers(0, 9)), "sinks": data.draw(st.sampled_from([None, rng.normal(size=2)])),
    }
    plain = attend_backward(dB, q, k, v, **options)
    plain = [d for i, d in enumerate(plain) if i != 3 or options["bias"] is None]
    chunked = attention_backward(dB, q, k, v, *attention_forward(q, k, v, **options), **options)
    dB, q, k, v = map(torch.from_numpy, (dB, q, k, v))
    options = {key: torch.from_numpy(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    tensors = attention_backward(dB, q, k, v, *attention_forward(q, k, v, **options), **options)
    for one, other, third in zip(plain, chunked, tensors, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(third.numpy(), one, rtol=1e-9, atol=1e-10)


@given(st.integers(0, 99), st.floats(0.1, 30))
def test_softmax_backward_is_the_jacobian(seed, size):
    """Is the product without the Jacobian the product with it, do rows sum to 0, is the Jacobian symmetric?"""
    alpha, dalpha = softmax(size * draw(3, 5, seed=seed)), draw(3, 5, seed=seed + 1)
    J = softmax_jacobian(alpha)
    np.testing.assert_allclose(softmax_backward(dalpha, alpha), np.einsum("ri,rij->rj", dalpha, J), atol=1e-12)
    np.testing.assert_allclose(J.sum(-1), 0, atol=1e-12)
    np.testing.assert_array_equal(J, J.swapaxes(-1, -2))


def test_softmax_backward_is_autograds():
    """Is softmax_backward what PyTorch's autograd says?"""
    s, dalpha = torch.from_numpy(draw(3, 5)).requires_grad_(), torch.from_numpy(draw(3, 5, seed=1))
    s.softmax(-1).backward(dalpha)
    alpha = s.detach().softmax(-1).numpy()
    np.testing.assert_allclose(softmax_backward(dalpha.numpy(), alpha), s.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_three_paths_into_x(causal):
    """Are dX and the gradients of the three matrices autograd's, and does each path count?"""
    X, dB = draw(B, N, 8), draw(B, N, E, seed=4)
    W_q, W_k, W_v = draw(8, D, seed=1), draw(8, D, seed=2), draw(8, E, seed=3)
    leaves = [torch.from_numpy(a).requires_grad_() for a in (X, W_q, W_k, W_v)]
    q, k, v = (leaves[0] @ W for W in leaves[1:])
    explicit(q, k, v, causal=causal).backward(torch.from_numpy(dB))
    got = self_attention_backward(dB, X, W_q, W_k, W_v, causal=causal)
    for mine, leaf in zip(got, leaves):
        np.testing.assert_allclose(mine, leaf.grad.numpy(), rtol=1e-10, atol=1e-10)
    dQ, dK, dV = attend_backward(dB, X @ W_q, X @ W_k, X @ W_v, causal=causal)
    for lost in dQ @ W_q.T, dK @ W_k.T, dV @ W_v.T:
        assert abs(lost).max() > 1e-2


class ByHand(torch.autograd.Function):
    """Attention whose backward is ours."""

    @staticmethod
    def forward(ctx, q, k, v, options):
        out, lse = attention_forward(q, k, v, **options)
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.options = options
        return out

    @staticmethod
    def backward(ctx, dout):
        return *attention_backward(dout, *ctx.saved_tensors, **ctx.options), None


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": 1, "softcap": 0.7}, {"mask": HOLES}])
def test_gradcheck(options, device):
    """Do PyTorch's finite differences agree with the chunked backward of tensors?"""
    options = {key: torch.from_numpy(x).to(device) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    _, *qkv = (torch.from_numpy(x).to(device).requires_grad_() for x in inputs(2))
    assert torch.autograd.gradcheck(lambda *qkv: ByHand.apply(*qkv, options), qkv, fast_mode=True)


@pytest.mark.parametrize("name", OPTIONS)
def test_tensors_give_what_arrays_give(name, device):
    """Do the functions of tensors give the gradients of the arrays, grouped heads included?"""
    (dB, *qkv), options = inputs(2), OPTIONS[name]
    there = {key: torch.from_numpy(x).to(device) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    tensors = [torch.from_numpy(x).to(device) for x in (dB, *qkv)]
    saved, saved_there = attention_forward(*qkv, **options), attention_forward(*tensors[1:], **there)
    pairs = [
        *zip(saved, saved_there),
        *zip(attend_backward(dB, *qkv, **options), attend_backward(*tensors, **there)),
        *zip(attention_backward(dB, *qkv, *saved, **options), attention_backward(*tensors, *saved_there, **there)),
    ]
    for array, tensor in pairs:
        assert tensor.device.type == device
        np.testing.assert_allclose(tensor.cpu().numpy(), array, rtol=1e-10, atol=1e-11, strict=True)


def test_small_functions_of_tensors_give_what_arrays_give(twins):
    """Do the Jacobian, its product, the softcap's slope and dX give for tensors what they give for arrays?"""
    alpha = softmax(draw(3, 5))
    twins(softmax_jacobian, alpha)
    twins(softmax_backward, draw(3, 5, seed=1), alpha)
    twins(softcap_slope, draw(3, 5), 0.7)
    twins(self_attention_backward, draw(B, N, E), draw(B, N, 8), draw(8, D), draw(8, D, seed=1), draw(8, E))


@pytest.mark.parametrize("cut", [(2, 3), (3, 600)])
def test_tiles_of_tensors_never_matter(cut, monkeypatch, device):
    """Are the gradients of tensors the same however they are cut?"""
    dB, *qkv = (torch.from_numpy(x).to(device) for x in inputs(3, n=11, m=9))
    whole = attention_backward(dB, *qkv, *attention_forward(*qkv, causal=True, window=4), causal=True, window=4)
    for name, size in zip(("ROWS", "COLUMNS"), cut):
        monkeypatch.setattr(f"attnlib.tensors.backward.{name}", size)
    again = attention_backward(dB, *qkv, *attention_forward(*qkv, causal=True, window=4), causal=True, window=4)
    for one, other in zip(whole, again):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-5)])
def test_dtype_and_inputs_are_kept(dtype, tolerance):
    """Do the gradients have the dtype of q, computed in float32 for float16, with every input left alone?"""
    dB, *qkv = inputs(3, dtype=dtype)
    before = [x.copy() for x in (dB, *qkv)]
    saved = attention_forward(*qkv)
    assert saved[0].dtype == dtype and saved[1].dtype == np.float32
    exact = attend_backward(*(x.astype(float) for x in (dB, *qkv)))
    for answer in attend_backward(dB, *qkv), attention_backward(dB, *qkv, *saved):
        for got, right in zip(answer, exact):
            assert got.dtype == dtype
            np.testing.assert_allclose(got, right, rtol=tolerance, atol=tolerance)
    for now, then in zip((dB, *qkv), before):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("size", [1e3, -1e3])
def test_huge_scores_stay_finite(size):
    """Are the gradients finite and right when the scores are in the thousands?"""
    dB, *qkv = inputs()
    expected = autograd(dB, *qkv, scale=size)
    for got, right in zip(attention_backward(dB, *qkv, *attention_forward(*qkv, scale=size), scale=size), expected):
        np.testing.assert_allclose(got, right, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_no_keys_at_all(kind):
    """Without keys, are the outputs and the gradient of q zeros, the log-sum-exp -inf?"""
    dB, q, k, v = (kind(np.ones(shape)) for shape in ((N, E), (N, D), (0, D), (0, E)))
    out, lse = attention_forward(q, k, v)
    dq, dk, dv = attention_backward(dB, q, k, v, out, lse)
    assert (out == 0).all() and (lse == -np.inf).all() and (dq == 0).all()
    assert dk.shape == k.shape and dv.shape == v.shape


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("n, m, heads, e", [(0, M, H, E), (N, 0, H, E), (N, M, 0, E), (N, M, H, 0), (0, 0, 0, 0)])
def test_nothing_at_all(n, m, heads, e, kind):
    """Without queries, keys, heads or columns, do all gradients have their shapes, and are they zeros?"""
    shapes = (2, heads, n, e), (2, heads, n, D), (2, heads, m, D), (2, heads, m, e)
    dB, q, k, v = (kind(np.ones(shape)) for shape in shapes)
    for options in {}, {"causal": True, "past": 1, "window": 2}, {"sinks": kind(np.ones(heads))}:
        saved = attention_forward(q, k, v, **options)
        for answer in attend_backward(dB, q, k, v, **options), attention_backward(dB, q, k, v, *saved, **options):
            for got, like in zip(answer, (q, k, v, options.get("sinks"))):
                assert got.shape == like.shape and not got.any()


def test_no_matrix_of_all_scores_is_held():
    """At N = 8192 keys, does the backward need less than a tenth of the memory of the N x N weights?"""
    x = draw(8192, 16, dtype=np.float32)
    out, lse = attention_forward(x, x, x)
    tracemalloc.start()
    attention_backward(x, x, x, x, out, lse)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * 8192**2 * 4


def slips(dB, Q, K, V):
    """Wrong gradients of the right shapes: (dQ, dK, dV) each."""
    alpha, scale = attention_weights(Q, K), Q.shape[-1] ** -0.5
    dalpha, dV = dB @ V.swapaxes(-1, -2), alpha.swapaxes(-1, -2) @ dB
    dS = softmax_backward(dalpha, alpha)
    swap = dS.swapaxes(-1, -2)
    diagonal = alpha * (1 - alpha) * dalpha
    columns = alpha * (dalpha - (dalpha * alpha).sum(-2, keepdims=True))
    return {
        "B1 the diagonal of the Jacobian only": (scale * diagonal @ K, scale * diagonal.swapaxes(-1, -2) @ Q, dV),
        "B2 the sum over queries": (scale * columns @ K, scale * columns.swapaxes(-1, -2) @ Q, dV),
        "B3 no scale": (dS @ K, swap @ Q, dV),
        "B4 dS not transposed": (scale * dS @ K, scale * dS @ Q, dV),
        "no softmax Jacobian": (scale * dalpha @ K, scale * dalpha.swapaxes(-1, -2) @ Q, dV),
        "alpha not transposed": (scale * dS @ K, scale * swap @ Q, alpha @ dB),
        "E16 the mean of dB B": (
            scale * (alpha * (dalpha - (dB * (alpha @ V)).mean(-1, keepdims=True))) @ K, scale * swap @ Q, dV
        ),
    }


def test_slips_give_something_else():
    """Is every known wrong gradient different from ours?"""
    given_ = [draw(H, N, D, seed=i) for i in range(4)]
    right = attend_backward(*given_)
    for name, wrong in slips(*given_).items():
        assert max(abs(a - b).max() for a, b in zip(wrong, right)) > 1e-2, name


q, k, v, dB = np.ones((N, D)), np.ones((M, D)), np.ones((M, E)), np.ones((N, E))
out, lse = attention_forward(q, k, v)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: attend_backward(q, q, k, v), ValueError,
         r"dB needs the shape \(5, 3\). Got \(5, 4\), with q \(5, 4\), k \(7, 4\), v \(7, 3\)"),
        (lambda: attention_backward(dB, q, k, v, v, lse), ValueError, r"out needs the shape \(5, 3\). Got \(7, 3\)"),
        (lambda: attention_backward(dB, q, k, v, out, out), ValueError, r"lse needs the shape \(5, 1\). Got \(5, 3\)"),
        (lambda: attention_backward(dB, q, k[:, :3], v, out, lse), ValueError, "q has 4 columns, k has 3"),
        (lambda: attend_backward(dB.astype("f4"), q, k, v), TypeError, "needs the dtype of q, float64. Got float32"),
        (lambda: attention_forward(q, k, v[:6]), ValueError, "attention_forward: 7 keys and 6 values"),
        (lambda: attention_forward(q, k, v, softcap=0), ValueError, "attention_forward: softcap must be"),
        (lambda: attention_backward(dB, q, k, v, out, lse, window=-1), ValueError, "backward: window must be"),
        (lambda: attention_backward(dB, q, k, v, out, lse, causal=2), TypeError, "attention_backward: causal must be"),
        (lambda: attend_backward(dB, q, k, v, scale=np.nan), ValueError, "attend_backward: scale must be"),
        (lambda: attend_backward(dB, q, k, v, bias=np.ones(M, bool)), TypeError, "bias must be floating; got bool"),
        (lambda: attend_backward(*(x.astype(int) for x in (dB, q, k, v))), TypeError, "floating dtype; got q int64"),
        (lambda: attention_backward(dB, q, k, v, out, lse.astype("f4")), TypeError, "lse needs the dtype .*float64"),
        (lambda: attend_backward(dB.tolist(), q, k, v), TypeError, "dB must be an array or a tensor"),
        (lambda: softmax_backward(lse.astype(int), lse), TypeError, "softmax_backward: dalpha and alpha need one"),
        (lambda: softmax_backward(q, dB), ValueError, "softmax_backward: dalpha .* and alpha .* need the same M"),
        (lambda: softmax_jacobian(np.ones(3, int)), TypeError, "softmax_jacobian: alpha needs a floating dtype"),
        (lambda: softcap_slope(q, 0), ValueError, "softcap_slope: cap must be a finite number above 0"),
        (lambda: self_attention_backward(dB, q, q, k, k), ValueError, "self_attention_backward: .* need the same D"),
        (lambda: self_attention_backward(q, q, k.T[:, :4], k.T[:, :4], k.T[:, :4], causal=1), TypeError,
         "self_attention_backward: causal must be True or False"),
        (lambda: attend_backward(*[torch.ones(2, 2)] * 3, torch.ones(3, 2)), ValueError, "2 keys and 3 values"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()


def test_half_precision_is_computed_in_float32(twins):
    """Do long rows, and products beyond what float16 holds, come out right?"""
    alpha, dalpha = np.full((1, 4096), 1 / 4096, np.float16), np.full((1, 4096), 30, np.float16)
    dalpha[0, 0] = -30
    np.testing.assert_allclose(
        softmax_backward(dalpha, alpha), softmax_backward(dalpha.astype(float), alpha.astype(float)), rtol=1e-3
    )
    dB, X, W = (draw(3, 4, seed=i).astype(np.float16) for i in range(3))
    matrices = [np.full((4, 4), 200, np.float16) * np.sign(W[:1]), W[:1].repeat(4, 0), W[:1].repeat(4, 0)]
    large = dB, X * 300, *matrices                                           # X W_q passes 65504
    expected = self_attention_backward(*(x.astype(np.float32) for x in large))
    assert abs(large[1].astype(float) @ matrices[0].astype(float)).max() > 65504
    for got, right in zip(self_attention_backward(*large), expected):
        assert got.dtype == np.float16
        np.testing.assert_allclose(got, right.astype(np.float16), rtol=2e-3)
