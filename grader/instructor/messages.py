"""Messages for the instructor: which submission, what happened, what is left, what to do."""

import re
import shlex

from grader.grade_notebook import NotebookResult
from grader.submission.intake import Finding, Unreadable

NO_FAULT = "not graded, through no fault of the student's"


def unreadable(student: str, stem: str, error: Unreadable) -> str:
    """The message about a submission that intake could not read."""
    return f"{plain(student)} {stem}: not graded: {plain(error)}. {error.remedy}."


def fault(student: str, stem: str, error: BaseException | None) -> str:
    """The message about a submission that was not graded through no fault of the student's."""
    why = plain(error or "")[:500] or type(error).__name__
    return f"{plain(student)} {stem}: {NO_FAULT}: {why}. Retry: {_again(student, stem)}"


def no_feedback(student: str, stem: str, error: str) -> str:
    """The message about a submission that was graded, but whose feedback could not be written."""
    named = re.findall(r"^ *([\w.]+: .+)$", error, re.MULTILINE)  # the last line of a traceback, whatever follows it
    why = plain(named[-1])[:500] if named else "nbgrader gave no reason"
    return f"{plain(student)} {stem}: graded, but no feedback was written: {why}. Retry: {_again(student, stem)}"


def finding(student: str, stem: str, found: Finding) -> str:
    """The message about something odd that did not stop the grading, and whether it can have cost marks."""
    cost = f"Marks may be lost: {plain(found.costs)}." if found.costs else "No marks are lost by it."
    return f"{plain(student)} {stem}: {found.kind}: {plain(found.where)}: {plain(found.what)}. {cost}"


def lost(student: str, stem: str, result: NotebookResult, seconds: float) -> str:
    """The message about a notebook of which a cell was stopped or killed the kernel."""
    kept = f"{sum(result.points.values()):g} of {result.max_points:g} points kept"
    reasons = list(dict.fromkeys(why[0].lower() + why[1:].rstrip(".") for why in result.lost))
    what = "; ".join(reasons[:5]) + (f"; and {len(reasons) - 5} more" if len(reasons) > 5 else "")
    longer = any(re.match("Stopped|The notebook was stopped", why) for why in result.lost)
    retry = f" Retry: {_again(student, stem)} --timeout {3 * seconds:g}" if longer else ""
    return f"{plain(student)} {stem}: {what}; {kept}.{retry}"


def absent(student: str, stem: str, result: NotebookResult) -> list[str]:
    """A message about each thing that a notebook which lacks points asked for in vain."""
    earned = sum(result.points.values())
    if earned == result.max_points:
        return []
    kept = f"{earned:g} of {result.max_points:g} points kept"
    return [f"{plain(student)} {stem}: {plain(why[0].lower() + why[1:])} {kept}; marks may be lost by it."
            for why in dict.fromkeys(result.absent)]


def _again(student: str, stem: str) -> str:
    return f"python -m grader {stem} --student {shlex.quote(plain(student))}"


def plain(text: object) -> str:
    """One line without control characters: names are the student's, and terminals obey them."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))
