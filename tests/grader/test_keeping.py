"""The secret, kept results, the gradebook, and the way without a sandbox."""

import copy
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from grader import kept_results
from grader.__main__ import main
from grader.class_run import Row, grade_class
from grader.course import REPOSITORY, Course
from grader.grade_notebook import NotebookResult
from grader.instructor import messages
from grader.instructor.table import table
from grader.nbgrader_bridge.feedback import write_feedback
from grader.nbgrader_bridge.gradebook import register, scores, withdraw
from grader.release import grade_id
from grader.sandbox.limits import Limits
from grader.seeds import course_secret, seed
from grader.submission.intake import Finding, Unreadable
from grader.submission.prepare import few
from tests.grader.sample_class import STEM, filled, find, make, solutions

quiet = pytest.mark.filterwarnings("ignore:Object of type")


def test_the_secret(tmp_path):
    """Is the secret made once, readable by its owner alone, and refused when others can read it?"""
    path = tmp_path / "course" / "secret"
    secret = course_secret(path)
    assert len(secret) == 32 and course_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret"]
    path.chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        course_secret(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="5 bytes"):
        course_secret(path)


def test_seeds():
    """Is a seed fixed by secret, exercise and notebook, and by each of them?"""
    one = seed(b"s" * 32, "softmax", "notebook")
    assert one == seed(b"s" * 32, "softmax", "notebook") and 0 <= one < 2**64
    assert len({one, seed(b"t" * 32, "softmax", "notebook"), seed(b"s" * 32, "attend", "notebook"),
                seed(b"s" * 32, "softmax", "another")}) == 4


def test_kept_results(course):
    """Is a kept result read back as it was, and a damaged one made anew?"""
    result = NotebookResult("key", "cells", {}, [[]], ["why"])
    kept_results.store(course, result)
    assert kept_results.load(course, "key") == result
    assert kept_results.load(course, "other") is None
    path = course.own / "results" / "key.json"
    path.write_text(path.read_text()[:-3])
    assert kept_results.load(course, "key") is None
    path.write_text(json.dumps(asdict(result) | {"unknown": 1}))
    assert kept_results.load(course, "key") is None


