"""From what a student handed in to a job for the sandbox: intake, repair, and a repaired copy to look at."""

import json
from dataclasses import asdict, dataclass

from grader.course import REPOSITORY, write_repaired
from grader.grade_notebook import Job, digest, make_job
from grader.submission.intake import Finding, read_submission
from grader.sandbox.limits import Limits
from grader.submission.repair import repair


@dataclass(frozen=True)
class Prepared:
    """A submission that can be graded, with what was odd about it."""

    student: str
    job: Job
    findings: tuple
    mark: str  # changes whenever grading it again would change anything


def prepare(course, stem, student, release, limits=Limits(), sandboxed=True):
    """Read, repair and copy one submission. Raises Unreadable."""
    limits = allowed(course, stem, student, limits)
    submission = read_submission(course.submitted, student, stem)
    notebook, findings = repair(submission.cells, release)
    folder = course.repaired(student, stem)
    write_repaired(folder, stem, notebook, submission)
    findings = few([*submission.findings, *findings])
    report = json.dumps([asdict(finding) for finding in findings], indent=1)
    folder.with_name(f"{stem}.findings.json").write_text(report + "\n")
    hidden = {REPOSITORY, course.folder, course.release_folder, course.source_folder}
    job = make_job(stem, notebook, submission.files, course.secret, limits, sorted(hidden), sandboxed)
    return Prepared(student, job, findings, digest(job.key, notebook, submission.timestamp, course.db))


def few(findings, most=20):
    """The first `most` findings, and how many more there are: one submission may hold thousands of odd files."""
    more = len(findings) - most
    return (*findings[:most], *([Finding("and more", "the submission", f"{more} more of these")] if more > 0 else []))


def allowed(course, stem, student, limits):
    """`limits`, with more time where more was given before: a later run of the whole class must not take it back."""
    path = course.own / "allowed" / student / stem
    before = float(path.read_text()) if path.exists() else 0
    if before > limits.cell_seconds:
        return Limits.for_cells_of(before)
    if limits.cell_seconds > Limits.cell_seconds:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(limits.cell_seconds))
    return limits
