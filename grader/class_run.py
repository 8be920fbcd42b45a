"""Grade a class: prepare everyone here, run and score in workers, record from here alone, one at a time."""

import ctypes
import logging
import os
import shutil
import signal
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import escape

from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from tqdm import tqdm
from traitlets.config import Config

from grader.instructor import messages
from grader.nbgrader_bridge import autograde as stock
from grader.nbgrader_bridge.gradebook import register, scores
from grader.grade_notebook import grade
from grader.submission.intake import Unreadable
from grader.sandbox.limits import Limits
from grader.submission.prepare import prepare
from grader.kept_results import load, store

FEEDBACK_SECONDS = 120  # one page: what students write can keep a highlighter busy for hours


@dataclass
class Row:
    """What happened to one submission: scores by grade id (None: not graded), what to tell, whether it was our fault."""

    student: str
    scores: dict | None = None
    says: list = field(default_factory=list)
    fault: bool = False
    ran: bool = False

    def fail(self, says):
        """Note something that went wrong through no fault of the student's."""
        self.fault = True
        self.says.append(says)


def grade_class(course, stem, students=None, limits=Limits(), sandboxed=True, jobs=None, force=False):
    """Grade the problem set `stem` of `students` (all of them when left out): a list of Row.

    Raises FileNotFoundError, ValueError or RuntimeError when the set itself is not in order.
    """
    with course.alone():
        return _grade_class(course, stem, students, limits, sandboxed, jobs, force)


def _grade_class(course, stem, students, limits, sandboxed, jobs, force):
    release, jobs = course.release(stem), jobs or os.cpu_count() or 1
    rows = {student: Row(student) for student in students or course.students(stem)}
    course.write_config()
    course.secret  # a secret that cannot be used is no submission's fault: it raises here
    register(course.db, stem, release)
    prepared = {}
    for student, row in _progress("read", rows.items(), len(rows)):
        try:
            prepared[student] = prepare(course, stem, student, release, limits, sandboxed)
        except Unreadable as error:
            row.says.append(messages.unreadable(student, stem, error))
            stock.not_graded(course, stem, student)
        except Exception as error:  # whatever one submission does to us, the others are graded
            row.fail(messages.fault(student, stem, error))
            stock.not_graded(course, stem, student)
    api, known = nbgrader_api(course, limits, sandboxed), scores(course.db, stem)
    for student, result, error in _progress("graded", _results(course, prepared, rows, jobs, force), len(prepared)):
        if error is None:
            _record(course, stem, prepared[student], result, rows[student], None if force else known.get(student), api)
            rows[student].says += _remarks(student, stem, prepared[student], result)
        else:
            rows[student].fail(messages.fault(student, stem, error))
            stock.not_graded(course, stem, student)
    _write_feedback(course, stem, [row for row in rows.values() if row.scores is not None], jobs)
    return list(rows.values())


def _progress(what, items, total):
    return tqdm(items, total=total, desc=what, delay=2, leave=False, disable=None)  # None: on a terminal only


def _results(course, prepared, rows, jobs, force):
    """Yield (student, Result or None, error or None) of everyone prepared, as they come. Equal notebooks run once."""
    waiting = {}
    for student, one in prepared.items():
        kept = None if force else load(course, one.job.key)
        if kept:
            yield student, kept, None
        else:
            waiting.setdefault(one.job.key, []).append(student)
    for key, result, error in _in_workers({key: prepared[names[0]].job for key, names in waiting.items()}, jobs):
        if error is None:
            store(course, result)
        for student in waiting[key]:
            rows[student].ran = error is None
            yield student, result, error


def _in_workers(todo, jobs):
    """Yield (key, Result or None, error or None) for each of the jobs {key: Job}, as they end.

    A worker that dies takes the whole pool with it; what was not done then is done one by one, each in a pool
    of its own, so that only the culprit fails.
    """
    if not todo:
        return
    left = dict(todo)
    with _workers(min(jobs, len(todo))) as pool:
        futures = {pool.submit(grade, job): key for key, job in todo.items()}
        for future in as_completed(futures):
            error = future.exception()
            if isinstance(error, KeyboardInterrupt):
                raise error
            if not isinstance(error, BrokenProcessPool):
                del left[futures[future]]
                yield futures[future], None if error else future.result(), error
    for key, job in left.items():
        with _workers(1) as pool:
            error = (future := pool.submit(grade, job)).exception()
            yield key, None if error else future.result(), error


@contextmanager
def _workers(jobs):
    """A pool of processes that end with this one; when we are interrupted, what has not begun is not begun."""
    pool = ProcessPoolExecutor(jobs, initializer=_end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; bubblewrap then ends with the worker


def nbgrader_api(course, limits=Limits(), sandboxed=True):
    """nbgrader's API, as formgrader uses it, for this course."""
    config = Config()
    stock.configure(config, course)
    config.SandboxedAutograde.cell_seconds = limits.cell_seconds
    config.SandboxedAutograde.sandboxed = sandboxed
    config.NbGraderAPI.log_level = logging.ERROR
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def _record(course, stem, prepared, result, row, known, api):
    """Let nbgrader record a result, unless the gradebook has it (`known`); read the scores back from there."""
    student = prepared.student
    if not _agree(known, result) or stock.graded_mark(course, stem, student) != prepared.mark:
        shutil.rmtree(course.folder / "feedback" / student / stem, ignore_errors=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader's way with sessions
            said = api.autograde(stem, escape(student))
        if "KeyboardInterrupt" in said.get("error", ""):  # nbgrader catches that, too
            raise KeyboardInterrupt
        known = scores(course.db, stem, student).get(student)
        if not said["success"] or not _agree(known, result):
            ours = [line for line in said.get("log", "").splitlines() if messages.NO_FAULT in line]
            why = said.get("error") or "the scores are not in the gradebook"
            row.fail(ours[0].removeprefix("[ERROR] ") if ours else messages.fault(student, stem, why))
            return stock.not_graded(course, stem, student)
    row.scores = known


def _agree(known, result):
    """Whether the gradebook holds exactly the points of this result."""
    return known is not None and all(known.get(name) == points for name, points in result.points.items())


def _remarks(student, stem, prepared, result):
    """What to tell about a submission that was graded."""
    says = [messages.lost(student, stem, result, prepared.job.limits.cell_seconds)] if result.lost else []
    return says + [messages.finding(student, stem, found) for found in prepared.findings]


def _write_feedback(course, stem, rows, jobs):
    """Write nbgrader's feedback for those who have none yet, in workers: it only reads the gradebook."""
    page = f"{stem}.html"
    rows = [row for row in rows if not (course.folder / "feedback" / row.student / stem / page).exists()]
    if not rows:
        return
    with _workers(min(jobs, len(rows))) as pool:
        futures = {pool.submit(_feedback, course, stem, row.student): row for row in rows}
        for future in _progress("feedback", as_completed(futures), len(futures)):
            row = futures[future]
            why = str(future.exception()) if future.exception() else future.result()
            if why:
                row.fail(messages.no_feedback(row.student, stem, why))


def _feedback(course, stem, student):
    """Why the feedback of one submission could not be written; empty when it was."""
    signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(FEEDBACK_SECONDS)
    try:
        said = nbgrader_api(course).generate_feedback(stem, escape(student))
    finally:
        signal.alarm(0)
    return "" if said["success"] else f"{said.get('error')}\n{said.get('log')}"  # the log alone has the reason


def _too_slow(*_):
    raise TimeoutError(f"the page took longer than {FEEDBACK_SECONDS} s")
