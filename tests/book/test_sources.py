"""Do the sources keep the book's rules? Nothing here needs a browser."""
import importlib.util
import re
from pathlib import Path

import pytest

from tools import chapters

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
PAGES = sorted(BOOK.glob("*.md"))
MIRRORS_NOTES = {chapter.stem: part.mirrors_notes for part in chapters.parts() for chapter in part.chapters}
CHAPTERS = [BOOK / f"{chapter.stem}.md" for chapter in chapters.chapters() if chapter.there]
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b|\brgba?\(|\bhsla?\(")
LOOSE = re.compile(r"\b(simply|just|obviously|clearly|of course|note that)\b", re.I)


def load(path):
    """A module of the book, which is no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(text):
    """(tags, lines) of every code cell."""
    for body in re.findall(r"^```\{code-cell\}\n(.*?)^```$", text, re.S | re.M):
        head = re.match(r"(?::.*\n)*", body).group()
        yield head, body[len(head):].strip("\n").split("\n")


def prose(text):
    """The page without front matter, code and formulas."""
    text = re.sub(r"\A---.*?^---$", "", text, flags=re.S | re.M)
    text = re.sub(r"^```\{code-cell\}.*?^```$|^```python.*?^```$", "", text, flags=re.S | re.M)
    return re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param.read_text(encoding="utf8")


def test_length(chapter):
    """Is a chapter under 350 lines, with cells a reader sees of 12 lines or fewer?"""
    assert chapter.count("\n") < 350
    for head, lines in cells(chapter):
        assert "remove" in head or len(lines) <= 12, lines[0]


def test_visible_code_fits(chapter):
    """Does visible code fit the page's width without scrolling?"""
    for head, lines in cells(chapter):
        assert "remove" in head or max(map(len, lines)) <= 80, lines


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_order(path):
    """Does a chapter go the way every chapter goes, with a box about the notes where its part mirrors them?"""
    chapter = path.read_text(encoding="utf8")
    steps = ["# ", "```{code-cell}", "## The question", "## By hand", "## The formula", "{margin} On the board",
             "## In code", "attnlib", "{admonition} Common mistake", "## Predict, then reveal",
             *["{admonition} What the note"] * MIRRORS_NOTES[path.stem],
             "## Exercises", "## In three lines", "## Further reading"]
    places = [chapter.index(step, chapter.index("\n---\n")) for step in steps]
    assert places == sorted(places)


def test_one_mistake_two_reveals(chapter):
    """Is there one common mistake, and are there two questions to predict?"""
    assert chapter.count("{admonition} Common mistake") == 1
    assert chapter.count("{dropdown} Reveal") == 2


def test_last_shown_cell_of_the_code_asserts(chapter):
    """Is the chapter's code compared with attnlib on the page itself?"""
    section = re.search(r"^## In code\n(.*?)^## ", chapter, re.S | re.M).group(1)
    shown = [lines for head, lines in cells(section) if "remove" not in head]
    assert any("assert" in line for line in shown[-1]) and any("attnlib" in line for line in shown[-1])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_prose(path):
    """One sentence a source line, and no word that tells a reader it is easy?"""
    text = prose(path.read_text(encoding="utf8"))
    assert not LOOSE.findall(text)
    for line in text.split("\n"):
        if line and not line.startswith(("|", "-", ":", "`", "#", "$")) and not re.match(r"\d+\. ", line):
            assert len(re.findall(r"[.?!] (?=[A-Z*$])", line)) == 0, line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_lists_what_it_cites(path):
    """Does a page that cites have a list of its own, of its own citations? A work may stand in several lists."""
    text = path.read_text(encoding="utf8")
    lists = re.findall(r"^```\{bibliography\}\n(.*?)^```$", text, re.S | re.M)
    assert lists == [":filter: docname in docnames\n"] * ("{cite" in text)


def test_colours_stand_in_one_file():
    """Is figures/style.py the only source with a colour in it?"""
    for path in BOOK.rglob("*"):
        if path.suffix in {".py", ".js", ".css", ".html", ".md"} and path != BOOK / "figures" / "style.py":
            assert not COLOUR.findall(path.read_text(encoding="utf8")), path


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= .04045 else ((p + .055) / 1.055) ** 2.4 for p in parts]
    return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2]


@pytest.mark.parametrize("theme", ["LIGHT", "DARK"])
def test_contrast(theme):
    """Can every role's colour be read on the page, at 4.5 to 1 or better?"""
    colours = getattr(load(BOOK / "figures" / "style.py"), theme)
    for role in ("q", "k", "v", "alpha", "b", "ink", "muted"):
        bright, dark = sorted((luminance(colours[role]), luminance(colours["paper"])), reverse=True)
        assert (bright + .05) / (dark + .05) >= 4.5, role


def test_style_sheet_has_the_colours(book):
    """Are the themes' custom properties the colours of figures/style.py?"""
    style = load(BOOK / "figures" / "style.py")
    written = (book / "_static" / "colours.css").read_text()
    for colours in (style.LIGHT, style.DARK):
        for role, colour in colours.items():
            assert f"--{role}: {colour};" in written
    used = {name for sheet in BOOK.glob("_assets/*.css") for name in re.findall(r"var\(--([\w-]+)", sheet.read_text())}
    assert {name for name in used if not name.startswith("pst")} - {"inches"} <= set(style.LIGHT)


def test_no_script_of_another_host(book):
    """Is every script, style sheet, picture and font of every page the book's own?"""
    for page in book.glob("*.html"):
        text = page.read_text(encoding="utf8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//[^\"]+", text), page
        assert not re.findall(r"<link[^>]+href=\"(?:https?:)?//[^\"]+", text), page
        assert "thebe" not in text.lower(), page
