"""A spec declares one exercise: are mistakes in it told when it is written?"""

from dataclasses import replace

import pytest

from attnlib.check.scoring import properties as p
from attnlib.check.spec import exercises, find, stems
from tests.check.specs import TWICE

EVERY = [exercise for stem in stems() for exercise in exercises(stem)]


def test_two_properties_of_one_name_are_refused():
    """Would a second property of the same name hide the first?"""
    with pytest.raises(ValueError, match="two properties are called 'the numbers are right'"):
        replace(TWICE, properties=(p.values(1), p.values(1, on=("large",))))


def test_a_property_after_an_unknown_one_is_refused():
    """Can a property wait for one that is not there, or comes later?"""
    with pytest.raises(ValueError, match="waits for 'the numbers are right', which is not listed before it"):
        replace(TWICE, properties=(p.dtype_kept(1), p.values(1)))


def test_names_are_found_and_unique():
    """Does every exercise of every set have a name of its own that finds it?"""
    assert len({exercise.name for exercise in EVERY}) == len(EVERY)
    assert all(find(exercise.name) is exercise for exercise in EVERY)
    assert all(exercise.set in stems() for exercise in EVERY)
