"""What the tests of the project as a whole share: its wheel, built from the files that git knows or would add."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import learner_files as site_files

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def project_files():
    """Every file of the project, relative to its root: nothing that was built, nothing that a course holds."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The path of the wheel. It is built in a copy: a `build` folder in the checkout would bring old files back."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for path in project_files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy / path)
    built = subprocess.run([*PIP, "wheel", ".", "--no-deps", "--no-build-isolation", "-w", out], cwd=copy,
                           capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-4000:]
    path, = out.iterdir()
    return path


@pytest.fixture(scope="session")
def learner_files(tmp_path_factory):
    """The folder of what the site has for learners: the wheel, the exercise notebooks, the zip of both."""
    folder = tmp_path_factory.mktemp("site") / "files"
    site_files.write(folder, folder.with_name("made_from"))
    return folder


@pytest.fixture(scope="session")
def unpacked(wheel, tmp_path_factory):
    """The folder that the wheel unpacks to."""
    folder = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder
