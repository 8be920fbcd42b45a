"""Does an author's new problem set pass what it can pass, and is a gap in it named without stopping other sets?

A course of made-up sets is written into an empty folder, with a copy of attnlib and of these tests, and pytest runs
there: what a new author does, from the first file on.
"""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from tests.problem_sets.helpers import HERE, ROOT
from tests.problem_sets.made_up import notebook, notebook_97_kinds
from tests.problem_sets.release import released

STEM, KINDS = "98_made_up", "97_kinds"
NOTEBOOKS = {STEM: notebook.solution_notebook, KINDS: notebook_97_kinds.solution_notebook}
GRADED = "test_check_and_grader_agree_on_an_answer"  # needs the sandbox
SPECS, TESTS = "attnlib/check/specs", "tests/problem_sets"


class NewCourse:
    """A course without sets of its own, in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        of_a_set = shutil.ignore_patterns("__pycache__", "*_[0-9][0-9]_*", "made_up", "test_a_new_set.py")
        shutil.copytree(ROOT / "attnlib", folder / "attnlib", ignore=of_a_set)
        shutil.copytree(HERE, folder / TESTS, ignore=of_a_set)
        shutil.copytree(ROOT / "grader", folder / "grader", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "tests" / "grader", folder / "tests" / "grader",
                        ignore=lambda _, names: set(names) - {"plain_nbgrader.py", "needs_sandbox.py"})
        shutil.copy(ROOT / "pyproject.toml", folder)
        shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")

    def write(self, path, text):
        """A file of the course."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def add_made_up_set(self, stem=STEM, left_out=(), explained=""):
        """A made-up set with all its files, those in `left_out` aside; explained is its table of mutants."""
        for kind in ("ex", "right", "wrong", "typical"):
            if kind not in left_out:
                text = (HERE / "made_up" / f"{kind}_{stem}.py").read_text()
                self.write(f"{SPECS if kind == 'ex' else TESTS}/{kind}_{stem}.py", text)
        if "mutants" not in left_out:
            self.write(f"{TESTS}/mutants_{stem}.txt", explained)
        if "notebooks" not in left_out:
            solution = self.folder / "solutions" / stem / f"{stem}.ipynb"
            self.write(solution, nbformat.writes(NOTEBOOKS[stem]()))
            self.write(f"exercises/{stem}/{stem}.ipynb", released(self.folder / "_release", solution))

    def tested(self, *arguments):
        """({test: "PASSED" or "FAILED"}, all that pytest said)."""
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", TESTS, "-v", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts="
             "--import-mode=importlib", *arguments], cwd=self.folder, capture_output=True, text=True)
        found = re.findall(r"::(\S+) (PASSED|FAILED|ERROR|SKIPPED)", ran.stdout)
        assert found, ran.stdout + ran.stderr
        return dict(found), ran.stdout


@pytest.fixture(autouse=True)
def only_the_copy(monkeypatch, tmp_path):
    """The copied attnlib is imported, in kernels too."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "course"))


@pytest.fixture
def course(tmp_path):
    return NewCourse(tmp_path / "course")


def failures(found):
    """The tests that did not pass."""
    return sorted(name for name, outcome in found.items() if outcome != "PASSED")


@pytest.mark.slow
def test_a_set_unlike_chapter_05_passes(course):
    """May names hold digits, an exercise two answer cells, inputs 0s and 1s, a set questions and slow training?"""
    course.add_made_up_set()
    found, said = course.tested("-k", f"not plain_nbgrader and not {GRADED}")
    assert not failures(found), said
    for test in ("test_points_and_names_are_those_of_the_spec", "test_the_solution_passes_its_checks_in_a_kernel"):
        assert found[f"{test}[{STEM}]"] == "PASSED"
    assert found[f"test_the_cases_are_quick[{STEM}-training_finds_the_slope]"] == "PASSED"
    assert f"{STEM}: " in said and " 0 unexplained" in said
    assert f"{STEM}:  60% kept, 3 of 5: rows-added-up in write_mix_2" in said


@pytest.mark.slow
def test_a_set_of_every_kind_passes(course):
    """Do the tests of every set take gradients, modules, objects, predicted labels and predictions?"""
    course.add_made_up_set(KINDS, explained=(HERE / "made_up" / f"mutants_{KINDS}.txt").read_text())
    found, said = course.tested("-k", f"not plain_nbgrader and not {GRADED}")
    assert not failures(found), said
    assert found[f"test_the_solution_passes_its_checks_in_a_kernel[{KINDS}]"] == "PASSED"
    assert found[f"test_a_fresh_exercise_says_not_answered[{KINDS}]"] == "PASSED"


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_the_answers_of_a_set_go_through_the_sandbox(course, stem):
    """Does the grader find what the learner's check finds, for answers of every kind?"""
    course.add_made_up_set(stem)
    found, said = course.tested("-k", GRADED)
    assert not failures(found), said


@pytest.mark.slow
def test_each_gap_is_named_once_and_stops_no_other_set(course):
    """Is a missing file or a wrong name told for its own set by one test, while a whole set's tests all pass?"""
    course.add_made_up_set()
    course.write(f"{SPECS}/ex_91_unimportable.py", "import nothing_of_this_name\n")
    spec = (HERE / "made_up" / f"ex_{STEM}.py").read_text()
    for stem, prefix in (("92_bare", "bare"), ("93_strange", "strange")):
        text = re.sub(r'name="(\w+)"', rf'name="{prefix}_\1"', spec).replace(STEM, stem)
        course.write(f"{SPECS}/ex_{stem}.py", text)
    course.write(f"{TESTS}/right_93_strange.py", "RIGHT = {'no_such_exercise': (abs,)}\n")
    course.write(f"{TESTS}/wrong_93_strange.py", "raise RuntimeError('half written')\n")
    course.write(f"{TESTS}/typical_93_strange.py", "TYPICAL = ()\n")
    course.write(f"{TESTS}/mutants_93_strange.txt", "no_such_answer: return 1  ->  return 2\n")
    found, said = course.tested("-k", f"not plain_nbgrader and not kernel and not fresh and not {GRADED}")
    assert failures(found) == [
        "test_a_set_has_its_answers[92_bare-right]", "test_a_set_has_its_answers[92_bare-typical]",
        "test_a_set_has_its_answers[92_bare-wrong]", "test_a_set_has_its_answers[93_strange-right]",
        "test_a_set_has_its_answers[93_strange-typical]", "test_a_set_has_its_answers[93_strange-wrong]",
        "test_a_set_has_its_notebooks[92_bare-exercises]", "test_a_set_has_its_notebooks[92_bare-solutions]",
        "test_a_set_has_its_notebooks[93_strange-exercises]", "test_a_set_has_its_notebooks[93_strange-solutions]",
        "test_answers_are_to_exercises_that_exist[93_strange]",
        "test_every_mutant_explained_by_hand_has_a_reason[92_bare]",
        "test_every_mutant_explained_by_hand_has_a_reason[93_strange]",
        "test_mutants_explained_by_hand_are_of_right_answers[93_strange]",
        "test_the_spec_can_be_imported[91_unimportable]",
    ], said
    for words in ("No module named 'nothing_of_this_name'", "half written", "right_92_bare.py is missing",
                  "wrong_92_bare.py is missing", "typical_92_bare.py is missing",
                  "TYPICAL in typical_93_strange.py has no mistake", "mutants_92_bare.txt is missing",
                  "solutions/92_bare/92_bare.ipynb is missing",
                  "RIGHT: no exercise of 93_strange is called no_such_exercise", "begins without a reason",
                  "no right answer to 93_strange is called no_such_answer"):
        assert words in said, words
