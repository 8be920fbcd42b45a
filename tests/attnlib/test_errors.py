"""Arguments that are right by their kind and do not fit by their value: each error starts with the function's name.

Arguments of a wrong kind, dtype or shape are tried by test_bad_arguments.py, for every function.
"""

import numpy as np
import pytest
import torch

from tests.attnlib.calls import find

N, M, D = 5, 7, 4
q, k, v = np.ones((N, D)), np.ones((M, D)), np.ones((M, 3))
EYE = np.eye(D)
MATRICES = dict.fromkeys(["W_q", "W_k", "W_v", "W_o"], EYE)

ARRAYS = {  # the name, then calls that must fail
    "heads.split": [lambda f: f(q, 3)],
    "heads.multi_head": [lambda f: f(q, EYE, EYE, EYE, EYE, heads=3)],
    "heads.share_heads": [lambda f: f(np.ones((2, M, D)), np.ones((3, N, D)))],
    "heads.sum_of_heads": [lambda f: f(np.ones((3, M, D)), np.ones((2, M, D)))],
    "linear_attention.linear_attention": [lambda f: f(q, k, v, causal=True)],
    "linear_attention.recurrent": [lambda f: f(q, k, v)],
    "linear_attention.recurrent_chunks": [lambda f: f(q, k, v)],
    "windows.windowed_linear": [lambda f: f(q, EYE, 1)],
    "inputs.frame": [lambda f: f(q, rate=1)],
    "positions.relative_bias": [lambda f: f(EYE, N)],
    "positions.rope": [
        lambda f: f(np.ones((N, 3))), lambda f: f(q, np.arange(3)), lambda f: f(q, rotary_dim=9),
        lambda f: f(q, rotary_dim=3),
    ],
    "positions.rotate": [lambda f: f(q, np.ones((3, 1)), np.ones((3, 1)))],
    "images.patchify": [lambda f: f(np.ones((3, 4, 1)), 2)],
    "images.unpatchify": [lambda f: f(q, 2, (3, 4)), lambda f: f(q, 2, (4, 4))],
    "images.conv_as_attention": [lambda f: f(np.ones((4, 4, 1)), np.ones((2, 1, 2, 2)))],
    "images.receptive_field": [lambda f: f(EYE, (3, 3))],
    "images.attention_distance": [lambda f: f(EYE, (3, 3))],
    "transformer.attention_layer": [lambda f: f(q, MATRICES, heads=3)],
    "transformer.project": [lambda f: f(q, MATRICES, heads=3)],
}
NUMBERS = {  # functions of numbers, lists and dicts
    "inputs.frame_count": [lambda f: f(16, rate=1)],
    "masks.graph": [lambda f: f([(0, 1, 2)], 3), lambda f: f([(0, 9)], 3)],
    "positions.sinusoidal": [lambda f: f(N, 3)],
    "positions.sinusoidal_shift": [lambda f: f(3, 1)],
    "images.conv_heads": [lambda f: f((3, 3), 2)],
    "transformer.part": [lambda f: f({"mlp.W_in": EYE}, "cross")],
    "outputs.greedy_decode": [lambda f: f(len, [], end=0, longest=3)],
    "interop.from_multihead": [lambda f: f({"bias_k": 0})],
    "interop.to_multihead": [lambda f: f({name: torch.ones(4, 2 if name == "W_k" else 4) for name in MATRICES})],
    "interop.from_hugging_face": [lambda f: f({}, "t5"), lambda f: f({}, "bert")],
    "costs.multi_head": [lambda f: f(5, 4, 3), lambda f: f(5, 12, 6, key_heads=4)],
    "costs.crossover": [lambda f: f(lambda N: N, lambda N: N, limit=10)],
    "nn.MultiHeadAttention": [lambda f: f(6, 4), lambda f: f(6, 2)(torch.ones(5, 4))],
    "nn.MultiHeadAttention.attention_weights": [lambda f: f(find("nn.MultiHeadAttention")(6, 2), torch.ones(5, 4))],
}


def fails_by_name(name, calls, convert=lambda function: function):
    """Assert that each call fails with an error whose message starts with the function's name and a colon."""
    function, name = convert(find(name)), name.partition(".")[2]
    for call in calls:
        with pytest.raises((ValueError, TypeError, IndexError, KeyError)) as caught:
            call(function)
        assert str(caught.value.args[0]).startswith(f"{name}: "), caught.value


def of_tensors(function):
    """The function, given every array as a tensor."""

    def to_tensor(value):
        if isinstance(value, dict):
            return {key: to_tensor(one) for key, one in value.items()}
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
