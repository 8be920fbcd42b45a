"""The gradebook: made whole or not at all, mended where that is certain, and shown as it counts."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest
from nbgrader.api import Base, Gradebook, get_alembic_version
from sqlalchemy import create_engine

from grader.class_run import Row, grade_class
from grader.command import main
from grader.course import REPOSITORY
from grader.instructor.table import table
from grader.nbgrader_bridge.gradebook import ByPerson, by_persons, register, scores
from grader.nbgrader_bridge.new_gradebook import make_ready
from grader.nbgrader_bridge.recorder import Recorder
from tests.grader.sample_class import STEM, make

quiet = pytest.mark.filterwarnings("ignore:Object of type")  # SQLAlchemy, about nbgrader


@cache
def head():
    """nbgrader's present version of the gradebook, as it finds it itself."""
    return get_alembic_version()


def file(course):
    return course.folder / "gradebook.db"


def ask(course, question):
    with sqlite3.connect(file(course)) as connection:
        return connection.execute(question).fetchall()


def upgrade(course):
    """What `nbgrader db upgrade` says when it fails; empty when it works."""
    done = subprocess.run([Path(sys.executable).with_name("nbgrader"), "db", "upgrade", f"--db={course.db}"],
                          cwd=course.folder, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.slow
def test_a_new_gradebook(course):
    """Is a new gradebook what nbgrader makes itself, version and all, and nothing left beside it?"""
    course.folder.mkdir()
    make_ready(course.db)
    assert [path.name for path in course.folder.iterdir()] == ["gradebook.db"]
    ours = set(ask(course, "SELECT name, sql FROM sqlite_master")), ask(course, "SELECT * FROM alembic_version")
    file(course).unlink()
    Gradebook(course.db).close()
    theirs = set(ask(course, "SELECT name, sql FROM sqlite_master")), ask(course, "SELECT * FROM alembic_version")
    assert {name for name, _ in ours[0]} == {name for name, _ in theirs[0]} and ours[1] == theirs[1] == [(head(),)]
    assert upgrade(course) == ""


@pytest.mark.parametrize("tables", [0, 1, 5, None])
def test_half_made(course, tables):
    """Is a gradebook that was cut short while it was made completed, whichever table was the last?"""
    course.folder.mkdir()
    file(course).touch()
    some = list(Base.metadata.sorted_tables)[:tables]
    Base.metadata.create_all(create_engine(course.db), tables=some)
    make_ready(course.db)
    assert ask(course, "SELECT * FROM alembic_version") == [(head(),)]
    register(course.db, STEM, course.release(STEM))


@pytest.mark.slow
def test_graded_into_without_a_version(course):
    """Is a gradebook with all of its tables, grades in them but no version, given its version and nothing else?"""
    course.folder.mkdir()
    register(course.db, STEM, course.release(STEM))
    with Gradebook(course.db) as gradebook:
        gradebook.update_or_create_student("s1")
    for change in ("DELETE FROM alembic_version", "DROP TABLE alembic_version"):
        ask(course, change)
        make_ready(course.db)
        assert ask(course, "SELECT * FROM alembic_version") == [(head(),)]
        assert ask(course, "SELECT id FROM student") == [("s1",)] and upgrade(course) == ""


@pytest.mark.slow
@pytest.mark.parametrize("change", ["ALTER TABLE student DROP COLUMN lms_user_id", "DROP TABLE task_cells"])
def test_of_another_nbgrader(course, change):
    """Is a gradebook without a version left alone when its tables are not those of the nbgrader that is installed?"""
    course.folder.mkdir()
    register(course.db, STEM, course.release(STEM))
    ask(course, "DROP TABLE alembic_version")
    ask(course, change)
    before = file(course).read_bytes()
    with pytest.raises(RuntimeError, match="has no version"):
        make_ready(course.db)
    assert file(course).read_bytes() == before


@pytest.mark.slow
@quiet
def test_killed_at_any_moment(course):
    """Whenever a grader is killed in a new course, does the next one go on, and can the gradebook be upgraded?"""
    make(course.folder, ["empty_file"])
    command = [sys.executable, "-m", "grader", STEM, "--course", course.folder, "--no-sandbox"]
    start = time.monotonic()
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    whole = time.monotonic() - start
    for part in range(8):
        shutil.rmtree(course.own, ignore_errors=True)
        for path in [path for path in course.folder.iterdir() if path.is_file()]:
            path.unlink()
        grader = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * (0.4 + 0.07 * part))
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        if file(course).exists():
            assert ask(course, "SELECT * FROM alembic_version") == [(head(),)]
        assert main([STEM, "--course", str(course.folder), "--no-sandbox"]) == 0
        assert not list(course.folder.glob(".new-*"))
        assert ask(course, "SELECT * FROM alembic_version") == [(head(),)]
    assert upgrade(course) == ""


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_a_locked_gradebook(course, capsys):
    """When another program holds the gradebook, is it said what to do, with exit status 1, and made good by a retry?"""
    make(course.folder, ["honest"])
    make_ready(course.db)
    Recorder(course, STEM).register(course.release(STEM))
    other = sqlite3.connect(file(course), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    command = [sys.executable, "-m", "grader", STEM, "--course", course.folder]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "database is locked. Another program" in done.stderr
    other.execute("ROLLBACK")
    assert main([STEM, "--course", str(course.folder)]) == 0
    assert sum(scores(course.db, STEM)["honest"].values()) == 18


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_locked_meanwhile(course, monkeypatch):
    """When the gradebook is locked while a class is graded, is a student it costs reported, and the next run right?"""
    make(course.folder, ["honest", "half_done"])
    record = Recorder.record

    def locked(self, submission, result, write):
        other = sqlite3.connect(file(course), isolation_level=None)
        if submission.student == "half_done":
            other.execute("BEGIN EXCLUSIVE")
        try:
            record(self, submission, result, write)
        finally:
            other.close()

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "record", locked)
        rows = {row.student: row for row in grade_class(course, STEM)}
    assert sum(rows["honest"].scores.values()) == 18 and not rows["honest"].fault
    assert rows["half_done"].fault and rows["half_done"].scores is None
    assert "database is locked. Another program" in rows["half_done"].messages[0]
    rows = {row.student: row for row in grade_class(course, STEM)}
    assert rows["half_done"].scores and not rows["half_done"].fault


