"""What the result of a page depends on, apart from its cells: the files its run has read, and what is installed.

recorder/sitecustomize.py writes down the files. A module is compared by its syntax tree, so that a comment changes
nothing, any other file by its bytes, and Python with its packages by their versions.
"""
import ast
import hashlib
import os
import sys
from importlib.metadata import distributions
from importlib.util import source_from_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTALLED = "Python or a package"
ABSENT, CHANGING = "absent", "changed while the page ran"


def inputs(record, started):
    """{file: state} for the files of a record. One written after `started` gets a state that no later one equals."""
    opened = {source(Path(line)) for line in record.read_text().splitlines()}
    found = {os.path.relpath(path, ROOT): CHANGING if written(path) > started else state(path)
             for path in sorted(opened)}
    return found | {INSTALLED: installed()}


def differences(found):
    """What of `inputs` is another now; when nothing is, the page would come out the same."""
    return [name for name, before in found.items()
            if before != (installed() if name == INSTALLED else state(ROOT / name))]


def state(path):
    """A hash of a file: of the syntax tree of Python, of the bytes of anything else."""
    if not path.is_file():
        return ABSENT
    content = path.read_bytes()
    if path.suffix == ".py":
        try:
            content = ast.dump(ast.parse(content)).encode()
        except SyntaxError:
            pass  # then its bytes
    return hashlib.sha256(content).hexdigest()[:20]


def installed():
    """A hash of the versions of Python and of every package, our own apart: its files are compared one by one."""
    packages = sorted({f"{each.name} {each.version}" for each in distributions()})
    return hashlib.sha256(f"{sys.version} {packages}".encode()).hexdigest()[:20]


def source(path):
    """The source that a compiled module was made from; any other path as it is."""
    try:
        return Path(source_from_cache(str(path)))
    except ValueError:
        return path


def written(path):
    return path.stat().st_mtime if path.exists() else 0
