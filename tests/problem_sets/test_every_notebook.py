"""The notebooks of every problem set: do they say what the spec says, hide the solution, and run?"""

import doctest
import re

import nbformat
import pytest
from nbclient import NotebookClient

from attnlib.check.beside_learner.kinds import WITHOUT_CALLS
from attnlib.check.scoring.rules import grader_has, rules_of_set
from attnlib.check.spec import Question
from tests.problem_sets.helpers import SETS
from tests.problem_sets.notebooks import NAME, check_cells, exercise_parts, notebook_path, parts, question_parts, read
from tests.problem_sets.release import released


def graded(cells):
    """[(grade id, points)] of the cells, in order."""
    return [(cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points) for cell in cells]


def test_points_and_names_are_those_of_the_spec(stem, notebook):
    """Do the graded cells carry the spec's names and points, in its order, and does the opening say the total?"""
    checks = [cell for part in exercise_parts(notebook) for cell in part.checks]
    manual = [cell for part in question_parts(notebook) for cell in part.manual]
    assert graded(checks) == [(exercise.name, exercise.points) for exercise in SETS[stem].exercises]
    questions = [task for task in SETS[stem].tasks if isinstance(task, Question)]
    assert graded(manual) == [(question.name, question.points) for question in questions]
    assert f" {SETS[stem].points:g} points" in notebook.cells[0].source


def test_tasks_stand_in_the_order_of_the_spec_and_have_its_numbers(stem, notebook):
    """Does each question stand behind the exercise it names, and is the number in a heading the one reports tell?"""
    found = [cell.metadata.nbgrader.grade_id for part in parts(notebook) for cell in (*part.checks, *part.manual)]
    assert found == [task.name for task in SETS[stem].tasks]
    numbers = [int(re.match(r"## (\d+)\. ", part.statement.source)[1]) for part in parts(notebook)]
    assert numbers == list(range(1, len(numbers) + 1))
    for part, exercise in zip(exercise_parts(notebook), SETS[stem].exercises, strict=True):
        assert part.statement.source.startswith(f"## {exercise.number}. "), exercise.name


def test_the_opening_says_the_rules(stem, notebook):
    """Does the opening say, for the exercise's notebook too, what the grader has and what may not be called?"""
    for opening in (notebook.cells[0].source, read("exercises", stem).cells[0].source):
        for sentence in (grader_has(SETS[stem].libraries), *rules_of_set(SETS[stem])):
            assert sentence in opening.splitlines(), f"{sentence} is missing; run: make exercises"


def test_every_part_is_an_exercise_or_a_question(notebook):
    """Has each statement cells to write in, and then one check cell or cells that a person grades?"""
    everywhere = [cell for cell in notebook.cells if cell.metadata.nbgrader.grade or cell.metadata.nbgrader.solution]
    inside = [cell for part in parts(notebook) for cell in (*part.answers, *part.checks, *part.manual)]
    assert len(inside) == len(everywhere), "cells before the first statement are graded or written in"
    for part in exercise_parts(notebook):
        assert part.answers and len(part.checks) == 1 and not part.manual, part.statement.id
        (cell,) = part.checks
        name = cell.metadata.nbgrader.grade_id
        assert cell.metadata.nbgrader.locked and cell.source == f'check("{name}", {", ".join(part.checked_names)})'
    for part in question_parts(notebook):
        assert len(part.manual) == 1 and not part.answers, part.statement.id


@pytest.mark.parametrize("folder", ["solutions", "exercises"])
def test_the_notebook_is_clean(stem, folder):
    """Is it valid nbformat 4.5 for the plain Python kernel, without outputs, with cell ids a person can read?"""
    notebook = read(folder, stem)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert re.fullmatch(NAME, cell.id), f"{cell.id} is no name; run: make exercises"
        assert re.fullmatch(NAME, cell.metadata.nbgrader.grade_id), cell.id
        clean = cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)
        assert clean, f"{cell.id} has outputs; run: make exercises"


def test_each_statement_has_eighty_words_and_an_exercise_three_hints(stem, notebook):
    """Is each statement short, and that of an exercise followed by the signature, an example and three hints?"""
    for part, declared in zip(parts(notebook), SETS[stem].tasks, strict=True):
        title, _, rest = part.statement.source.partition("\n")
        assert len(rest.split("```text")[0].split()) <= 80, declared.name
        assert f"({declared.points:g} point" in title, declared.name
        if part.checks:
            assert "```text" in rest and "```pycon" in rest, declared.name
            if declared.kind not in WITHOUT_CALLS:
                signature = rf"^\s*{part.checked_name}\("
                assert re.search(signature, rest, re.M), f"{declared.name} shows no signature of {part.checked_name}"
            assert re.findall(r"<summary>Hint (\d): (.*)</summary>", rest) == [
                ("1", "a question"), ("2", "the shapes"), ("3", "pseudocode")], declared.name


def test_the_examples_hold(notebook, solution):
    """Does the solution give what each worked example shows?"""
    for part in parts(notebook):
        for example in re.findall(r"```pycon\n(.*?)```", part.statement.source, re.DOTALL):
            name = part.statement.id
            test = doctest.DocTestParser().get_doctest(example, dict(solution), name, None, 0)
            assert test.examples and doctest.DocTestRunner().run(test).failed == 0, name


def solution_lines(cell):
    """What a learner must not read in a cell they write in: the marked regions, or all of it where none is marked."""
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.DOTALL) or [cell.source]
    return [line.strip() for region in regions for line in region.splitlines() if line.strip()]


def test_the_exercise_notebook_shows_no_solution(stem, notebook):
    """Is every line of a solution gone from the exercise, hints included?"""
    shown = notebook_path("exercises", stem).read_text()
    for part in parts(notebook):
        for cell in (*part.answers, *part.manual):
            for line in solution_lines(cell):
                assert line not in shown and line.split("  #")[0].strip() not in shown, cell.id
    assert "SOLUTION" not in shown


@pytest.mark.slow
def test_the_exercise_notebook_is_the_generated_one(stem, tmp_path):
    """Is the committed exercise what nbgrader makes of the solution today?"""
    current = released(tmp_path, notebook_path("solutions", stem)) == notebook_path("exercises", stem).read_text()
    assert current, f"exercises/{stem} is not current; run: make exercises"


@pytest.mark.slow
def test_the_solution_passes_its_checks_in_a_kernel(stem, notebook):
    """Does the solution notebook run from top to bottom, every check in full?"""
    ran = NotebookClient(nbformat.from_dict(notebook)).execute()
    for exercise in SETS[stem].exercises:
        (output,) = check_cells(ran)[exercise.name].outputs
        assert f"{exercise.points:g} of {exercise.points:g} points" in output.data["text/plain"], exercise.name
        assert "</table>" in output.data["text/html"], exercise.name


@pytest.mark.slow
def test_a_fresh_exercise_says_not_answered(stem):
    """Does every check of an untouched exercise say that it is not answered yet, and let the next cell run?"""
    ran = NotebookClient(read("exercises", stem), allow_errors=True).execute()
    for name, cell in check_cells(ran).items():
        shown = "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        assert "Not answered yet" in shown, name
        assert [output.ename for output in cell.outputs if output.output_type == "error"] == [], name
