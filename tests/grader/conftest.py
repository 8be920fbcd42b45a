"""What the grader's tests share: a course of their own, a graded class, cells run in a sandbox."""

import json
from dataclasses import replace
from functools import cache

import nbgrader.api
import pytest

from grader.class_run import grade_class
from grader.course import REPOSITORY, Course
from grader.sandbox import cgroups
from grader.sandbox.bubblewrap import Sandbox
from grader.sandbox.host import Cell, run_notebook
from grader.sandbox.limits import Limits
from tests.grader.corpus import corpus
from tests.grader.needs_sandbox import _skip_without_sandbox, sandbox_trouble  # noqa: F401
from tests.grader.sample_class import STEM
from tests.grader.small_runs import AFTER, BEFORE, CHECK, LIMITS


@pytest.fixture(scope="session", autouse=True)
def _without_groups(request):
    """With --no-groups, sandboxes have no control groups, as where nobody may make any."""
    with pytest.MonkeyPatch.context() as patch:
        if request.config.getoption("--no-groups"):
            patch.setattr(cgroups, "_parents", lambda: (0, []))
        yield


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


@pytest.fixture(scope="session")
def view(tmp_path_factory):
    """An attnlib with nothing but a small `check`."""
    folder = tmp_path_factory.mktemp("view")
    (folder / "attnlib").mkdir()
    (folder / "attnlib" / "__init__.py").touch()
    (folder / "attnlib" / "check.py").write_text(CHECK)
    return folder


@pytest.fixture
def run(view):
    """Run cells, given as text, between two check cells: the NotebookRun."""

    def run(*sources, files=None, **limits):
        cells = (BEFORE, *(Cell(f"cell_{i}", source) for i, source in enumerate(sources)), AFTER)
        sandbox = Sandbox(replace(LIMITS, **limits), [REPOSITORY])
        return run_notebook(cells, {"before": {}, "after": {}}, files or {}, view, sandbox)

    return run


@pytest.fixture
def printed(run):
    """Run one cell and read back, as JSON, what it printed."""

    def printed(source, **options):
        outputs = run(source, **options).outputs[1]
        assert outputs and outputs[0]["output_type"] == "stream", outputs
        return json.loads(outputs[0]["text"].splitlines()[-1])

    return printed
