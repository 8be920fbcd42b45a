"""Keep of a cell's outputs what may be shown again: text, PNG and JPEG, each of bounded size.

HTML, SVG, JavaScript, widgets and every piece of metadata are dropped: feedback is read by students, and
the autograded notebook is read in an instructor's browser, which is logged in to the gradebook.
"""

import base64
import binascii
import re
from typing import Any

import nh3

Output = dict[str, Any]  # one output of a cell, as nbformat 4 has it
RESPONSE = "application/vnd.attnlib.response+json"
INLINE = re.compile(r"data:image/[\w.+-]*;base64,[\w+/=]{1000,}", re.ASCII)  # as Colab pastes a picture into a text
MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
REPORT_TAGS = set("div p strong table thead tr th tbody td details summary small br span pre code".split())
REPORT_ATTRIBUTES = {"*": {"class", "style"}, "td": {"colspan"}, "details": {"open"}}
REPORT_CLASSES = {"table", "tex2jax_ignore"}
REPORT_STYLES = re.compile(
    r"((background|border|color|cursor|display|flex-wrap|font-family|font-size|gap|margin|max-width|min-width|overflow-"
    r"wrap|overflow-x|padding|text-align|vertical-align|white-space|width|word-break): (?!url)[\w .,%()-]+(; |;|$))*",
    re.ASCII,
)
TEXT, IMAGE, OUTPUTS, CELL = 25_000, 4_100_000, 150, 5_000_000  # characters of one text, one picture; outputs; all


def safe_outputs(raw: Any) -> list[Output]:
    """The outputs worth keeping of `raw`, which may be anything; valid for nbformat 4."""
    kept, characters_left = [], CELL
    for output in map(_safe_output, (raw if isinstance(raw, list) else [])[:OUTPUTS]):
        characters_left -= len(str(output))
        if output and characters_left >= 0:
            kept.append(output)
    return kept


def responses(raw: Any) -> dict[str, dict[str, Any]]:
    """{exercise: the last response to it} among the outputs `raw`: plain data, still to be judged."""
    found = {}
    for output in raw if isinstance(raw, list) else []:
        data = output.get("data") if isinstance(output, dict) else None
        response = data.get(RESPONSE) if isinstance(data, dict) else None
        if isinstance(response, dict) and isinstance(response.get("exercise"), str):
            found[response["exercise"]] = response
    return found


def safe_report(html: str) -> str:
    """A report's HTML, which is our own: once more without anything that a report does not have."""
    return nh3.clean(html, tags=REPORT_TAGS, attributes=REPORT_ATTRIBUTES, attribute_filter=_report_attribute)


def _report_attribute(tag: str, name: str, value: str) -> str | None:
    fits = {"class": value in REPORT_CLASSES, "style": bool(REPORT_STYLES.fullmatch(value))}
    return value if fits.get(name, value.isalnum() or value == "") else None


def message(text: str) -> Output:
    """A line of the grader's, as an output."""
    return {"output_type": "stream", "name": "stdout", "text": text + "\n"}


def _safe_output(output: Any) -> Output | None:
    if not isinstance(output, dict):
        return None
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": _text(output.get("text"))}
    if kind == "error":
        lines = output.get("traceback")
        traceback = [_text(line) for line in lines[:200]] if isinstance(lines, list) else []
        return {"output_type": "error", "ename": _text(output.get("ename")), "evalue": _text(output.get("evalue")),
                "traceback": traceback}
    if kind in ("display_data", "execute_result"):
        data = _safe_data(output.get("data"))
        extra = {"execution_count": None} if kind == "execute_result" else {}
        return {"output_type": kind, "data": data, "metadata": {}, **extra} if data else None
    return None


def _safe_data(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    kept = {mime: data[mime].strip() for mime in MAGIC if is_image(mime, data.get(mime))}
    return kept | ({"text/plain": _text(data["text/plain"])} if "text/plain" in data else {})


def is_image(mime: str, value: Any) -> bool:
    """Whether `value` is base64 text of a picture of the kind `mime`, and nothing else."""
    if not isinstance(value, str) or len(value) > IMAGE:
        return False
    try:
        return base64.b64decode("".join(value.split()), validate=True).startswith(MAGIC[mime])
    except (binascii.Error, ValueError):
        return False


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else "")[:TEXT].encode(errors="replace").decode()
