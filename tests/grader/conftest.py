"""What the grader's tests share: a course of their own, and a reason when the sandbox cannot work here."""

from functools import cache

import nbgrader.api
import pytest

from grader.class_run import grade_class
from grader.course import Course
from grader.sandbox.bubblewrap import SandboxFault
from grader.sandbox.limits import Limits
from grader.sandbox.probe import probe
from tests.grader.corpus import corpus
from tests.grader.sample_class import STEM


@pytest.fixture(scope="session")
def sandbox_trouble():
    """Why the sandbox does not work on this machine; empty when it does."""
    try:
        probe()
    except SandboxFault as fault:
        return str(fault)
    return ""


@pytest.fixture(autouse=True)
def _skip_without_sandbox(request):
    if request.node.get_closest_marker("sandbox"):
        trouble = request.getfixturevalue("sandbox_trouble")
        if trouble:
            pytest.skip(trouble)


@pytest.fixture(scope="session", autouse=True)
def _ask_alembic_once():
    """nbgrader starts a process for each new gradebook, to ask for a version that is always the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", cache(nbgrader.api.get_alembic_version))
        yield


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Send the tests that share a graded class to one worker of `pytest -n --dist loadgroup`: it is graded once."""
    for item in items:
        for shared in {"graded", "graded_corpus"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture(scope="session")
def graded_corpus(tmp_path_factory):
    """(course, rows by student): the corpus after one run of the grader."""
    course = Course.at(tmp_path_factory.mktemp("corpus"))
    for submitted in corpus().values():
        submitted.hand_in(course.submitted)
    return course, {row.student: row for row in grade_class(course, STEM, limits=Limits.for_cells_of(7))}


@pytest.fixture
def course(tmp_path):
    """An empty course directory."""
    return Course.at(tmp_path / "course")
