"""Problem set 05_weights: does the spec tell right from wrong, and does the notebook say what the spec says?"""

import doctest
import inspect
import re
import time
import warnings
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

import attnlib
from attnlib.check.challenge import challenge, draw, reference_answer, score, slip_answer
from attnlib.check.run import answer_challenge
from attnlib.check.spec import exercises
from tests.mutants import mutants
from tests.right import right_05_weights as right
from tests.stock import Course
from tests.wrong.wrong_05_weights import ANYTHING, SPELLED, WRONG, Remembered

STEM = "05_weights"
ROOT = Path(__file__).parents[1]
EXERCISES = exercises(STEM)
SEEDS = (0, 1, 20261120)
SOLUTION = ROOT / "solutions" / STEM / f"{STEM}.ipynb"
EXERCISE = ROOT / "exercises" / STEM / f"{STEM}.ipynb"

STILL_RIGHT = ROOT / "tests" / "right" / f"mutants_{STEM}.txt"


def marks(exercise, answer, seed=0):
    """The report of `answer`."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return score(exercise, seed, answer_challenge(challenge(exercise, seed), answer))


def freely(exercise):
    """The exercise with ready-made functions allowed: what tests compose their answers from."""
    return replace(exercise, no_answer=())


def every(table):
    """One test per exercise and answer, named after both."""
    return [pytest.param(exercise, answer, id=f"{exercise.name}-{n}-{getattr(answer, '__name__', answer)!s:.20}")
            for exercise in EXERCISES for n, answer in enumerate(table(exercise))]


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(SOLUTION, 4)


@pytest.fixture(scope="module")
def solution(notebook):
    """What the solution notebook defines."""
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.metadata.nbgrader.grade:
            exec(cell.source, names)
    return names


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A stock nbgrader course with the exercise generated from the solution."""
    return Course(tmp_path_factory.mktemp("course"), SOLUTION)


