"""What we ask of nbgrader's gradebook beyond its own pipeline. One process writes at a time: the coordinator."""

import os
import sys
from pathlib import Path

import nbformat
from nbgrader.api import Assignment, BaseCell, Grade, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import SaveCells

from grader.submission.repair import grade_id

COURSE_ID = "default_course"  # parts of nbgrader use this name whatever the configuration says; so we do too

VENV = str(Path(sys.executable).parent)
if VENV not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([VENV, os.environ.get("PATH", os.defpath)])  # nbgrader runs `alembic` by name


def register(db, stem, release):
    """Make the gradebook know the problem set `stem` as `release` (a notebook, a dict) has it.

    Raises RuntimeError when cells were added or removed since submissions were graded.
    """
    with Gradebook(db, COURSE_ID) as gradebook:
        if _registered(gradebook, stem) == _marked(release):
            return
        gradebook.update_or_create_assignment(stem)
    names = {"notebook": stem, "assignment": stem, "db_url": db}
    SaveCells().preprocess(nbformat.from_dict(release), {"nbgrader": names})


def _registered(gradebook, stem):
    """{grade id: (type, source, points)} as the gradebook has it."""
    try:
        notebook = gradebook.find_notebook(stem, stem)
    except MissingEntry:
        return None
    points = {cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]}
    return {cell.name: (cell.cell_type, cell.source, points.get(cell.name)) for cell in notebook.source_cells}


def _marked(release):
    cells = [cell for cell in release["cells"] if grade_id(cell)]
    return {grade_id(cell): (cell["cell_type"], cell["source"], _points(cell)) for cell in cells}


def _points(cell):
    marks = cell["metadata"]["nbgrader"]
    return float(marks["points"]) if marks.get("grade") or marks.get("task") else None


def scores(db, stem, student=None):
    """{student: {grade id: points, None where a person has to look}} as the gradebook has it, or of one student."""
    with Gradebook(db, COURSE_ID) as gradebook:
        columns = gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score)
        rows = columns.select_from(Grade).join(Grade.cell).join(Grade.notebook).join(SubmittedNotebook.assignment)
        rows = rows.join(SubmittedAssignment.assignment).filter(Assignment.name == stem)
        if student is not None:
            rows = rows.filter(SubmittedAssignment.student_id == student)
        found = {}
        for who, name, points in rows:
            found.setdefault(who, {})[name] = points
        return found


def withdraw(db, stem, student):
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
