"""What the result of a page depends on, apart from its cells: the state of all that its run has read.

A record is what recorder/sitecustomize.py wrote. Its lines are compared by what they stand for: code by its syntax
tree, so that a comment changes nothing, other text by its bytes, a package by its version.
"""
import ast
import hashlib
import os
import sys
from functools import cache
from importlib.machinery import PathFinder, all_suffixes
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import source_from_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ABSENT = "absent"
CHANGING = "changed while the page ran"
STANDARD = sys.stdlib_module_names
OWN = {"code\tbook/_ext/page_inputs.py", "code\tbook/_ext/recorder/sitecustomize.py"}   # other rules, other records
INSTALLED = [each for each in sys.path if each.endswith(("site-packages", "dist-packages"))]


def inputs(record, started):
    """{line: state} for the lines of a record; a file changed after `started` gets a state that no later one equals."""
    found = {"python": sys.version}
    lines = OWN | {line for noted in record.read_text().splitlines() for line in compared(*noted.split("\t"))}
    for line in sorted(lines):
        kind, path = line.split("\t")[:2]
        found[line] = CHANGING if kind in ("code", "text") and changed(ROOT / path) > started else state(line)
    return found


def compared(kind, first, *rest):
    """The lines to compare for one line of a record: paths from the project's root, packages as what brings them."""
    if kind == "package":
        brought_by = distributions().get(first) or []
        return [f"distribution\t{each}" for each in brought_by] or [f"package\t{first}"] * (first not in STANDARD)
    return ["\t".join([kind, local(source(first)), *rest])]


def differences(found):
    """The lines of `inputs` whose state is another one now; with none of them, the page would come out the same."""
    return [line for line, before in found.items() if state(line) != before]


@cache
def state(line):
    """What a line of a record stands for, as it is now."""
    kind, *names = line.split("\t")
    if kind == "python":
        return sys.version
    if kind == "distribution":
        return installed_version(names[0])
    if kind == "package":
        return "found" if PathFinder.find_spec(names[0], INSTALLED) else ABSENT
    path = ROOT / names[0]
    if kind == "module":
        return " ".join(candidates(path, names[1]))
    if kind == "list":
        return " ".join(listing(path)) if path.is_dir() else ABSENT
    return digest(path, kind == "code") if path.is_file() else ABSENT


def digest(path, as_code):
    """A hash of a file: of the syntax tree where it was imported, of the bytes where it was read."""
    content = path.read_bytes()
    if as_code and path.suffix == ".py":
        try:
            content = ast.dump(ast.parse(content)).encode()
        except SyntaxError:
            pass
    return hashlib.sha256(content).hexdigest()[:20]


def candidates(folder, name):
    """What could be imported from the folder as `name`: files, a folder, and its __init__."""
    found = [each for each in listing(folder) if each == name or each in {name + suffix for suffix in all_suffixes()}]
    if name in found:
        found += [f"{name}/{each}" for each in listing(folder / name) if each.startswith("__init__.")]
    return found


@cache
def listing(folder):
    try:
        return sorted(each for each in os.listdir(folder) if each != "__pycache__")
    except OSError:
        return []


@cache
def distributions():
    """{name of a module: the distributions that bring it}, of what is installed."""
    return packages_distributions()


def installed_version(distribution):
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ABSENT


def source(path):
    """The source that a compiled module was made from; any other path as it is."""
    try:
        return source_from_cache(path)
    except ValueError:
        return path


def local(path):
    """A path from the root of the project where it lies in there."""
    return os.path.relpath(path, ROOT) if Path(path).is_relative_to(ROOT) else path


def changed(path):
    return path.stat().st_mtime if path.exists() else 0


def forget():
    """Look at every file and folder anew."""
    for remembered in (state, listing, distributions):
        remembered.cache_clear()
