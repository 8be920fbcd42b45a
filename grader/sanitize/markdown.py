"""Turn text cells into HTML that cannot act: in feedback, and in formgrader, where the instructor is logged in.

`grader.nbgrader_bridge.configure` puts `safe_markdown` in place of nbconvert's filter, for every page nbgrader makes.
"""

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Any

import bleach
from bleach.html5lib_shim import Filter
from nbconvert.filters.markdown_mistune import markdown2html_mistune

TAGS = set(
    "a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i "
    "img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul "
    "var".split()
)
ATTRIBUTES: dict[str, Any] = {
    "*": ["class", "id", "title", "lang", "dir"],
    "ol": ["start"],
    "td": ["colspan", "rowspan", "align"],
    "th": ["colspan", "rowspan", "align", "scope"],
    "details": ["open"],
}
LINK = re.compile(r"(https?:|mailto:|#)", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
# MathJax commands that make links, classes or styles out of a formula
ACTIVE_MATH = re.compile(
    r"\\+(?=(href|url|style|class|cssId|require|html\w*|data|mmlToken|bbox|unicode|newcommand|def|let)\b)"
)


LONG = 20_000  # characters, pictures apart; some texts take Markdown a time that grows with the square of their length


class PassiveMath(Filter):
    """Removes active MathJax commands from the text as a browser sees it: tags and comments gone, entities resolved."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        text = ""
        for token in super().__iter__():
            if token["type"] in ("Characters", "SpaceCharacters"):
                text += token["data"]
            elif token["type"] == "Entity":
                text += unescape(f"&{token['name']};")
            else:
                yield from _passive(text)
                text = ""
                yield token
        yield from _passive(text)


def _passive(text: str) -> list[dict[str, Any]]:
    return [{"type": "Characters", "data": ACTIVE_MATH.sub("", text)}] if text else []


def safe_markdown(source: str) -> str:
    """Convert Markdown to HTML without scripts, styles, forms, frames, or links other than http, https and mailto."""
    if len(PICTURE.sub("", source)) > LONG:
        return f"<pre>{escape(ACTIVE_MATH.sub('', source))}</pre>"
    attributes = ATTRIBUTES | {"img": _picture_attribute, "a": _link_attribute}
    protocols = {"http", "https", "mailto", "data"}
    cleaner = bleach.Cleaner(TAGS, attributes, protocols, strip=True, filters=[PassiveMath])
    return cleaner.clean(markdown2html_mistune(source))


def _picture_attribute(tag: str, name: str, value: str) -> bool:
    """Whether an attribute of <img> may stay: pictures come with the page, not from somewhere else."""
    return bool(PICTURE.fullmatch(value)) if name == "src" else name in ("alt", "title", "width", "height")


def _link_attribute(tag: str, name: str, value: str) -> bool:
    """Whether an attribute of <a> may stay."""
    return bool(LINK.match(value)) if name == "href" else name in ("name", "title", "class")
