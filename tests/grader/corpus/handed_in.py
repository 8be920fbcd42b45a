"""Notebooks as people hand them in: in odd encodings, under odd names, at odd places, with odd things beside them."""

import copy
import json
import unicodedata

from tests.grader.corpus import Submitted
from tests.grader.sample_class import STEM, filled, find, solutions, text

RIGHT = f"{STEM}/{STEM}.ipynb"
SOLVED = filled(solutions())
GOOD = text(SOLVED)
FIRST = next(iter(solutions()))
HALF = text(filled({FIRST: solutions()[FIRST]}))


def at(name, path, *told, content=GOOD, points=18, **beside):
    """A Submitted of one notebook at `path`; beside: {path: content}, as is what lies beside it."""
    return Submitted(name, {path: content} | beside, points, told)


def reads(name, file, *told, opened=None, **others):
    """A Submitted whose notebook needs a file: it lies there under the name `file`, and `opened` is what is opened."""
    notebook = copy.deepcopy(SOLVED)
    for answer, source in solutions().items():
        find(notebook, answer)["source"] = f"assert open({opened or file!r}).read() == '1'\n" + source.strip("\n")
    return Submitted(name, {RIGHT: text(notebook), f"{STEM}/{file}": "1"} | others, 18, told)


def changed(change):
    """The solved notebook as text, changed by `change`."""
    notebook = copy.deepcopy(SOLVED)
    change(notebook)
    return text(notebook)


def deep(depth):
    """A dict nested `depth` deep, as text: the json module gives up before."""
    return '{"a": ' * depth + "1" + "}" * depth


def with_output(data):
    """The solved notebook with `data`, as text, in the output of its first code cell and in its own metadata."""
    def change(notebook):
        cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
        cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"application/json": "DATA"}}]
        cell["metadata"]["widgets"] = notebook["metadata"]["widgets"] = "DATA"

    return changed(change).replace('"DATA"', data)


def with_comment(notebook):
    find(notebook, FIRST)["source"] += "\n# die Größe ist naïvement gewählt"


def with_windows_line_ends(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")


def format_2():
    """The solved notebook as IPython 0.12 had them."""
    cells = [{"cell_type": cell["cell_type"], "metadata": cell["metadata"],
              "input" if cell["cell_type"] == "code" else "source": cell["source"]} for cell in SOLVED["cells"]]
    return json.dumps({"nbformat": 2, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]})


def format_1():
    """A notebook as IPython 0.11 had them."""
    return json.dumps({"nbformat": 1, "cells": [{"cell_type": "code", "code": "x = 1", "prompt_number": 1}]})


ENCODED = changed(with_comment)
KEPT, MAYBE = "No marks are lost by it", "Marks may be lost"
PLACE = "its right place is"

