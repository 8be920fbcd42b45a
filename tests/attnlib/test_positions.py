import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import toeplitz
from transformers import LlamaConfig, T5Config
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.distilbert.modeling_distilbert import create_sinusoidal_embeddings
from transformers.models.gpt_neox import modeling_gpt_neox
from transformers.models.gptj import modeling_gptj
from transformers.models.llama import modeling_llama
from transformers.models.t5.modeling_t5 import T5Attention

from attnlib.attention import attention
from attnlib.inputs import embed
from attnlib.positions import (
    alibi_bias,
    alibi_slopes,
    distances,
    frequencies,
    learned,
    relative_bias,
    rope,
    rotate,
    sinusoidal,
    sinusoidal_shift,
    yarn,
)
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch
from tests.attnlib.onnx_cases import cases

B, H, N, M, D = 2, 3, 5, 7, 8
rng = np.random.default_rng(0)
x, q, k, v = (rng.normal(size=(B, H, n, D)) for n in (N, N, N, N))
like = np.zeros(1, np.float64)
close = dict(rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n, d", [(1, 2), (50, 6), (300, 64)])
def test_sinusoidal_is_distilbert(n, d):
    """Are the sines and cosines those of Hugging Face's DistilBERT, and so of the paper?"""
    theirs = create_sinusoidal_embeddings(n, d, torch.empty(n, d))
    np.testing.assert_allclose(sinusoidal(n, d), theirs.numpy(), **close)


@given(st.integers(1, 8), st.integers(-20, 20), st.sampled_from([100, 10000]))
def test_a_shift_is_a_rotation(pairs, k, base):
    """Does one rotation move every position on by k, and k + 1 rotations make k and 1?"""
    d = 2 * pairs
    P, R = sinusoidal(60, d, base), sinusoidal_shift(d, k, base)
    start = max(0, -k)
    np.testing.assert_allclose(P[start : start + 40] @ R, P[start + k : start + k + 40], atol=1e-12)
    np.testing.assert_allclose(R @ R.T, np.eye(d), atol=1e-12)
    np.testing.assert_allclose(R @ sinusoidal_shift(d, 1, base), sinusoidal_shift(d, k + 1, base), atol=1e-12)


def test_learned_is_a_lookup():
    """Does learned read the rows of the table, and may the positions of a batch differ?"""
    table = rng.normal(size=(9, 4))
    np.testing.assert_array_equal(learned([[0, 1], [7, 8]], table), embed([[0, 1], [7, 8]], table))


def test_relative_bias_is_t5s():
    """While T5's buckets hold one distance each, is relative_bias T5's bias, with a cache too?"""
    config = T5Config(num_heads=H, d_kv=2, d_model=6, relative_attention_num_buckets=32)
    layer = T5Attention(config, has_relative_attention_bias=True).double()
    one_each = layer.relative_attention_bias.weight.detach().numpy().T            # (H, 32)
    table = np.concatenate([one_each[:, 7:0:-1], one_each[:, :1], one_each[:, 17:24]], axis=1)
    for past in (0, 3):
        theirs = layer.compute_bias(N, N + past, past_seen_tokens=past)[0].detach().numpy()
        np.testing.assert_array_equal(relative_bias(table, N, past=past), theirs)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4))
def test_relative_bias_is_a_clipped_toeplitz_matrix(n, m, k):
    """Do distances beyond the table share its last column, on either side?"""
    table = np.random.default_rng(n).normal(size=(H, 2 * k + 1))
    far = np.pad(table, ((0, 0), (10, 10)), mode="edge")
    middle = 10 + k
    theirs = [toeplitz(row[middle : middle - n : -1], row[middle : middle + m]) for row in far]
    np.testing.assert_array_equal(relative_bias(table, n, m), theirs)


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 5, 6, 8, 12, 16, 25, 40, 112])
def test_alibi_slopes_are_blooms(heads):
    """Are the slopes those of Hugging Face's BLOOM, also where heads is no power of two?"""
    theirs = build_alibi_tensor(torch.ones(1, 2), heads, torch.float32)[:, 0, 1]
    np.testing.assert_allclose(alibi_slopes(heads), theirs.numpy(), rtol=1e-6)


