"""Every error of attnlib starts with the name of the function that was called."""

import re

import numpy as np
import pytest
import torch

import attnlib
from attnlib import nn

N, M, D = 5, 7, 4
q, k, v = np.ones((N, D)), np.ones((M, D)), np.ones((M, 3))
out, lse = np.ones((N, 3)), np.ones((N, 1))
EYE = np.eye(D)
MATRICES = dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], EYE)
WHOLE = q.astype(int), k.astype(int), v.astype(int)
ASKEW = np.ones((N, 3), bool)  # no mask of N x M scores

ARRAYS = {  # the name, then calls that must fail: with wrong shapes, dtypes, options or sizes
    "attention.attend": [lambda f: f(q[:, :3], k, v)],
    "attention.attention": [
        lambda f: f(q[:, :3], k, v), lambda f: f(*WHOLE), lambda f: f(q, k, v, mask=ASKEW),
        lambda f: f(q, k, v, mask=k),
    ],
    "attention.attention_weights": [
        lambda f: f(q[:, :3], k), lambda f: f(*WHOLE[:2]), lambda f: f(q, k, mask=ASKEW), lambda f: f(q, k, bias=k),
    ],
    "backward.attend_backward": [lambda f: f(q, q, k, v), lambda f: f(out, q, k, v, mask=ASKEW)],
    "backward.attention_forward": [
        lambda f: f(q[:, :3], k, v), lambda f: f(*WHOLE), lambda f: f(q, k, v, mask=ASKEW),
    ],
    "backward.attention_backward": [
        lambda f: f(q, q, k, v, out, lse), lambda f: f(out, q, k, v, out, out),
        lambda f: f(out.astype(int), *WHOLE, out, lse), lambda f: f(out, q, k, v, out, lse, mask=ASKEW),
    ],
    "heads.split": [lambda f: f(q, 3)],
    "heads.merge": [lambda f: f(q)],
    "heads.multi_head": [lambda f: f(q, EYE, EYE, EYE, EYE, heads=3), lambda f: f(k, EYE[:3], EYE, EYE, EYE, heads=2)],
    "heads.share_heads": [lambda f: f(np.ones((2, M, D)), np.ones((3, N, D)))],
    "heads.sum_of_heads": [lambda f: f(np.ones((3, M, D)), np.ones((2, M, D)))],
    "online_softmax.partial": [lambda f: f(q[:, :3], k, v), lambda f: f(*WHOLE), lambda f: f(q, k, v, mask=q @ k.T)],
    "online_softmax.online": [lambda f: f(q, k, v, block=0)],
    "kv_cache.cache_step": [lambda f: f(q, q, q, k[:, :3], k), lambda f: f(q[:, :3], q, q, k, k)],
    "linear_attention.linear_attention": [
        lambda f: f(q[:, :3], k, v), lambda f: f(*WHOLE), lambda f: f(q, k, v, causal=True),
    ],
    "linear_attention.recurrent": [
        lambda f: f(q, k, v), lambda f: f(WHOLE[1], *WHOLE[1:]), lambda f: f(k, k, v, beta=k),
        lambda f: f(k[:, :3], k, v),
    ],
    "linear_attention.recurrent_chunks": [
        lambda f: f(q, k, v), lambda f: f(WHOLE[1], *WHOLE[1:]), lambda f: f(k, k, v, state=k),
        lambda f: f(k, k, v, chunk=0),
    ],
    "scores.dot": [lambda f: f(q[:, :3], k)],
    "scores.bilinear": [lambda f: f(q, k, np.ones((3, D)))],
    "scores.additive": [lambda f: f(q, k, np.ones((3, 6)), np.ones((D, 6)), np.ones(6))],
    "scores.cosine": [lambda f: f(q[:, :3], k)],
    "windows.stack_window": [lambda f: f(q[0], 1), lambda f: f(q, -1)],
    "windows.windowed_linear": [lambda f: f(q[0], EYE, 1), lambda f: f(q, EYE, -1), lambda f: f(q, EYE, 1)],
    "inputs.embed": [lambda f: f(q, EYE), lambda f: f(np.array([9]), EYE)],
    "inputs.frame": [lambda f: f(q, rate=1)],
    "positions.learned": [lambda f: f(np.array([9]), EYE), lambda f: f(q, EYE)],
    "positions.relative_bias": [lambda f: f(EYE, N)],
    "positions.rope": [
        lambda f: f(np.ones((N, 3))), lambda f: f(WHOLE[0]), lambda f: f(q, np.arange(3)), lambda f: f(q, rotary_dim=9),
    ],
    "positions.rotate": [lambda f: f(WHOLE[0], lse, lse), lambda f: f(q, np.ones((3, 1)), np.ones((3, 1)))],
    "masks.padding": [lambda f: f(np.array([9]), M), lambda f: f(np.array([0.5]), M)],
    "images.patchify": [lambda f: f(q, 2), lambda f: f(np.ones((3, 4, 1)), 2)],
    "images.unpatchify": [lambda f: f(q, 2, (3, 4)), lambda f: f(q, 2, (4, 4))],
    "images.conv_as_attention": [
        lambda f: f(np.ones((4, 4, 2)), np.ones((2, 1, 3, 3))), lambda f: f(np.ones((4, 4, 1)), np.ones((2, 1, 2, 2))),
    ],
    "images.receptive_field": [lambda f: f(EYE, (3, 3))],
    "images.attention_distance": [lambda f: f(EYE, (3, 3))],
    "transformer.linear": [lambda f: f(q, np.ones((3, D))), lambda f: f(q, EYE.astype("f4"))],
}
NUMBERS = {  # functions of numbers, lists and dicts
    "inputs.one_hot": [lambda f: f([0.5], 3), lambda f: f([3], 3)],
    "inputs.frame_count": [lambda f: f(16, rate=1)],
    "inputs.pad": [lambda f: f([]), lambda f: f([q, EYE[:, :3]]), lambda f: f([q, WHOLE[0]])],
    "inputs.adjacency": [lambda f: f([(0, 1, 2)], 3), lambda f: f([(0, 9)], 3), lambda f: f([(0, 0.5)], 3)],
    "masks.window": [lambda f: f(N, -1)],
    "masks.graph": [lambda f: f([(0, 1, 2)], 3), lambda f: f([(0, 9)], 3)],
    "positions.sinusoidal": [lambda f: f(N, 3)],
    "positions.sinusoidal_shift": [lambda f: f(3, 1)],
    "positions.alibi_slopes": [lambda f: f(0)],
    "positions.alibi_bias": [lambda f: f(0, N)],
    "images.conv_heads": [lambda f: f((3, 3), 2)],
    "transformer.attention_layer": [lambda f: f(q, MATRICES, heads=3), lambda f: f(k[:, :3], MATRICES, heads=2)],
    "transformer.project": [lambda f: f(q, MATRICES, heads=3)],
    "transformer.part": [lambda f: f({"mlp.W_in": EYE}, "cross")],
    "outputs.greedy_decode": [lambda f: f(len, [], end=0, longest=3)],
    "interop.from_multihead": [lambda f: f({"bias_k": 0})],
    "interop.to_multihead": [lambda f: f({name: torch.ones(4, 2 if name == "W_k" else 4) for name in MATRICES})],
    "interop.from_hugging_face": [lambda f: f({}, "t5"), lambda f: f({}, "bert")],
    "costs.linear": [lambda f: f(0, 4, 4)],
    "costs.dense": [lambda f: f(0, 4)],
    "costs.windowed_linear": [lambda f: f(0, 4, 4, 1), lambda f: f(5, 4, 4, -1)],
    "costs.convolution": [lambda f: f(0, 4, 4, 4, 3)],
    "costs.recurrent": [lambda f: f(0, 4, 4)],
    "costs.pairs": [lambda f: f(0), lambda f: f(5, window=-1)],
    "costs.mixing": [lambda f: f(0, d_k=4), lambda f: f(5, d_k=0)],
    "costs.multi_head": [lambda f: f(0, 4, 2), lambda f: f(5, 4, 3), lambda f: f(5, 12, 6, key_heads=4)],
    "costs.dot_score": [lambda f: f(0, 7, 4)],
    "costs.bilinear_score": [lambda f: f(0, 7, 4, 3)],
    "costs.additive_score": [lambda f: f(0, 7, 4, 3, hidden=8)],
    "costs.layer_norm": [lambda f: f(0, 4)],
    "costs.mlp": [lambda f: f(0, 4)],
    "costs.crossover": [lambda f: f(lambda N: N, lambda N: N, limit=10)],
}