def check_cells(notebook):
    """{grade id: cell} of the cells that give points."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if cell.metadata.nbgrader.grade}


def answer_cells(notebook):
    return [cell for cell in notebook.cells if cell.metadata.nbgrader.solution]


def statement_cells(notebook):
    return [cell for cell in notebook.cells if cell.id.startswith("ask_")]


def checked_name(cell):
    """The variable that a check cell hands over."""
    return re.fullmatch(r'check\("[a-z_]+", (\w+)\)', cell.source)[1]


# --- the spec


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_reference_gets_full_marks(exercise, seed):
    """Does the reference itself have every property?"""
    report = marks(freely(exercise), reference_answer(exercise), seed)
    assert report.points == report.max_points == exercise.points, report.text()


@pytest.mark.parametrize(("exercise", "answer"), every(lambda exercise: right.RIGHT[exercise.name]))
def test_right_answers_that_look_different_get_full_marks(exercise, answer):
    """Do loops, einsum, float64 inside, torch and other orders get every point, on every seed?"""
    for seed in SEEDS:
        report = marks(exercise, answer, seed)
        assert report.points == report.max_points, report.text()


@pytest.mark.parametrize(
    ("exercise", "slip"),
    [pytest.param(exercise, slip, id=f"{exercise.name}-{slip.id}-{n}")
     for exercise in EXERCISES for n, slip in enumerate(exercise.slips)])
def test_each_slip_is_called_by_its_own_name(exercise, slip):
    """Does every known slip lose marks, and is its own sentence what the learner reads, on every seed?"""
    for seed in SEEDS:
        report = marks(exercise, slip_answer(exercise, slip), seed)
        assert report.points < report.max_points, slip
        assert (report.slip, report.headline) == (slip.id, slip.says)
        assert slip.says in report.text()


@pytest.mark.parametrize(("name", "slip", "answer"), [
    pytest.param(*each, id=f"{each[0]}-{each[1]}-{n}") for n, each in enumerate(SPELLED)])
def test_a_slip_is_known_however_it_is_spelled(name, slip, answer):
    """Is a slip named when a learner writes it in other words, or makes a second one beside it?"""
    exercise = next(each for each in EXERCISES if each.name == name)
    for seed in SEEDS:
        report = marks(freely(exercise), answer, seed)
        assert report.points < report.max_points
        assert report.slip == slip, report.text()


@pytest.mark.parametrize(("exercise", "answer"), every(lambda exercise: WRONG[exercise.name]))
def test_further_wrong_answers_lose_marks(exercise, answer):
    """Do wrong answers that the spec does not list lose marks, with a reason, on every seed?"""
    for seed in SEEDS:
        report = marks(freely(exercise), answer, seed)
        assert report.points < report.max_points, report.text()
        assert report.headline or any(result.says for result in report.results if not result.holds)


@pytest.mark.parametrize(("exercise", "answer"), every(lambda exercise: [
    answer for answer in ANYTHING if exercise.kind == "function" or answer != exercise.reference()]))
def test_nonsense_earns_nothing(exercise, answer):
    """Does handing back an input, zeros, ones, nothing or text earn no point at all?"""
    assert marks(exercise, answer).points == 0


@pytest.mark.parametrize(
    "exercise", [each for each in EXERCISES if each.kind == "function"], ids=lambda exercise: exercise.name)
def test_an_answer_learned_by_heart_fails_on_other_inputs(exercise):
    """Do the public outputs, copied, earn nothing on a secret seed?"""
    answer = Remembered(exercise.reference, draw(exercise, 0))
    assert marks(freely(exercise), answer, 0).points == exercise.points
    assert marks(freely(exercise), answer, 1).points == 0


@pytest.mark.parametrize(("name", "answer"), [
    ("softmax_turns_each_row_into_weights", lambda s: torch.nn.Softmax(-1)(torch.from_numpy(s))),
    ("softmax_turns_each_row_into_weights", lambda s: torch.softmax(torch.from_numpy(s), -1)),
    ("softmax_turns_each_row_into_weights", attnlib.weights.softmax),
    ("scores_are_divided_by_the_root_of_d_k", attnlib.scores.scaled_dot),
    ("attend_gives_mixtures_and_weights", attnlib.attention.attend),
    ("attend_gives_mixtures_and_weights", lambda Q, K, V: attnlib.attention.attend(Q, K, V)),
    ("relu_weights_are_divided_by_the_length", attnlib.weights.relu_weights),
])
def test_a_ready_made_function_is_no_answer(name, answer):
    """Does handing in attnlib's or torch's own function earn nothing and say why?"""
    exercise = next(each for each in EXERCISES if each.name == name)
    report = marks(exercise, answer)
    assert report.points == 0
    assert "which is what the exercise asks you to write" in report.headline


@pytest.mark.parametrize(("name", "slip", "points"), [
    ("softmax_turns_each_row_into_weights", "S4", 3.5),
    ("softmax_turns_each_row_into_weights", "S1", 0),
    ("softmax_turns_each_row_into_weights", "S33", 3.5),
    ("scaling_brings_the_variance_back", "S7", 1),
    ("scores_are_divided_by_the_root_of_d_k", "S29", 1.5),
    ("one_output_is_a_mixture_of_all_values", "S4", 2.5),
    ("attend_gives_mixtures_and_weights", "S6", 0.5),
    ("attend_gives_mixtures_and_weights", "S16", 1.5),
])
def test_partial_credit(name, slip, points):
    """Does a slip keep the points of what it got right?"""
    exercise = next(each for each in EXERCISES if each.name == name)
    slip = next(each for each in exercise.slips if each.id == slip)
    assert marks(exercise, slip_answer(exercise, slip)).points == points


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_cases_are_quick_and_read_well(exercise):
    """Are the cases drawn and answered in 20 ms, told in words that fit behind "For", alike for one seed?"""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for case in draw(exercise, 0):
            exercise.reference(*case.args)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.02
    assert challenge(exercise, 3) == challenge(exercise, 3)
    for case in draw(exercise, 0):
        assert case.says and not case.says.endswith(".") and not case.says.startswith(("For", "The"))
        for argument in case.args:
            assert np.ndim(argument) == 0 or not np.isin(argument, (0, 1)).any()


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_sentences_are_plain(exercise):
    """Is what a learner reads whole sentences, short, without "just", "simply" and the like?"""
    for slip in exercise.slips:
        assert slip.says.endswith(".") and len(slip.says) < 200 and len(slip.says.split(". ")) <= 3
        assert not re.search(r"\b(just|simply|obviously|note that|easy|of course)\b", slip.says, re.IGNORECASE)


# --- mutants


def mutated(solution, notebook):
    """(exercise, the name it hands over, its names, its source) for the solution and every right function."""
    checks = check_cells(notebook)
    sources = {exercise.name: cell.source for exercise, cell in zip(EXERCISES, answer_cells(notebook))}
    for exercise in EXERCISES:
        yield exercise, checked_name(checks[exercise.name]), solution, sources[exercise.name]
        for function in filter(callable, right.RIGHT[exercise.name]):
            if inspect.isfunction(function):
                yield exercise, function.__name__, vars(right), inspect.getsource(function)


def survives(exercise, name, names, source):
    """Whether the changed answer still gets full marks."""
    names = dict(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(source, names)
        except Exception:
            return False
    return marks(exercise, names[name]).points == exercise.points


def still_right():
    """{mutant: why it is no mistake}, as the table says."""
    reasons, why = {}, None
    for line in filter(None, STILL_RIGHT.read_text().splitlines()):
        if line.startswith("# "):
            why = line.removeprefix("# ")
        else:
            reasons[line] = why
    return reasons


def test_mutants_are_caught(solution, notebook, capsys):
    """Is every small change of a right answer caught, unless the table says why it changes nothing?"""
    total, survivors = 0, []
    for exercise, name, names, source in mutated(solution, notebook):
        quick = replace(exercise, slips=(), seconds=1.0, no_answer=())
        for what, changed in mutants(source):
            total += 1
            if survives(quick, name, names, changed):
                survivors.append(f"{name}: {what}")
    explained = still_right()
    unexplained = sorted(set(survivors) - set(explained))
    mistakes = total - len(survivors) + len(unexplained)
    with capsys.disabled():
        print(f"\n{STEM}: {total} mutants of right answers: {total - len(survivors)} caught, "
              f"{len(survivors) - len(unexplained)} still right, {len(unexplained)} unexplained; "
              f"{1 - len(unexplained) / mistakes:.1%} of the mistakes caught")
    assert not unexplained, "\n".join(unexplained)
    assert not set(explained) - set(survivors), "these no longer survive; take them out of the table"


# --- the notebooks


def test_points_and_names_are_those_of_the_spec(notebook):
    """Do the check cells carry the spec's names and points, in its order, and nothing else points?"""
    cells = check_cells(notebook)
    assert {name: cell.metadata.nbgrader.points for name, cell in cells.items()} == {
        exercise.name: exercise.points for exercise in EXERCISES}
    assert list(cells) == [exercise.name for exercise in EXERCISES]
    for name, cell in cells.items():
        assert cell.metadata.nbgrader.locked and cell.source == f'check("{name}", {checked_name(cell)})'
    total = sum(exercise.points for exercise in EXERCISES)
    assert f"Seven exercises, {total:g} points" in notebook.cells[0].source


