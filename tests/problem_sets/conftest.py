"""What a test of every set asks for: a set's stem and its notebooks, or one exercise."""

import sys

import pytest

from tests.problem_sets.helpers import EXERCISES, FUNCTIONS, by_name
from tests.problem_sets.notebooks import defined_by, read, with_notebooks

# Of module scope, so that pytest runs all tests of one exercise together: what its slips give is then still known.


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """PyTorch on one thread: its many small sums here are slower on several, ten times where the cores are busy."""
    torch = sys.modules.get("torch")
    threads = torch and torch.get_num_threads()
    if torch:
        torch.set_num_threads(1)
    yield
    if torch:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=EXERCISES, ids=by_name)
def exercise(request):
    """Each exercise of every set."""
    return request.param


@pytest.fixture(scope="module", params=[each for each in EXERCISES if each.kind in FUNCTIONS], ids=by_name)
def function_exercise(request):
    """Each exercise whose cases hold the arguments of a function."""
    return request.param


@pytest.fixture(scope="module", params=with_notebooks())
def stem(request):
    """Each set that has its notebooks."""
    return request.param


@pytest.fixture(scope="module")
def notebook(stem):
    """The solution notebook."""
    return read("solutions", stem)


@pytest.fixture(scope="module")
def solution(notebook):
    """What the solution notebook defines."""
    return defined_by(notebook)
