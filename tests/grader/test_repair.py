"""Whatever was done to the notebook, every check cell is there once, and every answer is kept in its place."""

import copy
import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.course import Course
from grader.job import code_cells
from grader.release import grade_id, is_check, is_locked
from grader.submission.intake import parse_notebook
from grader.submission.repair import checks_to_ask_again, repair
from tests.grader.sample_class import STEM, filled, find, solutions

RELEASE = Course.at().release(STEM)
TRACKED = [grade_id(cell) for cell in RELEASE["cells"] if grade_id(cell)]
CHECKS = [cell["metadata"]["nbgrader"]["grade_id"] for cell in RELEASE["cells"] if is_check(cell)]


def repaired(notebook):
    """The repaired notebook and the kinds of findings."""
    made, findings = repair(parse_notebook(json.dumps(notebook).encode()), RELEASE)
    return made, [found.kind for found in findings]


def sources(notebook):
    return [cell["source"] for cell in notebook["cells"]]


def own(source, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def test_an_untouched_notebook():
    """Does a notebook that needs no repair come out as it went in?"""
    notebook = filled(solutions())
    made, kinds = repaired(notebook)
    assert kinds == []
    assert sources(made) == ["".join(cell["source"]) for cell in notebook["cells"]]


def test_deleted_check_cell():
    """Is a deleted check cell back in its place, after what the student wrote there?"""
    notebook = filled(solutions())
    at = notebook["cells"].index(find(notebook, CHECKS[0]))
    notebook["cells"][at] = own("my own try")
    made, kinds = repaired(notebook)
    assert kinds == ["deleted"]
    assert sources(made)[at : at + 2] == ["my own try", find(RELEASE, CHECKS[0])["source"]]


def test_an_answer_in_a_new_cell():
    """Does the place of a deleted answer cell stay empty, so that the student's new cell counts?"""
    notebook = filled(solutions())
    cell = find(notebook, "write_attend")
    cell["metadata"] = {}
    made, _ = repaired(notebook)
    written = sources(made)
    assert written.index(cell["source"]) < written.index(find(RELEASE, "attend_gives_mixtures_and_weights")["source"])
    assert not any("raise NotImplementedError" in source for source in written)


def test_of_two_answers_the_written_one():
    """When a stub was pasted after the answer, does the answer count, and does the other still run?"""
    notebook = filled(solutions())
    cell = find(notebook, "write_softmax")
    stub = copy.deepcopy(find(RELEASE, "write_softmax"))
    notebook["cells"].insert(0, stub)
    made, kinds = repaired(notebook)
    assert "duplicated" in kinds
    assert find(made, "write_softmax")["source"] == cell["source"]
    first, second = stub["source"], "def softmax(scores): return 1"
    notebook["cells"].append({**copy.deepcopy(cell), "source": second})
    made, _ = repaired(notebook)
    assert find(made, "write_softmax")["source"] == second
    assert {first, cell["source"], second} <= set(sources(made))


def test_edited_points_and_locks():
    """Do points, grade flags, schema and locked sources come from the release, and what was added runs before them?"""
    notebook = filled(solutions())
    cell = find(notebook, CHECKS[0])
    cell["metadata"]["nbgrader"].update(points=1000, grade=False, solution=True, locked=False, schema_version=99)
    cell["source"] = "2"
    made, kinds = repaired(notebook)
    assert find(made, CHECKS[0])["metadata"] == find(RELEASE, CHECKS[0])["metadata"]
    assert find(made, CHECKS[0])["source"] == find(RELEASE, CHECKS[0])["source"]
    assert sources(made)[made["cells"].index(find(made, CHECKS[0])) - 1] == "2"
    assert sorted(kinds) == ["metadata edited", "not as released"]


@pytest.mark.parametrize("edited, kept", [
    ("# {}", False), ("", False), ("{}  ", False), ("\n{}\n# passes\n", False),
    ("import math\n{}", True), ("{}\nprint(1)", True), ("%%time\n{}", True), ("x = {}", True)])
def test_what_was_written_into_a_check_cell(edited, kept):
    """Is it kept as a cell above the check when it adds a line, and dropped when it only takes some away?"""
    notebook = filled(solutions())
    released = find(RELEASE, CHECKS[0])["source"]
    find(notebook, CHECKS[0])["source"] = edited.format(released)
    made, _ = repaired(notebook)
    assert find(made, CHECKS[0])["source"] == released
    assert (edited.format(released) in sources(made)[: made["cells"].index(find(made, CHECKS[0]))]) == kept


def test_no_metadata_at_all():
    """When an editor dropped all metadata, do the check cells still come after the answers?"""
    notebook = filled(solutions())
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    made, _ = repaired(notebook)
    written = sources(made)
    for name, source in solutions().items():
        check = find(RELEASE, CHECKS[list(solutions()).index(name)])["source"]
        assert written.index(source.strip("\n")) < written.index(check)


def test_nothing_else_is_carried_over():
    """Do outputs, metadata, ids, scripts in odd fields or a foreign kernel survive the repair?"""
    notebook = filled(solutions())
    evil = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>evil()</script>"}}
    odd = own("x", tags=["evil"], nbgrader={"grade_id": ["evil"]})
    notebook["cells"].append({**odd, "outputs": [evil], "id": "evil"})
    notebook["metadata"] = {"kernelspec": {"name": "evil"}, "title": "evil"}
    made, _ = repaired(notebook)
    assert "evil" not in json.dumps(made)
    nbformat.validate(nbformat.from_dict(made))


@st.composite
def mangled(draw):
    """The right answers, with cells deleted, duplicated, moved, retyped and their metadata spoilt."""
    notebook = filled(solutions())
    cells = notebook["cells"]
    junk = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2),
                     st.sampled_from(TRACKED))
    for _ in range(draw(st.integers(1, 12))):
        if not cells:
            break
        i = draw(st.integers(0, len(cells) - 1))
        deed = draw(st.sampled_from(["delete", "duplicate", "move", "retype", "spoil", "write", "insert"]))
        if deed == "delete":
            del cells[i]
        elif deed == "duplicate":
            cells.insert(draw(st.integers(0, len(cells))), copy.deepcopy(cells[i]))
        elif deed == "move":
            cells.insert(draw(st.integers(0, len(cells) - 1)), cells.pop(i))
        elif deed == "retype":
            cells[i]["cell_type"] = draw(st.sampled_from(["code", "markdown", "raw", "heading", "x", 3, None]))
        elif deed == "spoil":
            key = draw(st.sampled_from(["grade_id", "points", "grade", "solution", "locked", "schema_version", "task"]))
            nbgrader_metadata = cells[i]["metadata"].get("nbgrader")
            if isinstance(nbgrader_metadata, dict):
                nbgrader_metadata[key] = draw(junk)
            else:
                cells[i]["metadata"] = draw(junk)
                cells[i]["metadata"] = cells[i]["metadata"] if isinstance(cells[i]["metadata"], dict) else {}
        elif deed == "write":
            cells[i]["source"] = draw(st.text(max_size=20))
        else:
            cells.insert(i, own(draw(st.text(max_size=20))))
    return notebook


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(mangled())
def test_any_mangling(notebook):
    """After any mangling: is every released cell there once, unchanged if locked, the notebook valid?"""
    made, _ = repaired(notebook)
    assert sorted(grade_id(cell) for cell in made["cells"] if grade_id(cell)) == sorted(TRACKED)
    assert sorted(cell.exercise for cell in code_cells(made) if cell.exercise) == sorted(CHECKS)
    for name in TRACKED:
        ours, theirs = find(RELEASE, name), find(made, name)
        assert ours["metadata"] == theirs["metadata"] and ours["cell_type"] == theirs["cell_type"]
        if is_locked(ours):
            assert ours["source"] == theirs["source"]
    nbformat.validate(nbformat.from_dict(made))


