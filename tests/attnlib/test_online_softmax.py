import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.attention import attend, attention
from attnlib.online_softmax import finish, finite, merge_partials, online, partial
from tests.attnlib.draws import B, D, E, H, M, N, draw, draw_qkv


@given(st.integers(0, 99), st.integers(1, 8), st.floats(0.1, 100))
def test_blocks_never_matter(seed, block, size):
    """Taken in blocks of any size, ragged ones included, do the keys give what they give at once?"""
    q, k, v = size * draw(2, N, D, seed=seed), draw(2, M, D, seed=seed + 1), draw(2, M, E)
    mask = draw(2, N, M) > -0.5
    mask[0, 1] = False
    np.testing.assert_allclose(online(q, k, v, block=block, mask=mask), attention(q, k, v, mask=mask), atol=1e-10)


@pytest.mark.parametrize("key_heads", [6, 2])
def test_online_is_torch_sdpa(key_heads):
    """Merged from blocks, with a scale and a mask for all heads, is it PyTorch's attention?"""
    q, k, v = draw_qkv(key_heads)
    mask = draw(N, M) > -0.5
    expected = torch.nn.functional.scaled_dot_product_attention(
        *map(torch.from_numpy, (q, k, v, mask)), scale=0.3, enable_gqa=True
    )
    np.testing.assert_allclose(online(q, k, v, block=3, mask=mask, scale=0.3), expected.numpy(), atol=1e-12)


def test_merging_in_any_order():
    """Do three parts give one answer in whatever order they are merged, one part without keys included?"""
    q, k, v = draw_qkv()
    a, b, c = (partial(q, k[..., cut, :], v[..., cut, :]) for cut in (slice(0, 2), slice(2, 2), slice(2, 7)))
    for one, two, three in (a, b, c), (c, a, b), (b, c, a):
        left = merge_partials(*merge_partials(*one, *two), *three)
        right = merge_partials(*one, *merge_partials(*two, *three))
        np.testing.assert_allclose(finish(*left[:2]), attention(q, k, v), atol=1e-12)
        np.testing.assert_allclose(finish(*right[:2]), attention(q, k, v), atol=1e-12)
    assert (finish(*merge_partials(*b, *b)[:2]) == 0).all()


@pytest.mark.parametrize("shift", [1e4, -1e4])
def test_huge_scores_stay_finite(shift):
    """Are parts of scores near +-10^4 in float32 merged without overflow, and to the right answer?"""
    q, k, v = draw_qkv(dtype=np.float32)
    k[..., -1] = 0
    k[..., : M // 2, -1] = 1
    q[..., -1] = shift
    with np.errstate(over="raise", invalid="raise"):
        got = online(q, k, v, block=2, scale=1.0)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, attention(*(x.astype(float) for x in (q, k, v)), scale=1.0), atol=1e-2)


def test_no_keys_at_all():
    """Without keys, does the online softmax give zeros?"""
    q, k, v = np.ones((N, D)), np.ones((0, D)), np.ones((0, E))
    for kind in np.asarray, torch.from_numpy:
        out = online(kind(q), kind(k), kind(v), block=2)
        assert out.shape == (N, E) and (out == 0).all()


def slips(q, k, v):
    """Online softmax got wrong: outputs of the right shape."""
    halves = [(k[..., cut, :], v[..., cut, :]) for cut in (slice(0, 4), slice(4, None))]
    (mixed_a, total_a, top_a), (mixed_b, total_b, top_b) = (partial(q, *half) for half in halves)
    top = np.maximum(top_a, top_b)
    a, b = np.exp(top_a - top), np.exp(top_b - top)
    return {
        "E1 no rescale of the total": (a * mixed_a + b * mixed_b) / (total_a + total_b),
        "E2 no rescale of the mixture": (mixed_a + mixed_b) / (a * total_a + b * total_b),
        "E4 no division": a * mixed_a + b * mixed_b,
        "E4 a division for each block": mixed_a / total_a + mixed_b / total_b,
        "E14 the scale twice": online(q, k, v, block=4, scale=1 / D),
        "E6 the last block left out": online(q, k[..., :4, :], v[..., :4, :], block=4),
    }


def test_slips_of_the_online_softmax_give_something_else():
    """Is every known wrong merge different from ours?"""
    right = online(*draw_qkv(), block=4)
    for name, wrong in slips(*draw_qkv()).items():
        assert abs(wrong - right).max() > 1e-2, name


@pytest.mark.parametrize("dtype, tolerance", [("float16", 3e-3), ("float32", 1e-5), ("float64", 1e-11)])
def test_tensors_give_what_arrays_give(dtype, tolerance, twins):
    """Do the functions give for tensors what they give for arrays, in the dtype of the inputs?"""
    exact = {"rtol": tolerance, "atol": tolerance}
    q, k, v = draw_qkv(2, dtype=dtype)
    mask = draw(B, 1, N, M) > -0.5
    mask[0, 0, 1] = False
    parts = [partial(q, k[..., cut, :], v[..., cut, :], mask=mask[..., cut]) for cut in (slice(0, 3), slice(3, None))]
    twins(partial, q, k, v, mask=mask, scale=0.3, **exact)
    twins(partial, q, k[..., :0, :], v[..., :0, :], **exact)
    twins(merge_partials, *parts[0], *parts[1], **exact)
    twins(finish, *parts[0][:2], **exact)
    twins(finite, parts[0][2], **exact)
    twins(online, q, k, v, block=3, mask=mask, **exact)


