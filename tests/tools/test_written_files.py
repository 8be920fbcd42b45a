"""What is written from tables: is it current, and does it say what the tables say?"""

import contextlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from attnlib.check.beside_learner.call import respond
from attnlib.check.beside_learner.kinds import KINDS
from attnlib.check.scoring import properties as p
from attnlib.check.scoring.challenge import challenge
from attnlib.check.spec import Case, Exercise, Forbidden, ProblemSet, Question, stems
from tools import new_chapter, write_notebooks, write_readme
from tools.chapters import chapters
from tools.write_notebooks import exercise_cells, filled_in, graded_cells, text_of

EXERCISE = Exercise(
    name="seven_is_2_less_than_9", title="Seven", minutes=5, asks="the number seven", reference=lambda: 7,
    cases=lambda rng: [Case("plain", (), "seven")], properties=(p.number(1.5),), slips=(), kind="number")
QUESTION = Question("why_seven", "Why seven?", points=2, minutes=10)
SET = ProblemSet("99_test", 1, (EXERCISE,), (QUESTION,))


@pytest.fixture
def notebook():
    """A notebook without exercises."""
    return json.loads(new_chapter.notebook())


@pytest.mark.parametrize("stem", stems())
def test_the_solution_notebook_says_what_the_specification_says(stem):
    """Are title, rules, headings, points and minutes those of the table and the specification? Run: make exercises"""
    assert write_notebooks.written(stem) == write_notebooks.path_of(stem).read_text(encoding="utf8")


def test_the_readme_has_the_chapters():
    """Does README.md say what the table says? Run: python -m tools.write_readme"""
    assert write_readme.written() == write_readme.README.read_text(encoding="utf8")
    assert all(f"`{chapter.stem}`" in write_readme.written() for chapter in chapters() if chapter.there)


def test_new_tasks_get_their_cells(notebook):
    """Does an exercise get a statement, an answer and a check, and a question a statement and an answer?"""
    filled = filled_in(notebook, "Numbers", SET)
    assert [cell["id"].split("_")[0] for cell in filled["cells"]] == [
        "opening", "first", "ask", "write", "check", "ask", "write", "closing"]
    assert {name: cell["metadata"]["nbgrader"]["points"] for name, cell in graded_cells(filled).items()} == {
        "seven_is_2_less_than_9": 1.5, "why_seven": 2}
    first, exercise, question = filled["cells"][0], filled["cells"][2], filled["cells"][5]
    assert text_of(first).startswith("# 99 · Numbers\n")
    assert "Two exercises, 3.5 points, about 15 minutes." in text_of(first)
    assert text_of(exercise).startswith("## 1. Seven (1.5 points)\n")
    assert text_of(question).startswith("## 2. Why seven? (2 points)\n")


def test_writing_twice_changes_nothing(notebook):
    """Is a filled-in notebook left as it is?"""
    once = filled_in(notebook, "Numbers", SET)
    assert filled_in(json.loads(json.dumps(once)), "Numbers", SET) == once


def test_the_opening_has_the_rules_of_the_specification(notebook):
    """Do changed rules replace the paragraph of rules wherever its author moved it, and nothing around it?"""
    first = filled_in(notebook, "Numbers", SET)["cells"][0]
    assert text_of(first).endswith(
        "\n\n**Rules.**\nThe grader has NumPy and Matplotlib beside Python's own library, and nothing else.")
    before, rules = text_of(first).rsplit("\n\n", 1)
    write_notebooks.set_text(first, f"{before}\n\n{rules}\n\nWritten by hand, \\1.")
    ruled = replace(EXERCISE, kind="function", forbidden=(Forbidden(r"`re.sub`, as \1", ("re.sub",)),))
    other = ProblemSet("99_test", 1, (ruled,), (QUESTION,), libraries=("torch",))
    for _ in range(2):
        filled_in(notebook, "Numbers", other)
        assert text_of(first) == "\n".join([
            before, "", "**Rules.**",
            "The grader has PyTorch beside Python's own library, and nothing else.",
            "Importing PyTorch takes some seconds, which a check does not count.",
            r"No exercise may call `re.sub`, as \1.",
            "An answer that does so earns no points.", "", "Written by hand, \\1."])


