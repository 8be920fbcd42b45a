"""Notebooks that pass from top to bottom, though their cells are not those of the release, nor in its order."""

from tests.grader.corpus import of_notebook
from tests.grader.sample_class import filled, solutions

SUBMISSIONS = [of_notebook("as_it_should_be", filled(solutions()), 18)]
