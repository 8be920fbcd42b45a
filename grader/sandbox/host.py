"""Run one notebook in sandboxes and collect its outputs and its responses.

Everything a sandbox sends is read with caps on bytes and time and believed only as far as plain data:
outputs to show, and responses to score. A forged line can change a response,
and a changed response is a wrong answer.

A check may be called in any cell, and more than once; which response counts is for others to decide.

A kernel that dies, or cannot be stopped, costs the cell it was in: a new sandbox runs the notebook again
without that cell and without the check cells that gave a response already.
"""

import contextlib
import json
import os
import selectors
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from grader.sandbox.bubblewrap import SandboxFault
from grader.sandbox.cgroups import ControlGroup
from grader.sandbox.leftovers import temporary_folder
from grader.sandbox.limits import Limits
from grader.sanitize.outputs import Output, message, responses, safe_outputs

LINE, RUN = 8_000_000, 64_000_000  # bytes: one event (as Python objects it can take 25 times that), all of a run
CHARACTERS, OUTPUTS = 10_000_000, 3000  # shown at most, all cells together
START_SECONDS = 90
USED_UP = {  # {event: how to tell of it}
    "full": "used up the memory (a notebook is stopped at 90% of {0.memory} MiB)",
    "crowded": "started more than {0.processes} processes and threads",
    "littered": "made more than {0.files_in_memory} files and folders",
}
FORGED = "sent output that the grader could not accept, so it was not scored"
TOO_MUCH = "sent more output than the grader accepts, so it was not scored"
INSIDE = [Path(__file__).parent / "inside" / name for name in ("runner.py", "kernel.py")]
Offer = dict[str, Any] | None


@dataclass(frozen=True)
class Cell:
    """A code cell: what to call it, its source, and the exercise whose check cell it is (None for any other cell)."""

    name: str
    source: str
    exercise: str | None = None


class Responses(Mapping[str, dict[str, Any]]):
    """The responses of one cell: {exercise: response}, kept as text and parsed when asked for.

    A few bytes of JSON become many of Python's objects: those of a whole run would take gigabytes.
    """

    def __init__(self, given: Mapping[str, dict[str, Any]]):
        self._texts: dict[str, bytes] = {}
        for exercise, response in given.items():
            with contextlib.suppress(RecursionError):  # nested too deeply to be any answer
                text = json.dumps(response, ensure_ascii=False, separators=(",", ":"))
                self._texts[exercise] = text.encode(errors="surrogatepass")

    def __getitem__(self, exercise: str) -> dict[str, Any]:
        text = self._texts[exercise]
        try:
            return dict(json.loads(text))
        except RecursionError:  # nearly too deep when it came, and we are deeper now
            return {"exercise": exercise}

    def __contains__(self, exercise: object) -> bool:
        return exercise in self._texts  # without parsing

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


@dataclass
class NotebookRun:
    """What the run of a notebook gave: outputs by cell, responses by cell and exercise, and why cells were lost.

    limits describes what bounded the run; characters_left and outputs_left are what the page can still show.
    """

    outputs: dict[int, list[Output]] = field(default_factory=dict)
    responses: dict[int, Responses] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    limits: str = ""
    characters_left: int = CHARACTERS
    outputs_left: int = OUTPUTS

    def lose(self, i: int, why: str) -> None:
        """Note that cell `i` did not come to its end, and show `why` in place of its outputs."""
        self.lost[i] = why
        self.outputs[i] = [message(why)]

    def show(self, outputs: list[Output]) -> list[Output]:
        """Those of a cell's outputs that still fit on the page of the whole notebook."""
        shown = []
        for output in outputs:
            self.characters_left, self.outputs_left = self.characters_left - len(str(output)), self.outputs_left - 1
            if self.characters_left >= 0 and (self.outputs_left >= 0 or output["output_type"] == "error"):
                shown.append(output)
        return shown if len(shown) == len(outputs) else [*shown, message("(the rest was left out)")]


class RunningSandbox(Protocol):
    """A started sandbox, protected or not."""

    group: ControlGroup
    stdout: IO[bytes]

    def last_words(self) -> str: ...
    def __enter__(self) -> "RunningSandbox": ...
    def __exit__(self, *_: object) -> None: ...


