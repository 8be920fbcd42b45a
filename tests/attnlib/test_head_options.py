"""What multi-head attention takes beside its matrices: a norm of queries and keys, sinks, a gate, a cache, keep."""

import math
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: every layer here is made of a configuration

import numpy as np
import pytest
import torch

from attnlib.attention import attention, attention_weights
from attnlib.heads import merge, multi_head, split
from attnlib.kv_cache import Cache
from attnlib.masks import causal
from attnlib.positions import alibi_bias, relative_bias, rope
from attnlib.transformer import attention_layer, project
from attnlib.weights import hard, relu_weights, softmax
from tests.attnlib.draws import draw

B, N, D, H, G, d, e = 2, 6, 12, 4, 2, 4, 5
X, CONTEXT = draw(B, N, D), draw(B, 7, 10, seed=1)
SHAPES = {"W_q": (D, H * d), "W_k": (D, G * d), "W_v": (D, G * e), "W_o": (H * e, D), "b_q": (H * d,), "b_k": (G * d,),
          "b_v": (G * e,), "b_o": (D,), "q_gain": (d,), "k_gain": (d,), "sinks": (H,), "W_gate": (D, H * e),
          "b_gate": (H * e,)}
EVERYTHING = {name: draw(*shape, seed=2 + i) for i, (name, shape) in enumerate(SHAPES.items())}
PLAIN = {name: EVERYTHING[name] for name in ("W_q", "W_k", "W_v", "W_o")}
CROSS = PLAIN | {"W_k": draw(10, G * d, seed=30), "W_v": draw(10, G * e, seed=31)}


def tensors(values):
    return {name: torch.from_numpy(x) if isinstance(x, np.ndarray) else x for name, x in values.items()}


def close(got, expected, tolerance=1e-10):
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=tolerance, atol=tolerance)


BIAS = draw(H, N, N, seed=20)
OPTIONS = {
    "none": {}, "mask": {"mask": draw(B, 1, N, N, seed=21) > -0.5}, "causal": {"causal": True}, "bias": {"bias": BIAS},
    "window": {"window": 1}, "scale": {"scale": -0.3}, "softcap": {"softcap": 0.7}, "turn": {"turn": rope},
    "past": {"past": 2, "causal": True, "window": 3}, "keep": {"keep": np.array([1.0, 0.0, -2.0, 0.5])},
    "alibi": {"bias": alibi_bias(H, N), "causal": True}, "relu": {"weigh": relu_weights, "causal": True},
    "hard": {"weigh": hard, "bias": BIAS}, "all": {
        "mask": draw(B, 1, N, N, seed=21) > -0.5, "bias": BIAS, "causal": True, "window": 3, "scale": 0.5,
        "softcap": 3.0, "turn": rope, "keep": np.array([True, True, False, True]),
    },
}


