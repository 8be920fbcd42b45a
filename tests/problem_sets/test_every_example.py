"""The worked examples of every problem set: does what they print tell the answer from every known slip?

A learner tries an example before the check. One that a slip reproduces tells them that a wrong answer is right. Slips
that get plain numbers right, and those that round, are left to the check: examples have numbers for a pencil.
"""

import doctest
import re
import warnings

import numpy as np

from attnlib.check.scoring.answers import slip_answer
from attnlib.check.specs.banks.results import FEW_DIGITS
from tests.problem_sets.helpers import freely, report_of
from tests.problem_sets.notebooks import solved_names, solved_parts


def reproduced(part, names, answer):
    """Does the example print what it says when `answer` is what a learner wrote? What it calls else is in `names`."""
    shown = "".join(re.findall(r"```pycon\n(.*?)```", part.statement.source, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(shown, names | {part.checked_name: answer}, part.statement.id, None, 0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return bool(test.examples) and doctest.DocTestRunner().run(test, out=lambda text: None).failed == 0


def right_in_plain_numbers(exercise, slip):
    """Whether a slip has every property that waits for no other: it shows for large scores or in late digits alone."""
    results = report_of(freely(exercise), slip_answer(exercise, slip)).results
    first = {prop.name for prop in exercise.properties if not prop.after}
    return all(result.holds for result in results if result.property in first)


def test_the_example_tells_the_solution_from_every_slip(function_exercise):
    """Does the solution print what the example says, and every known slip in its place something else?"""
    part = solved_parts(function_exercise.set).get(function_exercise.name)
    if not part:
        return  # test_a_set_has_its_notebooks says why
    names = solved_names(function_exercise.set)
    assert reproduced(part, names, names[part.checked_name]), f"{function_exercise.name}: the solution prints another"
    same = sorted({slip.id for slip in function_exercise.slips if reproduced(part, names, slip.function)
                   and slip.id != FEW_DIGITS.id and not right_in_plain_numbers(function_exercise, slip)})
    assert not same, f"{function_exercise.name}: {', '.join(same)} print the same; choose an example they get wrong"
