import numpy as np
import pytest
import torch

from attnlib import transformer
from attnlib.attention import attention
from attnlib.interop import from_multihead
from attnlib.layers import layer_norm, linear, mlp, rms_norm, silu
from attnlib.positions import alibi_bias, relative_bias, rope
from attnlib.transformer import (
    attention_layer,
    block,
    caches,
    decoder,
    decoder_block,
    encoder,
    part,
    project,
)
from attnlib.weights import relu_weights
from tests.attnlib.draws import draw

B, N, M, D, HEADS = 2, 5, 7, 12, 3


def arrays(parameters):
    return {name: value.detach().numpy() for name, value in parameters.items()}


def ours(layer):
    """The parameters of a torch.nn.TransformerEncoderLayer or DecoderLayer under our names."""
    crossing = hasattr(layer, "multihead_attn")
    parts = {"attention": layer.self_attn} | ({"cross": layer.multihead_attn} if crossing else {})
    parameters = {}
    for name, home in parts.items():
        parameters |= {f"{name}.{key}": w for key, w in from_multihead(home.state_dict()).items()}
    for i, name in enumerate([*parts, "mlp"], 1):
        norm = getattr(layer, f"norm{i}")
        parameters |= {f"{name}_norm.gain": norm.weight, f"{name}_norm.shift": norm.bias}
    parameters |= {"mlp.W_in": layer.linear1.weight.T, "mlp.b_in": layer.linear1.bias}
    return arrays(parameters | {"mlp.W_out": layer.linear2.weight.T, "mlp.b_out": layer.linear2.bias})


def theirs(kind, norm_first, dtype=torch.float64):
    """A torch layer of random parameters, biases and gains included, without dropout."""
    torch.manual_seed(1)
    layer = kind(D, HEADS, 20, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm_first, dtype=dtype)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return layer


PADDED = np.arange(N) < np.array([[N], [N - 2]])  # (B, N), True where there is a token


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("masks", ["none", "padding", "causal"])
def test_block_is_torchs_encoder_layer(norm_first, masks):
    """With the same parameters, does a block compute what torch.nn.TransformerEncoderLayer does?"""
    layer, x = theirs(torch.nn.TransformerEncoderLayer, norm_first), draw(B, N, D)
    blocked = {"padding": {"src_key_padding_mask": torch.from_numpy(~PADDED)},
               "causal": {"src_mask": torch.ones(N, N, dtype=bool).triu(1), "is_causal": True}}.get(masks, {})
    allowed = {"padding": {"mask": PADDED[:, None, None]}, "causal": {"causal": True}}.get(masks, {})
    expected = layer.train()(torch.from_numpy(x), **blocked).detach().numpy()
    got = block(x, ours(layer), heads=HEADS, norm_first=norm_first, **allowed)
    np.testing.assert_allclose(got, expected, atol=1e-10)


@pytest.mark.parametrize("norm_first", [True, False])
def test_decoder_block_is_torchs_decoder_layer(norm_first):
    """With the same parameters and padding in both inputs, is a decoder block torch.nn.TransformerDecoderLayer?"""
    layer, x, context = theirs(torch.nn.TransformerDecoderLayer, norm_first), draw(B, N, D), draw(B, M, D, seed=1)
    context_real = np.arange(M) < np.array([[M], [3]])
    expected = layer(
        torch.from_numpy(x), torch.from_numpy(context),
        tgt_mask=torch.ones(N, N, dtype=bool).triu(1), tgt_key_padding_mask=torch.from_numpy(~PADDED),
        memory_key_padding_mask=torch.from_numpy(~context_real),
    ).detach().numpy()
    got = decoder_block(x, context, ours(layer), heads=HEADS, norm_first=norm_first,
                        mask=PADDED[:, None, None], context_mask=context_real[:, None, None])
    np.testing.assert_allclose(got, expected, atol=1e-10)


def stack(layers, norm):
    """The parameters of several torch layers and a last norm, as ours."""
    parameters = {f"blocks.{i}.{name}": w for i, layer in enumerate(layers) for name, w in ours(layer).items()}
    return parameters | ({} if norm is None else arrays({"norm.gain": norm.weight, "norm.shift": norm.bias}))


