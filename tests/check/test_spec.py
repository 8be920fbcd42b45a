"""A spec declares one exercise: are mistakes in it told when it is written?"""

from dataclasses import replace

import pytest

from attnlib.check.scoring import properties as p
from attnlib.check.spec import Mistake, ProblemSet, Question, Slip, exercises, find, mistakes, stems
from tests.check.specs import NUMBER, PAIR, TWICE

EVERY = [exercise for stem in stems() for exercise in exercises(stem)]


def with_slip(exercise, id, message):
    """The exercise with one more slip."""
    return replace(exercise, slips=(*exercise.slips, Slip(id, message, lambda array: array)))


def test_two_properties_of_one_name_are_refused():
    """Would a second property of the same name hide the first?"""
    with pytest.raises(ValueError, match="two properties are called 'the numbers are right'"):
        replace(TWICE, properties=(p.values(1), p.values(1, on=("large",))))


def test_a_property_after_an_unknown_one_is_refused():
    """Can a property wait for one that is not there, or comes later?"""
    with pytest.raises(ValueError, match="waits for 'the numbers are right', which is not listed before it"):
        replace(TWICE, properties=(p.dtype_kept(1), p.values(1)))


def test_every_exercise_has_a_name_of_its_own_that_finds_it():
    """Does every exercise of every set have a name of its own that finds it?"""
    assert len({exercise.name for exercise in EVERY}) == len(EVERY)
    assert all(find(exercise.name) is exercise for exercise in EVERY)
    assert all(exercise.set in stems() for exercise in EVERY)


def test_an_id_that_stands_for_two_sentences_is_refused():
    """Would a slip's id mean another mistake elsewhere?"""
    with pytest.raises(ValueError, match="two_results: the slip 'T1' says 'Another mistake.', and elsewhere 'This is"):
        mistakes((TWICE, with_slip(PAIR, "T1", "Another mistake.")))


def test_a_sentence_with_two_ids_is_refused():
    """Would one mistake be counted under two ids?"""
    with pytest.raises(ValueError, match="'This is three times the array.' is said by 'tripled' and by 'T1'"):
        mistakes((TWICE, with_slip(PAIR, "tripled", "This is three times the array.")))


def test_one_mistake_may_be_made_by_several_slips():
    """May two exercises, or two functions of one, make the mistake of a bank?"""
    tripled = Mistake("tripled", "This is three times its argument.")
    both = [replace(exercise, slips=(tripled.slip(len), tripled.slip(abs))) for exercise in (TWICE, NUMBER)]
    assert mistakes(tuple(both)) == {"tripled": "This is three times its argument."}


def test_the_slips_of_the_course_have_one_id_and_one_sentence_each():
    """Do the shipped specs agree on what each mistake is called and says?"""
    every = mistakes()
    assert set(every) == {slip.id for exercise in EVERY for slip in exercise.slips}
    assert len(set(every.values())) == len(every)


def test_a_set_counts_its_questions_and_stamps_its_exercises():
    """Do points and minutes include what a person grades, and do exercises know their set and its version?"""
    made = ProblemSet("98_made_up", 3, (replace(TWICE, minutes=10), NUMBER), (Question("why", "Why", 2.5, 7),))
    assert (made.points, made.minutes) == (TWICE.points + NUMBER.points + 2.5, 17)
    assert {(exercise.set, exercise.version) for exercise in made.exercises} == {("98_made_up", "3")}
    assert {exercise.libraries for exercise in made.exercises} == {("numpy", "matplotlib")}


def test_a_question_stands_behind_the_exercise_it_names():
    """Are numbers and order those of the notebook, with questions between exercises, and an unknown name refused?"""
    between, last = Question("why", "Why", 1, 1, after=TWICE.name), Question("sketch", "Sketch", 1, 1)
    made = ProblemSet("98_made_up", 1, (TWICE, NUMBER), (last, between))
    assert [task.name for task in made.tasks] == [TWICE.name, "why", NUMBER.name, "sketch"]
    assert [exercise.number for exercise in made.exercises] == [1, 3]
    with pytest.raises(ValueError, match="why: stands after 'no_such', which is no exercise of the set"):
        ProblemSet("98_made_up", 1, (TWICE,), (replace(between, after="no_such"),))
