"""Gradients by autograd and by differences: are they right, and is it said where none arrives?"""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from attnlib import backward
from attnlib.attention import attend
from attnlib.check.beside_learner.gradients import value_and_gradients
from attnlib.check.scoring import gradients as g
from attnlib.check.spec import Case, Exercise, Forbidden
from tests.problem_sets.helpers import report_of
from tests.problem_sets.made_up import right_97_kinds as right
from tests.problem_sets.made_up.ex_97_kinds import PROBLEM_SET

SIZES = (3, 4, 2, 5)


def drawn(rng, dtype=float):
    """Q (N, d), K (M, d), V (M, e) and a cotangent (N, e)."""
    N, M, d, e = SIZES
    return [rng.normal(size=shape).astype(dtype) for shape in ((N, d), (M, d), (M, e), (N, e))]


def mix(Q, K, V):
    """Attention, of arrays."""
    return attend(Q, K, V)[0]


def mix_or_mask(Q, K, V, mask=None):
    """The same, with an argument that may be left out."""
    return attend(Q, K, V, mask)[0]


@pytest.mark.parametrize("seed", range(3))
def test_differences_are_as_accurate_as_they_say(seed):
    """Do central differences agree with attnlib's own gradients a thousand times better than ACCURACY?"""
    Q, K, V, dB = drawn(np.random.default_rng(seed))
    exact = backward.attend_backward(dB, Q, K, V)
    for ours, theirs in zip(g.central_differences(mix, (Q, K, V), dB), exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=g.ACCURACY.relative / 1000, atol=g.ACCURACY.of_the_row / 1000)


def test_differences_take_float32_masks_and_several_results():
    """Are float32 inputs widened and their gradients narrowed again, bools left out, results without cotangent too?"""
    Q, K, V, dB = drawn(np.random.default_rng(0), np.float32)
    mask = np.tri(SIZES[0], SIZES[1], dtype=bool)
    exact = backward.attend_backward(dB.astype(float), *(x.astype(float) for x in (Q, K, V)), mask=mask)
    found = g.by_differences(attend)(Q, K, V, mask, (dB, None))
    assert [each.dtype for each in found] == [np.float32] * 3
    for ours, theirs in zip(found, exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    (one,) = (g.by_differences(mix, wrt=(2,))(Q, K, V, dB),)
    np.testing.assert_array_equal(one, g.central_differences(mix, (Q, K, V), dB)[2])


def test_differences_leave_the_arguments_alone():
    """Are the arguments what they were, and read no more often than needed?"""
    arrays = drawn(np.random.default_rng(0))
    before = [array.copy() for array in arrays]
    g.by_differences(mix)(*arrays)
    assert all(map(np.array_equal, before, arrays))


def test_a_report_shows_the_cotangent_by_its_name():
    """Does a learner who writes gradients by hand see all that went in, whatever forward's other arguments are?"""
    by_hand = next(each for each in PROBLEM_SET.exercises if each.name == "softmax_goes_backward_by_hand")
    report = report_of(by_hand, lambda scores, dA: dA)
    assert [name for name, _ in report.shown.inputs] == ["scores", "dA"]
    attention = replace(by_hand, reference=g.by_differences(mix_or_mask), slips=(),
                        properties=(g.gradients_by_hand(1, ("Q", "K", "V")),),
                        cases=lambda rng: [Case("plain", tuple(drawn(rng)), "Q, K, V")])
    report = report_of(attention, lambda Q, K, V, dB: (Q, K, V))
    assert [name for name, _ in report.shown.inputs] == ["Q", "K", "V", "cotangent"]


def test_autograd_takes_dicts_masks_and_several_results():
    """Does each floating array in dicts and lists get its gradient, and each result its cotangent or none?"""
    def layer(x, parameters, mask, count):
        y = torch.where(mask, x @ parameters["W"] + parameters["more"][0], 0.0)
        return y, y.sum(), count

    rng = np.random.default_rng(0)
    x, W, b, dy = rng.normal(size=(3, 2)), rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=(3, 4))
    mask = rng.random((3, 4)) < 0.5
    value, found = value_and_gradients(layer, [x, {"W": W, "more": [b, "text"]}, mask, 3, [dy, np.array(2.0), None]])
    weighted = np.where(mask, dy + 2, 0)
    np.testing.assert_allclose(found[0], weighted @ W.T)
    np.testing.assert_allclose(found[1]["W"], x.T @ weighted)
    np.testing.assert_allclose(found[1]["more"][0], weighted.sum(axis=0))
    assert found[1]["more"][1] is found[2] is found[3] is None and value[2] == 3


