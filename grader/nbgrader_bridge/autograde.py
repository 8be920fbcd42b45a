"""nbgrader's own Autograde, with our intake before it and our sandbox in place of its Execute.

nbgrader makes these calls, in this order; a name in brackets is nbgrader's own:

    start                                   read and repair every submission, then grade the prepared ones
                                            (`python -m grader` has prepared them; it begins at init_notebooks)
      init_notebooks                        leave out the repaired copies of earlier runs
      for each submission:
        init_destination                    is it new, changed, or asked for with --force?
        init_assignment                     [copies files, enters the student in the gradebook]
        convert_single_notebook             get the sandbox's result, have it recorded
          init_single_notebook_resources    once to sanitize, once to grade: hand the result to the preprocessors
          SandboxedExecute.preprocess       fill in outputs and scores
          [SaveAutoGrades and the others]   write the scores into the gradebook
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from glob import escape
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    NbGraderPreprocessor,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from nbgrader.utils import temp_attrs
from traitlets import Bool, Float, List

from attnlib.check.scoring.report import Report
from grader.course import Course
from grader.grade_notebook import NotebookResult
from grader.instructor import messages
from grader.job import cells_digest, code_cells
from grader.kept_results import kept_or_graded
from grader.nbgrader_bridge import gradebook
from grader.nbgrader_bridge.protection import require_protection
from grader.nbgrader_bridge.recorder import NotRecorded, Recorder
from grader.nbgrader_bridge.timestamps import timestamp
from grader.release import Notebook, is_check
from grader.sandbox.leftovers import remove_leftovers
from grader.sandbox.limits import Limits
from grader.sandbox.offer import require_libraries
from grader.sandbox.unprotected import BareProcess
from grader.sanitize.outputs import Output
from grader.submission.intake import Unreadable
from grader.submission.prepare import Prepared, prepare

REPAIRED = ".grader/repaired"  # in the course directory: where nbgrader finds the repaired copies


class SandboxedExecute(NbGraderPreprocessor):
    """Fills in what the sandbox gave: outputs of the student's cells, and each check cell's report and score."""

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The notebook with outputs. Raises RuntimeError when there is no result, or it is another notebook's."""
        result: NotebookResult | None = resources.get("grader_result")
        if result is None:
            raise RuntimeError("nbgrader was started without the grader's configuration, so there is no result; "
                               "start it in the course directory, or run: python -m grader SET")
        if cells_digest(code_cells(nb)) != result.cells:
            raise RuntimeError("the gradebook's cells changed while this notebook was being graded; grade it again")
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        for count, (cell, outputs) in enumerate(zip(cells, result.outputs, strict=True), 1):
            if is_check(cell):
                outputs = report_outputs(result.reports[cell.metadata.nbgrader.grade_id])
            cell.outputs = [nbformat.from_dict(output) for output in outputs]
            cell.execution_count = count
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
        return nb, resources


def report_outputs(data: dict[str, Any]) -> list[Output]:
    """A report as outputs: for people, and the score in the one form nbgrader reads points from."""
    report = Report.from_json(data)
    shown = {"text/html": report.html(), "text/plain": report.text()}
    points = repr(float(min(report.points, report.max_points)))
    return [
        {"output_type": "display_data", "data": shown, "metadata": {}},
        {"output_type": "execute_result", "data": {"text/plain": points}, "metadata": {}, "execution_count": None},
    ]


PREPROCESSORS = [SandboxedExecute, ClearMetadataPreprocessor, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata]
# The kernel that the gradebook names is none (gradebook.NO_KERNEL): the notebook keeps that of its release.
SANITIZERS = [step for step in Autograde.sanitize_preprocessors.default_args[0] if step is not OverwriteKernelspec]


