"""Does the wheel hold attnlib and the grader, whole, and nothing else of the repository?"""

import ast
import os
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.conftest import ROOT, project_files

PACKAGES = ("attnlib", "grader")
DATA = {"attnlib/data/README.md", "attnlib/data/japanese_vowels.npz"}


def run_beside(unpacked, *command):
    """Run Python with the unpacked wheel in front of everything; this checkout is out of sight."""
    done = subprocess.run([sys.executable, "-P", *command], cwd=unpacked, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(unpacked)})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_module_is_in_the_wheel_and_nothing_else(unpacked):
    """Are the files of the wheel the modules of attnlib and grader, and the data beside them?"""
    ours = {str(path) for path in project_files() if path.parts[0] in PACKAGES and path.suffix == ".py"}
    packed = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {name for name in packed if ".dist-info/" not in name} == ours | DATA


def test_the_wheel_is_what_is_imported(unpacked):
    """Do the parts that need NumPy alone import from the wheel, without torch?"""
    said = run_beside(unpacked, "-c", "import sys, attnlib.weights, attnlib.check; print(attnlib.__file__); "
                                      "print('torch' in sys.modules)")
    assert said.splitlines() == [str(unpacked / "attnlib" / "__init__.py"), "False"]


@pytest.mark.slow
def test_the_grader_of_the_wheel_tells_its_options(unpacked):
    """Does python -m grader --help work from the wheel?"""
    assert "--student" in run_beside(unpacked, "-m", "grader", "--help")


def imported_by_the_grader():
    """The packages outside Python that grader's files import."""
    found = set()
    for path in (ROOT / "grader").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - set(PACKAGES)


def brought_by(requirements, extra=""):
    """The names of all distributions that these requirements bring with them."""
    found = set()
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            found.add(canonicalize_name(requirement.name))
            found |= needed(canonicalize_name(requirement.name))
    return found


@cache
def needed(distribution):
    """What a distribution that is installed brings with it, optional parts left out."""
    return brought_by(requires(distribution) or ())


def test_the_grader_extra_brings_what_the_grader_imports():
    """Does pip install '.[grader]' bring every package that a file of the grader imports?"""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    brought = brought_by(project["dependencies"] + project["optional-dependencies"]["grader"])
    homes = packages_distributions()
    assert {name for name in imported_by_the_grader()
            if not brought & set(map(canonicalize_name, homes[name]))} == set()
