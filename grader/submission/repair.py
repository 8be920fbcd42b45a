"""Repair a submitted notebook: put in what is missing of the released one, and leave all else where the student had it.

The cells stay in the order in which they were handed in, so that the notebook runs as the student's own *Run all* does.
What nbgrader relies on (grade ids, points, locks, cell types, the source of locked cells, the kernel) comes from the
release: each released cell is there once. A released cell is here a cell of the release that has a grade id.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from attnlib.check.beside_learner.cells import bound_names
from attnlib.check.spec import find
from grader.release import Notebook, grade_id, is_check, is_locked
from grader.submission.intake import Finding, RawCell

RELEASED_KEYS = ("grade", "points", "solution", "locked", "task", "schema_version")
ABSENT = "# This cell was missing from the submission."
GRADED_BY_HAND = "if the answer is in another of them: formgrader asks for a score of the last one written in"
WRITTEN_ELSEWHERE = "if the answer stands in no other cell"
TURNED_OFF = "if the student did not mean to turn it off"
NotebookCell = dict[str, Any]  # as nbformat 4 has it


def repair(raw: Sequence[RawCell], release: Notebook) -> tuple[Notebook, list[Finding]]:
    """Give the cells `raw` what the notebook `release` has and they lack: (notebook of format 4, findings)."""
    findings: list[Finding] = []
    order = _order(release)
    released: dict[str, NotebookCell] = {name: cell for cell in release["cells"] if (name := grade_id(cell))}
    names = [_name(cell, released) for cell in raw]
    chosen = {name: _choose(name, raw, names, released[name], findings) for name in dict.fromkeys(names) if name}
    cells: list[NotebookCell] = []
    for i, (cell, name) in enumerate(zip(raw, names, strict=True)):
        if name and chosen[name] == i:
            code = [other.source for j, other in enumerate(raw) if j != i and other.type == "code"]
            cells += _filled(i, name, cell, released[name], code, findings)
        else:
            cells.append(_own(cell, f"own-{i}"))
    _insert_missing(cells, released, findings)
    present = [order[name] for cell in cells if (name := grade_id(cell))]
    if present != sorted(present):
        what = "run in the order it was handed in; a check above what it is about is asked once more at the end"
        findings.append(Finding("reordered", "the notebook", what))
    others = {key: copy.deepcopy(value) for key, value in release.items() if key != "cells"}
    return {**others, "cells": cells}, _grouped(findings)


def checks_to_ask_again(notebook: Notebook, release: Notebook) -> tuple[str, ...]:
    """The exercises whose check stands above what it may be about, in a notebook of `repair`, in the release's order.

    That is a released code cell that comes first in the release, or, for a function, a cell of the student's own that
    binds a name: a number is asked for by a name that a later cell may use for something else.
    Students run cells in whatever order they like, and hand in what passed.
    """
    order = _order(release)
    again: list[str] = []
    own, first = False, len(order)  # whether such a cell stands below; the first place in the release of those below
    for cell in reversed(notebook["cells"]):
        name = grade_id(cell)
        if cell["cell_type"] != "code":
            continue
        if name is None:
            own = own or _binds(cell["source"])
            continue
        if is_check(cell) and (first < order[name] or own and find(name).kind != "number"):
            again.append(name)
        first = min(first, order[name])
    return tuple(sorted(again, key=order.__getitem__))


def _binds(source: str) -> bool:
    """Whether a cell binds a name, what IPython alone understands left aside."""
    return bool(bound_names("\n".join(line for line in source.splitlines() if line.lstrip()[:1] not in ("%", "!"))))


def _grouped(findings: Sequence[Finding]) -> list[Finding]:
    """One finding in place of several that differ in their cell alone."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for found in findings:
        places.setdefault((found.kind, found.what, found.costs), []).append(found.where)
    return [Finding(kind, ", ".join(where), *said) for (kind, *said), where in places.items()]


def _order(release: Notebook) -> dict[str, int]:
    """{grade id: place} of the released cells."""
    return {name: i for i, name in enumerate(filter(None, map(grade_id, release["cells"])))}


def _name(cell: RawCell, released: dict[str, NotebookCell]) -> str | None:
    """The grade id of the released cell that a submitted cell is, by its own id or, for a locked one, by its text."""
    if cell.grade_id in released:
        return cell.grade_id
    same = (name for name, other in released.items() if is_locked(other) and other["source"] == cell.source)
    return next(same, None) if cell.source.strip() else None