def product(Q, K):
    """The reference: K counts once."""
    return Q @ K.mT


PRODUCT = Exercise(
    name="product", asks="Q times K", kind="gradients", reference=product, slips=(),
    cases=lambda rng: [Case("plain", tuple(rng.normal(size=n) for n in ((3, 2), (4, 2), (3, 4))), "Q and K")],
    properties=(g.value(1), g.gradients(1, ("Q", None), name="that of Q"), g.gradients(1, (None, "K"), name="of K")))


@pytest.mark.parametrize(("answer", "points", "words"), [
    (product, 3, ""),
    (lambda Q, K: torch.einsum("nd,md->nm", Q, K), 3, ""),
    (lambda Q, K: Q.detach() @ K.T, 2, "For Q and K: no gradient arrives at Q. PyTorch's record shows no way from it"),
    (lambda Q, K: torch.tensor((Q @ K.T).tolist(), dtype=Q.dtype), 1, "no gradient arrives at K."),
    (lambda Q, K: Q @ K.T + 0 * Q.sum() * K.sum(), 3, ""),
    (lambda Q, K: Q @ K.T + Q.sum() - Q.detach().sum(), 2, "in the gradient of Q: at [0, 0] we expect"),
    (lambda Q, K: (Q @ K.T).half(), 0, "at [0, 0] we expect"),
    (lambda Q, K: (Q @ K.T).detach().numpy(), 1, "no gradient can flow back from what the function returned: it is"),
    (lambda Q, K: K @ Q.T, 0, "no gradient could flow back: we expect a result of shape (3, 4), not (4, 3)."),
    (lambda Q, K: (Q @ K.T, Q), 0, "it is no floating torch tensor"),
    (lambda Q, K: None, 0, "the function returned None. Does it end in a return?"),
    (lambda Q, K: Q.numpy() @ K.numpy().T, 0, "It raised RuntimeError: Can't call numpy() on Tensor that requires"),
])
def test_each_gradient_is_judged_by_itself(answer, points, words):
    """Are value and gradients paid apart, and is what is missing told as it was seen?"""
    report = report_of(PRODUCT, answer)
    assert report.points == points, report.text()
    assert words in report.text(), report.text()


def test_forbidden_calls_are_seen_inside_every_kind():
    """Is a ready-made function seen in a function with gradients, in a module and in an object, ours beside it not?"""
    ready = Forbidden("ready-made", ("torch.softmax", "torch.scaled_dot_product_attention", "numpy.concatenate"))
    for name, answer, called in (
            ("gradients_flow_through_softmax", right.softmax_of_torch, "torch.softmax"),
            ("a_head_is_a_module", right.make_fused_head, "torch.scaled_dot_product_attention"),
            ("a_cache_keeps_every_key", right.CacheInArrays, "numpy.concatenate")):
        exercise = next(replace(each, forbidden=(ready,)) for each in PROBLEM_SET.exercises if each.name == name)
        assert called in report_of(exercise, answer).headline
    online = right.CacheOnline
    assert report_of(exercise, online).points == exercise.points


def test_a_graph_that_is_kept_or_switched_off_changes_nothing():
    """Do answers that switch gradients off, or on, in the whole process spoil later calls?"""
    def switches_off(Q, K):
        torch.set_grad_enabled(False)
        return Q @ K.mT

    try:
        assert report_of(PRODUCT, switches_off).points == 1
        assert report_of(PRODUCT, product).points == 3
    finally:
        torch.set_grad_enabled(True)


def test_numpy_answers_of_every_kind_need_no_torch():
    """Are gradients by hand, plain classes, objects, labels and predictions checked without importing PyTorch?"""
    script = """
import sys
from tests.problem_sets.made_up.ex_97_kinds import PROBLEM_SET
from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.answers import reference_answer
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
for each in PROBLEM_SET.exercises:
    if each.name not in ("gradients_flow_through_softmax", "a_head_is_a_module"):
        report = score(each, 0, respond(challenge(each, 0), reference_answer(each)))
        assert report.points == report.max_points, report
assert "torch" not in sys.modules
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
