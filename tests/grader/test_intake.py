"""Reading what was handed in: no link followed, no byte too many, nothing that stops the class."""

import io
import json
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.submission import parse
from grader.submission.intake import Unreadable, check_name, parse_notebook, read_submission
from grader.submission.parse import read_notebook
from grader.submission.prepare import prepare
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
    for text in ("yesterday-ish", "", "9" * 100, "2026-99-99 00:00:00 UTC", "\0", ",T-25:00" + "1" * 30 + "T", " \n",
                 "may", "12", "1 March 2026 or so", "March 1", "1 March 2026", "2026-03-01 12:00:00 UTC" * 100):
        (folder / "timestamp.txt").write_text(text)
        taken = read(course)
        assert taken.timestamp == "", text
        assert [(found.kind, found.costs) for found in taken.findings] == [("bad timestamp", "")]
    (folder / "timestamp.txt").write_bytes(b"\xff\xfe\x00\xd8")
    assert read(course).timestamp == "" and len(read(course).findings) == 1
    (folder / "timestamp.txt").unlink()
    (folder / "timestamp.txt").mkdir()
    assert read(course).timestamp == "" and len(read(course).findings) == 1
    (folder / "timestamp.txt").rmdir()
    (folder / "timestamp.txt").symlink_to("/etc/hostname")
    assert read(course).timestamp == "" and len(read(course).findings) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("text", ["2026-03-01 12:00:00 UTC", "2026-03-01 12:00:00.5 Europe/Berlin",
                                  "2026-03-01T12:00:00+01:00", "2026-03-01 12:00", "Sun, 1 Mar 2026 12:00:00 +0100"])
