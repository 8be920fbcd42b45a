"""What a learner takes from the site: the wheel, the exercise notebooks, and a zip of both.

They stand in the folder `files` of the site under names that stay: python -m tools.learner_files FOLDER
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

from tools.chapters import ROOT, chapters

PACKED = ("attnlib", "grader", "pyproject.toml", "README.md", "LICENSE")  # what the wheel is made from
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the date of every file in wheel and zip, so that equal files make equal archives
PYPROJECT = ROOT / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf8"))["project"]
WHEEL = f"{PROJECT['name'].replace('-', '_')}-{PROJECT['version']}-py3-none-any.whl"
ZIP = f"{PROJECT['name']}.zip"


class BuildFailed(Exception):
    """The wheel could not be built; the message is what setuptools said."""


def write(folder, memory):
    """Write the files into `folder` and remove what else is there; the wheel only when what it is made from changed.

    memory: a file outside the folder that keeps what the wheel was made from. Returns the names of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wheel, made_from = folder / WHEEL, state()
    if not wheel.exists() or not memory.exists() or memory.read_text() != made_from:
        wheel.write_bytes(built_wheel())
        memory.write_text(made_from)
    files = {WHEEL: wheel.read_bytes()} | {path.name: path.read_bytes() for path in notebooks()}
    write_zip(folder / ZIP, files)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for path in folder.iterdir():
        if path.name not in (ZIP, *files):
            path.unlink()
    return [ZIP, *files]


def notebooks():
    """The exercise notebooks of all chapters that are there."""
    stems = [chapter.stem for chapter in chapters() if chapter.there]
    return [ROOT / "exercises" / stem / f"{stem}.ipynb" for stem in stems]


def state():
    """A hash of all that the wheel is made from."""
    digest = hashlib.sha256(f"setuptools {version('setuptools')}\0".encode())
    for path in [Path(__file__), *sources()]:
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def sources():
    """The files that the wheel is made from, compiled ones left out."""
    found = [path for name in PACKED for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def built_wheel():
    """The wheel as bytes, built without a network in a copy, where no earlier build leaves anything behind."""
    with tempfile.TemporaryDirectory() as scratch:
        copy, out = Path(scratch, "copy"), Path(scratch, "out")
        for path in sources():
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o644)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run([sys.executable, "-c", BUILD, out], cwd=copy, capture_output=True, text=True, umask=0o022,
                              env=environment | {"SOURCE_DATE_EPOCH": "315532800"})  # EPOCH in seconds
        if done.returncode:
            raise BuildFailed(done.stdout[-2000:] + done.stderr[-4000:])
        return (out / WHEEL).read_bytes()


def write_zip(path, files):
    """A zip of files {name: bytes}, in a folder of the zip's name; equal files make an equal zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"{path.stem}/{name}", EPOCH)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def main(arguments):
    """Write the files into the folder that is named."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    folder = Path(arguments[0])
    for name in write(folder, folder.with_name(f"{folder.name}.state")):
        print(f"{folder / name}: {(folder / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
