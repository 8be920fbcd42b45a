"""Every problem set: does its spec tell right from wrong, and do its notebooks say what the spec says?"""

import doctest
import inspect
import re
import sys
import time
import warnings
from dataclasses import replace

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from attnlib.check.scoring.challenge import challenge, draw
from attnlib.check.scoring.slips import reference_answer, slip_answer
from attnlib.check.spec import exercises, problem_set, stems
from tests.problem_sets.mutants import mutants
from tests.problem_sets.helpers import (
    EXERCISES, RIGHT, SEEDS, SPELLED, STEMS, WRONG, answer_cells, by_name, check_cells, checked_name, defined_by, every,
    freely, report_of, named, notebook_path, read, statement_cells, still_right)
from tests.grader.plain_nbgrader import Course
from tests.problem_sets.anything import ANYTHING, Remembered

FUNCTIONS = [exercise for exercise in EXERCISES if exercise.kind == "function"]


@pytest.fixture(scope="module", params=STEMS)
def stem(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(stem):
    """The solution notebook."""
    return read("solutions", stem)


@pytest.fixture(scope="module")
def solution(notebook):
    """What the solution notebook defines."""
    return defined_by(notebook)


# --- the spec


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_the_reference_gets_full_marks(exercise, seed):
    """Does the reference itself have every property?"""
    report = report_of(freely(exercise), reference_answer(exercise), seed)
    assert report.points == report.max_points == exercise.points, report.text()


@pytest.mark.parametrize(("exercise", "answer"), every(lambda exercise: RIGHT[exercise.name]))
def test_right_answers_that_look_different_get_full_marks(exercise, answer):
    """Do loops, einsum, float64 inside, torch and other orders get every point, on every seed?"""
    for seed in SEEDS:
        report = report_of(exercise, answer, seed)
        assert report.points == report.max_points, report.text()


@pytest.mark.parametrize(("exercise", "slip"), every(lambda exercise: exercise.slips))
def test_each_slip_is_called_by_its_own_name(exercise, slip):
    """Does every known slip lose report_of, and is its own sentence what the learner reads, on every seed?"""
    for seed in SEEDS:
        report = report_of(exercise, slip_answer(exercise, slip), seed)
        assert report.points < report.max_points, slip
        assert (report.slip, report.headline) == (slip.id, slip.message)
        assert slip.message in report.text()


@pytest.mark.parametrize(("exercise", "spelled"), every(lambda exercise: SPELLED[exercise.name]))
def test_a_slip_is_known_however_it_is_spelled(exercise, spelled):
    """Is a slip named when a learner writes it in other words, or makes a second one beside it?"""
    slip, answer = spelled
    for seed in SEEDS:
        report = report_of(freely(exercise), answer, seed)
        assert report.points < report.max_points
        assert report.slip == slip, report.text()


@pytest.mark.parametrize(("exercise", "answer"), every(lambda exercise: WRONG[exercise.name]))
def test_further_wrong_answers_lose_marks(exercise, answer):
    """Do wrong answers that the spec does not list lose report_of, with a reason, on every seed?"""
    for seed in SEEDS:
        report = report_of(freely(exercise), answer, seed)
        assert report.points < report.max_points, report.text()
        assert report.headline or any(result.message for result in report.results if not result.holds)


@pytest.mark.parametrize(("exercise", "answer"), every(lambda exercise: [
    answer for answer in ANYTHING if exercise.kind == "function" or answer != exercise.reference()]))
def test_nonsense_earns_nothing(exercise, answer):
    """Does handing back an input, zeros, ones, nothing or text earn no point at all?"""
    assert report_of(exercise, answer).points == 0


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=by_name)
def test_an_answer_learned_by_heart_fails_on_other_inputs(exercise):
    """Do the public outputs, copied, earn nothing on a secret seed?"""
    answer = Remembered(exercise.reference, draw(exercise, 0))
    assert report_of(freely(exercise), answer, 0).points == exercise.points
    assert report_of(freely(exercise), answer, 1).points == 0


def test_no_reference_is_in_the_sandbox():
    """Is what an exercise asks for absent from the modules its set may lean on, and no answer where it is at hand?"""
    for exercise in (each for stem in stems() for each in exercises(stem)):
        home = exercise.reference.__module__.removeprefix("attnlib.").split(".")[0]
        assert home not in problem_set(exercise.set).allowed_modules
        if home != "check":
            assert {"attnlib.*", f"attnlib.{exercise.reference.__name__}"} & set(exercise.forbidden_calls)


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_every_property_looks_at_a_case(exercise):
    """Does each property have a case to fail on, and points of its own?"""
    labels = {case.label for case in draw(exercise, 0)}
    for prop in exercise.properties:
        assert set(prop.on) <= labels
        assert prop.points > 0


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_the_cases_are_quick_and_read_well(exercise):
    """Are the cases drawn and answered in 20 ms, alike for one seed, told in words that fit behind "For"?"""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for case in draw(exercise, 0):
            exercise.reference(*case.args)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.02
    assert challenge(exercise, 3) == challenge(exercise, 3)
    for case in draw(exercise, 0):
        assert case.description and not case.description.endswith(".") and not case.description.startswith(("For", "The"))


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_inputs_tell_mistakes_apart(exercise):
    """Is no entry of a floating input 0 or 1, where many mistakes look right?"""
    for case in draw(exercise, 0):
        for argument in case.args:
            if isinstance(argument, np.ndarray) and argument.dtype.kind == "f":
                assert not np.isin(argument, (0, 1)).any()


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_the_sentences_are_plain(exercise):
    """Is what a learner reads whole sentences, short, without "just", "simply" and the like?"""
    for slip in exercise.slips:
        assert slip.message.endswith(".") and len(slip.message) < 200 and len(slip.message.split(". ")) <= 3
        assert not re.search(r"\b(just|simply|obviously|note that|easy|of course)\b", slip.message, re.IGNORECASE)


