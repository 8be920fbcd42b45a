"""Read what a student handed in, without running any of it and without following any link.

A submission that cannot be read raises Unreadable with a sentence for the instructor. Whatever else is not as it
should be becomes a Finding. The files themselves are never changed.
"""

import contextlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.sanitize.outputs import MAGIC, is_image

NOTEBOOK_BYTES, NESTING, CELLS = 20_000_000, 60, 2000
TEXT = 200_000  # characters of all cells, pictures apart: their HTML is ten times as long, and slow to make
PICTURE = re.compile(r"data:image/[\w.+-]*;base64,[\w+/=]{1000,}")  # as Colab pastes them into a text
FILES, FILE_BYTES, FOLDERS_DEEP = 200, 20_000_000, 5  # what is handed in beside the notebook, in all
SKIPPED = ("__pycache__", "feedback")  # and what begins with a dot: start-up files run before the notebook does
TIMESTAMP = "timestamp.txt"


class Unreadable(Exception):
    """A submission that cannot be graded as it is; the message says what came and where, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "Ask the student to hand it in again"):
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Finding:
    """Something odd about a submission that did not stop it: what kind, in which file or cell, and what was done."""

    kind: str
    where: str
    what: str


@dataclass(frozen=True)
class RawCell:
    """A cell as it was handed in, reduced to what we look at."""

    type: str
    source: str
    grade_id: str | None = None
    nbgrader_metadata: dict[str, Any] = field(default_factory=dict)  # unchecked
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)  # {name: {mime: base64}}


@dataclass
class Submission:
    """The cells of a notebook, the files {name: bytes} beside it, when it was handed in, and what was odd."""

    cells: list[RawCell]
    files: dict[str, bytes]
    timestamp: str = ""
    findings: list[Finding] = field(default_factory=list)


def read_submission(submitted: Path, student: str, stem: str) -> Submission:
    """Read the Submission in the folder submitted/student/stem. Raises Unreadable."""
    check_name(student)
    findings: list[Finding] = []
    with contextlib.ExitStack() as stack:
        folder = _open_folder(stack, None, str(submitted))
        for name in (student, stem):
            folder = _open_folder(stack, folder, name)
        try:
            name = _find_notebook(folder, stem, findings)
            cells = parse_notebook(_read(folder, name, NOTEBOOK_BYTES), name)
            timestamp = _read_timestamp(folder, findings)
            files: dict[str, bytes] = {}
            _read_others(folder, "", files, findings)
        except OSError as error:
            raise Unreadable(f"{error.filename or stem} cannot be read ({error.strerror})") from None
    return Submission(cells, files, timestamp, findings)


def check_name(student: str) -> None:
    """Raise Unreadable for a student's folder that nbgrader, a database or a web page would take for something else."""
    odd = not student.isprintable() or set(student) & set('*?[]<>"\\#%') or student != student.strip()
    if odd or student.startswith("-") or len(student) > 128:
        why = ('it has one of *?[]<>"\\#%, a character that cannot be printed, a space at either end, a dash in front, '
               'or more than 128 characters')
        raise Unreadable(f"its folder's name cannot be used ({why})", "Rename the folder and grade again")


def _open_folder(stack: contextlib.ExitStack, parent: int | None, name: str) -> int:
    """A descriptor of the folder `name` in `parent`, closed with `stack`; a link is not a folder."""
    flags = os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if parent is not None else 0)
    try:
        folder = os.open(name, flags, dir_fd=parent)
    except OSError as error:
        if parent is not None and stat.S_ISLNK(_mode(parent, name)):
            raise Unreadable(f"the folder {name} is a link, and links are not followed") from None
        raise Unreadable(f"the folder {name} cannot be opened ({error.strerror})") from None
    stack.callback(os.close, folder)
    return folder


