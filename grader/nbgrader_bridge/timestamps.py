"""Read the timestamps of submissions so that one that is no date costs nobody formgrader's pages."""

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from grader.submission.folders import open_folder
from grader.submission.timestamp import read_timestamp


def forgive_timestamps() -> None:
    """Have nbgrader take a timestamp that it cannot read for none: it would show no submissions at all."""
    NbGraderAPI.get_submitted_timestamp = _submitted
    CourseDirectory.get_existing_timestamp = _existing


def _submitted(self: Any, assignment_id: str, student_id: str) -> datetime | None:
    """In place of NbGraderAPI.get_submitted_timestamp."""
    directory = self.coursedir
    return timestamp(Path(directory.format_path(directory.submitted_directory, student_id, assignment_id)))


def _existing(self: Any, dest_path: str) -> datetime | None:
    """In place of CourseDirectory.get_existing_timestamp."""
    return timestamp(Path(dest_path))


def timestamp(folder: Path) -> datetime | None:
    """When the submission in `folder` was handed in, as its file says; None for anything that intake would not take."""
    with contextlib.ExitStack() as stack, contextlib.suppress(Exception):  # a parser of free text fails in many ways
        text = read_timestamp(open_folder(stack, None, str(folder)))
        return parse_utc(text) if text else None
    return None
