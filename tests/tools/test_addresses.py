"""The addresses of the site and of the repository: is each set once, and are all links made from them?"""

import json
import re

import pytest

from tools import new_chapter, set_up, write_notebooks, write_readme
from tools.addresses import Addresses, addresses
from tools.chapters import ROOT, chapters
from tools.learner_files import WHEEL, ZIP

SITE, REPOSITORY = "https://owner.example/book", "https://github.com/owner/name"
SOURCES = {".py", ".md", ".toml", ".yml", ".html", ".js"}
NOWHERE, BOTH = Addresses(), Addresses(SITE, REPOSITORY, "main")
ELSEWHERE = Addresses(repository="https://git.example/owner/name")  # not on GitHub
STEM = next(chapter.stem for chapter in chapters() if chapter.there)


def config(tmp_path, text):
    """The addresses that a _config.yml of this text sets."""
    path = tmp_path / "_config.yml"
    path.write_text(text)
    return addresses(path)


@pytest.mark.parametrize("text, expected", [
    ("title: A book", NOWHERE),
    ("html:\nrepository:\n", NOWHERE),
    ('html: {baseurl: ""}\nrepository: {url: "", branch: main}', NOWHERE),
    (f"html: {{baseurl: {SITE}/}}\nrepository: {{url: {REPOSITORY}/, branch: b}}", Addresses(SITE, REPOSITORY, "b")),
])
def test_two_settings_say_where_all_is(text, expected, tmp_path):
    """Do html.baseurl and repository.url say it, with or without a slash at the end, and may both be empty?"""
    assert config(tmp_path, text) == expected


def test_one_file_makes_the_links():
    """Is a link to Colab or to Binder written by tools/addresses.py alone, and in no page, template or tool?"""
    sources = [path for folder in ("book", "tools") for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
    naming = {path.name for path in sources if re.search(r"research\.google|mybinder\.org", path.read_text("utf8"))}
    assert naming == {"addresses.py"}


def test_links_are_made_from_the_addresses():
    """Are there links to Colab, Binder and files where the addresses are known, and none where they are not?"""
    assert (NOWHERE.colab(STEM), NOWHERE.binder(STEM), NOWHERE.file(ZIP)) == ("", "", "")
    notebook = f"exercises/{STEM}/{STEM}.ipynb"
    assert BOTH.colab(STEM) == f"https://colab.research.google.com/github/owner/name/blob/main/{notebook}"
    assert BOTH.binder(STEM) == f"https://mybinder.org/v2/gh/owner/name/main?urlpath=lab/tree/{notebook}"
    assert BOTH.file(ZIP) == f"{SITE}/files/{ZIP}"
    assert (ELSEWHERE.colab(STEM), ELSEWHERE.binder(STEM)) == ("", "")


@pytest.mark.parametrize("where, source", [
    (NOWHERE, WHEEL), (Addresses(SITE), f"{SITE}/files/{WHEEL}"), (BOTH, f"{SITE}/files/{WHEEL}"),
    (Addresses("", REPOSITORY), f"git+{REPOSITORY}")])
def test_page_readme_and_notebook_install_from_one_source(where, source):
    """Do the three say the same in Colab: an address where there is one, else a file to put there?"""
    lines = [set_up.for_page(STEM, where, "files")[1], set_up.for_readme(where)[1]]
    for _, _, colab in lines:
        assert colab.place == "In Colab" and colab.command == f"%pip install {source}"
        assert ("Files panel" in colab.doing) == (source == WHEEL)
    assert f"%pip install {source}" in set_up.in_notebook(where)


@pytest.mark.parametrize("where", [NOWHERE, BOTH, Addresses(SITE), Addresses("", REPOSITORY), ELSEWHERE])
def test_three_lines(where):
    """Has a page three lines, one a place, and README too, where no empty link is left?"""
    for sentence, lines in (set_up.for_page(STEM, where, "files"), set_up.for_readme(where)):
        assert [line.place for line in lines] == ["On a laptop", "In VS Code", "In Colab"]
        assert "()" not in sentence + "".join(line.doing for line in lines)
        assert all("pip install " in line.command for line in lines)
        assert ("open" in lines[2].doing) == bool(where.colab(STEM))  # the rest is uploaded


def test_readme_sets_up_before_it_speaks_of_make():
    """Do the lines of README.md come before anything about make, and its chapters have links once there are any?"""
    readme = " ".join(write_readme.README.read_text(encoding="utf8").split())
    for line in set_up.for_readme(addresses())[1]:
        assert readme.index(f"`{line.command}`") < re.search(r"\bmake (course|test|exercises)\b", readme).start()
    assert write_readme.links(STEM, NOWHERE) == ""
    assert re.findall(r"\[(\w+)\]\(https://", write_readme.links(STEM, BOTH)) == ["page", "Colab", "Binder"]
    assert f"({SITE}/files/{ZIP})" in write_readme.about_setting_up(BOTH)


def test_the_first_code_cell_says_what_to_do_without_attnlib(monkeypatch):
    """Is it said in one line of a cell of at most six, written anew when the address changes?"""
    notebook = json.loads(new_chapter.notebook())
    for where in (NOWHERE, BOTH, BOTH):
        monkeypatch.setattr(write_notebooks, "addresses", lambda where=where: where)
        write_notebooks.write_first_code(notebook)
        lines = write_notebooks.text_of(notebook["cells"][1]).split("\n")
        assert lines == [set_up.in_notebook(where), "import numpy as np", "", "from attnlib.check import check"]
    write_notebooks.set_text(notebook["cells"][1], "import numpy as np")
    with pytest.raises(ValueError, match="the first code cell does not say `from attnlib.check import check`"):
        write_notebooks.write_first_code(notebook)


def test_the_template_of_a_page_sets_up_too():
    """Has a new chapter's page the lines as well?"""
    assert "```{set-up} $stem\n```" in (new_chapter.TEMPLATES / "page.md").read_text(encoding="utf8")
