"""The kinds of exercise: what is done with an answer and the arguments of one case, and gives its value.

Whoever scores runs the reference by the same functions, so that both are put to the same use.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from attnlib.check.beside_learner.gradients import value_and_gradients
from attnlib.check.beside_learner.modules import make_load_call
from attnlib.check.beside_learner.steps import make_and_step
from attnlib.check.beside_learner.unfit import Unfit
from attnlib.check.beside_learner.wire import describe_type


def call_function(answer: Callable, arguments: list) -> Any:
    """A function, called."""
    return answer(*arguments)


def take_number(answer: Any, arguments: list) -> Any:
    """A number, or whatever was handed over for one."""
    return answer


def predict_and_call(answer: tuple, arguments: list) -> tuple[Any, Any]:
    """(prediction, what the function gives): the prediction, handed over beside the function that decides it."""
    prediction, function = answer
    return prediction, function(*arguments)


KINDS: dict[str, Callable[[Any, list], Any]] = {
    "function": call_function,
    "number": take_number,
    "gradients": value_and_gradients,
    "module": make_load_call,
    "object": make_and_step,
    "prediction": predict_and_call,
}
WITHOUT_CALLS = ("number",)    # an answer of these kinds is a value
CLASSES = ("module", "object")  # one of these is a class, or a function that makes an object


def run(kind: str, answer: Any, arguments: list) -> Any:
    """What `answer`, to an exercise of this kind, gives for the arguments of one case."""
    return KINDS[kind](answer, arguments)


def prepare(kind: str) -> None:
    """Import, before any time is taken, what answers of this kind are run with."""
    if kind == "gradients":
        import torch  # noqa: F401


def refusal(kind: str, answer: Any) -> dict | None:
    """The outcome of every case when this cannot be an answer of this kind; None when it can."""
    if kind in WITHOUT_CALLS:
        return None
    if kind == "prediction":
        pair = isinstance(answer, tuple) and len(answer) == 2 and callable(answer[1])
        return None if pair else Unfit("no prediction", got=_told(answer)).outcome()
    if kind in CLASSES:
        return None if _makes_objects(answer) else Unfit("no class", got=describe_type(answer)).outcome()
    return None if callable(answer) else {"not_callable": describe_type(answer)}


def _makes_objects(answer: Any) -> bool:
    """Whether this is a class or a function, and not an object that was made already."""
    return isinstance(answer, (type, functools.partial)) or inspect.isroutine(answer)


def _told(answer: Any) -> str:
    """'an int', 'an int and a list': what was handed over, for a person."""
    several = answer if isinstance(answer, tuple) and answer else [answer]
    return " and ".join(map(describe_type, several[:5]))
