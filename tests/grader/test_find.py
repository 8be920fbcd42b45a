"""Where a notebook was handed in: found wherever people put it, and nothing left out in silence."""

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.command import as_in_submitted
from grader.course import REPOSITORY, Course
from grader.nbgrader_bridge.gradebook import scores
from grader.submission import find, parse
from grader.submission.intake import Unreadable, read_submission
from tests.grader.sample_class import STEM, filled, release, solutions, text

NOTEBOOK = text(release())
STRIPPED = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}], "nbformat": 4})  # it tells no set
OTHER = "06_other"
OF_ANOTHER_SET = json.dumps({"cells": [{"cell_type": "code", "source": 'check("of_another_set", f)'}], "nbformat": 4})


@pytest.fixture(autouse=True)
def another_set(monkeypatch):
    """There is one more problem set, with an exercise of its own."""
    sets = parse._sets() | {"of_another_set": OTHER}
    monkeypatch.setattr(parse, "_sets", lambda: sets)
    monkeypatch.setattr(find, "_stems", lambda: {STEM, OTHER})


def hand_in(course, files):
    """Write {path from submitted/: content}; a path that ends in "/" is a folder."""
    for path, content in files.items():
        file = course.submitted / path
        if path.endswith("/"):
            file.mkdir(parents=True)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def read(course, student="s", stem=STEM):
    return read_submission(course.submitted, student, stem, course.files(student, stem))


WRONG_PLACES = [
    f"s/{STEM}.ipynb",
    f"s/{STEM}/{STEM}/{STEM}.ipynb",
    f"s/{STEM}/s_{STEM}_final/work/{STEM}.ipynb",
    f"s/{STEM.upper()}/{STEM}.ipynb",
    f"s/{STEM.title()}/{STEM.title()}.IPYNB",
    f"s/{STEM.replace('_', ' ')}/{STEM}.ipynb",
    f"s/{STEM} (1)/{STEM} (1).ipynb",
    f"s/homework/{STEM}.ipynb",
    f"s/homework/week 5/{STEM}/{STEM}.ipynb",
    f"s/{STEM}.ipynb/{STEM}.ipynb",
    f"s/{STEM}/{STEM}.ipynb/{STEM}.ipynb",
    f"s/{STEM}-Copy1.ipynb",
    "s/my solution.ipynb",
    "s/Lösung 😀.ipynb",
    "s.ipynb",
    "s.IPYNB",
    "s.Ipynb",
]


@pytest.mark.parametrize("place", WRONG_PLACES)
def test_at_a_wrong_place(course, place):
    """Is a notebook found where people put it, with a finding that says where it lay and where it belongs?"""
    hand_in(course, {place: NOTEBOOK})
    assert course.students(STEM) == ["s"] and course.strays(STEM) == {}
    taken = read(course)
    assert len(taken.cells) == len(release()["cells"])
    (finding,) = taken.findings
    assert finding.kind == "wrong place" and finding.where == place
    assert f"s/{STEM}/{STEM}.ipynb" in finding.what
    assert bool(finding.costs) == place.lower().startswith("s.ipynb")


WRONG_NAMES = [f"{STEM}.IPYNB", f"{STEM.upper()}.ipynb", f"{STEM} (1).ipynb", f"{STEM}-Copy1.ipynb", "mine.ipynb",
               f"{STEM}.ipynb.txt", f"{STEM}.ipynb.json", f"{STEM}.json", f"{STEM}.txt", STEM, f"{STEM}.ipynb (1)",
               "Ünïcode 😀.ipynb", f"Copy of {STEM}.ipynb"]


@pytest.mark.parametrize("name", WRONG_NAMES)
@pytest.mark.parametrize("content", [NOTEBOOK, STRIPPED])
def test_under_a_wrong_name(course, name, content):
    """Is the one notebook in the set's folder graded, whatever its name and even where its cells tell nothing?"""
    hand_in(course, {f"s/{STEM}/{name}": content, f"s/{STEM}/data.csv": "1"})
    taken = read(course)
    assert [(found.kind, found.where, found.costs) for found in taken.findings] == [("wrong name", name, "")]
    assert set(taken.files) == {"data.csv"}


