"""Set formulas in plain HTML: letters, <sub> and <sup>, so that a page needs no script. What is harder stays TeX."""

import re
from collections.abc import Iterable
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

LONG = 2000  # characters of a formula
OUTER = re.compile(r"\\begin\{(equation|displaymath|math)(\*?)\}(.*)\\end\{\1\2\}", re.DOTALL)
GROUPS = ("math", "mrow", "mstyle", "mpadded")
TIGHT = set("()[]{}⟨⟩|‖!′'/.")  # operators without spaces around them
ACCENTS = {"^": "\u0302", "ˆ": "\u0302", "~": "\u0303", "˜": "\u0303", "¯": "\u0304", "_": "\u0304", "―": "\u0304",
           "→": "\u20d7", "˙": "\u0307", "¨": "\u0308"}  # as combining characters
# MathJax commands that make links, classes or styles, should somebody else's page set what stays TeX. A row of
# backslashes is read once, as a whole: the time grows with the length of the text, not with its square.
ACTIVE = re.compile(
    r"(?<!\\)\\++(?=(href|url|style|class|cssId|require|html\w*|data|mmlToken|bbox|unicode|newcommand|def|let)\b)"
)


def set_formula(tex: str) -> str:
    r"""A formula as HTML. Raises ValueError where the TeX is not understood, or needs more than a line.

    >>> set_formula(r"q_i \cdot k / \sqrt{d_k}")
    '<i>q</i><sub><i>i</i></sub> · <i>k</i>/√<i>d</i><sub><i>k</i></sub>'
    """
    if len(tex) > LONG:
        raise ValueError(f"a formula of {len(tex)} characters; at most {LONG} are set")
    return " ".join(_set(convert_to_element(OUTER.sub(r"\3", tex.strip()))).split())


def as_tex(tex: str) -> str:
    """A formula as the HTML of its TeX."""
    return escape(tex, quote=False)


def passive(html: str) -> str:
    """HTML in which no TeX command makes a link, a class or a style."""
    return ACTIVE.sub("", html)


def _set(element: Element) -> str:
    """An element of MathML, as HTML."""
    parts = list(element)
    match element.tag:
        case "mi" | "mn" | "mo" | "mtext":
            return _letters(element)
        case "mspace" if not element.get("linebreak"):
            return " "
        case tag if tag in GROUPS:
            return _join(parts)
        case "msub" | "munder" if len(parts) == 2 and (element.tag == "msub" or parts[1].tag != "mo"):
            return f"{_set(parts[0])}<sub>{_set(parts[1]).strip()}</sub>"
        case "msup" if len(parts) == 2:
            return f"{_set(parts[0])}<sup>{_set(parts[1]).strip()}</sup>"
        case "msubsup" | "munderover" if len(parts) == 3:
            return f"{_set(parts[0])}<sub>{_set(parts[1]).strip()}</sub><sup>{_set(parts[2]).strip()}</sup>"
        case "mover" if len(parts) == 2 and _text(parts[1]) in ACCENTS and len(_text(parts[0])) == 1:
            return f"<i>{escape(_text(parts[0]))}{ACCENTS[_text(parts[1])]}</i>"
        case "mfrac" if len(parts) == 2 and not element.get("linethickness"):
            return f"{_one(parts[:1])} / {_one(parts[1:])}"
        case "msqrt":
            return f"√{_one(parts)}"
    raise ValueError(f"<{element.tag}> does not fit into a line")


def _letters(element: Element) -> str:
    """A name, a number, an operator or a text. Raises ValueError for a command that the library does not know."""
    raw = unescape(element.text or "")  # the library writes its symbols as entities
    text, variant = escape(raw), element.get("mathvariant", "")
    if "\\" in raw or raw == "&":
        raise ValueError(f"{raw!r} in a formula is not understood")
    if element.tag == "mo" and raw and raw not in TIGHT:
        return f"{text} " if raw in ",;:" else text if raw.isalpha() else f" {text} "
    if variant.startswith("bold"):
        return f"<b>{text}</b>"
    return f"<i>{text}</i>" if element.tag == "mi" and len(raw) == 1 and raw.isalpha() and variant != "normal" else text


def _join(parts: Iterable[Element]) -> str:
    """Elements in a line; a fraction among others is in brackets."""
    together = list(parts)
    return "".join(f"({_set(part)})" if part.tag == "mfrac" and len(together) > 1 else _set(part) for part in together)


def _one(parts: list[Element]) -> str:
    """What is read as one thing: in brackets where it is more than one."""
    inner = parts
    while len(inner) == 1 and inner[0].tag in GROUPS:
        inner = list(inner[0])
    is_one = len(inner) == 1 and inner[0].tag != "mfrac"
    return _join(inner).strip() if is_one else f"({_join(inner).strip()})"


def _text(element: Element) -> str:
    return unescape("".join(element.itertext())).strip()
