"""The sample class, graded: right scores, whoever sits beside you and whichever way in."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.class_run import grade_class
from grader.course import REPOSITORY, Course
from grader.instructor.table import table
from grader.nbgrader_bridge.configure import nbgrader_api
from grader.nbgrader_bridge.gradebook import scores
from grader.sandbox.limits import Limits
from grader.submission.intake import read_submission
from tests.grader.sample_class import STEM, expected, find, make, solutions

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("ignore:Object of type")]  # SQLAlchemy, about nbgrader
LIMITS = Limits.for_cells_of(7)  # longer than the 5 s that `check` gives an answer
ALONE = ("honest", "forger", "half_done")  # graded a second time, each in a course of its own
SOME = ("another_name", "cut_short", "endless_loop", "forger", "forgets_the_scale", "kills_its_kernel",
        "pasted_a_check")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """(course, rows by student): the sample class after one run of the grader."""
    course = Course.at(tmp_path_factory.mktemp("class"))
    make(course.folder)
    return course, {row.student: row for row in grade_class(course, STEM, limits=LIMITS)}


def recorded(course):
    """{student: scores in the gradebook}."""
    known = scores(course.db, STEM)
    return {student: known.get(student) for student in course.students(STEM)}


def test_everyone_gets_their_points(graded):
    """Does everyone get what they should, exercise by exercise, in the gradebook?"""
    course, _ = graded
    assert recorded(course) == expected()


def test_the_instructor_is_told_who_and_why(graded):
    """Is the instructor told, by name, of everything unreadable, stopped, dead or repaired, and of nothing else?"""
    _, rows = graded
    told = {student: " ".join(row.messages) for student, row in rows.items() if row.messages}
    assert told.keys() == {"another_name", "cut_short", "deleted_a_check", "empty_file", "endless_loop",
                           "kills_its_kernel", "pasted_a_check"}
    endless, empty = told["endless_loop"], told["empty_file"]
    assert endless.startswith(f"endless_loop {STEM}: stopped after 7 s in cell write_relu_weights; 16 of 18 points")
    assert endless.endswith(f"python -m grader {STEM} --student endless_loop --timeout 21")
    assert empty.startswith(f"empty_file {STEM}: not graded") and f"{STEM}.ipynb is empty" in empty
    assert not any(row.fault for row in rows.values())


def test_everyone_graded_gets_feedback(graded):
    """Does everyone graded get feedback with each report, and nobody else?"""
    course, _ = graded
    for student, points in expected().items():
        page = course.folder / "feedback" / student / STEM / f"{STEM}.html"
        assert page.exists() == (points is not None)
        if points:
            text = page.read_text()
            assert all(f"Scored as {exercise} of {STEM}, version" in text for exercise in points)
            assert "The base is 2" not in text
    assert "overflows" in (course.folder / "feedback" / "forgets_the_max" / STEM / f"{STEM}.html").read_text()


def test_what_was_handed_in_is_untouched(graded, tmp_path):
    """Are the submitted files, byte for byte, what was handed in?"""
    course, _ = graded
    make(tmp_path)
    ours = {p.relative_to(tmp_path): p.read_bytes() for p in (tmp_path / "submitted").rglob("*") if p.is_file()}
    theirs = {p.relative_to(course.folder): p.read_bytes() for p in course.submitted.rglob("*") if p.is_file()}
    assert ours == theirs


@pytest.mark.parametrize("student", ALONE)
def test_a_grade_does_not_depend_on_neighbours(student, tmp_path):
    """Is a grade what it is when graded alone?"""
    course = Course.at(tmp_path)
    make(course.folder, [student])
    (row,) = grade_class(course, STEM, limits=LIMITS)
    assert row.scores == expected()[student]


def test_a_second_run_runs_no_notebook(graded, monkeypatch):
    """Does a second run with nothing changed run no notebook, touch no feedback, and give the same scores?"""
    course, _ = graded
    monkeypatch.setattr("grader.workers.ProcessPoolExecutor", None)  # any worker would be an error
    monkeypatch.setattr("grader.kept_results.grade", None)
    before = times(course)
    rows = {row.student: row for row in grade_class(course, STEM, limits=LIMITS)}
    assert {student: row.scores for student, row in rows.items()} == expected()
    assert before == times(course)
    assert not any(row.ran for row in rows.values())


def times(course):
    """{path: when it was written last} of all that graded submissions have."""
    return {path: path.stat().st_mtime_ns for step in ("feedback", "autograded")
            for path in (course.folder / step).rglob("*")}


def copy_of(graded, tmp_path, *students):
    """The graded course again, elsewhere, with the same secret and kept results but no gradebook."""
    course = Course.at(tmp_path / "copy")
    shutil.copytree(graded[0].own, course.own)
    shutil.rmtree(course.own / "graded")
    for student in students:
        shutil.copytree(graded[0].submitted / student, course.submitted / student)
    return course


def test_nbgraders_own_command(graded, tmp_path):
    """Does `nbgrader autograde SET` give everyone the same scores, and go on after the unreadable?"""
    course = copy_of(graded, tmp_path, *SOME)
    command = [Path(sys.executable).with_name("nbgrader"), "autograde", STEM, "--SandboxedAutograde.cell_seconds=7"]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"COURSE_DIR": str(course.folder)},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"cut_short {STEM}: not graded" in done.stderr
    assert f"kills_its_kernel {STEM}: the kernel died in cell write_scaled_scores; 12 of 18" in done.stderr
    assert recorded(course) == {student: expected()[student] for student in SOME}


def test_nbgraders_own_command_runs_the_sandbox(tmp_path):
    """Without kept results, does nbgrader's own command run the notebook in the sandbox itself?"""
    course = Course.at(tmp_path)
    make(course.folder, ["forgets_the_scale", "reads_the_answers"])
    command = [Path(sys.executable).with_name("nbgrader"), "autograde", STEM, "--no-execute"]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"COURSE_DIR": str(course.folder)},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert recorded(course) == {student: expected()[student] for student in ("forgets_the_scale", "reads_the_answers")}