@pytest.mark.parametrize("last", [True, False])
def test_a_stack_is_torchs_stack(last):
    """Are the encoder and the decoder torch's, blocks in order, last norm or none?"""
    norm = torch.nn.LayerNorm(D, dtype=torch.float64) if last else None
    layer = theirs(torch.nn.TransformerEncoderLayer, True)
    up = torch.nn.TransformerEncoder(layer, 3, norm, enable_nested_tensor=False)
    down = torch.nn.TransformerDecoder(theirs(torch.nn.TransformerDecoderLayer, True), 3, norm)
    for i, parameter in enumerate([*up.parameters(), *down.parameters()]):  # torch copies one layer: tell them apart
        torch.manual_seed(i)
        torch.nn.init.normal_(parameter, std=0.4)
    x, y = draw(B, M, D), draw(B, N, D, seed=1)
    context = encoder(x, stack(up.layers, norm), heads=HEADS)
    np.testing.assert_allclose(context, up(torch.from_numpy(x)).detach().numpy(), atol=1e-9)
    hidden = torch.ones(N, N, dtype=bool).triu(1)
    expected = down(torch.from_numpy(y), torch.from_numpy(context), tgt_mask=hidden).detach().numpy()
    np.testing.assert_allclose(decoder(y, context, stack(down.layers, norm), heads=HEADS), expected, atol=1e-9)


def test_a_block_of_more_than_ten():
    """Is block 10 the eleventh, not the second?"""
    names = {f"blocks.{i}.at": i for i in range(12)}
    assert [own["at"] for own in transformer.blocks(names)] == list(range(12))


@pytest.mark.parametrize("variant", ["context", "causal", "norm"])
def test_tensors_go_through_the_same_layers(variant, device):
    """Given tensors and a dict of tensors, do the layers give what they give arrays?"""
    kind = torch.nn.TransformerDecoderLayer if variant == "context" else torch.nn.TransformerEncoderLayer
    parameters, x, context = ours(theirs(kind, True)), draw(B, N, D), draw(B, M, D, seed=1)

    def run(x, context, parameters):
        if variant == "context":
            return decoder_block(x, context, parameters, heads=HEADS)
        if variant == "causal":
            return block(x, parameters, heads=HEADS, causal=True)
        return block(x, parameters, heads=HEADS, norm_first=False)

    tensors = {name: torch.from_numpy(w).to(device) for name, w in parameters.items()}
    got = run(torch.from_numpy(x).to(device), torch.from_numpy(context).to(device), tensors)
    np.testing.assert_allclose(got.cpu().numpy(), run(x, context, parameters), atol=1e-10)


def test_one_sequence_or_a_batch():
    """Is a batch its sequences one by one, and does padding not reach the real tokens?"""
    parameters, x = ours(theirs(torch.nn.TransformerEncoderLayer, True)), draw(B, N, D)
    together = block(x, parameters, heads=HEADS, mask=PADDED[:, None, None])
    np.testing.assert_allclose(block(x[0], parameters, heads=HEADS), together[0], atol=1e-12)
    np.testing.assert_allclose(block(x[1, : N - 2], parameters, heads=HEADS), together[1, : N - 2], atol=1e-12)


def test_an_encoder_without_positions_is_equivariant():
    """Do the outputs move with the inputs when there is no mask?"""
    parameters, x = ours(theirs(torch.nn.TransformerEncoderLayer, True)), draw(N, D)
    order = np.random.default_rng(2).permutation(N)
    expected = block(x, parameters, heads=HEADS)[order]
    np.testing.assert_allclose(block(x[order], parameters, heads=HEADS), expected, atol=1e-12)


def test_a_decoder_block_hides_the_future_only_of_its_own():
    """Does a later input change no earlier output, while the last of context changes the first?"""
    parameters, x, context = ours(theirs(torch.nn.TransformerDecoderLayer, True)), draw(N, D), draw(M, D, seed=1)
    plain = decoder_block(x, context, parameters, heads=HEADS)
    late, other = x.copy(), context.copy()
    late[-1] += 1
    other[-1] += 1
    np.testing.assert_allclose(decoder_block(late, context, parameters, heads=HEADS)[:-1], plain[:-1], atol=1e-12)
    assert abs(decoder_block(x, other, parameters, heads=HEADS)[0] - plain[0]).max() > 1e-3


