"""Is the site all that a learner needs, wherever it is served from, and what does it link once it has an address?"""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from urllib.request import urlopen

import pytest

from tests.book.conftest import BUILD
from tools import set_up
from tools.addresses import Addresses
from tools.chapters import ROOT, chapters
from tools.learner_files import WHEEL, ZIP

STEMS = [chapter.stem for chapter in chapters() if chapter.there]
WHERE = Addresses("https://owner.example/book", "https://github.com/owner/name")
NEEDS_ADDRESS = re.compile(r'href="(https://(?:colab\.research\.google\.com|mybinder\.org|github\.com/owner)[^"]*)"')


def links(html):
    """The files of the site that a page links."""
    return set(re.findall(r'href="(files/[^"]+)"', html))


@pytest.mark.parametrize("stem", STEMS)
def test_a_page_links_files_that_are_there(book, stem):
    """Are the zip, the notebook and the wheel linked by relative links, and is every link to a file good?"""
    linked = links((book / f"{stem}.html").read_text(encoding="utf8"))
    assert {f"files/{ZIP}", f"files/{stem}.ipynb"} <= linked
    for name in linked:
        assert (book / name).is_file(), name


@pytest.mark.parametrize("stem", STEMS)
def test_what_is_served_is_what_the_lines_name(address, stem, tmp_path):
    """Fetched over HTTP, does the zip hold the wheel that the commands name, beside the notebook?"""
    (tmp_path / ZIP).write_bytes(urlopen(f"{address}files/{ZIP}").read())
    names = {name.split("/")[1] for name in zipfile.ZipFile(tmp_path / ZIP).namelist()}
    assert {WHEEL, f"{stem}.ipynb"} <= names
    page = urlopen(f"{address}{stem}.html").read().decode()
    assert page.count(f"pip install {WHEEL}") >= 2  # on a laptop and in VS Code


@pytest.fixture(scope="module")
def addressed(book, tmp_path_factory):
    """The book of a copy that has both addresses, built strictly with the pages' results at hand."""
    tree = tmp_path_factory.mktemp("addressed") / "repository"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "_build", "_sample", "__pycache__", "*.egg-info"))
    shutil.copytree(book.parent / ".jupyter_cache", tree / "_build" / ".jupyter_cache")
    config = (tree / "_config.yml").read_text(encoding="utf8")
    config = re.sub(r"(?m)^  baseurl: \S*", f"  baseurl: {WHERE.site}", config)
    config = re.sub(r"(?m)^  url: \S*", f"  url: {WHERE.repository}", config)
    (tree / "_config.yml").write_text(config, encoding="utf8")
    command = [os.path.join(os.path.dirname(sys.executable), "jupyter-book"), *BUILD]
    done = subprocess.run(command, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return tree / "_build" / "html"


@pytest.mark.parametrize("stem", STEMS)
def test_links_that_need_an_address(book, addressed, stem):
    """Are Colab, Binder and the repository linked once their addresses are known, and not before?"""
    with_addresses = (addressed / f"{stem}.html").read_text(encoding="utf8")
    found = {link.replace("&amp;", "&") for link in NEEDS_ADDRESS.findall(with_addresses)}
    assert {WHERE.colab(stem), WHERE.binder(stem), WHERE.repository} <= found
    assert f"%pip install {set_up.source(WHERE)}" in with_addresses
    assert f'<link rel="canonical" href="{WHERE.site}/{stem}.html"' in with_addresses
    without = (book / f"{stem}.html").read_text(encoding="utf8")
    assert links(without) >= links(with_addresses)
    if "%pip install https://" not in without:  # none is set here
        assert NEEDS_ADDRESS.findall(without) == [] and "canonical" not in without
