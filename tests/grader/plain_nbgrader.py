"""Plain nbgrader on a course of its own in a temporary folder: no configuration, no sandbox of ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook


class Course:
    """One assignment, made from a solution notebook. released is the path of its exercise notebook."""

    def __init__(self, folder, solution):
        self.folder, self.stem, self.file = folder, solution.stem, solution.name
        self.url = f"sqlite:///{folder / 'gradebook.db'}"
        shutil.copytree(solution.parent, folder / "source" / self.stem)
        self._nbgrader("generate_assignment")
        self.released = folder / "release" / self.stem / self.file

    def autograde(self, submissions):
        """{student: {grade id: points}} for {student: notebook}."""
        for student, notebook in submissions.items():
            place = self.folder / "submitted" / student / self.stem
            place.mkdir(parents=True)
            nbformat.write(notebook, place / self.file)
        self._nbgrader("autograde")
        with Gradebook(self.url) as gradebook:
            return {student: {grade.name: grade.auto_score for grade in
                              gradebook.find_submission_notebook(self.stem, self.stem, student).grades}
                    for student in submissions}

    def _nbgrader(self, command):
        here = Path(sys.executable).parent  # nbgrader calls alembic by name
        ran = subprocess.run(
            [here / "nbgrader", command, self.stem, "--force", f"--db={self.url}"], cwd=self.folder,
            env={**os.environ, "PATH": f"{here}:{os.environ['PATH']}"}, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr[-2000:]
