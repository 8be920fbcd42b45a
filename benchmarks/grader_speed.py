"""Seconds a submission: distinct full answers to problem set 05_weights, graded from nothing and again.

Run: python benchmarks/grader_speed.py [STUDENTS]
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEM = "05_weights"


def hand_in(course, students, extra):
    """Put `students` copies of the solution into a course, each with a line of its own in the first answer."""
    notebook = json.loads((ROOT / f"solutions/{STEM}/{STEM}.ipynb").read_text())
    first = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution"))
    source = first["source"]
    for i in range(students):
        first["source"] = [*source, f"\n{extra}\nstudent = {i}\n"]
        folder = course / "submitted" / f"s{i:04}" / STEM
        folder.mkdir(parents=True)
        (folder / f"{STEM}.ipynb").write_text(json.dumps(notebook))


def graded(course):
    """Seconds that `python -m grader` takes, and its last line; CalledProcessError when it finds a fault of its own."""
    start = time.perf_counter()
    said = subprocess.run([sys.executable, "-m", "grader", STEM, "--course", course], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout
    return time.perf_counter() - start, said.splitlines()[-1]


def main(students):
    """NumPy alone, and with PyTorch imported by the notebook."""
    for name, extra in (("NumPy", ""), ("with torch imported", "import torch")):
        with tempfile.TemporaryDirectory() as folder:
            hand_in(Path(folder), students, extra)
            (first, said), (again, _) = graded(folder), graded(folder)
        print(f"{name}: {said}; {first / students:.2f} s each, start and feedback included; "
              f"{again:.1f} s for all of them again", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 24)
