"""Build the attnlib a sandbox sees: what runs beside the learner, and the modules that the set or one exercise allows.

It holds no specification and no reference for what is asked. What else attnlib has is a stub that says so, and of
attnlib.check nothing else is there.
"""

import ast
import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import attnlib
from attnlib.check.spec import problem_set

SOURCE = Path(attnlib.__file__).parent
CHECK = "attnlib.check"
BESIDE_LEARNER = "attnlib.check.beside_learner"  # with check/__init__.py all of attnlib.check that goes into a sandbox
TENSORS = "attnlib.tensors"
STUB = '''raise ImportError(
    "{module} is not here when problem set {stem} is graded: the set does not allow it. "
    "Write what you need of it yourself."
)
'''


def build_view(stem: str, folder: str | Path) -> None:
    """Write the package attnlib into `folder`, as the problem set `stem` may see it."""
    write_view(problem_set(stem).every_allowed_module, stem, folder)


def write_view(allowed: Iterable[str], stem: str, folder: str | Path) -> None:
    """Write into `folder` what `visible_modules(allowed)` names, with stubs for the other modules of attnlib."""
    visible = visible_modules(allowed)
    for module, source in _files().items():
        target = Path(folder) / "attnlib" / source.relative_to(SOURCE)
        if module in visible:
            target.parent.mkdir(parents=True, exist_ok=True)
            for file in _with_data(source):
                shutil.copy(file, target.parent)
        elif not _is_in(CHECK, module) and _parent(module) in visible:
            target = target.parent.with_suffix(".py") if source.name == "__init__.py" else target
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(STUB.format(module=module, stem=stem))


def _with_data(source: Path) -> list[Path]:
    """A module's file and, if it is a package, the data files beside it."""
    beside = source.parent.iterdir() if source.name == "__init__.py" else ()
    return [source, *(path for path in beside if path.is_file() and path.suffix != ".py")]


def visible_modules(allowed: Iterable[str]) -> set[str]:
    """The full names of the modules in a view that allows the attnlib modules `allowed`.

    These are the allowed ones, what runs beside the learner, whatever any of them imports from attnlib (private
    helpers and imports inside functions too), and the twin in attnlib.tensors of each module that has one.
    Raises ValueError when a module is allowed that attnlib does not have.
    """
    packages = [f"attnlib.{name}" for name in allowed]
    if unknown := sorted(set(packages) - _files().keys()):
        raise ValueError(f"allowed_modules of the problem set names {', '.join(unknown)}, which attnlib does not have: "
                         "correct it in the set's specification")
    roots = [BESIDE_LEARNER, *packages]
    waiting = {"attnlib", CHECK, TENSORS, *(name for name in _files() for root in roots if _is_in(root, name))}
    visible: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in _files() and module not in visible and (module in _sent_of_check() or not _is_in(CHECK, module)):
            visible.add(module)
            waiting |= {*_imports(module), _parent(module), module.replace("attnlib.", f"{TENSORS}.", 1)}
    return visible


def _sent_of_check() -> set[str]:
    """The modules of attnlib.check that go into a sandbox: check itself imports what scores only where it scores."""
    return {CHECK, *(name for name in _files() if _is_in(BESIDE_LEARNER, name))}


def _imports(module: str) -> Iterator[str]:
    """Every full name that a module's text imports or may import, wherever in it the import stands."""
    source = _files()[module]
    package = module.split(".") if source.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


@cache
def _files() -> dict[str, Path]:
    """{full name: file} of every module of attnlib, a package before what lies in it."""
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return dict(sorted(names.items()))


def _parent(module: str) -> str:
    return module.rpartition(".")[0]


def _is_in(package: str, module: str) -> bool:
    """Whether `module` is `package` or lies in it."""
    return module == package or module.startswith(f"{package}.")
