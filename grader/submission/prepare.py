"""Prepare what a student handed in for grading: read it, repair it, keep a copy to look at, make a job of it."""

import contextlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.course import REPOSITORY, Course
from grader.job import Job, digest, make_job
from grader.release import Notebook
from grader.sandbox.limits import DEFAULTS, Limits
from grader.submission.intake import Finding, Submission, read_submission
from grader.submission.repair import checks_to_ask_again, repair
from grader.submission.timestamp import TIMESTAMP
from grader.whole_files import write_whole


@dataclass(frozen=True)
class Prepared:
    """A submission that can be graded, with what was odd about it.

    fingerprint changes whenever grading the submission again would change anything.
    """

    student: str
    job: Job
    findings: tuple[Finding, ...]
    fingerprint: str


def prepare(course: Course, stem: str, student: str, release: Notebook, limits: Limits = DEFAULTS,
            sandboxed: bool = True) -> Prepared:
    """Read, repair and copy one submission. Raises Unreadable."""
    limits = time_given(course, stem, student, limits)
    submission = read_submission(course.submitted, student, stem, course.files(student, stem))
    notebook, odd = repair(submission.cells, release)
    folder = course.repaired(student, stem)
    write_repaired(folder, stem, notebook, submission)
    findings = [*submission.findings, *odd]
    listed = json.dumps([asdict(finding) for finding in findings], indent=1)
    folder.with_name(f"{stem}.findings.json").write_text(listed + "\n")
    hidden = sorted({REPOSITORY, course.folder, course.release_folder, course.source_folder})
    again = checks_to_ask_again(notebook, release)
    job = make_job(stem, notebook, submission.files, course.secret, limits, hidden, sandboxed, again)
    return Prepared(student, job, few(findings), digest(job.key, notebook, submission.timestamp, course.db))


def write_repaired(folder: Path, stem: str, notebook: Notebook, submission: Submission) -> None:
    """Write a repaired notebook and its time into `folder`, in place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if submission.timestamp:
        (folder / TIMESTAMP).write_text(submission.timestamp)
    (folder / f"{stem}.ipynb").write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def few(findings: Sequence[Finding], most: int = 20) -> tuple[Finding, ...]:
    """At most `most` findings, those first that can cost marks, and how many more: there may be thousands."""
    ordered = sorted(findings, key=lambda finding: not finding.costs)
    if not (left := ordered[most:]):
        return tuple(ordered)
    costs = "if one of them concerns an answer, or a file that is read" if left[0].costs else ""
    what = f"{len(left)} more; .grader/repaired/STUDENT/SET.findings.json has all of them"
    return (*ordered[:most], Finding("and more", "the submission", what, costs))


def time_given(course: Course, stem: str, student: str, limits: Limits) -> Limits:
    """`limits`, with more time where more was given before: a later run of the whole class must not take it back."""
    path, before = course.own / "allowed" / student / stem, 0.0
    with contextlib.suppress(OSError, ValueError):  # no such file, or it is damaged
        before = float(path.read_text())
    if before > limits.cell_seconds:
        return Limits.for_cells_of(before)
    if limits.cell_seconds > Limits.cell_seconds:
        write_whole(path, str(limits.cell_seconds))
    return limits
