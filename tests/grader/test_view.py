"""The attnlib a sandbox sees: what is allowed can be imported there, and what is asked for is not there."""

import json
import os
import pkgutil
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

import attnlib
from attnlib.check.spec import exercises, problem_set, stems
from grader.course import REPOSITORY
from grader.sandbox import view
from grader.sandbox.bubblewrap import Sandbox
from grader.sandbox.host import Cell, run_notebook
from grader.sandbox.limits import Limits
from grader.sandbox.offer import offer_of
from grader.sandbox.view import build_view, visible_modules, write_view

PUBLIC = [module.name for module in pkgutil.iter_modules(attnlib.__path__)
          if not module.name.startswith("_") and module.name not in ("check", "tensors", "devices")]
NEEDS = {"triton_attention": "triton"}  # not installed everywhere
BESIDE_LEARNER = {"attnlib", "attnlib.check", "attnlib.check.beside_learner", "attnlib.check.beside_learner.call",
                  "attnlib.check.beside_learner.wire", "attnlib.tensors"}


def import_in(folder, *modules):
    """Import modules with nothing of this project but the view in `folder` on sys.path."""
    lines = ["import attnlib", f"assert attnlib.__file__.startswith({str(folder)!r}), attnlib.__file__"]
    return subprocess.run([sys.executable, "-P", "-c", "\n".join(lines + [f"import {module}" for module in modules])],
                          env=os.environ | {"PYTHONPATH": str(folder)}, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLIC)
def test_each_module_can_be_imported_where_it_alone_is_allowed(name, tmp_path):
    """Does a set that allows one module get whatever that module imports?"""
    if name in NEEDS and not find_spec(NEEDS[name]):
        pytest.skip(f"{NEEDS[name]} is not installed")
    write_view([name], "made_up", tmp_path)
    done = import_in(tmp_path, f"attnlib.{name}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in PUBLIC if find_spec(f"attnlib.tensors.{name}")])
def test_each_twin_comes_with_its_module(name):
    """Is the module that takes tensors there, with what it imports, wherever its NumPy twin is?"""
    visible = visible_modules([name])
    assert f"attnlib.tensors.{name}" in visible
    for module in visible - {"attnlib.check"}:  # which imports what scores only where it scores
        text = view._files()[module].read_text()
        assert set(re.findall(r"^\s*from (attnlib[\w.]*) import", text, re.MULTILINE)) <= visible, module


@pytest.mark.slow
def test_several_modules_together(tmp_path):
    """Do sets that allow what later chapters build on get it all, twins included?"""
    pytest.importorskip("torch")
    names = [name for name in ("attention", "heads", "kv_cache", "memory") if name in PUBLIC]
    write_view(names, "made_up", tmp_path)
    twins = [f"attnlib.tensors.{name}" for name in names if find_spec(f"attnlib.tensors.{name}")]
    done = import_in(tmp_path, *(f"attnlib.{name}" for name in names), *twins)
    assert len(names) > 2 and done.returncode == 0, done.stderr


def test_a_module_that_is_not_allowed_says_so(tmp_path):
    """Does importing anything else fail with a sentence that names the set?"""
    write_view(["inputs"], "made_up", tmp_path)
    done = import_in(tmp_path, "attnlib.weights")
    assert "attnlib.weights is not here when problem set made_up is graded" in done.stderr
    with pytest.raises(ValueError, match=r"attnlib\.no_such_module"):
        write_view(["no_such_module"], "made_up", tmp_path)


MADE_UP = {
    "__init__": "", "check/__init__": "", "check/spec": "answers = 1", "check/beside_learner/__init__": "",
    "check/beside_learner/call": "from attnlib._clock import now", "_clock": "now = 0", "tensors/__init__": "",
    "heads": "from attnlib._ops import exp\ndef late():\n    from attnlib import _threads\n", "_ops": "exp = 1",
    "_threads": "import attnlib._cores", "_cores": "", "weights": "answer = 1", "tensors/weights": "",
    "tensors/heads": "from . import _torch_ops", "tensors/_torch_ops": "from .. import _shapes", "_shapes": "",
    "data/__init__": "from .grammar import x", "data/grammar": "x = 1",
    "devices/__init__": "", "devices/ring": "answer = 1",
}


def test_private_helpers_need_no_list(tmp_path, monkeypatch):
    """Are helpers found by reading imports: inside functions, relative ones, those of helpers and of twins?"""
    source = tmp_path / "attnlib"
    for name, text in MADE_UP.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / f"{name}.py").write_text(text)
    (source / "data/words.txt").write_text("words")
    monkeypatch.setattr(view, "SOURCE", source)
    view._files.cache_clear()
    try:
        helpers = {"_clock", "_ops", "_threads", "_cores", "_shapes", "heads", "tensors.heads", "tensors._torch_ops"}
        assert visible_modules(["heads"]) == BESIDE_LEARNER - {"attnlib.check.beside_learner.wire"} | {
            f"attnlib.{name}" for name in helpers}
        write_view(["heads", "data"], "made_up", tmp_path / "view")
    finally:
        view._files.cache_clear()
    written = {str(path.relative_to(tmp_path / "view/attnlib")): path.read_text()
               for path in (tmp_path / "view").rglob("*") if path.is_file()}
    stubs = {name for name, text in written.items() if text.startswith("raise ImportError(")}
    assert stubs == {"weights.py", "tensors/weights.py", "devices.py"}
    assert written["data/words.txt"] == "words" and "check/spec.py" not in written


