"""Read the timestamps of submissions so that one that is no date costs nobody formgrader's pages."""

import contextlib
import os
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

TIMESTAMP = "timestamp.txt"


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
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a named pipe must not keep a server waiting
    with contextlib.suppress(OSError), open(os.open(folder / TIMESTAMP, flags), "rb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            content = file.read(201)
            with contextlib.suppress(Exception):  # a parser of free text fails in many ways
                return parse_utc(content.decode().strip()) if len(content) <= 200 else None
    return None