def _choose(name: str, raw: Sequence[RawCell], names: Sequence[str | None], released: NotebookCell,
            findings: list[Finding]) -> int:
    """The index of the submitted cell that is taken for the released cell `name`: of several, the last that serves.

    A locked cell serves best as it was released, in the place where it was; an answer when something was written.
    """
    those = [i for i, other in enumerate(names) if other == name]
    if len(those) > 1:
        findings.append(Finding("duplicated", name, f"found {len(those)} times; {_what_comes_of_copies(released)}",
                                GRADED_BY_HAND if _is_graded_by_hand(released) else ""))
    if not is_locked(released):
        return max(those, key=lambda i: (_is_written(raw[i], released) and raw[i].type == released["cell_type"],
                                         _is_written(raw[i], released), i))
    return max(those, key=lambda i: (raw[i].type == released["cell_type"],
                                     raw[i].source.strip() == released["source"].strip(), raw[i].grade_id == name, i))


def _is_written(cell: RawCell, released: NotebookCell) -> bool:
    return cell.source.strip() not in ("", released["source"].strip())


def _is_graded_by_hand(released: NotebookCell) -> bool:
    return bool(released["metadata"]["nbgrader"].get("grade")) and not is_locked(released)


def _what_comes_of_copies(released: NotebookCell) -> str:
    if is_check(released):
        return "all are run, and the one that earns most counts"
    return "those that are code are run, in their places" if released["cell_type"] == "code" else "all are shown"


def _filled(i: int, name: str, given: RawCell, released: NotebookCell, others: Sequence[str],
            findings: list[Finding]) -> list[NotebookCell]:
    """A released cell with what the student wrote in it. others: the sources of all other code cells.

    An answer that is no code cell any more stays turned off where another cell binds its names, or nothing was written.
    A locked cell to which lines were added stays as a cell of the student's own, and the released text is run after it.
    """
    cell = _fresh(released)
    is_code = cell["cell_type"] == "code"
    if is_code and not is_locked(released) and given.type != "code" and _is_turned_off(given, released, others):
        what = f"a {given.type} cell, which is not run; another cell binds its names, or nothing was written in it"
        findings.append(Finding("turned off", name, what, TURNED_OFF))
        return [_own(given, f"off-{i}"), _absent(released)]
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
        return [cell]
    if not _is_added_to(given.source, cell["source"]):
        if given.source.strip() != cell["source"].strip():
            findings.append(Finding("not as released", name, "taken from the release"))
        return [cell]
    what = "run as it was handed in, and then as it was released" if is_code else "both are shown"
    findings.append(Finding("not as released", name, what))
    return [_own(RawCell(cell["cell_type"], given.source, attachments=given.attachments), f"edited-{i}"), cell]


def _is_turned_off(given: RawCell, released: NotebookCell, others: Sequence[str]) -> bool:
    """Whether a student meant an answer that is no code cell any more not to be run."""
    names = set(bound_names(released["source"]))
    return not _is_written(given, released) or any(names & set(bound_names(other)) for other in others)


def _is_added_to(given: str, released: str) -> bool:
    """Whether a text has a line that the released one has not; blank lines and comments are none."""
    return not set(_lines(given)) <= set(_lines(released))


def _lines(text: str) -> Iterator[str]:
    return (line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#"))


def _own(cell: RawCell, cell_id: str) -> NotebookCell:
    """A cell of the student's own."""
    made: NotebookCell = {"cell_type": cell.type, "id": cell_id, "metadata": {}, "source": cell.source}
    if cell.type == "code":
        made |= {"execution_count": None, "outputs": []}
    elif cell.attachments:
        made["attachments"] = cell.attachments
    return made


def _insert_missing(cells: list[NotebookCell], released: dict[str, NotebookCell], findings: list[Finding]) -> None:
    """Put each missing cell behind the one that it follows in the release.

    A missing check goes behind the student's own cells there, which may be its answer; all else goes before them.
    """
    before = None
    for name, cell in released.items():
        places = {grade_id(each): i for i, each in enumerate(cells) if grade_id(each)}
        if name not in places:
            at = places[before] + 1 if before else 0
            while is_check(cell) and at < len(cells) and not grade_id(cells[at]):
                at += 1
            is_answer = cell["cell_type"] == "code" and not is_locked(cell)
            cells.insert(at, _absent(cell) if is_answer else _fresh(cell))
            found = Finding("deleted", name, "put back") if is_locked(cell) else Finding(
                "deleted", name, "put back empty", WRITTEN_ELSEWHERE)
            findings.append(found)
        before = name


def _fresh(released: NotebookCell) -> NotebookCell:
    """A copy of a released cell without outputs."""
    cell = copy.deepcopy(released)
    if cell["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _absent(released: NotebookCell) -> NotebookCell:
    """An empty cell in place of a missing answer: a stub could redefine what the student wrote elsewhere."""
    return _fresh(released) | {"source": ABSENT}
