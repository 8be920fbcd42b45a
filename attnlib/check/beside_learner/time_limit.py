"""Run a learner's code for a bounded time, in a thread where there are threads."""

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
    ended = threading.Event()  # an interrupted join() would take a thread that still runs for one that has ended

    def quietly() -> None:
        try:
            context.run(work)
        except Stopped:
            pass
        finally:
            ended.set()

    thread = threading.Thread(target=quietly, daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            thread.start()
        except RuntimeError:  # Pyodide has no threads
            return _unbounded(work)
        try:
            _wait(thread, ended, seconds)
        except KeyboardInterrupt:
            _stop(thread, ended)
            raise Interrupted from None
        return ended.is_set() or _stop(thread, ended)


def _wait(thread: threading.Thread, ended: threading.Event, seconds: float) -> None:
    """Wait until `thread` ends or has run for `seconds` and, within bounds, for as long as it imported libraries."""
    left, left_for_imports, before = seconds, IMPORTS, time.monotonic()
    while not ended.wait(min(left, LOOK)) and left > 0:
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


def _stop(thread: threading.Thread, ended: threading.Event) -> bool:
    """Raise Stopped in `thread` until it ends, for a while; False."""
    deadline = time.monotonic() + GRACE
    while not ended.is_set() and time.monotonic() < deadline:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(cast(int, thread.ident)), ctypes.py_object(Stopped))
        ended.wait(0.05)
    if ended.is_set():
        thread.join(GRACE)
    return False
