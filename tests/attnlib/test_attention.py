import itertools
import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attnlib import _chunked
from attnlib.attention import attend, attention, attention_weights
from attnlib.scores import dot, scaled_dot
from attnlib.weights import softmax

H, N, M, D, E = 6, 5, 7, 4, 3


def draw(seed=0, n=N, m=M, key_heads=H, dtype=np.float64, batch=(2,)):
    """q (2, 6, n, 4), k (2, key_heads, m, 4), v (2, key_heads, m, 3)."""
    rng = np.random.default_rng(seed)
    shapes = (*batch, H, n, D), (*batch, key_heads, m, D), (*batch, key_heads, m, E)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def sdpa(q, k, v, **options):
    """PyTorch's scaled_dot_product_attention on NumPy arrays."""
    return F.scaled_dot_product_attention(*map(torch.from_numpy, (q, k, v)), **options).numpy()


@pytest.mark.parametrize("key_heads, n, causal", list(itertools.product([6, 3, 1], [1, 5, 300], [False, True])))
def test_attention_is_torch_sdpa(key_heads, n, causal):
    """Does attention agree with PyTorch's, grouped heads, several chunks and N != M included?"""
    q, k, v = draw(n=n, m=n + 2, key_heads=key_heads)
    np.testing.assert_allclose(
        attention(q, k, v, causal=causal), sdpa(q, k, v, is_causal=causal, enable_gqa=True), rtol=1e-10, atol=1e-12
    )


def test_mask_bias_and_scale_are_torch_sdpa():
    """Do a boolean mask, an additive bias and a scale of our own mean what they mean in PyTorch?"""
    q, k, v = draw(1)
    rng = np.random.default_rng(2)
    bias, mask = rng.normal(size=(H, N, M)), rng.random((2, 1, N, M)) < 0.6
    mask[..., 0] = True
    both = torch.from_numpy(np.where(mask, bias, -np.inf))
    np.testing.assert_allclose(
        attention(q, k, v, mask=mask, bias=bias, scale=0.3), sdpa(q, k, v, attn_mask=both, scale=0.3), rtol=1e-10
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [0, 1, 300])
def test_window_is_a_band_of_the_mask(window, causal):
    """Is a window the same as masking everything further away, across chunk borders too?"""
    q, k, v = draw(3, n=600, m=590)
    ahead = np.arange(590) - np.arange(600)[:, None]
    band = (abs(ahead) <= window) & ((ahead <= 0) | (not causal))
    np.testing.assert_allclose(
        attention(q, k, v, window=window, causal=causal), attention(q, k, v, mask=band), rtol=1e-10, atol=1e-12
    )


def test_softcap_bends_the_scores():
    """Does softcap put c tanh(s / c) in the place of s?"""
    q, k, v = draw(4)
    s = q @ k.swapaxes(-1, -2) / 2
    np.testing.assert_allclose(attention(q, k, v, softcap=1.5), softmax(1.5 * np.tanh(s / 1.5)) @ v, rtol=1e-10)


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 100])
def test_chunk_size_never_matters(chunk, monkeypatch):
    """Is the answer the same however the queries are cut?"""
    q, k, v = draw(5)
    whole = attention(q, k, v, causal=True)
    monkeypatch.setattr(_chunked, "SCORES", 0)
    monkeypatch.setattr(_chunked, "FEWEST", chunk)
    np.testing.assert_allclose(attention(q, k, v, causal=True), whole, rtol=1e-12)


