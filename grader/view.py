"""The attnlib a sandbox sees: the front door of `check`, and the modules the problem set may lean on.

No specification, no reference for what is asked. Every other module is a stub that says so.
"""

import pkgutil
import shutil
from pathlib import Path

import attnlib
from attnlib.check.spec import may_use

FRONT_DOOR = ("__init__.py", "run.py", "wire.py")  # of attnlib.check; none of them knows an expected value
STUB = '''raise ImportError(
    "{module} is not here when problem set {stem} is graded: it holds what the set asks for. "
    "Write what you need of it yourself."
)
'''


def build_view(stem, folder):
    """Write the package attnlib into `folder`, as the problem set `stem` may see it."""
    source, target = Path(attnlib.__file__).parent, Path(folder) / "attnlib"
    (target / "check").mkdir(parents=True)
    shutil.copy(source / "__init__.py", target)
    for name in FRONT_DOOR:
        shutil.copy(source / "check" / name, target / "check")
    _choose(source, target, {*may_use(stem), "_dispatch"}, "attnlib", stem)
    (target / "tensors").mkdir()
    shutil.copy(source / "tensors/__init__.py", target / "tensors")
    _choose(source / "tensors", target / "tensors", may_use(stem), "attnlib.tensors", stem)


def _choose(source, target, allowed, package, stem):
    """Copy the `allowed` modules of a package that are there; put a stub in the place of each other one."""
    for module in pkgutil.iter_modules([source]):
        if module.name in allowed:
            _copy(source, module, target)
        elif module.name not in ("check", "tensors"):
            (target / f"{module.name}.py").write_text(STUB.format(module=f"{package}.{module.name}", stem=stem))


def _copy(source, module, target):
    if module.ispkg:
        shutil.copytree(source / module.name, target / module.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source / f"{module.name}.py", target)