@pytest.mark.parametrize("path", [SOLUTION, EXERCISE], ids=["solution", "exercise"])
def test_the_notebook_is_clean(path):
    """Is it valid nbformat 4.5 for the plain Python kernel, without outputs, with cell ids a person can read?"""
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z_]+", cell.id)
        assert re.fullmatch(r"[a-z_]+", cell.metadata.nbgrader.grade_id)
        assert cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)


def test_each_exercise_asks_in_eighty_words_with_three_hints(notebook):
    """Is each statement short, followed by the signature, an example and the three hints we promise?"""
    asks = statement_cells(notebook)
    assert len(asks) == len(EXERCISES)
    for cell, exercise in zip(asks, EXERCISES):
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


def test_the_exercise_notebook_shows_no_solution(notebook):
    """Is every line between the solution marks gone from the exercise, hints included?"""
    shown = EXERCISE.read_text()
    for cell in answer_cells(notebook):
        secret = re.search(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.DOTALL)[1]
        for line in filter(None, map(str.strip, secret.splitlines())):
            assert line not in shown and line.split("  #")[0].strip() not in shown
    assert "SOLUTION" not in shown


def test_the_exercise_notebook_is_the_generated_one(course):
    """Is the committed exercise what nbgrader makes of the solution today?"""
    assert course.released.read_text() == EXERCISE.read_text()


def test_the_solution_passes_its_checks_in_a_kernel(notebook):
    """Does the solution notebook run from top to bottom, every check in full?"""
    ran = NotebookClient(nbformat.from_dict(notebook)).execute()
    for exercise in EXERCISES:
        (output,) = check_cells(ran)[exercise.name].outputs
        assert f"{exercise.points:g} of {exercise.points:g} points" in output.data["text/plain"]
        assert "</table>" in output.data["text/html"]


def test_a_fresh_exercise_says_not_answered():
    """Does every check of an untouched exercise say that it is not answered yet?"""
    ran = NotebookClient(nbformat.read(EXERCISE, 4), allow_errors=True).execute()
    for cell in check_cells(ran).values():
        shown = "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        assert "Not answered yet" in shown
        assert [output.ename for output in cell.outputs if output.output_type == "error"] == ["CheckFailed"]


def test_stock_nbgrader_grades_it(course):
    """Does stock `nbgrader autograde` give a full answer every point and take those of a wrong one?"""
    wrong = nbformat.read(SOLUTION, 4)
    cell = next(cell for cell in wrong.cells if cell.id == "write_softmax")
    cell.source = cell.source.replace("axis=-1", "axis=0")
    scores = course.autograde({"full": nbformat.read(SOLUTION, 4), "wrong": wrong})
    assert scores["full"] == {exercise.name: exercise.points for exercise in EXERCISES}
    lost = {name for name, points in scores["wrong"].items() if points == 0}
    assert lost == {"softmax_turns_each_row_into_weights", "attend_gives_mixtures_and_weights"}
