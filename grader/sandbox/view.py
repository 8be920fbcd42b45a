"""The attnlib a sandbox sees: the front door of `check`, and the modules the problem set may lean on.

No specification, no reference for what is asked. Every other module is a stub that says so.
"""

import pkgutil
import shutil
from pathlib import Path

import attnlib
from attnlib.check.spec import problem_set

BESIDE_LEARNER = "check/beside_learner"  # with check/__init__.py all of attnlib.check that goes into a sandbox
COMPILED = shutil.ignore_patterns("__pycache__")
STUB = '''raise ImportError(
    "{module} is not here when problem set {stem} is graded: it holds what the set asks for. "
    "Write what you need of it yourself."
)
'''


def build_view(stem, folder):
    """Write the package attnlib into `folder`, as the problem set `stem` may see it."""
    source, target = Path(attnlib.__file__).parent, Path(folder) / "attnlib"
    allowed = problem_set(stem).allowed_modules
    target.mkdir()
    shutil.copy(source / "__init__.py", target)
    shutil.copytree(source / BESIDE_LEARNER, target / BESIDE_LEARNER, ignore=COMPILED)
    shutil.copy(source / "check/__init__.py", target / "check")
    _choose(source, target, {*allowed, "_dispatch"}, "attnlib", stem)
    (target / "tensors").mkdir()
    shutil.copy(source / "tensors/__init__.py", target / "tensors")
    _choose(source / "tensors", target / "tensors", allowed, "attnlib.tensors", stem)


def _choose(source, target, allowed, package, stem):
    """Copy the `allowed` modules of a package that are there; put a stub in the place of each other one."""
    for module in pkgutil.iter_modules([source]):
        if module.name in allowed:
            _copy(source, module, target)
        elif module.name not in ("check", "tensors"):
            (target / f"{module.name}.py").write_text(STUB.format(module=f"{package}.{module.name}", stem=stem))


def _copy(source, module, target):
    if module.ispkg:
        shutil.copytree(source / module.name, target / module.name, ignore=COMPILED)
    else:
        shutil.copy(source / f"{module.name}.py", target)
