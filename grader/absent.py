"""What a notebook asked for and the sandbox does not have, though it may have worked at home.

Packages, files, the network, a GPU, a person at the keyboard.
"""

import re
from collections.abc import Mapping, Sequence

from attnlib.check.scoring.report import Report
from grader.sandbox.host import Cell
from grader.sanitize.outputs import Output

ERRORS = ("ModuleNotFoundError", "ImportError", "PackageNotFoundError", "FileNotFoundError", "gaierror", "URLError",
          "ConnectionError", "ConnectionRefusedError", "ConnectError", "StdinNotImplementedError", "CalledProcessError")
TOLD = re.compile(r"\bCUDA\b|\bNVIDIA\b|\bMPS\b|recognised GUI loop|^File .* not found")  # in errors of any kind
RAISED = re.compile(rf"\b(?:{'|'.join(ERRORS)})\b[^\n]*")
LONG = 300  # characters


def absent_in_cells(cells: Sequence[Cell], outputs: Sequence[Sequence[Output]]) -> dict[int, str]:
    """{index: sentence} of the cells that stopped because something is not here; check cells have reports."""
    found = {}
    for i, (cell, shown) in enumerate(zip(cells, outputs, strict=True)):
        for output in shown:
            if output["output_type"] == "error" and _is_absence(output) and not cell.exercise:
                found[i] = (f"Cell {cell.name} stopped with {output['ename']}: {_short(output['evalue'])}. "
                            "What stands below that line in the cell was not run.")
    return found


def absent_in_answers(reports: Mapping[str, Report]) -> list[str]:
    """A sentence for each exercise whose answer raised such an error."""
    found = []
    for name, report in reports.items():
        raised = RAISED.search(report.headline)
        if raised and report.points < report.max_points:
            found.append(f"The answer to {name} raised {_short(raised[0])}.")
    return found


def _is_absence(error: Output) -> bool:
    return error["ename"] in ERRORS or bool(TOLD.search(error["evalue"]))


def _short(text: str) -> str:
    """One line of bounded length, without its full stop."""
    return " ".join(text.split())[:LONG].rstrip(".")
