"""What a learner takes from the site: is it small, whole, the same each time, and without a solution?"""

import contextlib
import os
import time
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement

from attnlib.check.spec import stems
from tests.project.conftest import ROOT
from tools import learner_files as site_files
from tools.learner_files import WHEEL, ZIP

MOST_BYTES = 1_000_000  # of the zip


def members(path):
    """{name: bytes} of what is in a zip or a wheel."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@contextlib.contextmanager
def private_files():
    """What is written here may be read by its owner alone, as some people have it set."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_numpy_is_all_that_is_needed():
    """Does the package ask for NumPy, that of Colab (2.0.2) included, and for nothing else?"""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    numpy, = map(Requirement, needed)
    assert numpy.name == "numpy" and numpy.specifier.contains("2.0.2")


def test_the_zip_holds_the_wheel_and_every_exercise_notebook(learner_files):
    """Are they there one by one and in the zip, which puts all into a folder of its own, and are they small?"""
    notebooks = {f"{stem}.ipynb": (ROOT / "exercises" / stem / f"{stem}.ipynb").read_bytes() for stem in stems()}
    alone = {path.name: path.read_bytes() for path in learner_files.iterdir() if path.name != ZIP}
    assert alone == notebooks | {WHEEL: alone[WHEEL]}
    folder = ZIP.removesuffix(".zip")
    assert members(learner_files / ZIP) == {f"{folder}/{name}": content for name, content in alone.items()}
    assert (learner_files / ZIP).stat().st_size < MOST_BYTES


def test_no_solution_is_in_the_wheel(learner_files):
    """Does the wheel hold attnlib, the grader and their data, but no notebook, and no solution by its mark?"""
    packed = members(learner_files / WHEEL)
    assert {name.split("/")[0].split("-")[0] for name in packed} == {"attnlib", "grader", WHEEL.split("-")[0]}
    assert not [name for name in packed if name.endswith(".ipynb") or "solutions" in name]
    marked = {name for name, content in packed.items() if b"### BEGIN SOLUTION\n" in content}
    assert marked == set()


@pytest.mark.slow
def test_the_wheel_is_the_one_that_pip_makes_of_a_checkout(learner_files, wheel):
    """Has the site's wheel the files that `pip wheel .` packs?"""
    assert wheel.name == WHEEL
    assert members(learner_files / WHEEL) == members(wheel)


def test_the_wheel_is_built_only_when_its_sources_change(learner_files, tmp_path, monkeypatch):
    """Is a second wheel the same byte for byte, is none built while nothing changed, and what is old removed?"""
    folder, memory = tmp_path / "files", tmp_path / "made_from"
    with private_files():
        site_files.write(folder, memory)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in learner_files.iterdir()}
    (folder / "old.whl").write_text("a wheel of an earlier version")
    monkeypatch.setattr(site_files, "built_wheel", lambda: b"built again")
    started = time.perf_counter()
    site_files.write(folder, memory)
    print(f"{time.perf_counter() - started:.2f} s when nothing changed")
    assert not (folder / "old.whl").exists() and (folder / WHEEL).stat().st_size > 1000
    memory.write_text("of other sources")
    site_files.write(folder, memory)
    assert (folder / WHEEL).read_bytes() == b"built again"


def test_a_wheel_that_cannot_be_built_says_why(monkeypatch):
    """Does the error hold what setuptools said?"""
    monkeypatch.setattr(site_files, "BUILD", "raise SystemExit('no such backend')")
    with pytest.raises(site_files.BuildFailed, match="no such backend"):
        site_files.built_wheel()