@pytest.mark.parametrize("place", [place for place in WRONG_PLACES if f"s/{STEM}/{STEM}.ipynb/" not in place])
def test_the_right_place_wins(course, place):
    """With one at its right place too, is that the one graded, and the other named?"""
    hand_in(course, {place: NOTEBOOK, f"s/{STEM}/{STEM}.ipynb": STRIPPED, f"s/{STEM}/data.csv": "right"})
    taken = read(course)
    assert len(taken.cells) == 1 and taken.files["data.csv"] == b"right"
    assert [(found.kind, found.where) for found in taken.findings] == [("another notebook", place)]
    assert taken.findings[0].costs


def test_two_where_one_is_right_but_for_its_case(course):
    """Of two notebooks, is the one taken that has the right name in another case, or the set's cells?"""
    hand_in(course, {f"s/{STEM}/{STEM.upper()}.ipynb": NOTEBOOK, f"s/{STEM}/notes.ipynb": STRIPPED})
    assert read(course).findings[0].where == f"{STEM.upper()}.ipynb"
    hand_in(course, {f"t/{STEM}/a.ipynb": STRIPPED, f"t/{STEM}/b.ipynb": NOTEBOOK, f"t/{STEM}/c.ipynb": "{"})
    assert [found.where for found in read(course, "t").findings] == ["b.ipynb", "a.ipynb", "c.ipynb"]


@pytest.mark.parametrize("files", [
    {f"s/{STEM} (1).ipynb": NOTEBOOK, f"s/{STEM} (2).ipynb": NOTEBOOK},
    {f"s/a/{STEM}.ipynb": NOTEBOOK, f"s/b/{STEM}.ipynb": NOTEBOOK},
    {f"s/{STEM}/a.ipynb": NOTEBOOK, f"s/{STEM}/b.ipynb": NOTEBOOK},
    {f"s/{STEM}/{STEM}.IPYNB": NOTEBOOK, f"s/{STEM}/{STEM.upper()}.ipynb": NOTEBOOK},
])
def test_two_as_good(course, files):
    """Between two that are as good: is nothing guessed, and are both named?"""
    hand_in(course, files)
    assert course.students(STEM) == ["s"]
    with pytest.raises(Unreadable) as caught:
        read(course)
    assert all(path.removeprefix(f"s/{STEM}/") in str(caught.value) for path in files)


def test_a_notebook_of_another_set(course):
    """Is another set's notebook never graded for this one: neither a loose one, nor one in this set's place?"""
    hand_in(course, {"s/loose.ipynb": OF_ANOTHER_SET, f"t/{STEM}/{STEM}.ipynb": OF_ANOTHER_SET,
                     f"u/{STEM}/mine.ipynb": OF_ANOTHER_SET, "v.ipynb": OF_ANOTHER_SET,
                     f"w/{OTHER}/{STEM}.ipynb": NOTEBOOK})
    assert course.students(STEM) == ["t", "u", "w"] and course.students(OTHER) == ["s", "u", "v", "w"]
    assert course.strays(STEM) == {}
    for student in ("t", "u"):
        with pytest.raises(Unreadable, match=f"is the notebook of {OTHER}"):
            read(course, student)
    with pytest.raises(Unreadable, match=f"is the notebook of {STEM}"):
        read(course, "w", OTHER)
    for student, set_ in (("s", OTHER), ("u", OTHER), ("v", OTHER), ("w", STEM)):
        assert [found.kind for found in read(course, student, set_).findings] == ["wrong place"]


