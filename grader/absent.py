"""What a notebook asked for and the sandbox does not have, though it may have worked at home.

Packages, files and places for them, memory, the network, a GPU, commands of another notebook program, a person at the
keyboard.
"""

import re
from collections.abc import Mapping, Sequence

from attnlib.check.scoring.report import Report
from grader.sandbox.host import Cell
from grader.sanitize.outputs import Output

ERRORS = ("ModuleNotFoundError", "ImportError", "PackageNotFoundError", "FileNotFoundError", "gaierror", "URLError",
          "ConnectionError", "ConnectionRefusedError", "ConnectError", "StdinNotImplementedError", "CalledProcessError",
          "MemoryError", "OSError", "PermissionError", "TimeoutError")
TOLD = re.compile(  # in errors of any kind
    r"was removed in the NumPy|unsupported locale|\bCUDA\b|\bNVIDIA\b|\bMPS\b|recognised GUI loop|^File .* not found")
RAISED = re.compile(rf"\b(?:{'|'.join(ERRORS)})\b[^\n]*")
LONG = 300  # characters


def absent_in_cells(cells: Sequence[Cell], outputs: Sequence[Sequence[Output]]) -> dict[int, str]:
    """{index: sentence} of the cells that stopped because something is not here; check cells have reports."""
    found = {}
    for i, (cell, shown) in enumerate(zip(cells, outputs, strict=True)):
        for why in filter(None, map(_why_stopped, () if cell.exercise else shown)):
            found[i] = f"Cell {cell.name} stopped with {why}. What stands below that line in the cell was not run."
    return found


def absent_in_answers(reports: Mapping[str, Report]) -> list[str]:
    """A sentence for each exercise whose answer raised such an error."""
    found = []
    for name, report in reports.items():
        raised = RAISED.search(report.headline)
        if raised and report.points < report.max_points:
            found.append(f"The answer to {name} raised {_short(raised[0])}.")
    return found


def _why_stopped(output: Output) -> str:
    """The error in an output, if it is of this kind; IPython prints its own about a magic command it does not have."""
    if output["output_type"] == "error" and (output["ename"] in ERRORS or TOLD.search(output["evalue"])):
        return f"{output['ename']}: {_short(output['evalue'])}"
    if output["output_type"] == "stream" and output["name"] == "stderr" and output["text"].startswith("UsageError: "):
        return _short(output["text"])
    return ""


def _short(text: str) -> str:
    """One line of bounded length, without its full stop."""
    return " ".join(text.split())[:LONG].rstrip(".")
