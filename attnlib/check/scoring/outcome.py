"""What came back for one case, decoded by the side that scores: it trusts nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from attnlib.check.beside_learner.wire import MAX_TEXT, Other, WireError, decode, describe_type, with_article
from attnlib.check.scoring.unfit import unfit_sentence

KINDS = ("value", "raised", "asked", "ended", "timeout", "not_reached", "not_callable", "unfit")

REMEDIES = {  # what to hand back instead of what is close to an array and is none
    "numpy.matrix": "Its `*` and `**` mean other things than an array's: return `np.asarray(…)` of it.",
    "numpy.MaskedArray": "Entries under a mask have no value: return an array, as `.filled(…)` gives.",
    "pandas.": "Return the numbers alone, an array: `.to_numpy()` gives it.",
    "polars.": "Return the numbers alone, an array: `.to_numpy()` gives it.",
    "generator": "Return an array: `np.array(list(…))`.",
    "dtype object": "It holds Python objects, often rows of different lengths: build it from numbers alone.",
    "dtype complex": "Return real numbers.",
}


@dataclass(frozen=True)
class Outcome:
    """kind says which of KINDS it is; content is the value, or the text for a person; error the exception's type.

    operation describes the expression that raised it; again is the outcome of a second call with the same inputs
    where it was another; overwritten says that a later call changed the result of this one.
    """

    kind: str
    content: Any
    changed: tuple[int, ...] = ()
    forbidden_calls: tuple[str, ...] = ()
    error: str = ""
    operation: tuple[str, ...] = ()
    printed: str = ""
    overwritten: bool = False
    again: "Outcome | None" = None

    @property
    def trouble(self) -> str | None:
        """A sentence when there is no value to look at; None when there is."""
        if self.kind != "value":
            return self.content
        if not isinstance(self.content, Other):
            return None
        remedy = next((" " + REMEDIES[name] for name in REMEDIES if name in self.content.description), "")
        return f"Your answer gave {what_is(self.content)}.{remedy}"


def read_outcomes(response: Any, count: int) -> list[Outcome]:
    """The outcomes in a response to a challenge of `count` cases. Raises WireError on anything malformed."""
    outcomes = response.get("outcomes") if isinstance(response, dict) else None
    if not isinstance(outcomes, list) or len(outcomes) != count:
        raise WireError(f"a response holds {count} outcomes")
    return [_read(each) for each in outcomes]


def read_note(response: dict) -> str:
    """What the kernel knows of the cell that should have defined the answer, as a sentence; empty when all is well."""
    data = response.get("stale")
    if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in ("name", "error", "instead")):
        return ""
    name, error, instead = (printable(data[key][:200]) for key in ("name", "error", "instead"))
    happened = f"ended with {error}" if error else f"defines `{instead}`"
    return f"The cell that should define `{name}` {happened}, so an earlier `{name}` is checked here."


def _read(data: Any) -> Outcome:
    if not isinstance(data, dict):
        raise WireError("an outcome is a JSON object")
    kinds = [kind for kind in KINDS if kind in data]
    if len(kinds) != 1:
        raise WireError("an outcome is of one kind")
    kind = kinds[0]
    changed, calls, operation = (data.get(key, []) for key in ("changed", "forbidden_calls", "operation"))
    if not _list_of(changed, int) or not _list_of(calls, str) or not _list_of(operation, str):
        raise WireError("an outcome lists changed inputs by number, calls and operations by name")
    content = decode(data["value"]) if kind == "value" else _sentence(kind, data[kind])
    again = _read_again(data["again"]) if "again" in data else None
    return Outcome(kind, content, tuple(changed), tuple(printable(name[:100]) for name in calls),
                   error=_error(kind, data[kind], content), operation=tuple(operation),
                   printed=_lines(data.get("printed")), overwritten=data.get("overwritten") is True, again=again)


def _read_again(data: Any) -> Outcome:
    """The outcome of a second call, which has no third."""
    if not isinstance(data, dict) or "again" in data:
        raise WireError("an outcome has one second outcome")
    return _read(data)


def _lines(text: Any) -> str:
    """What was printed, as lines of printable text."""
    kept = str(text)[:MAX_TEXT].splitlines() if isinstance(text, str) else []
    return "\n".join("".join(c if c.isprintable() else " " for c in line).rstrip() for line in kept)


def _error(kind: str, data: Any, content: Any) -> str:
    """What tells two failures apart: the exception's type and step, or why an answer does not fit; else empty."""
    if kind == "raised":
        return f"{data['type'][:100]}{_in_step(data.get('step'))}"
    return content if kind == "unfit" else ""


def _list_of(items: Any, kind: type) -> bool:
    return isinstance(items, list) and len(items) < 100 and all(type(item) is kind for item in items)


def _sentence(kind: str, data: Any) -> str:
    if kind == "raised":
        return _raised(data)
    if kind == "asked":
        return (f"It calls `{printable(str(data)[:20])}`, and nobody can type while a check runs. "
                "Take what you need from the arguments.")
    if kind == "timeout":
        return f"It was stopped: one round of all calls may take {_number(data)} seconds, not counting imports."
    if kind == "ended":
        return "A call ended the Python process; which one cannot be told."
    if kind == "not_callable":
        return f"We expect a function here and got {printable(str(data)[:200])}."
    if kind == "unfit":
        return unfit_sentence(data, printable)
    return "Not reached: an earlier call did not return."


def _raised(data: Any) -> str:
    if not isinstance(data, dict) or not all(isinstance(data.get(k), str) for k in ("type", "message", "line")):
        raise WireError("an exception has a type, a message and a line")
    if data["type"] == "NotImplementedError":
        return "Not answered yet: this function, or one that it calls, raises `NotImplementedError`."
    kind, message, line = (printable(data[key][:500]) for key in ("type", "message", "line"))
    return f"It raised {kind}{message and ': '}{message}{line and f' at `{line}`'}{_in_step(data.get('step'))}."


def _in_step(step: Any) -> str:
    """', in step 2 of 5, append'; empty for what is not made of steps."""
    return f", in {printable(step[:100])}" if isinstance(step, str) else ""


def printable(text: str) -> str:
    """The text on one line, without control characters, text direction marks and halves of characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _number(data: Any) -> str:
    return f"{data:g}" if type(data) in (int, float) and abs(data) < 1e6 else "some"


def as_array(value: Any) -> np.ndarray | None:
    """The value as a float or bool or int array, or None when it is not numbers all through."""
    if not isinstance(value, (bool, int, float, np.ndarray, np.generic, list, tuple)):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return None
    return array if array.dtype.kind in "biuf" else None


def what_is(value: Any) -> str:
    """'a list', 'a float64 array of shape (3, 4)': a decoded value, for a person."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"{with_article(value.dtype.name)} array of shape {value.shape}"
    if isinstance(value, Other):
        return printable(value.description)
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return describe_type(value)