SECOND = replace(EXERCISE, name="eight_is_1_less_than_9", title="Eight")
BETWEEN = replace(QUESTION, after=EXERCISE.name)


def headings(cells):
    """The first lines of the statements."""
    return [text_of(cell).split("\n")[0] for cell in cells if cell["id"].startswith("ask_")]


@pytest.mark.parametrize("question, order", [(BETWEEN, (0, 2, 1)), (QUESTION, (0, 1, 2))])
def test_a_question_stands_where_the_specification_says(notebook, question, order):
    """Does a question stand behind the exercise it names, else behind all, and is each number that of the exercise?"""
    declared = ProblemSet("99_test", 1, (EXERCISE, SECOND), (question,))
    told = headings(filled_in(notebook, "Numbers", declared)["cells"])
    titles = ["Seven (1.5 points)", "Eight (1.5 points)", "Why seven? (2 points)"]
    assert told == [f"## {number}. {titles[which]}" for number, which in enumerate(order, 1)]
    assert all(f"## {each.number}. {each.title} (" in " ".join(told) for each in declared.exercises)


def test_what_is_declared_later_gets_its_place(notebook):
    """Does an exercise that is declared before others, or between them, get its cells there, behind what is shown?"""
    filled_in(notebook, "Numbers", ProblemSet("99_test", 1, (EXERCISE,), (QUESTION,)))
    shown = {"cell_type": "code", "id": "c0ffee-7", "metadata": {}, "execution_count": None, "outputs": [],
             "source": ["seven = 7"]}
    notebook["cells"].insert(5, shown)
    first = replace(EXERCISE, name="six_is_3_less_than_9", title="Six")
    filled_in(notebook, "Numbers", ProblemSet("99_test", 1, (first, EXERCISE, SECOND), (QUESTION,)))
    assert [heading.split(" (")[0] for heading in headings(notebook["cells"])] == [
        "## 1. Six", "## 2. Seven", "## 3. Eight", "## 4. Why seven?"]
    ids = [cell["id"] for cell in notebook["cells"]]
    assert ids.index("show_seven") + 1 == ids.index("ask_eight_is_1_less_than_9")


def test_cells_in_another_order_are_named(notebook):
    """Is an author told which cells stand elsewhere than the specification says?"""
    filled_in(notebook, "Numbers", ProblemSet("99_test", 1, (EXERCISE, SECOND), (QUESTION,)))
    with pytest.raises(ValueError, match="^eight_is_1_less_than_9 stands where the specification has why_seven: move"):
        filled_in(notebook, "Numbers", ProblemSet("99_test", 1, (EXERCISE, SECOND), (BETWEEN,)))


def test_what_an_author_wrote_stays(notebook):
    """Do new points and a new title change a heading, a number and the opening's line, and nothing else?"""
    filled = filled_in(notebook, "Numbers", SET)
    write_notebooks.set_text(filled["cells"][2], text_of(filled["cells"][2]) + "\nWritten by hand.")
    before = json.loads(json.dumps(filled))
    other = Exercise(**{**vars(EXERCISE), "title": "Seven again", "properties": (p.number(3),)})
    after = filled_in(filled, "Numbers", ProblemSet("99_test", 1, (other,), (QUESTION,)))
    changed = [old["id"] for old, new in zip(before["cells"], after["cells"]) if old != new]
    assert changed == ["opening", "ask_seven_is_2_less_than_9", "check_seven_is_2_less_than_9"]
    assert text_of(after["cells"][2]).endswith("\nWritten by hand.")


def test_a_dropped_exercise_is_named(notebook):
    """Is an author who drops an exercise from the specification told which cells are left over?"""
    filled_in(notebook, "Numbers", SET)
    with pytest.raises(ValueError, match="has the graded cells seven_is_2_less_than_9, which"):
        filled_in(notebook, "Numbers", ProblemSet("99_test", 1, (), (QUESTION,)))


