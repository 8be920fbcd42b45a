"""Grade a class: prepare everyone here, run and score in workers, record from here alone, one at a time."""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from typing import Any

from nbgrader.apps.api import NbGraderAPI
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from grader.course import Course
from grader.grade_notebook import NotebookResult
from grader.instructor import messages
from grader.kept_results import load, store
from grader.nbgrader_bridge.autograde import record_prepared
from grader.nbgrader_bridge.configure import nbgrader_api, read_config
from grader.nbgrader_bridge.feedback import page, write_feedback
from grader.nbgrader_bridge.gradebook import ByPerson, Scores, by_persons
from grader.nbgrader_bridge.recorder import Recorder
from grader.release import Notebook
from grader.require_pages import require_pages
from grader.sandbox.leftovers import remove_leftovers
from grader.sandbox.limits import DEFAULTS, Limits
from grader.sandbox.offer import require_libraries
from grader.submission.intake import Unreadable
from grader.submission.prepare import Prepared, prepare
from grader.whole_files import naming
from grader.workers import grade_jobs, workers


@dataclass
class Row:
    """What happened to one submission.

    scores by grade id (None: not graded), messages for the instructor, fault: whether it was not the student's,
    ran: whether the notebook was run now, by_person: what else counts in the gradebook.
    """

    student: str
    scores: Scores | None = None
    messages: list[str] = field(default_factory=list)
    fault: bool = False
    ran: bool = False
    by_person: ByPerson = field(default_factory=ByPerson)

    def fail(self, message: str) -> None:
        """Note something that went wrong through no fault of the student's."""
        self.fault = True
        self.messages.append(message)


def grade_class(course: Course, stem: str, students: Sequence[str] | None = None, limits: Limits = DEFAULTS,
                sandboxed: bool = True, jobs: int | None = None, force: bool = False) -> list[Row]:
    """Grade the problem set `stem` of `students` (all of them when left out).

    jobs: how many notebooks run at once; force: run again what has a result already.
    Raises FileNotFoundError, ValueError or RuntimeError when the set itself, or the course's configuration, is not in
    order, and OSError or SQLAlchemyError when nothing can be kept.
    """
    with course.alone():
        remove_leftovers(course.own)
        require_libraries(stem)
        require_pages()
        release = course.release(stem)
        course.write_config()
        excluded = read_config(course).CourseDirectory.get("student_id_exclude", "").split(",")
        course.check_secret()
        recorder = Recorder(course, stem)
        recorder.register(release)
        run = _ClassRun(recorder, limits, sandboxed, jobs or os.cpu_count() or 1, force)
        return run.grade(students or course.students(stem), release, excluded)


