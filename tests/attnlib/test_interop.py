import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: every model here is made of a configuration

import numpy as np
import pytest
import torch
import transformers

from attnlib.attention import attention
from attnlib.interop import (
    from_hugging_face,
    from_multihead,
    hugging_face_attention,
    hugging_face_options,
    register_with_hugging_face,
    to_multihead,
)
from attnlib.transformer import attention_layer, encoder
from tests.attnlib.draws import draw

pytestmark = pytest.mark.slow
transformers.logging.set_verbosity_error()  # the tiny vocabularies do not hold the real models' end tokens
register_with_hugging_face()

B, N, D, VOCABULARY = 2, 17, 32, 50
SIZES = {"hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
TEXT = SIZES | {"vocab_size": VOCABULARY}
GPT2 = {"n_embd": D, "n_layer": 2, "n_head": 4, "n_positions": 32, "vocab_size": VOCABULARY}
MODELS = {  # no setting that we take over has its usual value everywhere
    "bert": lambda: transformers.BertConfig(**TEXT, layer_norm_eps=0.03),
    "vit": lambda: transformers.ViTConfig(**SIZES, image_size=16, patch_size=4, layer_norm_eps=0.02),
    "gpt2": lambda: transformers.GPT2Config(**GPT2, layer_norm_epsilon=0.04),
    "llama": lambda: transformers.LlamaConfig(**TEXT, rms_norm_eps=0.05),
    "llama, two key heads": lambda: transformers.LlamaConfig(
        **TEXT, num_key_value_heads=2, rope_parameters={"rope_type": "default", "rope_theta": 500.0}
    ),
    "llama, one key head": lambda: transformers.LlamaConfig(**TEXT, num_key_value_heads=1),
}
OTHERS = {  # what attention gets in these: sinks and sliding windows, softcaps, a position bias
    "gpt_oss": lambda: transformers.GptOssConfig(
        **TEXT, num_key_value_heads=2, head_dim=8, num_local_experts=2, num_experts_per_tok=1, sliding_window=5,
        layer_types=["sliding_attention", "full_attention"],
    ),
    "gemma2": lambda: transformers.Gemma2Config(
        **TEXT, num_key_value_heads=2, head_dim=8, sliding_window=5, attn_logit_softcapping=2.0,
        layer_types=["sliding_attention", "full_attention"],
    ),
    "mistral": lambda: transformers.MistralConfig(**TEXT, num_key_value_heads=2, sliding_window=5),
    "t5": lambda: transformers.T5Config(
        d_model=D, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=VOCABULARY, decoder_start_token_id=0
    ),
}
SCALED = {"gpt2, scaled by layer": lambda: transformers.GPT2Config(**GPT2, scale_attn_by_inverse_layer_idx=True)}


def build(name, how, dtype=torch.float32):
    """A tiny model of random parameters, large enough that attention matters, always the same; and its inputs."""
    config = (MODELS | SCALED | OTHERS)[name]()
    model = transformers.AutoModel.from_config(config, attn_implementation=how).to(dtype).eval()
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    if name == "t5":
        model = model.encoder
    if name == "vit":
        return model, {"pixel_values": torch.from_numpy(draw(B, 3, 16, 16)).to(dtype)}
    return model, {"input_ids": torch.from_numpy(np.random.default_rng(1).integers(0, VOCABULARY, (B, N)))}


PADDING = {
    "whole": lambda: None,
    "right": lambda: torch.arange(N) < torch.tensor([[N], [11]]),
    "left": lambda: torch.arange(N) >= torch.tensor([[0], [6]]),
}


RUNS = [(name, padding) for name in MODELS | SCALED | OTHERS for padding in PADDING
        if name != "vit" or padding == "whole"]


@pytest.mark.parametrize("name, padding", RUNS)
def test_hugging_face_models_run_on_attnlib(name, padding, device):
    """Does every model give with attnlib what it gives with its own eager attention, padded batches included?"""
    real = PADDING[padding]()
    outputs = {}
    for how in "eager", "attnlib":
        model, inputs = build(name, how)
        if real is not None:
            inputs["attention_mask"] = real.long()
        with torch.no_grad():
            inputs = {key: x.to(device) for key, x in inputs.items()}
            outputs[how] = model.to(device)(**inputs).last_hidden_state.cpu()
    keep = slice(None) if real is None else real
    torch.testing.assert_close(outputs["attnlib"][keep], outputs["eager"][keep], rtol=1e-5, atol=1e-5)


def test_the_sinks_of_gpt_oss_count(monkeypatch):
    """Does a GPT-OSS model without its sinks, as it ran before, give something else?"""
    model, inputs = build("gpt_oss", "attnlib")
    with torch.no_grad():
        right = model(**inputs).last_hidden_state
        monkeypatch.setattr("attnlib.interop.attention", lambda *qkv, sinks, **options: attention(*qkv, **options))
        wrong = model(**inputs).last_hidden_state
    assert (right - wrong).abs().max() > 1e-2


def test_a_sliding_window_without_a_mask_is_kept():
    """Without a mask, do a sequence and a cache's newest token see the last `sliding_window` keys?"""
    q, k, v = (torch.from_numpy(draw(1, 2, 6, 4, seed=i)) for i in range(3))
    back = torch.arange(6)[:, None] - torch.arange(6)
    expected = attention(q, k, v, mask=(back >= 0) & (back < 3))
    for rows in slice(0, 6), slice(5, 6):
        out, _ = hugging_face_attention(None, q[..., rows, :], k, v, None, is_causal=True, sliding_window=3)
        torch.testing.assert_close(out.transpose(1, 2), expected[..., rows, :])


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama, two key heads"])
def test_hugging_face_models_run_on_numpy(name, monkeypatch):
    """Does the attention of arrays, put in the same place, give the same answers? Is it called at all?"""
    calls = []

    def through_numpy(q, k, v, **options):
        calls.append(q.shape)
        arrays = {key: x.numpy() if isinstance(x, torch.Tensor) else x for key, x in options.items()}
        return torch.from_numpy(attention(*(x.numpy() for x in (q, k, v)), **arrays))

    monkeypatch.setattr("attnlib.interop.attention", through_numpy)
    real = PADDING["right"]()
    outputs = []
    for how in "eager", "attnlib":
        model, inputs = build(name, how)
        with torch.no_grad():
            outputs.append(model(**inputs, attention_mask=real.long()).last_hidden_state[real])
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-5, atol=1e-5)
    assert len(calls) == 2


