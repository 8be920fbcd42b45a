"""nbgrader's own Autograde, with our intake before it and our sandbox in place of its Execute.

`configure` puts it in place for the command `nbgrader autograde`, for formgrader's button and for `python -m
grader` alike, so that there is one way into the gradebook.
"""

import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import preprocessors as stock
from nbgrader.apps import api, autogradeapp
from nbgrader.converters import Autograde
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import temp_attrs
from traitlets import Bool, Float, List

from attnlib.check.scoring.report import Report
from grader.instructor import messages
from grader.course import REPOSITORY, Course
from grader.nbgrader_bridge.gradebook import COURSE_ID, register, withdraw
from grader.grade_notebook import cells_digest, code_cells
from grader.submission.intake import Unreadable
from grader.sandbox.limits import Limits
from grader.submission.prepare import prepare
from grader.submission.repair import is_check
from grader.kept_results import result_of

INTAKE = ".grader/intake"


def configure(c, course=None):
    """Set up nbgrader's configuration `c` for a course, and its Autograde for the sandbox."""
    course = course or Course.at()
    c.CourseDirectory.root = str(course.folder)
    c.CourseDirectory.course_id = COURSE_ID
    c.CourseDirectory.db_url = course.db
    c.CourseDirectory.source_directory = _from(course.folder, course.source_folder)
    c.CourseDirectory.release_directory = _from(course.folder, course.release_folder)
    c.Autograde.autograde_preprocessors = AUTOGRADE  # should nbgrader ever not take our class: no result, no score
    c.HTMLExporter.filters = {"markdown2html": "grader.sanitize.markdown.safe_markdown"}
    for module in (autogradeapp, api):
        if not issubclass(module.Autograde, Autograde):
            raise RuntimeError(f"nbgrader has changed: {module.__name__}.Autograde is not its Autograde; use nbgrader 0.9")
        module.Autograde = SandboxedAutograde


def _from(folder, other):
    return str(other.relative_to(folder) if other.is_relative_to(folder) else other)


class SandboxedExecute(NbGraderPreprocessor):
    """Fill in what the sandbox gave: outputs of the student's cells, and each check cell's report and score."""

    def preprocess(self, nb, resources):
        result = resources.get("grader_result")
        if result is None:
            raise RuntimeError("no result from the sandbox: student code is run by grader.nbgrader_bridge.autograde.SandboxedAutograde only")
        if cells_digest(code_cells(nb)) != result.cells:
            raise RuntimeError("the gradebook's cells differ from the released ones; run: make exercises")
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        for count, (cell, outputs) in enumerate(zip(cells, result.outputs), 1):
            if is_check(cell):
                outputs = report_outputs(result.reports[cell.metadata.nbgrader.grade_id])
            cell.outputs = [nbformat.from_dict(output) for output in outputs]
            cell.execution_count = count
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
        return nb, resources


def report_outputs(data):
    """A report as outputs: for people, and the score in the one form nbgrader reads points from."""
    report = Report.from_json(data)
    shown = {"text/html": report.html(), "text/plain": report.text()}
    points = repr(float(min(report.points, report.max_points)))
    return [
        {"output_type": "display_data", "data": shown, "metadata": {}},
        {"output_type": "execute_result", "data": {"text/plain": points}, "metadata": {}, "execution_count": None},
    ]


AUTOGRADE = [
    SandboxedExecute,
    ClearMetadataPreprocessor,
    stock.SaveAutoGrades,
    stock.AssignLatePenalties,
    stock.CheckCellMetadata,
]


