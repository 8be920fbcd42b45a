"""Run one notebook in sandboxes and collect its outputs and answers.

Everything a sandbox sends is read with caps on bytes and time and believed only as far as plain data:
outputs to show, and for a check cell of this set an answer to score. A forged line can change an answer,
and a changed answer is a wrong answer.

A kernel that dies, or cannot be stopped, costs the cell it was in: a new sandbox runs the notebook again
without that cell and without the check cells already answered.
"""

import json
import os
import selectors
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from grader.sanitize.outputs import first_response, message, safe_outputs
from grader.sandbox.bubblewrap import SandboxFault

LINE, RUN = 8_000_000, 64_000_000  # bytes: one event (as Python objects it can take 25 times that), all of a run
SHOWN, PLACES = 10_000_000, 3000  # characters and number of outputs, all cells together
START_SECONDS = 90
RUNNER = Path(__file__).parent / "inside/runner.py"


@dataclass(frozen=True)
class Cell:
    """A code cell: what to call it, its source, and the exercise it checks (None for any other cell)."""

    name: str
    source: str
    exercise: str | None = None


@dataclass
class Outcome:
    """What a run gave: outputs by cell, answers by exercise, why cells were lost, and under which limits."""

    outputs: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    lost: dict = field(default_factory=dict)
    limits: str = ""
    room: int = SHOWN
    places: int = PLACES


class Lost(Exception):
    """A cell did not come to its end; the message says why, for the student to read."""


class OutOfTime(Exception):
    """The whole notebook has had its time."""


def run_notebook(cells, challenges, files, view, sandbox):
    """Run `cells` (Cell) with the files {name: bytes} beside them: an Outcome.

    challenges: {exercise: its inputs}; view: the folder with the attnlib that may be imported.
    Raises SandboxFault when the sandbox itself does not work.
    """
    outcome, todo = Outcome(), list(range(len(cells)))
    deadline = time.monotonic() + sandbox.limits.total_seconds
    with tempfile.TemporaryDirectory(prefix="grader-") as folder:
        inputs = _lay_out(Path(folder), challenges, files, view)
        while todo:
            write_task(inputs, cells, todo, sandbox)
            try:
                culprit = _attempt(cells, todo, inputs, sandbox, deadline, outcome)
            except OutOfTime:
                seconds = f"{sandbox.limits.total_seconds:g}"
                for i in set(todo) - set(outcome.outputs):
                    _lose(outcome, i, f"The notebook was stopped after {seconds} s in all, before this cell ended.")
                culprit = None
            left_out = {culprit} | {i for i in todo if cells[i].exercise in outcome.answers}
            todo = [i for i in todo if i not in left_out] if culprit is not None else []
    return outcome


def _lay_out(folder, challenges, files, view):
    """Write what every attempt of this notebook reads, and return the folder."""
    shutil.copytree(view, folder / "view")
    shutil.copy(RUNNER, folder)
    (folder / "challenge.json").write_text(json.dumps(challenges))
    (folder / "files").mkdir()
    for name, content in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_task(inputs, cells, todo, sandbox):
    """Tell the runner which of the `cells` to run, and under which limits."""
    task = {
        "cells": [{"index": i, "source": cells[i].source, "exercise": cells[i].exercise} for i in todo],
        "cell_seconds": sandbox.limits.cell_seconds,
        "grace_seconds": sandbox.limits.grace_seconds,
        "memory": sandbox.limits.memory_watched,
        "limits": sandbox.inside(),
    }
    (inputs / "task.json").write_text(json.dumps(task))


def _attempt(cells, todo, inputs, sandbox, deadline, outcome):
    """Run the cells `todo` in one sandbox, adding to `outcome`.

    Returns the cell that killed or blocked the kernel, None when all came to their end. Raises OutOfTime.
    """
    with sandbox.start(inputs) as process:
        outcome.limits = process.group.says
        events = Events(process.stdout)
        _wait_until_ready(events, process)
        for i in todo:
            try:
                done = _one_cell(events, i, cells[i].name, sandbox.limits, deadline)
            except Lost as lost:
                _lose(outcome, i, str(lost))
                return i
            _keep(outcome, i, cells[i], done, sandbox.limits)
    return None


def _wait_until_ready(events, process):
    """Wait for the kernel. No student code has run yet: whatever goes wrong here is the sandbox's."""
    try:
        first = events.next(time.monotonic() + START_SECONDS)
    except (EOFError, TimeoutError, ValueError):
        first = {}
    if first.get("event") != "ready":
        raise SandboxFault(process.last_words() or f"no kernel after {START_SECONDS} s")


def _one_cell(events, i, name, limits, deadline):
    """Follow cell `i` to its end and return its "done" event. Raises Lost or OutOfTime."""
    patience = limits.cell_seconds + 2 * limits.grace_seconds
    stopped = f"Stopped after {limits.cell_seconds:g} s in cell {name}."
    for kind in ("start", "done"):
        end = min(deadline, time.monotonic() + patience)
        try:
            event = events.next(end)
        except TimeoutError:
            if end == deadline:
                raise OutOfTime from None
            raise Lost(stopped) from None
        except EOFError:
            event = {"event": "died"}
        except ValueError as error:
            raise Lost(f"Cell {name} {error}.") from None
        if event.get("event") == "stuck":
            raise Lost(stopped)
        if event.get("event") == "full":
            raise Lost(f"Cell {name} used more than {limits.memory} MiB of memory.")
        if event.get("event") == "died":
            raise Lost(f"The kernel died in cell {name}.")
        if (event.get("event"), event.get("cell")) != (kind, i):
            raise Lost(f"Cell {name} meddled with the grader.")
    return event


def _keep(outcome, i, cell, done, limits):
    """Take what came out of a cell that ended."""
    raw = done.get("outputs")
    if i not in outcome.outputs:
        outcome.outputs[i] = _that_fit(outcome, safe_outputs(raw))
    if cell.exercise and (answer := first_response(raw)) is not None:
        outcome.answers[cell.exercise] = answer
    elif done.get("interrupted"):
        outcome.lost[i] = f"Stopped after {limits.cell_seconds:g} s in cell {cell.name}."


def _that_fit(outcome, outputs):
    """Those of a cell's outputs that the page of the whole notebook has room for."""
    kept = []
    for output in outputs:
        outcome.room, outcome.places = outcome.room - len(str(output)), outcome.places - 1
        if outcome.room >= 0 and outcome.places >= 0:
            kept.append(output)
    return kept if len(kept) == len(outputs) else [*kept, message("(the rest was left out)")]


def _lose(outcome, i, why):
    outcome.lost[i] = why
    outcome.outputs[i] = [message(why)]


class Events:
    """The events a sandbox writes, one JSON object a line, read with caps on bytes and time."""

    def __init__(self, pipe):
        self.fd = pipe.fileno()
        self.pending, self.seen = bytearray(), 0
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.fd, selectors.EVENT_READ)

    def next(self, deadline):
        """The next event, a dict. Raises TimeoutError, EOFError, and ValueError for what is too long or no event."""
        searched = 0
        while (end := self.pending.find(b"\n", searched)) < 0:
            searched = len(self.pending)
            if searched > LINE or self.seen > RUN:
                raise ValueError("put out more than the grader takes")
            if not self.selector.select(max(0, deadline - time.monotonic())):
                raise TimeoutError
            data = os.read(self.fd, 1 << 16)
            if not data:
                raise EOFError
            self.pending += data
            self.seen += len(data)
        line = bytes(self.pending[:end])
        del self.pending[: end + 1]
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise ValueError("meddled with the grader")
        return event