@pytest.mark.parametrize("heads", [H, 8])
def test_causal_alibi_weighs_as_bloom_does(heads, device):
    """In causal attention, do both our biases give the outputs that BLOOM's gives?"""
    q, k, v = (torch.randn(B, heads, N, D, dtype=torch.float64, device=device) for _ in range(3))
    bloom = build_alibi_tensor(torch.ones(1, N, device=device), heads, torch.float64)    # (heads, 1, N)
    theirs = attention(q, k, v, bias=bloom, causal=True)
    ours = attention(q, k, v, bias=alibi_bias(heads, N, like=q), causal=True)
    masking = attention(q, k, v, bias=alibi_bias(heads, N, causal=True, like=q))
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(masking, ours, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("past", [0, 2])
def test_alibi_is_minus_slope_times_distance(past):
    """Is the bias symmetric, and with a cache the last rows of the bias without one?"""
    slopes = alibi_slopes(H)
    whole = alibi_bias(H, N + past)
    np.testing.assert_allclose(whole, [-toeplitz(np.arange(N + past)) * slope for slope in slopes])
    np.testing.assert_array_equal(alibi_bias(H, N, past=past), whole[:, past:])
    causal = alibi_bias(H, N, past=past, causal=True)
    np.testing.assert_array_equal(np.isneginf(causal[0]), np.triu(np.ones((N, N + past)), past + 1))


@pytest.mark.parametrize("tensors", [False, True])
def test_rotate_is_the_onnx_operator(tensors, device):
    """Do all 8 cases of ONNX's RotaryEmbedding agree, on arrays and on tensors?"""
    kind = (lambda a: torch.from_numpy(a).to(device)) if tensors else (lambda a: a)
    tried = 0
    for name, attributes, (inputs, cos, sin, *positions), _, (expected,), rtol, atol in cases("RotaryEmbedding"):
        x = inputs
        if x.ndim == 3:                                                            # (B, N, H d)
            x = x.reshape(*x.shape[:2], attributes["num_heads"], -1).swapaxes(1, 2)
        if positions:
            cos, sin = cos[positions[0]], sin[positions[0]]                        # (B, N, r/2)
        turned = rotate(*map(kind, (x, cos[:, None], sin[:, None])), bool(attributes.get("interleaved", 0)))
        turned = turned.cpu().numpy() if tensors else turned
        turned = turned if inputs.ndim == 4 else turned.swapaxes(1, 2).reshape(inputs.shape)
        np.testing.assert_allclose(turned, expected, rtol=rtol, atol=atol, err_msg=name, strict=True)
        tried += 1
    assert tried == 8


def test_rope_is_llamas():
    """Are turned queries and keys those of Hugging Face's Llama, at positions of each sequence's own?"""
    positions = np.array([[0, 1, 2, 3, 4], [40, 41, 42, 43, 90]])
    config = LlamaConfig(hidden_size=H * D, num_attention_heads=H, head_dim=D, rope_theta=500.0)
    config.rope_parameters = {"rope_type": "default", "rope_theta": 500.0}
    cos, sin = modeling_llama.LlamaRotaryEmbedding(config)(torch.from_numpy(x), torch.from_numpy(positions))
    theirs = modeling_llama.apply_rotary_pos_emb(torch.from_numpy(q), torch.from_numpy(k), cos, sin)
    for ours, their in zip((q, k), theirs):
        np.testing.assert_allclose(rope(ours, positions[:, None], base=500), their.numpy(), rtol=1e-5, atol=1e-5)


def test_rope_is_gpt_neoxs():
    """With a part of the columns turned, are halves of that part paired as in Hugging Face's GPT-NeoX?"""
    angles = np.arange(N)[:, None] * 10000 ** (-np.array([0, 2]) / 4)
    both = torch.from_numpy(np.concatenate([angles, angles], -1))[None]           # (1, N, 4)
    theirs, _ = modeling_gpt_neox.apply_rotary_pos_emb(torch.from_numpy(q), torch.from_numpy(k), both.cos(), both.sin())
    np.testing.assert_allclose(rope(q, rotary_dim=4), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("rotary_dim", [2, 4, D])
def test_interleaved_rope_is_gpt_js(rotary_dim):
    """Are pairs of neighbouring columns turned as in Hugging Face's GPT-J, the others left alone?"""
    sin, cos = modeling_gptj.create_sinusoidal_positions(N, rotary_dim)[None].chunk(2, -1)
    part = torch.from_numpy(q[..., :rotary_dim]).transpose(1, 2)                   # (B, N, H, r)
    theirs = modeling_gptj.apply_rotary_pos_emb(part, sin, cos).transpose(1, 2).numpy()
    ours = rope(q, rotary_dim=rotary_dim, interleaved=True)
    np.testing.assert_allclose(ours[..., :rotary_dim], theirs, **close)
    np.testing.assert_array_equal(ours[..., rotary_dim:], q[..., rotary_dim:])


def test_the_layouts_differ_by_the_order_of_the_columns():
    """Is the half layout the interleaved one with the columns dealt out differently?"""
    deal = np.arange(D).reshape(2, D // 2).T.ravel()                               # 0 4 1 5 2 6 3 7
    np.testing.assert_allclose(rope(x)[..., deal], rope(x[..., deal], interleaved=True), rtol=1e-12)


@given(st.integers(-50, 50), st.booleans())
def test_rope_sees_distances_only(shift, interleaved):
    """Do query and key moved on together keep their score, and lengths stay?"""
    here = np.arange(N)
    turn = dict(interleaved=interleaved, base=100)
    scores = rope(q, here, **turn) @ rope(k, here, **turn).swapaxes(-1, -2)
    moved = rope(q, here + shift, **turn) @ rope(k, here + shift, **turn).swapaxes(-1, -2)
    np.testing.assert_allclose(moved, scores, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(rope(q, **turn), axis=-1), np.linalg.norm(q, axis=-1))


def test_a_cache_needs_the_true_positions():
    """Is a key turned when it arrives the key turned with all the others?"""
    step_by_step = np.concatenate([rope(k[:, :, n : n + 1], [n]) for n in range(N)], axis=2)
    np.testing.assert_array_equal(step_by_step, rope(k))


def test_rope_far_out():
    """At position a million, is the angle right in float32, and turned in float32 for float16?"""
    far = np.array([1_000_000])
    expected = rope(x[:, :, :1], far)
    single = rope(x[:, :, :1].astype(np.float32), far)
    half = rope(x[:, :, :1].astype(np.float16), far)
    assert (single.dtype, half.dtype) == (np.float32, np.float16)
    np.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(half, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64"])
def test_positions_of_every_integer_dtype(dtype, kind):
    """Do positions of one byte look up rows, not mask them, and turn as their numbers say?"""
    table, places = rng.normal(size=(300, 4)), np.array([0, 1, 1, 0, 100])
    np.testing.assert_array_equal(learned(kind(places.astype(dtype)), kind(table)), table[places])
    np.testing.assert_allclose(rope(kind(x), kind(places.astype(dtype))), rope(x, places), rtol=1e-12)


def test_positions_of_rope_may_be_fractions(device):
    """Is position interpolation, every position divided by 4, a base of rotations a quarter as fast?"""
    slow = rope(x, np.arange(N) / 4)
    angles = np.arange(N)[:, None] * frequencies(D) / 4
    np.testing.assert_allclose(slow, rotate(x, np.cos(angles), np.sin(angles)), rtol=1e-12)
    np.testing.assert_allclose(rope(x, [0, 0.25, 0.5, 0.75, 1]), slow, rtol=1e-12)
    quarters = torch.arange(N, device=device, dtype=torch.float32) / 4
    np.testing.assert_allclose(rope(torch.from_numpy(x).to(device), quarters).cpu(), slow, rtol=1e-12)


@pytest.mark.parametrize("like", [np.ones(1, int), np.ones(1, bool), torch.ones(1, dtype=torch.uint8)])
def test_a_like_of_whole_numbers_is_refused(like):
    """Does `like=ids` raise where the result is real, and not round it to zeros?"""
    for name, call in {
        "sinusoidal": lambda: sinusoidal(3, 4, like=like),
        "sinusoidal_shift": lambda: sinusoidal_shift(4, 1, like=like),
        "alibi_slopes": lambda: alibi_slopes(4, like=like),
        "alibi_bias": lambda: alibi_bias(4, 3, like=like),
    }.items():
        with pytest.raises(TypeError, match=f"{name}: like needs a floating dtype; got like .*(int|bool)"):
            call()
    assert distances(2, like=like).shape == frequencies(4, like=like).shape * 2 == (2, 2)


def test_empty_axes():
    """Do no positions, no sequences and no clocks give empty arrays?"""
    assert sinusoidal(0, 4).shape == (0, 4) and sinusoidal(3, 0).shape == (3, 0) and sinusoidal_shift(0, 1).size == 0
    assert distances(0, past=3).shape == (0, 3) and alibi_bias(2, 0).shape == (2, 0, 0)
    assert relative_bias(np.ones((0, 3)), 2).shape == (0, 2, 2) and learned([], np.ones((3, 2))).shape == (0, 2)
    assert rope(x[:, :, :0]).shape == (B, H, 0, D) and rope(x[:0], [1, 2, 3, 4, 5]).shape == (0, H, N, D)
    np.testing.assert_array_equal(rotate(x, np.ones((N, 0)), np.ones((N, 0))), x)


def test_sizes_of_numpy_do_not_overflow():
    """Are sizes of one byte counted as Python's are?"""
    small = np.uint8
    np.testing.assert_array_equal(distances(small(200), past=np.int8(100)), distances(200, past=100))
    np.testing.assert_array_equal(alibi_slopes(small(200)), alibi_slopes(200))
    np.testing.assert_array_equal(sinusoidal(small(200), small(250), np.int16(10000)), sinusoidal(200, 250))
    np.testing.assert_array_equal(sinusoidal_shift(small(250), np.int8(-3)), sinusoidal_shift(250, -3))
    np.testing.assert_array_equal(rope(x, rotary_dim=small(4), base=np.float32(500)), rope(x, rotary_dim=4, base=500))


@pytest.mark.parametrize("interleaved", [False, True])
def test_layouts_of_what_turns(interleaved):
    """Do views of queries, positions and angles in every layout turn as their copies do?"""
    places, (cos, sin) = np.array([[3, 1, 4, 0, 2], [5, 9, 2, 6, 5]]), rng.normal(size=(2, N, D // 2))
    turn = dict(interleaved=interleaved, rotary_dim=6)
    same_in_every_layout(lambda q: rope(q, **turn), q)
    same_in_every_layout(lambda q, p: rope(q, p[:, None], **turn), q, places)
    same_in_every_layout(lambda q, c, s: rotate(q, c, s, interleaved), q, cos, sin)


@pytest.mark.parametrize("d, factor, length, base, fast, slow", [
    (64, 4.0, 2048, 10000.0, 32, 1), (128, 40.0, 4096, 10000.0, 32, 1), (8, 16.0, 4096, 500000.0, 32, 1),
    (64, 1.0, 512, 10000.0, 32, 1), (6, 2.0, 40, 100.0, 3, 2), (32, 8.0, 100000, 50.0, 64, 0.5), (2, 4.0, 8, 9.0, 2, 1),
])
def test_yarn_is_hugging_faces(d, factor, length, base, fast, slow):
    """Are frequencies and attention factor those of Transformers, and turned queries those of its Llama?"""
    scaling = {"rope_type": "yarn", "rope_theta": base, "factor": factor, "beta_fast": fast, "beta_slow": slow,
               "original_max_position_embeddings": length}
    config = LlamaConfig(hidden_size=2 * d, num_attention_heads=2, head_dim=d, rope_parameters=scaling,
                         max_position_embeddings=int(factor * length))
    theirs, stretch = ROPE_INIT_FUNCTIONS["yarn"](config)
    clocks, ours = yarn(d, factor, length, base, fast, slow)
    np.testing.assert_allclose(clocks, theirs.numpy(), rtol=1e-5)
    assert ours == pytest.approx(stretch)
    x, places = np.random.default_rng(d).normal(size=(1, 2, 3, d)), np.array([[0, 7, 300]])
    cos, sin = modeling_llama.LlamaRotaryEmbedding(config)(torch.from_numpy(x), torch.from_numpy(places))
    turned, _ = modeling_llama.apply_rotary_pos_emb(*[torch.from_numpy(x)] * 2, cos, sin)
    turns = rope(x, places[:, None], frequencies=clocks, factor=ours)
    np.testing.assert_allclose(turns, turned.numpy(), rtol=1e-3, atol=1e-3)


def test_yarn_keeps_the_fast_and_slows_the_slow(twins):
    """Do fast pairs keep their frequency, slow ones turn no farther than in training, and factor 1 change nothing?"""
    twins(lambda like: yarn(64, 8, 2048, like=like)[0], np.ones(1))
    clocks, _ = yarn(64, 8, 2048)
    turns = 2048 * frequencies(64) / (2 * np.pi)
    np.testing.assert_array_equal(clocks[turns > 64], frequencies(64)[turns > 64])
    np.testing.assert_allclose(8 * clocks[turns < 0.5], frequencies(64)[turns < 0.5])
    unchanged, stretch = yarn(64, 1, 2048)
    np.testing.assert_allclose(unchanged, frequencies(64))
    assert stretch == 1
    np.testing.assert_array_equal(rope(q, frequencies=frequencies(D)), rope(q))
    half = rope(q, frequencies=frequencies(4), factor=2.0)
    np.testing.assert_allclose(half[..., :4], 2 * rope(q, rotary_dim=4)[..., :4])
    np.testing.assert_array_equal(half[..., 4:], q[..., 4:])


def test_layouts_and_pytorchs_transforms():
    """Do views in every layout give the same, and do the functions compile whole, trace and map?"""
    table, places = rng.normal(size=(H, 5)), np.array([[3, 1, 4, 0, 2], [5, 9, 2, 6, 5]])
    cos, sin = rng.normal(size=(2, N, D // 2))
    same_in_every_layout(lambda t: relative_bias(t, N), table)
    same_in_every_layout(learned, places % 3, table)
    q_, table, places, cos, sin = map(torch.from_numpy, (q, table, places, cos, sin))
    same_in_pytorch(rope, q_)
    same_in_pytorch(lambda q: rope(q, [3, 4, 5, 6, 7], interleaved=True), q_)
    same_in_pytorch(lambda q, p: rope(q, p), q_[:, 0], places)
    same_in_pytorch(lambda q: rotate(q, cos, sin), q_)
    same_in_pytorch(lambda t: relative_bias(t, N, past=1), table[None].expand(2, -1, -1)[0], batched=False)
    same_in_pytorch(lambda p: learned(p % 3, table), places)
    for make in (lambda x: distances(x.shape[0], like=x), lambda x: sinusoidal(x.shape[0], 6, like=x),
                 lambda x: sinusoidal_shift(6, 2, like=x), lambda x: alibi_bias(6, x.shape[0], causal=True, like=x)):
        same_in_pytorch(make, table, batched=False)


def test_tensors_give_what_arrays_give(twins):
    """Do the functions agree between arrays and tensors, in every dtype?"""
    for past in (0, 2):
        twins(distances, N, M, past, like=like)
        twins(relative_bias, rng.normal(size=(H, 5)), N, past=past)
    twins(learned, np.array([[0, 3], [2, 2]]), rng.normal(size=(4, 3)))
    for dtype, digits in ((np.float64, 1e-12), (np.float32, 1e-6), (np.float16, 1e-3)):
        kind, options = np.zeros(1, dtype), dict(rtol=digits, atol=digits)
        twins(sinusoidal, 40, 6, 500, like=kind, **options)
        twins(sinusoidal_shift, 6, -3, like=kind, **options)
        twins(alibi_slopes, 6, like=kind, **options)
        for causal in (False, True):
            twins(alibi_bias, 6, N, past=2, causal=causal, like=kind, **options)
        for interleaved in (False, True):
            turn = x.astype(dtype)
            twins(rope, turn, interleaved=interleaved, rotary_dim=6, **options)
            twins(rope, turn, np.arange(3, 3 + N), base=70, interleaved=interleaved, **options)
    twins(rope, x, [[[7]], [[9]]])


def test_bfloat16(device):
    """Is bfloat16 turned in float32, and does it stay bfloat16?"""
    narrow = torch.from_numpy(x).to(device, torch.bfloat16)
    turned = rope(narrow, interleaved=True)
    assert turned.dtype == torch.bfloat16
    torch.testing.assert_close(turned, rope(narrow.float(), interleaved=True).bfloat16(), rtol=0, atol=0)
    assert sinusoidal(3, 4, like=narrow).dtype == torch.bfloat16


@pytest.mark.parametrize("interleaved", [False, True])
def test_gradients(interleaved, device):
    """Do gradients go back through the rotation, the tables and the bias?"""
    inputs = torch.from_numpy(x[:1, :1]).to(device).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: rope(x, rotary_dim=4, interleaved=interleaved), inputs)
    table = torch.from_numpy(rng.normal(size=(H, 3))).to(device).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: relative_bias(t, 4), table)
    assert torch.autograd.gradcheck(lambda t: learned([1, 1, 2], t), table)


def test_inputs_are_left_alone():
    """Is x the same afterwards, also where nothing turns?"""
    before = x.copy()
    rope(x, interleaved=True)[:] = 9
    rope(x, rotary_dim=2)[:] = 9
    np.testing.assert_array_equal(x, before)


def test_without_positions_order_is_lost_and_with_them_it_is_not():
    """Do swapped words get swapped outputs without positions, and other outputs with each kind?"""
    sentence, swap = rng.normal(size=(4, D)), [3, 1, 2, 0]
    table = rng.normal(size=(4, D))
    np.testing.assert_allclose(attention(*[sentence[swap]] * 3), attention(*[sentence] * 3)[swap])
    kinds = {
        "sinusoidal": lambda s: attention(*[s + sinusoidal(4, D)] * 3),
        "learned": lambda s: attention(*[s + learned(range(4), table)] * 3),
        "relative": lambda s: attention(*[s[None]] * 3, bias=relative_bias(table[:1, :3], 4))[0],
        "alibi": lambda s: attention(*[s[None]] * 3, bias=alibi_bias(1, 4))[0],
        "rope": lambda s: attention(rope(s), rope(s), s),
    }
    for name, mix in kinds.items():
        assert not np.allclose(mix(sentence[swap]), mix(sentence)[swap]), name


n, i = np.arange(N)[:, None], np.arange(D // 2)
P, turned = sinusoidal(N, D), rope(q)
angles, halved = n * 10000.0 ** (-2 * i / D), n * 10000.0 ** (-i / D)
merged = q.swapaxes(1, 2).reshape(B, N, H * D)
SLIPS = {
    "P1: sines, then cosines": (P, np.concatenate([np.sin(angles), np.cos(angles)], -1)),
    "P2: exponent i/d": (P, np.stack([np.sin(halved), np.cos(halved)], -1).reshape(N, D)),
    "P3: the sign of the power": (P, sinusoidal(N, D, base=1 / 10000)),
    "positions from one": (P, sinusoidal(N + 1, D)[1:]),
    "a shift backwards": (sinusoidal_shift(D, 2), sinusoidal_shift(D, 2).T),
    "P11: halves paired, neighbours turned": (turned, rope(q, interleaved=True)),
    "P13: turned before the split": (turned, rope(merged).reshape(B, N, H, D).swapaxes(1, 2)),
    "P14: positions start again": (rope(q[:, :, 3:], [3, 4]), rope(q[:, :, 3:])),
    "turned backwards": (turned, rope(q, -np.arange(N))),
    "P12: values turned too": (attention(turned, rope(k), v), attention(turned, rope(k), rope(v))),
    "P15: the sign of the slope": (alibi_bias(H, N), -alibi_bias(H, N)),
    "P15: slopes of a power of two": (alibi_slopes(6), 2.0 ** (-8 * np.arange(1, 7) / 6)),
    "P15: the next power of two, cut short": (alibi_slopes(6), alibi_slopes(8)[:6]),
    "relative distances reversed": (relative_bias(P[:3, :5], N), relative_bias(P[:3, :5], N).swapaxes(1, 2)),
}


@pytest.mark.parametrize("right, wrong", SLIPS.values(), ids=SLIPS)
def test_slips_differ(right, wrong):
    """Does each known slip give something else?"""
    assert right.shape != wrong.shape or not np.allclose(right, wrong)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: sinusoidal(3, 5), ValueError, "the width must be even; got 5"),
        (lambda: sinusoidal_shift(7, 1, like=torch.ones(1)), ValueError, "the width must be even; got 7"),
        (lambda: sinusoidal(3.0, 4), TypeError, "sinusoidal: N must be a whole number, 0 or more. Got 3.0"),
        (lambda: sinusoidal(3, 4, base=0), ValueError, "sinusoidal: base must be a finite number above 0. Got 0"),
        (lambda: sinusoidal(3, 4, like=[1.0]), TypeError, "sinusoidal: like must be an array or a tensor; got list"),
        (lambda: sinusoidal_shift(4, "1"), TypeError, "sinusoidal_shift: k must be a finite number. Got '1'"),
        (lambda: frequencies(5), ValueError, "frequencies: positions turn .* the width must be even; got 5"),
        (lambda: distances(3, past=-1), ValueError, "distances: past must be a whole number, 0 or more"),
        (lambda: alibi_bias(2, 3, 2.0), TypeError, "alibi_bias: M must be a whole number, 0 or more. Got 2.0"),
        (lambda: alibi_bias(2, 3, causal=1), TypeError, "alibi_bias: causal must be True or False. Got 1"),
        (lambda: alibi_bias(2.0, 3), TypeError, "alibi_bias: heads must be a whole number, 1 or more. Got 2.0"),
        (lambda: relative_bias(np.ones((3, 5)), 3, past=None), TypeError, "relative_bias: past must be a whole number"),
        (lambda: relative_bias([[1.0]], 3), TypeError, "relative_bias: table must be an array or a tensor; got list"),
        (lambda: learned([None], np.ones((3, 2))), TypeError, "learned: positions must be numbers, .* Got list"),
        (lambda: learned([True], np.ones((3, 2))), TypeError, r"learned: positions must be whole numbers; got bool"),
        (lambda: rope(x, rotary_dim=0), ValueError, "rope: rotary_dim must be from 2 to 8"),
        (lambda: rope(x, rotary_dim=2.0), TypeError, "rope: rotary_dim must be a whole number, 0 or more. Got 2.0"),
        (lambda: rope(x, frequencies=[1.0]), TypeError, "rope: frequencies must be an array or a tensor; got list"),
        (lambda: rope(x, frequencies=np.ones(5)), ValueError, "rope: rotary_dim must be from 2 to 8, .* got 10"),
        (lambda: rope(x, frequencies=np.ones(3), rotary_dim=4), ValueError, "one number for each of 2 pairs .* got 3"),
        (lambda: rope(x, frequencies=np.ones(4, int)), TypeError, "rope: frequencies needs a floating dtype"),
        (lambda: rope(x, factor=0), ValueError, "rope: factor must be a finite number above 0. Got 0"),
        (lambda: yarn(7, 2, 64), ValueError, "yarn: positions turn .* the width must be even; got 7"),
        (lambda: yarn(8, 0.5, 64), ValueError, "yarn: factor needs to be 1 or more, .* Got factor=0.5"),
        (lambda: yarn(8, 2, 64, beta_fast=1), ValueError,
         "yarn: .* beta_fast above beta_slow, .* beta_fast=1, beta_slow=1"),
        (lambda: yarn(8, 2, 64.0), TypeError, "yarn: length must be a whole number, 1 or more. Got 64.0"),
        (lambda: rope(x, base=-1), ValueError, "rope: base must be a finite number above 0. Got -1"),
        (lambda: rope(x, [True] * N), TypeError, "rope: positions must be real numbers; got bool"),
        (lambda: rope(x, ["a"] * N), TypeError, "rope: positions must be numbers, .* Got list"),
        (lambda: rope(x, torch.arange(N)), TypeError, "rope: tensors and arrays do not mix; got positions Tensor"),
        (lambda: rope(x.tolist()), TypeError, "rope: x must be an array or a tensor; got list"),
        (lambda: rope(x, interleaved=1), TypeError, "rope: interleaved must be True or False. Got 1"),
        (lambda: rope(x[0, 0, 0]), ValueError, r"rope: x needs 2 axes or more, \(..., N, d\). Got x \(8,\)"),
        (lambda: rotate(x, np.ones((N, 4), int), np.ones((N, 4), int)), TypeError,
         "rotate: cos and sin need one floating dtype; got cos int64, sin int64"),
        (lambda: learned([0, 128], np.ones((128, 2))), IndexError, r"position 128 is outside 0\.\.127;"),
        (lambda: learned(torch.tensor([-1]), torch.ones(2, 2)), IndexError, r"learned: position -1 is outside 0\.\.1"),
        (lambda: learned([0.0], np.ones((1, 2))), TypeError, r"positions must be whole numbers; got float64 \(1,\)"),
        (lambda: relative_bias(np.ones((3, 4)), 5), ValueError, r"\(H, 2k \+ 1\), an odd width. Got \(3, 4\)"),
        (lambda: relative_bias(torch.ones(3), 5), ValueError, r"Got \(3,\)"),
        (lambda: alibi_slopes(0), ValueError, "alibi_slopes: heads must be a whole number, 1 or more. Got heads=0"),
        (lambda: rope(x, rotary_dim=10), ValueError,
         "rotary_dim must be from 2 to 8, the number of columns of x; got 10"),
        (lambda: rope(x, rotary_dim=3), ValueError, "the width must be even; got 3"),
        (lambda: rope(x, np.zeros((B, N))), ValueError,
         r"positions \(2, 5\) do not broadcast to the rows \(2, 3, 5\) of x \(2, 3, 5, 8\).* positions\[:, None\]"),
        (lambda: rope(torch.from_numpy(x), torch.arange(4)), ValueError, r"positions \(4,\) do not broadcast"),
        (lambda: rope(x[0, 0], np.zeros((B, N))), ValueError, r"do not broadcast to the rows \(5,\)"),
        (lambda: rope(np.ones((2, 2), int)), TypeError, "rope: x needs a floating dtype; got x int64"),
        (lambda: rope(torch.ones(2, 2).long()), TypeError, "rope: x needs a floating dtype; got x torch.int64"),
        (lambda: rotate(x, np.ones((N, 5)), np.ones((N, 5))), ValueError, r"r at most 8. Got x .* cos \(5, 5\)"),
        (lambda: rotate(x, np.ones((N, 4)), np.ones((N, 3))), ValueError, r"need one shape.* sin \(5, 3\)"),
        (lambda: rotate(x, np.ones((4, 4)), np.ones((4, 4))), ValueError, r"broadcast to \(2, 3, 5, 4\). Got x"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name what it received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
