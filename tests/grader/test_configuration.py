"""A course's own nbgrader_config.py: every command goes by it, and none runs student code without the sandbox."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from traitlets.config import Config

from grader.class_run import grade_class
from grader.course import REPOSITORY, Course
from grader.nbgrader_bridge.configure import configure, nbgrader_api, read_config
from grader.nbgrader_bridge.gradebook import scores
from grader.nbgrader_bridge.protection import LINE
from tests.grader.sample_class import STEM, filled, find, solutions

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("ignore:Object of type")]  # SQLAlchemy, about nbgrader
OWN = "c = get_config()\n"
LOSING = {
    "another Execute": "c.Autograde.autograde_preprocessors = ['nbgrader.preprocessors.Execute', "
                       "'nbgrader.preprocessors.SaveAutoGrades']",
    "an Execute more": "c.Autograde.autograde_preprocessors.append('nbgrader.preprocessors.Execute')",
    "an Execute before": "c.Autograde.sanitize_preprocessors = ['nbconvert.preprocessors.ExecutePreprocessor']",
    "in our own class": "c.SandboxedAutograde.autograde_preprocessors = ['nbgrader.preprocessors.Execute']",
    "no step at all": "c.Autograde.autograde_preprocessors = []",
    "another filter": "c.HTMLExporter.filters = {'markdown2html': 'nbconvert.filters.markdown2html'}",
    "another folder": "c.CourseDirectory.submitted_directory = 'handed_in'",
}
HARMLESS = {
    "always executed": "c.ExecutePreprocessor.enabled = True",
    "another kernel": "c.ExecutePreprocessor.kernel_name = 'python3'",
    "executed for the page": "c.HTMLExporter.preprocessors = ['nbconvert.preprocessors.ExecutePreprocessor']",
}


@pytest.fixture
def canary(course):
    """Hand in a notebook that writes a file outside; the path of that file."""
    path = course.folder / "canary"
    notebook = filled(solutions())
    attack = f"import os\ntry:\n    open({str(path)!r}, 'w').close()\nexcept OSError:\n    pass\n"
    find(notebook, "write_softmax")["source"] = attack + solutions()["write_softmax"]
    folder = course.submitted / "s1" / STEM
    folder.mkdir(parents=True)
    (folder / f"{STEM}.ipynb").write_text(json.dumps(notebook))
    return path


def run(course, *command, **changes):
    """Run a command of ours or nbgrader's in the course directory, as an instructor would: (exit status, output)."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COURSE_DIR", "COURSE_DB")}
    environment |= {"PYTHONPATH": str(REPOSITORY)} | changes
    done = subprocess.run(command, cwd=course.folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


NBGRADER = [Path(sys.executable).with_name("nbgrader"), "autograde", STEM]
OURS = [sys.executable, "-m", "grader", STEM, "--course", "."]


def put(course, text):
    (course.folder / "nbgrader_config.py").write_text(text)


def total(course):
    found = scores(course.db, STEM).get("s1") if (course.folder / "gradebook.db").exists() else None
    return found and sum(points or 0 for points in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("config", [None, OWN, OWN + HARMLESS["always executed"]])
def test_a_course_of_no_ours(course, canary, config):
    """In a course new to the grader: does nbgrader run no student code, and does ours say what to add?"""
    if config is not None:
        put(course, config)
    status, said = run(course, *NBGRADER)
    assert status != 0 and not canary.exists(), said
    status, said = run(course, *OURS)
    assert not canary.exists()
    assert (status, total(course)) == (0, 18) if config is None else (status == 1 and LINE in said), said


@pytest.mark.slow
@pytest.mark.parametrize("config", [OWN, OWN + HARMLESS["always executed"], "import nowhere_to_be_found\n" + LINE])
def test_a_configuration_replaced(course, canary, config):
    """When the course was graded once, and its configuration replaced: does nbgrader's command run no student code?"""
    assert run(course, *OURS)[0] == 0
    put(course, config)
    status, said = run(course, *NBGRADER, "--force")
    assert not canary.exists() and "No such kernel named none: student code would run without" in said, said
    assert LINE in said
    assert status != 0
    status, said = run(course, *OURS)
    assert status == 1 and (LINE in said or "nowhere_to_be_found" in said)
    assert total(course) in (18, 0, None)
    put(course, LINE)
    status, said = run(course, *OURS)
    assert (status, total(course)) == (0, 18), said


@pytest.mark.slow
@pytest.mark.parametrize("losing", LOSING)
def test_a_setting_that_loses_the_sandbox(course, canary, losing):
    """Does either way in refuse a setting that would lose the sandbox, before anything is graded, and name it?"""
    put(course, f"{LINE}\nc = get_config()\n{LOSING[losing]}\n")
    for command in (NBGRADER, OURS):
        status, said = run(course, *command)
        assert status == 1 and "nothing is graded" in said and not canary.exists(), said
    assert total(course) is None


@pytest.mark.slow
@pytest.mark.parametrize("setting", HARMLESS)
def test_a_setting_that_would_run_code(course, canary, setting):
    """Do nbconvert's own settings to execute notebooks run no student code, in grading and in feedback?"""
    put(course, f"{LINE}\nc = get_config()\n{HARMLESS[setting]}\n")
    status, said = run(course, *NBGRADER)
    assert (status, total(course)) == (0, 18), said
    run(course, NBGRADER[0], "generate_feedback", STEM)
    run(course, *OURS, "--force")
    assert not canary.exists()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["submitted", "autograded", ".grader/repaired", "a link"])
def test_validating_a_student_s_notebook(course, canary, place):
    """Does nbgrader's validate run no student's notebook, wherever it lies in the course, and say what to do?"""
    put(course, LINE)
    handed_in = course.submitted / "s1" / STEM
    folder = course.folder / place / "s1" / STEM
    if place == "a link":
        folder = course.folder / "a_link"
        folder.symlink_to(handed_in)
    elif folder != handed_in:
        shutil.copytree(handed_in, folder)
    status, said = run(course, NBGRADER[0], "validate", folder.relative_to(course.folder) / f"{STEM}.ipynb")
    assert status != 0 and not canary.exists(), said
    assert f"run instead: python -m grader SET --student STUDENT --course {course.folder}" in said


@pytest.mark.slow
@pytest.mark.parametrize("place", ["exercises", "mine", "."])
def test_validating_one_s_own(course, canary, place):
    """Does nbgrader's validate still run a notebook that is no student's?"""
    put(course, LINE)
    (course.folder / place).mkdir(exist_ok=True)
    shutil.copy(course.submitted / "s1" / STEM / f"{STEM}.ipynb", course.folder / place)
    status, said = run(course, NBGRADER[0], "validate", f"{place}/{STEM}.ipynb")
    assert canary.exists() and "would run without" not in said, said


PENALTY = """
from nbgrader.plugins import BasePlugin

class Two(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 2
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", [NBGRADER, OURS], ids=["nbgrader", "ours"])
def test_settings_of_a_course(course, canary, command):
    """Do both ways in go by a course's own gradebook, late penalty, time and exclusions?"""
    (course.folder / "penalty.py").write_text(PENALTY)
    db = f"sqlite:///{course.folder}/own.db"
    put(course, f"{LINE}\nc = get_config()\nc.CourseDirectory.db_url = {db!r}\n"
                "c.AssignLatePenalties.plugin_class = 'penalty.Two'\n"
                "c.ZipCollectApp.collector_plugin = 'nbgrader.plugins.zipcollect.FileNameCollectorPlugin'\n"
                "c.FileNameCollectorPlugin.named_regexp = '(?P<student_id>.*)_(?P<file_id>.*)'\n"
                "c.SandboxedAutograde.cell_seconds = 33\n"
                "c.CourseDirectory.student_id_exclude = 's9'\n")
    for student in ("s1", "s9"):
        folder = course.submitted / student / STEM
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{STEM}.ipynb").write_text(json.dumps(filled(solutions())))
        (folder / "timestamp.txt").write_text("2030-01-02 00:00:00 UTC")
    nbgrader_api(Course.at(course.folder, db)).gradebook.close()
    with Gradebook(db) as gradebook:
        gradebook.update_or_create_assignment(STEM, duedate="2030-01-01 00:00:00 UTC")
    status, said = run(course, *command)
    assert status == 0, said
    with Gradebook(db) as gradebook:
        submission = gradebook.find_submission(STEM, "s1")
        assert (submission.score, submission.late_submission_penalty) == (18, 2)
        assert [student.id for student in gradebook.students] == ["s1"]
    assert not (course.folder / "gradebook.db").exists()
    if command == OURS:
        assert "16 of 18, 2 off for lateness" in said and "s9" in said and "33 s a cell" in said


def test_what_is_read(course):
    """Is a configuration without ours, or one that moves the course, refused by name, and an absent one made up?"""
    course.folder.mkdir()
    assert read_config(course).CourseDirectory.root == str(course.folder)
    put(course, OWN)
    with pytest.raises(RuntimeError, match="configure_here"):
        read_config(course)
    put(course, f"{LINE}\nget_config().CourseDirectory.root = '/elsewhere'\n")
    with pytest.raises(RuntimeError, match="names another course directory, /elsewhere"):
        read_config(course)
    put(course, "1 / 0")
    with pytest.raises(RuntimeError, match="cannot be read: ZeroDivisionError"):
        read_config(course)


def test_order_in_a_configuration(course):
    """Does a gradebook that a course names count, whether it stands above our line or below?"""
    course.folder.mkdir()
    for text in (f"{LINE}\nget_config().CourseDirectory.db_url = 'sqlite://'",
                 f"get_config().CourseDirectory.db_url = 'sqlite://'\n{LINE}"):
        put(course, text)
        assert read_config(course).CourseDirectory.db_url == "sqlite://"


def test_our_list_is_not_the_course_s(course):
    """Is a step that one course adds absent from the next one's?"""
    first, second = Config(), Config()
    configure(first, course)
    first.Autograde.autograde_preprocessors.append("something.else")
    configure(second, course)
    assert "something.else" not in second.Autograde.autograde_preprocessors


@pytest.mark.slow
def test_unprotected_on_purpose(course, canary, tmp_path):
    """Is the explicit choice to go without a sandbox possible, and loud, by either way in?"""
    put(course, f"{LINE}\nget_config().SandboxedAutograde.sandboxed = False\n")
    status, said = run(course, *NBGRADER)
    assert status == 0 and "NO SANDBOX" in said and canary.exists()


@pytest.mark.slow
def test_the_class_run_goes_by_it(course, canary):
    """Does a class run refuse a course whose configuration does not come through ours?"""
    put(course, OWN)
    with pytest.raises(RuntimeError, match="configure_here"):
        grade_class(course, STEM)
