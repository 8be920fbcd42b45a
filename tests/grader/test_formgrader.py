"""formgrader in a real Jupyter server, whatever lies in submitted/ and stands in a course's configuration."""

import json
import os
from urllib.parse import quote

import pytest

from grader.class_run import grade_class
from grader.course import Course
from grader.nbgrader_bridge.configure import nbgrader_api
from grader.nbgrader_bridge.gradebook import scores
from grader.nbgrader_bridge.protection import LINE
from grader.nbgrader_bridge.timestamps import timestamp
from tests.grader.formgrader_server import formgrader
from tests.grader.sample_class import STEM, filled, find, make, solutions, text

quiet = pytest.mark.filterwarnings("ignore:Object of type")  # SQLAlchemy, about nbgrader
BAD = {"empty": b"", "prose": b"yesterday evening", "utf_16": "tomorrow".encode("utf-16"), "part": b"10:30",
       "binary": bytes(range(256)), "huge": b"2030-01-02" + b" " * 10_000, "no_month": b"2030-13-45 00:00:00 UTC",
       "far_away": b"99999999999999999999"}


def put_bad_timestamps(submitted):
    """Students whose notebook is right and whose timestamp.txt is none."""
    for student, content in BAD.items():
        folder = submitted / student / STEM
        folder.mkdir(parents=True)
        (folder / f"{STEM}.ipynb").write_text(text(filled({})))
        (folder / "timestamp.txt").write_bytes(content)
    odd = {"a_folder": lambda path: path.mkdir(), "a_pipe": os.mkfifo,
           "a_link_to_nowhere": lambda path: path.symlink_to("nowhere"),
           "a_link_to_itself": lambda path: path.symlink_to(path.name)}
    for student, make_it in odd.items():
        folder = submitted / student / STEM
        folder.mkdir(parents=True)
        (folder / f"{STEM}.ipynb").write_text(text(filled({})))
        make_it(folder / "timestamp.txt")
    return {*BAD, *odd}


def put_odd_entries(submitted):
    """What is no submission, and folders with names that nothing can store."""
    (submitted / "a_file").write_text("not a folder")
    (submitted / "link_to_nowhere").symlink_to("nowhere")
    (submitted / "set_is_a_file").mkdir()
    (submitted / "set_is_a_file" / STEM).write_text("not a folder")
    (submitted / "empty_set" / STEM).mkdir(parents=True)
    for name in (b"bad\xff", b"new\nline", b"\x1b[31mred", b"br{ace}", "\u202eleft".encode()):
        (submitted / os.fsdecode(name) / STEM).mkdir(parents=True)


@pytest.mark.parametrize("content, read", [(b"2030-01-02 03:04:05 UTC\n", "2030-01-02T03:04:05"),
                                           (b"2030-01-02T03:04:05+01:00", "2030-01-02T02:04:05"),
                                           ("2030-01-02 03:04:05".encode("utf-16"), "2030-01-02T03:04:05"),
                                           *((content, None) for content in BAD.values())])