def test_a_good_timestamp(course, folder, text, encoding):
    """Is a whole date taken as it is, in whatever encoding an editor saved it?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / "timestamp.txt").write_bytes(f"{text}\r\n".encode(encoding))
    assert (read(course).timestamp, read(course).findings) == (text, [])


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


@pytest.mark.slow
@pytest.mark.sandbox
def test_no_file_of_a_student_is_where_pages_are_served(graded_corpus):
    """Do only notebooks, their times and pages lie in autograded/ and feedback/, whatever was handed in?"""
    course, _ = graded_corpus
    lying = {path.name for step in ("autograded", "feedback") for path in (course.folder / step).rglob("*.*")}
    assert lying == {f"{STEM}.ipynb", f"{STEM}.html", "timestamp.txt"}


def test_old_formats():
    """Are a byte-order mark, format 3 and lists of lines understood?"""
    three = {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 1, "source": "Title"},
        {"cell_type": "code", "input": ["x = 1\n", "x"], "language": "python", "outputs": []}]}]}
    cells = parse_notebook(b"\xef\xbb\xbf" + json.dumps(three).encode())
    assert [(cell.type, cell.source) for cell in cells] == [("markdown", "# Title"), ("code", "x = 1\nx")]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252",
             "latin-1"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_encoding(encoding):
    """Is a notebook read in whatever encoding an editor saved it, and is an odd one named?"""
    data = {"cells": [{"cell_type": "code", "source": "größe = 'naïve'"}]}
    findings = []
    content = json.dumps(data, ensure_ascii=False, indent=1).replace("\n", "\r\n").encode(encoding)
    (cell,) = read_notebook(io.BytesIO(content), "x.ipynb", findings)
    assert cell.source == "größe = 'naïve'"
    assert [found.kind for found in findings] == ([] if "utf-8" in encoding else ["odd encoding"])
    assert all(bool(found.costs) == (encoding in ("cp1252", "latin-1")) for found in findings)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_character_between_two_chunks(encoding, monkeypatch):
    """Does it matter where in the file a character stands?"""
    monkeypatch.setattr("grader.submission.notebook_json.CHUNK", 7)
    content = json.dumps({"cells": [{"source": "äöü€" * 20}]}, ensure_ascii=False).encode(encoding)
    assert parse_notebook(content)[0].source == "äöü€" * 20


def test_a_few_bytes_that_are_not_utf_8():
    """Among text in UTF-8, is a single byte of another encoding read, and the rest left as it is?"""
    content = '{"cells": [{"source": "# größe, '.encode() + "größe".encode("cp1252") + b'"}]}'
    assert parse_notebook(content)[0].source == "# größe, größe"


def nested(depth):
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("where", [
    b'{"metadata": {"widgets": %s}, "cells": [{"source": "x"}]}',
    b'{"cells": [{"source": "x", "metadata": {"collapsed": %s}, "outputs": []}]}',
    b'{"cells": [{"outputs": [{"data": {"application/json": %s}}], "source": "x"}]}',
    b'{"outputs": %s, "cells": [{"unknown": %s, "source": "x"}], "more": "x"}',
])
@pytest.mark.parametrize("inside", [
    nested(70), nested(1000), nested(9000), b"NaN", b"-Infinity", b'"\\"]}{[,"', b'{"source": "y", "cells": []}',
    b"[1,]", b'"a\nb"', b'"\xff"', b'""', b"1e999", b"9" * 10_000, b'{"cells": [{"source": "y"}], "worksheets": []}',
])
def test_what_is_thrown_away(where, inside):
    """Does it matter what stands in outputs and metadata, however deep or odd?"""
    (cell,) = parse_notebook(where.replace(b"%s", inside))
    assert (cell.type, cell.source, cell.grade_id) == ("markdown", "x", None)


def test_much_that_is_thrown_away(tmp_path):
    """Are 50 MB of outputs read past, holding the file in memory about once?"""
    path = tmp_path / "x.ipynb"
    path.write_bytes(b'{"cells": [{"source": "x", "outputs": ["' + b"A" * 50_000_000 + b'"]}]}')
    tracemalloc.start()
    with open(path, "rb") as file:
        (cell,) = read_notebook(file, "x.ipynb", [])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert cell.source == "x" and peak < 75_000_000  # a growing array holds an eighth more than it needs


def test_not_quite_json():
    """Are commas before a closing bracket, and line breaks in a text, read as people mean them?"""
    findings = []
    content = b'{"cells": [{"source": ["a,]\n", "b\tc",], "outputs": [1,],}, ],\n}'
    (cell,) = read_notebook(io.BytesIO(content), "x.ipynb", findings)
    assert cell.source == "a,]\nb\tc"
    assert [(found.kind, found.costs) for found in findings] == [("not quite JSON", "")]


def test_line_ends():
    """Are the line ends of Windows and of old Macs those of a released cell?"""
    (cell,) = parse_notebook(json.dumps({"cells": [{"source": ["a\r\n", "b\rc\n"]}]}).encode())
    assert cell.source == "a\nb\nc\n"


def test_cells_without_text():
    """Is a cell whose text cannot be read named, and the others kept?"""
    findings = []
    content = json.dumps({"cells": [{"source": ["x", 3]}, {"source": "y"}, 5]}).encode()
    assert [cell.source for cell in read_notebook(io.BytesIO(content), "x.ipynb", findings)] == ["y"]
    assert findings[0].kind == "cells without text" and findings[0].what.startswith("2 ") and findings[0].costs


NAMES = ["Größen.csv", "Gro\u0308\u00dfen.csv", "a b.csv", "データ.csv", "😀.txt", "👨‍👩‍👧.txt", "3.00\u202fPM.png",
         "a\\b.csv", "'\"$(x).csv", "x" * 250, "ordner ü/größe.csv", "Data.CSV", "-rf", "~", "%41#?.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_file_names(course, folder, name):
    """Is a file taken under its very name, with accents, spaces and signs?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"1")
    taken = read(course)
    assert taken.findings == [] and taken.files[name] == b"1"