def slips(x, context, parameters):
    """Wrong layers that give the right shape: each the output of `attention_layer` got wrong."""
    own = part(parameters, "cross")
    q, k, v = project(x, own, heads=HEADS, context=context)
    mixed = attention(q, k, v)
    swapped, transposed = own | {"W_q": own["W_k"], "W_k": own["W_q"]}, own | {"W_q": own["W_q"].T}
    return {
        "W_q and W_k swapped": attention_layer(x, swapped, heads=HEADS, context=context),
        "W_o forgotten": mixed.swapaxes(-3, -2).reshape(B, N, D),
        "no swap of axes on the merge": linear(mixed.reshape(B, N, D), own["W_o"], own["b_o"]),
        "one head for all": attention_layer(x, own, heads=1, context=context),
        "a matrix as nn.Linear keeps it": attention_layer(x, transposed, heads=HEADS, context=context),
        "keys and values of x": attention_layer(x, own, heads=HEADS),
    }


def test_slips_give_something_else():
    """Is every known wrong multi-head layer different from ours?"""
    parameters, x, context = ours(theirs(torch.nn.TransformerDecoderLayer, True)), draw(B, N, D), draw(B, M, D, seed=1)
    right = attention_layer(x, part(parameters, "cross"), heads=HEADS, context=context)
    for name, wrong in slips(x, context, parameters).items():
        assert abs(wrong - right).max() > 1e-2, name


def test_grouped_heads_share_neighbouring_keys():
    """Do two query heads that share a key head give what they give with the key head written twice?"""
    x, own = draw(N, D), {"W_q": draw(D, 12, seed=1), "W_o": draw(12, D, seed=2)}
    K, V = draw(D, 2, 3, seed=3), draw(D, 2, 3, seed=4)
    shared = attention_layer(x, own | {"W_k": K.reshape(D, 6), "W_v": V.reshape(D, 6)}, heads=4)
    written = own | {"W_k": K.repeat(2, 1).reshape(D, 12), "W_v": V.repeat(2, 1).reshape(D, 12)}
    np.testing.assert_allclose(shared, attention_layer(x, written, heads=4), atol=1e-12)


OURS = ours(theirs(torch.nn.TransformerEncoderLayer, True))
DOWN = ours(theirs(torch.nn.TransformerDecoderLayer, True))
UP2 = {f"blocks.{i}.{name}": w * (1 + i) for i in range(2) for name, w in OURS.items()}
DOWN2 = {f"blocks.{i}.{name}": w * (1 + i) for i in range(2) for name, w in DOWN.items()}
TEXT, CONTEXT = draw(B, N, D), draw(B, M, D, seed=1)
BIAS = draw(HEADS, N, N, seed=2)
PASSED = {
    "bias": {"bias": BIAS}, "window": {"window": 1}, "scale": {"scale": 0.1}, "softcap": {"softcap": 0.5},
    "turn": {"turn": rope}, "weigh": {"weigh": relu_weights}, "keep": {"keep": np.array([1.0, 0.0, 2.0])},
}


@pytest.mark.parametrize("name", PASSED)
def test_a_block_takes_what_attention_takes(name):
    """Is a block with an option its parts with that option, and is it another than without?"""
    options = PASSED[name]
    y = layer_norm(TEXT, **part(OURS, "attention_norm"))
    mixed, alpha = attention_layer(y, part(OURS, "attention"), heads=HEADS, return_weights=True, **options)
    x = TEXT + mixed
    x = x + mlp(layer_norm(x, **part(OURS, "mlp_norm")), part(OURS, "mlp"))
    got, weights = block(TEXT, OURS, heads=HEADS, return_weights=True, **options)
    np.testing.assert_allclose(got, x, atol=1e-12)
    np.testing.assert_allclose(weights, alpha, atol=1e-12)
    assert abs(got - block(TEXT, OURS, heads=HEADS)).max() > 1e-3


@pytest.mark.parametrize("name", PASSED)
def test_a_decoder_block_takes_what_attention_takes(name):
    """Does self-attention take the option, and the attention to the context those that are for both?"""
    options = PASSED[name]
    both = {key: value for key, value in options.items() if key in ("scale", "softcap", "weigh")}
    x = TEXT + attention_layer(
        layer_norm(TEXT, **part(DOWN, "attention_norm")), part(DOWN, "attention"), heads=HEADS, causal=True, **options)
    x = x + attention_layer(
        layer_norm(x, **part(DOWN, "cross_norm")), part(DOWN, "cross"), heads=HEADS, context=CONTEXT, **both)
    x = x + mlp(layer_norm(x, **part(DOWN, "mlp_norm")), part(DOWN, "mlp"))
    got, (own, cross) = decoder_block(TEXT, CONTEXT, DOWN, heads=HEADS, return_weights=True, **options)
    np.testing.assert_allclose(got, x, atol=1e-12)
    assert own.shape == (B, HEADS, N, N) and cross.shape == (B, HEADS, N, M)
    assert not own[..., np.triu_indices(N, 1)[0], np.triu_indices(N, 1)[1]].any()