SUBMISSIONS = [
    # encodings and notebooks that are not quite JSON
    at("utf_16", RIGHT, "read as UTF-16", KEPT, content=ENCODED.encode("utf-16")),
    at("utf_16_without_a_mark", RIGHT, "read as UTF-16-LE", KEPT, content=ENCODED.encode("utf-16-le")),
    at("utf_32", RIGHT, "read as UTF-32", KEPT, content=ENCODED.encode("utf-32")),
    at("windows_1252", RIGHT, "Windows-1252", MAYBE, content=ENCODED.encode("cp1252")),
    at("utf_8_with_a_mark", RIGHT, content=ENCODED.encode("utf-8-sig")),
    at("windows_line_ends", RIGHT, content=GOOD.replace("\n", "\r\n")),
    at("windows_line_ends_in_its_cells", RIGHT, content=changed(with_windows_line_ends)),
    at("a_comma_too_many", RIGHT, "a comma before a closing bracket", KEPT,
       content=GOOD.replace("\n ],\n", ",\n ],\n")),
    at("not_a_number_in_an_output", RIGHT, content=with_output("[NaN, -Infinity]")),
    at("widgets_70_deep", RIGHT, content=with_output(deep(70))),
    at("widgets_5000_deep", RIGHT, content=with_output(deep(5000))),
    at("widgets_100000_deep", RIGHT, "nested too deeply", content=with_output(deep(100_000)), points=None),
    at("outputs_of_30_mb", RIGHT, content=with_output('"' + "x" * 10_000_000 + '"')),
    at("of_format_2", RIGHT, content=format_2()),
    at("of_format_1", RIGHT, "none with a text; formats 2, 3 and 4 are read", content=format_1(), points=None),
    at("a_web_page", RIGHT, "is a web page, not JSON", content="<!DOCTYPE html>", points=None),
    at("a_zip_archive_by_another_name", RIGHT, "is a zip archive", content=b"PK\3\4" + bytes(40), points=None),
    at("full_of_zeros", RIGHT, "is empty", content=bytes(5000), points=None),
    at("marks_of_a_merge", RIGHT, "marks of a merge", points=None,
       content=GOOD.replace(' "cells": [\n', ' "cells": [\n<<<<<<< HEAD\n=======\n>>>>>>> theirs\n', 1)),
    # names
    at("extension_in_upper_case", f"{STEM}/{STEM}.IPYNB", f"wrong name: {STEM}.IPYNB", KEPT),
    at("name_in_upper_case", f"{STEM}/{STEM.upper()}.ipynb", "wrong name", KEPT),
    at("saved_as_text", f"{STEM}/{STEM}.ipynb.txt", "wrong name", KEPT),
    at("saved_as_json", f"{STEM}/{STEM}.ipynb.json", "wrong name", KEPT),
    at("downloaded_twice", f"{STEM}/{STEM} (1).ipynb", "wrong name", KEPT),
    at("copied", f"{STEM}/{STEM}-Copy1.ipynb", "wrong name", KEPT),
    at("name_with_umlauts", f"{STEM}/Lösung für Übung 😀.ipynb", "wrong name", KEPT),
    at("right_but_for_its_case", f"{STEM}/{STEM.title()}.ipynb", "wrong name", "another notebook: notes.ipynb", MAYBE,
       **{f"{STEM}/notes.ipynb": HALF}),
    at("two_as_good", f"{STEM}/a.ipynb", "there are 2 notebooks", "a.ipynb, b.ipynb", points=None,
       **{f"{STEM}/b.ipynb": HALF}),
    # places
    at("without_the_sets_folder", f"{STEM}.ipynb", "wrong place", PLACE, f"without_the_sets_folder/{STEM}.ipynb", KEPT),
    at("without_folder_or_name", "my solution.ipynb", "wrong place", PLACE, KEPT),
    at("a_folder_too_deep", f"{STEM}/{STEM}/{STEM}.ipynb", "wrong place", PLACE, KEPT,
       **{f"{STEM}/__MACOSX/._{STEM}.ipynb": b"\0\5\x16\7", f"{STEM}/.DS_Store": b""}),
    at("folder_in_upper_case", f"{STEM.upper()}/{STEM}.ipynb", "wrong place", PLACE, KEPT),
    at("folder_with_a_space", f"{STEM.replace('_', ' ')}/{STEM}.ipynb", "wrong place", PLACE, KEPT),
    at("in_a_folder_of_its_own_name", f"homework/{STEM}.ipynb", "wrong place", PLACE, KEPT),
    Submitted("without_any_folder", {}, 18, ("wrong place: without_any_folder.ipynb", PLACE, MAYBE), (), GOOD),
    Submitted("right_and_without_folder", {RIGHT: GOOD}, 18,
              ("another notebook: right_and_without_folder.ipynb", MAYBE), (), HALF),
    at("right_and_loose", RIGHT, f"another notebook: right_and_loose/{STEM}.ipynb", MAYBE, **{f"{STEM}.ipynb": HALF}),
    at("right_and_deeper", RIGHT, "another notebook", MAYBE, **{f"{STEM}/{STEM}/{STEM}.ipynb": HALF}),
    # no notebook
    at("zipped", f"{STEM}/{STEM}.zip", f"{STEM}.zip (an archive: unpack it)", f"expected {STEM}.ipynb",
       content=b"PK\3\4", points=None),
    at("zipped_without_folder", f"{STEM}.zip", f"{STEM}.zip (an archive: unpack it)", content=b"PK\3\4", points=None),
    at("tarred", f"{STEM}/{STEM}.tar.gz", "(an archive: unpack it)", content=b"\x1f\x8b", points=None),
    at("a_script", f"{STEM}/{STEM}.py", f"{STEM}.py", f"expected {STEM}.ipynb", content="x = 1", points=None),
    at("a_page_instead", f"{STEM}/{STEM}.html", f"{STEM}.html", content="<html>", points=None),
    at("a_checkpoint_alone", f"{STEM}/.ipynb_checkpoints/{STEM}-checkpoint.ipynb", ".ipynb_checkpoints", points=None),
    at("nothing_but_ds_store", f"{STEM}/.DS_Store", ".DS_Store", f"expected {STEM}.ipynb", content=b"", points=None),
    # files beside it
    reads("file_with_umlauts", "Größen.csv"),
    reads("file_with_umlauts_of_a_mac", unicodedata.normalize("NFD", "Größen.csv"), opened="Größen.csv"),
    reads("file_with_umlauts_not_of_a_mac", "Größen.csv", opened=unicodedata.normalize("NFD", "Größen.csv")),
    reads("file_with_a_space", "daten ü/meine Größen (1).csv"),
    reads("file_with_an_emoji", "👨‍👩‍👧 😀.csv"),
    reads("file_of_a_screenshot", "3.00\u202fPM.txt"),
    reads("file_with_a_backslash", "data\\table.csv"),
    reads("file_among_hundreds", "z.csv", "too many files: a/53: 51 files from this one on", MAYBE,
          **{f"{STEM}/a/{i}": "" for i in range(250)}),
    at("file_name_that_is_no_text", RIGHT, "odd file name", MAYBE, **{f"{STEM}/bad\udcff.csv": "1"}),
    at("files_of_21_mb", RIGHT, "file left out: b.bin", "more than the 9.0 MB that are left", MAYBE,
       **{f"{STEM}/a.bin": bytes(11_000_000), f"{STEM}/b.bin": bytes(10_000_000)}),
    at("pages_beside_it", RIGHT, **{f"{STEM}/page.html": "<script>", f"{STEM}/deep/page.svg": "<svg/>"}),
    # timestamp.txt
    at("time_in_utf_16", RIGHT, **{f"{STEM}/timestamp.txt": "2026-03-01 12:00:00 UTC".encode("utf-16")}),
    at("time_is_empty", RIGHT, "bad timestamp", "it is empty", KEPT, **{f"{STEM}/timestamp.txt": ""}),
    at("time_is_prose", RIGHT, "bad timestamp", KEPT, **{f"{STEM}/timestamp.txt": "handed in on time"}),
    at("time_is_a_number", RIGHT, "bad timestamp", KEPT, **{f"{STEM}/timestamp.txt": "12"}),
    at("time_is_far_away", RIGHT, "bad timestamp", KEPT, **{f"{STEM}/timestamp.txt": "99999999999999999999"}),
    at("time_is_long", RIGHT, "bad timestamp", KEPT, **{f"{STEM}/timestamp.txt": "9" * 10_000}),
    at("time_is_a_folder", RIGHT, "bad timestamp", KEPT, **{f"{STEM}/timestamp.txt/x": ""}),
]