# --- mutants


def right_answers(stem, notebook, solution):
    """(exercise, the name it hands over, its names, its source): the solution's, then every right function's."""
    checks = check_cells(notebook)
    for exercise, cell in zip(exercises(stem), answer_cells(notebook)):
        yield exercise, checked_name(checks[exercise.name]), solution, cell.source
        for function in filter(inspect.isfunction, RIGHT[exercise.name]):
            yield exercise, function.__name__, vars(sys.modules[function.__module__]), inspect.getsource(function)


def survives(exercise, name, names, source):
    """Whether the changed answer still gets full marks."""
    names = dict(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(source, names)
        except Exception:
            return False
    return report_of(exercise, names[name]).points == exercise.points


def test_mutants_are_caught(stem, notebook, solution, capsys):
    """Is every small change of a right answer caught, unless the table says why it changes nothing?"""
    total, survivors = 0, []
    for exercise, name, names, source in right_answers(stem, notebook, solution):
        quick = replace(exercise, slips=(), seconds=3.0, forbidden_calls=())
        for what, changed in mutants(source):
            total += 1
            if survives(quick, name, names, changed):
                survivors.append(f"{name}: {what}")
    explained = still_right(stem)
    unexplained = sorted(set(survivors) - set(explained))
    mistakes = total - len(survivors) + len(unexplained)
    with capsys.disabled():
        print(f"\n{stem}: {total} mutants of right answers: {total - len(survivors)} caught, "
              f"{len(survivors) - len(unexplained)} still right, {len(unexplained)} unexplained; "
              f"{1 - len(unexplained) / mistakes:.1%} of the mistakes caught")
    assert not unexplained, "\n".join(unexplained)
    assert not set(explained) - set(survivors), "these no longer survive; take them out of the table"


# --- the notebooks


def test_points_and_names_are_those_of_the_spec(stem, notebook):
    """Do the check cells carry the spec's names and points, in its order, and does the opening say the total?"""
    cells = check_cells(notebook)
    assert {name: cell.metadata.nbgrader.points for name, cell in cells.items()} == {
        exercise.name: exercise.points for exercise in exercises(stem)}
    assert list(cells) == [exercise.name for exercise in exercises(stem)]
    for name, cell in cells.items():
        assert cell.metadata.nbgrader.locked and cell.source == f'check("{name}", {checked_name(cell)})'
    assert f" {sum(exercise.points for exercise in exercises(stem)):g} points" in notebook.cells[0].source


@pytest.mark.parametrize("folder", ["solutions", "exercises"])
def test_the_notebook_is_clean(stem, folder):
    """Is it valid nbformat 4.5 for the plain Python kernel, without outputs, with cell ids a person can read?"""
    notebook = read(folder, stem)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z_]+", cell.id)
        assert re.fullmatch(r"[a-z_]+", cell.metadata.nbgrader.grade_id)
        assert cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)


def test_each_exercise_asks_in_eighty_words_with_three_hints(stem, notebook):
    """Is each statement short, followed by the signature, an example and the three hints we promise?"""
    asks = statement_cells(notebook)
    assert len(asks) == len(exercises(stem))
    for cell, exercise in zip(asks, exercises(stem)):
        title, rest = cell.source.split("\n", 1)
        statement = rest.split("```text")[0]
        assert len(statement.split()) <= 80
        assert f"({exercise.points:g} point" in title
        assert "```pycon" in rest
        assert re.findall(r"<summary>Hint (\d): (.*)</summary>", rest) == [
            ("1", "a question"), ("2", "the shapes"), ("3", "pseudocode")]


def test_the_examples_hold(notebook, solution):
    """Does the solution give what each worked example shows?"""
    for cell in statement_cells(notebook):
        example = re.search(r"```pycon\n(.*?)```", cell.source, re.DOTALL)[1]
        test = doctest.DocTestParser().get_doctest(example, dict(solution), cell.id, None, 0)
        assert test.examples and doctest.DocTestRunner().run(test).failed == 0


def test_the_exercise_notebook_shows_no_solution(stem, notebook):
    """Is every line between the solution marks gone from the exercise, hints included?"""
    shown = notebook_path("exercises", stem).read_text()
    for cell in answer_cells(notebook):
        secret = re.search(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.DOTALL)[1]
        for line in filter(None, map(str.strip, secret.splitlines())):
            assert line not in shown and line.split("  #")[0].strip() not in shown
    assert "SOLUTION" not in shown


def test_the_exercise_notebook_is_the_generated_one(stem, tmp_path):
    """Is the committed exercise what nbgrader makes of the solution today?"""
    made = Course(tmp_path, notebook_path("solutions", stem)).released
    assert made.read_text() == notebook_path("exercises", stem).read_text()


def test_the_solution_passes_its_checks_in_a_kernel(stem, notebook):
    """Does the solution notebook run from top to bottom, every check in full?"""
    ran = NotebookClient(nbformat.from_dict(notebook)).execute()
    for exercise in exercises(stem):
        (output,) = check_cells(ran)[exercise.name].outputs
        assert f"{exercise.points:g} of {exercise.points:g} points" in output.data["text/plain"]
        assert "</table>" in output.data["text/html"]


def test_a_fresh_exercise_says_not_answered(stem):
    """Does every check of an untouched exercise say that it is not answered yet?"""
    ran = NotebookClient(read("exercises", stem), allow_errors=True).execute()
    for cell in check_cells(ran).values():
        shown = "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        assert "Not answered yet" in shown
        assert [output.ename for output in cell.outputs if output.output_type == "error"] == ["CheckFailed"]
