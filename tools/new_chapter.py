"""Make the empty files of a chapter, each in its place: python -m tools.new_chapter STEM

STEM is one of book/chapters.toml. What is made holds "(to be written)" wherever an author is
asked for something. The chapter is marked as there, so that the tests say what is missing.
"""

import json
import re
import sys
from string import Template

from tools import write_notebooks, write_readme, write_toc
from tools.chapters import ROOT, TABLE, parts
from tools.write_notebooks import new_cell, path_of

TEMPLATES = ROOT / "tools" / "templates"
FILES = {  # from a template to its place
    "page.md": "book/{stem}.md",
    "figures.py": "book/figures/fig_{stem}.py",
    "spec.py": "attnlib/check/specs/ex_{stem}.py",
    "right.py": "tests/problem_sets/right_{stem}.py",
    "wrong.py": "tests/problem_sets/wrong_{stem}.py",
    "typical.py": "tests/problem_sets/typical_{stem}.py",
    "test_set.py": "tests/problem_sets/test_{stem}.py",
    "test_page.py": "tests/book/test_{stem}.py",
}
MUTANTS = "# (a reason; below it the mutants it holds for, one a line, as the test prints them)\n"
NEXT = """Next: declare the exercises in the specification, then `make exercises`. CONTRIBUTING.md has the whole way.
The tests ask of each exercise: a property that looks at changed arrays (`arrays_left_alone`) where the answer is a
function; code in messages between backquotes (`axis=-1`); 40 or more labelled wrong answers."""
VERSIONS = re.compile(r"(\| problem set \| version \|.*\n(?:\|.*\n)+)")  # the table in CHANGELOG.md
OPENING = """# title

(to be written)

No exercises, 0 points, about 0 minutes.
Write the function, run its cell, then run the `check` below it: it says at once which properties hold."""
CLOSING = """## Done

Before handing in: *Restart kernel and run all cells*, and save."""


def make(stem):
    """Write the files of the chapter `stem` and return their paths.

    Raises ValueError when the table has no such chapter, FileExistsError when one of the files is there already.
    """
    part, chapter = find(stem)
    notes = (TEMPLATES / "notes.md").read_text() if part.mirrors_notes else "\n"
    filled_in = {"stem": stem, "title": chapter.title, "number": stem[:2], "notes": notes}
    texts = {ROOT / place.format(stem=stem): Template((TEMPLATES / name).read_text()).substitute(filled_in)
             for name, place in FILES.items()}
    texts[ROOT / f"tests/problem_sets/mutants_{stem}.txt"] = MUTANTS
    texts[path_of(stem)] = notebook()
    there = [path for path in texts if path.exists()]
    if there:
        names = ", ".join(str(path.relative_to(ROOT)) for path in there)
        raise FileExistsError(f"{names} exist already, and nothing was written; delete or move them first")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    mark_as_there(stem)
    changelog = ROOT / "CHANGELOG.md"
    text = VERSIONS.sub(rf"\1| `{stem}` | 1 | first version |\n", changelog.read_text(encoding="utf8"), count=1)
    changelog.write_text(text, encoding="utf8")
    return list(texts)


def find(stem):
    """The part and the chapter of the table."""
    known = [(part, chapter) for part in parts() for chapter in part.chapters]
    for part, chapter in known:
        if chapter.stem == stem:
            return part, chapter
    raise ValueError(f"{TABLE.relative_to(ROOT)} has no chapter {stem!r}; add it there first. "
                     f"It has {', '.join(chapter.stem for _, chapter in known)}")


def notebook():
    """A solution notebook without exercises; write_notebooks puts in what table and specification say."""
    cells = [new_cell("markdown", "opening", OPENING),
             new_cell("code", "first_imports", "import numpy as np\n\nfrom attnlib.check import check"),
             new_cell("markdown", "closing", CLOSING)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def mark_as_there(stem):
    """Set `there = true` in the table's entry of `stem`."""
    entry = re.compile(rf'(stem = "{stem}"\n(?:(?!\[\[).*\n)*?there = )false')
    text, changed = entry.subn(r"\1true", TABLE.read_text(encoding="utf8"))
    if changed != 1:
        raise ValueError(f"{TABLE.relative_to(ROOT)}: the entry of {stem} has no line `there = false`")
    TABLE.write_text(text, encoding="utf8")


def main(arguments):
    """Make one chapter, and say what comes next."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    try:
        made = make(arguments[0])
    except (ValueError, FileExistsError) as error:
        sys.exit(f"new_chapter: {error}")
    write_toc.main()
    write_readme.main()
    write_notebooks.main(arguments)
    for path in made:
        print(f"Made {path.relative_to(ROOT)}.")
    print(NEXT)


if __name__ == "__main__":
    main(sys.argv[1:])
