"""The catalogue of calls holds every public function of attnlib and every argument, and each call is valid."""

import numpy as np
import pytest

from tests.attnlib.calls import CALLS, INNER, defined, parameters_of, public

LEFT_OUT = {"who"}  # the name an error starts with: of no interest to a caller
BY_NAME = {one.name: [other for other in CALLS if other.name == one.name] for one in CALLS}


def numbers_of(answer):
    """Every array and number in an answer, as arrays of NumPy: of a tuple, a list or a dict, those of its parts."""
    if isinstance(answer, dict):
        return [number for value in answer.values() for number in numbers_of(value)]
    if isinstance(answer, list | tuple):
        return [number for value in answer for number in numbers_of(value)]
    if hasattr(answer, "detach"):
        return [answer.detach().cpu().numpy()]
    return [np.asarray(answer)] if isinstance(answer, np.ndarray | np.generic | int | float) else []


def test_every_public_function_is_in_the_catalogue():
    """Is a new function, class or method tried with wrong arguments and odd layouts, or only what somebody thought of?

    Then a line for it is missing in tests/attnlib/calls.py.
    """
    assert set(BY_NAME) == set(public())


def test_what_the_catalogue_leaves_out_is_there():
    """Is every inner function that needs no call still in attnlib?"""
    assert INNER - set(defined()) == set()


@pytest.mark.parametrize("name", BY_NAME)
def test_every_argument_is_given_in_some_call(name):
    """Is a new argument of a function tried too?"""
    given = set().union(*(call.arguments for call in BY_NAME[name]))
    needed = {key for key, value in parameters_of(name).items() if value.kind is not value.VAR_KEYWORD}
    assert needed - given <= LEFT_OUT


@pytest.mark.parametrize("call", [pytest.param(call, id=str(call), marks=call.marks) for call in CALLS])
def test_calls_are_valid(call):
    """Does each call give an answer, and for tensors the numbers that arrays give?"""
    answers = {}
    for side in call.sides:
        given = call.draw(side == "tensors")
        answers[side] = numbers_of(call.run(given, side == "tensors"))
        assert call.random or not any(np.isnan(number).any() for number in answers[side])
    if len(answers) == 2:
        for array, tensor in zip(answers["arrays"], answers["tensors"], strict=True):
            np.testing.assert_allclose(tensor, array, rtol=1e-12, atol=1e-12)