def test_the_attention_to_the_context_has_options_of_its_own():
    """Are context_mask, context_bias and context_keep those of `cross`, and only of it?"""
    far = {"context_bias": -np.abs(np.arange(M) - 3.0), "context_mask": np.arange(M) > 0}
    _, (own, cross) = decoder_block(TEXT, CONTEXT, DOWN, heads=HEADS, return_weights=True, **far)
    _, (same, other) = decoder_block(TEXT, CONTEXT, DOWN, heads=HEADS, return_weights=True)
    np.testing.assert_array_equal(own, same)
    assert not cross[..., 0].any() and abs(cross - other).max() > 1e-3
    silent = decoder_block(TEXT, CONTEXT, DOWN, heads=HEADS, context_keep=np.zeros(HEADS))
    deaf = DOWN | {"cross.W_o": 0 * DOWN["cross.W_o"]}
    np.testing.assert_allclose(silent, decoder_block(TEXT, CONTEXT, deaf, heads=HEADS), atol=1e-12)


def test_norms_and_activations_are_options():
    """Do rms_norm, before and after, and a gated silu go through the whole stack?"""
    few = {name: w for name, w in UP2.items() if not name.endswith(("shift", "b_in", "b_out"))}
    few |= {f"blocks.{i}.mlp.W_gate": draw(D, 20, seed=i) for i in range(2)} | {"norm.gain": draw(D, seed=9)}
    for norm_first in True, False:
        x = TEXT
        for i in range(2):
            own = part(few, f"blocks.{i}")
            for layer in "attention", "mlp":
                y = rms_norm(x, own[f"{layer}_norm.gain"]) if norm_first else x
                mine = part(own, layer)
                y = attention_layer(y, mine, heads=HEADS) if layer == "attention" else mlp(y, mine, act=silu)
                x = x + y if norm_first else rms_norm(x + y, own[f"{layer}_norm.gain"])
        got = encoder(TEXT, few, heads=HEADS, norm=rms_norm, act=silu, norm_first=norm_first)
        np.testing.assert_allclose(got, rms_norm(x, few["norm.gain"]), atol=1e-12)


def test_the_weights_of_every_layer_come_back():
    """Does a stack give a list of weights, one a block, pairs in a decoder, and the same output?"""
    out, alphas = encoder(TEXT, UP2, heads=HEADS, return_weights=True, causal=True)
    np.testing.assert_array_equal(out, encoder(TEXT, UP2, heads=HEADS, causal=True))
    first, alpha = block(TEXT, part(UP2, "blocks.0"), heads=HEADS, causal=True, return_weights=True)
    np.testing.assert_array_equal(alphas[0], alpha)
    np.testing.assert_array_equal(
        alphas[1], block(first, part(UP2, "blocks.1"), heads=HEADS, causal=True, return_weights=True)[1])
    out, pairs = decoder(TEXT, CONTEXT, DOWN2, heads=HEADS, return_weights=True)
    np.testing.assert_array_equal(out, decoder(TEXT, CONTEXT, DOWN2, heads=HEADS))
    assert [[alpha.shape[-1] for alpha in pair] for pair in pairs] == [[N, M], [N, M]]
    np.testing.assert_allclose(np.array([alpha.sum(-1) for pair in pairs for alpha in pair]), 1, atol=1e-12)


def test_a_list_has_one_value_a_block():
    """Are the values of a list, and the rows of keep, those of their blocks?"""
    keep = np.array([[1.0, 0, 1], [0.5, 1, 0]])
    got = encoder(TEXT, UP2, heads=HEADS, keep=keep, window=[1, None], bias=[None, BIAS], turn=rope)
    x = block(TEXT, part(UP2, "blocks.0"), heads=HEADS, keep=keep[0], window=1, turn=rope)
    x = block(x, part(UP2, "blocks.1"), heads=HEADS, keep=keep[1], bias=BIAS, turn=rope)
    np.testing.assert_array_equal(got, x)