def test_two_sets_in_one_folder(course):
    """Is a notebook found that lies in another set's folder, and is none called a rival of the other?"""
    hand_in(course, {f"s/{OTHER}/{OTHER}.ipynb": OF_ANOTHER_SET, f"s/{OTHER}/{STEM}.ipynb": STRIPPED,
                     f"t/{OTHER}/{OTHER}.ipynb": OF_ANOTHER_SET, f"t/{OTHER}/mine.ipynb": NOTEBOOK})
    for student in ("s", "t"):
        assert [found.kind for found in read(course, student).findings] == ["wrong place"]
    assert read(course, "t", OTHER).findings == []
    assert course.students(STEM) == course.students(OTHER) == ["s", "t"]


@pytest.mark.parametrize("files, said", [
    ({f"s/{STEM}/": ""}, "the folder s/.* is empty"),
    ({f"s/{STEM}/{STEM}.zip": b"PK"}, r"\.zip \(an archive: unpack it\)"),
    ({f"s/{STEM}.zip": b"PK"}, r"\.zip \(an archive: unpack it\)"),
    ({f"s/{STEM}.tar.gz": b"\x1f\x8b"}, r"\.tar\.gz \(an archive: unpack it\)"),
    ({f"s/{STEM}/{STEM}.ipynb.zip": b"PK"}, r"\.zip \(an archive: unpack it\)"),
    ({f"s/{STEM}/{STEM}.py": "x = 1"}, rf"no notebook; expected {STEM}.ipynb; what came in s/{STEM}: {STEM}.py"),
    ({f"s/{STEM}.py": "x = 1"}, f"what came in s: {STEM}.py"),
    ({f"s/{STEM}/{STEM}.html": "<html>"}, rf"what came in s/{STEM}: {STEM}.html"),
    ({f"s/{STEM}/.ipynb_checkpoints/{STEM}-checkpoint.ipynb": NOTEBOOK}, r"\.ipynb_checkpoints \(a folder"),
    ({f"s/{STEM}/__MACOSX/._{STEM}.ipynb": b"\0\5\x16\7"}, r"__MACOSX \(a folder"),
    ({f"s/{STEM}/{STEM}.ipynb": "<!DOCTYPE html>"}, "is a web page"),
    ({f"s/{STEM}/{STEM}.ipynb.txt": "Dear all"}, "is not JSON"),
    ({f"s/{STEM}.ipynb": "{"}, "is not JSON"),
    ({f"s/{STEM}/" + "d/" * 8 + f"{STEM}.ipynb": NOTEBOOK}, r"d \(a folder"),
])
def test_nothing_to_grade(course, files, said):
    """Where there is no notebook: is the student there all the same, and told by what came and what would be right?"""
    hand_in(course, files)
    assert course.students(STEM) == ["s"]
    with pytest.raises(Unreadable, match=said):
        read(course)


@pytest.mark.parametrize("files, who, said", [
    ({"notes.ipynb": STRIPPED}, "notes.ipynb", "nothing tells whose it is"),
    ({f"{STEM}.ipynb": NOTEBOOK}, f"{STEM}.ipynb", "nothing tells whose it is"),
    ({"s.zip": b"PK"}, "s.zip", "an archive: unpack it"),
    ({"s/homework.zip": b"PK"}, "s", r"homework.zip \(an archive"),
    ({"s/answers.py": ""}, "s", "answers.py"),
    ({"s/notes.ipynb": STRIPPED}, "s", "notes.ipynb"),
    ({"s/": ""}, "s", "is empty"),
    ({"s/homework/notes.ipynb": STRIPPED}, "s", "homework"),
    ({f"{STEM}/s/{STEM}.ipynb": NOTEBOOK}, STEM, "the name of a set where a student's belongs"),
    ({f"{STEM}/s.ipynb": NOTEBOOK}, STEM, "the name of a set where a student's belongs"),
    ({f"s/{OTHER}/{OTHER}.ipynb": OF_ANOTHER_SET, "s/x.ipynb": STRIPPED, "s/x.txt": ""}, "s", "there: x.ipynb$"),
])
def test_what_belongs_to_no_set(course, files, who, said):
    """Is what cannot be attributed named to the instructor, with the right place?"""
    hand_in(course, files)
    assert course.students(STEM) == []
    ((name, why),) = course.strays(STEM).items()
    assert name == who
    with pytest.raises(Unreadable, match=said):
        raise why
    assert f"STUDENT/{STEM}/{STEM}.ipynb" in why.remedy


