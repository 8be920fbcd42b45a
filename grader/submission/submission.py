"""A submission as intake hands it on: cells, files and what was odd about it; or Unreadable, why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Unreadable(Exception):
    """A submission that cannot be graded as it is; the message says what came and where, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "Ask the student to hand it in again"):
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Finding:
    """Something odd about a submission that did not stop it: what kind, in which file or cell, and what was done.

    costs: the condition under which marks may be lost by it, "if …"; empty when none can be.
    """

    kind: str
    where: str
    what: str
    costs: str = ""


@dataclass(frozen=True)
class RawCell:
    """A cell as it was handed in, reduced to what we look at."""

    type: str
    source: str
    grade_id: str | None = None
    nbgrader_metadata: dict[str, Any] = field(default_factory=dict)  # unchecked
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)  # {name: {mime: base64}}


@dataclass
class Submission:
    """The cells of a notebook, the files {path: bytes} beside it, when it was handed in, and what was odd."""

    cells: list[RawCell]
    files: Mapping[str, bytes]
    timestamp: str = ""
    findings: list[Finding] = field(default_factory=list)