IMPORT_ALL = """
import importlib, json, traceback
failed = {}
for name in NAMES:
    try:
        importlib.import_module(name)
    except BaseException:
        failed[name] = traceback.format_exc()
print(json.dumps(failed))
"""


def imported_inside(stem, folder, libraries):
    """{module: traceback} of the modules of the view in `folder` that cannot be imported in the sandbox of a set."""
    names = sorted(".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
                   for path in folder.rglob("*.py") if not path.read_text().startswith("raise ImportError("))
    assert "attnlib.check.beside_learner.call" in names
    cell = Cell("import_all", f"NAMES = {names}\n{IMPORT_ALL}")
    run = run_notebook([cell], {}, {}, folder, Sandbox(Limits(), [REPOSITORY]), offer_of(libraries, stem))
    return json.loads(run.outputs[0][0]["text"])


@pytest.mark.sandbox
@pytest.mark.parametrize("stem", stems())
def test_every_module_of_a_view_can_be_imported_inside(stem, tmp_path):
    """Is nothing missing in the sandbox of a set that a module of its view imports?"""
    build_view(stem, tmp_path)
    assert imported_inside(stem, tmp_path, problem_set(stem).libraries) == {}


@pytest.mark.sandbox
def test_a_module_missing_from_a_view_is_found(tmp_path):
    """Would the test above notice a helper that is not there, as one once was not?"""
    write_view(["attention"], "97_made_up", tmp_path)
    assert imported_inside("97_made_up", tmp_path, ("numpy",)) == {}
    (tmp_path / "attnlib/_chunked.py").unlink()
    assert "attnlib.attention" in imported_inside("97_made_up", tmp_path, ("numpy",))


@pytest.mark.parametrize("stem", stems())
def test_no_answer_is_in_the_view(stem, tmp_path):
    """Does a set's view hold no reference, no specification, no expected value, and say why?"""
    build_view(stem, tmp_path)
    visible = visible_modules(problem_set(stem).every_allowed_module)
    assert BESIDE_LEARNER <= visible
    assert not {exercise.reference.__module__ for exercise in exercises(stem)} & visible
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    whole = [tmp_path / view._files()[module].relative_to(view.SOURCE.parent) for module in visible]
    assert set(whole) <= set(files)
    stubs = [path for path in files if path.suffix == ".py" and path not in whole]
    assert stubs and all(path.read_text().startswith("raise ImportError(") for path in stubs)
    always = [tmp_path / view._files()[module].relative_to(view.SOURCE.parent) for module in BESIDE_LEARNER]
    text = "".join(path.read_text() for path in [*always, *stubs])
    assert not re.search(r"reference|slips\b|Slip\(|EXERCISES", text.replace("The reference implementation", ""))
