"""Names that the gradebook and formgrader's pages must put up with."""

from tests.grader.corpus import Submitted
from tests.grader.sample_class import STEM, filled, solutions, text

NOTEBOOK = {f"{STEM}/{STEM}.ipynb": text(filled(solutions()))}


def named(name):
    """A right notebook of a student of this name."""
    return Submitted(name, NOTEBOOK, 18)


def refused(name):
    """The same, of one whose name formgrader's pages cannot put into an address."""
    return Submitted(name, NOTEBOOK, None, ("its folder's name cannot be used", "Rename the folder"))


SUBMISSIONS = [
    *map(named, ["spaces in a name", "an&ampersand", "a+plus", "a;semicolon", "an'apostrophe", "a{0}brace", "日本",
                 "Müller, Anna O'Neill_123_assignsubmission_file (2)"]),
    *map(refused, ["a#hash", "a%percent", "a%20space", "a?question"]),
]