def _mode(folder: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _find_notebook(folder: int, stem: str, findings: list[Finding]) -> str:
    """The name of the notebook to grade."""
    right = f"{stem}.ipynb"
    notebooks = sorted(name for name in os.listdir(folder) if name.endswith(".ipynb") and not name.startswith("."))
    if right in notebooks:
        for name in set(notebooks) - {right}:
            findings.append(Finding("another notebook", name, f"not graded; {right} was"))
        return right
    if not notebooks:
        raise Unreadable(f"there is no notebook; expected {right}")
    if len(notebooks) > 1:
        names = ", ".join(notebooks)[:200]
        raise Unreadable(f"there are {len(notebooks)} notebooks and none is called {right}: {names}")
    findings.append(Finding("wrong name", notebooks[0], f"graded as {right}"))
    return notebooks[0]


def _read(folder: int, name: str, most: int) -> bytes:
    """The bytes of a regular file. Raises Unreadable for anything else, and for more than `most` bytes."""
    try:  # O_NONBLOCK: opening a named pipe must not wait for a writer
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        link = stat.S_ISLNK(_mode(folder, name))
        why = "is a link, and links are not followed" if link else f"cannot be opened ({error.strerror})"
        raise Unreadable(f"{name} {why}") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Unreadable(f"{name} is not a regular file")
    with open(file, "rb") as opened:
        content = opened.read(most + 1)
    if len(content) > most:
        raise Unreadable(f"{name} has more than {most // 1_000_000} MB")
    return content


def _read_timestamp(folder: int, findings: list[Finding]) -> str:
    """The text of timestamp.txt when nbgrader will understand it, else an empty one."""
    from nbgrader.utils import parse_utc

    if TIMESTAMP not in os.listdir(folder):
        return ""
    try:
        text = _read(folder, TIMESTAMP, 200).decode().strip()
        parse_utc(text)
        return text
    except Exception as error:  # a parser of free text fails in many ways
        findings.append(Finding("bad timestamp", TIMESTAMP, f"ignored ({str(error)[:100]})"))
        return ""


def _read_others(folder: int, path: str, files: dict[str, bytes], findings: list[Finding]) -> None:
    """Add the regular files in `folder`, called `path` from the submission's top, to `files`."""
    for name in sorted(os.listdir(folder)):
        where, mode = f"{path}{name}", _mode(folder, name)
        if name.startswith(".") or name in SKIPPED or (not path and (name.endswith(".ipynb") or name == TIMESTAMP)):
            continue
        if not _is_plain(where):
            findings.append(Finding("odd file name", repr(where)[:100], "left out"))
        elif stat.S_ISDIR(mode) and path.count("/") < FOLDERS_DEEP:
            with contextlib.ExitStack() as stack:
                _read_others(_open_folder(stack, folder, name), f"{where}/", files, findings)
        elif not stat.S_ISREG(mode):
            findings.append(Finding("link" if stat.S_ISLNK(mode) else "not a regular file", where, "left out"))
        elif len(files) >= FILES:
            findings.append(Finding("too many files", where, f"left out; at most {FILES} are taken"))
        else:
            bytes_left = FILE_BYTES - sum(map(len, files.values()))
            try:
                files[where] = _read(folder, name, bytes_left)
            except Unreadable as error:
                findings.append(Finding("file left out", where, str(error)[:200]))


def _is_plain(path: str) -> bool:
    return path.isprintable() and path.isascii() and len(path) < 200 and "\\" not in path


def parse_notebook(content: bytes, name: str = "the notebook") -> list[RawCell]:
    """Parse the cells of a notebook's bytes, of format 4 or 3, as a list of RawCell. Raises Unreadable."""
    if not content.strip():
        raise Unreadable(f"{name} is empty")
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable(f"{name} is not UTF-8 text") from None
    except RecursionError:
        raise Unreadable(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"{name} is not JSON ({str(error)[:100]})") from None
    if _is_deep(data, NESTING):
        raise Unreadable(f"{name} is nested too deeply")
    cells = _find_cells(data)
    if cells is None:
        raise Unreadable(f"{name} is JSON, but not a notebook: it has no list of cells")
    if len(cells) > CELLS:
        raise Unreadable(f"{name} has {len(cells)} cells; at most {CELLS} are read")
    read = [cell for cell in map(_read_cell, cells) if cell]
    written = sum(len(PICTURE.sub("", cell.source) if cell.type == "markdown" else cell.source) for cell in read)
    if written > TEXT:
        raise Unreadable(f"{name} has {written} characters in its cells; at most {TEXT} are read")
    return read


def _is_deep(data: Any, most: int) -> bool:
    """Whether `data` is nested more than `most` deep, found without recursion."""
    level = _items([data])
    for _ in range(most):
        level = [item for one in level for item in _items(one)]
        if not level:
            return False
    return True


def _items(one: Any) -> list[Any]:
    """The lists and dicts right inside `one`."""
    items = one.values() if isinstance(one, dict) else one
    return [item for item in items if isinstance(item, (dict, list))]


def _find_cells(data: Any) -> list[Any] | None:
    """The list of cells of a notebook of format 4, or of format 3, whose cells are in worksheets."""
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("cells"), list):
        return data["cells"]
    sheets = data.get("worksheets")
    if not isinstance(sheets, list):
        return None
    lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    return [cell for cells in lists if isinstance(cells, list) for cell in cells]


def _read_cell(cell: Any) -> RawCell | None:
    """The RawCell of anything found among the cells; None when there is no text in it."""
    if not isinstance(cell, dict):
        return None
    source = _text(cell.get("source", cell.get("input")))
    if source is None:
        return None
    type_ = cell.get("cell_type")
    if type_ == "heading":  # format 3
        type_, source = "markdown", "# " + source
    metadata = cell.get("metadata")
    nbgrader_metadata = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    nbgrader_metadata = nbgrader_metadata if isinstance(nbgrader_metadata, dict) else {}
    grade_id = nbgrader_metadata.get("grade_id")
    return RawCell(
        type_ if type_ in ("code", "raw") else "markdown",
        source,
        grade_id if isinstance(grade_id, str) else None,
        nbgrader_metadata,
        _images(cell.get("attachments")),
    )


def _text(source: Any) -> str | None:
    """The text of a source, which may be one string or a list of them; None for anything else."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    return source.encode(errors="replace").decode()  # JSON can hold half a character, a file cannot


def _images(attachments: Any) -> dict[str, dict[str, str]]:
    """The pictures pasted into a text cell: {name: {mime: base64}}."""
    if not isinstance(attachments, dict):
        return {}
    found = {}
    for name, data in attachments.items():
        kept = {mime: data[mime] for mime in MAGIC if is_image(mime, data.get(mime))} if isinstance(data, dict) else {}
        if kept and _is_plain(name):
            found[name] = kept
    return found