class _ClassRun:
    """One run over a class."""

    def __init__(self, recorder: Recorder, limits: Limits, sandboxed: bool, processes: int, force: bool):
        self.recorder, self.course, self.stem = recorder, recorder.course, recorder.stem
        self.limits, self.sandboxed, self.processes, self.force = limits, sandboxed, processes, force
        self.rows: dict[str, Row] = {}
        self.prepared: dict[str, Prepared] = {}

    def grade(self, students: Sequence[str], release: Notebook, excluded: Sequence[str] = ()) -> list[Row]:
        """Prepare, grade, record, write feedback: the rows in the order of `students`, whatever stops on the way."""
        self.rows = {student: Row(student) for student in students}
        try:
            for student in _progress("read", students, len(students)):
                if student in excluded:
                    self.rows[student].messages.append(messages.excluded(student, self.stem))
                    self.rows[student].scores = self.recorder.scores.get(student)
                else:
                    self._prepare(student, release)
            self._grade_prepared()
            self._write_feedback()
            for student, by_person in by_persons(self.course.db, self.stem).items():
                if student in self.rows:
                    self.rows[student].by_person = by_person
        except (OSError, SQLAlchemyError) as error:  # a full disk, say: what was graded before is told all the same
            for row in self.rows.values():
                if row.scores is None and not row.messages:
                    row.fail(messages.fault(row.student, self.stem, error))
            next(iter(self.rows.values())).fail(messages.stopped(self.stem, error))
        return list(self.rows.values())

    def _grade_prepared(self) -> None:
        api = nbgrader_api(self.course, self.limits, self.sandboxed)
        for student, result, error in _progress("graded", self._results(), len(self.prepared)):
            if result is None:
                self._not_graded(student, error)
            else:
                self._record(self.prepared[student], result, api)

    def _prepare(self, student: str, release: Notebook) -> None:
        try:
            with naming(self.course.repaired(student, self.stem)):
                self.prepared[student] = prepare(self.course, self.stem, student, release, self.limits, self.sandboxed)
        except Unreadable as error:
            self.rows[student].messages.append(messages.unreadable(student, self.stem, error))
            self._withdraw(student)
        except Exception as error:  # whatever one submission does to us, the others are graded
            self._not_graded(student, error)

    def _not_graded(self, student: str, error: BaseException | None) -> None:
        """Note a fault that is not the student's, and leave no older score behind."""
        self.rows[student].fail(messages.fault(student, self.stem, error))
        self._withdraw(student)

    def _withdraw(self, student: str) -> None:
        """Leave no older score behind; say so when that fails too. The next run makes it good."""
        try:
            self.recorder.withdraw(student)
        except (OSError, SQLAlchemyError) as error:
            self.rows[student].fail(messages.not_withdrawn(student, self.stem, error))

    def _results(self) -> Iterator[tuple[str, NotebookResult | None, BaseException | None]]:
        """Yield (student, result, error) of everyone prepared, as they come. Equal notebooks run once."""
        waiting: dict[str, list[str]] = {}
        for student, submission in self.prepared.items():
            kept = None if self.force else load(self.course, submission.job.key)
            if kept:
                yield student, kept, None
            else:
                waiting.setdefault(submission.job.key, []).append(student)
        jobs = {key: self.prepared[students[0]].job for key, students in waiting.items()}
        for key, result, error in grade_jobs(jobs, self.processes):
            if result:
                self._store(result, waiting[key][0])
            for student in waiting[key]:
                self.rows[student].ran = error is None
                yield student, result, error

    def _store(self, result: NotebookResult, student: str) -> None:
        """Keep a result; without it, the next run only takes longer."""
        try:
            store(self.course, result)
        except OSError as error:
            self.rows[student].fail(messages.not_kept(student, self.stem, error))

    def _record(self, submission: Prepared, result: NotebookResult, api: NbGraderAPI) -> None:
        """Have a result recorded, unless the gradebook has it, and say what an instructor should know."""
        student, row = submission.student, self.rows[submission.student]
        try:
            if self.force or self.recorder.needs_recording(submission, result):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader's way with sessions
                    record_prepared(api, submission, self.recorder)
            row.scores = self.recorder.scores[student]
        except Exception as error:  # NotRecorded, or a gradebook that cannot be read
            self._not_graded(student, RuntimeError(f"{error} (gradebook {self.recorder.name})"))
        if result.lost:
            row.messages.append(messages.lost(student, self.stem, result, submission.job.limits.cell_seconds))
        row.messages += messages.absent(student, self.stem, result)
        row.messages += [messages.finding(student, self.stem, found) for found in submission.findings]

    def _write_feedback(self) -> None:
        """Write feedback for those who have none yet, in workers: it only reads the gradebook."""
        students = [student for student, row in self.rows.items()
                    if row.scores is not None and not page(self.course, self.stem, student).exists()]
        if not students:
            return
        with workers(min(self.processes, len(students))) as pool:
            futures = {pool.submit(write_feedback, self.course, self.stem, student): student for student in students}
            for future in _progress("feedback", as_completed(futures), len(futures)):
                student, error = futures[future], future.exception()
                why = str(error) if error else future.result()
                if why:
                    where = page(self.course, self.stem, student)
                    self.rows[student].fail(messages.no_feedback(student, self.stem, why, where))


def _progress(what: str, items: Iterable[Any], total: int) -> Any:
    return tqdm(items, total=total, desc=what, delay=2, leave=False, disable=None)  # None: on a terminal only
