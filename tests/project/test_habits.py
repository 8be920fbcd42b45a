"""Does the code keep the habits that tools can check?"""

import subprocess
import sys

import pytest

from tests.project.conftest import ROOT


def run(*command):
    """What a tool prints, run in the root of the project; empty when it has no complaint."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_has_no_complaint():
    """Does every file pass the rules of pyproject.toml?"""
    complaints = run("ruff", "check", "--quiet", "--output-format", "concise")
    assert not complaints, complaints


@pytest.mark.slow
def test_the_types_hold():
    """Do the types of attnlib.check and of the grader agree with each other?"""
    complaints = run("mypy", "--no-error-summary")
    assert not complaints, complaints
