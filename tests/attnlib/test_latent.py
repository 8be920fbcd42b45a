import functools

import numpy as np
import pytest
import torch

from attnlib.latent import cached_numbers, latent_attention
from attnlib.masks import padding
from attnlib.positions import rope
from tests.attnlib.draws import B, N, draw
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

D, H, R, T, K, V, Q = 10, 3, 6, 4, 5, 2, 7
FORMS = [False, True]
interleaved = functools.partial(rope, interleaved=True)


def drawn(compressed=False, norms=False, dtype=np.float64):
    """Parameters of three heads with keys of 5 + 4 and values of 2, from latent vectors of 6."""
    rows = Q if compressed else D
    shapes = {
        "W_dkv": (D, R), "W_uk": (R, H * K), "W_uv": (R, H * V), "W_kr": (D, T), "W_q": (rows, H * K),
        "W_qr": (rows, H * T), "W_o": (H * V, D),
    }
    if compressed:
        shapes["W_dq"] = (D, Q)
    if norms:
        shapes["kv_norm.gain"] = (R,)
        if compressed:
            shapes["q_norm.gain"] = (Q,)
    return {name: draw(*shape, seed=i, dtype=dtype) / 2 for i, (name, shape) in enumerate(shapes.items())}


def numbers(x, parameters, **options):
    """The output alone."""
    return latent_attention(x, parameters, heads=H, **options)[0]


X = draw(B, N, D, seed=20)


@pytest.mark.slow
@pytest.mark.parametrize("absorbed", FORMS)
@pytest.mark.parametrize("compressed", [False, True])
def test_it_is_deepseeks_layer(compressed, absorbed):
    """Given the same matrices, does Transformers' DeepSeek-V3 attention give the same, queries compressed or not?"""
    from transformers.models.deepseek_v3 import modeling_deepseek_v3 as theirs

    config = theirs.DeepseekV3Config(
        hidden_size=D, num_attention_heads=H, num_key_value_heads=H, q_lora_rank=Q if compressed else None,
        kv_lora_rank=R, qk_rope_head_dim=T, qk_nope_head_dim=K, v_head_dim=V, num_hidden_layers=1,
        attn_implementation="eager", rope_interleave=True,
    )
    layer = theirs.DeepseekV3Attention(config, layer_idx=0).double()
    W = drawn(compressed, norms=True)

    def columns(left, right, width_left, width_right):
        """The columns of two matrices, head by head, as theirs lie."""
        left, right = left.reshape(len(left), -1, width_left), right.reshape(len(right), -1, width_right)
        return np.concatenate([left, right], -1).reshape(len(left), -1)

    values = {
        "kv_a_proj_with_mqa.weight": np.concatenate([W["W_dkv"], W["W_kr"]], 1).T,
        "kv_a_layernorm.weight": W["kv_norm.gain"],
        "kv_b_proj.weight": columns(W["W_uk"], W["W_uv"], K, V).T,
        "o_proj.weight": W["W_o"].T,
        "q_b_proj.weight" if compressed else "q_proj.weight": columns(W["W_q"], W["W_qr"], K, T).T,
    }
    if compressed:
        values |= {"q_a_proj.weight": W["W_dq"].T, "q_a_layernorm.weight": W["q_norm.gain"]}
    layer.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in values.items()})
    positions = theirs.DeepseekV3RotaryEmbedding(config)(torch.from_numpy(X), torch.arange(N)[None])
    hidden = torch.full((N, N), -torch.inf, dtype=torch.float64).triu(1)[None, None]
    with torch.no_grad():
        expected, _ = layer(torch.from_numpy(X), position_embeddings=positions, attention_mask=hidden)
    got = numbers(X, W, absorbed=absorbed, turn=interleaved)
    np.testing.assert_allclose(got, expected, atol=1e-6)                # their angles are float32
    assert abs(numbers(X, W, absorbed=absorbed) - got).max() > 1e-3     # pairs of halves are another layer


