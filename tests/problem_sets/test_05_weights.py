"""Problem set 05_weights: what is its own. What every set must prove is in test_every_*.py."""

import pytest
import torch

import attnlib
from attnlib.check.scoring.slips import slip_answer
from attnlib.check.spec import exercises
from tests.problem_sets.helpers import named, report_of
from tests.problem_sets.notebooks import defined_by, exercise_parts, read

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
    assert "Your function calls" in report.headline and "write it yourself" in report.headline


@pytest.mark.parametrize(("name", "slip", "points"), [
    ("softmax_turns_each_row_into_weights", "exponential-overflows", 3.5),
    ("softmax_turns_each_row_into_weights", "softmax-over-queries", 0),
    ("softmax_turns_each_row_into_weights", "scores-changed-in-place", 3.5),
    ("scaling_brings_the_variance_back", "divided-by-d-k", 1),
    ("scores_are_divided_by_the_root_of_d_k", "root-is-float64", 1.5),
    ("one_output_is_a_mixture_of_all_values", "exponential-overflows", 2.5),
    ("attend_gives_mixtures_and_weights", "not-scaled", 0.5),
    ("attend_gives_mixtures_and_weights", "keys-mixed", 1.5),
    ("relu_weights_are_divided_by_the_length", "scores-changed-in-place", 1.5),
])
def test_a_slip_keeps_the_points_of_what_it_got_right(name, slip, points):
    """Does a slip keep the points of what it got right?"""
    made = next(each for each in named(name).slips if each.id == slip)
    assert report_of(named(name), slip_answer(named(name), made)).points == points


def test_a_wrong_softmax_costs_the_exercise_that_calls_it_too():
    """Do a softmax over the queries, and the attend that calls it, earn nothing in an otherwise right notebook?"""
    notebook = read("solutions", STEM)
    cell = next(cell for cell in notebook.cells if cell.id == "write_softmax")
    cell.source = cell.source.replace("axis=-1", "axis=0")
    names = defined_by(notebook)
    checked = {part.checks[0].metadata.nbgrader.grade_id: names[part.checked_name] for part in exercise_parts(notebook)}
    points = {exercise.name: report_of(exercise, checked[exercise.name]).points for exercise in exercises(STEM)}
    lost = {"softmax_turns_each_row_into_weights", "attend_gives_mixtures_and_weights"}
    assert points == {each.name: 0 if each.name in lost else each.points for each in exercises(STEM)}