def test_what_is_nothing_to_speak_of(course):
    """Is nothing said of hidden files, of work for another set with a text beside it, or of notes of the graded?"""
    hand_in(course, {".DS_Store": "", f"s/{OTHER}/{OTHER}.ipynb": OF_ANOTHER_SET, "s/readme.txt": "", "s/.x": "",
                     f"t/{STEM}/{STEM}.ipynb": NOTEBOOK, "t/notes.ipynb": STRIPPED})
    assert course.strays(STEM) == {} and course.students(STEM) == ["t"]
    assert read(course, "t").findings == []


def test_what_lies_beside_it(course):
    """Are the files beside a notebook taken where it lies: neither another set's, nor another student's?"""
    hand_in(course, {f"s/{STEM}.ipynb": NOTEBOOK, "s/data.csv": "1", "s/more/x.csv": "2", f"s/{OTHER}/secret.csv": "3",
                     "t.ipynb": NOTEBOOK, f"u/{STEM}/inner/{STEM}.ipynb": NOTEBOOK, f"u/{STEM}/data.csv": "4",
                     f"u/{STEM}/timestamp.txt": "2026-03-01 12:00:00 UTC", f"u/{STEM}/inner/x.csv": "5"})
    assert dict(read(course).files) == {"data.csv": b"1", "more/x.csv": b"2"}
    assert dict(read(course, "t").files) == {}
    taken = read(course, "u")
    assert dict(taken.files) == {"x.csv": b"5"} and taken.timestamp
    assert "outside of that folder" in taken.findings[0].costs


def test_a_folder_that_cannot_be_opened(course, monkeypatch):
    """Is a student whose folder we may not open reported by name, and does nobody else go missing with it?"""
    hand_in(course, {f"s/{STEM}/{STEM}.ipynb": NOTEBOOK, f"t/{STEM}/{STEM}.ipynb": NOTEBOOK})
    really_open = os.open

    def refused(path, *rest, **others):
        if path == "s":
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, *rest, **others)

    monkeypatch.setattr(os, "open", refused)
    assert course.students(STEM) == ["s", "t"] and course.strays(STEM) == {}
    with pytest.raises(Unreadable, match="folder s cannot be opened"):
        read(course)


def test_the_one_less_deep(course):
    """Of two that differ in their depth alone, is the one taken that is nearer to the right place?"""
    hand_in(course, {f"s/{STEM}.ipynb": NOTEBOOK, f"s/old/{STEM}.ipynb": NOTEBOOK,
                     f"t/{STEM}/{STEM}/{STEM}.ipynb": NOTEBOOK, f"t/{STEM}/{STEM}/old/{STEM}.ipynb": NOTEBOOK})
    for student, place in (("s", f"s/{STEM}.ipynb"), ("t", f"t/{STEM}/{STEM}/{STEM}.ipynb")):
        wrong, another = read(course, student).findings
        assert (wrong.kind, wrong.where, another.kind) == ("wrong place", place, "another notebook")