def test_nbgraders_own_command_in_the_course_directory(tmp_path):
    """Is nbgrader started in another course directory than the repository sandboxed all the same?"""
    course = Course.at(tmp_path)
    make(course.folder, ["empty_file"])
    grade_class(course, STEM)
    make(course.folder, ["forger", "half_done"])
    environment = {name: value for name, value in os.environ.items() if name != "COURSE_DIR"}
    command = [Path(sys.executable).with_name("nbgrader"), "autograde", STEM]
    done = subprocess.run(command, cwd=course.folder, env=environment | {"PYTHONPATH": str(REPOSITORY)},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert recorded(course) == {student: expected()[student] for student in ("empty_file", "forger", "half_done")}


def test_formgrader_button(graded, tmp_path):
    """Does the call behind formgrader's button give the same scores?"""
    course = copy_of(graded, tmp_path, "honest", "forger", "endless_loop")
    api = nbgrader_api(course, LIMITS)
    for student in course.students(STEM):
        assert api.autograde(STEM, student)["success"]
    assert recorded(course) == {student: expected()[student] for student in course.students(STEM)}
    page = api.generate_feedback(STEM, "honest")
    assert page["success"], page


def test_pages_formgrader_shows(graded):
    """Do the autograded notebooks hold outputs of the kinds we allow, and no other?"""
    course, _ = graded
    kinds = set()
    for path in (course.folder / "autograded").rglob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            for output in cell.get("outputs", []):
                kinds |= set(output.get("data", ()))
                assert not output.get("metadata")
    assert kinds <= {"text/plain", "text/html", "image/png", "image/jpeg"}


def test_changed_submission(graded, tmp_path):
    """Is a submission handed in again graded again without being asked, by either way in?"""
    course = copy_of(graded, tmp_path, "honest", "half_done")
    grade_class(course, STEM, limits=LIMITS)
    shutil.copytree(course.submitted / "half_done", course.submitted / "honest", dirs_exist_ok=True)
    grade_class(course, STEM, limits=LIMITS)
    assert recorded(course)["honest"] == expected()["half_done"]
    shutil.copytree(graded[0].submitted / "honest", course.submitted / "half_done", dirs_exist_ok=True)
    nbgrader_api(course, LIMITS).autograde(STEM, "half_done", force=False)
    assert recorded(course)["half_done"] == expected()["honest"]


def test_more_time_is_not_taken_back(graded, tmp_path):
    """After a retry with more time, does a run of the whole class, or nbgrader's own command, keep what it earned?"""
    course = copy_of(graded, tmp_path, "half_done")
    path = course.submitted / "half_done" / STEM / f"{STEM}.ipynb"
    notebook = json.loads(path.read_text())
    slow = "import time; time.sleep(1.5)\n" + solutions()["write_relu_weights"]
    find(notebook, "write_relu_weights")["source"] = slow
    path.write_text(json.dumps(notebook))
    name = "relu_weights_are_divided_by_the_length"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Limits, "cell_seconds", 1.0)
        (short,) = grade_class(course, STEM, limits=Limits(cell_seconds=1.0))
        (long,) = grade_class(course, STEM, limits=Limits(cell_seconds=6.0))
        (later,) = grade_class(course, STEM, limits=Limits(cell_seconds=1.0))
        assert (short.scores[name], long.scores[name], later.scores[name]) == (0, 2, 2)
        assert nbgrader_api(course, Limits(cell_seconds=1.0)).autograde(STEM, "half_done")["success"]
    assert recorded(course)["half_done"][name] == 2