@pytest.mark.slow
def test_register(course):
    """Does the gradebook learn a problem set, and a change in it, and is it left alone where nothing changed?"""
    from nbgrader.api import Gradebook

    def registered():
        with Gradebook(course.db) as gradebook:
            return {cell.name: cell.source for cell in gradebook.find_notebook(STEM, STEM).source_cells}

    course.folder.mkdir()
    release = course.release(STEM)
    register(course.db, STEM, release)
    assert registered() == {name: cell["source"] for cell in release["cells"] if (name := grade_id(cell))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.nbgrader_bridge.gradebook.SaveCells", None)  # a call would be an error
        register(course.db, STEM, release)
    changed = copy.deepcopy(release)
    find(changed, "first_imports")["source"] += "\nimport math"
    register(course.db, STEM, changed)
    assert registered()["first_imports"].endswith("import math")


@pytest.mark.slow
def test_withdrawing_where_there_is_nothing(course):
    """Is a score that was never given withdrawn without an error?"""
    course.folder.mkdir()
    register(course.db, STEM, course.release(STEM))
    withdraw(course.db, STEM, "nobody")
    assert scores(course.db, STEM) == {}


def test_a_release_that_differs_from_its_specification(tmp_path):
    """Is a check cell without a specification, or with other points, refused before anybody is graded?"""
    release = json.loads((REPOSITORY / "exercises" / STEM / f"{STEM}.ipynb").read_text())
    find(release, "softmax_turns_each_row_into_weights")["metadata"]["nbgrader"]["points"] = 40
    (tmp_path / STEM).mkdir()
    (tmp_path / STEM / f"{STEM}.ipynb").write_text(json.dumps(release))
    with pytest.raises(ValueError, match=r"softmax_turns_each_row_into_weights \(40 points"):
        Course.at(tmp_path, release_folder=tmp_path).release(STEM)
    with pytest.raises(FileNotFoundError, match="make exercises"):
        Course.at(tmp_path, release_folder=tmp_path / "none").release(STEM)


def test_where_a_course_is(monkeypatch, tmp_path):
    """Do --course, --db and their environment variables say where a course and its gradebook are?"""
    assert Course.at().folder == REPOSITORY
    monkeypatch.setenv("COURSE_DIR", str(tmp_path))
    assert Course.at().db == f"sqlite:///{tmp_path}/gradebook.db"
    monkeypatch.setenv("COURSE_DB", "postgresql+psycopg://host/grades")
    assert Course.at().db == "postgresql+psycopg://host/grades"
    assert Course.at(tmp_path / "x", "sqlite://").db == "sqlite://"


@pytest.mark.slow
@quiet
def test_two_graders(course):
    """Is a second grader in the same course sent away while one is at work, whichever way in, and let in after?"""
    make(course.folder, ["empty_file"])
    command = [sys.executable, "-m", "grader", STEM, "--course", course.folder, "--no-sandbox"]
    nbgrader = [Path(sys.executable).with_name("nbgrader"), "autograde", STEM]
    environment = os.environ | {"COURSE_DIR": str(course.folder)}
    options = {"cwd": REPOSITORY, "env": environment, "capture_output": True, "text": True}
    with course.alone(), course.alone():
        for way in (command, nbgrader):
            done = subprocess.run(way, **options)
            assert done.returncode == 1 and f"another grader is at work in {course.folder}" in done.stderr
    assert main([STEM, "--course", str(course.folder), "--no-sandbox"]) == 0


@pytest.mark.slow
@quiet
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_without_a_sandbox(course, capfd):
    """Does --no-sandbox work in a process of its own, say what it is, and keep its results apart?"""
    make(course.folder, ["forgets_the_scale", "kills_its_kernel"])
    rows = {row.student: row for row in grade_class(course, STEM, limits=Limits.for_cells_of(7), sandboxed=False)}
    assert sum(rows["forgets_the_scale"].scores.values()) == 16
    assert sum(rows["kills_its_kernel"].scores.values()) == 12
    kept = [json.loads(path.read_text()) for path in (course.own / "results").iterdir()]
    assert all(not result["sandboxed"] and "NO SANDBOX" in result["limits"] for result in kept)


@pytest.mark.slow
@quiet
def test_no_sandbox_is_loud(course, capsys):
    """Does the command warn before it runs anything unprotected?"""
    make(course.folder, ["empty_file"])
    assert main([STEM, "--course", str(course.folder), "--no-sandbox"]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("WARNING: NO SANDBOX")
    assert printed.out.startswith("NO SANDBOX")


@pytest.mark.slow
def test_no_bubblewrap(course):
    """Without bubblewrap: is nothing graded, and does the message say what to install?"""
    make(course.folder, ["honest"])
    done = subprocess.run([sys.executable, "-m", "grader", STEM, "--course", course.folder], cwd=REPOSITORY,
                          env=os.environ | {"PATH": "/nowhere"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "apt-get install -y bubblewrap" in done.stderr and "--no-sandbox" in done.stderr
    assert not (course.folder / "gradebook.db").exists()


@pytest.mark.parametrize("options, status, said", [
    (["--course", "/nowhere/at/all"], 0, f"obody has handed in {STEM}"),
    (["--db", "sqlite:////nowhere/at/all.db"], 1, "the gradebook sqlite:////nowhere/at/all.db cannot be used"),
    (["--db", "postgresql+psycopg://me:password@127.0.0.1:1/x"], 1, "***@127.0.0.1:1/x cannot be used"),
    (["--db", "me:password@nonsense"], 1, "the gradebook nonsense cannot be used"),
    (["--db", "sqlite:////nowhere/a@b.db"], 1, "the gradebook sqlite:////nowhere/a%40b.db cannot be used"),
    (["--timeout", "0"], 2, "must be above zero"),
    (["--student", "nobody"], 1, f"no submission from nobody for {STEM}"),
])
def test_what_an_instructor_can_get_wrong(course, capsys, options, status, said):
    """Is each mistake on the command line answered with a sentence?"""
    make(course.folder, ["empty_file"])
    options = options if "--course" in options else ["--course", str(course.folder), *options]
    try:
        code = main([STEM, "--no-sandbox", *options])
    except SystemExit as end:
        code = end.code
    text = "".join(capsys.readouterr()) + str(code)
    assert said in text and "password" not in text
    assert code == status or (status == 1 and isinstance(code, str))


@pytest.mark.parametrize("message, said", [(f"Retry: python -m grader {STEM} --student s1", True), ("x", False)])
def test_options_of_a_retry(course, capsys, monkeypatch, message, said):
    """Where a message has a command: is it said which options it needs to grade the same course?"""
    make(course.folder, ["empty_file"])
    monkeypatch.setattr("grader.command._grade", lambda *_: [Row("empty_file", messages=[message])])
    assert main([STEM, "--course", str(course.folder), "--no-sandbox"]) == 0
    assert ("as you gave them now: --course, --no-sandbox\n" in capsys.readouterr().out) == said


@pytest.mark.slow
@pytest.mark.parametrize("package", ["nbgrader", "sqlalchemy", "tqdm"])
def test_a_package_that_is_not_installed(package):
    """Where the wheel was installed without its extra: does the command name the package and what to install?"""
    start = f"import runpy, sys; sys.modules[{package!r}] = None; runpy.run_module('grader', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", start], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"package {package} is not installed" in done.stderr and "[grader]'" in done.stderr


def test_messages_name_student_and_command():
    """Does a message name the student, what happened, what is kept and the command to run?"""
    report = {"results": [{"points": 1, "max_points": 5}]}
    result = NotebookResult("", "", {"x": report}, [], ["Stopped after 20 s in cell softmax_rows."])
    message = messages.lost("s0142", STEM, result, 20)
    assert message.startswith(f"s0142 {STEM}: stopped after 20 s in cell softmax_rows; 1 of 5 points")
    assert message.endswith(f"python -m grader {STEM} --student s0142 --timeout 60")
    deaths = [f"The kernel died in cell number {i // 100}." for i in range(2000)]
    result = NotebookResult("", "", {"x": report}, [], deaths)
    assert messages.lost("s1", STEM, result, 20).endswith("number 4; and 15 more; 1 of 5 points kept.")
    message = messages.fault("a b\x1b[31m", STEM, ValueError("x"))
    assert message.startswith(f"a b?[31m {STEM}: not graded, through no fault of the student's: x.")
    assert message.endswith(f"python -m grader {STEM} --student 'a b?[31m'")
    message = messages.unreadable("s1", STEM, Unreadable("x\x1b]0;title\x07.ipynb\nis a link"))
    assert message.startswith(f"s1 {STEM}: not graded: x?]0;title?.ipynb is a link.") and "hand it in again" in message
    assert messages.unreadable("s1", STEM, Unreadable("it is empty")).startswith(f"s1 {STEM}: not graded: it is empty")


def test_the_reason_of_a_traceback():
    """Is the one line with the reason found in a traceback, whatever stands after it?"""
    error = ("Traceback (most recent call last):\n  File x\n"
             "ValueError: No template 'feedback' in:\n\t/usr/share/jupyter\n")
    message = messages.no_feedback("s", STEM, error)
    assert "ValueError: No template 'feedback' in:" in message and f"python -m grader {STEM} --student s" in message
    assert "nbgrader gave no reason" in messages.no_feedback("s", STEM, "")


def test_few_findings():
    """Do thousands of findings about one submission take few lines?"""
    assert len(few([Finding("link", str(i), "left out") for i in range(3000)])) == 21
    assert few([Finding("link", "1", "left out")]) == (Finding("link", "1", "left out"),)


def test_findings_that_can_cost_marks_come_first():
    """Is no finding that can cost marks lost behind a hundred that cannot, and is it said when some are left out?"""
    harmless, grave = Finding("wrong name", "x", "graded"), Finding("link", "x", "left out", "if the notebook reads it")
    assert few([harmless] * 100 + [grave])[0] == grave
    assert few([harmless] * 100 + [grave])[-1].costs == ""
    assert few([grave] * 100)[-1].costs and few([grave] * 100)[-1].what.startswith("80 more")


def test_a_finding_says_whether_marks_may_be_lost():
    """Does the instructor read of each finding whether it can have cost marks?"""
    said = [messages.finding("s1", STEM, Finding("link", "data", "left out", costs))
            for costs in ("", "if the notebook reads it")]
    assert said == [f"s1 {STEM}: link: data: left out. No marks are lost by it.",
                    f"s1 {STEM}: link: data: left out. Marks may be lost if the notebook reads it."]


@pytest.mark.slow
def test_a_page_that_takes_too_long(course, monkeypatch):
    """Is a feedback page that a highlighter would be at for hours given up, said by name, and the next one written?"""
    monkeypatch.setattr("grader.nbgrader_bridge.feedback.SECONDS", 1)
    monkeypatch.setattr("grader.nbgrader_bridge.feedback.nbgrader_api", lambda course: Slow())
    assert "longer than 1 s" in write_feedback(course, STEM, "s1")
    assert messages.no_feedback("s1", STEM, write_feedback(course, STEM, "s1")).startswith(
        f"s1 {STEM}: graded, but no feedback was written: TimeoutError: the page took longer than 1 s.")


class Slow:
    """Stands for nbgrader, which catches everything and hands it back as text."""

    def generate_feedback(self, stem, student):
        try:
            while True:
                re.match("(a+)+$", "a" * 25 + "b")
        except Exception as error:
            log = f"[ERROR] Traceback\n    {type(error).__name__}: {error}\n    \n[ERROR] There was an error"
            return {"success": False, "error": "Traceback\nNbGraderException: Please see above", "log": log}


def test_the_table_tells_ungraded_apart():
    """Are scores, totals and the ungraded told apart?"""
    rows = [Row("a", {"x": 1.5, "y": None}), Row("somebody_long")]
    lines = table(rows, [("x", 2), ("y", 1)]).splitlines()
    assert lines[1].split() == ["a", "1.5", "–", "1.5", "of", "3"]
    assert lines[2].endswith("not graded")


@quiet
@pytest.mark.sandbox
def test_a_person_s_grades_stay(course):
    """When a submission is graded again, do the scores and comments a person gave stay?"""
    from nbgrader.api import Gradebook

    make(course.folder, ["half_done"])
    grade_class(course, STEM)
    name = "relu_weights_are_divided_by_the_length"
    with Gradebook(course.db) as gradebook:
        gradebook.find_grade(name, STEM, STEM, "half_done").manual_score = 1
        gradebook.find_comment("write_attend", STEM, STEM, "half_done").manual_comment = "Nearly."
        gradebook.db.commit()
    path = course.submitted / "half_done" / STEM / f"{STEM}.ipynb"
    path.write_text(json.dumps(filled(solutions())))
    (row,) = grade_class(course, STEM)
    assert row.scores[name] == 2
    with Gradebook(course.db) as gradebook:
        grade = gradebook.find_grade(name, STEM, STEM, "half_done")
        assert (grade.manual_score, grade.needs_manual_grade) == (1, True)
        assert gradebook.find_comment("write_attend", STEM, STEM, "half_done").comment == "Nearly."