def by_hand(X, heads, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, weigh=softmax,
            turn=None, keep=None, **W):
    """Multi-head attention as the formulas say it, one head and one query at a time."""
    out = np.zeros((B, N, H * e))
    for b, h in np.ndindex(B, heads):
        g = h // (heads // G)
        q = (X[b] @ W["W_q"] + W.get("b_q", 0))[:, h * d : h * d + d]
        k = (X[b] @ W["W_k"] + W.get("b_k", 0))[:, g * d : g * d + d]
        v = (X[b] @ W["W_v"] + W.get("b_v", 0))[:, g * e : g * e + e]
        if "q_gain" in W:
            q, k = (x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * gain
                    for x, gain in ((q, W["q_gain"]), (k, W["k_gain"])))
        if turn is not None:
            q, k = turn(q, np.arange(past, past + N)), turn(k, np.arange(past, past + N))
        scores = q @ k.T * (d**-0.5 if scale is None else scale)
        if softcap:
            scores = softcap * np.tanh(scores / softcap)
        if bias is not None:
            scores = scores + np.broadcast_to(bias, (B, H, N, N))[b, h]
        for i, j in np.ndindex(N, N):
            hidden = causal and j > past + i or window is not None and abs(j - past - i) > window
            if hidden or mask is not None and not np.broadcast_to(mask, (B, H, N, N))[b, h, i, j]:
                scores[i, j] = -np.inf
        if "sinks" in W:
            alpha = np.exp(scores) / (np.exp(scores).sum(-1, keepdims=True) + np.exp(W["sinks"][h]))
        else:
            alpha = weigh(scores)
        out[b, :, h * e : h * e + e] = alpha @ v * (1 if keep is None else keep[h])
    if "W_gate" in W:
        out = out / (1 + np.exp(-(X @ W["W_gate"] + W.get("b_gate", 0))))
    return out @ W["W_o"] + W.get("b_o", 0)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("parameters", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_every_option_is_what_the_formulas_say(name, parameters):
    """Do arrays and tensors give what a loop over heads gives, with every option, alone and with all parameters?"""
    options = OPTIONS[name]
    if "weigh" in options:
        parameters = {key: x for key, x in parameters.items() if key != "sinks"}
    expected = by_hand(X, H, **parameters, **options)
    close(attention_layer(X, parameters, heads=H, **options), expected)
    close(multi_head(X, **parameters, heads=H, **options), expected)
    close(attention_layer(torch.from_numpy(X), tensors(parameters), heads=H, **tensors(options)), expected)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("tensor", [False, True])
def test_the_weights_are_those_that_mix(name, tensor):
    """Do the weights that come back, times the values, give the heads?"""
    x, parameters, options = X, PLAIN, {key: value for key, value in OPTIONS[name].items() if key != "keep"}
    if tensor:
        x, parameters, options = torch.from_numpy(X), tensors(PLAIN), tensors(options)
    out, alpha = attention_layer(x, parameters, heads=H, return_weights=True, **options)
    close(out, attention_layer(x, parameters, heads=H, **options))
    v = split(X @ PLAIN["W_v"], G).repeat(H // G, 1)
    assert alpha.shape == (B, H, N, N)
    close(merge(np.asarray(alpha) @ v) @ PLAIN["W_o"], out)


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-2), ("float32", 1e-5)])
@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "hard"])  # of two close scores another is best
def test_the_dtype_is_kept(name, dtype, tolerance):
    """Is every option right in float16 and float32, and do output and weights have the dtype of the input?"""
    narrow = {key: (0.4 * x).astype(dtype) for key, x in PLAIN.items()}
    options = {key: x.astype(dtype) if key == "keep" and x.dtype == float else x for key, x in OPTIONS[name].items()}
    wide = {key: x.astype(float) for key, x in narrow.items()}
    expected, x = attention_layer(X.astype(dtype).astype(float), wide, heads=H, **OPTIONS[name]), X.astype(dtype)
    for tensor in False, True:
        if tensor:
            x, narrow, options = torch.from_numpy(x), tensors(narrow), tensors(options)
        out, alpha = attention_layer(x, narrow, heads=H, return_weights=True, **options)
        assert str(out.dtype).endswith(dtype) and str(alpha.dtype).endswith(dtype)
        close(out, expected, tolerance)


@pytest.mark.parametrize(
    "lay", [np.asfortranarray, lambda x: x[::-1].copy()[::-1], lambda x: np.repeat(x, 2, -1)[..., ::2]]
)
def test_layouts_never_matter(lay):
    """Do views give what copies give, as vectors and as parameters?"""
    views = {name: lay(x) for name, x in EVERYTHING.items()}
    for options in ({}, {"causal": True}, {"window": 1, "bias": lay(BIAS)}):
        close(attention_layer(lay(X), views, heads=H, **options), attention_layer(X, EVERYTHING, heads=H, **(
            options if "bias" not in options else options | {"bias": BIAS})))


@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize("wrong", [
    {"turn": lambda x, places: x[..., :1]}, {"turn": lambda x, places: None}, {"weigh": lambda scores: scores[..., :1]},
    {"weigh": lambda scores: scores.sum(-1)}, {"weigh": lambda scores: scores > 0},
])
def test_a_function_that_returns_another_shape_is_named(wrong, tensor):
    """Is a function of the reader's own that returns something else told, by the name of its option?"""
    x, parameters = (torch.from_numpy(X), tensors(PLAIN)) if tensor else (X, PLAIN)
    with pytest.raises((ValueError, TypeError), match=f"^{[*wrong][0]}: "):
        attention_layer(x, parameters, heads=H, **wrong)


