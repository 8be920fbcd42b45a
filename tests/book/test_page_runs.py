"""Which pages run, and which are read then? Two pages that say when they ran; the tests play Sphinx's part."""
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_cache import get_cache
from myst_nb.core.config import NbParserConfig
from myst_parser.config.main import MdParserConfig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page_runs")]        # the book is made once

EXTENSIONS = Path(__file__).parents[2] / "book" / "_ext"
PAGE = """---
file_format: mystnb
kernelspec: {{name: python3}}
---
# {module}

```{{code-cell}}
import time, {module}
start = time.time()
time.sleep(.5)
print("ran from", start, "to", time.time(), "value", {module}.value)
```
"""


def load(project):
    """notebook_cache of the project, with its own page_inputs."""
    spec = importlib.util.spec_from_file_location("notebook_cache", project / "book" / "_ext" / "notebook_cache.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.pop("page_inputs", None)
    spec.loader.exec_module(module)
    del sys.modules["page_inputs"]
    return module


class Book:
    """A folder with the pages `first` and `second`, which import `one` and `two`, and what Sphinx keeps about it."""

    def __init__(self, project):
        shutil.copytree(EXTENSIONS, project / "book" / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
        self.folder, self.extension = project / "book", load(project)
        folder = self.folder
        self.reset()
        self.env = SimpleNamespace(
            found_docs={"first", "second"}, doc2path=lambda name: str(folder / f"{name}.md"),
            myst_config=MdParserConfig(),
            mystnb_config=NbParserConfig(execution_timeout=3, execution_cache_path=str(folder / "cache")))

    def reset(self):
        for page, module in (("first", "one"), ("second", "two")):
            (self.folder / f"{page}.md").write_text(PAGE.format(module=module))
            self.write(module, "value = 1\n")

    def write(self, module, text):
        (self.folder / f"{module}.py").write_text(text)

    def build(self):
        """The pages that Sphinx would read, none of whose sources has changed."""
        names = []
        self.extension.run_stale_pages(None, self.env, names)
        return names

    def shown(self):
        """(started, ended, value) for each page, as it would be shown."""
        cache, found = get_cache(self.env.mystnb_config.execution_cache_path), []
        for name in ("first", "second"):
            _, notebook = cache.merge_match_into_notebook(self.extension.read(self.env, name))
            output = str(notebook.cells[-1].outputs)
            start, end, value = re.search(r"from ([\d.]+) to ([\d.]+) value (\d+)", output).groups()
            found.append((float(start), float(end), int(value)))
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    book = Book(tmp_path_factory.mktemp("project"))
    assert book.build() == ["first", "second"]
    return book


@pytest.fixture
def small(made):
    """A small book that has been built."""
    made.reset()
    made.build()
    return made


def test_pages_run_side_by_side(small):
    """Do two pages run at the same time where there are two cores?"""
    (first_started, first_ended, _), (second_started, second_ended, _) = small.shown()
    if len(os.sched_getaffinity(0)) > 1:
        assert max(first_started, second_started) < min(first_ended, second_ended)


def test_only_the_page_whose_module_changed_runs(small):
    """Does nothing run for a comment, and one page alone for a change of its module?"""
    before = small.shown()
    small.write("two", "value = 1  # a comment\n")
    assert small.build() == [] and small.shown() == before
    small.write("two", "value = 2\n")
    assert small.build() == ["second"]
    now = small.shown()
    assert now[0] == before[0] and now[1][2] == 2


def test_a_page_with_new_cells_runs(small):
    """Does a page run when its own cells are edited, and only then?"""
    page = small.folder / "second.md"
    before = small.shown()
    page.write_text(page.read_text().replace("# two", "# Two"))
    assert small.build() == [] and small.shown() == before
    page.write_text(page.read_text().replace("two.value", "two.value + 6"))
    assert small.build() == ["second"] and small.shown()[1][2] == 7


def test_a_page_that_fails_stops_the_build_and_no_other_page(small):
    """Is a failing page named, and is a page that ran well in that build read in the next, without another run?"""
    small.write("one", "value = 3\n")
    small.write("two", "raise ValueError('no value today')\n")
    with pytest.raises(small.extension.PageFailed, match=r"(?s)^second: .*no value today"):
        small.build()
    ran = small.extension.read(small.env, "first")
    first = get_cache(small.env.mystnb_config.execution_cache_path).match_cache_notebook(ran).data["ran"]
    small.write("two", "value = 4\n")
    assert small.build() == ["first", "second"]
    assert small.env.page_runs["first"] == first
    assert [value for _, _, value in small.shown()] == [3, 4]


@pytest.mark.parametrize("code, message, builds", [
    ("import sys; print('careful', file=sys.stderr); value = 5\n", "wrote to stderr", 2),
    ("import time; time.sleep(60)\n", "timed out", 1),
])
def test_a_page_that_warns_or_takes_too_long_fails(small, code, message, builds):
    """Is writing to stderr a failure, the second time too, and is taking longer than the time limit?"""
    small.write("two", code)
    for _ in range(builds):
        with pytest.raises(small.extension.PageFailed, match=f"(?s)^second: .*{message}"):
            small.build()
