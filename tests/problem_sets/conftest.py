"""What a test of every set asks for: a set's stem and its notebooks, or one exercise."""

import sys

import pytest

from tests.grader.needs_sandbox import _skip_without_sandbox, sandbox_trouble  # noqa: F401
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


@pytest.fixture(scope="session")
def seeds(request):
    """The public seed, and one that a grader might draw; 39 of these with --thorough."""
    return [0, *range(20261120, 20261121 + 38 * request.config.getoption("--thorough"))]


@pytest.fixture(scope="session")
def every(request):
    """Take every so-many-th answer of a bank where each takes long: all of them with --thorough."""
    return 1 if request.config.getoption("--thorough") else 5


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
