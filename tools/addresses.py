"""The addresses of the site and of the repository, and every link that is made from them.

Each is set in one place, `html.baseurl` and `repository.url` of _config.yml. A link whose address is not set is "".
"""

import re
from dataclasses import dataclass

import yaml

from tools.chapters import ROOT

CONFIG = ROOT / "_config.yml"
GITHUB = re.compile(r"https://github\.com/([^/]+/[^/]+?)(?:\.git)?")


@dataclass(frozen=True)
class Addresses:
    """Where the built book is served, and where its sources are kept; "" while there is no such place."""

    site: str = ""
    repository: str = ""
    branch: str = "main"

    def file(self, name):
        """A file that the site has for learners."""
        return f"{self.site}/files/{name}" if self.site else ""

    def colab(self, stem):
        """A chapter's exercises in Colab, which opens what is on GitHub."""
        return self._launched("https://colab.research.google.com/github/{}/blob/{}/{}", stem)

    def binder(self, stem):
        """A chapter's exercises on Binder; binder/ says what is installed there."""
        return self._launched("https://mybinder.org/v2/gh/{}/{}?urlpath=lab/tree/{}", stem)

    def _launched(self, pattern, stem):
        project = GITHUB.fullmatch(self.repository)
        return pattern.format(project[1], self.branch, f"exercises/{stem}/{stem}.ipynb") if project else ""


def addresses(path=CONFIG):
    """The addresses that a _config.yml sets."""
    settings = yaml.safe_load(path.read_text(encoding="utf8"))
    html, repository = settings.get("html") or {}, settings.get("repository") or {}
    return Addresses(site=(html.get("baseurl") or "").rstrip("/"),
                     repository=(repository.get("url") or "").rstrip("/"),
                     branch=repository.get("branch") or "main")