@pytest.mark.parametrize("name", ["gpt2", "llama, two key heads", "gpt_oss", "mistral"])
def test_hugging_face_caches_grow(name):
    """Fed token by token through its own cache, does a model on attnlib give what it gives all at once?"""
    model, inputs = build(name, "attnlib")
    with torch.no_grad():
        whole = model(**inputs).last_hidden_state
        first = model(inputs["input_ids"][:, :5], use_cache=True)
        rows, past = [first.last_hidden_state], first.past_key_values
        for start, stop in [(5, 6), (6, 9), *((i, i + 1) for i in range(9, N))]:
            step = model(inputs["input_ids"][:, start:stop], past_key_values=past, use_cache=True)
            rows, past = [*rows, step.last_hidden_state], step.past_key_values
    torch.testing.assert_close(torch.cat(rows, 1), whole, rtol=1e-5, atol=1e-5)


def test_hugging_face_models_train_on_attnlib():
    """Do gradients through attnlib equal those through eager attention?"""
    gradients = []
    for how in "eager", "attnlib":
        model, inputs = build("llama, two key heads", how, torch.float64)
        model(**inputs).last_hidden_state.square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    ours, theirs = gradients[1], gradients[0]
    assert (ours - theirs).norm() < 1e-6 * theirs.norm()  # their eager softmax is in float32