def by_the_formula(x, W, turn):
    """Eqs. 9 to 19 for one sequence, one head and one token after another."""
    positions, out = np.arange(len(x)), np.zeros((len(x), H * V))
    latent, turned = x @ W["W_dkv"], turn(x @ W["W_kr"], positions)
    source = x @ W["W_dq"] if "W_dq" in W else x
    for head in range(H):
        k, v = latent @ W["W_uk"][:, head * K : (head + 1) * K], latent @ W["W_uv"][:, head * V : (head + 1) * V]
        q = source @ W["W_q"][:, head * K : (head + 1) * K]
        turned_q = turn(source @ W["W_qr"][:, head * T : (head + 1) * T], positions)
        for t in positions:
            scores = (k[: t + 1] @ q[t] + turned[: t + 1] @ turned_q[t]) / np.sqrt(K + T)
            powers = np.exp(scores)
            out[t, head * V : (head + 1) * V] = powers / powers.sum() @ v[: t + 1]
    return out @ W["W_o"]


@pytest.mark.parametrize("turn", [rope, interleaved])
@pytest.mark.parametrize("compressed", [False, True])
def test_both_forms_are_the_papers_formula(compressed, turn):
    """Do both forms give what loops over heads and tokens give, from the formula; would another scale not?"""
    W = drawn(compressed)
    expected = by_the_formula(X[0], W, turn)
    for absorbed in FORMS:
        np.testing.assert_allclose(numbers(X[0], W, absorbed=absorbed, turn=turn), expected, atol=1e-12)
    larger = W | {"W_q": W["W_q"] * np.sqrt((K + T) / K), "W_qr": W["W_qr"] * np.sqrt((K + T) / K)}
    assert abs(numbers(X[0], larger, turn=turn) - expected).max() > 1e-3    # 1 / sqrt(K) instead of 1 / sqrt(K + T)


@pytest.mark.parametrize("absorbed", FORMS)
@pytest.mark.parametrize("parts", [[2, 3, 7], [0, 1, 1], []])
def test_token_by_token_is_all_at_once(parts, absorbed):
    """Fed in parts with the cache of before, in either form, is the output that of all tokens at once?"""
    W, x = drawn(norms=True), draw(B, 9, D, seed=21)
    whole, all_kept = latent_attention(x, W, heads=H)
    cache, outs = None, []
    for part in np.split(np.arange(9), parts):
        out, cache = latent_attention(x[:, part], W, heads=H, cache=cache, absorbed=absorbed)
        outs.append(out)
    np.testing.assert_allclose(np.concatenate(outs, 1), whole, atol=1e-12)
    np.testing.assert_allclose(cache, all_kept, atol=1e-12)
    late = latent_attention(x[:, 1:], W, heads=H, cache=all_kept[:, :1] * 0)[0]
    assert abs(late - whole[:, 1:]).max() > 1e-3                        # the cache is read


def test_the_cache_is_what_the_table_counts():
    """Is the cache as wide as table 1 says, and the layer's output unchanged if only it is kept?"""
    _, cache = latent_attention(X, drawn(), heads=H)
    assert cache.shape == (B, N, cached_numbers(heads=H, width=K, groups=1, rank=R, turned=T)["latent"])


def test_the_papers_table():
    """Are DeepSeek-V2's 576 numbers those of 2.25 groups, as the paper says?"""
    counted = cached_numbers(heads=128, width=128, groups=4, rank=4 * 128, turned=64)
    assert counted["latent"] / (2 * 128) == 2.25 and counted["multi-head"] == 32_768
    assert counted["grouped"] == 4 * counted["multi-query"]


