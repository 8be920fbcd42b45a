import itertools
import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attnlib import _chunked
from attnlib.attention import attend, attention, attention_weights
from attnlib.backward import attend_backward, attention_backward, attention_forward
from attnlib.online_softmax import partial
from attnlib.scores import dot
from attnlib.weights import softmax
from tests.attnlib.draws import LAYOUTS

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
    for name in ("ROWS", "COLUMNS", "SCORES", "LONGEST"):
        monkeypatch.setattr(_chunked, name, chunk)
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


OPTIONS = {
    "plain": {},
    "mask": {"mask": np.random.default_rng(20).random((N, M)) < 0.6},
    "causal": {"causal": True},
    "window": {"window": 2},
    "past": {"causal": True, "window": 3, "past": 2},
    "bias": {"bias": np.where(np.random.default_rng(21).random((H, 1, M)) < 0.3, -np.inf, 0.5)},
    "sinks": {"sinks": np.random.default_rng(22).normal(size=H), "causal": True},
    "softcap": {"softcap": 1.5, "scale": -0.7, "window": 1},
}


def formula(q, k, v, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None):
    """Attention written out in float64, every pair on its own: what the options mean. One batch axis."""
    q, k, v = (x.astype(float) for x in (q, k, v))
    k, v = (x.repeat(q.shape[1] // x.shape[1], 1) for x in (k, v))
    shape = (*q.shape[:-1], k.shape[-2])
    bias = np.broadcast_to(0.0 if bias is None else bias, shape)
    mask = np.broadcast_to(True if mask is None else mask, shape)
    sinks = np.broadcast_to(-np.inf if sinks is None else sinks, shape[:2])
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for b, h, i in np.ndindex(out.shape[:3]):
        seen = [j for j in range(shape[-1]) if mask[b, h, i, j] and bias[b, h, i, j] > -np.inf
                and (j <= past + i or not causal) and (window is None or abs(j - past - i) <= window)]
        scores = np.array([q[b, h, i] @ k[b, h, j] for j in seen]) * (q.shape[-1] ** -0.5 if scale is None else scale)
        scores = scores if softcap is None else softcap * np.tanh(scores / softcap)
        powers = np.exp(scores + bias[b, h, i, seen])
        if seen:
            out[b, h, i] = powers @ v[b, h, seen] / (powers.sum() + np.exp(sinks[b, h]))
    return out


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("key_heads", [6, 2])
def test_attention_is_the_formula(name, key_heads):
    """Is attention, and are the weights, what a loop over the pairs that see each other gives?"""
    (q, k, v), options = draw(23, key_heads=key_heads), OPTIONS[name]
    expected = formula(q, k, v, **options)
    np.testing.assert_allclose(attention(q, k, v, **options), expected, rtol=1e-10, atol=1e-12)
    weights = attention_weights(q, k, **options)
    np.testing.assert_allclose(weights @ v.repeat(H // key_heads, 1), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", OPTIONS)
def test_how_arrays_lie_in_memory_never_matters(name, layout):
    """Is the answer the same for views of every kind, of q, k, v, masks and biases?"""
    (q, k, v), options = draw(24, key_heads=3), OPTIONS[name]
    expected = attention(q, k, v, **options), attention_weights(q, k, **options)
    options = {key: x[::-1].copy()[::-1] if isinstance(x, np.ndarray) else x for key, x in options.items()}
    q, k, v = map(layout, (q, k, v))
    np.testing.assert_allclose(attention(q, k, v, **options), expected[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(attention_weights(q, k, **options), expected[1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(attend(q, q, q)[0], attend(q.copy(), q.copy(), q.copy())[0], rtol=1e-12, atol=1e-14)


def test_broadcast_arrays():
    """Is one key, seen by all without a copy, what many copies of it are?"""
    q, k, v = (np.broadcast_to(x[:, :1, :1], (2, H, n, x.shape[-1])) for x, n in zip(draw(25), (N, M, M)))
    for options in {}, {"causal": True, "past": 1}:
        np.testing.assert_allclose(
            attention(q, k, v, **options), attention(q.copy(), k.copy(), v.copy(), **options), rtol=1e-12
        )


BAD = {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf, "huge": 1e300}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("hide", [
    {"mask": np.arange(M) != 4}, {"bias": np.where(np.arange(M) != 4, 0.0, -np.inf)}, {"causal": True},
    {"window": 1}, {"causal": True, "window": 1, "past": 1},
], ids=["mask", "bias", "causal", "window", "past"])
def test_what_is_hidden_never_matters(bad, hide):
    """Whatever stands in a key and a value that a query may not see, is its result the same?"""
    q, k, v = draw(26)
    seen = attention_weights(q, k, **hide)[0, 0, :, 4] > 0
    right = attention(q, k, v, **hide), attention_weights(q, k, **hide)
    k[..., 4, :], v[..., 4, :] = bad, bad
    with np.errstate(all="ignore"):
        wrong = attention(q, k, v, **hide), attention_weights(q, k, **hide)
        plain = attend(q, k, v, np.broadcast_to(np.arange(M) != 4, (N, M)))[0]
    for now, before in zip(wrong, right):
        np.testing.assert_allclose(now[..., ~seen, :], before[..., ~seen, :], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(plain, attention(q, k, v, mask=np.arange(M) != 4), rtol=1e-12)
    if np.isnan(bad):
        assert np.isnan(wrong[0][..., seen, :]).all()


def test_a_value_that_is_nan_shows_in_its_column_only():
    """Does one NaN among the values reach the queries that may see it, in its column, and no other number?"""
    q, k, v = draw(27)
    right = attention(q, k, v, causal=True)
    v[0, 2, 3, 1] = np.nan
    out = attention(q, k, v, causal=True)
    reached = np.zeros(out.shape, bool)
    reached[0, 2, 3:, 1] = True
    np.testing.assert_array_equal(np.isnan(out), reached)
    np.testing.assert_allclose(out[~reached], right[~reached], rtol=1e-12)


@pytest.mark.parametrize("shape", [(1,), (2,), (2, 1), (1, 2), (2, 1, 2), (3, 1, 1, 2)])
def test_attend_reads_a_mask_that_broadcasts_where_values_are_nan(shape):
    """Does every mask that broadcasts to the scores hide and show NaN as the whole mask does? (Heads = N = M = 2.)"""
    q, k, v = np.random.default_rng(28).normal(size=(3, 3, 2, 2, 2))
    v[0, 0, 1, 0] = np.nan
    for last in True, False:
        mask = np.ones(shape, bool)
        mask[..., -1] = last
        whole = np.broadcast_to(mask, (3, 2, 2, 2))
        np.testing.assert_array_equal(attend(q, k, v, mask)[0], attend(q, k, v, whole)[0])
        assert np.isnan(attend(q, k, v, mask)[0]).sum() == (2 if last else 0)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("causal, past", list(itertools.product([False, True], [0, 3, 2**62])))
@pytest.mark.parametrize("window", [2**63 - 1, 2**63, 10**30])
def test_a_window_wider_than_64_bits_hides_nothing(kind, causal, past, window):
    """Is the widest window the same as none, in every function that takes one?"""
    q, k, v = map(kind, draw(29, m=N))
    for options in {"causal": causal, "past": past}, {"causal": causal, "past": past, "window": window}:
        out, lse = attention_forward(q, k, v, **options)
        results = [
            attention(q, k, v, **options), attention_weights(q, k, **options), out, lse,
            *attention_backward(out, q, k, v, out, lse, **options), *attend_backward(out, q, k, v, **options),
        ]
        if "window" not in options:
            right = results
    for now, before in zip(results, right):
        np.testing.assert_allclose(now, before, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("mean", [
    lambda q, k, v: attend(q, k, v)[0],
    lambda q, k, v: partial(q, k, v)[0] / 100_000,
    lambda q, k, v: attend_backward(v, k, q, v[:1])[2] / 100_000,
    lambda q, k, v: attention_forward(*map(torch.from_numpy, (q, k, v)))[0],
], ids=["attend", "partial", "attend_backward", "tensors"])
def test_a_long_sum_keeps_its_digits_in_the_plain_forms(mean):
    """Is the mean of 100000 equal values in float32 that value where all weights are allocated at once, too?"""
    q, k, v = np.zeros((1, 8), "f4"), np.zeros((100_000, 8), "f4"), np.full((100_000, 4), 0.1, "f4")
    np.testing.assert_allclose(mean(q, k, v), v[:1], rtol=3e-5)


@pytest.mark.parametrize("queries", [1, 3, 40, 600])
def test_long_rows_keep_their_digits(queries):
    """Is the mean of 131072 equal values that value, to a few digits of float32, whether queries are few or many?"""
    q, k, v = np.full((queries, 8), 0.3, "f4"), np.full((131072, 8), 0.7, "f4"), np.full((131072, 4), 0.1, "f4")
    np.testing.assert_allclose(attention(q, k, v), 0.1, rtol=1e-5)
    np.testing.assert_allclose(attention(q, k, v, sinks=np.array(-50, "f4")), 0.1, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1, 1e20, 1e35])
def test_the_size_of_values_never_matters(scale):
    """Are values of any size that float32 can hold mixed to the same digits, where no top is subtracted too?"""
    q, k, v = draw(28, n=64, m=64, dtype=np.float32, batch=())
    v = v.astype("f4") * np.float32(scale)
    for factor in 1, 5:
        expected = attention(*(x.astype(float) for x in (q * factor, k, v)))
        np.testing.assert_allclose(attention(q * factor, k, v), expected, rtol=2e-4, atol=1e-6 * scale)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 2e-6), (np.float16, 2e-3)])
def test_errors_are_those_of_the_dtype(dtype, tolerance):
    """How far from float64 is the answer, over many keys?"""
    q, k, v = draw(29, n=20, m=3000, dtype=dtype)
    np.testing.assert_allclose(attention(q, k, v), formula(q, k, v), atol=tolerance)


@pytest.mark.parametrize("causal", [False, True])
def test_sinks_are_one_more_key(causal):
    """Is a sink the same as a further key with that score, whose value is zero?"""
    q, k, v = draw(30, n=M)
    sinks = np.random.default_rng(31).normal(size=H)
    more_k, more_v = (np.concatenate([x, 0 * x[..., :1, :]], -2) for x in (k, v))
    bias = np.concatenate([np.zeros((H, M, M)), np.broadcast_to(sinks[:, None, None], (H, M, 1))], -1)
    mask = np.concatenate([np.tri(M, dtype=bool) | (not causal), np.ones((M, 1), bool)], -1)
    np.testing.assert_allclose(
        attention(q, k, v, sinks=sinks, causal=causal), attention(q, more_k, more_v, bias=bias, mask=mask), rtol=1e-10
    )
    np.testing.assert_allclose(attention(q, k, v, sinks=np.float64(-np.inf) * np.ones(H)), attention(q, k, v))


def test_past_is_the_rest_of_a_longer_sequence():
    """Are the last queries, with the number of those before as past, the last rows of the whole?"""
    q, k, v = draw(32, n=600, m=600)
    for options in {"causal": True}, {"window": 7}, {"causal": True, "window": 300}:
        whole = attention(q, k, v, **options)
        for past in 1, 250, 599:
            np.testing.assert_allclose(attention(q[..., past:, :], k, v, past=past, **options), whole[..., past:, :],
                                       rtol=1e-10, atol=1e-12)
    assert np.isfinite(attention(q[..., :2, :], k, v, past=10**12, window=3)).all()


@pytest.mark.parametrize("n, m, heads, e", [(0, M, H, E), (N, 0, H, E), (N, M, 0, E), (N, M, H, 0), (0, 0, 0, 0)])
def test_nothing_at_all(n, m, heads, e):
    """Without queries, keys, heads or columns, is the answer an array of the right shape, of zeros?"""
    q, k, v = np.ones((2, heads, n, D)), np.ones((2, heads, m, D)), np.ones((2, heads, m, e))
    for options in {}, {"causal": True, "window": 1, "past": 2}, {"sinks": np.ones(heads)}:
        out = attention(q, k, v, **options)
        assert out.shape == (2, heads, n, e) and (m or not out.any())
        assert attention_weights(q, k, **options).shape == (2, heads, n, m)
    assert attend(q, k, v)[0].shape == (2, heads, n, e)


def test_attend_of_half_precision():
    """Are float16 scores beyond 65504, and masked rows, computed as attention does: in float32?"""
    q, k, v = (300 * x for x in draw(33, dtype=np.float16))
    B, alpha = attend(q, k, v)
    assert B.dtype == alpha.dtype == np.float16
    np.testing.assert_allclose(B, attention(q, k, v), rtol=2e-3)


def test_attend_shares_heads():
    """Do query heads share key heads in the plain form as they do in the other?"""
    q, k, v = draw(34, key_heads=2)
    np.testing.assert_allclose(attend(q, k, v)[0], attention(q, k, v), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n, m, options", [
    (4096, 4096, {}), (4096, 4096, {"causal": True}), (4096, 4096, {"window": 64}), (1, 262144, {}), (64, 65536, {}),
])
def test_extra_memory_does_not_grow_with_queries_times_keys(n, m, options):
    """Beside inputs and result, are a few tiles all that is held, however many keys there are?"""
    q, k, v = (np.ones((size, 16), np.float32) for size in (n, m, m))
    attention(q[:1], k[:1], v[:1])
    tracemalloc.start()
    try:
        out = attention(q, k, v, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < q.nbytes + 2 * out.nbytes + k.nbytes + (12 << 20)


q, k, v = np.ones((N, D)), np.ones((M, D)), np.ones((M, E))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: dot(q, k[:, :3]), ValueError, r"need the same d; it is 4 and 3. Got Q \(5, 4\), K \(7, 3\)"),
        (lambda: attend(q, k[:, :3], v), ValueError, r"attend: q has 4 columns, k has 3; .* k \(7, 3\)"),
        (lambda: attention(q, k, v[:6]), ValueError, r"7 keys and 6 values; .* v \(6, 3\)"),
        (lambda: attention(q[0], k, v), ValueError, r"need two axes or more.* q \(4,\)"),
        (lambda: attention(q[None], k, v), ValueError, r"leading axes differ.* q \(1, 5, 4\), k \(7, 4\)"),
        (lambda: attention(*(x[None].repeat(h, 0) for x, h in ((q, 3), (k, 2), (v, 2)))), ValueError,
         "3 query heads cannot share 2 key heads"),
        (lambda: attention(q, k.astype("f4"), v), TypeError, "one floating dtype; got q float64, k float32, v float64"),
        (lambda: attention(q.astype(int), k.astype(int), v.astype(int)), TypeError, "got q int64, k int64, v int64"),
        (lambda: attention(q, k, v, mask=np.ones((N, M))), TypeError,
         "mask must be bool, True = may attend; got float64"),
        (lambda: attention(q, k, v, mask=np.ones((N, 3), bool)), ValueError,
         r"mask \(5, 3\) does not broadcast .* \(5, 7\)"),
        (lambda: attention(q, k, v, bias=np.ones((3, M))), ValueError, r"bias \(3, 7\) does not broadcast"),
        (lambda: attention(q, k, v, bias=np.ones((N, M), bool)), TypeError, "bias must be floating; got bool"),
        (lambda: attention(q, k, v, softcap=0), ValueError, "softcap must be a finite number above 0. Got 0"),
        (lambda: attention(q, k, v, window=-1), ValueError, "window must be a whole number, 0 or more. Got"),
        (lambda: attention(q, k, v, window=1.5), TypeError, "window must be a whole number, 0 or more. Got 1.5"),
        (lambda: attention(q, k, v, causal=2), TypeError, "causal must be True or False. Got 2"),
        (lambda: attention(q, k, v, causal=None), TypeError, "causal must be True or False. Got None"),
        (lambda: attention(q, k, v, scale=np.nan), ValueError, "scale must be a finite number. Got nan"),
        (lambda: attention(q, k, v, past=-1), ValueError, "past must be a whole number, 0 or more"),
        (lambda: attention(q, k, v, sinks=np.ones(3)), ValueError, r"sinks \(3,\) does not broadcast to the heads"),
        (lambda: attention_weights(q, k, softcap=0), ValueError, "^attention_weights: softcap must be"),
        (lambda: attention(q[:, :0], k[:, :0], v), ValueError, "q has 0 columns, k has 0; .* 1 or more"),
        (lambda: attend(q, k, v, np.where(np.ones((N, M)), 0, -np.inf)), TypeError,
         "attend: mask must be bool, True = may attend; got float64"),
        (lambda: attend(*(x.astype(int) for x in (q, k, v))), TypeError, "attend: q, k and v need one floating dtype"),
        (lambda: attend(q.tolist(), k, v), TypeError, "attend: q must be an array or a tensor; got list"),
        (lambda: attention(q, k, torch.from_numpy(v)), TypeError, "attention: tensors and arrays do not mix"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
