"""`check(name, answer)`: told at once, and by name, what is right and what went wrong."""

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attnlib.check.beside_learner.apart import respond_apart
from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.cells import Cells
from attnlib.check.beside_learner.handed_over import HandedOver
from attnlib.check.beside_learner.time_limit import Interrupted
from attnlib.check.beside_learner.wire import decode

if TYPE_CHECKING:  # the report knows what a right answer has; the sandbox does not hold it
    from attnlib.check.scoring.report import Report

# How a response leaves the sandbox; grader/sandbox/inside/runner.py and grader/sanitize/outputs.py know it too.
RESPONSE = "application/vnd.attnlib.response+json"
TOOLS = ("NBGRADER_VALIDATING", "NBGRADER_EXECUTION")  # nbgrader sets these where it must see a failure as an error


class CheckFailed(AssertionError):
    """Not all points; the message is the whole report."""

    def __init__(self, report: "Report") -> None:
        super().__init__(report.text())
        self.report = report


class CheckStopped(KeyboardInterrupt):
    """The person at the keyboard stopped a check; cells that wait to be run are not."""

    def _render_traceback_(self) -> list[str]:  # IPython shows this in place of a traceback
        return [str(self)]


class Check:
    """The function `check` of a notebook; it remembers what it found, for `check.case` and for later exercises."""

    def __init__(self) -> None:
        self.cells = Cells()
        self.mistakes: dict[str, str] = {}  # exercise: the id of the mistake that was named
        self.failing: tuple[str, int, int] | None = None  # exercise, seed, number of the case
        self.handed_over: dict[str, Any] = {}  # the last challenge that was run in the grader's sandbox

    def __call__(self, name: str, *answer: Any, strict: bool = False) -> "Report | HandedOver":
        """Check `answer` against the exercise called `name`; show the report and return it.

        Most exercises take one object; one that asks for a prediction takes two, check(name, prediction, function).
        On the learner's machine the public cases run here. Less than all points raises CheckFailed, with the whole
        report as its message, where nbgrader or a script must see a failure, and where `strict` is True. In the
        grader's sandbox the challenge's inputs run here, and only what came out is handed over. Raises KeyError, with
        the nearest names, when no exercise is called so, and CheckStopped when it is interrupted.
        """
        if not answer:
            raise TypeError(f"check: the answer is missing; write check({name!r}, answer)")
        given = answer[0] if len(answer) == 1 else answer
        path = os.environ.get("ATTNLIB_CHALLENGE")
        if path:
            return self.hand_over(name, given, path)
        return self.check_here(name, given, strict)

    def case(self) -> tuple:
        """The inputs of the last case that failed, as the report showed it: `softmax(*check.case())` runs it alone.

        Raises LookupError when no report has shown one yet: those on functions do, those on classes do not.
        """
        if self.handed_over and os.environ.get("ATTNLIB_CHALLENGE"):  # in the sandbox nobody knows which fail
            return tuple(decode(each) for each in self.handed_over["cases"][0])
        if self.failing is None:
            raise LookupError("check.case: no report has shown a case that fails here yet, so there is none to hand "
                              "back")
        from attnlib.check.scoring.challenge import copy_of_case
        from attnlib.check.spec import find

        name, seed, number = self.failing
        return copy_of_case(find(name), seed, number)

    def check_here(self, name: str, answer: Any, strict: bool, seed: int = 0) -> "Report":
        """Score the public cases, and show what came of them."""
        from attnlib.check.scoring.challenge import challenge
        from attnlib.check.scoring.judge import score
        from attnlib.check.spec import find

        exercise = find(name)
        try:
            response = respond_apart(respond, challenge(exercise, seed), answer)
            stale = self.cells.stale(name)
            report = score(exercise, seed, response | ({"stale": stale} if stale else {}), self.mistakes)
        except (Interrupted, KeyboardInterrupt):
            raise CheckStopped(f"{name}: stopped by you; nothing was scored.") from None
        self.mistakes[name] = report.slip
        if report.shown:
            self.failing = name, seed, report.shown.number
        return self.tell(report, strict)

    def tell(self, report: "Report", strict: bool) -> "Report":
        """Show the report in a notebook and return it; raise where a failure must be seen."""
        must_raise = strict or any(os.environ.get(tool) for tool in TOOLS) or not in_ipython()
        if report.points < report.max_points and must_raise:
            raise CheckFailed(report)
        if not in_ipython():
            return report
        from IPython import get_ipython
        from IPython.display import display

        display(report)
        return replace(report, shown_in=get_ipython().execution_count)  # as a cell's last line it is not shown twice

    def hand_over(self, name: str, answer: Any, path: str) -> HandedOver:
        """Run the challenge kept at `path` and put the response into the notebook's output."""
        from IPython.display import display

        with open(path) as file:
            challenges = json.load(file)
        if name not in challenges:
            raise KeyError(f"check: this set has no exercise called {name!r}; it has {', '.join(challenges)}")
        self.handed_over = challenges[name]
        response = {"exercise": name, **respond(challenges[name], answer)}
        stale = self.cells.stale(name)
        response |= {"stale": stale} if stale else {}
        display({RESPONSE: response, "text/plain": f"{name}: handed over"}, raw=True)
        return HandedOver(name, challenges[name]["points"])


def in_ipython() -> bool:
    """Whether a notebook or an IPython shell is there to show HTML."""
    try:
        return get_ipython() is not None  # type: ignore[name-defined]  # IPython adds the name
    except NameError:
        return False


check = Check()
if in_ipython():
    check.cells.watch(get_ipython())  # type: ignore[name-defined]  # noqa: F821