SCHEMES = {
    "none": lambda n, past: {}, "rope": lambda n, past: {"turn": rope}, "window": lambda n, past: {"window": 2},
    "alibi": lambda n, past: {"bias": alibi_bias(HEADS, n, past=past)},
    "relative, a table a block": lambda n, past: {
        "bias": [relative_bias(draw(HEADS, 5, seed=i), n, past=past) for i in range(2)]},
}


@pytest.mark.parametrize("steps", [[1] * N, [2, 3]])
@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("tensor", [False, True])
def test_decoding_with_caches_gives_what_the_whole_gives(name, steps, decodes, tensor):
    """Token by token through the stack, are the outputs those of all tokens at once?"""
    parameters, x, context = (DOWN2 if decodes else UP2), TEXT, CONTEXT
    if tensor:
        parameters = {key: torch.from_numpy(w) for key, w in parameters.items()}
        x, context = torch.from_numpy(TEXT), torch.from_numpy(CONTEXT)

    def to_tensor(value):
        if isinstance(value, list):
            return [to_tensor(own) for own in value]
        return torch.from_numpy(value) if tensor and isinstance(value, np.ndarray) else value

    def run(x, options, **cache):
        options = {key: to_tensor(value) for key, value in options.items()} | cache
        if decodes:
            return decoder(x, context, parameters, heads=HEADS, **options)
        return encoder(x, parameters, heads=HEADS, causal=True, **options)

    cache, got, past = caches(parameters), [], 0
    for n in steps:
        got.append(np.asarray(run(x[:, past : past + n], SCHEMES[name](n, past), cache=cache)))
        past += n
    np.testing.assert_allclose(np.concatenate(got, 1), np.asarray(run(x, SCHEMES[name](N, 0))), atol=1e-9)


def test_a_decoder_projects_its_context_once():
    """After the first call, does nobody look at the context again?"""
    cache = caches(DOWN2)
    first = decoder(TEXT[:, :2], CONTEXT, DOWN2, heads=HEADS, cache=cache)
    rest = decoder(TEXT[:, 2:], np.nan * CONTEXT, DOWN2, heads=HEADS, cache=cache)
    np.testing.assert_allclose(
        np.concatenate([first, rest], 1), decoder(TEXT, CONTEXT, DOWN2, heads=HEADS), atol=1e-10)


def test_an_unknown_or_missing_name_raises():
    """Is a parameter that no layer uses refused, where a stack returned its input unchanged?"""
    renamed = {name.replace("blocks", "layers"): w for name, w in UP2.items()}
    gap = {name.replace("blocks.1", "blocks.2"): w for name, w in UP2.items()}
    for parameters, message in (
        (renamed, "encoder: names start with 'blocks.0.', 'blocks.1.', ... or 'norm.'. Got layers.0.attention.W_q"),
        ({}, "encoder: no parameter is called 'blocks.0....'"),
        ({"norm.gain": OURS["mlp_norm.gain"]}, "encoder: no parameter is called 'blocks.0....'"),
        (gap, "encoder: no parameter is called 'blocks.1....'"),
        (UP2 | {"blocks.1.cross.W_q": EYE}, "encoder: nothing here uses blocks.1.cross.W_q"),
        (UP2 | {"blocks.x.mlp.W_in": EYE}, "encoder: .* with its number. Got 'blocks.x.mlp.W_in'"),
        (UP2 | {"blocks.0.attention.b_z": EYE}, "encoder: blocks.0.attention: the parameters have an unknown b_z"),
        (UP2 | {"blocks.1.mlp.W_up": EYE}, "encoder: blocks.1.mlp: the parameters have an unknown W_up"),
        (UP2 | {"norm.gain": EYE[0]}, "encoder: layer_norm needs norm.gain, norm.shift. Got norm.gain"),
        ({name: w for name, w in UP2.items() if "1.mlp." not in name}, "encoder: no parameter is called blocks.1.mlp"),
        ({name: w for name, w in UP2.items() if name != "blocks.1.attention.W_k"},
         "encoder: blocks.1.attention: the parameters have no W_k"),
        ({name: w for name, w in UP2.items() if name != "blocks.0.mlp_norm.shift"},
         "encoder: layer_norm needs blocks.0.mlp_norm.gain, blocks.0.mlp_norm.shift. Got blocks.0.mlp_norm.gain"),
    ):
        with pytest.raises(ValueError, match="^" + message):
            encoder(TEXT, parameters, heads=HEADS)


