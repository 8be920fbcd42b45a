"""Run a learner's answer on the inputs of a challenge and write down what happened: the response.

This file holds no expected value and decides nothing.
"""

import contextlib
import contextvars
import ctypes
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, cast

from attnlib.check.beside_learner.wire import decode, describe_type, encode

LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("platlib"), str(Path(__file__).parents[2]))


class Stopped(BaseException):
    """Raised inside an answer that runs for too long."""


def respond(challenge: dict, answer: Any) -> dict:
    """Run `answer` on every case of `challenge`: the response, {"outcomes": [...]}, plain data.

    challenge: {"kind": "function" or "number", "cases": [[encoded argument, ...], ...],
    "seconds": the time for all cases together, "forbidden_calls": [names]}.
    """
    if challenge["kind"] == "number":
        return {"outcomes": [{"value": encode(answer)}]}
    if not callable(answer):
        return {"outcomes": [{"not_callable": describe_type(answer)} for _ in challenge["cases"]]}
    outcomes = []

    def work() -> None:
        with contextlib.suppress(Stopped):
            for case in challenge["cases"]:
                outcomes.append(_call(answer, case, challenge["forbidden_calls"]))

    seconds = challenge["seconds"]
    if not _within(seconds, work):
        outcomes = outcomes[:]  # the thread may still be alive; its list is no longer ours
        outcomes.append({"timeout": seconds})
    outcomes += [{"not_reached": True}] * (len(challenge["cases"]) - len(outcomes))
    return {"outcomes": outcomes[: len(challenge["cases"])]}


def _within(seconds: float, work: Callable) -> bool:
    """Run `work` in a thread for at most `seconds`; True when it ended by itself."""
    context = contextvars.copy_context()  # keeps np.errstate as the notebook set it
    thread = threading.Thread(target=context.run, args=(work,), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        thread.start()
        thread.join(seconds)
    if not thread.is_alive():
        return True
    deadline = time.monotonic() + 1
    while thread.is_alive() and time.monotonic() < deadline:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(cast(int, thread.ident)), ctypes.py_object(Stopped))
        thread.join(0.05)
    return False


def _call(answer: Callable, case: list, forbidden: list[str]) -> dict:
    """One outcome: the value or what was raised, the inputs it changed, the forbidden calls it made."""
    given = [decode(argument) for argument in case]
    called: set[str] = set()
    sys.setprofile(_watch(set(forbidden), called) if forbidden else None)
    outcome: dict[str, Any]
    try:
        outcome = {"value": encode(answer(*given))}
    except Stopped:
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the next case still runs
        outcome = {"raised": _describe_error(error)}
    finally:
        sys.setprofile(None)
    outcome["changed"] = [i for i, (now, before) in enumerate(zip(given, case, strict=True)) if encode(now) != before]
    outcome["forbidden_calls"] = sorted(called)
    return outcome


def _watch(names: set[str], called: set[str]) -> Callable:
    """A profile function that adds to `called` each of `names` that the learner's code calls.

    A name is package.function, or package.* for every public function of a package.
    """

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_back is not None:
            caller, module, function = _caller(frame), frame.f_globals.get("__name__", ""), frame.f_code.co_name
        elif event == "c_call":
            caller, function = frame, getattr(argument, "__name__", "")
            module = getattr(argument, "__module__", None) or type(getattr(argument, "__self__", None)).__module__
        else:
            return
        package = str(module).split(".")[0]
        named = f"{package}.{function}" in names or f"{package}.*" in names and _is_public(module, function)
        if named and _is_outside(caller):
            called.add(f"{package}.{function}")

    return profile


def _caller(frame: FrameType) -> FrameType:
    """The frame that called this one, past the dispatch between arrays and tensors."""
    caller: Any = frame.f_back
    return caller.f_back if caller.f_globals.get("__name__") == "attnlib._dispatch" else caller


def _is_public(module: str, function: str) -> bool:
    """Whether package.* means this function: not what importing or dispatching runs, not this check itself."""
    return function[:1] not in ("_", "<") and not str(module).startswith(("attnlib.check", "attnlib._"))


def _is_outside(caller: FrameType) -> bool:
    """Whether the calling frame is not our own package at work (this file's call of the answer counts).

    Any other package counts as the learner's: nn.Softmax is softmax reached through torch.
    """
    module = caller.f_globals.get("__name__", "")
    return module == __name__ or module.split(".")[0] != __name__.split(".")[0]


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
