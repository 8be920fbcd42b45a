"""`check(name, answer)`: told at once, and by name, what is right and what went wrong."""

import json
import os
from typing import TYPE_CHECKING, Any

from attnlib.check.beside_learner.call import respond

if TYPE_CHECKING:  # the report knows what a right answer has; the sandbox does not hold it
    from attnlib.check.scoring.report import Report

# How a response leaves the sandbox; grader/sandbox/inside/runner.py and grader/sanitize/outputs.py know it too.
RESPONSE = "application/vnd.attnlib.response+json"


class CheckFailed(AssertionError):
    """Not all points; the message is the whole report."""

    def __init__(self, report: "Report") -> None:
        super().__init__(report.text())
        self.report = report

    def _render_traceback_(self) -> list[str]:  # IPython: the report is on the page already
        return [f"CheckFailed: {self.report.name}: {self.report.summary}. The report above says why."]


def check(name: str, *answer: Any) -> "Report | None":
    """Check `answer` against the exercise called `name` and show the report.

    Most exercises take one object; one that asks for a prediction takes two, check(name, prediction, function).
    On the learner's machine the public cases run here: full points return the report, anything less
    shows it and raises CheckFailed. In the grader's sandbox the challenge's inputs run here and only what
    came out is handed over. Raises KeyError, with the nearest names, when no exercise is called so.
    """
    if not answer:
        raise TypeError(f"check: the answer is missing; write check({name!r}, answer)")
    handed = answer[0] if len(answer) == 1 else answer
    path = os.environ.get("ATTNLIB_CHALLENGE")
    if not path:
        return check_here(name, handed)
    hand_over(name, handed, path)
    return None


def check_here(name: str, answer: Any, seed: int = 0) -> "Report":
    """Score the public cases in this process."""
    from attnlib.check.scoring.challenge import challenge
    from attnlib.check.scoring.judge import score
    from attnlib.check.spec import find

    exercise = find(name)
    report = score(exercise, seed, respond(challenge(exercise, seed), answer))
    if report.points == report.max_points:
        return report
    if in_ipython():
        from IPython.display import display

        display(report)
    raise CheckFailed(report)


def hand_over(name: str, answer: Any, path: str) -> None:
    """Run the challenge kept at `path` and put the response into the notebook's output."""
    from IPython.display import display

    with open(path) as file:
        challenges = json.load(file)
    if name not in challenges:
        raise KeyError(f"check: this set has no exercise called {name!r}; it has {', '.join(challenges)}")
    response = respond(challenges[name], answer)
    display({RESPONSE: response, "text/plain": f"{name}: handed over"}, raw=True)


def in_ipython() -> bool:
    """Whether a notebook or an IPython shell is there to show HTML."""
    try:
        return get_ipython() is not None  # type: ignore[name-defined]  # IPython adds the name
    except NameError:
        return False
