"""The kinds of exercise: what is done with an answer and the arguments of one case, and gives its value."""

from collections.abc import Callable
from typing import Any

from attnlib.check.beside_learner.wire import describe_type


def call_function(answer: Callable, arguments: list) -> Any:
    """A function, called."""
    return answer(*arguments)


def take_number(answer: Any, arguments: list) -> Any:
    """A number, or whatever was handed over for one."""
    return answer


KINDS: dict[str, Callable[[Any, list], Any]] = {"function": call_function, "number": take_number}
WITHOUT_CALLS = ("number",)  # an answer of these kinds is a value


def run(kind: str, answer: Any, arguments: list) -> Any:
    """What `answer`, to an exercise of this kind, gives for the arguments of one case."""
    return KINDS[kind](answer, arguments)


def refusal(kind: str, answer: Any) -> str | None:
    """What was handed over, when it cannot be an answer of this kind; None when it can."""
    return describe_type(answer) if kind not in WITHOUT_CALLS and not callable(answer) else None