@pytest.mark.parametrize("absorbed", FORMS)
def test_the_distance_alone_counts(absorbed):
    """Shifted to later positions, cache and tokens alike, is the output the same: is the turned key relative?"""
    W = drawn()

    def later(x, positions):
        return rope(x, [position + 17 for position in positions])

    np.testing.assert_allclose(numbers(X, W, turn=later, absorbed=absorbed), numbers(X, W), atol=1e-10)
    still = numbers(X, W, turn=lambda x, positions: x)
    assert abs(still - numbers(X, W)).max() > 1e-3                      # without turning, nothing tells the order


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("spoiled", [1.0, np.nan, np.inf])
@pytest.mark.parametrize("absorbed", FORMS)
def test_later_tokens_change_nothing(absorbed, spoiled, kind):
    """Does a later token, or one that the mask hides, NaN or not, leave the output as it was, and change all others?"""
    W, mask, other = {name: kind(value) for name, value in drawn().items()}, np.ones((N, N), bool), X.copy()
    other[:, 3] += spoiled
    with np.errstate(invalid="ignore"):
        before, after = (np.asarray(numbers(kind(x), W, absorbed=absorbed)) for x in (X, other))
        np.testing.assert_allclose(after[:, :3], before[:, :3], atol=1e-12)
        assert not (abs(after[:, 3:] - before[:, 3:]) < 1e-6).any()
        mask[4, 3] = False
        before, after = (numbers(kind(x), W, absorbed=absorbed, mask=kind(mask)) for x in (X, other))
    np.testing.assert_allclose(after[:, 4], before[:, 4], atol=1e-12)


@pytest.mark.parametrize("absorbed", FORMS)
def test_padding_is_hidden(absorbed):
    """With padding before in the cache hidden, is the output that of a sequence without it, up to its positions?"""
    W = drawn()
    mask = padding([3, 5], N)[:, :, :, ::-1]                            # the last 3, or 5, of the tokens are real
    got = numbers(X, W, mask=mask, absorbed=absorbed)
    np.testing.assert_allclose(got[0, 2:], numbers(X[0, 2:], W), atol=1e-10)    # later positions, the same distances
    assert (got[0, :2] == 0).all()                                      # they may look at nothing


@pytest.mark.parametrize("absorbed", FORMS)
@pytest.mark.parametrize("dtype, tolerance", [("float16", 1e-2), ("float32", 1e-5), ("float64", 1e-12)])
def test_tensors_give_what_arrays_give(dtype, tolerance, absorbed, twins, device):
    """Do tensors give what arrays give, in the dtype of the inputs, with a cache and a mask?"""
    W, x = drawn(True, True, dtype), X.astype(dtype)
    tensors = {name: torch.from_numpy(value).to(device) for name, value in W.items()}

    def form(x, mask, cache=None):
        parameters = tensors if isinstance(x, torch.Tensor) else W
        return latent_attention(x, parameters, heads=H, cache=cache, mask=mask, absorbed=absorbed)

    exact = {"rtol": tolerance, "atol": tolerance}
    _, cache = form(x[:, :2], None)
    twins(form, x[:, :2], None, **exact)
    twins(form, x[:, 2:], draw(B, 1, 3, N) > -1, cache, **exact)
    twins(form, x[:, :0], None, **exact)


@pytest.mark.slow
@pytest.mark.parametrize("absorbed", FORMS)
def test_layouts_pytorch_and_gradients(absorbed):
    """Does the layout in memory not matter; does it compile, trace, map over a batch and have right gradients?"""
    W = drawn(True, True)
    names = list(W)

    def form(x, *values):
        return latent_attention(x, dict(zip(names, values)), heads=H, absorbed=absorbed)

    same_in_every_layout(form, X, *W.values(), atol=1e-10)
    tensors = [torch.from_numpy(value) for value in W.values()]
    same_in_pytorch(lambda x: form(x, *tensors), torch.from_numpy(X))
    given = [tensor.requires_grad_() for tensor in (torch.from_numpy(X), *tensors)]
    assert torch.autograd.gradcheck(form, given, fast_mode=True)


