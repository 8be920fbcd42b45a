"""Read the JSON of a notebook, in any encoding, and keep of it only what is looked at.

Outputs, widgets and other people's metadata are most of a notebook and are thrown away anyway. They are skipped as
text, without recursion and without being parsed: how large, how deep or how odd they are does not matter.
"""

import codecs
import json
import re
from typing import Any, BinaryIO

from grader.submission.submission import Finding, Unreadable

NOTEBOOK_BYTES = 200_000_000  # more than any editor opens; read in some seconds, and once in memory
KEPT_BYTES, KEPT_LISTS = 20_000_000, 100_000  # of what is looked at, pasted pictures included; a list takes 64 bytes
NESTING, SKIPPED_NESTING = 60, 10_000  # what we look at is nested 8 deep; no program writes the latter
SKIPPED_PARTS = 10_000_000  # texts and brackets that are passed over: some seconds
CHUNK = 1 << 20

# What is looked at: the keys that are kept in what stands under a key; None: all of them.
CELL = (b'"cell_type"', b'"source"', b'"input"', b'"metadata"', b'"attachments"')
KEYS: dict[bytes, tuple[bytes, ...] | None] = {
    b"": (b'"cells"', b'"worksheets"'),
    b'"worksheets"': (b'"cells"',),
    b'"cells"': CELL,
    b'"metadata"': (b'"nbgrader"',),
    b'"nbgrader"': None,
    b'"attachments"': None,
}
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
TOKEN = re.compile(rb"(?P<key>" + STRING + rb")\s*+:|" + STRING +
                   rb'|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)(?=\s*+[\]}])|(?P<cut>")', re.DOTALL)
PART = re.compile(STRING + rb'|[\[{\]}"]', re.DOTALL)
WRITTEN = re.compile(rb"[^\0\s]")
SPACE, SCALAR = re.compile(rb"\s*+"), re.compile(rb"[^\s,\]}]*+")
WINDOWS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
OTHERS = ((b"<", "a web page"), (b"PK\3\4", "a zip archive"), (b"\x1f\x8b", "a gzip archive"), (b"%PDF", "a PDF"),
          (b"7z\xbc\xaf", "a 7z archive"), (b"Rar!", "a RAR archive"), (b"BZh", "a bzip2 archive"),
          (b"\xfd7zXZ", "an xz archive"))


def read_json(file: BinaryIO, name: str, findings: list[Finding]) -> Any:
    """The JSON in `file` without what is not looked at (null stands for it). Raises Unreadable, which says `name`."""
    text = _utf8(file, name, findings)
    if not WRITTEN.search(text):
        raise Unreadable(f"{name} is empty")
    reduction = _Reduction(text, name)
    kept = reduction.run()
    if reduction.commas:
        findings.append(Finding("not quite JSON", name, "a comma before a closing bracket was passed over"))
    try:
        return json.loads(kept, strict=False)
    except ValueError as error:
        conflict = "; it holds the marks of a merge" if re.search(rb"^<<<<<<< ", text, re.MULTILINE) else ""
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise Unreadable(f"{name} is not JSON ({reason[:100]}{conflict})") from None


def _utf8(file: BinaryIO, name: str, findings: list[Finding]) -> bytearray:
    """The text in `file` as UTF-8. Bytes that are not UTF-8 are read as Windows writes them."""
    chunk = file.read(CHUNK)
    for start, what in OTHERS:
        if chunk.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            raise Unreadable(f"{name} is {what}, not JSON")
    encoding = json.detect_encoding(chunk[:4])
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if encoding.startswith("utf-8") else "strict")
    text, read, windows = bytearray(), 0, False
    while chunk:
        read += len(chunk)
        if read > NOTEBOOK_BYTES:
            raise Unreadable(f"{name} has more than {NOTEBOOK_BYTES // 1_000_000} MB")
        following = file.read(CHUNK)
        try:
            decoded = decoder.decode(chunk, not following)
        except UnicodeDecodeError:
            raise Unreadable(f"{name} is not text in {encoding.upper()}") from None
        try:
            text += decoded.encode()
        except UnicodeEncodeError:
            windows = windows or any(character in WINDOWS for character in map(ord, decoded))
            text += decoded.translate(WINDOWS).encode(errors="replace")
        chunk = following
    if windows:
        findings.append(Finding("odd encoding", name, "not UTF-8 throughout; the rest was read as Windows-1252",
                                "if letters with accents came out as others"))
    elif not encoding.startswith("utf-8"):
        findings.append(Finding("odd encoding", name, f"read as {encoding.upper()}"))
    return text


