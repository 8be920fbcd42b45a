"""Reading what was handed in: no link followed, no byte too many, nothing that stops the class."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.submission.intake import Unreadable, check_name, parse_notebook, read_submission
from tests.grader.sample_class import STEM, release


@pytest.fixture
def folder(course):
    """Where the student `s` hands in."""
    folder = course.submitted / "s" / STEM
    folder.mkdir(parents=True)
    return folder


def read(course):
    return read_submission(course.submitted, "s", STEM, course.files("s", STEM))


def notebook():
    return json.dumps(release())


def test_a_good_submission(course, folder):
    """Is what is right taken as it is, with the files beside it and its time?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    (folder / "data").mkdir()
    (folder / "data" / "table.csv").write_bytes(b"1,2")
    taken = read(course)
    assert len(taken.cells) == len(release()["cells"])
    assert taken.files == {"data/table.csv": b"1,2"}
    assert taken.timestamp == "2026-03-01 12:00:00 UTC"
    assert taken.findings == []


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"{", "not JSON"),
        (b'{"cells": 3}', "no list of cells"),
        (b"[]", "no list of cells"),
        (b"\xff\xfe{\x00}\x00", "no list of cells"),
        (b"\xff\xfe{\x00}\x00\x00\xd8", "not text in UTF-16"),
        (b"\0" * 5000, "is empty"),
        (b'{"cells": [{"source": "a', "ends in the middle"),
        (b'{"cells": [{"outputs": [{"text": ["a"', "ends in the middle"),
        (b'{"cells": [{"outputs": "a', "ends in the middle"),
        (b"<!DOCTYPE html>\n<html>{}</html>", "is a web page"),
        (b"\xef\xbb\xbf<html>", "is a web page"),
        (b"PK\x03\x04" + bytes(30), "is a zip archive"),
        (b"\x1f\x8b\x08" + bytes(30), "is a gzip archive"),
        (b"%PDF-1.4", "is a PDF"),
        (b'{"cells": [\n<<<<<<< HEAD\n{"source": ""}]}', "marks of a merge"),
        (b'{"nbformat": 1, "cells": [{"cell_type": "code", "code": "x = 1"}]}', "none with a text; formats 2, 3 and 4"),
        (b'{"cells": [{"metadata": {"nbgrader": {"grade": ' + b"[" * 70 + b"]" * 70 + b"}}}]}", "nested too deeply"),
        (b'{"cells": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "nested too deeply"),
        (b'{"cells": [' + b"[" * 90 + b"]" * 90 + b"]}", "nested too deeply"),
        (b'{"cells": [' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}", "nested too deeply"),
        (b'{"cells": [' + b",".join([b"{}"] * 3000) + b"]}", "3000 cells"),
        (b'{"cells": [' + b"1" * 10_000 + b"]}", "not JSON"),
        (b'{"cells": [{"source": "' + b"x=1;" * 60_000 + b'"}]}', "240000 characters"),
    ],
)
def test_what_cannot_be_read(content, why):
    """Is each unreadable notebook refused with its reason, and with no other exception?"""
    with pytest.raises(Unreadable, match=why):
        parse_notebook(content)


@pytest.mark.parametrize("start, much, end, why", [
    ('{"cells": [', "[],", "1]}", "100000 lists"),
    ('{"cells": [{', '"a": 1,', '"b": 1}]}', "more than 1 MB in its cells"),
    ('{"cells": [{"source": "', "\\n", '"}]}', "more than 1 MB in its cells"),
    ('{"cells": [{"outputs": [', "[],", "1]}]}", "more than 0 million texts and brackets"),
    ('{"cells": [{"outputs": [', '"","":[],', "1]}]}", "more than 0 million texts and brackets"),
])
def test_much_of_it(monkeypatch, start, much, end, why):
    """Is what would take much memory or time refused by name, wherever in the notebook it is?"""
    monkeypatch.setattr("grader.submission.notebook_json.KEPT_BYTES", 1_000_000)
    monkeypatch.setattr("grader.submission.notebook_json.SKIPPED_PARTS", 100_000)
    with pytest.raises(Unreadable, match=why):
        parse_notebook((start + much * 550_000 + end).encode())


def test_too_large(course, folder, monkeypatch):
    """Does a huge file stop at the cap instead of filling memory?"""
    with open(folder / f"{STEM}.ipynb", "wb") as file:
        file.truncate(10**11)  # sparse: takes no room on the disk
    with pytest.raises(Unreadable, match="more than 200 MB"):
        read(course)