@pytest.mark.parametrize("name", [b"bad\xff.csv", b"new\nline.csv", b"\x1b[31m.csv"])
def test_file_names_that_cannot_be_used(course, folder, name):
    """Is a file whose name is no text left out, by a name that can be printed?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / os.fsdecode(name)).write_bytes(b"1")
    taken = read(course)
    assert taken.files == {} and taken.findings[0].kind == "odd file name" and taken.findings[0].costs
    assert taken.findings[0].what.isprintable()


def test_files_are_copied_once_and_never_kept_in_memory(course, folder):
    """Do 19 MB beside a notebook lie in one folder of the grader's, and take little memory to read?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / "large.bin").write_bytes(os.urandom(19_000_000))
    read(course)
    tracemalloc.start()
    taken = read(course)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
    assert taken.files["large.bin"] == (folder / "large.bin").read_bytes()
    assert [path.name for path in course.own.rglob("*") if path.is_file()] == ["large.bin"]
    (folder / "large.bin").unlink()
    assert read(course).files == {} and not list(course.own.rglob("large.bin"))


def test_what_nbgrader_copies(course, folder):
    """Do only the repaired notebook and its time lie where nbgrader takes them, and none from an earlier grader?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    (folder / "page.html").write_text("<script>")
    old = course.repaired("s", STEM) / "page.html"
    old.parent.mkdir(parents=True)
    old.write_text("<script>")
    prepared = prepare(course, STEM, "s", course.release(STEM))
    assert sorted(path.name for path in course.repaired("s", STEM).iterdir()) == [f"{STEM}.ipynb", "timestamp.txt"]
    assert prepared.job.files == {"page.html": b"<script>"}
    (folder / "page.html").write_text("<b>")
    assert prepare(course, STEM, "s", course.release(STEM)).fingerprint != prepared.fingerprint


def test_a_full_disk_is_not_the_students_fault(course, folder, monkeypatch):
    """When our own copy cannot be written: is it no Unreadable, which would blame the student?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / "data.csv").write_text("1")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grader.submission.intake.keep", full)
    with pytest.raises(OSError, match="No space left"):
        read(course)


def test_thousands_of_files(course, folder, monkeypatch):
    """Do thousands of files in a folder take bounded work, with those right beside the notebook first?"""
    monkeypatch.setattr("grader.submission.folders.ENTRIES", 1000)
    monkeypatch.setattr("grader.submission.intake.ENTRIES", 1000)
    (folder / f"{STEM}.ipynb").write_text(notebook())
    (folder / "z.csv").write_text("1")
    (folder / "a").mkdir()
    for i in range(1001):
        (folder / "a" / str(i)).touch()
    taken = read(course)
    assert len(taken.files) == 200 and "z.csv" in taken.files
    cut, many = taken.findings
    assert cut.kind == many.kind == "too many files" and "first 1000 names" in cut.what
    assert many.what.startswith("798 files from this one on")


def test_a_deep_tree(course, folder):
    """Is what lies deeper than anybody works left out by name?"""
    (folder / f"{STEM}.ipynb").write_text(notebook())
    path = folder.joinpath(*"abcdefghij")
    path.mkdir(parents=True)
    (path / "x.csv").touch()
    (folder / "a" / "b" / "x.csv").touch()
    taken = read(course)
    assert set(taken.files) == {"a/b/x.csv"}
    assert [(found.kind, found.where) for found in taken.findings] == [("too deep", "a/b/c/d/e/f")]


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


PIECES = [b'{"cells":[', b'{"source":"x"}', b'{"cell_type":"code","source":["', b'"', b"]", b"}", b",", b":",
          b"\\", b"[", b"{", b'"outputs":', b'"metadata":', b'"nbgrader":', b'"attachments":', b'"cells":', b"\xff",
          b"\0", b"1", b" ", b"NaN"]


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_any_bytes(content):
    """Do any bytes at all give cells or Unreadable, and nothing else?"""
    try:
        cells = parse_notebook(content)
    except Unreadable as error:
        assert str(error).startswith("the notebook ")
    else:
        assert all(isinstance(cell.source, str) for cell in cells)


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_leaving_out_changes_nothing(data, indent, ascii_only):
    """Is what is looked at the same as if all had been parsed?"""
    cell = {"outputs": [data], "source": data, "metadata": {"nbgrader": data, "x": data}, "attachments": data}
    notebook = {"metadata": data, "cells": [cell, {"source": "x"}]}
    content = json.dumps(notebook, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert parse_notebook(content) == [cell for cell in map(parse._read_cell, json.loads(content)["cells"]) if cell]
