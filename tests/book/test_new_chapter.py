"""A new chapter's empty files: are they in their places, and do they pass what an empty chapter can pass?"""

import os
import shutil
import subprocess
import sys

import pytest

from tools.chapters import ROOT, parts

PLANNED = [next((chapter for chapter in part.chapters if not chapter.there), None) for part in parts()]
STEMS = [chapter.stem for chapter in PLANNED if chapter]


def run(tree, *command):
    """Run a command of Python's in the tree; (exit status, what it said)."""
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"  # nbgrader runs `alembic` by name
    environment = os.environ | {"PYTHONPATH": str(tree), "PATH": path}
    done = subprocess.run([sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(book, tmp_path_factory):
    """A copy of the repository and of its pages' results, with the first planned chapter of each part made."""
    tree = tmp_path_factory.mktemp("tree") / "repository"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "_build", "_sample", "__pycache__", "*.egg-info"))
    shutil.copytree(book.parent / ".jupyter_cache", tree / "_build" / ".jupyter_cache")
    for stem in STEMS:
        status, said = run(tree, "-m", "tools.new_chapter", stem)
        assert status == 0, said
    return tree


def test_every_file_is_named_by_the_stem_and_none_is_written_over(tree):
    """Are the files there, and does making the chapter again say which, and write nothing?"""
    for stem in STEMS:
        made = {str(path.relative_to(tree)) for path in tree.rglob(f"*{stem}*") if path.is_file()}
        assert {f"book/{stem}.md", f"book/figures/fig_{stem}.py", f"attnlib/check/specs/ex_{stem}.py",
                f"solutions/{stem}/{stem}.ipynb", f"tests/problem_sets/right_{stem}.py"} <= made
        status, said = run(tree, "-m", "tools.new_chapter", stem)
        assert status == 1 and f"book/{stem}.md" in said and "exist already, and nothing was written" in said
    status, said = run(tree, "-m", "tools.new_chapter", "99_nothing")
    assert status == 1 and "has no chapter '99_nothing'; add it there first" in said


def test_an_empty_chapter_passes_what_it_can(tree):
    """Does the book build strictly with it, and does all pass but the one test that lists what is left to write?"""
    for stem in STEMS:
        status, said = run(tree, "-m", "nbgrader", "generate_assignment", stem, "--force")
        assert status == 0, said
    files = ["tests/problem_sets", "tests/tools/test_written_files.py", "tests/tools/test_stem_rule.py",
             "tests/book/test_sources.py", "tests/book/test_chapters.py"]
    files += [f"tests/book/test_{stem}.py" for stem in STEMS]
    chosen = " or ".join([*STEMS, "test_written_files", "test_chapters"])
    _, said = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files, "-k", chosen)
    failed = {line.split(" ")[1] for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))}
    assert failed == {f"tests/tools/test_stem_rule.py::test_nothing_is_left_to_write[{stem}]" for stem in STEMS}, said
