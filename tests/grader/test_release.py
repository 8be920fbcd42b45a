"""An exercise that is dropped or given other points after its release: each case ends in a sentence that is true."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook

from grader.course import REPOSITORY, Course
from grader.nbgrader_bridge.configure import nbgrader_api
from grader.nbgrader_bridge.recorder import Recorder
from grader.release import points
from tests.grader.sample_class import STEM, find

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Object of type")]  # SQLAlchemy, about nbgrader


class Author:
    """Edits the specification, the solution and the release of one problem set, in a course of its own."""

    def __init__(self, folder, monkeypatch):
        self.course = Course.at(folder, source_folder=folder / "source", release_folder=folder / "release")
        for ours, theirs in ((self.course.source_folder, "solutions"), (self.course.release_folder, "exercises")):
            shutil.copytree(REPOSITORY / theirs / STEM, ours / STEM)
        self.solution = self.course.source_folder / STEM / f"{STEM}.ipynb"
        self.release = self.course.release_folder / STEM / f"{STEM}.ipynb"
        self.specified = points(json.loads(self.solution.read_text()))
        self.last = list(self.specified)[-1]
        monkeypatch.setattr("grader.release.exercises", lambda stem: [
            SimpleNamespace(name=name, points=points) for name, points in self.specified.items()])

    def drop_from_solution(self):
        """Delete the last exercise's check cell."""
        notebook = json.loads(self.solution.read_text())
        notebook["cells"].remove(find(notebook, self.last))
        self.solution.write_text(json.dumps(notebook))

    def change_solution(self, points):
        """Give the last exercise's check cell other points."""
        notebook = json.loads(self.solution.read_text())
        find(notebook, self.last)["metadata"]["nbgrader"]["points"] = points
        self.solution.write_text(json.dumps(notebook))

    def generate(self):
        """What `make exercises` runs."""
        done = nbgrader_api(self.course).generate_assignment(STEM, force=True)
        assert done["success"], done

    def register(self):
        """What every way into the grader does first."""
        Recorder(self.course, STEM).register(self.course.release(STEM))

    def complaint(self):
        """The sentence that stops the grader."""
        with pytest.raises((FileNotFoundError, ValueError, RuntimeError)) as caught:
            self.register()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def submit(self):
        """A submission that was graded."""
        with Gradebook(self.course.db) as gradebook:
            gradebook.update_or_create_student("s1")
            gradebook.update_or_create_submission(STEM, "s1")


@pytest.fixture
def author(tmp_path, monkeypatch):
    author = Author(tmp_path, monkeypatch)
    author.register()
    return author


def test_a_set_that_was_never_generated(author):
    """Does the sentence say what makes the release?"""
    author.release.unlink()
    assert "run: make exercises" in author.complaint()
    author.generate()
    author.register()


def test_an_exercise_dropped_from_specification_and_solution(author):
    """Is an old release blamed by name, and is `make exercises` all that is needed without submissions?"""
    author.drop_from_solution()
    del author.specified[author.last]
    complaint = author.complaint()
    assert str(author.release) in complaint and author.last in complaint and "run: make exercises" in complaint
    author.generate()
    author.register()
    assert author.last not in points(author.course.release(STEM))


def test_other_points_in_specification_and_solution(author):
    """The same for points."""
    author.change_solution(7)
    author.specified[author.last] = 7
    complaint = author.complaint()
    assert str(author.release) in complaint and f"{author.last} (2 points, 7 points" in complaint
    author.generate()
    author.register()


@pytest.mark.parametrize("generated", [False, True])
def test_an_exercise_dropped_from_the_specification_alone(author, generated):
    """When generating the release cannot help, is the solution blamed, whether it was generated again or not?"""
    del author.specified[author.last]
    if generated:
        author.generate()
    complaint = author.complaint()
    assert str(author.solution) in complaint and f"ex_{STEM}.py" in complaint and "correct the one" in complaint
    assert f"{author.last} (2 points, absent in the specification)" in complaint
    author.drop_from_solution()
    author.generate()
    author.register()


def test_an_exercise_dropped_from_the_solution_alone(author):
    """Does the old release count until it is generated again, and is the solution blamed then?"""
    author.drop_from_solution()
    author.register()
    author.generate()
    complaint = author.complaint()
    assert str(author.solution) in complaint and f"{author.last} (absent, 2 points in the specification)" in complaint
    del author.specified[author.last]
    author.generate()
    author.register()


def test_a_solution_that_is_missing(author):
    """Is it the solution that has to come back?"""
    author.solution.unlink()
    author.specified[author.last] = 7
    assert f"{author.solution} is missing" in author.complaint()


def test_other_points_after_submissions(author):
    """Does the gradebook take other points when there are submissions already?"""
    author.submit()
    author.change_solution(7)
    author.specified[author.last] = 7
    author.generate()
    author.register()
    with Gradebook(author.course.db) as gradebook:
        assert gradebook.find_grade_cell(author.last, STEM, STEM).max_score == 7


def test_a_dropped_exercise_after_submissions(author):
    """Is the release generated all the same, the gradebook blamed, and does each way out that is named work?"""
    author.submit()
    before = author.solution.read_text(), dict(author.specified)
    author.drop_from_solution()
    del author.specified[author.last]
    author.generate()
    assert author.last not in points(author.course.release(STEM))
    complaint = author.complaint()
    assert "gradebook" in complaint and f"dropped: {author.last}" in complaint and "make exercises" not in complaint
    after = author.solution.read_text(), dict(author.specified)
    _put(author, *before)  # "undo the change"
    author.register()
    _put(author, *after)
    delete, grade = complaint[complaint.index("nbgrader db"):].split(" && ")
    assert grade == f"python -m grader {STEM}"
    nbgrader, *arguments = shlex.split(delete)
    done = subprocess.run([Path(sys.executable).with_name(nbgrader), *arguments], cwd=author.course.folder,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    author.register()


def test_a_new_exercise_after_submissions(author):
    """The same for an exercise that was added."""
    whole, specified = author.solution.read_text(), dict(author.specified)
    author.drop_from_solution()
    del author.specified[author.last]
    author.generate()
    author.register()
    author.submit()
    _put(author, whole, specified)
    assert f"added: {author.last}" in author.complaint()


def _put(author, solution, specified):
    author.solution.write_text(solution)
    author.specified.clear()
    author.specified |= specified
    author.generate()
