"""Put the sandbox into nbgrader: for its own commands, for formgrader, and for `python -m grader`.

All of them go through `SandboxedAutograde`, so that there is one way into the gradebook.
"""

import logging
from pathlib import Path
from typing import Any

from nbgrader.apps import api, autogradeapp, generatefeedbackapp
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grader.course import Course
from grader.nbgrader_bridge.autograde import PREPROCESSORS, SandboxedAutograde
from grader.nbgrader_bridge.formgrader import guard_formgrader
from grader.nbgrader_bridge.gradebook import COURSE_ID
from grader.nbgrader_bridge.pages import SafeFeedback
from grader.nbgrader_bridge.stubs import STEPS
from grader.sandbox.limits import DEFAULTS, Limits


def configure(c: Any, course: Course | None = None) -> None:
    """Set up nbgrader's configuration `c` for a course, and its Autograde for the sandbox."""
    course = course or Course.at()
    c.CourseDirectory.root = str(course.folder)
    c.CourseDirectory.course_id = COURSE_ID
    c.CourseDirectory.db_url = course.db
    c.CourseDirectory.source_directory = _seen_from(course.folder, course.source_folder)
    c.CourseDirectory.release_directory = _seen_from(course.folder, course.release_folder)
    c.Autograde.autograde_preprocessors = PREPROCESSORS  # should nbgrader not take our class: no result, no score
    c.HTMLExporter.filters = {"markdown2html": "grader.sanitize.markdown.safe_markdown"}
    c.HTMLExporter.exclude_raw = True  # should nbgrader not take our exporter: it shows raw cells as HTML
    c.PageExporter.exclude_raw = False
    # The release is generated without the gradebook: the grader registers its cells when it grades. nbgrader would
    # delete a release whose cells differ from those that submissions were graded with.
    c.GenerateAssignment.no_database = True
    c.GenerateAssignment.preprocessors = STEPS
    c.SaveCells.enabled = False
    install()


def install() -> None:
    """Replace what grades and what makes pages, in nbgrader's commands, its API and formgrader, by ours.

    Raises RuntimeError for another nbgrader.
    """
    for module, ours in ((autogradeapp, SandboxedAutograde), (api, SandboxedAutograde),
                         (generatefeedbackapp, SafeFeedback), (api, SafeFeedback)):
        replaced = ours.__mro__[1]
        if not issubclass(getattr(module, replaced.__name__), replaced):
            raise RuntimeError(f"{module.__name__}.{replaced.__name__} is not nbgrader's any more; use nbgrader 0.9")
        setattr(module, replaced.__name__, ours)
    guard_formgrader()


def nbgrader_api(course: Course, limits: Limits = DEFAULTS, sandboxed: bool = True) -> NbGraderAPI:
    """nbgrader's API for this course, as formgrader uses it."""
    config = Config()
    configure(config, course)
    config.SandboxedAutograde.cell_seconds = limits.cell_seconds
    config.SandboxedAutograde.sandboxed = sandboxed
    config.NbGraderAPI.log_level = logging.ERROR
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def _seen_from(folder: Path, other: Path) -> str:
    return str(other.relative_to(folder) if other.is_relative_to(folder) else other)