@settings(max_examples=200, deadline=None)
@given(mangled())
def test_the_order_is_the_student_s(notebook):
    """Do the submitted cells, as they were or as released, stand in the order in which they were handed in?"""
    made = iter(sources(repaired(notebook)[0]))
    released = {grade_id(cell): cell["source"] for cell in RELEASE["cells"]}
    for cell in parse_notebook(json.dumps(notebook).encode()):
        assert any(source in (cell.source, released.get(cell.grade_id)) for source in made), cell


@settings(max_examples=200, deadline=None)
@given(mangled())
def test_every_check_comes_after_its_answer(notebook):
    """Is every check below all that is above it in the release, unless it is asked once more at the end?"""
    made, _ = repaired(notebook)
    again = checks_to_ask_again(made, RELEASE)
    places = {grade_id(cell): i for i, cell in enumerate(made["cells"]) if grade_id(cell)}
    for name in set(CHECKS) - set(again):
        above = TRACKED[: TRACKED.index(name)]
        assert all(places[each] < places[name] for each in above if find(RELEASE, each)["cell_type"] == "code")


def test_checks_asked_again():
    """Is only a check asked again that stands above something it may be about?"""
    notebook = repaired(filled(solutions()))[0]
    assert checks_to_ask_again(notebook, RELEASE) == ()
    for source, again in (("print(1)", 0), ("# x = 1", 0), ("x = 1", 6), ("def softmax(s): return s", 6),
                          ("import math", 6), ("def softmax(", 6), ("%%time\n!ls\nx = 1", 6), ("%matplotlib inline", 0),
                          ("+".join("1" * 5000), 0), ("x = " + "(" * 500, 6), ("x = '\\d'", 6)):
        cells = [*notebook["cells"], own(source)]
        assert len(checks_to_ask_again({"cells": cells}, RELEASE)) == again, source
    first = notebook["cells"].index(find(notebook, CHECKS[0]))
    cells = [*notebook["cells"][: first + 1], own("x = 1"), *notebook["cells"][first + 1 :]]
    assert checks_to_ask_again({"cells": cells}, RELEASE) == (CHECKS[0],)


