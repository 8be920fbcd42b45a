"""Try attnlib as it is installed, where there is NumPy and nothing else of the course.

    python -P bare_environment.py FOLDER

Runs every doctest of the package and every solved notebook in a folder of FOLDER, and prints what it found as JSON.
What asks for a package that is an extra is listed under "needs_more", not run.
"""

import doctest
import importlib
import json
import pkgutil
import sys
import traceback
from importlib.metadata import distributions
from pathlib import Path

import numpy

import attnlib.check
import attnlib.check.spec

EXTRAS = ("torch", "networkx", "scikit-learn")


def asks_for_an_extra(error):
    """Whether this error says that a package of an extra is not installed."""
    return isinstance(error, ModuleNotFoundError) and any(name in str(error) for name in EXTRAS)


class Runner(doctest.DocTestRunner):
    """Stops at the first example that fails and remembers why: `error` when it raised."""

    def __init__(self):
        super().__init__(verbose=False, optionflags=doctest.FAIL_FAST)
        self.error = None

    def report_unexpected_exception(self, out, test, example, exc_info):
        self.error = exc_info[1]
        super().report_unexpected_exception(out, test, example, exc_info)


def run_doctest(test):
    """What becomes of one doctest: "", "needs_more" or what it printed on failing."""
    runner, printed = Runner(), []
    failed = runner.run(test, out=printed.append).failed
    return ("needs_more" if asks_for_an_extra(runner.error) else "".join(printed)) if failed else ""


def doctests(package):
    """(name, what becomes of it) for every doctest of `package`, and for every module that cannot be imported."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            yield found.name, "needs_more" if asks_for_an_extra(error) else str(error)
            continue
        for test in doctest.DocTestFinder(exclude_empty=True).find(module):
            if test.examples:
                yield test.name, run_doctest(test)


def run_solution(path, check):
    """What becomes of a solved notebook: "" when each of its set's exercises got full marks from `check`."""
    full = []
    attnlib.check.check = lambda name, answer: full.append(check(name, answer).name)  # less than full marks raises
    try:
        names = {"__name__": "__main__"}
        for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), str(path), "exec"), names)
    except Exception as error:
        return "needs_more" if asks_for_an_extra(error) else traceback.format_exc()
    expected = [exercise.name for exercise in attnlib.check.spec.exercises(path.stem)]
    return "" if full == expected else f"full marks for {full}; the set has {expected}"


def main(folder):
    """Print {"passed": names, "needs_more": names, "failed": {name: why}} and the versions it holds for."""
    check = attnlib.check.check
    results = dict(doctests(attnlib))
    results |= {path.stem: run_solution(path, check) for path in sorted(Path(folder).glob("*/*.ipynb"))}
    print(json.dumps({
        "installed": sorted({each.name for each in distributions()}),
        "python": list(sys.version_info[:2]), "numpy": numpy.__version__, "attnlib": attnlib.__file__,
        "passed": [name for name, why in results.items() if not why],
        "needs_more": [name for name, why in results.items() if why == "needs_more"],
        "failed": {name: why for name, why in results.items() if why not in ("", "needs_more")},
    }))


if __name__ == "__main__":
    main(sys.argv[1])