EYE, x, W = np.eye(D), np.ones((N, D)), np.ones((D, 8))
CALLS = {
    "attention_layer": lambda **o: attention_layer(TEXT, part(OURS, "attention"), **o),
    "block": lambda **o: block(TEXT, OURS, **o), "encoder": lambda **o: encoder(TEXT, UP2, **o),
    "decoder_block": lambda **o: decoder_block(TEXT, CONTEXT, DOWN, **o),
    "decoder": lambda **o: decoder(TEXT, CONTEXT, DOWN2, **o),
}
BAD = {
    "mask": [1, TEXT, draw(3, 3) > 0, [[True]], "none"], "bias": [0.5, draw(3, 3), draw(N, N) > 0, torch.ones(N, N)],
    "window": [-1, 1.5, True], "scale": ["1", np.nan, True], "softcap": [0, -1.0, "2"], "weigh": [1, "relu"],
    "turn": [rope(draw(2, 2)), "rope"], "cache": [{}, 3, (1, 2, 3)], "keep": [[1, 2], np.ones(9), np.ones(HEADS, int)],
    "return_weights": [1, None], "masc": [None], "heads": [0, 5, None, 1.5, "3"], "past": [-1, 0.5],
}
LAYERED = {"norm_first": [1, None], "norm": [None, "rms"], "act": [3, None]}


@pytest.mark.parametrize("name", CALLS)
def test_every_bad_option_is_refused_by_name(name):
    """Does every option that cannot be right raise, with the name of the function called?"""
    for option, values in (BAD if name == "attention_layer" else BAD | LAYERED).items():
        for value in values:
            with pytest.raises((ValueError, TypeError)) as caught:
                CALLS[name](**{"heads": HEADS} | {option: value})
            assert str(caught.value).startswith(f"{name}: "), (option, value, caught.value)


@pytest.mark.parametrize("name, call", [
    ("attention_layer", lambda x: attention_layer(x, part(OURS, "attention"), heads=HEADS)),
    ("project", lambda x: project(x, part(OURS, "attention"), heads=HEADS)),
    ("block", lambda x: block(x, OURS, heads=HEADS)), ("encoder", lambda x: encoder(x, UP2, heads=HEADS)),
    ("decoder_block", lambda x: decoder_block(x, CONTEXT, DOWN, heads=HEADS)),
    ("decoder_block", lambda x: decoder_block(TEXT, x, DOWN, heads=HEADS)),
    ("decoder", lambda x: decoder(x, CONTEXT, DOWN2, heads=HEADS)),
    ("decoder", lambda x: decoder(TEXT, x, DOWN2, heads=HEADS)),
])
def test_every_bad_input_is_refused_by_name(name, call):
    """Are lists, None, strings, whole numbers, other dtypes, kinds and widths refused by the function called?"""
    for bad in (None, "text", 3, TEXT.tolist(), TEXT[..., :5], TEXT[0, 0], TEXT.astype("f4"), TEXT.astype(int),
                torch.from_numpy(TEXT), TEXT[..., :0], TEXT.astype(complex), *([draw(5, N, D)] * ("dec" in name))):
        with pytest.raises((ValueError, TypeError)) as caught:
            call(bad)
        assert str(caught.value).startswith(f"{name}: "), (bad, caught.value)


def test_empty_sequences_come_back_empty():
    """Are no tokens, and no sequences, the empty output?"""
    for empty in TEXT[:, :0], TEXT[:0]:
        assert encoder(empty, UP2, heads=HEADS, causal=True).shape == empty.shape
    assert decoder(TEXT[:, :0], CONTEXT, DOWN2, heads=HEADS).shape == (B, 0, D)
    np.testing.assert_allclose(  # nothing to attend to adds b_o only
        decoder_block(TEXT, CONTEXT[:, :0], DOWN, heads=HEADS),
        decoder_block(TEXT, CONTEXT, DOWN | {"cross.W_o": 0 * DOWN["cross.W_o"]}, heads=HEADS), atol=1e-12)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: attention_layer(x, dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], W), heads=3), ValueError,
         r"the 8 columns of W_q do not divide into 3 heads. Got X \(5, 12\), W_q \(12, 8\)"),
        (lambda: part({"mlp.W_in": W}, "cross"), KeyError,
         "part: no parameter is called 'cross....'; there are mlp.W_in"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
