"""Repair a submitted notebook: give it the shape of the released one and keep everything the student wrote.

Of the student's notebook we keep the sources, pasted pictures and the place of their own cells. Everything nbgrader
relies on (grade ids, points, locks, cell types, the source of locked cells, the kernel) comes from the release.
A released cell is here a cell of the release that has a grade id.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.release import Notebook, grade_id, is_locked
from grader.submission.intake import Finding, RawCell

RELEASED_KEYS = ("grade", "points", "solution", "locked", "task", "schema_version")
ABSENT = "# This cell was missing from the submission."


@dataclass
class _Place:
    """A released cell, the submitted cell that fills it, and the student's own cells that come after it."""

    released: dict[str, Any]
    filled: RawCell | None = None
    after: list[dict[str, Any]] = field(default_factory=list)


def repair(raw: Sequence[RawCell], release: Notebook) -> tuple[Notebook, list[Finding]]:
    """Bring the cells `raw` into the shape of the notebook `release`: (notebook of format 4, findings).

    Every released cell appears once, in the release's order. A cell of the student's own stays behind the
    released cell it stood behind.
    """
    findings: list[Finding] = []
    released: dict[str, dict[str, Any]] = {name: cell for cell in release["cells"] if (name := grade_id(cell))}
    names = [_name(cell, released) for cell in raw]
    chosen = {name: _choose(name, raw, names, released[name], findings) for name in dict.fromkeys(names) if name}
    if _is_reordered([names[i] for i in sorted(chosen.values())], list(released)):
        findings.append(Finding("reordered", "the notebook", "put back in the order of the release"))
    head, places = _place(raw, names, chosen, released)
    cells = head + _in_order(places, findings)
    others = {key: copy.deepcopy(value) for key, value in release.items() if key != "cells"}
    return {**others, "cells": cells}, findings


def _is_reordered(names: Sequence[str | None], order: list[str]) -> bool:
    """Whether released cells stand in another order than the release's."""
    places = [order.index(name) for name in names if name]
    return places != sorted(places)


def _place(raw: Sequence[RawCell], names: Sequence[str | None], chosen: dict[str, int],
           released: dict[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], list[_Place]]:
    """(the student's own cells before any released one, the places of the released cells with what fills them)."""
    head: list[dict[str, Any]] = []
    places = {name: _Place(cell) for name, cell in released.items()}
    after = head
    for i, (cell, name) in enumerate(zip(raw, names, strict=True)):
        if name and chosen[name] == i:
            places[name].filled = cell
            after = places[name].after
        elif not (name and is_locked(released[name]) and cell.source == released[name]["source"]):
            after.append(_own(cell, i))
    return head, list(places.values())


def _name(cell: RawCell, released: dict[str, dict[str, Any]]) -> str | None:
    """The grade id of the released cell that a submitted cell is, by its own id or, for a locked one, by its text."""
    if cell.grade_id in released:
        return cell.grade_id
    same = (name for name, other in released.items() if is_locked(other) and other["source"] == cell.source)
    return next(same, None) if cell.source.strip() else None


def _choose(name: str, raw: Sequence[RawCell], names: Sequence[str | None], released: dict[str, Any],
            findings: list[Finding]) -> int:
    """The index of the submitted cell that stands for `name`: of several answers, the last that was written in."""
    those = [i for i, other in enumerate(names) if other == name]
    if len(those) > 1:
        what = f"there {len(those)} times; one kept, the others run as plain cells"
        findings.append(Finding("duplicated", name, what))
    written = [i for i in those if raw[i].source.strip() != released["source"].strip()]
    return those[-1] if is_locked(released) or not written else written[-1]


def _own(cell: RawCell, i: int) -> dict[str, Any]:
    """A cell of the student's own."""
    made: dict[str, Any] = {"cell_type": cell.type, "id": f"own-{i}", "metadata": {}, "source": cell.source}
    if cell.type == "code":
        made |= {"execution_count": None, "outputs": []}
    elif cell.attachments:
        made["attachments"] = cell.attachments
    return made


def _in_order(places: list[_Place], findings: list[Finding]) -> list[dict[str, Any]]:
    """The cells of `places`. A missing answer goes before the student's cells there, a missing check cell after."""
    cells: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for place in places:
        name = place.released["metadata"]["nbgrader"]["grade_id"]
        if place.filled is None and is_locked(place.released):
            cells += waiting
            waiting = []
            findings.append(Finding("deleted", name, "put back"))
            cells.append(_fresh(place.released))
        elif place.filled is None:
            findings.append(Finding("deleted", name, "put back empty"))
            cells.append(_absent(place.released))
        else:
            cells += waiting
            waiting = place.after
            cells.append(_filled(name, place.released, place.filled, findings))
    return cells + waiting


def _fresh(released: dict[str, Any]) -> dict[str, Any]:
    """A copy of a released cell without outputs."""
    cell = copy.deepcopy(released)
    if cell["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _absent(released: dict[str, Any]) -> dict[str, Any]:
    """An empty cell in place of a missing answer: a stub could redefine what the student wrote elsewhere."""
    cell = _fresh(released)
    if cell["cell_type"] == "code" and not cell["metadata"]["nbgrader"].get("grade"):
        cell["source"] = ABSENT
    return cell


def _filled(name: str, released: dict[str, Any], given: RawCell, findings: list[Finding]) -> dict[str, Any]:
    """The released cell with what the student wrote in it, if it is a cell to write in."""
    cell = _fresh(released)
    if given.type != cell["cell_type"]:
        findings.append(Finding("retyped", name, f"was {given.type}, is {cell['cell_type']} again"))
    ours = cell["metadata"]["nbgrader"]
    edited = [key for key in RELEASED_KEYS if key in ours and given.nbgrader_metadata.get(key) != ours[key]]
    if edited:
        findings.append(Finding("metadata edited", name, f"taken from the release: {', '.join(edited)}"))
    if not is_locked(released):
        cell["source"] = given.source
        if given.attachments and cell["cell_type"] != "code":
            cell["attachments"] = given.attachments
    elif cell["cell_type"] == "code" and given.source.strip() != cell["source"].strip():
        findings.append(Finding("locked cell edited", name, "taken from the release"))
    return cell
