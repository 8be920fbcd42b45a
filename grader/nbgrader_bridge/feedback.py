"""Have nbgrader write the feedback of one submission, within bounded time."""

import signal
from glob import escape
from pathlib import Path
from typing import Any

from grader.course import Course
from grader.nbgrader_bridge.configure import nbgrader_api

SECONDS = 120  # one page: what students write can keep a highlighter busy for hours


def page(course: Course, stem: str, student: str) -> Path:
    """The feedback page of one submission."""
    return course.folder / "feedback" / student / stem / f"{stem}.html"


def write_feedback(course: Course, stem: str, student: str) -> str:
    """Write the page of one submission. Returns why it could not be written, as nbgrader says it; empty when it was."""
    signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(SECONDS)
    try:
        outcome = nbgrader_api(course).generate_feedback(stem, escape(student))
    finally:
        signal.alarm(0)
    return "" if outcome["success"] else f"{outcome.get('error')}\n{outcome.get('log')}"  # the log alone has the reason


def _too_slow(*_: Any) -> None:
    raise TimeoutError(f"the page took longer than {SECONDS} s")
