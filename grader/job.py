"""The job of grading one notebook: what a worker needs to know, and nothing about students or the gradebook."""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import attnlib
from attnlib.check.spec import exercises
from grader.release import Notebook, is_check
from grader.sandbox.host import Cell
from grader.sandbox.limits import DEFAULTS, Limits
from grader.seeds import seed

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Job:
    """A notebook to grade: its code cells, the files beside it, each exercise's seed, and how to run it.

    files are read when they are asked for, one at a time (KeptFiles).
    hidden lists folders that the sandbox must not show, again the exercises that are asked once more at the notebook's
    end; key is the name its result is kept under.
    """

    stem: str
    cells: tuple[Cell, ...]
    files: Mapping[str, bytes]
    seeds: dict[str, int]
    limits: Limits
    hidden: tuple[str, ...] = ()
    sandboxed: bool = True
    again: tuple[str, ...] = ()
    key: str = ""


def make_job(stem: str, notebook: Notebook, files: Mapping[str, bytes], secret: bytes, limits: Limits = DEFAULTS,
             hidden: Iterable[str | Path] = (), sandboxed: bool = True, again: Sequence[str] = ()) -> Job:
    """The Job of a repaired notebook; a cell gets the time that the set's longest check may take."""
    limits = limits.with_room_for(max((each.seconds * (1 + 2 * each.repeated) for each in exercises(stem)), default=0))
    cells = code_cells(notebook)
    contents = digest([[cell.source, cell.exercise] for cell in cells], _digests(files))
    seeds = {exercise.name: seed(secret, exercise.name, contents) for exercise in exercises(stem)}
    key = digest(stem, contents, seeds, list(again), asdict(limits), sandboxed, software())
    return Job(stem, cells, files, seeds, limits, tuple(map(str, hidden)), sandboxed, tuple(again), key)


def code_cells(notebook: Notebook) -> tuple[Cell, ...]:
    """The Cells of a repaired notebook, in order."""
    cells = []
    for i, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] == "code":
            name = cell["metadata"].get("nbgrader", {}).get("grade_id") or _beginning(cell["source"], i)
            cells.append(Cell(name, cell["source"], name if is_check(cell) else None))
    return tuple(cells)


def _beginning(source: str, i: int) -> str:
    """What to call a cell of the student's own: people find it by its first line, whatever they count."""
    first = next((" ".join(line.split()) for line in source.splitlines() if line.strip()), "")
    return f"beginning “{first[:40]}”" if first else f"number {i}"


def digest(*things: Any) -> str:
    """SHA-256 of plain data, in hexadecimal."""
    return hashlib.sha256(json.dumps(things, sort_keys=True).encode()).hexdigest()


def cells_digest(cells: Sequence[Cell]) -> str:
    """The digest of code cells, which shows whether a result belongs to a notebook."""
    return digest([[cell.source, cell.exercise] for cell in cells])


def _digests(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    return sorted((name, hashlib.sha256(content).hexdigest()) for name, content in files.items())


@cache
def software() -> str:
    """A digest of all but the notebook that can change a result: attnlib, grader, Python, its packages."""
    installed = sorted({f"{package.name} {package.version}" for package in distributions()})  # some twice on the path
    hashed = hashlib.sha256(f"{sys.version} {installed}".encode())
    for folder in (Path(attnlib.__file__).parent, PACKAGE):
        for path in sorted(folder.rglob("*.py")):
            hashed.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return hashed.hexdigest()
