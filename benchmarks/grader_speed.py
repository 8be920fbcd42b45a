"""Seconds a submission: distinct full answers to one problem set, graded from nothing and again.

Run: python benchmarks/grader_speed.py [SET] [STUDENTS]         --busy: on a busy machine too, see machine.py
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import told

from attnlib.check.spec import stems

ROOT = Path(__file__).resolve().parents[1]


def hand_in(course, stem, students, extra):
    """Put `students` copies of the solution into a course, each with a line of its own in the first answer."""
    notebook = json.loads((ROOT / f"solutions/{stem}/{stem}.ipynb").read_text())
    first = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution"))
    source = first["source"]
    for i in range(students):
        first["source"] = [*source, f"\n{extra}\nstudent = {i}\n"]
        folder = course / "submitted" / f"s{i:04}" / stem
        folder.mkdir(parents=True)
        (folder / f"{stem}.ipynb").write_text(json.dumps(notebook))


def graded(course, stem):
    """Seconds that `python -m grader` takes, and its last line. Raises CalledProcessError when a submission fails."""
    start = time.perf_counter()
    printed = subprocess.run([sys.executable, "-m", "grader", stem, "--course", course], cwd=ROOT, check=True,
                             capture_output=True, text=True).stdout
    return time.perf_counter() - start, printed.splitlines()[-1]


def main(stem, students):
    """Measure NumPy alone, and with PyTorch imported by the notebook."""
    for name, extra in (("NumPy", ""), ("with torch imported", "import torch")):
        with tempfile.TemporaryDirectory() as folder:
            hand_in(Path(folder), stem, students, extra)
            (first, last_line), (again, _) = graded(folder, stem), graded(folder, stem)
        print(f"{stem}, {name}: {last_line}; {first / students:.2f} s each, start and feedback included; "
              f"{again:.1f} s for all of them again", flush=True)


if __name__ == "__main__":
    print(told())
    given = [argument for argument in sys.argv[1:] if argument != "--busy"]
    numbers = [int(argument) for argument in given if argument.isdigit()]
    names = [argument for argument in given if not argument.isdigit()]
    main(*(names or stems()[:1]), *(numbers or [24]))