def test_links_are_not_followed(course, folder, tmp_path):
    """Can a link, to a file or a folder, at any level, get somebody else's file graded or copied?"""
    (tmp_path / "secret.ipynb").write_text(notebook())
    (folder / f"{STEM}.ipynb").symlink_to(tmp_path / "secret.ipynb")
    with pytest.raises(Unreadable, match="is a link"):
        read(course)
    (folder / f"{STEM}.ipynb").unlink()
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / "notes.txt").symlink_to("/etc/passwd")
    (folder / "all").symlink_to("/etc")
    taken = read(course)
    assert taken.files == {}
    assert {(found.kind, found.where) for found in taken.findings} == {("link", "notes.txt"), ("link", "all")}
    os.rename(course.submitted / "s", tmp_path / "elsewhere")
    (course.submitted / "s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unreadable, match="is a link"):
        read(course)


def test_pipes_and_odd_things(course, folder):
    """Does a named pipe, or a folder called like a notebook, hang or stop the reading?"""
    os.mkfifo(folder / "pipe")
    (folder / f"{STEM}.ipynb").mkdir()
    with pytest.raises(Unreadable, match="not a regular file"):
        read(course)
    (folder / f"{STEM}.ipynb").rmdir()
    os.mkfifo(folder / f"{STEM}.ipynb")
    with pytest.raises(Unreadable, match="not a regular file"):
        read(course)


def test_notebooks_under_other_names(course, folder):
    """Is a single notebook under another name taken, and are two of them refused by name?"""
    with pytest.raises(Unreadable, match=f"expected {STEM}.ipynb"):
        read(course)
    (folder / "mine.ipynb").write_text(notebook())
    assert [found.kind for found in read(course).findings] == ["wrong name"]
    (folder / "other.ipynb").write_text(notebook())
    with pytest.raises(Unreadable, match="mine.ipynb, other.ipynb"):
        read(course)
    (folder / f"{STEM}.ipynb").write_text(notebook())
    assert [found.kind for found in read(course).findings] == ["another notebook"] * 2


def test_a_bad_timestamp(course, folder):
    """Does a timestamp that nbgrader would stumble over cost the student the grading?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    for text in ("yesterday-ish", "", "9" * 100, "2026-99-99 00:00:00 UTC", "\0", ",T-25:00" + "1" * 30 + "T"):
        (folder / "timestamp.txt").write_text(text)
        taken = read(course)
        assert taken.timestamp == "" and len(taken.findings) <= 1


@pytest.mark.parametrize("student", [
    "*", "[a]", "a?", "-rf", " a", "a ", "new\nline", "\x1b[31mred", "bad\udcff", "<img>", "x" * 200])
def test_odd_folders(course, student):
    """Is a folder whose name means something to nbgrader, a terminal or a page refused, and no more than that?"""
    (course.submitted / student / STEM).mkdir(parents=True)
    with pytest.raises(Unreadable, match="folder's name cannot be used") as caught:
        read_submission(course.submitted, student, STEM, course.files(student, STEM))
    assert caught.value.remedy == "Rename the folder and grade again"
    check_name("Müller, Anna O'Neill_123_assignsubmission_file (2)")


def test_hidden_files(course, folder):
    """Is what begins with a dot left out, so that no start-up file runs before the kernel is ready?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / ".ipython/profile_default/startup").mkdir(parents=True)
    (folder / ".ipython/profile_default/startup/00.py").write_text("import os; os._exit(1)")
    (folder / ".DS_Store").touch()
    assert (read(course).files, read(course).findings) == ({}, [])


def test_pasted_pictures_are_not_counted():
    """Is a picture inside a text no reason to refuse a notebook?"""
    text = "![x](data:image/png;base64," + "A" * 400_000 + ")"
    (cell,) = parse_notebook(json.dumps({"cells": [{"cell_type": "markdown", "source": text}]}).encode())
    assert cell.source == text
    many = {"cell_type": "markdown", "source": "data:image/png;base64," * 10_000}
    for odd in ({"cell_type": "code", "source": text}, many):
        with pytest.raises(Unreadable, match="characters in its cells"):
            parse_notebook(json.dumps({"cells": [odd]}).encode())


def test_many_files(course, folder, monkeypatch):
    """Are the files beside the notebook bounded in number and bytes?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    for i in range(250):
        (folder / f"{i}.txt").write_text("x")
    monkeypatch.setattr("grader.submission.intake.FILE_BYTES", 100)
    taken = read(course)
    assert sum(map(len, taken.files.values())) <= 100
    assert len(taken.findings) == 150


def test_old_formats():
    """Are a byte-order mark, format 3 and lists of lines understood?"""
    three = {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 1, "source": "Title"},
        {"cell_type": "code", "input": ["x = 1\n", "x"], "language": "python", "outputs": []}]}]}
    cells = parse_notebook(b"\xef\xbb\xbf" + json.dumps(three).encode())
    assert [(cell.type, cell.source) for cell in cells] == [("markdown", "# Title"), ("code", "x = 1\nx")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "worksheets",
                         "attachments", "input", "x"]), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json(data):
    """Does any JSON at all give cells or Unreadable, and nothing else?"""
    for content in (data, {"cells": [data, {"source": "x", "cell_type": data, "metadata": data}]}):
        try:
            cells = parse_notebook(json.dumps(content).encode())
        except Unreadable:
            continue
        for cell in cells:
            cell.source.encode()  # can be written to a file
            assert cell.type in ("code", "markdown", "raw")
            assert cell.grade_id is None or isinstance(cell.grade_id, str)
