"""What nbgrader makes of a solution notebook, in this process and without its database."""

import logging
import shutil

from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grader.nbgrader_bridge.stubs import STEPS


def released(folder, solution):
    """The text of the exercise notebook that `nbgrader generate_assignment --no-db` writes for the notebook `solution`.

    folder is empty; the course is made in it. Raises NbGraderException when nbgrader refuses the notebook.
    """
    stem = solution.stem
    shutil.copytree(solution.parent, folder / "source" / stem)
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.assignment_id = stem
    config.GenerateAssignment.no_database = True
    config.GenerateAssignment.preprocessors = STEPS
    config.SaveCells.enabled = False
    quiet = logging.getLogger("generate")
    quiet.setLevel(logging.CRITICAL)
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, parent=None, log=quiet).start()
    return (folder / "release" / stem / solution.name).read_text()
