import numpy as np
import pytest
import torch

from attnlib.attention import attention
from attnlib.kv_cache import Cache, append, cache_step
from attnlib.positions import rope
from tests.attnlib.draws import B, D, E, H, N, draw, draw_qkv


@pytest.mark.parametrize("steps", [[1] * 9, [4, 1, 1, 3], [9], [2, 7]])
@pytest.mark.parametrize("key_heads", [6, 2])
def test_the_cache_equals_recomputation(steps, key_heads, device):
    """Fed in steps of any size, rotary positions counted on, does the cache give the rows of causal attention?"""
    q, k, v = (torch.from_numpy(x).to(device) for x in draw_qkv(key_heads, n=9, m=9))
    expected = attention(rope(q), rope(k), v, causal=True, softcap=2.0)
    for kind in (lambda x: x.cpu().numpy()), (lambda x: x):
        Q, K, V, cache, start, rows = kind(q), kind(k), kind(v), Cache(), 0, []
        past_k, past_v = K[..., :0, :], V[..., :0, :]
        for step in steps:
            new, places = (..., slice(start, start + step), slice(None)), kind(torch.arange(start, start + step))
            turned_q, turned_k = rope(Q[new], places), rope(K[new], places)
            rows.append(cache.attend(turned_q, turned_k, V[new], softcap=2.0))
            out, past_k, past_v = cache_step(turned_q, turned_k, V[new], past_k, past_v, softcap=2.0)
            torch.testing.assert_close(torch.as_tensor(out), torch.as_tensor(rows[-1]), rtol=1e-12, atol=1e-12)
            start += step
        got = torch.cat([torch.as_tensor(row) for row in rows], -2)
        torch.testing.assert_close(got, torch.as_tensor(kind(expected)), rtol=1e-10, atol=1e-12)
        assert cache.length == 9 and past_k.shape == K.shape


@pytest.mark.parametrize("steps", [[3, 1, 2], [1] * 6])
def test_the_cache_hides_padding(steps):
    """With padding before the shorter of two prompts, is each step the row of attention under both masks?"""
    q, k, v = draw_qkv(2, n=6, m=6)
    real = (np.arange(6) >= np.array([[0], [2]]))[:, None, None]
    expected = attention(q, k, v, causal=True, mask=real)
    cache, start, past_k, past_v = Cache(), 0, k[..., :0, :], v[..., :0, :]
    for step in steps:
        new, so_far = (..., slice(start, start + step), slice(None)), real[..., : start + step]
        out, past_k, past_v = cache_step(q[new], k[new], v[new], past_k, past_v, mask=so_far)
        np.testing.assert_allclose(out, expected[new], atol=1e-12)
        np.testing.assert_allclose(cache.attend(q[new], k[new], v[new], mask=so_far), expected[new], atol=1e-12)
        start += step


def test_a_cache_that_forgets_its_length_gives_something_else():
    """Do positions that restart (P14), an overwritten cache (E8) and no offset of the mask differ from ours?"""
    q, k, v = draw_qkv(n=6, m=6)
    right = attention(rope(q), rope(k), v, causal=True)[..., 4:, :]
    past_k, past_v = rope(k)[..., :4, :], v[..., :4, :]
    new_q, new_k, new_v = q[..., 4:, :], k[..., 4:, :], v[..., 4:, :]
    places = np.arange(4, 6)
    out, keys, values = cache_step(rope(new_q, places), rope(new_k, places), new_v, past_k, past_v)
    np.testing.assert_allclose(out, right, atol=1e-12)
    wrong = {
        "P14": cache_step(rope(new_q), rope(new_k), new_v, past_k, past_v)[0],
        "E8": attention(rope(new_q, places), rope(new_k, places), new_v, causal=True),
        "no offset": attention(rope(new_q, places), keys, values, causal=True),
    }
    for name, answer in wrong.items():
        assert abs(answer - right).max() > 1e-2, name


