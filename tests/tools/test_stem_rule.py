"""The stem rule: do the files of a chapter, and no others, name it?"""

import pytest

from tools.chapters import ROOT, chapters
from tools.write_notebooks import TO_WRITE

THERE = [chapter.stem for chapter in chapters() if chapter.there]
FOLDERS = ("attnlib", "benchmarks", "book", "exercises", "grader", "solutions", "tests", "tools")
LISTS = ("README.md", "CHANGELOG.md", "book/chapters.toml", "book/_toc.yml")  # the table, and what is written from it
ENOUGH = 40
TEXT = {".py", ".md", ".ipynb", ".toml", ".yml", ".json", ".txt", ".js", ".css", ".cff", ""}


def texts():
    """{path from the top: text} of every text file of the project."""
    files = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf8") for path in files
            if path.suffix in TEXT and "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts}


@pytest.mark.parametrize("stem", THERE)
def test_only_its_own_files_name_a_chapter(stem):
    """Is a stem named in files of that stem, in the lists that are written from the table, and in links of pages?"""
    naming = {path for path, text in texts().items() if stem in text and stem not in path and path not in LISTS}
    links = {path for path in naming if path.startswith("book/") and path.endswith(".md")}  # chapters link to chapters
    assert naming - links == set()


@pytest.mark.parametrize("stem", THERE)
def test_nothing_is_left_to_write(stem):
    """Is everything written that the template of a new chapter asks its author for?"""
    left = [f"{path}:{number}" for path, text in texts().items() if stem in path and not path.startswith("exercises/")
            for number, line in enumerate(text.splitlines(), 1) if TO_WRITE in line]
    assert left == []


@pytest.mark.parametrize("stem", THERE)
def test_a_chapter_has_all_its_files(stem):
    """Does a chapter that is there have its page, figures, specification, notebooks, tests and answers?"""
    wanted = {f"book/{stem}.md", f"book/figures/fig_{stem}.py", f"attnlib/check/specs/ex_{stem}.py",
              f"solutions/{stem}/{stem}.ipynb", f"exercises/{stem}/{stem}.ipynb", f"tests/book/test_{stem}.py",
              *(f"tests/problem_sets/{kind}_{stem}.py" for kind in ("test", "right", "wrong", "typical"))}
    assert wanted - set(texts()) == set()


@pytest.mark.parametrize("stem", THERE)
def test_a_bank_has_answers_enough(stem):
    """Has each exercise its forty labelled wrong answers?"""
    from tests.problem_sets.helpers import SETS, answers_to

    few = [each.name for each in SETS[stem].exercises if len(answers_to(each, "WRONG")) < ENOUGH]
    assert not few, f"wrong_{stem}.py has less than {ENOUGH} answers to {', '.join(few)}"