def test_an_opening_without_the_line_of_totals_is_named(notebook):
    """Is an author who deleted the line of totals told what to put there?"""
    write_notebooks.set_text(notebook["cells"][0], "# title")
    with pytest.raises(ValueError, match="no line like “Two exercises, 3.5 points, about 15 minutes.”"):
        filled_in(notebook, "Numbers", SET)


@pytest.mark.parametrize("left_out, words", [
    ("ask_why_seven", "no statement"), ("check_seven_is_2_less_than_9", "put a graded cell between")])
def test_statements_and_checks_take_turns(notebook, left_out, words):
    """Is a statement without a graded cell, or the other way round, told by name?"""
    filled = filled_in(notebook, "Numbers", SET)
    filled["cells"] = [cell for cell in filled["cells"] if cell["id"] != left_out]
    with pytest.raises(ValueError, match=words):
        write_notebooks.statements(filled)


def test_a_cell_added_in_jupyter_is_adopted(notebook):
    """Do cells without nbgrader's metadata get it, an id a person can read, and no outputs, where they stand?"""
    filled = filled_in(notebook, "Numbers", SET)
    added = {"cell_type": "code", "id": "3fa85f64-5717", "metadata": {"scrolled": True}, "execution_count": 3,
             "outputs": [{"output_type": "stream", "name": "stdout", "text": "7"}],
             "source": ["def half(x):\n", "    return x"]}
    note = {"cell_type": "markdown", "id": "c0ffee00", "metadata": {}, "source": ["A note."]}
    filled["cells"][3:3] = [added, note]
    cells = filled_in(filled, "Numbers", SET)["cells"]
    code, text = cells[3:5]
    assert (code["id"], code["metadata"]["nbgrader"]["solution"]) == ("write_half", True)
    assert (code["outputs"], code["execution_count"], list(code["metadata"])) == ([], None, ["nbgrader"])
    assert (text["id"], text["metadata"]["nbgrader"]["locked"]) == ("text", True)


def test_an_answer_cell_that_is_left_over_is_named(notebook):
    """Is an author who took out a statement and its check told of the answer cell that stayed?"""
    filled = filled_in(notebook, "Numbers", SET)
    gone = ("ask_seven_is_2_less_than_9", "check_seven_is_2_less_than_9")
    filled["cells"] = [cell for cell in filled["cells"] if cell["id"] not in gone]
    with pytest.raises(ValueError, match="answer cell write_seven_is_2_less_than_9 stands in no exercise"):
        filled_in(filled, "Numbers", ProblemSet("99_test", 1, (), (QUESTION,)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_exercise_of_each_kind_is_not_answered_yet(kind):
    """Do the new cells of every kind define, once their solutions are taken out, what the check hands over?"""
    prediction = 1 if kind == "prediction" else None
    case = {"module": ({}, {}), "object": ({}, [("step", 1)]), "gradients": (np.ones(2),)}.get(kind, ())
    exercise = Exercise("asked", "asked", abs, lambda rng: [Case("plain", case, "a case")], (p.values(1),), (),
                        kind=kind, prediction=prediction)
    statement, *answers, check = map(text_of, exercise_cells(exercise))
    names = {}
    for source in answers:
        stub = re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "raise NotImplementedError()", source, flags=re.DOTALL)
        with contextlib.suppress(NotImplementedError):  # a cell with a value, as for a number: the name is there
            exec(stub, names)
    handed = [names[name] for name in re.fullmatch(r'check\("asked", (.*)\)', check)[1].split(", ")]
    (outcome, *_) = respond(challenge(exercise, 0), handed[0] if len(handed) == 1 else tuple(handed))["outcomes"]
    assert outcome.get("raised", {}).get("type") == "NotImplementedError" or outcome["value"] == {"plain": None}
    assert all(source.count("(to be written)") == source.count("### BEGIN SOLUTION") for source in answers)