def test_the_cache_keeps_its_own_copy():
    """Does a caller who writes over k and v afterwards, or over a past answer's inputs, change nothing kept?"""
    cache, x = Cache(), np.ones((1, 2))
    cache.append(x, x)
    x[:] = 7
    keys, values = cache.append(x, x)
    np.testing.assert_array_equal(keys, [[1, 1], [7, 7]])
    assert keys.base is not None and cache.append(x, x)[0].shape == (3, 2)


def test_the_cache_copies_little():
    """For 1000 single tokens, does the cache make room at most a dozen times?"""
    cache, rooms = Cache(), set()
    for _ in range(1000):
        keys, _ = cache.append(np.ones((1, 2)), np.ones((1, 2)))
        rooms.add(keys.base.ctypes.data if keys.base is not None else 0)
    assert len(rooms) <= 12 and (keys == 1).all()


@pytest.mark.parametrize("dtype, tolerance", [("float16", 3e-3), ("float32", 1e-5), ("float64", 1e-11)])
def test_tensors_give_what_arrays_give(dtype, tolerance, twins):
    """Do the functions give for tensors what they give for arrays, in the dtype of the inputs?"""
    exact = {"rtol": tolerance, "atol": tolerance}
    q, k, v = draw_qkv(2, dtype=dtype)
    twins(append, k, k)
    twins(cache_step, q, k[..., :N, :], v[..., :N, :], k, v, **exact)


def test_inputs_are_left_alone():
    """Are q, k and v the same afterwards?"""
    given, before = draw_qkv(m=N), draw_qkv(m=N)
    Cache().attend(*given)
    for now, then in zip(given, before):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("options", [{"window": 2}, {"window": 0}, {"causal": False}, {"causal": True, "window": 3}])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_positions_are_counted_from_the_first_key_kept(step, options, device):
    """With a window, or without causal, is each step those rows of attention over all keys so far?"""
    q, k, v = draw_qkv(2, n=6, m=6)
    for kind in np.asarray, lambda x: torch.from_numpy(x).to(device):
        Q, K, V, cache = kind(q), kind(k), kind(v), Cache()
        for start in range(0, 6, step):
            new, far = (..., slice(start, start + step), slice(None)), (..., slice(0, start + step), slice(None))
            wide = attention(Q[far], K[far], V[far], **{"causal": True, **options})[..., start:, :]
            with torch.no_grad():
                got = cache.attend(Q[new], K[new], V[new], **options)
            past = (..., slice(0, start), slice(None))
            out, _, _ = cache_step(Q[new], K[new], V[new], K[past], V[past], **options)
            for one in got, out:
                torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(wide), rtol=1e-10, atol=1e-12)


def test_a_bias_and_sinks_of_all_keys_so_far_are_taken():
    """Do a bias over past and newest keys, and sinks, give the rows that attention gives at once?"""
    q, k, v = draw_qkv(2, n=6, m=6)
    bias, sinks = draw(6, 6), draw(H)
    expected = attention(q, k, v, bias=bias, sinks=sinks, causal=True)
    cache = Cache()
    for start in 0, 2, 4:
        new = (..., slice(start, start + 2), slice(None))
        out = cache.attend(q[new], k[new], v[new], bias=bias[start : start + 2, : start + 2], sinks=sinks)
        np.testing.assert_allclose(out, expected[new], atol=1e-12)


def refused(one):
    """Calls of a cache of (2, 3, 4) that must fail: wrong heads, width, dtype, kind, mask, option, too few values."""
    wide, other = one[:, :, :1], one[:1]
    half = one.astype("f4") if isinstance(one, np.ndarray) else one.float()
    there = torch.from_numpy(one) if isinstance(one, np.ndarray) else one.numpy()
    return [
        lambda cache: cache.append(other, other), lambda cache: cache.append(one, other),
        lambda cache: cache.append(wide, one), lambda cache: cache.append(half, half),
        lambda cache: cache.append(there, there), lambda cache: cache.append(one, one[:, :2]),
        lambda cache: cache.append(None, one), lambda cache: cache.append(one.tolist(), one.tolist()),
        lambda cache: cache.attend(one, one, one, mask=one), lambda cache: cache.attend(one, one, one, mask=one[0] > 0),
        lambda cache: cache.attend(one, one, one, window=-1), lambda cache: cache.attend(one, one, one, past=1),
        lambda cache: cache.attend(one, one, one, scale=float("nan")), lambda cache: cache.attend(one[:, :2], one, one),
        lambda cache: cache.attend(one, one, other),
    ]