def test_findings_are_few():
    """Is what happened to many cells alike told in one line?"""
    notebook = filled(solutions())
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    made, kinds = repaired(notebook)
    assert kinds == ["deleted"] and len(made["cells"]) == len(RELEASE["cells"])


@settings(max_examples=200, deadline=None)
@given(mangled())
def test_nothing_written_is_lost(notebook):
    """Is every code cell's text still in the repaired notebook, unless it was a locked cell's or an untouched stub?"""
    kept = set(sources(repaired(notebook)[0]))
    ours = {cell["source"] for cell in RELEASE["cells"]}
    for cell in notebook["cells"]:
        nbgrader_metadata = cell["metadata"].get("nbgrader")
        name = nbgrader_metadata.get("grade_id") if isinstance(nbgrader_metadata, dict) else None
        locked = isinstance(name, str) and name in TRACKED and is_locked(find(RELEASE, name))
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and not locked and text.strip() and text not in ours:
            lines = text.replace("\r\n", "\n").replace("\r", "\n")
            assert lines.encode(errors="replace").decode() in kept


OLD = "def softmax(scores):\n    return scores"


@pytest.mark.parametrize("kind", ["raw", "markdown"])
@pytest.mark.parametrize("source", [None, "", OLD])
@pytest.mark.parametrize("above", [True, False])
def test_an_answer_turned_off(kind, source, above):
    """Does an answer that the student turned off stay off when another cell has the answer, and is that said?"""
    notebook = filled(solutions())
    cell = find(notebook, "write_softmax")
    at = notebook["cells"].index(cell) + (not above)
    notebook["cells"].insert(at, own(cell["source"]))
    cell.update(cell_type=kind, source=cell["source"] if source is None else source)
    made, kinds = repaired(notebook)
    assert kinds == ["turned off"]
    run = [each.source for each in code_cells(made)]
    assert run.count(solutions()["write_softmax"].strip("\n")) == 1 and OLD not in run


def test_an_answer_retyped_by_mistake():
    """Is an answer that is no code cell any more run all the same when no other cell binds its names?"""
    notebook = filled(solutions())
    find(notebook, "write_softmax")["cell_type"] = "markdown"
    made, kinds = repaired(notebook)
    assert kinds == ["retyped"] and find(made, "write_softmax")["cell_type"] == "code"
    off = {**copy.deepcopy(find(notebook, "write_softmax")), "cell_type": "raw", "source": OLD}
    notebook = filled(solutions())
    notebook["cells"].append(off)
    made, kinds = repaired(notebook)
    assert kinds == ["duplicated"] and OLD not in [each.source for each in code_cells(made)]
