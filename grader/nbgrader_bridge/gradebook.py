"""Ask nbgrader's gradebook what its own pipeline does not offer. One process writes: that which holds the course."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Assignment, BaseCell, Grade, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import SaveCells
from sqlalchemy import make_url, or_
from sqlalchemy.exc import ArgumentError

from grader.nbgrader_bridge.protection import LINE
from grader.release import Notebook, grade_id

# The kernel that the gradebook names for our sets. nbgrader's own Autograde takes it from there and finds none, so it
# runs no student code where our configuration is missing, and shows this; ours starts no kernel by name.
NO_KERNEL = f"none: student code would run without the grader's sandbox. Put into nbgrader_config.py: {LINE}"
Scores = dict[str, float | None]  # by grade id; None where a person has to look
Cells = dict[str, tuple[str, str, float | None]]  # {grade id: (type, source, points)}
COURSE_ID = "default_course"  # parts of nbgrader use this name whatever the configuration says; so we do too

VENV = str(Path(sys.executable).parent)
if VENV not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([VENV, os.environ.get("PATH", os.defpath)])  # nbgrader runs `alembic` by name


@dataclass
class ByPerson:
    """Scores that a person gave, or added to, as the gradebook counts them; and points taken off for being late."""

    scores: dict[str, float] = field(default_factory=dict)
    late: float = 0


def without_password(db: str) -> str:
    """The URL of a gradebook as people may read it."""
    try:
        return make_url(db).render_as_string()
    except ArgumentError:
        return db.rpartition("@")[2]


def register(db: str, stem: str, release: Notebook) -> None:
    """Write the cells of the problem set `stem`, as the notebook `release` has them, into the gradebook.

    Raises RuntimeError when cells were added or dropped since submissions were graded.
    """
    new = _released(release)
    with Gradebook(db, COURSE_ID) as gradebook:
        old = _registered(gradebook, stem)
        if old != new:
            gradebook.update_or_create_assignment(stem)
    if old != new:
        names = {"notebook": stem, "assignment": stem, "db_url": db}
        try:
            SaveCells().preprocess(nbformat.from_dict(release), {"nbgrader": names})
        except RuntimeError as error:  # nbgrader's refusal: there are submissions
            raise RuntimeError(_other_cells(db, stem, old or {}, new)) from error
    _name_no_kernel(db, stem)


def _name_no_kernel(db: str, stem: str) -> None:
    kernel = json.dumps({"name": NO_KERNEL, "display_name": NO_KERNEL, "language": "python"})
    with Gradebook(db, COURSE_ID) as gradebook:
        notebook = gradebook.find_notebook(stem, stem)
        if notebook.kernelspec != kernel:
            notebook.kernelspec = kernel
            gradebook.db.commit()


def _other_cells(db: str, stem: str, old: Cells, new: Cells) -> str:
    """What to do about a gradebook whose submissions were graded with other cells."""
    changes = {"dropped": old.keys() - new.keys(), "added": new.keys() - old.keys()}
    names = [f"{what}: {', '.join(sorted(cells))}" for what, cells in changes.items() if cells]
    return (f"{stem}: the gradebook has submissions that were graded before cells of the release changed "
            f"({'; '.join(names) or 'a cell is of another kind'}), and nbgrader cannot change those cells. "
            f"Undo the change, or delete this set's scores and comments, a person's too, and grade everyone again: "
            f"nbgrader db assignment remove {stem} --force --db='{without_password(db)}' && python -m grader {stem}")


def _registered(gradebook: Gradebook, stem: str) -> Cells | None:
    """The cells of a problem set as the gradebook has them, None when it does not know the set."""
    try:
        notebook = gradebook.find_notebook(stem, stem)
    except MissingEntry:
        return None
    points = {cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]}
    return {cell.name: (cell.cell_type, cell.source, points.get(cell.name)) for cell in notebook.source_cells}


def _released(release: Notebook) -> Cells:
    """The same, as the release has them."""
    return {name: (cell["cell_type"], cell["source"], _points(cell))
            for cell in release["cells"] if (name := grade_id(cell))}


def _points(cell: dict[str, Any]) -> float | None:
    nbgrader_metadata = cell["metadata"]["nbgrader"]
    scored = nbgrader_metadata.get("grade") or nbgrader_metadata.get("task")
    return float(nbgrader_metadata["points"]) if scored else None


def scores(db: str, stem: str, student: str | None = None) -> dict[str, Scores]:
    """{student: scores} as the gradebook has them, of everyone or of one student."""
    with Gradebook(db, COURSE_ID) as gradebook:
        columns = gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score)
        rows = columns.select_from(Grade).join(Grade.cell).join(Grade.notebook).join(SubmittedNotebook.assignment)
        rows = rows.join(SubmittedAssignment.assignment).filter(Assignment.name == stem)
        if student is not None:
            rows = rows.filter(SubmittedAssignment.student_id == student)
        found: dict[str, Scores] = {}
        for who, name, points in rows:
            found.setdefault(who, {})[name] = points
        return found


def by_persons(db: str, stem: str) -> dict[str, ByPerson]:
    """{student: what counts in the gradebook beside the automatic scores}, for those who have such a thing."""
    found: dict[str, ByPerson] = {}
    with Gradebook(db, COURSE_ID) as gradebook:
        columns = gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, Grade.score)
        rows = columns.select_from(Grade).join(Grade.cell).join(Grade.notebook).join(SubmittedNotebook.assignment)
        rows = rows.join(SubmittedAssignment.assignment).filter(Assignment.name == stem)
        for who, name, points in rows.filter(or_(Grade.manual_score.is_not(None), Grade.extra_credit.is_not(None))):
            found.setdefault(who, ByPerson()).scores[name] = points
        penalties = gradebook.db.query(SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty)
        penalties = penalties.select_from(SubmittedNotebook).join(SubmittedNotebook.assignment)
        penalties = penalties.join(SubmittedAssignment.assignment).filter(Assignment.name == stem)
        for who, points in penalties.filter(SubmittedNotebook.late_submission_penalty > 0):
            found.setdefault(who, ByPerson()).late += points
    return found


def withdraw(db: str, stem: str, student: str) -> None:
    """Take back the scores an earlier submission got, and flag them for a person to look at.

    For a submission that could not be graded: neither a zero nor the old score may stand. Scores and comments
    that a person gave stay.
    """
    if not student.isprintable():  # never graded under that name, and a database need not take it
        return
    with Gradebook(db, COURSE_ID) as gradebook:
        try:
            notebook = gradebook.find_submission_notebook(stem, stem, student)
        except MissingEntry:
            return
        for grade in notebook.grades:
            grade.auto_score = None
            grade.needs_manual_grade = True
        gradebook.db.commit()


def forget_timestamp(db: str, stem: str, student: str) -> None:
    """Take back when an earlier submission was handed in: nbgrader keeps that of the last one that had a timestamp."""
    with Gradebook(db, COURSE_ID) as gradebook:
        submission = gradebook.find_submission(stem, student)
        if submission.timestamp is not None:
            submission.timestamp = None
            gradebook.db.commit()
