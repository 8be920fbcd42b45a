"""What a problem set needs beside its spec: notebooks, right and wrong answers. What is missing is named here, once.

Every other test leaves out a set that it cannot read, so that one author's gap never stops the others' tests.
"""

import pytest

from attnlib.check.spec import mistakes, problem_set, stems
from tests.problem_sets.helpers import SETS, answers, answers_module, answers_to, explained_by_hand, mutants_path
from tests.problem_sets.notebooks import notebook_path

TABLES = {"right": "RIGHT", "wrong": "WRONG", "typical": "TYPICAL"}


@pytest.mark.parametrize("stem", stems())
def test_the_spec_can_be_imported(stem):
    """Does ex_STEM.py import, and does it hold the problem set of its own name?"""
    assert problem_set(stem).stem == stem


@pytest.mark.parametrize("folder", ["solutions", "exercises"])
@pytest.mark.parametrize("stem", SETS)
def test_a_set_has_its_notebooks(stem, folder):
    """Are the solution notebook and the exercise notebook there?"""
    path = notebook_path(folder, stem)
    assert path.exists(), f"{folder}/{stem}/{path.name} is missing"


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("stem", SETS)
def test_a_set_has_its_answers(stem, kind):
    """Do right_STEM.py and wrong_STEM.py import, with answers to every exercise, and typical_STEM.py with mistakes?"""
    try:
        module = answers_module(kind, stem)
    except ModuleNotFoundError as error:
        if error.name != f"tests.problem_sets.{kind}_{stem}":
            raise
        pytest.fail(f"tests/problem_sets/{kind}_{stem}.py is missing")
    table, declared = TABLES[kind], SETS[stem].exercises
    assert getattr(module, table, None) is not None, f"{kind}_{stem}.py has no table {table}"
    if kind == "typical":
        assert module.TYPICAL or not declared, f"TYPICAL in {kind}_{stem}.py has no mistake"
        return
    empty = [each.name for each in declared if not answers_to(each, table)]
    assert not empty, f"{table} in {kind}_{stem}.py has no answers to {', '.join(empty)}"


@pytest.mark.parametrize("stem", SETS)
def test_answers_are_to_exercises_that_exist(stem):
    """Is every key of RIGHT and WRONG the name of an exercise of the set?"""
    names = {exercise.name for exercise in SETS[stem].exercises}
    told = [f"{table}: no exercise of {stem} is called {', '.join(sorted(unknown))}"
            for table in ("RIGHT", "WRONG") if (unknown := set(answers(table, stem)) - names)]
    assert not told, f"in right_{stem}.py and wrong_{stem}.py:\n" + "\n".join(told)


@pytest.mark.parametrize("stem", SETS)
def test_labels_name_mistakes_that_are_known(stem):
    """Is a wrong answer that must be named labelled with a slip that its exercise lists?"""
    for exercise in SETS[stem].exercises:
        known = {slip.id for slip in exercise.slips}
        told = [wrong.does for wrong in answers_to(exercise, "WRONG") if wrong.named and not known & set(wrong.slips)]
        assert not told, f"{exercise.name} lists no slip of what is to be named: {told}"


@pytest.mark.parametrize("stem", SETS)
def test_every_mutant_explained_by_hand_has_a_reason(stem):
    """Is mutants_STEM.txt there, each line of it under a line of reason?"""
    path = mutants_path(stem)
    assert path.exists(), f"tests/problem_sets/{path.name} is missing; leave it empty if nothing needs a reason"
    assert all(explained_by_hand(stem).values()), f"{path.name} begins without a reason"


def test_a_mistake_has_one_id_and_one_sentence():
    """Do the sets that can be imported agree on what each slip is called and what it says?"""
    assert mistakes(tuple(exercise for each in SETS.values() for exercise in each.exercises))
