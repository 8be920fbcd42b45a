"""Does the grader grade a class, pages included, on the oldest and the newest Python that pyproject.toml promises?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.grader.sample_class import STEM, make
from tests.project.conftest import PIP, ROOT
from tests.project.test_versions import PROMISED
from tools.learner_files import PROJECT

pytestmark = [pytest.mark.versions, pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(1200)]
EXTRAS = PROJECT["optional-dependencies"]


def interpreters(version):
    """Every interpreter here of this (major, minor), the oldest first: [(full version, path)]."""
    name = "python{}.{}".format(*version)
    kept = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions", Path(sys.base_prefix).parent]
    places = [Path(place) / name for place in [*os.environ["PATH"].split(os.pathsep), "/usr/bin", "/usr/local/bin"]]
    found = {}
    for python in [*places, *(path for folder in kept for path in folder.glob(f"*/bin/{name}"))]:
        if python.exists():
            asked = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:3])"], capture_output=True,
                                   text=True)
            if asked.returncode == 0:  # a pyenv shim may not start
                found[tuple(map(int, asked.stdout.split()))] = python
    return sorted((full, python) for full, python in found.items() if full[:2] == version)


def stand_in(python, package):
    """An empty package in place of one that the set offers, that takes minutes to install, and that nobody imports."""
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    folder = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()) / package
    folder.mkdir()
    (folder / "__init__.py").touch()


@pytest.mark.parametrize("version, which", [(PROMISED[0], 0), (PROMISED[-1], -1)], ids=["oldest", "newest"])
def test_a_class_of_three(version, which, tmp_path):
    """With the packages that pip takes for it: right scores, and a page for everyone who was graded?"""
    found = interpreters(version)
    if not found:
        pytest.skip(f"no Python {version} here")
    full, interpreter = found[which]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    python = tmp_path / "environment" / "bin" / "python"
    subprocess.run([interpreter, "-m", "venv", "--without-pip", python.parents[1]], check=True)
    needed = [*PROJECT["dependencies"], *EXTRAS["grader"]]
    done = subprocess.run([*PIP, "--python", python, "install", "--quiet", *needed], env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    stand_in(python, "torch")
    course = tmp_path / "course"
    make(course, ["honest", "half_done", "cut_short"])
    done = subprocess.run([python, "-m", "grader", STEM, "--course", course], cwd=ROOT, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "18 of 18" in done.stdout and "7 of 18" in done.stdout and "no feedback" not in done.stdout
    for student in ("honest", "half_done"):
        assert (course / "feedback" / student / STEM / f"{STEM}.html").exists()
    print(f"Python {full}: graded")
    shutil.rmtree(tmp_path / "environment")