class SandboxedAutograde(Autograde):
    """nbgrader's Autograde over repaired copies, with results from the sandbox.

    A submission is graded again when it, the specification or the limits changed, asked for or not.
    failures holds {student: reason} of the submissions that were not graded.
    """

    cell_seconds = Float(Limits.cell_seconds, help="Seconds a cell may run.").tag(config=True)
    sandboxed = Bool(
        True, help="False runs student code unprotected: it can read and change all you can.").tag(config=True)
    autograde_preprocessors = List(PREPROCESSORS).tag(config=True)
    sanitize_preprocessors = List(SANITIZERS).tag(config=True)

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.prepared: dict[str, Prepared] = {}
        self.results: dict[str, NotebookResult] = {}
        self.failures: dict[str, str] = {}

    def start(self) -> None:
        """Read and repair what was submitted, then let nbgrader grade the repaired copies.

        Raises RuntimeError when nbgrader's configuration would lose the sandbox.
        """
        directory, stem = self.coursedir, self.coursedir.assignment_id
        root = Path(directory.root)
        require_protection(self.config, root)
        if not self.sandboxed:
            self.log.warning(BareProcess.group.description)
        course = Course(root, directory.db_url, root / directory.release_directory, root / directory.source_directory)
        with course.alone():
            remove_leftovers(course.own)
            require_libraries(stem)
            release = course.release(stem)
            course.write_config()
            course.check_secret()
            self.recorder = Recorder(course, stem)
            self.recorder.register(release)
            if directory.student_id == "*":
                for name, why in course.strays(stem).items():
                    self.log.warning(messages.unreadable(name, stem, why))
            for student in course.students(stem):
                if fnmatchcase(student, directory.student_id):
                    self._prepare(student, release)
            self._grade()

    def grade_prepared(self, submission: Prepared, recorder: Recorder) -> None:
        """Grade one submission that was prepared already. Raises what nbgrader raises; `failures` has the reason."""
        self.recorder, self.prepared = recorder, {submission.student: submission}
        self._grade()

    def _grade(self) -> None:
        with temp_attrs(self.coursedir, submitted_directory=REPAIRED):
            super().start()

    def _prepare(self, student: str, release: Notebook) -> None:
        course, stem, limits = self.recorder.course, self.recorder.stem, Limits.for_cells_of(self.cell_seconds)
        try:
            self.prepared[student] = prepare(course, stem, student, release, limits, self.sandboxed)
        except Unreadable as error:
            self._not_graded(student, str(error), messages.unreadable(student, stem, error))
        except Exception as error:  # whatever one submission does to us, the others are graded
            self._not_graded(student, str(error), messages.fault(student, stem, error))
        else:
            for finding in self.prepared[student].findings:
                self.log.warning(messages.finding(student, stem, finding))

    def _not_graded(self, student: str, reason: str, message: str) -> None:
        self.failures[student] = reason
        self.log.error(message)
        self.recorder.withdraw(student)

    @contextmanager
    def _no_trace_of_failure(self, student: str) -> Iterator[None]:
        """When grading fails in here, leave neither a zero nor an older score behind."""
        try:
            yield
        except BaseException as error:
            message = messages.fault(student, self.recorder.stem, error)
            self._not_graded(student, str(error) or type(error).__name__, message)
            raise

    def init_notebooks(self) -> None:
        """Leave out the repaired copies of earlier runs, which nbgrader finds beside those made just now."""
        super().init_notebooks()
        for path in [path for path in self.assignments if Path(path).parent.name not in self.prepared]:
            del self.assignments[path]

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether to grade this submission: asked to, new, or changed since it was graded."""
        if super().init_destination(assignment_id, student_id):
            return True
        excluded = student_id in self.coursedir.student_id_exclude.split(",")
        if excluded or self.recorder.is_current(self.prepared[student_id]):
            return False
        shutil.rmtree(self._format_dest(assignment_id, student_id))
        return True

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy the files beside the notebook, and enter the student in the gradebook."""
        with self._no_trace_of_failure(student_id):
            super().init_assignment(assignment_id, student_id)
            if timestamp(Path(self._format_source(assignment_id, student_id))) is None:
                gradebook.forget_timestamp(self.coursedir.db_url, assignment_id, student_id)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Grade one notebook and have its result recorded."""
        student = Path(notebook_filename).parent.parent.name
        submission = self.prepared[student]
        with self._no_trace_of_failure(student):
            result = self.results[student] = kept_or_graded(self.recorder.course, submission.job)
            self.recorder.record(submission, result, partial(super().convert_single_notebook, notebook_filename))
        if result.lost:
            self.log.warning(messages.lost(student, self.recorder.stem, result, submission.job.limits.cell_seconds))
        for message in messages.absent(student, self.recorder.stem, result):
            self.log.warning(message)

    def init_single_notebook_resources(self, notebook_filename: str) -> dict[str, Any]:
        """Add the sandbox's result to what nbgrader's preprocessors are given."""
        resources = super().init_single_notebook_resources(notebook_filename)
        if not self._sanitizing:
            resources["grader_result"] = self.results[resources["nbgrader"]["student"]]
        return resources


def record_prepared(api: NbGraderAPI, submission: Prepared, recorder: Recorder) -> None:
    """Have nbgrader grade one prepared submission, as formgrader's button does. Raises NotRecorded with the reason."""
    student = submission.student
    with temp_attrs(api.coursedir, assignment_id=recorder.stem, student_id=escape(student)):
        autograde = SandboxedAutograde(coursedir=api.coursedir, parent=api)
        autograde.force = True
        try:
            autograde.grade_prepared(submission, recorder)
        except Exception as error:
            raise NotRecorded(autograde.failures.get(student) or str(error)) from error
    if student not in autograde.results:
        raise NotRecorded(f"nbgrader found nothing to grade in {REPAIRED}")