def test_gradients_pass_through_the_merge(device):
    """Do PyTorch's finite differences agree with autograd through blocks, one of which a query may not see?"""
    q, k, v = (torch.from_numpy(x[:1]).to(device).requires_grad_() for x in draw_qkv(3))
    mask = torch.from_numpy(draw(N, M) > -0.5).to(device)
    mask[1, :3], mask[2] = False, False
    assert torch.autograd.gradcheck(lambda *qkv: online(*qkv, block=3, mask=mask), (q, k, v), fast_mode=True)


def test_inputs_are_left_alone():
    """Are q, k and v the same afterwards?"""
    given_, before = draw_qkv(), draw_qkv()
    online(*given_, block=2)
    for now, then in zip(given_, before):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("spoil", [np.nan, np.inf, -np.inf])
def test_what_is_hidden_counts_for_nothing(spoil, twins):
    """With NaN or inf among hidden keys and values, do other queries get what they got, and those that see NaN NaN?"""
    q, k, v = draw_qkv()
    mask = np.ones((N, M), bool)
    mask[:3, 2] = False
    before = online(q, k, v, block=3, mask=mask)
    k[..., 2, :], v[..., 2, :] = spoil, spoil
    with np.errstate(invalid="ignore"):
        after = twins(online, q, k, v, block=3, mask=mask)
    np.testing.assert_allclose(after[..., :3, :], before[..., :3, :], atol=1e-12)
    if np.isnan(spoil):
        assert after[..., 3:, :].isnan().all()


FUNCTIONS = {
    "partial": lambda q, k, v, mask: finish(*partial(q, k, v, mask=mask)[:2]),
    "online": lambda q, k, v, mask: online(q, k, v, block=3, mask=mask),
    "attend": lambda q, k, v, mask: attend(q, k, v, mask)[0],
    "attention": lambda q, k, v, mask: attention(q, k, v, mask=mask),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("spoil", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("blind", [N - 1, N])
def test_what_is_hidden_gives_no_gradient(function, spoil, blind, device):
    """With NaN or inf in a key that is hidden from all queries, or all but one, do these get other numbers' gradients?

    The one that sees it is spoiled, and with it the gradients of keys and values.
    """
    mask = torch.ones(N, M, dtype=torch.bool, device=device)
    mask[:blind, 2] = False
    found = []
    for number in 0.0, spoil:
        q, k, v = (torch.from_numpy(x).to(device) for x in draw_qkv(2))
        k[..., 2, :], v[..., 2, :] = number, number
        out = function(q.requires_grad_(), k.requires_grad_(), v.requires_grad_(), mask)[..., :blind, :]
        dq, *others = torch.autograd.grad(out.square().sum(), (q, k, v))
        found.append((out, dq[..., :blind, :], *others * (blind == N)))
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)


q, k, v = np.ones((H, N, D)), np.ones((2, N, D)), np.ones((2, N, E))
mixed, total = np.ones((N, E)), np.ones((N, 1))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: partial(q, k[..., :3], v), ValueError, r"^partial: q has 4 columns, k has 3"),
        (lambda: partial(q, k.astype("f4"), v), TypeError,
         "^partial: .* one floating dtype; got q float64, k float32, v float64"),
        (lambda: partial(q, k, v, mask=np.ones((N, N))), TypeError,
         r"^partial: mask must be bool, True = may attend; got float64 \(5, 5\)"),
        (lambda: partial(q, k, v, scale=float("nan")), ValueError, "^partial: scale must be a finite number"),
        (lambda: partial(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3, 3)), ValueError, "2 keys and 3 values"),
        (lambda: online(q, k, v, block=0), ValueError, "^online: block must be a whole number, 1 or more. Got block=0"),
        (lambda: online(q, k, v, block=2.0), TypeError, "^online: block must be a whole number"),
        (lambda: online(q, k, np.ones((2, N + 2, E)), block=2), ValueError, "^online: 5 keys and 7 values"),
        (lambda: online(q, k, v, block=2, mask=np.ones((N, N - 1), bool)), ValueError,
         r"^online: mask \(5, 4\) does not broadcast"),
        (lambda: online(q, k, v, block=2, mask=np.ones((N, N + 1), bool)), ValueError,
         r"^online: mask \(5, 6\) does not broadcast"),
        (lambda: finish(mixed, mixed), ValueError, r"^finish: total .*\(..., N, 1\)"),
        (lambda: finish(mixed, total.astype("f4")), TypeError, "^finish: .* one floating dtype"),
        (lambda: merge_partials(mixed, total, total, mixed[:3], total[:3], total[:3]), ValueError, "^merge_partials: "),
        (lambda: merge_partials(mixed, total, total, mixed, total, None), TypeError, "^merge_partials: .* got None"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
