"""Problem set 05_weights: what is its own. What every set must prove is in test_every_*.py."""

import pytest
import torch

import attnlib
from tests.problem_sets.helpers import named, report_of

STEM = "05_weights"


@pytest.mark.parametrize(("name", "answer"), [
    ("softmax_turns_each_row_into_weights", lambda s: torch.nn.Softmax(-1)(torch.from_numpy(s))),
    ("softmax_turns_each_row_into_weights", lambda s: torch.softmax(torch.from_numpy(s), -1)),
    ("softmax_turns_each_row_into_weights", lambda s: torch.special.softmax(torch.from_numpy(s), -1)),
    ("softmax_turns_each_row_into_weights", attnlib.weights.softmax),
    ("scores_are_divided_by_the_root_of_d_k", attnlib.scores.scaled_dot),
    ("scores_are_divided_by_the_root_of_d_k", lambda Q, K: attnlib.scores.dot(Q, K) / K.shape[1] ** 0.5),
    ("one_output_is_a_mixture_of_all_values", lambda i, Q, K, V: attnlib.attention.attend(Q, K, V)[0][i]),
    ("attend_gives_mixtures_and_weights", attnlib.attention.attend),
    ("attend_gives_mixtures_and_weights", lambda Q, K, V: attnlib.attention.attend(Q, K, V)),
    ("attend_gives_mixtures_and_weights", lambda Q, K, V: (torch.nn.functional.scaled_dot_product_attention(
        *map(torch.from_numpy, (Q, K, V))), None)),
    ("relu_weights_are_divided_by_the_length", attnlib.weights.relu_weights),
])
def test_a_ready_made_function_earns_nothing_and_is_told_why(name, answer):
    """Does handing in attnlib's or torch's own function earn nothing and say why?"""
    report = report_of(named(name), answer)
    assert report.points == 0
    assert "Your function calls" in report.headline and "does not allow" in report.headline
