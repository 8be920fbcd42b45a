import numpy as np
import pytest
import torch

from attnlib import nn
from attnlib.attention import attend
from attnlib.interop import to_multihead
from attnlib.transformer import attention_layer, block, decoder, encoder, layer_norm, mlp
from tests.attnlib.draws import draw

B, N, M, D, HEADS = 2, 5, 7, 12, 3


def build(module, dtype, device="cpu"):
    """The module with random parameters, gains and biases too, and its parameters as arrays."""
    module = module.to(device, getattr(torch, dtype)).eval()
    for i, (_, parameter) in enumerate(sorted(module.named_parameters())):
        torch.manual_seed(i)
        parameter.data.copy_(0.4 * torch.randn(parameter.shape))
    return module, {name: value.cpu().numpy() for name, value in module.state_dict().items()}


MASK = np.random.default_rng(3).random((B, 1, N, N)) < 0.6
MODULES = {
    "MultiHeadAttention": (nn.MultiHeadAttention, (D, HEADS), {}, attention_layer, {"heads": HEADS}),
    "key heads": (nn.MultiHeadAttention, (D, 4), {"key_heads": 2, "bias": False}, attention_layer, {"heads": 4}),
    "Block": (nn.Block, (D, HEADS), {"hidden": 8}, block, {"heads": HEADS}),
    "Block, norm last": (nn.Block, (D, HEADS), {"norm_first": False}, block, {"heads": HEADS, "norm_first": False}),
    "Encoder": (nn.Encoder, (2, D, HEADS), {"dropout": 0.5}, encoder, {"heads": HEADS}),
    "Encoder, norm last": (
        nn.Encoder, (2, D, HEADS), {"norm_first": False}, encoder, {"heads": HEADS, "norm_first": False},
    ),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-10)])
def test_the_state_dict_feeds_the_arrays(name, dtype, tolerance, device):
    """Does the NumPy function, given the module's state_dict, compute what the module does?"""
    kind, sizes, given, function, options = MODULES[name]
    module, parameters = build(kind(*sizes, **given), dtype, device)
    x = draw(B, N, D, dtype=dtype)
    got = module(torch.from_numpy(x).to(device), mask=torch.from_numpy(MASK).to(device))
    expected = function(x, parameters, mask=MASK, **options)
    assert got.dtype == getattr(torch, dtype) and expected.dtype == dtype
    np.testing.assert_allclose(got.detach().cpu().numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-10)])
def test_the_decoder_feeds_the_arrays(norm_first, dtype, tolerance, device):
    """Does the NumPy decoder, given the module's state_dict, compute what the module does?"""
    module, parameters = build(nn.Decoder(2, D, HEADS, norm_first=norm_first), dtype, device)
    x, context = draw(B, N, D, dtype=dtype), draw(B, M, D, seed=1, dtype=dtype)
    real = np.arange(M) < np.array([[M], [4]])[:, None, None]
    X, C, mask = (torch.from_numpy(a).to(device) for a in (x, context, real))
    got = module(X, C, context_mask=mask)
    expected = decoder(x, context, parameters, heads=HEADS, context_mask=real, norm_first=norm_first)
    np.testing.assert_allclose(got.detach().cpu().numpy(), expected, rtol=tolerance, atol=tolerance)


def test_the_parts_are_the_functions():
    """Are LayerNorm and MLP the functions of their names?"""
    x = draw(N, D)
    norm, parameters = build(nn.LayerNorm(D), "float64")
    np.testing.assert_allclose(norm(torch.from_numpy(x)).detach(), layer_norm(x, **parameters), atol=1e-12)
    network, parameters = build(nn.MLP(D, 8), "float64")
    np.testing.assert_allclose(network(torch.from_numpy(x)).detach(), mlp(x, parameters), atol=1e-12)


def test_one_head_is_attend():
    """Is SelfAttention the textbook's: three matrices, no W_o, values as wide as asked?"""
    module, w = build(nn.SelfAttention(D, 4, 6), "float64")
    x = draw(B, N, D)
    B_, _ = attend(x @ w["W_q"], x @ w["W_k"], x @ w["W_v"])
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), B_, atol=1e-12)
    assert sorted(w) == ["W_k", "W_q", "W_v"] and B_.shape == (B, N, 6)


