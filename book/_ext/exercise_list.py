"""`{exercise-list} STEM`: the chapter's notebook to download, its exercises, points and minutes."""
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from attnlib.check import spec

ROOT = Path(__file__).parents[2]
MINUTES_A_POINT = 5


class ExerciseList(SphinxDirective):
    required_arguments = 1

    def run(self):
        stem = self.arguments[0]
        exercises = spec.exercises(stem)
        self.note_what_the_spec_is_made_of()
        points = sum(exercise.points for exercise in exercises)
        files = "../" * self.env.docname.count("/") + "files"  # site_files.py puts the notebook there
        link = nodes.reference("", "", nodes.literal("", f"{stem}.ipynb"), refuri=f"{files}/{stem}.ipynb")
        intro = nodes.paragraph("", "", nodes.Text("Download "), link, nodes.Text(
            f": {len(exercises)} exercises, {points:g} points, about {MINUTES_A_POINT * points:g} minutes."))
        items = [nodes.list_item("", nodes.paragraph("", told(exercise))) for exercise in exercises]
        return [intro, nodes.bullet_list("", *items)]

    def note_what_the_spec_is_made_of(self):
        """Have the page read again, not run, when a module that is loaded with the spec changes."""
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] == "attnlib" and getattr(module, "__file__", None):
                self.env.note_dependency(module.__file__)


def told(exercise):
    return f"{exercise.asks}: {exercise.points:g} point{'s' * (exercise.points != 1)}"


def setup(app):
    app.add_directive("exercise-list", ExerciseList)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
