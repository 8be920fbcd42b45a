"""Put a submitted notebook back into the shape of the released one, keeping all the student wrote.

Nothing of the student's is carried over but sources, pasted pictures and the place of their own cells.
Everything nbgrader relies on (grade ids, points, locks, cell types, the source of locked cells, the kernel)
comes from the release.
"""

import copy
from dataclasses import dataclass, field

from grader.submission.intake import Finding

MARKS = ("grade", "points", "solution", "locked", "task", "schema_version")
ABSENT = "# This cell was missing from the submission."


@dataclass
class _Place:
    """A released cell, the submitted cell that fills it, and the student's own cells that come after it."""

    released: dict
    filled: object = None
    after: list = field(default_factory=list)


def repair(raw, release):
    """(notebook, findings): the cells `raw` (RawCell) in the shape of the notebook `release`, both format 4.

    Every cell the release marks with a grade id appears once, in the release's order. A cell of the
    student's own stays behind the released cell it stood behind.
    """
    findings = []
    marked = {grade_id(cell): cell for cell in release["cells"] if grade_id(cell)}
    names = [_name(cell, marked) for cell in raw]
    chosen = {name: _choose(name, raw, names, marked[name], findings) for name in dict.fromkeys(names) if name}
    order = list(marked)
    kept = [names[i] for i in sorted(chosen.values())]
    if kept != sorted(kept, key=order.index):
        findings.append(Finding("reordered", "the notebook", "put back in the order of the release"))
    head, places = [], {name: _Place(cell) for name, cell in marked.items()}
    after = head
    for i, cell in enumerate(raw):
        name = names[i]
        if name and chosen[name] == i:
            places[name].filled = cell
            after = places[name].after
        elif not (name and is_locked(marked[name]) and cell.source == marked[name]["source"]):
            after.append(_own(cell, i))
    cells = head + _in_order(list(places.values()), findings)
    return {**{key: copy.deepcopy(value) for key, value in release.items() if key != "cells"}, "cells": cells}, findings


def grade_id(cell):
    """The grade id of a released cell that nbgrader marks, else None."""
    marks = cell["metadata"].get("nbgrader", {})
    return marks.get("grade_id") if any(marks.get(k) for k in ("grade", "solution", "locked", "task")) else None


def is_locked(cell):
    """Whether a released cell's source is ours: a check cell, a task, or a cell marked read-only."""
    return not cell["metadata"]["nbgrader"].get("solution")


def is_check(cell):
    """Whether a released cell is scored by running it."""
    marks = cell["metadata"].get("nbgrader", {})
    return bool(cell["cell_type"] == "code" and marks.get("grade") and not marks.get("solution"))


def _name(cell, marked):
    """The grade id of the released cell that a submitted cell is, by its own id or, for a locked one, by its text."""
    if cell.grade_id in marked:
        return cell.grade_id
    same = (name for name, released in marked.items() if is_locked(released) and released["source"] == cell.source)
    return next(same, None) if cell.source.strip() else None


def _choose(name, raw, names, released, findings):
    """The index of the submitted cell that stands for `name`: of several answers, the last that was written in."""
    those = [i for i, other in enumerate(names) if other == name]
    if len(those) > 1:
        findings.append(Finding("duplicated", name, f"there {len(those)} times; one kept, the others run as plain cells"))
    written = [i for i in those if raw[i].source.strip() != released["source"].strip()]
    return those[-1] if is_locked(released) or not written else written[-1]


def _own(cell, i):
    """A cell of the student's own."""
    made = {"cell_type": cell.type, "id": f"own-{i}", "metadata": {}, "source": cell.source}
    if cell.type == "code":
        made |= {"execution_count": None, "outputs": []}
    elif cell.attachments:
        made["attachments"] = cell.attachments
    return made


def _in_order(places, findings):
    """The cells of `places`. A missing answer goes before the student's cells there, a missing check cell after."""
    cells, waiting = [], []
    for place in places:
        if place.filled is None and is_locked(place.released):
            cells += waiting
            waiting = []
            findings.append(Finding("deleted", grade_id(place.released), "put back"))
            cells.append(_fresh(place.released))
        elif place.filled is None:
            findings.append(Finding("deleted", grade_id(place.released), "put back empty"))
            cells.append(_absent(place.released))
        else:
            cells += waiting
            waiting = place.after
            cells.append(_filled(place, findings))
    return cells + waiting


def _fresh(released):
    cell = copy.deepcopy(released)
    if cell["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _absent(released):
    """The place of an answer that is not there. A stub could redefine what the student wrote elsewhere."""
    cell = _fresh(released)
    if cell["cell_type"] == "code" and not cell["metadata"]["nbgrader"].get("grade"):
        cell["source"] = ABSENT
    return cell


def _filled(place, findings):
    cell, given, name = _fresh(place.released), place.filled, grade_id(place.released)
    if given.type != cell["cell_type"]:
        findings.append(Finding("retyped", name, f"was {given.type}, is {cell['cell_type']} again"))
    ours = cell["metadata"]["nbgrader"]
    odd = [key for key in MARKS if key in ours and given.marks.get(key) != ours[key]]
    if odd:
        findings.append(Finding("metadata edited", name, f"taken from the release: {', '.join(odd)}"))
    if not is_locked(place.released):
        cell["source"] = given.source
        if given.attachments and cell["cell_type"] != "code":
            cell["attachments"] = given.attachments
    elif cell["cell_type"] == "code" and given.source.strip() != cell["source"].strip():
        findings.append(Finding("locked cell edited", name, "taken from the release"))
    return cell
