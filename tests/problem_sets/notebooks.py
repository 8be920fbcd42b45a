"""A problem set's two notebooks, cut into their parts: one part an exercise or a question.

A part is the run of cells from a statement, whose cell id begins with ask_, to the next statement. An exercise has
one check cell, graded by running it, and any number of cells that a learner writes in before it. A question has
cells that a person grades, and no check cell.
"""

import linecache
import re
from dataclasses import dataclass
from functools import cache

import nbformat

from tests.problem_sets.helpers import ROOT, SETS

NAME = r"[a-z][a-z0-9_]*"


@dataclass(frozen=True)
class Part:
    """An exercise or a question in a notebook, cell by cell."""

    statement: nbformat.NotebookNode
    answers: tuple[nbformat.NotebookNode, ...]  # a learner writes in these, and running them scores nothing
    checks: tuple[nbformat.NotebookNode, ...]   # graded by running them: one in an exercise
    manual: tuple[nbformat.NotebookNode, ...]   # a learner writes in these, and a person grades them

    @property
    def source(self):
        """All that a learner writes for an exercise, and that is run: a prediction, in a cell of its own, aside."""
        guess = re.compile(rf"{self.predicted} *=") if self.predicted else None
        return "\n\n".join(cell.source for cell in self.answers if not (guess and guess.match(cell.source)))

    @property
    def checked_names(self):
        """The variables that the check cell hands over: one, or for a prediction two."""
        return re.fullmatch(rf'check\("{NAME}", (\w+(?:, \w+)?)\)', self.checks[0].source)[1].split(", ")

    @property
    def predicted(self):
        """The variable that holds a prediction; empty where none is asked for."""
        return self.checked_names[0] if len(self.checked_names) == 2 else ""

    @property
    def checked_name(self):
        """The one that is run: a function, a class, a number."""
        return self.checked_names[-1]

    def handed_over(self, names):
        """What the check cell hands over when the notebook defines `names`: one object, or a prediction beside it."""
        given = tuple(names[name] for name in self.checked_names)
        return given if self.predicted else given[0]


def parts(notebook):
    """The parts of a notebook, in order."""
    found = []
    for cell in notebook.cells:
        if cell.id.startswith("ask_"):
            found.append([])
        if found:
            found[-1].append(cell)
    return [Part(cells[0], chosen(cells, False, True), chosen(cells, True, False), chosen(cells, True, True))
            for cells in found]


def chosen(cells, grade, solution):
    """The cells whose nbgrader metadata has this `grade` and this `solution`."""
    return tuple(cell for cell in cells if (cell.metadata.nbgrader.grade, cell.metadata.nbgrader.solution)
                 == (grade, solution))


def exercise_parts(notebook):
    """The parts that are scored by running them."""
    return [part for part in parts(notebook) if part.checks]


def question_parts(notebook):
    """The parts that a person grades."""
    return [part for part in parts(notebook) if not part.checks]


def notebook_path(folder, stem):
    """solutions/stem/stem.ipynb, or the same under exercises."""
    return ROOT / folder / stem / f"{stem}.ipynb"


def read(folder, stem):
    """The notebook of a set, from solutions or exercises."""
    return nbformat.read(notebook_path(folder, stem), 4)


@cache
def solved_parts(stem):
    """{exercise: its part of the solution notebook}; empty where there is none. To be read, not changed."""
    if stem not in with_notebooks():
        return {}
    return {part.checks[0].metadata.nbgrader.grade_id: part for part in exercise_parts(read("solutions", stem))}


@cache
def solved_names(stem):
    """What the solution notebook defines. To be read, not changed."""
    return defined_by(read("solutions", stem))


def with_notebooks():
    """The stems of the sets that have both notebooks; test_a_set_has_its_notebooks names the missing ones."""
    return [stem for stem in SETS if all(notebook_path(folder, stem).exists() for folder in ("solutions", "exercises"))]


def check_cells(notebook):
    """{grade id: cell} of the cells that are graded by running them."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in chosen(notebook.cells, True, False)}


def defined_by(notebook):
    """What the notebook's cells define, graded ones aside; as in Jupyter, tracebacks find the cells' lines."""
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.metadata.nbgrader.grade:
            file = f"<{cell.id} {hash(cell.source)}>"
            linecache.cache[file] = len(cell.source), None, cell.source.splitlines(keepends=True), file
            exec(compile(cell.source, file, "exec"), names)
    return names
