import numpy as np
import pytest
import torch

from attnlib.attention import attention
from attnlib.kv_cache import Cache, append, cache_step, empty_rows
from attnlib.positions import rope
from tests.attnlib.draws import B, D, E, H, N, draw_qkv


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
    assert empty_rows(torch.from_numpy(q), 9).shape == empty_rows(q, 9).shape == (B, H, 9, D)


def test_inputs_are_left_alone():
    """Are q, k and v the same afterwards?"""
    given, before = draw_qkv(m=N), draw_qkv(m=N)
    Cache().attend(*given)
    for now, then in zip(given, before):
        np.testing.assert_array_equal(now, then)


q, k, v = np.ones((H, N, D)), np.ones((2, N, D)), np.ones((2, N, E))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: cache_step(q, k, v, k[:1], v), ValueError,
         r"k and past_k may differ only in how many rows .* Got k \(2, 5, 4\), past_k \(1, 5, 4\)"),
        (lambda: cache_step(q[..., :3], k, v, k, v), ValueError,
         r"cache_step: q has 3 columns, k has 4; .* Got q \(6, 5, 3\), k \(2, 10, 4\), v \(2, 10, 3\)"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
