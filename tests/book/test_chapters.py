"""Does the book follow from the table of chapters, and the table agree with the files?"""
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tools import chapters, write_toc

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
CHAPTERS = chapters.chapters()
ENTRY = '[[parts.chapters]]\nstem = "{stem}"\ntitle = "A title"\nsubtitle = "More."\nthere = {there}\n'


def table(folder, *entries):
    path = folder / "chapters.toml"
    path.write_text('[[parts]]\ntitle = "A part"\nmirrors_notes = true\n' + "".join(entries))
    return path


def test_seventeen_chapters():
    """Are there seventeen or more, the first twelve of which mirror the notes?"""
    first, second = chapters.parts()
    assert (len(first.chapters), first.chapters[-1].stem) == (12, "12_neighbours") and len(second.chapters) >= 5
    assert [part.mirrors_notes for part in chapters.parts()] == [True, False]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_there_means_all_its_files(chapter):
    """Has a chapter that is there its page, spec, solution and exercise, and one to come none of them?"""
    stem = chapter.stem
    files = [BOOK / f"{stem}.md", ROOT / f"solutions/{stem}/{stem}.ipynb", ROOT / f"exercises/{stem}/{stem}.ipynb"]
    there = [path.exists() for path in files] + [bool(list((ROOT / "attnlib" / "check").rglob(f"ex_{stem}.py")))]
    assert there == [chapter.there] * 4


def test_no_page_outside_the_table():
    """Is every page with a number in the table?"""
    assert {path.stem for path in BOOK.glob("[0-9]*.md")} <= {chapter.stem for chapter in CHAPTERS}


def test_sidebar_is_current():
    """Is _toc.yml what the table makes of it? If not, run: python -m tools.write_toc"""
    assert write_toc.TOC.read_text(encoding="utf8") == write_toc.text()


def test_the_map_names_all_and_links_what_is_there(book):
    """Does the map on the first page name every chapter in order, and link exactly those that are there?"""
    html = (book / "index.html").read_text(encoding="utf8")
    places = [html.index(f'id="{part.title.lower().replace(": ", "-").replace(" ", "-").replace(",", "")}"')
              for part in chapters.parts()]
    assert places == sorted(places)
    starts = re.findall(r'<div class="map[^>]*>\s*<ol class="arabic simple"(?: start="(\d+)")?', html)
    assert [int(start or 1) for start in starts] == [part.chapters[0].number for part in chapters.parts()]
    items = re.findall(r"<li><p>(.*?) <em>(.*?)</em></p>", unescape(html))
    assert [subtitle for _, subtitle in items] == [chapter.subtitle for chapter in CHAPTERS]
    for (item, _), chapter in zip(items, CHAPTERS):
        assert re.sub("<.*?>", "", item) == chapter.title
        assert re.findall(r'href="(.*?)"', item) == [f"{chapter.stem}.html"] * chapter.there


def test_a_number_becomes_a_link(book):
    """Does {chapter}`05` on the first page link the chapter?"""
    html = (book / "index.html").read_text(encoding="utf8")
    there = {f"{chapter.number:02}": chapter.stem for chapter in CHAPTERS if chapter.there}
    for number in re.findall(r"\{chapter\}`(\d\d)`", (BOOK / "index.md").read_text(encoding="utf8")):
        assert number not in there or re.search(rf'href="{there[number]}\.html"><span[^>]*>chapter {number}<', html)


def test_errors_name_the_entry(tmp_path):
    """Does a table with a mistake say which entry, what came and what is needed?"""
    good = ENTRY.format(stem="01_words", there="false")
    assert [chapter.stem for chapter in chapters.chapters(table(tmp_path, good))] == ["01_words"]
    for entries, message in [
        ([good, ENTRY.format(stem="03_words", there="true")], "chapter 2 has the stem '03_words'"),
        ([ENTRY.format(stem="01_Words", there="true")], "chapter 1 has the stem '01_Words'"),
        ([ENTRY.format(stem="01_words", there='"no"')], "chapter '01_words' has there = 'no'; it needs a bool"),
        ([good.replace("there", "ready")], "chapter '01_words' gives ready, stem, subtitle, title; it needs stem, sub"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            chapters.chapters(table(tmp_path, *entries))


def test_the_command_writes_the_sidebar():
    """Does the command leave the sidebar as it is when it is current, and say what it wrote?"""
    before = write_toc.TOC.read_bytes()
    command = [sys.executable, "-m", "tools.write_toc"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "Wrote book/_toc.yml.\n" and write_toc.TOC.read_bytes() == before
