"""The time an answer gets: it counts what the answer computes, and not how long a library takes to import."""

import sys
import time

import pytest

from attnlib.check.beside_learner import places, time_limit
from attnlib.check.beside_learner.time_limit import within

SLOW = "import time\nend = time.monotonic() + 0.6\nwhile time.monotonic() < end: pass\n"


@pytest.fixture
def slow_module(tmp_path, monkeypatch):
    """Write a module that takes 0.6 s to import, as a library or as a file of the learner's."""
    def write(name, library):
        (tmp_path / f"{name}.py").write_text(SLOW)
        monkeypatch.syspath_prepend(str(tmp_path))
        if library:
            monkeypatch.setattr(places, "LIBRARIES", (*places.LIBRARIES, str(tmp_path)))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


def test_the_import_of_a_library_is_not_counted(slow_module):
    """Does an answer that imports a slow library have its whole time left?"""
    slow_module("slow_library_97", library=True)
    done = []

    def work():
        import slow_library_97  # noqa: F401
        time.sleep(0.1)
        done.append(1)

    assert within(0.3, work) and done


def test_work_hidden_in_a_file_of_ones_own_is_counted(slow_module):
    """Does computing while a file beside the notebook is imported take the answer's time?"""
    slow_module("slow_file_97", library=False)

    def work():
        import slow_file_97  # noqa: F401

    assert not within(0.3, work)


def test_imports_are_bounded_too(slow_module, monkeypatch):
    """Does an import that never ends come to an end?"""
    slow_module("slow_library_98", library=True)
    monkeypatch.setattr(time_limit, "IMPORTS", 0.1)

    def work():
        import slow_library_98  # noqa: F401

    assert not within(0.2, work)


def test_work_that_ends_costs_no_waiting():
    """Is a short answer not held up by the looks at what it is doing?"""
    start = time.monotonic()
    assert all(within(5, lambda: None) for _ in range(20))
    assert time.monotonic() - start < time_limit.LOOK * 20
