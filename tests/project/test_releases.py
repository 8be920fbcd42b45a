"""Do the changelog and the citation name the versions that the project has?"""

import re
import tomllib

import pytest
import yaml

from attnlib.check.spec import problem_set, stems
from tests.project.conftest import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("stem", stems())
def test_the_changelog_names_the_version_of_every_problem_set(stem):
    """Is the newest version in a set's line of the table the one in its spec?"""
    lines = re.findall(rf"^\| `{stem}` \| (\d+) \| \S.*\|$", CHANGELOG, re.M)
    assert lines, f"CHANGELOG.md has no line for {stem}"
    assert int(lines[-1]) == problem_set(stem).version


def test_the_changelog_lists_no_set_that_is_gone():
    """Does every line of the table belong to a problem set?"""
    assert set(re.findall(r"^\| `(\w+)` \|", CHANGELOG, re.M)) == set(stems())


def test_the_citation_is_of_this_version():
    """Do CITATION.cff and pyproject.toml agree, and is the author an entity?"""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["cff-version"] == "1.2.0" and citation["title"] and citation["message"]
    assert [set(author) for author in citation["authors"]] == [{"name"}]