def test_timestamps(tmp_path, content, read):
    """Is a timestamp read as intake takes it, in UTF-16 too, and anything else none?"""
    assert timestamp(tmp_path) is None
    (tmp_path / "timestamp.txt").write_bytes(content)
    found = timestamp(tmp_path)
    assert (found and found.isoformat()) == read


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_whatever_lies_in_submitted(course, tmp_path):
    """Do formgrader's pages show everyone, whatever one student's timestamp and folders are?"""
    make(course.folder, ["honest"])
    students = {"honest", *put_bad_timestamps(course.submitted)}
    put_odd_entries(course.submitted)
    course.write_config()
    with formgrader(course.folder, tmp_path / "log") as server:
        shown = {each["student"]: each for each in server.api("submissions", STEM)}
        assert students <= shown.keys()
        assert not any(each["autograded"] for each in shown.values())
        grade_class(course, STEM)
        shown = {each["student"]: each for each in server.api("submissions", STEM)}
        assert students <= shown.keys() and all(shown[student]["autograded"] for student in students)
        assert shown["honest"]["score"] == 18
        for student in students:
            assert server.api("submission", STEM, student)["submitted"]
            assert server.api("student_submissions", student)
            assert server.open(f"formgrader/manage_students/{student}/{STEM}")[0] == 200
        assert students <= {each["id"] for each in server.api("students")}
        assert server.api("assignments") and server.api("notebooks", STEM)
        graded = server.api("submitted_notebooks", STEM, STEM)
        assert students <= {each["student"] for each in graded}
        for page in ("manage_assignments", f"manage_submissions/{STEM}", "gradebook", f"gradebook/{STEM}",
                     f"gradebook/{STEM}/{STEM}", "manage_students", f"submissions/{graded[0]['id']}/"):
            assert server.open(f"formgrader/{page}")[0] == 200


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_names_of_students(course, tmp_path):
    """Does formgrader grade students whose names its pages put into an address as they are, and are others refused?"""
    works = ["a b", "a&b", "a+b", "a;b", "a'b", "a=b", "a,b", "a:b", "a@b", "a!b", "a$b", "a(b)", "a~b", "a{0}b",
             "日本", "Müller, Anna O'Neill_123_assignsubmission_file (2)"]
    refused = ["a#b", "a%b", "a%20b"]
    for student in works + refused:
        folder = course.submitted / student / STEM
        folder.mkdir(parents=True)
        (folder / f"{STEM}.ipynb").write_text(text(filled(solutions())))
    rows = {row.student: row for row in grade_class(course, STEM)}
    assert {student for student, row in rows.items() if row.scores is None} == set(refused)
    assert all("cannot be used" in rows[student].messages[0] for student in refused)
    with formgrader(course.folder, tmp_path / "log") as server:
        for student in works:
            as_sent = quote(student, safe="&+;'=,:@!$()~")  # as a browser sends what stands in an address unquoted
            status, said = server.open(f"formgrader/api/submission/{STEM}/{as_sent}/autograde", "POST")
            assert status == 200 and json.loads(said)["success"], (student, said)
            assert server.api("submission", STEM, student)["score"] == 18
    assert scores(course.db, STEM).keys() == set(works)


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("setting, graded", [
    (LINE, True),
    (f"{LINE}\nget_config().FileNameCollectorPlugin.named_regexp = 'x'", True),
    (f"{LINE}\nget_config().Autograde.autograde_preprocessors = ['nbgrader.preprocessors.Execute']", False),
    ("get_config().FileNameCollectorPlugin.named_regexp = 'x'", False),
    ("get_config().ExecutePreprocessor.enabled = True", False),
])
def test_the_button(course, tmp_path, setting, graded):
    """Does formgrader's Autograde run student code in the sandbox or not at all?"""
    canary = course.folder / "canary"
    make(course.folder, ["empty_file"])
    grade_class(course, STEM)  # the gradebook knows the set
    notebook = filled(solutions())
    find(notebook, "write_softmax")["source"] += f"\ntry: open({str(canary)!r}, 'w')\nexcept OSError: pass\n"
    (course.submitted / "s1" / STEM).mkdir(parents=True)
    (course.submitted / "s1" / STEM / f"{STEM}.ipynb").write_text(text(notebook))
    (course.folder / "nbgrader_config.py").write_text(setting)
    with formgrader(course.folder, tmp_path / "log") as server:
        done = server.api("submission", STEM, "s1", "autograde", method="POST")
        assert done["success"] == graded, done
        assert server.open(f"formgrader/manage_submissions/{STEM}")[0] == 200
        for notebook in server.api("submitted_notebooks", STEM, STEM):
            server.open(f"formgrader/submissions/{notebook['id']}/")
    assert not canary.exists()
    assert sum(points or 0 for points in scores(course.db, STEM).get("s1", {}).values()) == (18 if graded else 0)


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_a_timestamp_taken_away(course):
    """When a submission is handed in again without a timestamp, does the gradebook forget the old one?"""
    api = nbgrader_api(course)
    make(course.folder, ["honest"])
    path = course.submitted / "honest" / STEM / "timestamp.txt"
    for content, shown in ((b"2030-01-02 03:04:05 UTC", "2030-01-02T03:04:05"), (b"soon", None)):
        path.write_bytes(content)
        grade_class(course, STEM)
        (found,) = api.get_submissions(STEM)
        assert (found["autograded"], found["timestamp"]) == (True, shown)


@quiet
@pytest.mark.slow
@pytest.mark.sandbox
def test_a_server_started_elsewhere(course, tmp_path):
    """Does a server that is started above the course, and told its place, go by the course's own configuration?"""
    make(course.folder, ["honest"])
    grade_class(course, STEM)
    (tmp_path / "nbgrader_config.py").write_text(f"get_config().CourseDirectory.root = {str(course.folder)!r}")
    with formgrader(tmp_path, tmp_path / "log") as server:
        assert server.api("submission", STEM, "honest", "autograde", method="POST")["success"]
        (course.folder / "nbgrader_config.py").unlink()
    with formgrader(tmp_path, tmp_path / "log") as server:
        assert not server.api("submission", STEM, "honest", "autograde", method="POST")["success"]
    assert Course.at(course.folder).students(STEM) == ["honest"]