W, C = drawn(), np.ones((B, 2, R + T))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: latent_attention(X, {}, heads=H), ValueError, "parameters are W_dkv, .*; W_dkv, W_uk, .* missing"),
        (lambda: latent_attention(X, W | {"W_o": W["W_o"][:, :4]}, heads=H), ValueError, "need the same d; it is"),
        (lambda: latent_attention(X, W | {"W_k": W["W_q"]}, heads=H), ValueError, "W_k not among them"),
        (lambda: latent_attention(X, W | {"q_norm.gain": np.ones(D)}, heads=H), ValueError, "q_norm.gain not among"),
        (lambda: latent_attention(X, list(W), heads=H), TypeError, "parameters must be a dict of arrays. Got list"),
        (lambda: latent_attention(X[..., :3], W, heads=H), ValueError, "need the same d; it is 3 and 10"),
        (lambda: latent_attention(X[0, 0], W, heads=H), ValueError, "x needs 2 axes or more"),
        (lambda: latent_attention(X, W | {"W_uk": W["W_uk"][:4]}, heads=H), ValueError, "W_dkv .* need the same r"),
        (lambda: latent_attention(X, W | {"W_q": W["W_q"][:, :12]}, heads=H), ValueError, "need the same k"),
        (lambda: latent_attention(X, W | {"W_qr": W["W_q"]}, heads=H), ValueError,
         r"the columns of W_qr must be 3 times 4, the width of W_kr. Got W_qr \(10, 15\), W_kr \(10, 4\)"),
        (lambda: latent_attention(X, W, heads=2), ValueError, "the columns of W_uk must be a multiple of 2. Got W_uk"),
        (lambda: latent_attention(X, W, heads=0), ValueError, "heads must be a whole number, 1 or more"),
        (lambda: latent_attention(X, W, heads=3.0), TypeError, "heads must be a whole number"),
        (lambda: latent_attention(X, W | {"W_kr": W["W_kr"][:, :3], "W_qr": W["W_qr"][:, :9]}, heads=H), ValueError,
         "W_kr must have an even number. Got 3"),
        (lambda: latent_attention(X, W, heads=H, cache=C[..., :3]), ValueError, r"cache must be \(2, P, 10\), .*3\)"),
        (lambda: latent_attention(X, W, heads=H, cache=C[0]), ValueError, r"cache must be \(2, P, 10\)"),
        (lambda: latent_attention(X, W, heads=H, cache=C.astype("f4")), TypeError, "cache float32"),
        (lambda: latent_attention(X, W, heads=H, cache=C.tolist()), TypeError, "cache must be an array or a tensor"),
        (lambda: latent_attention(X, W, heads=H, mask=C > 0), ValueError, r"mask \(2, 2, 10\) does .* with no cache"),
        (lambda: latent_attention(X, W, heads=H, mask=np.ones((N, N))), TypeError, "mask must be bool"),
        (lambda: latent_attention(X, W, heads=H, mask=[True]), TypeError, "mask must be an array or .*got list"),
        (lambda: latent_attention(X, W, heads=H, absorbed=1), TypeError, "absorbed must be True or False"),
        (lambda: latent_attention(X, W, heads=H, turn=None), TypeError, "turn must be a function"),
        (lambda: latent_attention(X.astype(int), W, heads=H), TypeError, "one floating dtype; got x int64"),
        (lambda: latent_attention(X, W | {"W_o": W["W_o"].astype("f4")}, heads=H), TypeError, "W_o float32"),
        (lambda: latent_attention(torch.from_numpy(X), W, heads=H), TypeError, "do not mix"),
        (lambda: latent_attention(X, W | {"W_o": None}, heads=H), TypeError, "W_o must be an array or a tensor"),
    ],
)
def test_errors_of_latent_attention(call, kind, message):
    """Does an error start with the name and say what came?"""
    with pytest.raises(kind, match=f"^latent_attention: .*{message}"):
        call()


@pytest.mark.parametrize(
    "change, kind, message",
    [
        ({"heads": 0}, ValueError, "heads must be a whole number, 1 or more"),
        ({"rank": 1.5}, TypeError, "rank must be a whole number"),
        ({"groups": 3}, ValueError, "8 heads cannot share 3 groups evenly"),
    ],
)
def test_errors_of_cached_numbers(change, kind, message):
    """Does an error start with the name and say what came?"""
    sizes = {"heads": 8, "width": 4, "groups": 2, "rank": 16, "turned": 4}
    with pytest.raises(kind, match=f"^cached_numbers: .*{message}"):
        cached_numbers(**(sizes | change))
