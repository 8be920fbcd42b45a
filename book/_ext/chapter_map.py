"""From the table of chapters: `{chapter-map}`, the list on the first page, and {chapter}`05`, a chapter by its number.

Both link what is there. The rest is named without a link, and linked once it has come.
"""
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective, SphinxRole

sys.path.insert(0, str(Path(__file__).parents[2]))
from tools import chapters


class ChapterMap(SphinxDirective):
    def run(self):
        note_table(self.env)
        return [self.part(part) for part in chapters.parts()]

    def part(self, part):
        items = [nodes.list_item("", nodes.paragraph("", "", link(chapter, chapter.title), nodes.Text(" "),
                                                     nodes.emphasis("", chapter.subtitle)))
                 for chapter in part.chapters]
        first = part.chapters[0].number
        start = {"start": first} if first > 1 else {}
        listing = nodes.enumerated_list("", *items, enumtype="arabic", suffix=".", **start)
        box = nodes.container("", listing, classes=["map"], is_div=True)
        section = nodes.section("", nodes.title("", part.title), box, names=[nodes.fully_normalize_name(part.title)])
        self.state.document.note_implicit_target(section)
        return section


class ChapterName(SphinxRole):
    def run(self):
        note_table(self.env)
        named = [chapter for chapter in chapters.chapters() if f"{chapter.number:02}" == self.text]
        if not named:
            return [], [self.inliner.reporter.error(f"No chapter has the number {self.text!r}; write two digits.")]
        return [link(named[0], f"chapter {self.text}")], []


def note_table(env):
    """Have the page read again when the table changes, or how it is read."""
    env.note_dependency(str(chapters.TABLE))
    env.note_dependency(chapters.__file__)


def link(chapter, text):
    """The text, as a link where the chapter is there."""
    if not chapter.there:
        return nodes.Text(text)
    return addnodes.pending_xref("", nodes.Text(text), refdomain="std", reftype="doc", reftarget=f"/{chapter.stem}",
                                 refexplicit=True, refwarn=True)


def setup(app):
    app.add_directive("chapter-map", ChapterMap)
    app.add_role("chapter", ChapterName())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