class AnySandbox(Protocol):
    """What a notebook is run in: a Sandbox, or NoSandbox."""

    limits: Limits

    def rlimits(self) -> dict[str, int]: ...
    def start(self, inputs: Path) -> RunningSandbox: ...


@dataclass(frozen=True)
class Finished:
    """Every cell of an attempt came to its end."""


@dataclass(frozen=True)
class Lost:
    """A cell killed or blocked the kernel; why is a sentence for the student."""

    cell: int
    why: str


@dataclass(frozen=True)
class OutOfTime:
    """The notebook timeout passed."""


class CellLost(Exception):
    """A cell did not come to its end; the message says why, for the student to read."""


class NotebookTimeout(Exception):
    """The notebook timeout passed while a cell ran."""


def run_notebook(cells: Sequence[Cell], challenges: Mapping[str, Any], files: Mapping[str, bytes], view: str | Path,
                 sandbox: AnySandbox, offer: Offer = None) -> NotebookRun:
    """Run `cells` with the files {name: bytes} beside them.

    challenges: {exercise: its inputs}; view: the folder with the attnlib that may be imported; offer: which other
    packages may be (grader.sandbox.offer), None for whatever is installed.
    Raises SandboxFault when the sandbox itself does not work.
    """
    run, todo = NotebookRun(), list(range(len(cells)))
    deadline = time.monotonic() + sandbox.limits.total_seconds
    with temporary_folder("run") as folder:
        inputs = _lay_out(folder, challenges, files, view)
        while todo:
            write_task(inputs, cells, todo, sandbox, offer)
            end = _attempt(cells, todo, inputs, sandbox, deadline, run)
            if isinstance(end, Lost):
                run.lose(end.cell, end.why)
                todo = [i for i in todo if i != end.cell and cells[i].exercise not in run.responses.get(i, {})]
                continue
            if isinstance(end, OutOfTime):
                for i in set(todo) - set(run.outputs):
                    run.lose(i, f"The notebook was stopped after {sandbox.limits.total_seconds:g} s in all, "
                                "before this cell ended.")
            break
    return run


def _lay_out(folder: Path, challenges: Mapping[str, Any], files: Mapping[str, bytes], view: str | Path) -> Path:
    """Write what every attempt of this notebook reads, and return the folder."""
    shutil.copytree(view, folder / "view")
    copy_inside(folder)
    (folder / "challenge.json").write_text(json.dumps(challenges))
    (folder / "files").mkdir()
    for name, content in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def copy_inside(folder: Path) -> None:
    """Copy into `folder` the two programs that run inside a sandbox."""
    for program in INSIDE:
        shutil.copy(program, folder)


def write_task(inputs: Path, cells: Sequence[Cell], todo: Sequence[int], sandbox: AnySandbox,
               offer: Offer = None) -> None:
    """Tell the runner which of the `cells` to run, under which limits, and which packages they may import."""
    task = {
        "cells": [{"index": i, "source": cells[i].source, "exercise": cells[i].exercise} for i in todo],
        "cell_seconds": sandbox.limits.cell_seconds,
        "grace_seconds": sandbox.limits.grace_seconds,
        "memory": sandbox.limits.memory_watched,
        "processes": sandbox.limits.processes,
        "files_in_memory": sandbox.limits.files_in_memory,
        "rlimits": sandbox.rlimits(),
        "offer": offer,
    }
    (inputs / "task.json").write_text(json.dumps(task))


def _attempt(cells: Sequence[Cell], todo: Sequence[int], inputs: Path, sandbox: AnySandbox, deadline: float,
             run: NotebookRun) -> Finished | Lost | OutOfTime:
    """Run the cells `todo` in one sandbox, add what they gave to `run`, and return how the attempt ended."""
    with sandbox.start(inputs) as process:
        run.limits = process.group.description
        events = Events(process.stdout)
        _wait_until_ready(events, process)
        for i in todo:
            try:
                done = _follow(events, i, cells[i].name, sandbox.limits, deadline)
                if used_up := process.group.used_up():
                    raise CellLost(_used_up(used_up, cells[i].name, sandbox.limits))
            except CellLost as lost:
                if used_up := process.group.used_up():  # the system was quicker than the runner
                    return Lost(i, _used_up(used_up, cells[i].name, sandbox.limits))
                return Lost(i, str(lost))
            except NotebookTimeout:
                return OutOfTime()
            _keep(run, i, cells[i], done, sandbox.limits)
            del done  # it may be large, and the next one comes
    return Finished()