def test_an_error_speaks_of_a_context_where_there_is_one():
    """Does the message about a mask name X, and the context only when one came?"""
    for options, named in (({}, False), ({"context": X[:, :2]}, True)):
        with pytest.raises(ValueError, match="does not broadcast to the scores of X") as error:
            attention_layer(X, PLAIN, heads=H, mask=np.ones((7, 9), bool), **options)
        assert ("context" in str(error.value)) == named


@pytest.mark.parametrize("weigh", [None, relu_weights, hard])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("tensor", [False, True])
def test_what_is_hidden_changes_nothing(weigh, bad, tensor):
    """With NaN or inf in the last vector, is every causal output before it as it was?"""
    x = X.copy()
    x[:, -1] = bad
    parameters, options = (tensors(PLAIN) if tensor else PLAIN), {"causal": True, "weigh": weigh}
    with np.errstate(all="ignore"):
        got = attention_layer(torch.from_numpy(x) if tensor else x, parameters, heads=H, **options)
    close(got[:, :-1], attention_layer(X, PLAIN, heads=H, **options)[:, :-1])
    assert np.isnan(np.asarray(got[:, -1])).all()


def test_keep_of_zero_is_a_head_without_its_rows_of_W_o():
    """Is a head that is not kept one whose rows of W_o are zero, and is a list of heads one by one a sum?"""
    whole = attention_layer(X, PLAIN, heads=H)
    alone = []
    for h in range(H):
        W_o = PLAIN["W_o"].copy()
        W_o[h * e : (h + 1) * e] = 0
        without = attention_layer(X, PLAIN, heads=H, keep=np.arange(H) != h)
        close(without, attention_layer(X, PLAIN | {"W_o": W_o}, heads=H))
        alone.append(attention_layer(X, PLAIN, heads=H, keep=np.arange(H) == h))
        close(whole - alone[-1], without)
    close(sum(alone), whole)
    each = np.arange(H) != np.array([[1], [3]])  # another head in each sequence
    close(attention_layer(X, PLAIN, heads=H, keep=each)[1], attention_layer(X, PLAIN, heads=H, keep=each[1])[1])


def test_the_gradient_of_keep_is_what_a_head_adds():
    """Does keep=1 carry a gradient, the importance of each head?"""
    keep = torch.ones(H, dtype=torch.float64, requires_grad=True)
    attention_layer(torch.from_numpy(X), tensors(PLAIN), heads=H, keep=keep).sum().backward()
    added = [attention_layer(X, PLAIN, heads=H, keep=np.arange(H) == h).sum() for h in range(H)]
    close(keep.grad, added)


SCHEMES = {
    "causal": lambda n, past: {}, "rope": lambda n, past: {"turn": rope}, "window": lambda n, past: {"window": 2},
    "alibi": lambda n, past: {"bias": alibi_bias(H, n, past=past)},
    "relative": lambda n, past: {"bias": relative_bias(draw(H, 5), n, past=past)},
    "relu, rope": lambda n, past: {"turn": rope, "weigh": relu_weights},
    "mask": lambda n, past: {"mask": (np.arange(N) != 1)[: past + n]},
}


@pytest.mark.parametrize("steps", [[1] * N, [3, 1, 2], [N]])
@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("tensor", [False, True])
def test_a_cache_gives_what_the_whole_gives(name, steps, tensor):
    """Token by token or in pieces, does attention over a cache give what all tokens at once give?"""
    parameters = {key: x for key, x in EVERYTHING.items() if key != "sinks" or "relu" not in name}
    expected = attention_layer(X, parameters, heads=H, causal=True, **SCHEMES[name](N, 0))
    cache, got, x = Cache(), [], X
    if tensor:
        x, parameters = torch.from_numpy(X), tensors(parameters)
    for n in steps:
        past = cache.length
        options = SCHEMES[name](n, past)
        piece = attention_layer(x[:, past : past + n], parameters, heads=H, causal=True, cache=cache,
                                **(tensors(options) if tensor else options))
        got.append(np.asarray(piece))
    close(np.concatenate(got, 1), expected)
    assert cache.length == N