@quiet
@pytest.mark.sandbox
def test_a_person_s_score_is_shown(course):
    """Does the table show what counts in the gradebook, and mark what a person gave?"""
    make(course.folder, ["half_done"])
    (row,) = grade_class(course, STEM)
    names = list(row.scores)
    with Gradebook(course.db) as gradebook:
        for name, manual, extra in ((names[0], 1.5, None), (names[1], None, 0.5), (names[2], 3, 1)):
            grade = gradebook.find_grade(name, STEM, STEM, "half_done")
            grade.manual_score, grade.extra_credit = manual, extra
        gradebook.db.commit()
        counts = gradebook.find_submission(STEM, "half_done").score
    (row,) = grade_class(course, STEM)
    assert by_persons(course.db, STEM)["half_done"] == row.by_person
    assert row.by_person.scores == {names[0]: 1.5, names[1]: row.scores[names[1]] + 0.5, names[2]: 4}
    shown = table([row], [(name, 1) for name in names])
    assert f"{counts:g} of" in shown and "1.5*" in shown and "4*" in shown and "a person gave" in shown
    (course.submitted / "half_done" / STEM / f"{STEM}.ipynb").write_text("{")
    (row,) = grade_class(course, STEM)
    assert row.scores is None and row.by_person.scores[names[0]] == 1.5


def test_how_it_is_shown():
    """Are a person's scores, lateness and the ungraded told apart?"""
    rows = [Row("a", {"x": 2, "y": 1}, by_person=ByPerson({"x": 0.5}, 1)), Row("b", {"x": 2, "y": 1}),
            Row("c", by_person=ByPerson({"y": 1})), Row("d", {"x": 2, "y": 0}, by_person=ByPerson({}, 5))]
    lines = [" ".join(line.split()) for line in table(rows, [("x", 2), ("y", 1)]).splitlines()]
    assert lines[1:5] == ["a 0.5* 1 0.5 of 3, 1 off for lateness", "b 2 1 3 of 3", "c – 1* not graded",
                          "d 2 0 0 of 3, 5 off for lateness"]
    assert "*" not in table(rows[1:2], [("x", 2), ("y", 1)])
