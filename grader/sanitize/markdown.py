"""Turn text cells into HTML that cannot act: in feedback, and in formgrader, where the instructor is logged in.

`grader.nbgrader_bridge.configure` puts `safe_markdown` in place of nbconvert's filter, for every page nbgrader makes.
Nothing a student wrote keeps an id, a class or a style: formgrader's own scripts find its buttons by them.
"""

import re
from collections.abc import Mapping
from secrets import token_hex
from typing import Any
from urllib.parse import unquote, urlsplit

import nh3
from jinja2 import pass_context
from mistune.renderers.html import HTMLRenderer
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from grader.sanitize.allowance import Allowance, as_it_is
from grader.sanitize.formulas import as_tex, passive, set_formula
from grader.sanitize.outputs import INLINE, MAGIC, is_image

TAGS = set(
    "a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i "
    "img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul "
    "var".split()
)
ATTRIBUTES = {
    "*": {"title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "details": {"open"},
}
SIZES = {"width": 4, "height": 4, "start": 6, "colspan": 2, "rowspan": 2}  # digits
# What every browser takes for an address elsewhere: "http:page.html" names a file beside the page.
LINK = re.compile(r"https?://([a-z0-9-]+\.)+[a-z][a-z0-9-]+(:\d+)?([/?#][!#$%&'()*+,./:;=?@\[\]\w~-]*)?", re.A | re.I)
MAIL = re.compile(r"mailto:[\w.+-]+@[\w.-]+", re.ASCII)
PICTURE = re.compile(r"data:(image/[a-z]+);base64,([A-Za-z0-9+/=]*)")
ATTACHMENT = "attachment:"
LONG = 12_000  # characters, pictures apart
BEGINNING = 40  # characters of a picture that is shown as text, where the page has no room for all of it


@pass_context
def safe_markdown(*given: Any) -> str:
    """Convert Markdown to HTML without scripts, styles, forms, frames, ids, classes or links within the site.

    given: the source alone; in a template, jinja gives its context first. Then pictures pasted into the cell are
    shown, formulas are set, and all texts of the page share one Allowance, the resource `allowance`.
    """
    *contexts, source = given
    context = contexts[0] if contexts else {}
    resources = context.get("resources") or {}
    allowance = resources.get("allowance") or Allowance()
    if len(INLINE.sub("", source)) > LONG:
        return passive(as_it_is(source))
    pictures = context.get("cell", {}).get("attachments")
    pictures = pictures if isinstance(pictures, Mapping) else {}
    text = _Text(pictures, bool(contexts), resources.get("server", ""), allowance)
    return passive(allowance.made(text.html, source))


class _Text(IPythonRenderer):
    """One text: the pictures pasted into its cell, {name: {mime: base64}}, whether formulas are set, the name of
    our server, and what is left for the page.

    room: how many characters of pictures it may still show; mark: what no student can write, before the number of
    each picture that is in the text.
    """

    def __init__(self, pictures: Mapping[str, Any], sets_formulas: bool, server: str, allowance: Allowance):
        super().__init__(escape=False, exclude_anchor_links=True)
        self.pictures, self.sets_formulas, self.server, self.allowance = pictures, sets_formulas, server, allowance
        self.room, self.mark = allowance.characters, f"{ATTACHMENT}/{token_hex(8)}-"
        self.known: dict[str, str] = {}  # pictures by what names them
        self.inline: dict[str, str] = {}  # by the short name that the text has in their place

    def html(self, source: str) -> str:
        """The text as HTML."""
        raw = MarkdownWithMath(renderer=self).render(INLINE.sub(self._keep_inline, source))
        schemes = {"http", "https", "mailto", "data", "attachment"}
        safe = nh3.clean(raw, tags=TAGS, attributes=ATTRIBUTES, attribute_filter=self._attribute, url_schemes=schemes,
                         url_relative="deny", link_rel="noopener noreferrer",
                         set_tag_attribute_values={"a": {"target": "_blank"}})
        return re.sub(f"{self.mark}[0-9]+", self._as_text, safe)

    def _keep_inline(self, found: re.Match[str]) -> str:
        """A short name for a picture in the text: Markdown takes half a second to read a large one."""
        name = f"{self.mark}{len(self.inline)}"
        self.inline[name] = found[0]
        return name

    def _as_text(self, found: re.Match[str]) -> str:
        """A picture where none is shown, as in code: what the student wrote, or its beginning."""
        written = self.inline.get(found[0], found[0])
        return written if self._has_room(written) else f"{written[:BEGINNING]}…"

    def _has_room(self, picture: str) -> bool:
        """Whether a picture may be in the HTML once more; if so, its characters are taken off."""
        fits = len(picture) <= self.room
        self.room -= len(picture) if fits else 0
        return fits

    def _attribute(self, tag: str, name: str, value: str) -> str | None:
        """What an attribute may hold, or None."""
        if (tag, name) == ("a", "href"):
            return value if self._leads_away(value) else None
        if (tag, name) == ("img", "src"):
            return self._picture(value)
        if name in SIZES and not re.fullmatch(f"[0-9]{{1,{SIZES[name]}}}", value):
            return None
        return value if name not in ("colspan", "rowspan") or self.allowance.has_span(int(value)) else None

    def _leads_away(self, link: str) -> bool:
        """Whether a link leads to a public place that is not the server whose page this is."""
        return bool(MAIL.fullmatch(link) or LINK.fullmatch(link) and urlsplit(link).hostname != self.server)

    def _picture(self, source: str) -> str | None:
        """The picture that an <img> shows, as a data: URI: PNG or JPEG, from the cell itself."""
        if source not in self.known:
            self.known[source] = self._find(self.inline.get(source, source))
        return self.known[source] if self.known[source] and self._has_room(self.known[source]) else None

    def _find(self, source: str) -> str:
        """The same of a picture that was not looked at before; empty when there is none."""
        if source.startswith(ATTACHMENT):
            data = self.pictures.get(unquote(source.removeprefix(ATTACHMENT)))
            found = list(data.items()) if isinstance(data, Mapping) else []
        else:
            found = PICTURE.findall("".join(source.split()))
        for mime, text in found:
            if mime in MAGIC and is_image(mime, text):
                return f"data:{mime};base64,{''.join(text.split())}"
        return ""

    def _formula(self, tex: str, sign: str = "") -> str:
        """A formula between two signs as HTML, or as TeX where it is not understood."""
        try:
            return set_formula(tex) if self.sets_formulas else as_tex(f"{sign}{tex}{sign}")
        except Exception:  # whatever is wrong with it: a reader of TeX understands more than a program
            return as_tex(f"{sign}{tex}{sign}")

    def inline_math(self, body: str) -> str:
        """A formula in a line."""
        return self._formula(body, "$")

    def block_math(self, body: str) -> str:
        """A formula on a line of its own."""
        return f"<center>{self._formula(body, '$$')}</center>"

    def latex_environment(self, name: str, body: str) -> str:
        """A formula in an environment of its own."""
        tex = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return f"<center>{self._formula(tex)}</center>"

    def block_code(self, code: str, info: str | None = None) -> str:
        """Code in a text, without colours: which highlighter reads it would be the student's choice."""
        return HTMLRenderer.block_code(self, code)

    def _embed_image_or_attachment(self, src: str) -> str:
        return src  # looked up when the HTML is cleaned: <img> may name one too