class _Reduction:
    """One pass over the JSON `text` of the notebook `name`, which puts null in place of what is not looked at."""

    def __init__(self, text: bytearray, name: str):
        self.text, self.name = text, name
        self.kept, self.start = bytearray(), 0  # what is kept so far, and where in the text it goes on
        self.under: list[bytes] = [b""]  # the key that each open list or dict stands under
        self.lists = self.parts = self.commas = 0

    def run(self) -> bytearray:
        """The JSON that is looked at. Raises Unreadable."""
        key: bytes | None = None  # the key whose value comes next
        at = 0
        while token := TOKEN.search(self.text, at):
            at, kind = token.end(), token.lastgroup
            if kind == "key":
                key = token["key"]
                if not self._is_looked_at(key):
                    at = self._pass_over(at)
            elif kind == "open":
                self._open(key)
                key = None
            elif kind == "close":
                key = None
                if len(self.under) > 1:
                    self.under.pop()
            elif kind == "comma":
                self._keep(token.start())
                self.start, self.commas = at, self.commas + 1
            elif kind == "cut":
                raise self._cut_short()
        if len(self.under) > 1:
            raise self._cut_short()
        self._keep(len(self.text))
        return self.kept

    def _is_looked_at(self, key: bytes) -> bool:
        keys = KEYS.get(self.under[-1], ())
        return keys is None or key in keys

    def _open(self, key: bytes | None) -> None:
        """Enter a list or a dict that stands under `key`; None: in a list."""
        if key is None or KEYS.get(self.under[-1], ()) is None:  # where every key is kept, none has a meaning
            key = self.under[-1]
        self.under.append(key)
        self.lists += 1
        if len(self.under) > NESTING:
            raise self._too_deep()
        if self.lists > KEPT_LISTS:
            raise Unreadable(f"{self.name} has more than {KEPT_LISTS} lists and dicts in its cells, without outputs")

    def _keep(self, end: int) -> None:
        """Keep the text up to `end`."""
        if len(self.kept) + end - self.start > KEPT_BYTES:
            raise Unreadable(f"{self.name} has more than {KEPT_BYTES // 1_000_000} MB in its cells, without outputs")
        with memoryview(self.text) as text:
            self.kept += text[self.start:end]

    def _pass_over(self, at: int) -> int:
        """Put null in place of the value that begins at `at`, after white space: where it ends."""
        self._keep(at)
        self.kept += b"null"
        self.start = self._end_of_value(at)
        return self.start

    def _end_of_value(self, at: int) -> int:
        first = _match(SPACE, self.text, at)
        if self.text[first:first + 1] not in (b"[", b"{", b'"'):
            return _match(SCALAR, self.text, first)
        depth = 0
        for part in PART.finditer(self.text, first):
            mark = self.text[part.start()]
            self.parts += 1
            if mark in b"[{":
                depth += 1
            elif mark in b"]}":
                depth -= 1
            elif part.end() - part.start() == 1:
                break
            if depth > SKIPPED_NESTING:
                raise self._too_deep()
            if self.parts > SKIPPED_PARTS:
                raise Unreadable(f"{self.name} has more than {SKIPPED_PARTS // 1_000_000} million texts and brackets "
                                 f"in its outputs and metadata")
            if depth <= 0:
                return part.end()
        raise self._cut_short()

    def _cut_short(self) -> Unreadable:
        return Unreadable(f"{self.name} is not JSON (it ends in the middle: was it cut short?)")

    def _too_deep(self) -> Unreadable:
        return Unreadable(f"{self.name} is nested too deeply")


def _match(pattern: re.Pattern[bytes], text: bytearray, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
