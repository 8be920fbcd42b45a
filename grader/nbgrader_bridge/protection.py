"""What nbgrader's configuration must leave in place so that no student code runs, or is shown, unprotected."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import ExecutePreprocessor
from traitlets.utils.importstring import import_item

LINE = "from grader.nbgrader_bridge.configure import configure_here; configure_here(get_config(), __file__)"
MARKDOWN = "grader.sanitize.markdown.safe_markdown"
FOLDERS = {"submitted_directory": "submitted", "autograded_directory": "autograded", "feedback_directory": "feedback",
           "directory_structure": "{nbgrader_step}/{student_id}/{assignment_id}"}
OF_STUDENTS = ("submitted", "autograded", "downloaded", ".grader")  # where a course keeps what students wrote
_courses: set[Path] = set()  # the folders of the courses that were configured in this process


def require_protection(config: Any, folder: Path) -> None:
    """Raise RuntimeError, with what to do, when `config`, read for the course in `folder`, does without the sandbox."""
    path = folder / "nbgrader_config.py"
    if "autograde_preprocessors" not in config.Autograde:
        raise RuntimeError(f"nbgrader's configuration does not come through the grader, so student code would run "
                           f"without its sandbox: nothing is graded. Put this line into {path}, above other settings: "
                           f"{LINE}")
    if lost := _lost(config):
        raise RuntimeError(f"{lost}: nothing is graded. Take that setting out of {path}, or out of whatever else "
                           f"configures nbgrader here")


def _lost(config: Any) -> str:
    """The first setting that takes a protection away, in words; empty when there is none."""
    for section in ("Autograde", "SandboxedAutograde"):
        steps = [_step(step) for step in config[section].get("autograde_preprocessors", ())]
        if "autograde_preprocessors" in config[section] and "SandboxedExecute" not in [each.__name__ for each in steps]:
            return f"{section}.autograde_preprocessors leaves out SandboxedExecute, which brings the sandbox's results"
        steps += [_step(step) for step in config[section].get("sanitize_preprocessors", ())]
        if any(issubclass(step, ExecutePreprocessor) for step in steps):
            return f"{section} has a step that runs student code without the sandbox"
    if config.HTMLExporter.get("filters", {}).get("markdown2html") != MARKDOWN:
        return "HTMLExporter.filters leaves out markdown2html, which makes what students wrote harmless"
    for name, folder in FOLDERS.items():
        if config.CourseDirectory.get(name, folder) != folder:
            return f"CourseDirectory.{name} is {config.CourseDirectory[name]!r}, and the grader works with {folder!r}"
    return ""


def _step(step: Any) -> Any:
    """The class of a preprocessor, which may be given by its name."""
    return import_item(step) if isinstance(step, str) else step


def refuse_to_execute(course: Path) -> None:
    """Have nbconvert refuse to run a student's notebook in this process, whatever setting would have it do so.

    course: the folder of the course. What lies where it keeps students' work is a student's, should nobody be named:
    `nbgrader validate` is given a path alone.
    """
    _courses.add(course.resolve())
    if not hasattr(ExecutePreprocessor.preprocess, "refuses"):
        ExecutePreprocessor.preprocess = _refusing(ExecutePreprocessor.preprocess)


def _refuse_students_folder(folder: Path) -> None:
    """Raise RuntimeError when `folder` is one where a course keeps what students wrote."""
    for course in _courses:
        if any(folder.is_relative_to(course / name) for name in OF_STUDENTS):
            raise RuntimeError(f"a notebook in {folder} is a student's and would run without the grader's sandbox; "
                               f"run instead: python -m grader SET --student STUDENT --course {course}")


def _refusing(execute: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(execute)
    def preprocess(self: Any, nb: Any, resources: Any = None, *others: Any, **named: Any) -> Any:
        of_student = (resources or {}).get("student") or (resources or {}).get("nbgrader", {}).get("student", ".")
        if of_student != ".":
            raise RuntimeError(f"the notebook of {of_student} would run without the grader's sandbox; take "
                               f"{type(self).__name__} out of nbgrader's configuration")
        # a notebook without a path runs in the current folder: nbgrader's Validator goes to where the notebook lies
        _refuse_students_folder(Path((resources or {}).get("metadata", {}).get("path") or ".").resolve())
        return execute(self, nb, resources, *others, **named)

    preprocess.refuses = True  # type: ignore[attr-defined]
    return preprocess
