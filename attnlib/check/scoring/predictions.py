"""Properties of predicted labels: bands between named baselines, with luck allowed for."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from attnlib.check.scoring import properties as p
from attnlib.check.scoring.outcome import Outcome, as_array
from attnlib.check.spec import Case, Property

STANDARD_ERRORS = 3.0  # of the paired difference: luck goes further once in 700 times


def as_good_as(baseline_name: str, points: float, baseline: Callable, on: tuple[str, ...] = ("plain",),
               name: str = "") -> Property:
    """The labels are right at least as often as those of `baseline(*case.args)`, less what luck allows.

    Compared on the same inputs, as in McNemar's test: only inputs that one side alone has right count. With d the
    difference on each input (1, 0 or -1), the answer is refused when mean(d) < -3 standard errors of the paired
    difference, sqrt(sum(d**2)) / n. An answer that is as good as the baseline is refused at most once in 500 times
    (tests/check/kinds/test_bands.py simulates it).
    A baseline that trains may give labels of several seeds, (seeds, n): their mean stands for it, and the spread of
    their accuracies, s sqrt(1 + 1/seeds), is added to the error, for the seed is luck too. Where seeds spread the
    accuracy by 2 to 8 points, an equal answer is refused about once in 60 times with 5 seeds, in 150 with 10; with
    one seed, of which no spread can be told, once in 7 or more often.
    """
    return _band(name or f"as good as {baseline_name}", baseline_name, points, baseline, on, -1)


def beats(baseline_name: str, points: float, baseline: Callable, on: tuple[str, ...] = ("plain",),
          name: str = "") -> Property:
    """The labels are right more often than those of `baseline(*case.args)`, by more than luck gives.

    The comparison of `as_good_as`, the other way round: the answer has to be better by 3 standard errors, so that
    one that is no better than the baseline passes at most once in 500 times. For a baseline that asks for no skill,
    as guessing the commonest label.
    """
    return _band(name or f"better than {baseline_name}", baseline_name, points, baseline, on, 1)


def _band(name: str, baseline_name: str, points: float, baseline: Callable, on: tuple[str, ...],
          side: int) -> Property:
    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        labels, got = np.asarray(expected), as_array(outcome.content)
        if got is None:
            return p.no_numbers(case, None, outcome, labels)
        if got.shape != labels.shape:
            return f"For {case.description}: we expect labels of shape {labels.shape} and got {got.shape}."
        ours = got == labels
        theirs = np.atleast_2d(np.asarray(baseline(*case.args))) == labels
        ahead, luck = lead(ours, theirs)
        if ahead >= -luck if side < 0 else ahead > luck:
            return None
        need = "Luck explains a lead" if side > 0 else "Luck explains falling short by"
        return (f"For {case.description}: {told(ours.mean())} of {len(labels)} labels are right, and "
                f"{told(theirs.mean())} by {baseline_name}. {need} {'of ' if side > 0 else ''}up to "
                f"{told(luck)} here.")

    return Property(name, points, judge, on)


def lead(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """(how far ahead in accuracy, how much of that luck explains): ours (n,), theirs (seeds, n), True where right."""
    ahead = ours - theirs.mean(axis=0)                                                  # (n,)
    paired = math.sqrt((ahead ** 2).sum()) / max(len(ahead), 1)
    seeds = len(theirs)
    spread = theirs.mean(axis=1).std(ddof=1) * math.sqrt(1 + 1 / seeds) if seeds > 1 else 0.0
    return float(ahead.mean()), STANDARD_ERRORS * math.hypot(paired, spread)


def told(share: float) -> str:
    """'65.5%'."""
    return f"{100 * share:.1f}%"


def commonest_label(*arguments: Any) -> np.ndarray:
    """The baseline that guesses: the commonest of the labels in train (n, ...), labels (n,), test (m, ...), m times."""
    _, labels, test = arguments
    values, counts = np.unique(labels, return_counts=True)
    return np.full(len(test), values[counts.argmax()])
