"""The rules in words: does what notebook and report say follow from the specification, in plain sentences?"""

from dataclasses import replace

import pytest

from attnlib.check.scoring.rules import grader_has, import_time, rules, rules_of_set
from attnlib.check.spec import Forbidden, ProblemSet
from tests.check.specs import NUMBER, PAIR, TWICE

OURS = Forbidden("anything of `attnlib`", ("attnlib.*",))
SOFTMAX = Forbidden("a ready-made softmax, as `torch.softmax`", ("torch.softmax",))
THREE = [replace(TWICE, name=name, forbidden=(OURS,)) for name in ("first", "second", "third")]


def told(*exercises, **options):
    """The sentences about a set of these exercises."""
    return rules_of_set(ProblemSet("98_made_up", 1, exercises, **options))


@pytest.mark.parametrize(("libraries", "sentence"), [
    ((), "The grader has Python's own library, and nothing else."),
    (("numpy",), "The grader has NumPy beside Python's own library, and nothing else."),
    (("numpy", "torch", "einops"),
     "The grader has NumPy, PyTorch and einops beside Python's own library, and nothing else."),
])
def test_the_libraries_are_named(libraries, sentence):
    """Are libraries called what people call them?"""
    assert grader_has(libraries) == sentence


def test_a_slow_import_is_announced():
    """Does a set that offers PyTorch say that importing it takes seconds, and another nothing?"""
    assert import_time(("numpy", "torch")) == "Importing PyTorch takes some seconds, which a check does not count."
    assert import_time(("numpy", "matplotlib")) == ""


def test_a_rule_of_all_exercises_is_told_once():
    """Is what no exercise may call told once, numbers left out, though a number is asked for between them?"""
    assert told(THREE[0], NUMBER, *THREE[1:]) == [
        "No exercise may call anything of `attnlib`.", "An answer that does so earns no points."]


def test_rules_of_some_exercises_name_them_by_their_numbers():
    """Are exercises that share a rule named together, by the numbers of their headings?"""
    first, second, third = THREE
    both = replace(first, forbidden=(OURS, SOFTMAX))
    assert told(both, NUMBER, second, replace(third, forbidden=(OURS, SOFTMAX)), PAIR) == [
        "Exercises 1, 3 and 4 may not call anything of `attnlib`.",
        "Exercises 1 and 4 may not call a ready-made softmax, as `torch.softmax`.",
        "An answer that does so earns no points."]
    assert told(second, both)[1] == "Exercise 2 may not call a ready-made softmax, as `torch.softmax`."
    assert told(PAIR, NUMBER) == []


def test_what_may_be_used_is_named():
    """Is it told which modules which exercise may use, in one sentence where several may use the same?"""
    first, second, third = THREE
    some = replace(second, allowed_modules=("attention", "heads"))
    assert told(first, some, third)[2:] == [
        "Even so, exercise 2 may call what `attnlib.attention` and `attnlib.heads` define."]
    assert told(first, some, third, allowed_modules=("inputs",))[2:] == [
        "Even so, every exercise may call what `attnlib.inputs` defines.",
        "Even so, exercise 2 may call what `attnlib.attention` and `attnlib.heads` define."]


def test_a_report_has_one_line():
    """Does the line about one exercise say what may not be called and what may, and nothing where all is free?"""
    assert rules(PAIR) == rules(replace(NUMBER, forbidden=(OURS,))) == ""
    both = replace(TWICE, forbidden=(OURS, SOFTMAX))
    line = "Your answer may not call: anything of `attnlib`; a ready-made softmax, as `torch.softmax`."
    assert rules(both) == line
    assert rules(replace(both, allowed_modules=("inputs",))) == (
        f"{line} Even so, it may call what `attnlib.inputs` defines.")
    assert rules(replace(both, forbidden=(SOFTMAX,), allowed_modules=("inputs",))).endswith(
        " It may call what `attnlib.inputs` defines.")
