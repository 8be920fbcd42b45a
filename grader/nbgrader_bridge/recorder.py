"""Keep the gradebook true to what is in submitted/: one Recorder a problem set, whichever way in.

`grader.class_run` asks it for a class, `SandboxedAutograde` for nbgrader's own commands and formgrader.
"""

import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from grader.course import Course
from grader.grade_notebook import NotebookResult
from grader.nbgrader_bridge import gradebook
from grader.nbgrader_bridge.gradebook import Scores
from grader.nbgrader_bridge.new_gradebook import make_ready
from grader.release import Notebook
from grader.submission.prepare import Prepared
from grader.whole_files import write_whole


class NotRecorded(Exception):
    """The gradebook does not hold a result; the message says why, for the instructor."""


class Recorder:
    """Knows which scores the gradebook holds for a problem set, and which submissions they are the scores of."""

    def __init__(self, course: Course, stem: str):
        self.course, self.stem = course, stem

    def register(self, release: Notebook) -> None:
        """Write the released cells into the gradebook. Raises RuntimeError when it cannot take them."""
        make_ready(self.course.db)
        gradebook.register(self.course.db, self.stem, release)

    @property
    def name(self) -> str:
        """Where the gradebook is, without its password."""
        return gradebook.without_password(self.course.db)

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """{student: scores} in the gradebook, read once and kept up to date by `record` and `withdraw`."""
        return gradebook.scores(self.course.db, self.stem)

    def is_current(self, submission: Prepared) -> bool:
        """Whether the gradebook has scores of exactly this submission, as it would be graded now."""
        path = self._graded_note(submission.student)
        graded = path.read_text() if path.exists() else ""
        return graded == submission.fingerprint and submission.student in self.scores

    def needs_recording(self, submission: Prepared, result: NotebookResult) -> bool:
        """Whether the gradebook lacks this result, or has it for another version of the submission."""
        return not (self.is_current(submission) and self._holds(submission.student, result))

    def record(self, submission: Prepared, result: NotebookResult, write: Callable[[], None]) -> None:
        """Let `write` put a result into the gradebook, and make sure that it is there.

        Raises NotRecorded when it is not, and what `write` raises; `withdraw` then removes what is left.
        """
        student = submission.student
        self._remove("feedback", student)
        write()
        self.scores.pop(student, None)
        self.scores |= gradebook.scores(self.course.db, self.stem, student)
        if not self._holds(student, result):
            raise NotRecorded("nbgrader ran, but the scores are not in the gradebook")
        self._remember(student, submission.fingerprint)

    def withdraw(self, student: str) -> None:
        """Leave nothing that could be taken for the grade of what is in submitted/ now.

        Raises OSError or SQLAlchemyError when the disk or the gradebook does not let it.
        """
        self._remove("autograded", student)
        self._remove("feedback", student)
        gradebook.withdraw(self.course.db, self.stem, student)
        self.scores.pop(student, None)
        self._remember(student, "")

    def _holds(self, student: str, result: NotebookResult) -> bool:
        """Whether the gradebook holds exactly the points of this result."""
        held = self.scores.get(student)
        return held is not None and all(held.get(name) == points for name, points in result.points.items())

    def _remove(self, step: str, student: str) -> None:
        shutil.rmtree(self.course.folder / step / student / self.stem, ignore_errors=True)

    def _remember(self, student: str, fingerprint: str) -> None:
        write_whole(self._graded_note(student), fingerprint)

    def _graded_note(self, student: str) -> Path:
        """The file that says which submission the gradebook's scores are those of."""
        return self.course.own / "graded" / student / self.stem
