"""Grade one notebook: run a Job in the sandbox and score its responses. Workers run this, in whatever process.

It knows nothing about students or the gradebook.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from attnlib.check.scoring.report import Report, unscored
from attnlib.check.spec import Exercise, exercises
from grader.absent import absent_in_answers, absent_in_cells
from grader.job import Job, cells_digest
from grader.sandbox.bubblewrap import Sandbox
from grader.sandbox.host import AnySandbox, Cell, NotebookRun, run_notebook
from grader.sandbox.leftovers import temporary_folder
from grader.sandbox.offer import offer
from grader.sandbox.unprotected import NoSandbox
from grader.sandbox.view import build_view
from grader.sanitize.outputs import Output

COPIES, GUESSES = 10, 3  # responses to one exercise that are scored, and to one that asks for a number: the last ones


@dataclass
class NotebookResult:
    """What grading a notebook gave: a report for each exercise (as JSON), outputs by code cell, why cells were lost.

    key is the job's, cells the fingerprint of its cells, absent says what the notebook asked for in vain, limits is a
    description of what bounded the run.
    """

    key: str
    cells: str
    reports: dict[str, dict[str, Any]]
    outputs: list[list[Output]]
    lost: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
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
        run = run_notebook([*job.cells, *_asked_again(job)], challenges, job.files, view, sandbox, offer(job.stem))
    outputs = [run.outputs.get(i, []) for i in range(len(job.cells))]
    missing = absent_in_cells(job.cells, outputs)
    reports = _Scoring(job, asked, run).reports()
    told = {name: _with_absent(job, name, report, missing).to_json() for name, report in reports.items()}
    lost = [run.lost[i] for i in sorted(run.lost) if i < len(job.cells)]
    absent = [*missing.values(), *absent_in_answers(reports)]
    return NotebookResult(job.key, cells_digest(job.cells), told, outputs, lost, absent, run.limits, job.sandboxed)


def _asked_again(job: Job) -> list[Cell]:
    """The check cells that are run once more after the notebook's last cell."""
    return [replace(job.cells[_place(job.cells, name)], name=f"{name} (asked again)") for name in job.again]


def _place(cells: Sequence[Cell], exercise: str) -> int:
    """The index of an exercise's own check cell."""
    return next(i for i, cell in enumerate(cells) if cell.exercise == exercise)


@dataclass
class _Scoring:
    """Scores the responses of a run, each once: a check may stand in a notebook more than once.

    Students try, check, write anew, check again: what passed in their own order counts.
    """

    job: Job
    asked: Mapping[str, Exercise]
    run: NotebookRun
    scored: dict[tuple[str, int], Report] = field(default_factory=dict)

    def reports(self) -> dict[str, Report]:
        """The Report of each exercise that has a check cell, in the set's order."""
        checked = {cell.exercise for cell in self.job.cells}
        return {name: self.best(name) for name in self.asked if name in checked}

    def best(self, name: str) -> Report:
        """The Report of the response that earns most, of equals the last."""
        place = _place(self.job.cells, name)
        answered = self.answered(name)
        if not answered:
            return unscored(self.asked[name], _why_no_response(self.job.cells, place, self.run))
        i = max(answered, key=lambda i: (self.report(name, i).points, i))
        return self.report(name, i) if i == place else _noted(self.report(name, i), _which(self.job.cells, i))

    def answered(self, name: str) -> list[int]:
        """The cells that gave the last responses to an exercise; of a number, which can be guessed, fewer count."""
        most = GUESSES if self.asked[name].kind in ("number", "prediction") else COPIES
        return [i for i in sorted(self.run.responses) if name in self.run.responses[i]][-most:]

    def report(self, name: str, i: int) -> Report:
        """The Report of the response of cell `i`: it may build on what the notebook had for earlier exercises then."""
        if (name, i) not in self.scored:
            earlier = list(self.asked)[: list(self.asked).index(name)]
            slips = {other: self.slip(other, i) for other in earlier if self.answered(other)}
            response = self.run.responses[i][name]
            self.scored[name, i] = score(self.asked[name], self.job.seeds[name], response, slips)
        return self.scored[name, i]

    def slip(self, name: str, i: int) -> str:
        """The slip in the answer to an exercise as it was in cell `i`, when it had been checked last."""
        answered = self.answered(name)
        return self.report(name, max((j for j in answered if j <= i), default=answered[0])).slip


def _which(cells: Sequence[Cell], i: int) -> str:
    """Which of several checks counts: a sentence for the student."""
    if i >= len(cells):
        return "An answer may stand below this check, so it was asked again at the end, and that is what counts."
    return f"This exercise is checked more than once. What counts is the check in cell {cells[i].name}."


def _with_absent(job: Job, name: str, report: Report, missing: Mapping[int, str]) -> Report:
    """A report that lacks points, with what the cells above its check asked for in vain."""
    above = [why for i, why in missing.items() if i < _place(job.cells, name)]
    return report if report.points == report.max_points else _noted(report, *above)


def _noted(report: Report, *notes: str) -> Report:
    return replace(report, note=" ".join(filter(None, [report.note, *notes])))


def _why_no_response(cells: Sequence[Cell], i: int, run: NotebookRun) -> str:
    """Why check cell `i` gave no response: a sentence for the student."""
    if i in run.lost:
        return run.lost[i]
    errors = [output for output in run.outputs.get(i, []) if output["output_type"] == "error"]
    if errors:
        why = f"The check stopped with {errors[0]['ename']}: {errors[0]['evalue']}"
    else:
        why = "The check cell handed over no response. Did a cell replace `check`, or what shows outputs?"
    before = [run.lost[j] for j in sorted(run.lost) if j < i and not cells[j].exercise]
    return " ".join([why, *before])