class SandboxedAutograde(Autograde):
    """nbgrader's Autograde over repaired copies, with results from the sandbox.

    A submission is graded again when it, the specification or the limits changed, asked for or not.
    """

    cell_seconds = Float(Limits.cell_seconds, help="Seconds a cell may run.").tag(config=True)
    sandboxed = Bool(True, help="False runs student code unprotected: it can read and change all you can.").tag(config=True)
    autograde_preprocessors = List(AUTOGRADE).tag(config=True)

    def start(self):
        """Take in what was submitted, then let nbgrader grade the repaired copies."""
        root = Path(self.coursedir.root)
        self.course = Course(root, self.coursedir.db_url, root / self.coursedir.release_directory,
                             root / self.coursedir.source_directory)
        with self.course.alone():
            self._start(self.coursedir.assignment_id)

    def _start(self, stem):
        release = self.course.release(stem)
        self.course.write_config()
        self.course.secret  # a secret that cannot be used is no submission's fault: it raises here
        register(self.course.db, stem, release)
        self.prepared = {}
        for student in self.course.students(stem):
            if fnmatchcase(student, self.coursedir.student_id):
                self._take_in(stem, student, release)
        with temp_attrs(self.coursedir, submitted_directory=INTAKE):
            super().start()

    def _take_in(self, stem, student, release):
        limits = Limits.for_cells_of(self.cell_seconds)
        try:
            self.prepared[student] = prepare(self.course, stem, student, release, limits, self.sandboxed)
        except Unreadable as error:
            self.log.error(messages.unreadable(student, stem, error))
            return not_graded(self.course, stem, student)
        except Exception as error:
            self.log.error(messages.fault(student, stem, error))
            return not_graded(self.course, stem, student)
        for finding in self.prepared[student].findings:
            self.log.warning(messages.finding(student, stem, finding))

    def init_notebooks(self):
        """Find the repaired copies that were made just now."""
        super().init_notebooks()
        self.assignments = {p: found for p, found in self.assignments.items() if Path(p).parent.name in self.prepared}

    def init_destination(self, assignment_id, student_id):
        """Whether to grade this submission: asked to, new, or changed since it was graded."""
        if super().init_destination(assignment_id, student_id):
            return True
        excluded = student_id in self.coursedir.student_id_exclude.split(",")
        if excluded or graded_mark(self.course, assignment_id, student_id) == self.prepared[student_id].mark:
            return False
        shutil.rmtree(self._format_dest(assignment_id, student_id))
        return True

    def init_single_notebook_resources(self, notebook_filename):
        """Add the sandbox's result to what nbgrader's preprocessors are told."""
        resources = super().init_single_notebook_resources(notebook_filename)
        if not self._sanitizing:
            student, stem = resources["nbgrader"]["student"], resources["nbgrader"]["assignment"]
            job = self.prepared[student].job
            result = resources["grader_result"] = result_of(self.course, job)
            if result.lost:
                self.log.warning(messages.lost(student, stem, result, job.limits.cell_seconds))
        return resources

    def convert_single_notebook(self, notebook_filename):
        """Grade one notebook; when that fails, leave neither a zero nor an older score behind."""
        stem, student = self.coursedir.assignment_id, Path(notebook_filename).parent.parent.name
        try:
            super().convert_single_notebook(notebook_filename)
        except BaseException as error:
            self.log.error(messages.fault(student, stem, error))
            not_graded(self.course, stem, student)
            raise
        set_graded_mark(self.course, stem, student, self.prepared[student].mark)


def not_graded(course, stem, student):
    """Leave nothing behind that could be taken for the grade of what is in submitted/ now."""
    withdraw(course.db, stem, student)
    set_graded_mark(course, stem, student, "")
    for step in ("autograded", "feedback"):
        shutil.rmtree(course.folder / step / student / stem, ignore_errors=True)


def graded_mark(course, stem, student):
    """The mark of the submission that was graded last, empty when none was."""
    path = _mark_path(course, stem, student)
    return path.read_text() if path.exists() else ""


def set_graded_mark(course, stem, student, mark):
    """Remember which submission the gradebook's scores are those of."""
    path = _mark_path(course, stem, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(mark)


def _mark_path(course, stem, student):
    return course.own / "graded" / student / stem