@pytest.mark.parametrize("name", MODELS)
def test_the_encoder_computes_what_the_model_does(name):
    """With the model's parameters under our names, does our NumPy encoder compute its last hidden states?"""
    model, inputs = build(name, "eager", torch.float64)
    into = []
    blocks = {"bert": "encoder.layer", "gpt2": "h"}.get(name, "layers")
    model.get_submodule(f"{blocks}.0").register_forward_pre_hook(lambda module, given: into.append(given[0]))
    with torch.no_grad():
        expected = model(**inputs).last_hidden_state
    parameters = {key: w.numpy() for key, w in from_hugging_face(model.state_dict(), model.config.model_type).items()}
    got = encoder(into[0].numpy(), parameters, **hugging_face_options(model.config))
    np.testing.assert_allclose(got, expected.numpy(), rtol=1e-5, atol=1e-5)  # their Llama turns its queries in float32


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [{}, {"kdim": 9, "vdim": 9}])
def test_multihead_parameters_come_over(bias, widths):
    """With a torch.nn.MultiheadAttention's parameters, and its mask turned round, does attention_layer do the same?"""
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(12, 3, bias=bias, batch_first=True, dtype=torch.float64, **widths)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter)
    x, context = draw(B, 5, 12), draw(B, 7, widths.get("kdim", 12), seed=1)
    blocked = np.random.default_rng(2).random((5, 7)) < 0.5
    blocked[:, 0] = False
    X, Y = torch.from_numpy(x), torch.from_numpy(context)
    expected, _ = theirs(X, Y, Y, attn_mask=torch.from_numpy(blocked))
    parameters = {name: w.numpy() for name, w in from_multihead(theirs.state_dict()).items()}
    np.testing.assert_allclose(
        attention_layer(x, parameters, heads=3, context=context, mask=~blocked), expected.detach().numpy(), atol=1e-11
    )
    wrong = attention_layer(x, parameters, heads=3, context=context, mask=blocked)
    assert abs(wrong - expected.detach().numpy()).max() > 0.1


@pytest.mark.parametrize("bias", [True, False])
def test_multihead_parameters_go_there_and_back(bias):
    """Are the parameters of a torch.nn.MultiheadAttention the same after coming over and going back?"""
    state = torch.nn.MultiheadAttention(12, 3, bias=bias).state_dict()
    back = to_multihead(from_multihead(state))
    assert back.keys() == state.keys() and all(torch.equal(back[name], state[name]) for name in state)


def llama(**options):
    return transformers.LlamaConfig(**TEXT, **options)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: from_multihead({"bias_k": 0}),
         "add_bias_kv=True adds a key and a value; no layer of attnlib has them"),
        (lambda: to_multihead({f"W_{a}": torch.ones(6, 4 if a in "kv" else 6) for a in "qkvo"}),
         r"four matrices of one shape. Got W_q \(6, 6\), W_k \(6, 4\), W_v \(6, 4\), W_o \(6, 6\)"),
        (lambda: from_hugging_face({}, "t5"), "family must be one of bert, vit, gpt2, llama. Got 't5'"),
        (lambda: from_hugging_face({"bert.encoder.layer.0.x": 1}, "bert"),
         "no name starts with 'encoder.layer.0.'; pass the bare bert model's state_dict. Got bert.encoder.layer.0.x"),
        (lambda: hugging_face_options(llama(hidden_act="relu")),
         "the activation must be one of gelu, gelu_new, silu. Got 'relu'"),
        (lambda: hugging_face_options(llama(rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4})),
         "only rotary positions of type 'default' are supported. Got 'linear'"),
        (lambda: hugging_face_options(SCALED["gpt2, scaled by layer"]()), "every layer of attnlib has the same scale"),
        (lambda: hugging_face_attention(None, *[torch.ones(1, 1, 2, 2)] * 3, None, dropout=0.1),
         "no dropout of weights; .* Got 0.1"),
        (lambda: hugging_face_attention(None, *[torch.ones(1, 1, 2, 2)] * 3, None, cu_seq_lens_q=torch.arange(3)),
         "2 sequences are packed into one; pass a mask"),
        (lambda: hugging_face_attention(None, *[torch.ones(1, 1, 2, 2)] * 3, None, head_scales=torch.ones(1)),
         "what head_scales does to attention is not known here"),
    ],
)
def test_errors_name_what_came(call, message):
    """Does an error name what came and what would be right?"""
    with pytest.raises(ValueError, match=message):
        call()