def test_multi_head_is_torchs():
    """With our parameters in torch.nn.MultiheadAttention, do outputs and the attention weights of every head agree?"""
    module, _ = build(nn.MultiHeadAttention(D, HEADS), "float64")
    torchs = torch.nn.MultiheadAttention(D, HEADS, batch_first=True, dtype=torch.float64)
    torchs.load_state_dict(to_multihead(module.state_dict()))
    x, real = torch.from_numpy(draw(B, N, D)), torch.arange(N) < torch.tensor([[N], [2]])
    out, alpha = torchs(x, x, x, key_padding_mask=~real, average_attn_weights=False)
    np.testing.assert_allclose(module(x, mask=real[:, None, None]).detach(), out.detach(), atol=1e-12)
    weights = module.attention_weights(x, mask=real[:, None, None])
    np.testing.assert_allclose(weights.detach(), alpha.detach(), atol=1e-12)


def test_parameters_do_not_depend_on_the_number_of_heads():
    """Are there 4 D^2 + 4 D parameters, however many heads share them?"""
    for heads in 1, 2, 6:
        assert sum(p.numel() for p in nn.MultiHeadAttention(D, heads).parameters()) == 4 * D**2 + 4 * D


def test_gradients_reach_every_parameter():
    """After one backward pass, has every weight of encoder and decoder a gradient that is finite and not zero?"""
    up, down = nn.Encoder(1, D, HEADS), nn.Decoder(1, D, HEADS)
    x, y = (torch.from_numpy(draw(B, n, D, dtype="f4")) for n in (M, N))
    down(y, up(x)).square().sum().backward()
    for name, parameter in [*up.named_parameters(), *down.named_parameters()]:
        flat = "b_k" in name  # one number for every key of a query: softmax does not see it
        assert parameter.grad.isfinite().all() and (flat or parameter.grad.abs().max() > 0), name


def test_dropout_only_in_training():
    """Is dropout on in training, off in evaluation?"""
    block_, x = nn.Block(D, HEADS, dropout=0.5), torch.from_numpy(draw(N, D, dtype="f4"))
    assert not torch.equal(block_.train()(x), block_(x))
    assert torch.equal(block_.eval()(x), block_(x))


def test_a_hook_sees_each_layer():
    """Can a reader watch what attention adds, in every block?"""
    model, seen = nn.Encoder(3, D, HEADS), []
    for own in model.blocks:
        own.attention.register_forward_hook(lambda module, given, answer: seen.append(answer.shape))
    model(torch.ones(B, N, D))
    assert seen == [(B, N, D)] * 3


@pytest.fixture
def one_thread():
    """One thread for PyTorch: layers this small are slower on more, on a busy machine by far."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_an_encoder_learns(one_thread):
    """Does a causal encoder of one block learn to say the token before?"""
    torch.manual_seed(0)
    tokens = torch.randint(0, 6, (64, 8))
    embed, places, out = torch.nn.Embedding(6, 24), torch.nn.Embedding(8, 24), torch.nn.Linear(24, 6)
    model = nn.Encoder(1, 24, heads=2)
    everything = [p for m in (embed, places, model, out) for p in m.parameters()]
    optimiser = torch.optim.Adam(everything, 0.01)
    for _ in range(120):
        scores = out(model(embed(tokens) + places.weight, causal=True))[:, 1:]
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), tokens[:, :-1].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05


@pytest.mark.parametrize("width, heads, key_heads", [(12, 5, None), (12, 4, 3)])
def test_errors_name_what_came(width, heads, key_heads):
    """Does a module whose heads do not divide its width say so when it is made?"""
    got = f"Got width 12, heads {heads}, key_heads {key_heads or heads}."
    with pytest.raises(ValueError, match=f"heads must divide width, .* {got}"):
        nn.MultiHeadAttention(width, heads, key_heads=key_heads)