@pytest.mark.parametrize("ours", [False, True])
def test_no_old_score_stands(graded, tmp_path, monkeypatch, ours):
    """When a good submission is followed by an unreadable one, or by a fault of ours, is the old score taken back?"""
    course = copy_of(graded, tmp_path, "honest")
    grade_class(course, STEM, limits=LIMITS)
    if ours:
        monkeypatch.setattr("grader.class_run.prepare", lambda *_: 1 / 0)
    else:
        (course.submitted / "honest" / STEM / f"{STEM}.ipynb").write_text("{")
    (row,) = grade_class(course, STEM, limits=LIMITS)
    assert row.scores is None and row.fault == ours
    assert set(recorded(course)["honest"].values()) == {None}
    assert not (course.folder / "autograded" / "honest" / STEM).exists()
    assert not (course.folder / "feedback" / "honest" / STEM).exists()


def test_a_fault_of_ours(graded, tmp_path, monkeypatch):
    """Is a sandbox that fails reported, kept out of the results, and made good by the next run?"""
    course = copy_of(graded, tmp_path, "honest", "half_done")
    shutil.rmtree(course.own / "results")
    with monkeypatch.context() as patch:
        patch.setattr("grader.sandbox.bubblewrap.Sandbox.command", lambda *_: ["false"])
        rows = grade_class(course, STEM, limits=LIMITS)
        assert all(row.fault and row.scores is None for row in rows)
        assert "not graded, through no fault of the student's" in rows[0].messages[0]
        assert not nbgrader_api(course, LIMITS).autograde(STEM, "honest")["success"]
    assert not (course.own / "results").exists()
    rows = grade_class(course, STEM, limits=LIMITS)
    assert {row.student: row.scores for row in rows} == {s: expected()[s] for s in ("honest", "half_done")}


def test_odd_folders_stop_nobody(graded, tmp_path):
    """Do folders with names nothing can store cost nobody else the grading, by either way in?"""
    course = copy_of(graded, tmp_path, "honest")
    for name in (b"bad\xff", b"new\nline", b"*", b"\x1b[31mred"):
        shutil.copytree(course.submitted / "honest", course.submitted / os.fsdecode(name))
    rows = {row.student: row for row in grade_class(course, STEM, limits=LIMITS)}
    assert rows.pop("honest").scores == expected()["honest"]
    assert all("Rename the folder" in row.messages[0] and row.messages[0].isprintable() for row in rows.values())
    assert table(list(rows.values()), []).replace("\n", "").isprintable()
    assert nbgrader_api(course, LIMITS).autograde(STEM, "*")["success"]
    assert scores(course.db, STEM) == {"honest": expected()["honest"]}


def test_what_one_submission_does_to_us(graded, tmp_path, monkeypatch):
    """When reading one submission fails in a way nobody thought of, is only that one ungraded, by either way in?"""
    course = copy_of(graded, tmp_path, "half_done", "honest")

    def read(submitted, student, stem, files):
        return 1 / 0 if student == "half_done" else read_submission(submitted, student, stem, files)

    monkeypatch.setattr("grader.submission.prepare.read_submission", read)
    rows = {row.student: row for row in grade_class(course, STEM, limits=LIMITS)}
    assert rows["half_done"].fault and "through no fault" in rows["half_done"].messages[0]
    assert rows["honest"].scores == expected()["honest"]
    assert nbgrader_api(course, LIMITS).autograde(STEM, "*")["success"]


def test_a_worker_that_dies(graded, tmp_path, monkeypatch):
    """When scoring takes a worker down, is only that submission left ungraded?"""
    from attnlib.check.scoring import judge

    course = copy_of(graded, tmp_path, "honest", "half_done", "forgets_the_max")
    shutil.rmtree(course.own / "results")
    score = judge.score

    def deadly(exercise, seed, answer, earlier):
        report = score(exercise, seed, answer, earlier)
        return os._exit(1) if exercise.name.startswith("softmax") and report.points == 3 else report

    monkeypatch.setattr("grader.grade_notebook.score", deadly)
    rows = {row.student: row for row in grade_class(course, STEM, limits=LIMITS)}
    assert rows["forgets_the_max"].fault and rows["forgets_the_max"].scores is None
    assert rows["honest"].scores == expected()["honest"] and rows["half_done"].scores == expected()["half_done"]


def test_the_command(graded, tmp_path):
    """Does `python -m grader` print the table, the messages and an exit status an instructor can rely on?"""
    course = copy_of(graded, tmp_path, "honest", "cut_short", "kills_its_kernel")
    command = [sys.executable, "-m", "grader", STEM, "--course", str(course.folder), "--timeout", "7"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "sandbox: bubblewrap, no network" in done.stdout
    assert f"cut_short {STEM}: not graded: {STEM}.ipynb is not JSON" in done.stdout
    assert "the kernel died in cell write_scaled_scores; 12 of 18 points kept" in done.stdout
    assert re.search(r"^honest +4 +1 +2 +2 +3 +4 +2   18 of 18$", done.stdout, re.MULTILINE)
