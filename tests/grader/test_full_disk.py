"""A full disk, a folder nobody may write into, too few open files: nothing is lost, and what to do is said."""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys

import pytest

from grader import kept_results
from grader.course import REPOSITORY, Course
from grader.grade_notebook import NotebookResult
from grader.instructor import messages
from grader.nbgrader_bridge.gradebook import scores
from grader.whole_files import write_whole
from tests.grader.sample_class import STEM, make

quiet = pytest.mark.filterwarnings("ignore:Object of type")  # SQLAlchemy, about nbgrader
CLASS = ("honest", "half_done", "forgets_the_max")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with little space, mounted at the course's place: a function that sets its bytes."""
    folder = tmp_path / "course"
    folder.mkdir()

    def resize(size):
        option = "remount," if os.path.ismount(folder) else ""
        command = ["mount", "-t", "tmpfs", "-o", f"{option}size={size}", "tmpfs", folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"cannot mount a small file system here: {done.stderr.strip()}")

    resize("64m")
    yield resize
    subprocess.run(["umount", "-l", folder], check=False)


def fill(course, left):
    """Fill the course's file system up to `left` bytes; the file that does."""
    path = course.folder / "filler"
    state = os.statvfs(course.folder)
    with contextlib.suppress(OSError), open(path, "wb") as file:
        file.write(b"\0" * max(0, state.f_bavail * state.f_frsize - left))
    return path


def grade(course, *options):
    command = [sys.executable, "-m", "grader", STEM, "--course", course.folder, *options]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


def totals(course):
    return {student: None if None in points.values() else sum(points.values())
            for student, points in scores(course.db, STEM).items()}


def is_told(done):
    """Whether a run that could not do its work ended with status 1 and sentences alone."""
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in said, said
    return said


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("left", [0, 40_000, 300_000, 600_000])
def test_a_disk_that_fills_up(small_disk, tmp_path, left):
    """Wherever the disk is full: does the run end with a sentence and status 1, and is the next one right?"""
    course = Course.at(tmp_path / "course")
    make(course.folder, CLASS)
    filler = fill(course, left)
    said = is_told(grade(course))
    assert "No space left" in said or "disk is full" in said
    assert "Free space on that disk" in said and str(course.folder) in said
    filler.unlink()
    done = grade(course)
    assert done.returncode == 0, done.stdout + done.stderr
    assert totals(course) == {"honest": 18, "half_done": 7, "forgets_the_max": 17}
    for student in CLASS:
        assert (course.folder / "feedback" / student / STEM / f"{STEM}.html").read_text().rstrip().endswith("</html>")


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_full_in_a_later_run(small_disk, tmp_path):
    """When the disk is full in a later run: is what was graded in the table, and no old score shown as new?"""
    course = Course.at(tmp_path / "course")
    make(course.folder, CLASS[:2])
    assert grade(course).returncode == 0
    make(course.folder, CLASS)
    shutil.copytree(course.submitted / "half_done", course.submitted / "honest", dirs_exist_ok=True)
    filler = fill(course, 0)
    said = is_told(grade(course))
    assert "half_done" in said and "7 of 18" in said
    (line,) = [line for line in said.splitlines() if line.startswith("honest  ")]
    assert line.endswith(("not graded", "7 of 18"))
    filler.unlink()
    assert grade(course).returncode == 0
    assert totals(course) == {"honest": 7, "half_done": 7, "forgets_the_max": 17}


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_read_only(small_disk, tmp_path):
    """In a course on a read-only disk: is it said, with the path?"""
    course = Course.at(tmp_path / "course")
    make(course.folder, ["honest"])
    remount = ["mount", "-o", "remount,ro", course.folder]
    subprocess.run(remount, check=True)
    done = grade(course)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Read-only file system" in done.stderr and str(course.folder) in done.stderr and "Make that" in done.stderr
    subprocess.run([*remount[:2], "remount,rw", course.folder], check=True)
    assert grade(course).returncode == 0
    subprocess.run(remount, check=True)
    done = grade(course)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "Read-only" in done.stdout + done.stderr


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_too_few_open_files(tmp_path):
    """With few open files allowed at first: does the run allow itself as many as it may, and grade rightly?"""
    course = Course.at(tmp_path / "course")
    make(course.folder, CLASS)
    command = [sys.executable, "-m", "grader", STEM, "--course", course.folder]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, most)))
    assert done.returncode == 0, done.stderr
    assert totals(course) == {"honest": 18, "half_done": 7, "forgets_the_max": 17}


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("where", [".grader/results", "autograded", "feedback", ".grader/graded", ".grader/repaired"])
def test_a_file_in_a_folder_s_place(tmp_path, where):
    """Where one of our folders cannot be made: is it said by path for each student, and is the next run right?"""
    course = Course.at(tmp_path)
    make(course.folder, CLASS[:2])
    path = course.folder / where
    path.parent.mkdir(exist_ok=True)
    path.write_text("in the way")
    said = is_told(grade(course))
    assert str(path) in said
    path.unlink()
    assert grade(course).returncode == 0
    assert totals(course) == {"honest": 18, "half_done": 7}
    assert (course.folder / "feedback" / "honest" / STEM / f"{STEM}.html").exists()


def test_whole_files(tmp_path, monkeypatch):
    """Does a file that could not be written keep what it held, leave nothing beside it, and name its path?"""
    path = tmp_path / "folder" / "file"
    write_whole(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match=str(path)):
        write_whole(path, "new")
    assert path.read_text() == "old" and list(path.parent.iterdir()) == [path]
    with pytest.raises(OSError, match="key.json"):
        kept_results.store(Course.at(tmp_path), NotebookResult("key", "cells", {}, [], []))
    assert not list((tmp_path / ".grader" / "results").iterdir())


@pytest.mark.parametrize("error, remedy", [
    (OSError(28, "No space left on device", "/x"), "Free space on that disk"),
    (OSError(122, "Disk quota exceeded", "/x"), "Free space within the quota"),
    (OSError(30, "Read-only file system", "/x"), "Make that folder writable"),
    (PermissionError(13, "Permission denied", "/x"), "the right to write"),
    (OSError(24, "Too many open files"), "ulimit -n"),
    (RuntimeError("(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT]"), "Free space on that disk"),
    (RuntimeError("(sqlite3.OperationalError) attempt to write a readonly database"), "Make that folder writable"),
    (RuntimeError("(sqlite3.OperationalError) database is locked"), "Another program"),
    (ValueError("something else"), "something else"),
])
def test_what_to_do(error, remedy):
    """Is what Linux and SQLite say followed by what to do, on one line, without SQL?"""
    said = messages.fault("s1", STEM, error)
    assert remedy in said and "\n" not in said and "SQL:" not in said
    assert json.dumps(said)