def test_a_link_is_never_a_notebook(course, tmp_path):
    """Is a link at a wrong place followed no more than one at the right place?"""
    hand_in(course, {"s/": "", "t/": ""})
    (tmp_path / "secret.ipynb").write_text(NOTEBOOK)
    (tmp_path / "folder").mkdir()
    shutil.copy(tmp_path / "secret.ipynb", tmp_path / "folder" / f"{STEM}.ipynb")
    (course.submitted / "s" / f"{STEM}.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (course.submitted / "t" / STEM).symlink_to(tmp_path / "folder")
    (course.submitted / "u").symlink_to(tmp_path / "folder")
    (course.submitted / "v.ipynb").symlink_to(tmp_path / "secret.ipynb")
    assert course.students(STEM) == ["s", "t"]
    for student in ("s", "t"):
        with pytest.raises(Unreadable, match="is a link"):
            read(course, student)
    assert course.strays(STEM).keys() == {"u", "v.ipynb"}


def test_accents_in_either_spelling(course):
    """Is a set's folder or a notebook found whichever way its accents are spelled?"""
    name = unicodedata.normalize("NFD", f"{STEM} Lösung.ipynb")
    hand_in(course, {f"s/{STEM}/{name}": NOTEBOOK})
    assert read(course).findings[0].where == name


@pytest.mark.parametrize("folder", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_a_name_typed_in_another_spelling(folder, typed):
    """Is a student found by a name whose accents are typed otherwise than the folder has them, and never another's?"""
    there, asked = unicodedata.normalize(folder, "müller"), unicodedata.normalize(typed, "müller")
    assert as_in_submitted([asked, "s", "t"], ["s", there]) == [there, "s", "t"]
    both = [unicodedata.normalize(form, "müller") for form in ("NFC", "NFD")]
    assert as_in_submitted(both, both) == both


@pytest.mark.parametrize("name", ["__MACOSX/._s", "Thumbs.db", "desktop.ini", "Desktop.ini", "Icon\r"])
def test_what_a_system_puts_there(course, name):
    """Is nothing said of what macOS and Windows put into folders?"""
    hand_in(course, {name: "", f"s/{STEM}/{STEM}.ipynb": NOTEBOOK})
    assert course.students(STEM) == ["s"] and course.strays(STEM) == {}


@pytest.mark.parametrize("content, said", [
    ("", "is empty"), ("{", "is not JSON"), (OF_ANOTHER_SET, "is the notebook of")])
def test_a_full_one_beside_an_empty_one(course, content, said):
    """Where the one that counts cannot be graded: are the others named that may have been meant?"""
    hand_in(course, {f"s/{STEM}/{STEM}.ipynb": content, f"s/{STEM}/{STEM}-Copy1.ipynb": NOTEBOOK,
                     f"s/{STEM}.ipynb": NOTEBOOK})
    with pytest.raises(Unreadable, match=f"{said}.*; there is also {STEM}-Copy1.ipynb, s/{STEM}.ipynb$") as caught:
        read(course)
    assert "which one counts" in caught.value.remedy


def test_each_file_is_looked_into_once(course, monkeypatch):
    """Is a file read once to tell its set, however often that is asked, and again when it changed?"""
    looked = []
    monkeypatch.setattr(find, "read_notebook", lambda *given: looked.append(1) or parse.read_notebook(*given))
    monkeypatch.setattr(find, "_told", {})
    hand_in(course, {f"s/work/{name}.ipynb": STRIPPED for name in "abc"})
    for _ in range(3):
        assert course.students(STEM) == [] and course.strays(STEM).keys() == {"s"}
    assert len(looked) == 3
    hand_in(course, {"s/work/b.ipynb": NOTEBOOK})
    assert course.students(STEM) == ["s"] and len(looked) == 4


def test_what_is_remembered_is_bounded(course, monkeypatch):
    """Does what is remembered of files not grow without end?"""
    monkeypatch.setattr(find, "REMEMBERED", 2)
    monkeypatch.setattr(find, "_told", {})
    hand_in(course, {f"s/work/{name}.ipynb": STRIPPED for name in "abcd"})
    assert course.students(STEM) == [] and len(find._told) == 2


def test_large_files_of_one_student(course, monkeypatch):
    """Are no more than so many bytes of one student looked into, and is what goes beyond told by its name alone?"""
    monkeypatch.setattr(find, "LOOKED_INTO", 2 * len(NOTEBOOK.encode()))
    monkeypatch.setattr(find, "_told", {})
    hand_in(course, {f"s/work/{name}.ipynb": f"{STRIPPED}{' ' * len(NOTEBOOK)}" for name in "abc"}
            | {"s/work/d.ipynb": NOTEBOOK, f"t/work/{STEM}.ipynb": NOTEBOOK * 3})
    assert course.students(STEM) == ["t"] and len(find._told) == 1
    monkeypatch.setattr(find, "LOOKED_INTO", 50_000_000)
    assert course.students(STEM) == ["s", "t"]


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.filterwarnings("ignore:Object of type")
def test_by_either_way_in(course):
    """Do `nbgrader autograde` and `python -m grader` find a loose notebook, and name what belongs to no set?"""
    solved = text(filled(solutions()))
    hand_in(course, {f"s/{STEM}.ipynb": solved, "t.ipynb": solved, "u.zip": b"PK"})
    environment = os.environ | {"COURSE_DIR": str(course.folder)}
    for command in ([Path(sys.executable).with_name("nbgrader"), "autograde"], [sys.executable, "-m", "grader"]):
        done = subprocess.run([*command, STEM], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert f"s {STEM}: wrong place: s/{STEM}.ipynb: graded from there" in said
        assert f"t {STEM}: wrong place: t.ipynb: graded from there" in said
        assert f"u.zip {STEM}: not graded: u.zip (an archive: unpack it) lies in submitted/ itself" in said
        recorded = {student: sum(points.values()) for student, points in scores(course.db, STEM).items()}
        assert recorded == {"s": 18, "t": 18}


PARTS = ["s", STEM, STEM.upper(), OTHER, "a", "b.csv", f"{STEM}.ipynb", f"{STEM}.IPYNB", "x.ipynb", ".hidden",
         "feedback", "ü", "u\u0308", "timestamp.txt", "bad\udcff", "new\nline", "__MACOSX", "x.zip", "s.ipynb"]
CONTENTS = [NOTEBOOK.encode(), STRIPPED.encode(), OF_ANOTHER_SET.encode(), b"", b"{", b"\xff\xfe", b"x" * 50]
THINGS = st.sampled_from([*CONTENTS, "link", "pipe", "folder"])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.lists(st.sampled_from(PARTS), min_size=1, max_size=7).map("/".join), THINGS, max_size=8))
def test_any_tree(tmp_path_factory, tree):
    """Does any tree of files give submissions or Unreadable, within bounds, from inside the student's folder alone?"""
    folder = tmp_path_factory.mktemp("tree")
    course = Course.at(folder)
    (folder / "outside").write_bytes(b"secret")
    course.submitted.mkdir()
    for path, thing in tree.items():
        _put(course.submitted / path, thing, folder / "outside")
    before = sorted(course.submitted.rglob("*"))
    for why in course.strays(STEM).values():
        assert isinstance(why, Unreadable)
    for student in course.students(STEM):
        try:
            taken = read(course, student)
        except Unreadable:
            continue
        contents = list(taken.files.values())
        assert sum(map(len, contents)) <= 20_000_000 and b"secret" not in contents
        course.files(student, STEM).mkdir(parents=True, exist_ok=True)
        assert not any(path.is_symlink() for path in course.files(student, STEM).rglob("*"))
    assert sorted(course.submitted.rglob("*")) == before
    shutil.rmtree(folder)


def _put(path, thing, outside):
    """Put a thing at a path, unless something else is in its way."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if thing == "link":
            path.symlink_to(outside)
        elif thing == "pipe":
            os.mkfifo(path)
        elif thing == "folder":
            path.mkdir()
        else:
            path.write_bytes(thing)
    except OSError:
        pass
