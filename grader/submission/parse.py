"""Parse the cells of a notebook of format 2, 3 or 4, whatever else is in the file."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, BinaryIO

from attnlib.check.spec import exercises, stems
from grader.sanitize.outputs import INLINE, MAGIC, is_image
from grader.submission.notebook_json import read_json
from grader.submission.submission import Finding, RawCell, Unreadable

CELLS = 2000
TEXT = 200_000  # characters of all cells, pictures apart: their HTML is ten times as long, and slow to make
CHECKED = re.compile(r"""\bcheck\(\s*["'](\w+)["']""")


def parse_notebook(content: bytes, name: str = "the notebook") -> list[RawCell]:
    """Parse the cells of a notebook's bytes as a list of RawCell. Raises Unreadable."""
    return read_notebook(io.BytesIO(content), name, [])


def read_notebook(file: BinaryIO, name: str, findings: list[Finding]) -> list[RawCell]:
    """Read the cells of the notebook in `file`, called `name`, and add what is odd to `findings`. Raises Unreadable."""
    data = read_json(file, name, findings)
    cells = _find_cells(data)
    if cells is None:
        raise Unreadable(f"{name} is JSON, but not a notebook: it has no list of cells")
    if len(cells) > CELLS:
        raise Unreadable(f"{name} has {len(cells)} cells; at most {CELLS} are read")
    read = [cell for cell in map(_read_cell, cells) if cell]
    if cells and not read:
        raise Unreadable(f"{name} has cells, but none with a text; formats 2, 3 and 4 are read")
    if len(read) < len(cells):
        findings.append(Finding("cells without text", name, f"{len(cells) - len(read)} left out",
                                "if one of them was an answer"))
    written = sum(len(INLINE.sub("", cell.source) if cell.type == "markdown" else cell.source) for cell in read)
    if written > TEXT:
        raise Unreadable(f"{name} has {written} characters in its cells; at most {TEXT} are read")
    return read


def set_of_cells(cells: Sequence[RawCell]) -> str | None:
    """The stem of the problem set whose exercises most of the cells check; None when they check none."""
    sets = _sets()
    names = [name for cell in cells for name in (cell.grade_id, *CHECKED.findall(cell.source))]
    counted = Counter(sets[name] for name in names if name in sets)
    return counted.most_common(1)[0][0] if counted else None


@cache
def _sets() -> dict[str | None, str]:
    """{exercise: the stem of its problem set}."""
    return {exercise.name: stem for stem in stems() for exercise in exercises(stem)}


def _find_cells(data: Any) -> list[Any] | None:
    """The list of cells of a notebook of format 4, or of an older one, whose cells are in worksheets."""
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
    source = source.replace("\r\n", "\n").replace("\r", "\n")  # Python reads these as one
    return source.encode(errors="replace").decode()  # JSON can hold half a character, a file cannot


def _images(attachments: Any) -> dict[str, dict[str, str]]:
    """The pictures pasted into a text cell: {name: {mime: base64}}."""
    if not isinstance(attachments, dict):
        return {}
    found = {}
    for name, data in attachments.items():
        kept = {mime: data[mime] for mime in MAGIC if is_image(mime, data.get(mime))} if isinstance(data, dict) else {}
        if kept and name.isprintable() and len(name) < 200:
            found[name] = kept
    return found
