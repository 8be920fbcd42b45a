"""The worked examples of every problem set: does what they print tell the answer from every known slip?

A learner tries an example before the check. One that a slip reproduces tells them that a wrong answer is right.
"""

import doctest
import re
import warnings

import numpy as np

from tests.problem_sets.notebooks import solved_names, solved_parts


def reproduced(part, names, answer):
    """Does the example print what it says when `answer` is what a learner wrote? What it calls else is in `names`."""
    shown = "".join(re.findall(r"```pycon\n(.*?)```", part.statement.source, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(shown, names | {part.checked_name: answer}, part.statement.id, None, 0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return bool(test.examples) and doctest.DocTestRunner().run(test, out=lambda text: None).failed == 0


def test_the_example_tells_the_solution_from_every_slip(function_exercise):
    """Does the solution print what the example says, and every known slip in its place something else?"""
    part = solved_parts(function_exercise.set).get(function_exercise.name)
    if not part:
        return  # test_a_set_has_its_notebooks says why
    names = solved_names(function_exercise.set)
    assert reproduced(part, names, names[part.checked_name]), f"{function_exercise.name}: the solution prints another"
    same = sorted({slip.id for slip in function_exercise.slips if reproduced(part, names, slip.function)})
    assert not same, f"{function_exercise.name}: {', '.join(same)} print the same; choose an example they get wrong"
