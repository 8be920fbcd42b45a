import numpy as np
import pytest
import torch

from attnlib import nn
from attnlib.attention import attend
from attnlib.interop import to_multihead
from attnlib.layers import layer_norm, mlp, rms_norm, silu
from attnlib.positions import alibi_bias, learned, relative_bias, rope, sinusoidal
from attnlib.transformer import attention_layer, block, decoder, encoder
from attnlib.weights import relu_weights
from tests.attnlib.draws import draw

B, N, M, D, HEADS = 2, 5, 7, 12, 3


def build(module, dtype, device="cpu"):
    """The module with random parameters, gains and biases too, and its parameters as arrays."""
    module = module.to(device, getattr(torch, dtype)).eval()
    for i, (_, parameter) in enumerate(sorted(module.named_parameters())):
        torch.manual_seed(i)
        parameter.data.copy_(0.4 * torch.randn(parameter.shape))
    return module, {name: value.cpu().numpy() for name, value in module.state_dict().items()}


EVERYTHING = {"qk_norm": True, "sinks": True, "gate": True}
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
    "everything": (
        nn.Encoder, (2, D, 6),
        {"key_heads": 2, "bias": False, "norm": nn.RMSNorm, "act": silu, "mlp_gate": True, **EVERYTHING},
        encoder, {"heads": 6, "norm": rms_norm, "act": silu},
    ),
    "everything, norm last": (
        nn.Encoder, (2, D, 6), {"key_heads": 3, "norm_first": False, "mlp_gate": True, "hidden": 7, **EVERYTHING},
        encoder, {"heads": 6, "norm_first": False},
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


def test_an_rnn_is_torchs_and_learns(one_thread):
    """With our parameters in torch.nn.RNN, do states and gradients agree? Does it learn to remember?"""
    module, w = build(nn.RNN(D, 4), "float64")
    torchs = torch.nn.RNN(D, 4, batch_first=True, dtype=torch.float64)
    theirs = {"weight_ih_l0": w["W_x"].T, "weight_hh_l0": w["W_h"].T, "bias_ih_l0": w["b"], "bias_hh_l0": 0 * w["b"]}
    torchs.load_state_dict({name: torch.tensor(value) for name, value in theirs.items()})
    x, state = torch.from_numpy(draw(B, N, D)), torch.from_numpy(draw(B, 4, seed=1))
    (states, last), (expected, end) = module(x, state), torchs(x, state[None])
    np.testing.assert_allclose(states.detach(), expected.detach(), atol=1e-12)
    np.testing.assert_allclose(last.detach(), end[0].detach(), atol=1e-12)
    states.sin().sum().backward()
    expected.sin().sum().backward()
    np.testing.assert_allclose(module.W_h.grad, torchs.weight_hh_l0.grad.T, atol=1e-12)

    torch.manual_seed(0)
    model, out = nn.RNN(2, 8), torch.nn.Linear(8, 1)
    adam = torch.optim.Adam([*model.parameters(), *out.parameters()], lr=0.02)
    for _ in range(150):
        bits = torch.randint(2, (64, 4))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            out(model(torch.eye(2)[bits])[1])[:, 0], bits[:, 0].float()
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss < 0.05


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


def train(model, scores_of, parameters, steps, rate=0.01):
    """Train on sequences whose answer is the token before, and return the losses of the steps."""
    torch.manual_seed(0)
    tokens, losses = torch.randint(0, 6, (64, 8)), []
    optimiser = torch.optim.Adam(parameters, rate)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(scores_of(tokens)[:, 1:].flatten(0, 1), tokens[:, :-1].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


WIDTH, LENGTH = 24, 8
SCHEMES = {
    "none": lambda p: ({}, 0), "learned": lambda p: ({}, learned(torch.arange(LENGTH), p["table"])),
    "sinusoidal": lambda p: ({}, sinusoidal(LENGTH, WIDTH, like=p["table"])),
    "rope": lambda p: ({"turn": rope}, 0), "alibi": lambda p: ({"bias": alibi_bias(2, LENGTH, like=p["table"])}, 0),
    "relative, shared": lambda p: ({"bias": relative_bias(p["bias"][0], LENGTH)}, 0),
    "relative, a table a block": lambda p: ({"bias": [relative_bias(table, LENGTH) for table in p["bias"]]}, 0),
    "window": lambda p: ({"window": 2}, 0),
}
FORMS = {
    "norm first": {}, "norm last": {"norm_first": False}, "llama": {
        "norm": nn.RMSNorm, "bias": False, "act": silu, "mlp_gate": True, "key_heads": 1, "hidden": 32},
    "QK-norm": {"qk_norm": True}, "sinks": {"sinks": True}, "gate": {"gate": True},
}


@pytest.mark.parametrize("scheme, form", [*((name, "norm first") for name in SCHEMES),
                                          *(("rope", name) for name in FORMS)])
def test_every_position_scheme_and_form_trains(scheme, form, one_thread):
    """Does a small causal model train with each scheme of chapter 10 and each form of chapter 15: every parameter?"""
    torch.manual_seed(1)
    embed, out = torch.nn.Embedding(6, WIDTH), torch.nn.Linear(WIDTH, 6)
    model = nn.Encoder(2, WIDTH, 2, **FORMS[form])
    own = torch.nn.ParameterDict({"table": 0.1 * torch.randn(LENGTH, WIDTH), "bias": torch.zeros(2, 2, 9)})

    def scores_of(tokens):
        options, added = SCHEMES[scheme](own)
        return out(model(embed(tokens) + added, causal=True, **options))

    losses = train(model, scores_of, [p for m in (embed, model, out, own) for p in m.parameters()], 20)
    assert losses[-1] < 0.9 * losses[0] and np.isfinite(losses).all()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all() and (".b_k" in name or parameter.grad.abs().max() > 0), name
    if "relative" in scheme:
        assert (own["bias"].grad.abs().amax((1, 2)) > 0).tolist() == [True, "block" in scheme]


def test_other_weights_train(one_thread):
    """Does a model whose weights are relu, not softmax, train?"""
    torch.manual_seed(1)
    embed, out, model = torch.nn.Embedding(6, WIDTH), torch.nn.Linear(WIDTH, 6), nn.Encoder(1, WIDTH, 2)
    losses = train(model, lambda tokens: out(model(embed(tokens), causal=True, turn=rope, weigh=relu_weights)),
                   [p for m in (embed, model, out) for p in m.parameters()], 20)
    assert losses[-1] < 0.9 * losses[0]


CALLED = {
    "return_weights": {"return_weights": True, "causal": True}, "bias": {"bias": alibi_bias(HEADS, N)},
    "keep": {"keep": np.array([[1.0, 0, 1], [0, 1, 1]])}, "turn": {"turn": rope, "window": 2, "softcap": 3.0},
    "weigh": {"weigh": relu_weights, "scale": 0.3, "causal": True}, "list": {"window": [1, None]},
}


def flat(answer):
    """The arrays of an answer with weights, in order."""
    if isinstance(answer, tuple | list):
        return [array for own in answer for array in flat(own)]
    return [answer.detach().numpy() if isinstance(answer, torch.Tensor) else answer]


@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize("decodes", [False, True])
def test_a_module_takes_what_the_function_takes(name, decodes):
    """With every option of the call, do encoder and decoder give what the functions give?"""
    options = {key: value for key, value in CALLED[name].items() if not (decodes and key == "causal")}
    x, context = draw(B, N, D), draw(B, M, D, seed=1)
    module, parameters = build((nn.Decoder if decodes else nn.Encoder)(2, D, HEADS), "float64")
    inputs = (x, context) if decodes else (x,)
    given = {key: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
    got = flat(module(*map(torch.from_numpy, inputs), **given))
    expected = flat((decoder if decodes else encoder)(*inputs, parameters, heads=HEADS, **options))
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("decodes", [False, True])
def test_modules_decode_with_caches(decodes):
    """Token by token with the caches of a module, are the outputs those of all tokens at once?"""
    form = {"key_heads": 1, **EVERYTHING}
    module, _ = build((nn.Decoder if decodes else nn.Encoder)(2, D, HEADS, **form), "float64")
    x, context = torch.from_numpy(draw(B, N, D)), torch.from_numpy(draw(B, M, D, seed=1))
    rest, options = ((context,), {"turn": rope}) if decodes else ((), {"turn": rope, "causal": True})
    with torch.no_grad():
        cache = module.caches()
        rows = [module(x[:, i : i + 1], *rest, cache=cache, **options) for i in range(N)]
        np.testing.assert_allclose(torch.cat(rows, 1), module(x, *rest, **options), atol=1e-10)


COMPILED = {
    "plain": ({}, {}), "turned": ({"qk_norm": True, "gate": True, "mlp_gate": True}, {"causal": True, "turn": rope}),
    "rms, other weights": ({"norm": nn.RMSNorm}, {"window": 2, "weigh": relu_weights, "return_weights": True}),
    "bias, keep": ({"key_heads": 1}, {"bias": torch.zeros(HEADS, N, N), "keep": torch.ones(2, HEADS)}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_a_model_compiles_traces_and_maps(name):
    """Do torch.compile in one graph, torch.jit.trace and torch.func.vmap give what the model gives?"""
    form, options = COMPILED[name]
    model, x = nn.Encoder(2, D, HEADS, **form).requires_grad_(False), torch.from_numpy(draw(B, N, D, dtype="f4"))

    def run(x):
        return flat_tensors(model(x, **options))

    torch._dynamo.reset()
    expected = run(x)
    for got in (torch.compile(run, fullgraph=True, backend="eager")(x), torch.jit.trace(run, x)(x),
                torch.func.vmap(run)(x)):
        torch.testing.assert_close(got[0], expected[0], rtol=1e-4, atol=1e-5)


def flat_tensors(answer):
    """The output, and the weights of every block where they come too, as a tuple."""
    return (answer[0], *answer[1]) if isinstance(answer, tuple) else (answer,)


def test_ablating_a_head_is_zeroing_its_rows():
    """Does keep of a block's call silence the head that its rows of W_o silence?"""
    module, parameters = build(nn.Encoder(2, D, HEADS), "float64")
    x, keep = draw(B, N, D), torch.ones(2, HEADS, dtype=torch.float64)
    keep[1, 2] = 0
    parameters["blocks.1.attention.W_o"] = parameters["blocks.1.attention.W_o"].copy()
    parameters["blocks.1.attention.W_o"][2 * 4 : 3 * 4] = 0
    got = module(torch.from_numpy(x), keep=keep).detach()
    np.testing.assert_allclose(got, encoder(x, parameters, heads=HEADS), atol=1e-10)


def test_tied_blocks_count_twice():
    """Is a module whose two blocks are one the function of its state_dict, which lists both?"""
    module, _ = build(nn.Encoder(2, D, HEADS), "float64")
    module.blocks[1] = module.blocks[0]
    parameters = {name: value.numpy() for name, value in module.state_dict().items()}
    x = draw(B, N, D)
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), encoder(x, parameters, heads=HEADS), atol=1e-10)
    assert len(module.caches()) == 2


def test_what_a_module_is_made_with_decides_its_parameters():
    """Are there W_gate, gains and sinks where asked, no bias where not, and is a norm of the class that was given?"""
    made = nn.Block(D, 6, key_heads=2, bias=False, norm=nn.RMSNorm, mlp_gate=True, **EVERYTHING).state_dict()
    assert {name: tuple(value.shape) for name, value in made.items()} == {
        "attention.W_q": (D, D), "attention.W_k": (D, 4), "attention.W_v": (D, 4), "attention.W_o": (D, D),
        "attention.W_gate": (D, D), "attention.q_gain": (2,), "attention.k_gain": (2,), "attention.sinks": (6,),
        "attention_norm.gain": (D,), "mlp.W_in": (D, 48), "mlp.W_gate": (D, 48), "mlp.W_out": (48, D),
        "mlp_norm.gain": (D,),
    }
    down = nn.DecoderBlock(D, HEADS, qk_norm=True, bias=False).state_dict()
    assert {"cross.q_gain", "attention.q_gain", "cross_norm.shift"} <= set(down) and "cross.b_q" not in down


def test_sizes_of_numpy_are_sizes():
    """Are small integers of NumPy, whose products wrap around, the sizes they say?"""
    small = np.uint8(96)
    block_ = nn.Block(small, np.uint8(4), key_heads=np.int8(2))
    assert block_.mlp.W_in.shape == (96, 384) and block_.attention.W_k.shape == (96, 48)
    parameters = {name: value.numpy() for name, value in block_.state_dict().items()}
    x = draw(N, 96, dtype="f4")
    np.testing.assert_array_equal(block(x, parameters, heads=np.uint8(4)), block(x, parameters, heads=4))
    assert len(nn.Encoder(np.int64(2), 6, np.int32(2)).blocks) == 2


MADE = {
    "MultiHeadAttention": (nn.MultiHeadAttention, (D, HEADS)), "Block": (nn.Block, (D, HEADS)),
    "DecoderBlock": (nn.DecoderBlock, (D, HEADS)), "Encoder": (nn.Encoder, (2, D, HEADS)),
    "Decoder": (nn.Decoder, (2, D, HEADS)), "LayerNorm": (nn.LayerNorm, (D,)), "RMSNorm": (nn.RMSNorm, (D,)),
    "MLP": (nn.MLP, (D, 8)), "SelfAttention": (nn.SelfAttention, (D, 4)), "RNN": (nn.RNN, (D, 4)),
}
BAD_FLAGS = {"bias": 1, "qk_norm": None, "sinks": "no", "gate": 0}
BAD_BLOCKS = BAD_FLAGS | {"hidden": 0, "norm_first": 1, "norm": 3, "act": "gelu", "mlp_gate": None, "dropout": 1.0,
                          "biases": True, "key_heads": 2}
BAD_MADE = {
    "MultiHeadAttention": BAD_FLAGS | {"key_heads": 0}, "Block": BAD_BLOCKS, "DecoderBlock": BAD_BLOCKS,
    "Encoder": BAD_BLOCKS, "Decoder": BAD_BLOCKS, "LayerNorm": {"eps": -1.0}, "RMSNorm": {"eps": "small"},
    "MLP": {"act": None, "bias": 0, "gate": "yes"}, "SelfAttention": {"value_width": 0},
    "RNN": {},
}


@pytest.mark.parametrize("name", MADE)
def test_a_module_that_cannot_be_made_says_so(name):
    """Are wrong sizes and flags refused when a module is made, by its own name?"""
    kind, sizes = MADE[name]
    for i, wrong in ((i, wrong) for i in range(len(sizes)) for wrong in (0, 2.0, "3", None, True)):
        with pytest.raises((ValueError, TypeError), match=f"^{name}: "):
            kind(*sizes[:i], wrong, *sizes[i + 1 :])
    for option, value in BAD_MADE[name].items():
        with pytest.raises((ValueError, TypeError), match=f"^{name}: "):
            kind(*sizes, **{option: value})


@pytest.mark.parametrize("name", MADE)
def test_a_call_that_fails_names_the_module(name):
    """Are wrong inputs and options refused by the module that was called, not by one inside it?"""
    kind, sizes = MADE[name]
    module, x = kind(*sizes), torch.ones(B, N, D)
    rest = (torch.ones(B, M, D),) if "Decoder" in name else ()
    for wrong in (None, x.numpy(), x.double(), x.int(), x[..., :5], x.tolist()):
        with pytest.raises((ValueError, TypeError), match=f"^{name}: "):
            module(wrong, *rest)
        if rest:
            with pytest.raises((ValueError, TypeError), match=f"^{name}: "):
                module(x, wrong)
    if name in ("LayerNorm", "RMSNorm", "MLP", "SelfAttention", "RNN"):
        return
    wrongs = {"mask": x, "bias": 3, "window": -1, "softcap": 0, "turn": 1, "weigh": "relu", "keep": torch.ones(9),
              "cache": 3, "return_weights": 1, "masc": None}
    for option, value in wrongs.items():
        with pytest.raises((ValueError, TypeError), match=f"^{name}: "):
            module(x, *rest, **{option: value})


@pytest.mark.parametrize("kind", [nn.Block, nn.DecoderBlock, nn.Encoder, nn.Decoder])
@pytest.mark.parametrize("norm", [rms_norm, layer_norm, nn.RMSNorm(D), torch.nn.LayerNorm(D)])
def test_a_norm_is_a_class(kind, norm):
    """Is a norm that is made already, or the function that `transformer.encoder` takes, refused by the right name?"""
    sizes = (D, HEADS) if "Block" in kind.__name__ else (2, D, HEADS)
    with pytest.raises(TypeError, match=f"^{kind.__name__}: norm must be a class"):
        kind(*sizes, norm=norm)


@pytest.mark.parametrize("width, heads, key_heads", [(12, 5, None), (12, 4, 3)])
def test_errors_name_what_came(width, heads, key_heads):
    """Does a module whose heads do not divide its width say so when it is made?"""
    got = f"Got width 12, heads {heads}, key_heads {key_heads or heads}."
    with pytest.raises(ValueError, match=f"heads must divide width, .* {got}"):
        nn.MultiHeadAttention(width, heads, key_heads=key_heads)
