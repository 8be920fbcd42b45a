"""Run a learner's answer on the inputs of a challenge and write down what happened: the response.

This file holds no expected value and decides nothing.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from attnlib.check.beside_learner import kinds
from attnlib.check.beside_learner.failed_operation import failed_operation
from attnlib.check.beside_learner.forbidden import watch
from attnlib.check.beside_learner.places import LIBRARIES
from attnlib.check.beside_learner.screen import Asked, caught_output, no_keyboard
from attnlib.check.beside_learner.steps import InStep
from attnlib.check.beside_learner.time_limit import Stopped, within
from attnlib.check.beside_learner.unfit import Unfit
from attnlib.check.beside_learner.wire import decode, encode


@dataclass
class Calls:
    """What an answer gave on the cases of a challenge: an outcome for each, and the results themselves, kept."""

    challenge: dict
    answer: Any
    outcomes: list[dict] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)

    def next_cases(self, count: int) -> None:
        """Call the answer on the next `count` cases."""
        for case in self.challenge["cases"][len(self.outcomes) : len(self.outcomes) + count]:
            outcome, result = self._call(case)
            self.outcomes.append(outcome)
            self.results.append(result)

    def all_cases_again(self) -> None:
        """Call it a second time on every case, in reverse, and note what is otherwise than the first time."""
        for case, outcome in reversed(list(zip(self.challenge["cases"], self.outcomes, strict=True))):
            again, _ = self._call(case)
            outcome["changed"] = sorted({*outcome["changed"], *again.pop("changed")})
            outcome["forbidden_calls"] = sorted({*outcome["forbidden_calls"], *again.pop("forbidden_calls")})
            del again["printed"]
            if any(again[kind] != outcome.get(kind) for kind in again if kind != "operation"):
                outcome["again"] = again

    def look_at_results(self) -> None:
        """Note which results are not what they were when they came back."""
        for outcome, result in zip(self.outcomes, self.results, strict=True):
            if "value" in outcome and encode(result) != outcome["value"]:
                outcome["overwritten"] = True

    def _call(self, case: list) -> tuple[dict, Any]:
        """(outcome, result): the value or what was raised, the inputs it changed, what it called and printed."""
        given = [decode(argument) for argument in case]
        called: set[str] = set()
        result = None
        with caught_output() as output:
            try:
                with _profiled(watch(self.challenge["forbidden_calls"], self.challenge["allowed_modules"], called)):
                    result = kinds.run(self.challenge["kind"], self.answer, given)
                outcome: dict[str, Any] = {"value": encode(result)}
            except Stopped:
                raise
            except Asked as asked:
                outcome = {"asked": str(asked)}
            except Unfit as unfit:
                outcome = unfit.outcome()
            except InStep as place:
                error = place.__cause__ or place
                outcome = {"raised": _describe_error(error) | {"step": str(place)},
                           "operation": failed_operation(error, given)}
            except BaseException as error:  # SystemExit too: the next case still runs
                outcome = {"raised": _describe_error(error), "operation": failed_operation(error, given)}
        outcome["changed"] = [i for i, (now, was) in enumerate(zip(given, case, strict=True)) if encode(now) != was]
        outcome["forbidden_calls"] = sorted(called)
        outcome["printed"] = output.text()
        return outcome, result


def respond(challenge: dict, answer: Any) -> dict:
    """Run `answer` on every case of `challenge`: the response, {"outcomes": [...]}, plain data.

    challenge: {"kind": one of kinds.KINDS, "cases": [[encoded argument, ...], ...] of as many "draws", "repeated":
    whether to call it twice, "seconds": the time for a draw, "forbidden_calls" and "allowed_modules": [names]}.
    Raises Interrupted when the person at the keyboard stops it.
    """
    cases, seconds = challenge["cases"], challenge["seconds"]
    refused = kinds.refusal(challenge["kind"], answer)
    if refused:
        return {"outcomes": [refused for _ in cases]}
    kinds.prepare(challenge["kind"])
    calls = Calls(challenge, answer)
    with no_keyboard():
        draws, count = challenge["draws"], len(cases) // challenge["draws"]
        in_time = all(within(seconds, partial(calls.next_cases, count)) for _ in range(draws))
        outcomes = list(calls.outcomes)  # a thread that cannot be stopped may still add to its own
        if not in_time:
            outcomes.append({"timeout": seconds})
        elif challenge["repeated"] and within(seconds, calls.all_cases_again):
            calls.look_at_results()
    outcomes += [{"not_reached": True}] * (len(cases) - len(outcomes))
    return {"outcomes": outcomes[: len(cases)]}


@contextmanager
def _profiled(profile: Any) -> Iterator[None]:
    """Have `profile` told of every call in this thread; nothing when it is None."""
    if profile is None:
        yield
        return
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)


def _describe_error(error: BaseException) -> dict[str, str]:
    """The kind, the message and the learner's line of an exception, each of bounded length."""
    try:
        message = str(error)
    except Stopped:
        raise
    except BaseException:  # a learner's exception may fail in any way
        message = "(its message could not be read)"
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(LIBRARIES)]
    line = (theirs[-1].line or "") if theirs else ""
    return {"type": type(error).__name__[:100], "message": message[:500], "line": line[:200]}