def fails_by_name(name, calls, convert=lambda function: function):
    """Assert that each call fails with an error whose message starts with the function's name and a colon."""
    module, name = name.split(".")
    function = convert(getattr(getattr(attnlib, module), name))
    for call in calls:
        with pytest.raises((ValueError, TypeError, IndexError, KeyError)) as caught:
            call(function)
        assert str(caught.value.args[0]).startswith(f"{name}: "), caught.value


def of_tensors(function):
    """The function, given every array as a tensor."""

    def to_tensor(value):
        return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

    return lambda *args, **options: function(
        *map(to_tensor, args), **{key: to_tensor(value) for key, value in options.items()}
    )


@pytest.mark.parametrize("name", [*ARRAYS, *NUMBERS])
def test_an_error_starts_with_the_function_that_was_called(name):
    """Does every error of every public function start with its name, not with that of something it calls?"""
    fails_by_name(name, (ARRAYS | NUMBERS)[name])


@pytest.mark.parametrize("name", ARRAYS)
def test_an_error_of_tensors_starts_with_the_function_that_was_called(name):
    """Given tensors, does every error start with the name too?"""
    fails_by_name(name, ARRAYS[name], of_tensors)


def test_an_error_of_a_layer_starts_with_the_layer():
    """Does nn.MultiHeadAttention name itself, whether it is made, called or asked for its weights?"""
    layer, narrow = nn.MultiHeadAttention(6, 2), torch.ones(5, 4)
    for call, name in (
        (lambda: nn.MultiHeadAttention(6, 4), "MultiHeadAttention"),
        (lambda: layer(narrow), "MultiHeadAttention"),
        (lambda: layer.attention_weights(narrow), "MultiHeadAttention.attention_weights"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(name)}: "):
            call()
