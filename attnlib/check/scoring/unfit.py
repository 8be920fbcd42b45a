"""The sentences about an answer that cannot be run as its kind asks; the codes are those of beside_learner."""

from collections.abc import Callable
from typing import Any

from attnlib.check.beside_learner.wire import WireError

SENTENCES = {
    "no class": "We expect a class here, the class itself and no object of it, and got {got}.",
    "no prediction":
        "We expect a prediction and a function here, `check(name, prediction, function)`, and got {got}.",
    "no parameter": "The module has no parameter called {name}. Its parameters: {has}. Asked for: {wanted}.",
    "no parameter but a tensor":
        "The module's {name} is a tensor and no parameter: `nn.Parameter(tensor)` makes one of it.",
    "parameter not asked for": "The module has a parameter that is not asked for: {name}. Asked for: {wanted}.",
    "no attribute": "The object has no attribute called {name}. Its arrays: {has}. Asked for: {wanted}.",
    "other shape": "The shape of {name} is {got}, and {wanted} is asked for.",
    "no method to call": "The module has no method `{method}`, which runs when it is called.",
    "cannot be called": "What is made is {got}, which cannot be called: it has no method `{method}`.",
    "no method": "The object has no method `{method}`, which is called in step {step}.",
}


def unfit_sentence(data: Any, printable: Callable[[str], str]) -> str:
    """The sentence about an unfit answer; `printable` cleans what came from it. Raises WireError on anything else."""
    sentence = SENTENCES.get(str(data.get("what"))) if isinstance(data, dict) else None
    if sentence is None or not all(isinstance(text, str) for text in data.values()):
        raise WireError("what does not fit is told by a known code and texts")
    try:
        return sentence.format(**{name: printable(text[:500]) for name, text in data.items()})
    except KeyError as missing:
        raise WireError(f"what does not fit lacks {missing}") from None
