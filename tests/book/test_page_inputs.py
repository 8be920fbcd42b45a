"""Is it noticed when something a page has read changes, and only then? Tried in a small project, without a kernel."""
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parents[2] / "book" / "_ext"
FILES = {
    "book/figures/__init__.py": "",
    "book/figures/plots.py": 'from package.scores import dot\n\n\ndef bars():\n    """Bars."""\n    return dot()\n',
    "book/figures/never.py": "never = 1\n",
    "book/numbers.csv": "1,2\n",
    "package/__init__.py": "from importlib import import_module\n\n\ndef __getattr__(name):\n"
                           "    return import_module(f'package.{name}')\n",
    "package/scores.py": "def dot():\n    return 1\n",
    "package/weights.py": "alpha = 1\n",
    "package/data/a.txt": "a\n",
}
PAGE = "import figures.plots, package\npackage.weights\nopen('numbers.csv').read()\n"


@pytest.fixture
def project(tmp_path):
    """A folder with `package` at its root and `figures` in its book, as this one has."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copytree(EXTENSIONS, tmp_path / "book" / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(project, code):
    """What running the code as a page would reads: {file: state}."""
    inputs, record, started = load(project), project / "record", time.time()
    record.unlink(missing_ok=True)
    libraries = os.pathsep.join([str(project / "book" / "_ext" / "recorder"), str(project)])
    subprocess.run([sys.executable, "-c", code], cwd=project / "book", check=True, timeout=60,
                   env=os.environ | {"PYTHONPATH": libraries, "PAGE_RECORD": str(record)})
    return inputs.inputs(record, started)


def changed(project, before):
    """The files that have changed."""
    return load(project).differences(before)


def load(project):
    """page_inputs of the project, which has looked at nothing yet."""
    spec = importlib.util.spec_from_file_location("page_inputs", project / "book" / "_ext" / "page_inputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def edit(project, name, old, new):
    path = project / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("compiled", [False, True])
def test_each_file_that_was_read_matters_and_no_other(project, compiled):
    """Does an edit count in an imported module, one imported late, and a data file, but not in what was not read?"""
    if compiled:
        subprocess.run([sys.executable, "-m", "compileall", "-q", project], check=True,
                       env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""})
    before = run(project, PAGE)
    edit(project, "book/figures/never.py", "1", "2")
    (project / "package" / "heads.py").write_text("")
    assert changed(project, before) == []
    edit(project, "package/scores.py", "1", "2")
    assert changed(project, before) == ["package/scores.py"]
    edit(project, "package/weights.py", "1", "2")
    edit(project, "book/numbers.csv", "1", "2")
    assert changed(project, before) == ["book/numbers.csv", "package/scores.py", "package/weights.py"]


def test_a_comment_changes_nothing_and_a_docstring_does(project):
    """Are comments, blank lines and the place of a function in its file left out, and docstrings kept?"""
    before = run(project, PAGE)
    edit(project, "book/figures/plots.py", "    return dot()", "    # a comment\n\n    return dot()  # another")
    edit(project, "package/scores.py", "def dot", "\n# a comment\ndef dot")
    assert changed(project, before) == []
    edit(project, "book/figures/plots.py", "Bars.", "Bars and lines.")
    assert changed(project, before) == ["book/figures/plots.py"]


def test_deleted_and_renamed_modules_are_missed(project):
    """Is a module that has gone, or has another name, a change?"""
    before = run(project, PAGE)
    (project / "package" / "scores.py").rename(project / "package" / "score.py")
    assert changed(project, before) == ["package/scores.py"]
    (project / "package" / "score.py").rename(project / "package" / "scores.py")
    assert changed(project, before) == []


def test_another_version_of_python_or_of_a_package_counts(project):
    """Does a page run again when anything that is installed has another version?"""
    before = run(project, PAGE)
    assert load(project).differences(before | {load(project).INSTALLED: "another"}) == ["Python or a package"]


def test_another_process_counts(project):
    """Is what a child process imports written down too?"""
    before = run(project, "import subprocess, sys\n"
                          "subprocess.run([sys.executable, '-c', 'import package.weights'], check=True)\n")
    edit(project, "package/weights.py", "1", "2")
    assert changed(project, before) == ["package/weights.py"]


def test_a_missing_file_that_comes_counts(project):
    """Does a file count that the page tried to open in vain?"""
    before = run(project, "try:\n    open('later.csv')\nexcept OSError:\n    pass\n")
    (project / "book" / "later.csv").write_text("1\n")
    assert changed(project, before) == ["book/later.csv"]


def test_a_file_edited_while_the_page_runs(project):
    """Is a result not believed when a file it read was written after the page had started?"""
    before = run(project, PAGE + "import pathlib\npathlib.Path('../package/scores.py').touch()\n")
    assert changed(project, before) == ["package/scores.py"]
