"""Properties of a prediction that is made before the computation that decides it (kind "prediction")."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from attnlib.check.scoring import properties as p
from attnlib.check.scoring.outcome import Outcome, as_array, printable, what_is
from attnlib.check.spec import Case, Property

COMPUTED = (1, "what the function gives")
UNANSWERED = "Not answered yet: the prediction is still None."


def computed(points: float, part: p.Part = None, on: tuple[str, ...] = ("prediction", "plain"),
             name: str = p.NUMBERS) -> Property:
    """What the function beside the prediction gives is what the reference gives."""
    judged = p.values(points, part, on, name)

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        return judged.judge(case, replace(outcome, content=p.pick(outcome.content, COMPUTED)),
                            p.pick(expected, COMPUTED))

    return replace(judged, judge=judge)


def prediction_near(points: float, within: float, on: tuple[str, ...] = ("prediction",),
                    after: str = p.NUMBERS, name: str = "") -> Property:
    """The prediction, a number, is within a factor of what the computation gives; both of one sign.

    It waits for `after`, a property by which the computation is right on the same case: the learner's own decides.
    """

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        said, found = p.pick(outcome.content, (0, "")), p.pick(outcome.content, COMPUTED)
        guess, right = as_array(said), float(p.pick(expected, COMPUTED))
        if said is None:
            return UNANSWERED
        if guess is None or guess.ndim:
            return f"We expect a number as the prediction and got {what_is(said)}."
        if _is_within(float(guess), right, within):
            return None
        return (f"You predicted {guess:.4g}. For {case.description} your own computation gives {found:.4g}, and the "
                f"two are further apart than a factor of {within:g}.")

    return Property(name or f"the prediction is within a factor of {within:g}", points, judge, on, after)


def _is_within(guess: float, right: float, factor: float) -> bool:
    """Whether the two are of one sign, and neither is more than `factor` times the other."""
    if right == 0 or guess == 0:
        return guess == right
    return 1 / factor <= guess / right <= factor


def choice(points: float, options: Sequence[str], decides: Callable[[Any], str] = str,
           on: tuple[str, ...] = ("prediction",), after: str = p.NUMBERS,
           name: str = "the prediction comes true") -> Property:
    """The prediction is one of `options`, the one that the computation decides on.

    decides(what the function gives) is the option; left out, the function gives the option itself. It waits as
    `prediction_near` does.
    """

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        said = p.pick(outcome.content, (0, ""))
        if said is None:
            return UNANSWERED
        if not isinstance(said, str) or said not in options:
            shown = f"“{printable(said[:40])}”" if isinstance(said, str) else what_is(said)
            return f"We expect one of {', '.join(options)} as the prediction and got {shown}."
        right = decides(p.pick(expected, COMPUTED))
        if said == right:
            return None
        return f"You predicted “{said}”. For {case.description} your own computation says “{right}”."

    return Property(name, points, judge, on, after)
