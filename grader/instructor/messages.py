"""Messages for the instructor: which submission, what happened, what is left, what to do."""

import re
import shlex
from pathlib import Path

from grader.grade_notebook import NotebookResult
from grader.submission.intake import Finding, Unreadable

NO_FAULT = "not graded, through no fault of the student's"
REMEDIES = {  # by how Linux and SQLite say it
    "No space left|disk is full": "Free space on that disk; what was graded is kept",
    "Disk quota exceeded": "Free space within the quota; what was graded is kept",
    "Read-only file system|readonly database": "Make that folder writable, or grade a copy of the course",
    "Permission denied|unable to open database": "Give the user who grades the right to write there, and to read",
    "Too many open files": "Allow more, as in: ulimit -n 4096",
    "database is locked": "Another program is writing to the gradebook; wait until it has ended",
}


def unreadable(student: str, stem: str, error: Unreadable) -> str:
    """The message about a submission that intake could not read."""
    return f"{plain(student)} {stem}: not graded: {plain(error)}. {error.remedy}."


def excluded(student: str, stem: str) -> str:
    """The message about a submission that the course's configuration leaves out."""
    setting = "CourseDirectory.student_id_exclude in nbgrader_config.py"
    return f"{plain(student)} {stem}: left as it is in the gradebook: {setting} names this student."


def fault(student: str, stem: str, error: BaseException | None) -> str:
    """The message about a submission that was not graded through no fault of the student's."""
    return f"{plain(student)} {stem}: {NO_FAULT}: {why(error)}. Retry: {_again(student, stem)}"


def not_withdrawn(student: str, stem: str, error: BaseException) -> str:
    """The message about a submission that was not graded, while an older score may stand in the gradebook."""
    return (f"{plain(student)} {stem}: an older score may still be in the gradebook: {why(error)}. "
            f"Retry: {_again(student, stem)}")


def not_kept(student: str, stem: str, error: BaseException) -> str:
    """The message about a result that has to be computed again."""
    return f"{plain(student)} {stem}: its result could not be kept, so the next run computes it again: {why(error)}."


def stopped(stem: str, error: BaseException) -> str:
    """The message about a run that something of ours ended early."""
    return f"{stem}: stopped: {why(error)}. What was graded is in the table. Retry: python -m grader {stem}"


def why(error: BaseException | None, most: int = 500) -> str:
    """What went wrong in one line of at most `most` characters, and what to do where that is known."""
    said = plain(str(error or "").partition("\n[SQL")[0])[:most].rstrip(".") or type(error).__name__
    for sign, remedy in REMEDIES.items():
        if re.search(sign, said, re.IGNORECASE):
            return f"{said}. {remedy}"
    return said


def no_feedback(student: str, stem: str, error: str, page: Path | None = None) -> str:
    """The message about a submission that was graded, but whose feedback, the file `page`, could not be written."""
    named = re.findall(r"^ *([\w.]+: .+)$", error, re.MULTILINE)  # the last line of a traceback, whatever follows it
    reason = why(ValueError(named[-1])) if named else "nbgrader gave no reason"
    where = f" to {plain(page)}" if page else ""
    return (f"{plain(student)} {stem}: graded, but no feedback was written{where}: {reason}. "
            f"Retry: {_again(student, stem)}")


def finding(student: str, stem: str, found: Finding) -> str:
    """The message about something odd that did not stop the grading, and whether it can have cost marks."""
    cost = f"Marks may be lost {plain(found.costs)}." if found.costs else "No marks are lost by it."
    return f"{plain(student)} {stem}: {found.kind}: {plain(found.where)}: {plain(found.what)}. {cost}"


def lost(student: str, stem: str, result: NotebookResult, seconds: float) -> str:
    """The message about a notebook of which a cell was stopped or killed the kernel."""
    kept = f"{sum(result.points.values()):g} of {result.max_points:g} points kept"
    reasons = list(dict.fromkeys(said[0].lower() + said[1:].rstrip(".") for said in result.lost))
    what = "; ".join(reasons[:5]) + (f"; and {len(reasons) - 5} more" if len(reasons) > 5 else "")
    longer = any(re.match("Stopped|The notebook was stopped", said) for said in result.lost)
    retry = f" Retry: {_again(student, stem)} --timeout {3 * seconds:g}" if longer else ""
    return f"{plain(student)} {stem}: {what}; {kept}.{retry}"


def absent(student: str, stem: str, result: NotebookResult) -> list[str]:
    """A message about each thing that a notebook which lacks points asked for in vain."""
    earned = sum(result.points.values())
    if earned == result.max_points:
        return []
    kept = f"{earned:g} of {result.max_points:g} points kept"
    return [f"{plain(student)} {stem}: {plain(said[0].lower() + said[1:])} {kept}; this may be why marks are missing."
            for said in dict.fromkeys(result.absent)]


def _again(student: str, stem: str) -> str:
    return f"python -m grader {stem} --student {shlex.quote(plain(student))}"


def plain(text: object) -> str:
    """One line without control characters: names are the student's, and terminals obey them."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))
