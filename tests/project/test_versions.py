"""Do attnlib and its checks work on the lowest and the highest Python and NumPy that pyproject.toml promises?"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from attnlib.check.spec import stems
from tests.project.conftest import PIP, ROOT
from tools.learner_files import PROJECT, WHEEL, ZIP

SCRIPT = Path(__file__).with_name("bare_environment.py")
PROMISED = sorted((int(major), int(minor)) for major, minor in re.findall(
    r"Python :: (\d+)\.(\d+)", "\n".join(PROJECT["classifiers"])))
LOWEST = [re.sub(r">=([\d.]+).*", r"==\1.*", requirement) for requirement in PROJECT["dependencies"]]

pytestmark = [pytest.mark.versions, pytest.mark.slow]


def version_of(python):
    """(major, minor) of an interpreter, or None when it does not start (a pyenv shim may not)."""
    asked = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    return tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else None


def interpreter(version):
    """An interpreter of this (major, minor), on the PATH or among those that pyenv keeps; skips when there is none."""
    name = "python{}.{}".format(*version)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    kept = sorted(pyenv.glob(f"*/bin/{name}")) + sorted(Path(sys.base_prefix).parent.glob(f"*/bin/{name}"))
    for python in filter(None, [shutil.which(name), *kept]):
        if version_of(python) == version:
            return python
    pytest.skip(f"no {name} on the PATH or in {pyenv}")


def solved(zipped, folder):
    """Unpack a learner's zip into `folder`, and write the solutions' answers into its notebooks."""
    zipfile.ZipFile(zipped).extractall(folder)
    for path in folder.glob("*/*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf8"))
        solution = json.loads((ROOT / "solutions" / path.stem / path.name).read_text(encoding="utf8"))
        answers = {cell["id"]: cell["source"] for cell in solution["cells"]
                   if cell["metadata"]["nbgrader"]["solution"]}
        for cell in notebook["cells"]:
            cell["source"] = answers.get(cell["id"], cell["source"])
        path.write_text(json.dumps(notebook), encoding="utf8")


def try_bare(folder, version, requirements, notebooks):
    """What bare_environment.py finds in a new environment of this Python, with these packages and no others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command):
        """What a command prints, out of sight of this checkout."""
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    python = folder / "bin" / "python"
    subprocess.run([interpreter(version), "-m", "venv", "--without-pip", folder], check=True)
    run(*PIP, "--python", python, "install", "--quiet", *requirements)
    found = json.loads(run(python, "-P", SCRIPT, notebooks))
    assert tuple(found["python"]) == version
    assert Path(found["attnlib"]).is_relative_to(folder)
    return found


def test_the_promise_is_said_alike():
    """Is the lowest Python of the classifiers the one that pip goes by?"""
    assert PROJECT["requires-python"] == ">={}.{}".format(*PROMISED[0])


@pytest.mark.parametrize(
    "version, requirements", [(PROMISED[0], LOWEST), (PROMISED[-1], [])], ids=["lowest", "highest"])
def test_the_versions_promised(version, requirements, learner_files, tmp_path):
    """With what a learner takes from the site and NumPy alone, do doctests pass, and solved notebooks get full marks?

    The lowest NumPy is that of Colab, 2.0.
    """
    solved(learner_files / ZIP, tmp_path / "unpacked")
    wheel, = (tmp_path / "unpacked").rglob(WHEEL)
    found = try_bare(tmp_path / "environment", version, [os.fspath(wheel), *requirements], tmp_path / "unpacked")
    assert found["installed"] == ["numpy", PROJECT["name"]]
    assert not requirements or f"numpy=={found['numpy'].rpartition('.')[0]}.*" in requirements
    assert found["failed"] == {}
    assert {"attnlib.weights.softmax", "attnlib.attention.attention"} <= set(found["passed"])
    assert set(found["passed"]) & set(stems())
    print(f"Python {version}, NumPy {found['numpy']}: {len(found['passed'])} passed; {found['needs_more']} need more")
