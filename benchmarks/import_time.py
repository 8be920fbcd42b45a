"""Seconds to import attnlib, and to load each of its data sets, each in a fresh Python: the median of five.

Run: python benchmarks/import_time.py              --busy: on a busy machine too, see machine.py
"""

import subprocess
import sys

from machine import told

TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
STATEMENTS = [
    "import attnlib",
    "import numpy",
    "import attnlib.attention",
    *(f"import attnlib.data; attnlib.data.{call}" for call in (
        "japanese_vowels()", "vowel('a')", "python_names()", "sentences(1000, 3)", "digits()", "photographs()",
        "karate_club()")),
]


def seconds(statement):
    """The median of five fresh interpreters."""
    runs = [subprocess.run([sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True)
            for _ in range(5)]
    return sorted(float(run.stdout) for run in runs)[2]


if __name__ == "__main__":
    print(told())
    for statement in STATEMENTS:
        print(f"{seconds(statement):6.3f} s  {statement}", flush=True)
