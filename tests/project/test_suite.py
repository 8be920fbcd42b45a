"""Do the rules of tests/conftest.py hold when tests run side by side?"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.conftest import ROOT

pytestmark = pytest.mark.slow
CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = '''
import os, time
import pytest

@pytest.mark.sandbox
def test_in_the_sandbox():
    pytest.skip("no bubblewrap")

def test_that_may_be_skipped():
    pytest.skip("no matter")

@pytest.fixture(scope="module", params=["98_trial", "99_trial"])
def stem(request):
    return request.param

@pytest.mark.parametrize("n", range(6))
def test_shares(stem, n):
    pass

def test_takes_long():
    time.sleep(0.3)

@pytest.mark.slow
def test_takes_long_and_says_so():
    time.sleep(0.3)

def test_threads():
    assert os.environ["OMP_NUM_THREADS"] == str(max(1, os.cpu_count() // 2))
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """run(*options): what pytest prints about TESTS, on two workers; 0.2 s are long here."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_a.py").write_text(TESTS)
    (folder / "test_b.py").write_text("import pytest\npytestmark = pytest.mark.slow\nraise ImportError\n")
    (folder / "conftest.py").write_text(CONFTEST.read_text().replace("SLOW = 5 ", "SLOW = 0.2 "))
    shutil.copy(ROOT / "pyproject.toml", folder)  # its markers
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "OMP_", "OPENBLAS_"))}
    clean["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])

    def pytest_prints(*options, ci="true"):
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-v", *options]
        return subprocess.run(command, cwd=folder, env=clean | {"CI": ci}, capture_output=True, text=True).stdout

    return pytest_prints


@pytest.fixture(scope="module")
def said(run):
    """What pytest prints in CI."""
    return run("test_a.py")


def test_in_ci_the_sandbox_may_not_be_skipped(said):
    """Is a sandbox test that was skipped a failure, also where a worker has skipped it?"""
    assert re.search(r"FAILED test_a.py::test_in_the_sandbox", said), said
    assert "needs sandbox and was skipped: Skipped: no bubblewrap" in said
    assert re.search(r"= 1 failed, 15 passed, 1 skipped in ", said), said


def test_what_takes_long_is_listed(said):
    """Is a test listed that takes long and is not marked slow?"""
    listed = said.split("are not marked slow")[1]
    assert "test_takes_long\n" in listed and "test_takes_long_and_says_so" not in listed.split("short test summary")[0]


def test_elsewhere_it_may_be_skipped(run):
    """Outside CI, is a sandbox test that was skipped no failure?"""
    assert "15 passed, 2 skipped" in run("test_a.py", ci="")


def test_what_shares_a_fixture_stays_together(said):
    """Does one worker run all tests that share a fixture of their module?"""
    homes = {}
    for worker, stem in re.findall(r"^\[(gw\d)\].* test_a.py::test_shares\[(\w+)-\d\]", said, re.M):
        homes.setdefault(stem, []).append(worker)
    assert {stem: len(workers) for stem, workers in homes.items()} == {"98_trial": 6, "99_trial": 6}
    assert all(len(set(workers)) == 1 for workers in homes.values())


def test_one_chapter(run):
    """Does --set leave only one chapter's tests?"""
    assert re.search(r"= 6 passed in ", run("--set", "98_trial", "test_a.py"))


def test_quick(run):
    """Does --quick leave out slow and sandbox tests, and not even import a file that is slow as a whole?"""
    assert re.search(r"= 14 passed, 1 skipped in ", run("--quick", "."))
