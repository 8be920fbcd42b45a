"""The sample class: students who hand in a problem set well, badly, by accident and in bad faith.

make_STEM.py says what the class of one chapter hands in, expected_STEM.json what it should get. The grader's tests
use the first chapter that has both.
"""

import copy
import json
import re
from importlib import import_module
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
STEMS = sorted(path.stem.removeprefix("make_") for path in Path(__file__).parent.glob("make_*.py"))
STEM = STEMS[0]


def expected(stem=STEM):
    """{student: {exercise: points}, or None for what is not graded}."""
    table = json.loads(Path(__file__).with_name(f"expected_{stem}.json").read_text())
    names = table.pop("exercises")
    return {student: points and dict(zip(names, points, strict=True)) for student, points in table.items()}


def release(stem=STEM):
    """The notebook that students get."""
    return json.loads((REPOSITORY / "exercises" / stem / f"{stem}.ipynb").read_text())


def solutions(stem=STEM):
    """{grade id: source} of every answer cell, as solutions/ has it."""
    notebook = json.loads((REPOSITORY / "solutions" / stem / f"{stem}.ipynb").read_text())
    cells = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in notebook["cells"]}
    return {name: re.sub(r"\n *### (BEGIN|END) SOLUTION", "", "".join(cell["source"]))
            for name, cell in cells.items() if cell["metadata"]["nbgrader"]["solution"]}


def filled(answers, stem=STEM):
    """The released notebook with `answers` {grade id: source} written into it."""
    notebook = copy.deepcopy(release(stem))
    for name, source in answers.items():
        find(notebook, name)["source"] = source.strip("\n")
    return notebook


def find(notebook, name):
    """The cell of a notebook with the grade id `name`."""
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def text(notebook):
    """A notebook as the file a student hands in."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def make(course, only=None, stem=STEM):
    """Write the class of a chapter, or the students in `only`, into the course directory `course`."""
    handed_in = import_module(f"{__name__}.make_{stem}").handed_in()
    for student, (name, content) in handed_in.items():
        if only is None or student in only:
            folder = Path(course) / "submitted" / student / stem
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