def test_a_turn_without_the_past_is_another():
    """Is a cache whose new queries were turned from 0 on wrong, and so a slip that the test above sees?"""
    cache = Cache()
    attention_layer(X[:, :5], PLAIN, heads=H, causal=True, cache=cache, turn=rope)
    wrong = attention_layer(X[:, 5:], PLAIN, heads=H, causal=True, cache=cache, turn=lambda x, positions: rope(x))
    right = attention_layer(X, PLAIN, heads=H, causal=True, turn=rope)[:, 5:]
    assert abs(wrong - right).max() > 1e-3


def test_the_cache_of_a_context_projects_each_row_once():
    """In cross-attention, are kept keys and values used again, and do rows that came since join them?"""
    cache, whole = Cache(), attention_layer(X, CROSS, heads=H, context=CONTEXT)
    close(attention_layer(X[:, :2], CROSS, heads=H, context=CONTEXT[:, :4], cache=cache),
          attention_layer(X[:, :2], CROSS, heads=H, context=CONTEXT[:, :4]))
    broken = CONTEXT.copy()
    broken[:, :4] = np.nan  # kept already, so nobody looks
    close(attention_layer(X, CROSS, heads=H, context=broken, cache=cache), whole)
    close(attention_layer(X, CROSS, heads=H, context=np.nan * CONTEXT, cache=cache), whole)


def test_a_call_that_fails_leaves_the_cache_as_it_was():
    """After an error of any option, is nothing kept?"""
    cache = Cache()
    for wrong in ({"window": -1}, {"mask": X[0]}, {"keep": np.ones(9)}, {"turn": 3}, {"heads": 5}, {"softcap": 0}):
        with pytest.raises((ValueError, TypeError), match="^attention_layer: "):
            attention_layer(X, PLAIN, **{"heads": H, "causal": True, "cache": cache} | wrong)
        assert cache.length == 0


def test_gradients_flow_to_every_parameter():
    """Are the gradients of all parameters those of differences, by softmax and by other weights?"""
    for weigh, names in ((None, list(EVERYTHING)), (relu_weights, [n for n in EVERYTHING if n != "sinks"])):
        inputs = [torch.from_numpy(EVERYTHING[name]).clone().requires_grad_() for name in names]

        def total(*parameters, weigh=weigh, names=names):
            options = {"causal": True, "turn": rope, "weigh": weigh}
            x = torch.from_numpy(X[:1, :4])
            return attention_layer(x, dict(zip(names, parameters)), heads=H, **options).square().sum()

        assert torch.autograd.gradcheck(total, inputs, fast_mode=True)


def test_project_gives_what_the_layer_attends_with():
    """Are the queries, keys and values of `project` normed and turned?"""
    q, k, v = project(X, EVERYTHING, heads=H, turn=rope)
    mixed = attention(q, k, v, causal=True, sinks=EVERYTHING["sinks"])
    gate = 1 / (1 + np.exp(-(X @ EVERYTHING["W_gate"] + EVERYTHING["b_gate"])))
    close((merge(mixed) * gate) @ EVERYTHING["W_o"] + EVERYTHING["b_o"],
          attention_layer(X, EVERYTHING, heads=H, turn=rope, causal=True))
    _, alpha = attention_layer(X, EVERYTHING, heads=H, turn=rope, causal=True, return_weights=True)
    close(alpha, attention_weights(q, k, causal=True, sinks=EVERYTHING["sinks"]))
    assert (alpha.sum(-1) < 1).all()


def angles(n, width, base=10000.0):
    """cos and sin (1, n, width) in float64, as Hugging Face's rotary modules give them."""
    turned = torch.arange(n)[:, None] / base ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    turned = torch.cat([turned, turned], -1)[None]
    return turned.cos(), turned.sin()