@pytest.mark.parametrize("room", [False, True], ids=["full", "with room"])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["arrays", "tensors"])
def test_what_is_refused_changes_nothing(kind, room):
    """After a failed append or attend, has the cache its length and its numbers, with room to spare or without?"""
    one = kind(draw(2, 3, 4))
    for wrong in refused(one):
        cache = Cache()
        with torch.no_grad():
            for _ in range(2 + room):
                cache.append(one, one)
            before = cache.length
            with pytest.raises((TypeError, ValueError), match=r"^Cache\.(append|attend): "):
                wrong(cache)
            keys, values = cache.append(one, one)
        assert cache.length == before + 3 == keys.shape[-2]
        for start in range(0, before + 3, 3):
            assert (keys[..., start : start + 3, :] == one).all() and (values[..., start : start + 3, :] == one).all()


def test_gradients_reach_every_token_kept():
    """Through a cache filled token by token, are the gradients those of causal attention?"""
    leaves = [torch.from_numpy(x).requires_grad_() for x in draw_qkv(2, n=5, m=5)]
    cache = Cache()
    rows = [cache.attend(*(x[..., i : i + 1, :] for x in leaves)) for i in range(5)]
    dout = torch.from_numpy(draw(B, H, 5, E, seed=9))
    found = torch.autograd.grad((torch.cat(rows, -2) * dout).sum(), leaves)
    expected = torch.autograd.grad((attention(*leaves, causal=True) * dout).sum(), leaves)
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_gradients_of_queries_survive_the_next_token():
    """With keys that need no gradient, do later tokens leave alone what an earlier one kept for its way back?"""
    q, k, v = (torch.from_numpy(x) for x in draw_qkv(n=4, m=4))
    q.requires_grad_()
    cache = Cache()
    rows = [cache.attend(*(x[..., i : i + 1, :] for x in (q, k, v))) for i in range(4)]
    torch.cat(rows, -2).sum().backward()
    assert q.grad.isfinite().all()


def test_a_cache_goes_from_one_mode_to_another():
    """Filled under inference_mode, then under no_grad, then with gradients, does it keep giving the same?"""
    q, k, v = (torch.from_numpy(x) for x in draw_qkv(n=4, m=4))
    expected, cache = attention(q, k, v, causal=True), Cache()
    for i, mode in enumerate([torch.inference_mode, torch.no_grad, torch.enable_grad, torch.no_grad]):
        with mode():
            out = cache.attend(*(x[..., i : i + 1, :] for x in (q, k, v)))
            torch.testing.assert_close(out, expected[..., i : i + 1, :])


q, k, v = np.ones((H, N, D)), np.ones((2, N, D)), np.ones((2, N, E))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: cache_step(q, k, v, k[:1], v), ValueError,
         r"cache_step: k and past_k may differ only in how many rows .* Got k \(2, 5, 4\), past_k \(1, 5, 4\)"),
        (lambda: cache_step(q[..., :3], k, v, k, v), ValueError,
         r"cache_step: q has 3 columns, k has 4; .* Got q \(6, 5, 3\), k \(2, 5, 4\), v \(2, 5, 3\)"),
        (lambda: cache_step(q, k, v, k[:, :2], v), ValueError, "cache_step: past_k and past_v need one number of rows"),
        (lambda: cache_step(q, k, v, k, v.astype("f4")), TypeError,
         "cache_step: v and past_v need one dtype. Got v float64, past_v float32"),
        (lambda: cache_step(q, k, v, k, v, past=3), TypeError,
         "cache_step: there is no option past; there are mask, bias, causal"),
        (lambda: cache_step(q, k, v, k, v, causal=1), TypeError, "cache_step: causal must be True or False. Got 1"),
        (lambda: append(k, v), ValueError, "append: past .* and x .* need the same D"),
        (lambda: append(k, k[:1]), ValueError, "append: x and past may differ only in how many rows"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
