"""Run a check in a process of its own, where that is safe, so that no answer can hang the notebook.

A loop inside one call of C, as sum(range(10**11)), holds Python's lock: no thread can stop it, and no interrupt
reaches it. A child process can be killed. Forking is safe on Linux while no library has started threads that a child
would wait for; elsewhere the answer runs in a thread of this process, and such a loop costs the session.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from attnlib.check.beside_learner.time_limit import Interrupted

THREADED = ("torch", "jax", "tensorflow", "numba")  # a child that is forked after these may hang
PATIENCE = 3.0  # seconds beyond an exercise's own until a child is killed that has not stopped itself


def is_safe() -> bool:
    """Whether a child process can be forked here without danger."""
    return sys.platform == "linux" and not any(name in sys.modules for name in THREADED)


def respond_apart(respond: Callable[[dict, Any], dict], challenge: dict, answer: Any) -> dict:
    """The response of `answer`, which runs in a child process where that is safe.

    A child that does not end is killed, and no case counts as returned. Raises Interrupted when the person at the
    keyboard stops it.
    """
    if not is_safe():
        return respond(challenge, answer)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of threads; see above
        child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # what the answer starts ends with it
        _in_child(reading, writing, respond, challenge, answer)
    os.close(writing)
    try:
        text = _read_all(reading, time.monotonic() + 2 * challenge["seconds"] + PATIENCE)
    except KeyboardInterrupt:
        raise Interrupted from None
    finally:
        os.close(reading)
        for kill in (os.killpg, os.kill):  # the group may not be there yet
            with contextlib.suppress(ProcessLookupError):
                kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if text is None:
        return _nothing({"timeout": challenge["seconds"]}, challenge)
    return json.loads(text) if text else _nothing({"ended": True}, challenge)


def _in_child(reading: int, writing: int, respond: Callable[[dict, Any], dict], challenge: dict, answer: Any) -> None:
    """Respond, hand the response over, and end without any of the parent's clean-up."""
    try:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent takes the interrupt, and kills this process group
        data = memoryview(json.dumps(respond(challenge, answer)).encode())
        while data:
            data = data[os.write(writing, data) :]
    finally:
        os._exit(0)


def _read_all(reading: int, deadline: float) -> bytes | None:
    """All that comes until the other end closes; None when the deadline passes first."""
    pieces: list[bytes] = []
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        piece = os.read(reading, 1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
    return None


def _nothing(outcome: dict, challenge: dict) -> dict:
    """The response of an answer of which nothing came: its first outcome, and the others not reached."""
    return {"outcomes": [outcome, *[{"not_reached": True}] * (len(challenge["cases"]) - 1)]}