def test_attend_is_attention():
    """Do the plain form and the chunked form give the same outputs?"""
    q, k, v = draw(6)
    mask = np.random.default_rng(7).random((N, M)) < 0.5
    mask[2] = False
    B, alpha = attend(q, k, v, mask)
    np.testing.assert_allclose(B, attention(q, k, v, mask=mask), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(alpha.sum(-1), np.broadcast_to(mask.any(-1), alpha.shape[:-1]))


def test_nothing_to_attend_to_gives_zeros():
    """Does a query that may see nothing get zeros, not NaN?"""
    q, k, v = draw(8)
    mask = np.ones((N, M), bool)
    mask[3] = False
    out = attention(q, k, v, mask=mask)
    assert (out[..., 3, :] == 0).all() and np.isfinite(out).all()


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_huge_scores_stay_finite(size):
    """Do scores of plus and minus ten thousand in float32 give what float64 gives?"""
    q, k, v = draw(9, dtype=np.float32)
    out = attention(q, k, v, scale=size)
    np.testing.assert_allclose(out, attention(*(x.astype(float) for x in (q, k, v)), scale=size), rtol=1e-2, atol=1e-2)


def test_half_precision_is_computed_in_single():
    """Are 4096 float16 values averaged in float32, where float16 sums would lose most of them?"""
    q, k = np.zeros((1, D), np.float16), np.zeros((4096, D), np.float16)
    v = np.full((4096, 1), 1.0009766, np.float16)
    out = attention(q, k, v)
    assert out.dtype == np.float16 and out[0, 0] == v[0, 0]


@pytest.mark.slow
def test_memory_of_a_long_sequence():
    """Do 131072 queries and as many keys take less than 200 MiB beside the inputs, the result included?"""
    rng = np.random.default_rng(11)
    q, k, v = (rng.normal(size=(131072, 16)).astype(np.float32) for _ in range(3))
    tracemalloc.start()
    try:
        out = attention(q, k, v)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 << 20
    np.testing.assert_allclose(out[-1], attend(q[-1:], k, v)[0][0], rtol=1e-3, atol=1e-5)


def test_attention_weights_mix_to_attention():
    """Are the weights those that the values were mixed with?"""
    q, k, v = draw(13, key_heads=3)
    weights = attention_weights(q, k, causal=True, window=2)
    np.testing.assert_allclose(weights @ np.repeat(v, 2, 1), attention(q, k, v, causal=True, window=2), rtol=1e-10)


def test_inputs_are_left_alone():
    """Are q, k, v and the bias the same afterwards?"""
    q, k, v = draw(10, dtype=np.float32)
    bias = np.zeros((N, M), np.float32)
    before = [x.copy() for x in (q, k, v, bias)]
    attention(q, k, v, bias=bias, causal=True, softcap=2.0)
    for now, then in zip((q, k, v, bias), before):
        np.testing.assert_array_equal(now, then)


def test_integer_queries_are_scaled():
    """Is the scale a number, not cut to a whole one, when the learner passes whole numbers?"""
    Q = np.array([[1, 2], [3, 4]])
    np.testing.assert_allclose(scaled_dot(Q, Q), Q @ Q.T / np.sqrt(2))
    np.testing.assert_allclose(attend(Q, Q, Q)[1], attend(Q * 1.0, Q * 1.0, Q * 1.0)[1])


q, k, v = np.ones((N, D)), np.ones((M, D)), np.ones((M, E))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: dot(q, k[:, :3]), ValueError, r"Q has 4 columns, K has 3; .* Got Q \(5, 4\), K \(7, 3\)"),
        (lambda: attend(q, k[:, :3], v), ValueError, r"attend: q has 4 columns, k has 3; .* k \(7, 3\)"),
        (lambda: attention(q, k, v[:6]), ValueError, r"7 keys and 6 values; .* v \(6, 3\)"),
        (lambda: attention(q[0], k, v), ValueError, r"need two axes or more.* q \(4,\)"),
        (lambda: attention(q[None], k, v), ValueError, r"leading axes differ.* q \(1, 5, 4\), k \(7, 4\)"),
        (lambda: attention(*(x[None].repeat(h, 0) for x, h in ((q, 3), (k, 2), (v, 2)))), ValueError,
         "3 query heads cannot share 2 key heads"),
        (lambda: attention(q, k.astype("f4"), v), TypeError, "one floating dtype; got float64, float32, float64"),
        (lambda: attention(q.astype(int), k.astype(int), v.astype(int)), TypeError, "got int64, int64, int64"),
        (lambda: attention(q, k, v, mask=np.ones((N, M))), TypeError,
         "mask must be bool, True = may attend; got float64"),
        (lambda: attention(q, k, v, mask=np.ones((N, 3), bool)), ValueError,
         r"mask \(5, 3\) does not broadcast .* \(5, 7\)"),
        (lambda: attention(q, k, v, bias=np.ones((3, M))), ValueError, r"bias \(3, 7\) does not broadcast"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
