"""Write into the solution notebooks what their specifications say: python -m tools.write_notebooks [STEM ...]

The title comes from the table of chapters; headings, points, minutes and the rules come from the problem set; the first
code cell says what to do when attnlib is missing. An exercise that has no cells yet gets them, to be filled in, where
the set has it. A cell that was added in Jupyter gets nbgrader's metadata and an id that a person can read; outputs go.
Everything else in a notebook is its author's and stays as it is.
"""

import json
import re
import sys

from attnlib.check.scoring.rules import grader_has, import_time, rules_of_set
from attnlib.check.spec import Exercise, problem_set, stems
from tools import set_up
from tools.addresses import addresses
from tools.chapters import ROOT, chapters

WORDS = ("No One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve").split()
TOTALS = re.compile(r"^\w+ exercises?, .* points?, about \d+ minutes\.$", re.MULTILINE)
RULES = "**Rules.**"  # how the paragraph begins that is written from the specification
RULES_WRITTEN = re.compile(rf"^{re.escape(RULES)}.*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"[a-z][a-z0-9_]*")
TO_WRITE = "(to be written)"  # what a new cell holds; tests/problem_sets refuses it in a chapter that is there


def path_of(stem):
    """The solution notebook of a problem set."""
    return ROOT / "solutions" / stem / f"{stem}.ipynb"


def written(stem):
    """The text of the solution notebook of `stem`, with all that the table and the specification say in place."""
    declared = problem_set(stem)
    notebook = json.loads(path_of(stem).read_text(encoding="utf8"))
    title = next(chapter.title for chapter in chapters() if chapter.stem == stem)
    return json.dumps(filled_in(notebook, title, declared), indent=1, ensure_ascii=False) + "\n"


def filled_in(notebook, title, declared):
    """The notebook with the title, the rules, the headings, the points and the minutes of the problem set `declared`.

    Raises ValueError, naming the cells, when the notebook has graded cells that the specification does not know, or has
    them in another order.
    """
    adopt(notebook)
    tasks = {task.name: task for task in declared.tasks}
    add_missing(notebook, declared.tasks)
    unknown = sorted(set(graded_cells(notebook)) - set(tasks))
    if unknown:
        raise ValueError(f"the solution notebook has the graded cells {', '.join(unknown)}, which the "
                         f"specification does not know: rename their grade ids, or take them out with their statements "
                         f"and answer cells")
    found = statements(notebook)
    check_order([name_of(graded) for _, graded in found], list(tasks))
    write_opening(notebook["cells"][0], title, declared)
    write_first_code(notebook)
    for number, (statement, graded) in enumerate(found, 1):
        write_heading(statement, number, tasks[name_of(graded)])
    for name, cell in graded_cells(notebook).items():
        points = tasks[name].points
        cell["metadata"]["nbgrader"]["points"] = int(points) if points == int(points) else points
    return notebook


def adopt(notebook):
    """Give cells that were added in Jupyter what nbgrader and the tests need of a cell, and clear outputs."""
    inside = False  # between a statement and its graded cell
    for cell in notebook["cells"]:
        known, learner = cell["metadata"].get("nbgrader"), inside and cell["cell_type"] == "code"
        metadata = known or nbgrader_metadata(free_id(notebook, cell, learner), learner)
        cell["metadata"] = {"nbgrader": metadata}
        if not known or not NAME.fullmatch(cell["id"]):
            grade_id = metadata["grade_id"]
            cell["id"] = grade_id if NAME.fullmatch(grade_id) else free_id(notebook, cell, learner)
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
        inside = cell["id"].startswith("ask_") or inside and not metadata["grade"]


def free_id(notebook, cell, learner):
    """An id for a new cell: after what it defines, or a number."""
    defined = re.search(r"^(?:def )?([a-z][a-z0-9_]*)\s*[(=]|^class (\w+)", text_of(cell), re.MULTILINE)
    what = defined and (defined[1] or defined[2].lower())
    name = f"{'write' if learner else 'show'}_{what}" if defined and cell["cell_type"] == "code" else "text"
    taken = {each["id"] for each in notebook["cells"]}
    return next(each for each in (name, *(f"{name}_{n}" for n in range(2, 1000))) if each not in taken)


def graded_cells(notebook):
    """{grade id: cell} of the cells that give points, in order."""
    return {name_of(cell): cell for cell in notebook["cells"] if cell["metadata"]["nbgrader"]["grade"]}


def name_of(cell):
    """The grade id of a cell."""
    return cell["metadata"]["nbgrader"]["grade_id"]


def statements(notebook):
    """(statement, graded cell) of each exercise: a statement opens it, and the graded cell that follows closes it.

    Raises ValueError, saying what to put where, when the two do not take turns.
    """
    found, opened = [], None
    for cell in notebook["cells"]:
        if cell["id"].startswith("ask_"):
            if opened:
                raise ValueError(f"put a graded cell between {opened['id']} and {cell['id']}")
            opened = cell
        elif cell["metadata"]["nbgrader"]["grade"]:
            if not opened:
                raise ValueError(f"the graded cell {name_of(cell)} has no statement: put a cell ask_… before it")
            found.append((opened, cell))
            opened = None
        elif cell["metadata"]["nbgrader"]["solution"] and not opened:
            raise ValueError(f"the answer cell {cell['id']} stands in no exercise: put it before a check, or drop it")
    return found


def write_opening(cell, title, declared):
    """The title, the line that counts exercises, points and minutes, and the rules."""
    _, *rest = text_of(cell).split("\n")
    text = "\n".join([f"# {declared.stem[:2]} · {title}", *rest])
    if not TOTALS.search(text):
        raise ValueError(f"the first cell has no line like “{totals(declared)}”; put one there")
    set_text(cell, with_rules(TOTALS.sub(totals(declared), text, count=1), rules_told(declared)))


def with_rules(text, told):
    """The opening with the paragraph `told` in place of the rules it has, or at its end where it has none."""
    if RULES_WRITTEN.search(text):
        return RULES_WRITTEN.sub(lambda _: told, text, count=1)
    return f"{text.rstrip()}\n\n{told}"


def rules_told(declared):
    """What the grader has and what may not be called, a paragraph with one sentence a line."""
    sentences = [grader_has(declared.libraries), import_time(declared.libraries), *rules_of_set(declared)]
    return "\n".join([RULES, *filter(None, sentences)])


def write_first_code(notebook):
    """As the first line of the first code cell, what to do when attnlib is missing."""
    cell = next((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), None)
    if not cell or "from attnlib.check import check" not in text_of(cell):
        raise ValueError("the first code cell does not say `from attnlib.check import check`; it has to")
    own = [line for line in text_of(cell).split("\n") if not line.startswith(set_up.MISSING)]
    set_text(cell, "\n".join([set_up.in_notebook(addresses()), *own]))


def totals(declared):
    """'Seven exercises, 18 points, about 90 minutes.'"""
    count = len(declared.exercises) + len(declared.questions)
    word = WORDS[count] if count < len(WORDS) else str(count)
    return (f"{word} exercise{'s' * (count != 1)}, {points_told(declared.points)}, "
            f"about {declared.minutes} minutes.")


def points_told(points):
    """'1 point', '2.5 points'."""
    return f"{points:g} point{'s' * (points != 1)}"


def write_heading(cell, number, task):
    """'## 3. Title (2 points)' as the first line of a statement."""
    _, *rest = text_of(cell).split("\n")
    set_text(cell, "\n".join([f"## {number}. {task.title} ({points_told(task.points)})", *rest]))


def add_missing(notebook, tasks):
    """Put empty cells for those of the `tasks` (all of the set, in order) that have none where they belong."""
    place = next_statement(notebook, 0)
    for task in tasks:
        graded = graded_cells(notebook).get(task.name)
        if not graded:
            cells = exercise_cells(task) if isinstance(task, Exercise) else question_cells(task.name)
            notebook["cells"][place:place] = cells
            graded = cells[-1]
        place = next_statement(notebook, next(i for i, cell in enumerate(notebook["cells"], 1) if cell is graded))


def next_statement(notebook, start):
    """Where the first statement from cell `start` on stands; where the closing cell does when there is none."""
    found = (i for i, cell in enumerate(notebook["cells"]) if i >= start and cell["id"].startswith("ask_"))
    return next(found, len(notebook["cells"]) - 1)


def check_order(names, wanted):
    """Raise ValueError when graded cells stand otherwise than in the specification, whose numbers reports tell."""
    for there, declared in zip(names, wanted):
        if there != declared:
            raise ValueError(f"{there} stands where the specification has {declared}: move its cells, or its "
                             "declaration. A question stands behind the exercise that its `after` names, else behind "
                             "all of them")


def exercise_cells(exercise):
    """Statement, answer and check of a new exercise."""
    name, answers, checked = exercise.name, *ANSWERS[exercise.kind](exercise.name)
    return [new_cell("markdown", f"ask_{name}", STATEMENT),
            *(new_cell("code", f"{verb}_{name}", text, solution=True) for verb, text in answers.items()),
            new_cell("code", f"check_{name}", f'check("{name}", {checked})', grade=True, grade_id=name)]


def to_solve(text, indent=0):
    """A line to be written, marked as a solution."""
    lines = "### BEGIN SOLUTION", f"{text}  # {TO_WRITE}", "### END SOLUTION"
    return "\n".join(" " * indent + line for line in lines)


def function_cell(name):
    """({"write": an empty function}, its name)."""
    return {"write": f"def {name}():\n{to_solve('return None', 4)}"}, name


def value_cell(name):
    """({"write": an empty value}, its name)."""
    return {"write": f"{name} = None\n{to_solve(f'{name} = None')}"}, name


def module_cell(name):
    """({"write": an empty class of objects that are called}, its name); an nn.Module has `forward` instead."""
    return class_cell(name, "self.weights = None", "__call__(self, x)")


def object_cell(name):
    """({"write": an empty class of objects that are stepped}, its name)."""
    return class_cell(name, "self.kept = None", "step(self, x)")


def class_cell(name, kept, method):
    """({"write": an empty class}, its name). A class body is never left out whole: what is left still defines it."""
    title = "".join(word.capitalize() for word in name.split("_"))
    methods = [f"    def {head}:\n{to_solve(body, 8)}"
               for head, body in (("__init__(self)", kept), (method, "return None"))]
    return {"write": f"class {title}:\n" + "\n\n".join(methods)}, title


def prediction_cells(name):
    """({"predict": an empty prediction, "write": the empty function that decides it}, the names of both)."""
    predicted = f"{name}_prediction"
    return {"predict": value_cell(predicted)[0]["write"], **function_cell(name)[0]}, f"{predicted}, {name}"


ANSWERS = {"function": function_cell, "number": value_cell, "gradients": function_cell, "module": module_cell,
           "object": object_cell, "prediction": prediction_cells}  # what a new exercise of each kind begins with


def question_cells(name):
    """Statement and answer of a new question, which a person grades."""
    return [new_cell("markdown", f"ask_{name}", f"heading\n\n{TO_WRITE}"),
            new_cell("markdown", f"write_{name}", TO_WRITE, solution=True, grade=True, grade_id=name)]


STATEMENT = f"""heading

{TO_WRITE}

```text
name(arguments)    shapes  ->  shape
```

**Example**

```pycon
>>> 1 + 1
2
```
""" + "".join(f"""
<details>
<summary>Hint {n}: {what}</summary>

{TO_WRITE}

</details>
""" for n, what in enumerate(("a question", "the shapes", "pseudocode"), 1))


def new_cell(kind, cell_id, text, solution=False, grade=False, grade_id=None):
    """A cell with nbgrader's metadata; what is ours and not the learner's is locked."""
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    metadata = {"nbgrader": nbgrader_metadata(grade_id or cell_id, solution, grade)}
    cell = {"cell_type": kind, **code, "id": cell_id, "metadata": metadata}
    set_text(cell, text.rstrip("\n"))
    return cell


def nbgrader_metadata(grade_id, solution=False, grade=False):
    """nbgrader's metadata of a cell; what is not the learner's is locked."""
    return {"grade": grade, "grade_id": grade_id, "locked": not solution, "schema_version": 3, "solution": solution,
            "task": False}


def text_of(cell):
    """The source of a cell as one text."""
    return "".join(cell["source"])


def set_text(cell, text):
    """Make `text` the source of a cell, one line an item."""
    cell["source"] = text.splitlines(keepends=True)


def main(names):
    """Write the notebooks of the problem sets `names`, of all when there are none."""
    for stem in names or stems():
        try:
            text = written(stem)
        except (ValueError, KeyError, FileNotFoundError) as error:
            sys.exit(f"write_notebooks: {stem}: {error}")
        if text != path_of(stem).read_text(encoding="utf8"):
            path_of(stem).write_text(text, encoding="utf8")
            print(f"Wrote {path_of(stem).relative_to(ROOT)}.")


if __name__ == "__main__":
    main(sys.argv[1:])
