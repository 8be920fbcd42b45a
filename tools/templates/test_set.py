"""Problem set $stem: what is its own. What every set must prove is in the files test_every_*.py."""

from attnlib.check.spec import problem_set


def test_nothing_of_attnlib_is_at_hand_that_the_set_asks_for():
    """Does the sandbox hold the modules that this set may use, and no other?"""
    assert problem_set("$stem").every_allowed_module == ()


def test_the_grader_has_what_the_notebook_imports():
    """Is it this that a notebook may import beside Python's own library?"""
    assert problem_set("$stem").libraries == ("numpy", "matplotlib")
