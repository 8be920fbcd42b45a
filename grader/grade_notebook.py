"""Grade one notebook: run a Job in the sandbox and score its responses. Workers run this, in whatever process.

It knows nothing about students, their files or the gradebook.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from attnlib.check.scoring.report import Report, unscored
from attnlib.check.spec import Exercise, exercises
from grader.job import Job, cells_digest
from grader.sandbox.bubblewrap import Sandbox
from grader.sandbox.host import AnySandbox, Cell, NotebookRun, run_notebook
from grader.sandbox.leftovers import temporary_folder
from grader.sandbox.offer import offer
from grader.sandbox.unprotected import NoSandbox
from grader.sandbox.view import build_view
from grader.sanitize.outputs import Output


@dataclass
class NotebookResult:
    """What grading a notebook gave: a report for each exercise (as JSON), outputs by code cell, why cells were lost.

    key is the job's, cells the fingerprint of its cells, limits a description of what bounded the run.
    """

    key: str
    cells: str
    reports: dict[str, dict[str, Any]]
    outputs: list[list[Output]]
    lost: list[str] = field(default_factory=list)
    limits: str = ""
    sandboxed: bool = True

    @property
    def points(self) -> dict[str, float]:
        """{exercise: points}."""
        return {name: sum(r["points"] for r in report["results"]) for name, report in self.reports.items()}

    @property
    def max_points(self) -> float:
        """The most the notebook could earn."""
        return sum(r["max_points"] for report in self.reports.values() for r in report["results"])


def grade(job: Job) -> NotebookResult:
    """Run a Job and score its responses. Raises SandboxFault when the sandbox does not work."""
    asked = {exercise.name: exercise for exercise in exercises(job.stem)}
    challenges = {name: challenge(exercise, job.seeds[name]) for name, exercise in asked.items()}
    sandbox: AnySandbox = Sandbox(job.limits, job.hidden) if job.sandboxed else NoSandbox(job.limits)
    with temporary_folder("view") as view:
        build_view(job.stem, view)
        run = run_notebook(job.cells, challenges, job.files, view, sandbox, offer(job.stem))
    reports = {name: report.to_json() for name, report in _reports(job, asked, run).items()}
    lost = [run.lost[i] for i in sorted(run.lost)]
    outputs = [run.outputs.get(i, []) for i in range(len(job.cells))]
    return NotebookResult(job.key, cells_digest(job.cells), reports, outputs, lost, run.limits, job.sandboxed)


def _reports(job: Job, asked: Mapping[str, Exercise], run: NotebookRun) -> dict[str, Report]:
    """The Report of each exercise that has a check cell, in the set's order: a later one may build on an earlier."""
    places = {cell.exercise: i for i, cell in enumerate(job.cells)}
    reports: dict[str, Report] = {}
    for exercise in asked.values():
        response = run.responses.get(exercise.name)
        if exercise.name in places and response is None:
            why = _why_no_response(job.cells, places[exercise.name], run)
            reports[exercise.name] = unscored(exercise, why)
        elif response is not None and exercise.name in places:
            slips = {name: report.slip for name, report in reports.items()}
            reports[exercise.name] = score(exercise, job.seeds[exercise.name], response, slips)
    return reports


def _why_no_response(cells: Sequence[Cell], i: int, run: NotebookRun) -> str:
    """Why check cell `i` gave no response: a sentence for the student."""
    if i in run.lost:
        return run.lost[i]
    errors = [output for output in run.outputs.get(i, []) if output["output_type"] == "error"]
    if errors:
        why = f"The check stopped with {errors[0]['ename']}: {errors[0]['evalue']}"
    else:
        why = "The check cell handed over no response. Was `check` redefined, or its cell changed?"
    before = [run.lost[j] for j in sorted(run.lost) if j < i and not cells[j].exercise]
    return " ".join([why, *before])