def hugging_face(kind):
    """An attention layer of transformers with random parameters in float64, and those under our names."""
    import transformers

    sizes = {"hidden_size": D, "num_attention_heads": H, "num_key_value_heads": G, "head_dim": 4, "layer_types":
             ["full_attention"], "num_hidden_layers": 1, "attention_bias": kind == "gpt_oss"}
    names = {"llama": "Llama", "qwen3": "Qwen3", "gpt_oss": "GptOss", "qwen3_next": "Qwen3Next"}
    config = getattr(transformers, f"{names[kind]}Config")(**sizes)
    config._attn_implementation = "eager"
    home = getattr(transformers.models, kind)
    modelling = __import__(f"{home.__name__}.modeling_{kind}", fromlist=["x"])
    torch.manual_seed(0)
    layer = getattr(modelling, f"{names[kind]}Attention")(config, 0).to(torch.float64).eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    theirs = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    ours = {}
    for letter in "qkvo":
        ours[f"W_{letter}"] = theirs[f"{letter}_proj.weight"].T
        if f"{letter}_proj.bias" in theirs:
            ours[f"b_{letter}"] = theirs[f"{letter}_proj.bias"]
    if "q_norm.weight" in theirs:
        more = 1 if kind == "qwen3_next" else 0  # its gain is 1 + the parameter
        ours |= {f"{letter}_gain": theirs[f"{letter}_norm.weight"] + more for letter in "qk"}
    if "sinks" in theirs:
        ours["sinks"] = theirs["sinks"]
    if kind == "qwen3_next":  # each head's queries and gates lie side by side
        both = ours["W_q"].reshape(D, H, 2, 4)
        ours["W_q"], ours["W_gate"] = both[:, :, 0].reshape(D, -1), both[:, :, 1].reshape(D, -1)
    return layer, ours


@pytest.mark.slow
@pytest.mark.parametrize("kind, features", [
    ("llama", []), ("qwen3", ["q_gain"]), ("gpt_oss", ["sinks", "b_o"]), ("qwen3_next", ["q_gain", "W_gate"]),
])
def test_the_layer_is_hugging_faces(kind, features):
    """Are our layers Llama's (grouped heads, RoPE), Qwen3's (norms), GPT-OSS's (sinks) and Qwen3-Next's (gate)?"""
    layer, ours = hugging_face(kind)
    assert set(features) <= set(ours)
    cos, sin = angles(N, 4)
    if kind == "gpt_oss":
        cos, sin = cos[..., :2], sin[..., :2]
    hidden = torch.zeros(1, 1, N, N, dtype=torch.float64).masked_fill(~torch.from_numpy(causal(N)), -math.inf)
    with torch.no_grad():
        expected, alpha = layer(torch.from_numpy(X), (cos, sin), hidden)
    got, weights = attention_layer(X, ours, heads=H, causal=True, turn=rope, return_weights=True)
    tolerance = 1e-10 if kind in ("llama", "gpt_oss") else 1e-5  # their norm is in float32
    tolerance = max(tolerance, 1e-6 if kind == "llama" else 0)    # their softmax is
    close(got, expected, tolerance)
    close(weights, alpha, tolerance)
    for name in features:
        without = {key: value for key, value in ours.items() if key != name}
        assert abs(attention_layer(X, without, heads=H, causal=True, turn=rope) - got).max() > 1e-3


def test_a_bias_of_minus_infinity_hides_from_other_weights_too():
    """Does a NaN that a bias hides change nothing, with a function in the place of softmax as without?"""
    same = [np.eye(2)] * 4
    context, bias = np.array([[1.0, 0], [np.nan, 1]]), np.array([0, -np.inf])
    for weigh in (None, softmax):
        out = multi_head(np.ones((1, 2)), *same, heads=1, context=context, bias=bias, weigh=weigh)
        np.testing.assert_array_equal(out, [[1, 0]])


def test_weights_that_raise_leave_the_cache_as_it_was():
    """Does a cache hold nothing of a call that failed?"""
    cache, same = Cache(), [np.eye(2)] * 4
    multi_head(np.ones((3, 2)), *same, heads=1, cache=cache, causal=True)

    def fails(scores):
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        multi_head(np.ones((1, 2)), *same, heads=1, cache=cache, weigh=fails)
    assert cache.length == 3
