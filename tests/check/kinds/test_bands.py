"""Bands between baselines: does luck alone cost points, or earn them?"""

import numpy as np
import pytest

from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.outcome import Outcome
from attnlib.check.scoring.predictions import as_good_as, beats, commonest_label, lead
from attnlib.check.spec import Case
from tests.problem_sets.helpers import report_of
from tests.problem_sets.made_up.ex_97_kinds import PREDICTIONS

TRIALS = 4000


def right_on(rng, n, accuracy, other, alike):
    """Where an answer is right, n times: as `other` is in a share `alike` of the inputs, by itself elsewhere."""
    return np.where(rng.random(n) < alike, other, rng.random(n) < accuracy)


@pytest.mark.parametrize(("n", "accuracy", "alike"), [
    (100, 0.6, 0.0), (100, 0.9, 0.5), (300, 0.5, 0.0), (300, 0.95, 0.8), (1000, 0.8, 0.3), (50, 0.7, 0.0)])
def test_an_answer_as_good_as_the_baseline_is_seldom_refused(n, accuracy, alike):
    """Is one that is right as often refused by luck at most once in 500 times, and does luck seldom pass for better?"""
    rng = np.random.default_rng(0)
    refused = better = 0
    for _ in range(TRIALS):
        theirs = rng.random(n) < accuracy
        ahead, luck = lead(right_on(rng, n, accuracy, theirs, alike), theirs[None])
        refused, better = refused + (ahead < -luck), better + (ahead > luck)
    assert refused <= TRIALS / 500 + 3 and better <= TRIALS / 500 + 3, (refused / TRIALS, better / TRIALS)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_seeds_luck_is_allowed_for(seeds):
    """Is an answer refused seldom, where each seed's training ends with another accuracy, as the baseline's does?"""
    rng = np.random.default_rng(1)
    refused_with, refused_without = 0, 0
    for _ in range(TRIALS):
        hard = rng.random(300)                                        # an input's difficulty, for all alike
        ours, *theirs = (hard < rng.normal(0.8, 0.04) for _ in range(seeds + 1))
        ahead, luck = lead(ours, np.array(theirs))
        refused_with += ahead < -luck
        ahead, luck = lead(ours, np.array(theirs[:1]))
        refused_without += ahead < -luck
    assert refused_with < TRIALS * {3: 0.05, 5: 1 / 60, 10: 1 / 150}[seeds] < refused_without


@pytest.mark.parametrize(("worse", "caught"), [(0.15, 0.9), (0.25, 0.999)])
def test_a_worse_answer_is_refused(worse, caught):
    """Is an answer that is clearly worse on 300 inputs refused nearly always?"""
    rng = np.random.default_rng(2)
    refused = 0
    for _ in range(1000):
        theirs = rng.random(300) < 0.9
        ahead, luck = lead(right_on(rng, 300, 0.9 - 2 * worse, theirs, 0.5), theirs[None])
        refused += ahead < -luck
    assert refused >= 1000 * caught


def test_the_sentences_say_both_accuracies_and_how_many_inputs():
    """Does a learner read how often they are right, how often the baseline is, of how many, and what luck explains?"""
    labels = np.array([0, 1] * 50)
    case = Case("plain", (None, np.array([0, 0, 1]), np.zeros(100)), "100 words", labels)
    half_right = Outcome("value", 0 * labels)
    better, as_good = (kind("guessing", 1, commonest_label) for kind in (beats, as_good_as))
    assert as_good.judge(case, half_right, labels) is None
    assert better.judge(case, half_right, labels) == (
        "For 100 words: 50.0% of 100 labels are right, and 50.0% by guessing. Luck explains a lead of up to 0.0% here.")
    assert as_good.judge(case, Outcome("value", labels * 0 + 2), labels) == (
        "For 100 words: 0.0% of 100 labels are right, and 50.0% by guessing. "
        "Luck explains falling short by up to 21.2% here.")
    assert better.judge(case, Outcome("value", labels.astype(float)), labels) is None
    assert "we expect labels of shape (100,) and got (100, 2)." in better.judge(
        case, Outcome("value", np.zeros((100, 2))), labels)


def test_the_labels_stay_with_the_grader():
    """Is no label of a new point in what goes to the sandbox, and does the training set's alone?"""
    posed = challenge(PREDICTIONS, 5)
    assert len(posed["cases"]) == 1 and len(posed["cases"][0]) == 3
    assert [argument["shape"] for argument in posed["cases"][0]] == [[200, 2], [200], [300, 2]]


def test_training_is_called_once():
    """Is an answer that trains called once, not twice as others are?"""
    calls = []
    respond(challenge(PREDICTIONS, 0), lambda *args: calls.append(args))
    assert len(calls) == 1
    assert report_of(PREDICTIONS, lambda *args: None).points == 0