def _wait_until_ready(events: "Events", process: RunningSandbox) -> None:
    """Wait for the kernel. No student code has run yet: whatever goes wrong here is the sandbox's fault."""
    try:
        first = events.next(time.monotonic() + START_SECONDS)
    except (EOFError, TimeoutError, ValueError):
        first = {}
    if first.get("event") != "ready":
        said_nothing = f"the sandbox ended without a word, or took more than {START_SECONDS} s to start"
        raise SandboxFault(process.last_words() or said_nothing)


def _follow(events: "Events", i: int, name: str, limits: Limits, deadline: float) -> dict[str, Any]:
    """Follow cell `i` to its end and return its "done" event. Raises CellLost or NotebookTimeout."""
    for kind in ("start", "done"):
        event = _next_of_cell(events, name, limits, deadline)
        if event.get("event") == "stuck":
            raise CellLost(_stopped(name, limits))
        if (used_up := str(event.get("event"))) in USED_UP:
            raise CellLost(_used_up(used_up, name, limits))
        if event.get("event") == "died":
            raise CellLost(f"The kernel died in cell {name}.")
        if (event.get("event"), event.get("cell")) != (kind, i):
            raise CellLost(f"Cell {name} {FORGED}.")
    return event


def _next_of_cell(events: "Events", name: str, limits: Limits, deadline: float) -> dict[str, Any]:
    """The next event while the cell `name` runs. Raises CellLost or NotebookTimeout."""
    cell_deadline = time.monotonic() + limits.cell_seconds + 2 * limits.grace_seconds
    try:
        return events.next(min(deadline, cell_deadline))
    except TimeoutError:
        if deadline <= cell_deadline:
            raise NotebookTimeout from None
        raise CellLost(_stopped(name, limits)) from None
    except EOFError:
        return {"event": "died"}
    except ValueError as error:
        raise CellLost(f"Cell {name} {error}.") from None


def _used_up(what: str, name: str, limits: Limits) -> str:
    return f"Cell {name} {USED_UP[what].format(limits)}."


def _stopped(name: str, limits: Limits) -> str:
    return f"Stopped after {limits.cell_seconds:g} s in cell {name}."


def _keep(run: NotebookRun, i: int, cell: Cell, done: dict[str, Any], limits: Limits) -> None:
    """Take what came out of a cell that ended."""
    raw = done.get("outputs")
    if i not in run.outputs:
        run.outputs[i] = run.show(safe_outputs(raw))
    if given := Responses(responses(raw)):
        run.responses[i] = given
    if done.get("interrupted") and cell.exercise not in given:
        run.lost[i] = _stopped(cell.name, limits)


class Events:
    """The events a sandbox writes, one JSON object a line, read with caps on bytes and time."""

    def __init__(self, pipe: IO[bytes]):
        self.fd = pipe.fileno()
        self.pending, self.seen = bytearray(), 0
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.fd, selectors.EVENT_READ)

    def next(self, deadline: float) -> dict[str, Any]:
        """The next event. Raises TimeoutError, EOFError, and ValueError for what is too long or no event."""
        line = self._line(deadline)
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise ValueError(FORGED)
        return event

    def _line(self, deadline: float) -> bytes:
        searched = 0
        while (end := self.pending.find(b"\n", searched)) < 0:
            searched = len(self.pending)
            if searched > LINE or self.seen > RUN:
                raise ValueError(TOO_MUCH)
            if not self.selector.select(max(0, deadline - time.monotonic())):
                raise TimeoutError
            data = os.read(self.fd, 1 << 16)
            if not data:
                raise EOFError
            self.pending += data
            self.seen += len(data)
        line = bytes(self.pending[:end])
        del self.pending[: end + 1]
        return line
