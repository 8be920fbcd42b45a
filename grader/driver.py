"""Grade a class: prepare everyone here, run and score in workers, record from here alone."""

import logging
import os
import shutil
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from glob import escape

from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from tqdm import tqdm
from traitlets.config import Config

from grader import messages, stock
from grader.gradebook import register, scores
from grader.grade import grade
from grader.intake import Unreadable
from grader.limits import Limits
from grader.prepare import prepare
from grader.results import load, store


@dataclass
class Row:
    """What happened to one submission: scores by grade id (None: not graded), what to tell, whether it was our fault."""

    student: str
    scores: dict | None = None
    says: list = field(default_factory=list)
    fault: bool = False
    ran: bool = False


def grade_class(course, stem, students=None, limits=Limits(), sandboxed=True, jobs=None, force=False):
    """Grade the problem set `stem` of `students` (all of them when left out): a list of Row.

    Raises FileNotFoundError, ValueError or RuntimeError when the set itself is not in order.
    """
    release = course.release(stem)
    rows = {student: Row(student) for student in students or course.students(stem)}
    register(course.db, stem, release)
    prepared = {}
    for student, row in rows.items():
        try:
            prepared[student] = prepare(course, stem, student, release, limits, sandboxed)
        except Unreadable as error:
            row.says.append(messages.unreadable(student, stem, error))
            stock.not_graded(course, stem, student)
    results = _run_all(course, stem, prepared, rows, jobs or os.cpu_count() or 1, force)
    _record_all(course, stem, prepared, results, rows, limits, sandboxed)
    return list(rows.values())


def _run_all(course, stem, prepared, rows, jobs, force):
    """{student: Result} of everyone prepared, from what is kept or from workers. Equal notebooks run once."""
    results = {} if force else {s: kept for s, p in prepared.items() if (kept := load(course, p.job.key))}
    todo = {p.job.key: p.job for s, p in prepared.items() if s not in results}
    done, failed = {}, {}
    with tqdm(total=len(todo), desc="run", delay=2, leave=False, disable=None) as bar:
        for key, result, error in _in_workers(todo, jobs):
            bar.update()
            if error is None:
                store(course, result)
                done[key] = result
            else:
                failed[key] = error
    for student, one in prepared.items():
        if one.job.key in done:
            results[student], rows[student].ran = done[one.job.key], True
        elif one.job.key in failed:
            rows[student].fault = True
            rows[student].says.append(messages.fault(student, stem, failed[one.job.key]))
            stock.not_graded(course, stem, student)
    return results


def _in_workers(todo, jobs):
    """Yield (key, Result or None, error or None) for each of the jobs {key: Job}, as they end.

    A worker that dies takes the whole pool with it; what was not done then is done one by one, each in a pool
    of its own, so that only the culprit fails.
    """
    left = dict(todo)
    with ProcessPoolExecutor(min(jobs, len(todo)) or 1) as pool:
        futures = {pool.submit(grade, job): key for key, job in todo.items()}
        for future in as_completed(futures):
            error = future.exception()
            if not isinstance(error, BrokenProcessPool):
                del left[futures[future]]
                yield futures[future], None if error else future.result(), error
    for key, job in left.items():
        with ProcessPoolExecutor(1) as pool:
            error = (future := pool.submit(grade, job)).exception()
            yield key, None if error else future.result(), error


def _record_all(course, stem, prepared, results, rows, limits, sandboxed):
    """Let nbgrader record each result and write its feedback; read the scores back from the gradebook."""
    api = _api(course, limits, sandboxed)
    with warnings.catch_warnings(), tqdm(total=len(results), desc="record", delay=2, leave=False, disable=None) as bar:
        warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader's way with sessions
        for student, result in sorted(results.items()):
            _record(course, stem, prepared[student], result, rows[student], api)
            if result.lost:
                rows[student].says.append(messages.lost(student, stem, result, limits.cell_seconds))
            rows[student].says += [messages.finding(student, stem, found) for found in prepared[student].findings]
            bar.update()


def _api(course, limits, sandboxed):
    """nbgrader's API, as formgrader uses it, for this course."""
    config = Config()
    stock.configure(config, course)
    config.SandboxedAutograde.cell_seconds = limits.cell_seconds
    config.SandboxedAutograde.sandboxed = sandboxed
    config.NbGraderAPI.log_level = logging.ERROR
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def _record(course, stem, prepared, result, row, api):
    """One submission into the gradebook and its feedback, unless they are there already."""
    student, feedback = prepared.student, course.folder / "feedback" / prepared.student / stem / f"{stem}.html"
    known = scores(course.db, stem, student)
    if not _agree(known, result) or stock.graded_mark(course, stem, student) != prepared.mark:
        shutil.rmtree(feedback.parent, ignore_errors=True)
        said = api.autograde(stem, escape(student))
        known = scores(course.db, stem, student)
        if not said["success"] or not _agree(known, result):
            row.fault = True
            row.says.append(messages.fault(student, stem, said.get("log") or said.get("error") or "scores were not recorded"))
            stock.not_graded(course, stem, student)
            return
    row.scores = known
    if not feedback.exists():
        said = api.generate_feedback(stem, escape(student))
        if not said["success"]:
            row.fault = True
            row.says.append(messages.no_feedback(student, stem, said.get("error", "")))


def _agree(known, result):
    """Whether the gradebook holds exactly the points of this result."""
    return known is not None and all(known.get(name) == points for name, points in result.points.items())
