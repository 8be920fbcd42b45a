import numpy as np
import pytest
import torch

from attnlib import transformer
from attnlib.attention import attention
from attnlib.interop import from_multihead
from attnlib.transformer import (
    attention_layer,
    block,
    decoder,
    decoder_block,
    encoder,
    greedy_decode,
    linear,
    part,
    project,
)
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


def test_greedy_decode_stops():
    """Does it stop at the end token, at the longest length, take the first of equals, and see what it wrote?"""
    seen = []

    def scores_of(tokens):
        seen.append(list(tokens))
        return torch.tensor([0.0, 1.0, 1.0]) if len(tokens) < 4 else np.array([2.0, 1.0, 1.0])

    assert greedy_decode(scores_of, [2], end=0, longest=9) == [1, 1, 1, 0]
    assert seen == [[2], [2, 1], [2, 1, 1], [2, 1, 1, 1]]
    assert greedy_decode(scores_of, [2, 2], end=0, longest=2) == [1, 1]
    assert greedy_decode(scores_of, (2,), end=0, longest=0) == []


x, W = np.ones((N, D)), np.ones((D, 8))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: attention_layer(x, dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], W), heads=3), ValueError,
         r"the 8 columns of W_q do not divide into 3 heads. Got X \(5, 12\), W_q \(12, 8\)"),
        (lambda: part({"mlp.W_in": W}, "cross"), KeyError,
         "part: no parameter is called 'cross....'; there are mlp.W_in"),
        (lambda: greedy_decode(len, [], end=0, longest=3), ValueError, r"start is empty; .*\[start_token\]"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes or dtypes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
