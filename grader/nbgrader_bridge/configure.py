"""Put the sandbox into nbgrader: for its own commands, for formgrader, and for `python -m grader`.

All of them go through `SandboxedAutograde`, so that there is one way into the gradebook.
"""

import logging
from pathlib import Path
from typing import Any

from jupyter_core.application import JupyterApp
from nbgrader.apps import NbGrader, api, autogradeapp, generatefeedbackapp
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grader.course import Course
from grader.nbgrader_bridge.autograde import PREPROCESSORS, SandboxedAutograde
from grader.nbgrader_bridge.formgrader import guard_formgrader
from grader.nbgrader_bridge.gradebook import COURSE_ID
from grader.nbgrader_bridge.pages import SafeFeedback
from grader.nbgrader_bridge.protection import MARKDOWN, refuse_to_execute, require_protection
from grader.nbgrader_bridge.stubs import STEPS
from grader.nbgrader_bridge.timestamps import forgive_timestamps
from grader.sandbox.limits import DEFAULTS, Limits


def configure(c: Any, course: Course | None = None) -> None:
    """Set up nbgrader's configuration `c` for a course, and its Autograde for the sandbox.

    A gradebook that `c` names already stays.
    """
    course = course or Course.at()
    c.CourseDirectory.course_id = COURSE_ID
    c.CourseDirectory.db_url = c.CourseDirectory.get("db_url", course.db)
    _set_folders(c, course)
    c.Autograde.autograde_preprocessors = list(PREPROCESSORS)  # should nbgrader not take our class: no result, no score
    c.HTMLExporter.filters = {"markdown2html": MARKDOWN}
    c.HTMLExporter.exclude_raw = True  # should nbgrader not take our exporter: it shows raw cells as HTML
    c.PageExporter.exclude_raw = False
    # The release is generated without the gradebook: the grader registers its cells when it grades. nbgrader would
    # delete a release whose cells differ from those that submissions were graded with.
    c.GenerateAssignment.no_database = True
    c.GenerateAssignment.preprocessors = STEPS
    c.SaveCells.enabled = False
    install(course)


def configure_here(c: Any, file: str) -> None:
    """Set up nbgrader's configuration `c` for the course in the folder of `file`, its nbgrader_config.py."""
    configure(c, Course.at(Path(file).parent))


def _set_folders(c: Any, course: Course) -> None:
    c.CourseDirectory.root = str(course.folder)
    c.CourseDirectory.source_directory = _seen_from(course.folder, course.source_folder)
    c.CourseDirectory.release_directory = _seen_from(course.folder, course.release_folder)


def install(course: Course) -> None:
    """Replace what grades and what makes pages, in nbgrader's commands, its API and formgrader, by ours.

    And have nothing run unprotected that students of `course` wrote.

    Raises RuntimeError for another nbgrader.
    """
    for module, ours in ((autogradeapp, SandboxedAutograde), (api, SandboxedAutograde),
                         (generatefeedbackapp, SafeFeedback), (api, SafeFeedback)):
        replaced = ours.__mro__[1]
        if not issubclass(getattr(module, replaced.__name__), replaced):
            raise RuntimeError(f"{module.__name__}.{replaced.__name__} is not nbgrader's any more; use nbgrader 0.9")
        setattr(module, replaced.__name__, ours)
    guard_formgrader()
    refuse_to_execute(course.folder)
    forgive_timestamps()


def read_config(course: Course) -> Config:
    """nbgrader's configuration for a course, from the files that nbgrader's own commands read there.

    Raises RuntimeError when a file cannot be read, or when the sandbox would be lost.
    """
    if not (course.folder / "nbgrader_config.py").exists():
        config = Config()
        configure(config, course)
        return config
    app = NbGrader(log_level=logging.CRITICAL, raise_config_file_errors=True)  # else it goes on without the file
    app.load_cwd_config = False
    try:
        app.load_config_file()
        super(JupyterApp, app).load_config_file("nbgrader_config", path=str(course.folder))
    except Exception as error:  # a configuration is a program
        raise RuntimeError(f"nbgrader's configuration for {course.folder} cannot be read: "
                           f"{type(error).__name__}: {error}") from error
    require_protection(app.config, course.folder)
    root = app.config.CourseDirectory.root
    if Path(root).resolve() != course.folder:
        raise RuntimeError(f"the nbgrader_config.py in {course.folder} names another course directory, {root}; take "
                           f"CourseDirectory.root out of it, or grade that course")
    return app.config


def nbgrader_api(course: Course, limits: Limits = DEFAULTS, sandboxed: bool = True) -> NbGraderAPI:
    """nbgrader's API for this course, as formgrader uses it. Raises what `read_config` raises."""
    config = read_config(course)
    _set_folders(config, course)
    config.CourseDirectory.db_url = course.db
    config.SandboxedAutograde.cell_seconds = limits.cell_seconds
    config.SandboxedAutograde.sandboxed = sandboxed
    config.NbGraderAPI.log_level = logging.ERROR
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def _seen_from(folder: Path, other: Path) -> str:
    return str(other.relative_to(folder) if other.is_relative_to(folder) else other)
