"""Grade one notebook: a Job goes in, a Result comes out, and neither knows about files, students or the gradebook.

This is the part that workers run, in whatever process or on whatever machine.
"""

import hashlib
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import attnlib
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from attnlib.check.scoring.report import unanswered
from attnlib.check.spec import exercises
from grader.sandbox.limits import Limits
from grader.submission.repair import is_check
from grader.sandbox.host import Cell, run_notebook
from grader.sandbox.bubblewrap import Sandbox
from grader.seeds import seed
from grader.sandbox.unprotected import NoSandbox
from grader.sandbox.view import build_view

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Job:
    """A notebook to grade: its code cells, the files beside it, each exercise's seed, and how to run it."""

    stem: str
    cells: tuple
    files: dict
    seeds: dict
    limits: Limits
    hidden: tuple = ()
    sandboxed: bool = True
    key: str = ""


@dataclass
class Result:
    """What came of a job: a report for each exercise (as JSON), outputs by code cell, what was lost and why."""

    key: str
    cells: str
    reports: dict
    outputs: list
    lost: list = field(default_factory=list)
    limits: str = ""
    sandboxed: bool = True

    @property
    def points(self):
        """{exercise: points}."""
        return {name: sum(r["points"] for r in report["results"]) for name, report in self.reports.items()}


def code_cells(notebook):
    """The Cells of a repaired notebook, in order."""
    cells = []
    for i, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] == "code":
            name = cell["metadata"].get("nbgrader", {}).get("grade_id") or f"number {i}"
            cells.append(Cell(name, cell["source"], name if is_check(cell) else None))
    return tuple(cells)


def make_job(stem, notebook, files, secret, limits=Limits(), hidden=(), sandboxed=True):
    """The Job of a repaired notebook."""
    cells = code_cells(notebook)
    asked = digest([[cell.source, cell.exercise] for cell in cells], sorted_digests(files))
    seeds = {exercise.name: seed(secret, exercise.name, asked) for exercise in exercises(stem)}
    key = digest(stem, asked, seeds, asdict(limits), sandboxed, sources())
    return Job(stem, cells, files, seeds, limits, tuple(map(str, hidden)), sandboxed, key)


def digest(*things):
    """A name for plain data: SHA-256 in hexadecimal."""
    return hashlib.sha256(json.dumps(things, sort_keys=True).encode()).hexdigest()


def sorted_digests(files):
    """Names and digests of files {name: bytes}."""
    return sorted((name, hashlib.sha256(content).hexdigest()) for name, content in files.items())


@cache
def sources():
    """A digest of everything that can change a result besides the notebook: attnlib, grader, Python, its packages."""
    installed = sorted(f"{package.name} {package.version}" for package in distributions())
    hashed = hashlib.sha256(f"{sys.version} {installed}".encode())
    for folder in (Path(attnlib.__file__).parent, PACKAGE):
        for path in sorted(folder.rglob("*.py")):
            hashed.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return hashed.hexdigest()


def grade(job):
    """Run a Job in the sandbox and score its answers. Raises SandboxFault when the sandbox does not work."""
    asked = {exercise.name: exercise for exercise in exercises(job.stem)}
    challenges = {name: challenge(exercise, job.seeds[name]) for name, exercise in asked.items()}
    sandbox = Sandbox(job.limits, job.hidden) if job.sandboxed else NoSandbox(job.limits)
    with tempfile.TemporaryDirectory(prefix="grader-view-") as view:
        build_view(job.stem, view)
        outcome = run_notebook(job.cells, challenges, job.files, view, sandbox)
    reports = {}
    for i, cell in enumerate(job.cells):
        if cell.exercise in asked:
            exercise, answer = asked[cell.exercise], outcome.answers.get(cell.exercise)
            if answer is None:
                report = unanswered(exercise, _why(job.cells, i, outcome))
            else:
                report = score(exercise, job.seeds[exercise.name], answer)
            reports[exercise.name] = report.to_json()
    lost = [outcome.lost[i] for i in sorted(outcome.lost)]
    outputs = [outcome.outputs.get(i, []) for i in range(len(job.cells))]
    return Result(job.key, cells_digest(job.cells), reports, outputs, lost, outcome.limits, job.sandboxed)


def cells_digest(cells):
    """A digest of code cells, to make sure that a result belongs to a notebook."""
    return digest([[cell.source, cell.exercise] for cell in cells])


def _why(cells, i, outcome):
    """Why check cell `i` has no answer: a sentence for the student."""
    if i in outcome.lost:
        return outcome.lost[i]
    errors = [output for output in outcome.outputs.get(i, []) if output["output_type"] == "error"]
    why = f"The check stopped with {errors[0]['ename']}: {errors[0]['evalue']}" if errors else "No answer came out."
    before = [outcome.lost[j] for j in sorted(outcome.lost) if j < i and not cells[j].exercise]
    return " ".join([why, *before])
