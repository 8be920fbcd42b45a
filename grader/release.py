"""The released notebook of a problem set: its kinds of cells, and whether it agrees with the specification."""

import json
from pathlib import Path
from typing import Any

from attnlib.check.spec import exercises

Notebook = dict[str, Any]  # as nbformat 4 has it
Points = dict[str, float]  # by grade id


def read_release(path: Path, solution: Path, stem: str) -> Notebook:
    """The released notebook at `path`, made from the notebook `solution`.

    Raises FileNotFoundError when it was not generated, and ValueError when its points are not the specification's.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: {stem} has not been generated; run: make exercises")
    notebook = _normal(json.loads(path.read_text()))
    specified = {exercise.name: exercise.points for exercise in exercises(stem)}
    if differences := _differences(points(notebook), specified):
        raise ValueError(_how_to_agree(stem, path, solution, specified, differences))
    return notebook


def _normal(notebook: Notebook) -> Notebook:
    """The notebook in format 4.5: every cell has an id, every source is one string."""
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    for i, cell in enumerate(notebook["cells"]):
        cell.setdefault("id", f"released-{i}")
        if isinstance(cell["source"], list):
            cell["source"] = "".join(cell["source"])
    return notebook


def points(notebook: Notebook) -> Points:
    """The points of each check cell."""
    return {cell["metadata"]["nbgrader"]["grade_id"]: cell["metadata"]["nbgrader"]["points"]
            for cell in notebook["cells"] if is_check(cell)}


def _differences(found: Points, specified: Points) -> str:
    """'a (4 points, 5 in the specification), b (…)' for the exercises that differ; empty when none does."""
    def how_many(of: Points, name: str) -> str:
        return f"{of[name]:g} points" if name in of else "absent"

    return ", ".join(f"{name} ({how_many(found, name)}, {how_many(specified, name)} in the specification)"
                     for name in sorted({*found, *specified}) if found.get(name) != specified.get(name))


def _how_to_agree(stem: str, path: Path, solution: Path, specified: Points, differences: str) -> str:
    """What an instructor has to do: the release is old, or the solution itself differs from the specification."""
    specification = f"its specification attnlib/check/specs/ex_{stem}.py"
    if not solution.exists():
        return (f"{stem}: {path} and {specification} differ in {differences}, and {solution} is missing; "
                f"restore it, then run: make exercises")
    in_solution = _differences(points(json.loads(solution.read_text())), specified)
    if in_solution:
        return (f"{stem}: {solution} and {specification} differ in {in_solution}; "
                f"correct the one that is wrong, then run: make exercises")
    return f"{stem}: {path} and {specification} differ in {differences}, the solution does not; run: make exercises"


def grade_id(cell: dict[str, Any]) -> str | None:
    """The grade id of a cell of the release that nbgrader keeps track of, else None."""
    nbgrader_metadata = cell["metadata"].get("nbgrader", {})
    tracked = any(nbgrader_metadata.get(key) for key in ("grade", "solution", "locked", "task"))
    return nbgrader_metadata.get("grade_id") if tracked else None


def is_locked(cell: dict[str, Any]) -> bool:
    """Whether a released cell's source is ours: a check cell, a task, or a cell marked read-only."""
    return not cell["metadata"]["nbgrader"].get("solution")


def is_check(cell: dict[str, Any]) -> bool:
    """Whether a released cell is scored by running it."""
    nbgrader_metadata = cell["metadata"].get("nbgrader", {})
    autograded = nbgrader_metadata.get("grade") and not nbgrader_metadata.get("solution")
    return bool(cell["cell_type"] == "code" and autograded)
