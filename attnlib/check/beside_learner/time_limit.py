"""Run a learner's code for a bounded time, in a thread where there are threads."""

import contextlib
import contextvars
import ctypes
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import cast

from attnlib.check.beside_learner.places import is_importing_a_library

GRACE = 1.0  # seconds in which code that is told to stop may do so
IMPORTS = 30.0  # seconds of importing libraries that are not counted
LOOK = 0.05  # seconds between two looks at what the code is doing


class Stopped(BaseException):
    """Raised inside an answer that runs for too long, or that a person interrupts."""


class Interrupted(Exception):
    """The person at the keyboard stopped the check."""


def within(seconds: float, work: Callable[[], None]) -> bool:
    """Run `work` for at most `seconds`, not counting imports; True when it ended by itself.

    A first `import torch` takes as long as the disk takes, so the time for which the code imports libraries is added,
    up to IMPORTS. It is not done ahead, because most answers never import what their set offers.
    Where no thread can be started, as in a browser, nothing bounds the time. Raises Interrupted when a person
    interrupts, once the code has stopped.
    """
    context = contextvars.copy_context()  # keeps np.errstate as the notebook set it

    def quietly() -> None:
        with contextlib.suppress(Stopped):
            context.run(work)

    thread = threading.Thread(target=quietly, daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            thread.start()
        except RuntimeError:  # Pyodide has no threads
            return _unbounded(work)
        try:
            _wait(thread, seconds)
        except KeyboardInterrupt:
            _stop(thread)
            raise Interrupted from None
        return not thread.is_alive() or _stop(thread)


def _wait(thread: threading.Thread, seconds: float) -> None:
    """Wait until `thread` ends or has run for `seconds` and, within bounds, for as long as it imported libraries."""
    left, left_for_imports, before = seconds, IMPORTS, time.monotonic()
    while thread.is_alive() and left > 0:
        thread.join(min(left, LOOK))
        now = time.monotonic()
        took, before = now - before, now
        if left_for_imports > 0 and is_importing_a_library(sys._current_frames().get(cast(int, thread.ident))):
            left_for_imports -= took
        else:
            left -= took


def _unbounded(work: Callable[[], None]) -> bool:
    """Run `work` here."""
    try:
        work()
    except KeyboardInterrupt:
        raise Interrupted from None
    return True


def _stop(thread: threading.Thread) -> bool:
    """Raise Stopped in `thread` until it ends, for a while; False."""
    deadline = time.monotonic() + GRACE
    while thread.is_alive() and time.monotonic() < deadline:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(cast(int, thread.ident)), ctypes.py_object(Stopped))
        thread.join(0.05)
    return False
