"""The kind "object": make a stateful object, and go through given steps with it."""

from collections.abc import Callable
from typing import Any

from attnlib.check.beside_learner.modules import make
from attnlib.check.beside_learner.screen import Asked
from attnlib.check.beside_learner.unfit import Unfit
from attnlib.check.beside_learner.wire import decode, encode


class InStep(Exception):
    """A step raised what is this exception's cause; the message says which step it was."""


def make_and_step(answer: Callable, arguments: list) -> list:
    """What each step gives, as it was when it came back; arguments are [made with, steps].

    made with: a dict of arguments by name, or a list. steps: [(method, *arguments), ...]; the method "" calls the
    object itself. Raises Unfit when the object has no such method, and InStep when one raises.
    """
    made_with, steps = arguments
    made, results = make(answer, made_with), []
    for n, (method, *given) in enumerate(steps, 1):
        results.append(decode(encode(take_step(made, f"{n} of {len(steps)}", method, given))))
    return results


def take_step(made: Any, place: str, method: str, given: list) -> Any:
    """What one step gives; place is '2 of 5'."""
    called = getattr(made, method, None) if method else made
    if not callable(called):
        raise Unfit("no method", method=method or "__call__", step=place)
    try:
        return called(*given)
    except Asked:
        raise
    except Exception as error:
        raise InStep(f"step {place}{method and ', '}{method}") from error
