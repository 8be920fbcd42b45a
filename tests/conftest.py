"""Suite-wide rules: what CI may not skip, what stays together side by side, the quick tests, those of one chapter."""

import os
import re
import sys
from pathlib import Path

import pytest

sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema takes two seconds for it, to check a format nobody uses
NEEDED = ("chromium", "sandbox", "versions")
SLOW = 5  # seconds
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

if WORKERS > 1:  # before NumPy and PyTorch are imported: workers share the cores, so each takes its part of them
    for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(library, str(max(1, (os.cpu_count() or 1) // WORKERS)))


def pytest_addoption(parser):
    parser.addoption("--set", metavar="STEM", help="run the tests of the chapter STEM alone")
    parser.addoption("--thorough", action="store_true",
                     help="try the banks of answers on 40 seeds, and every answer in the sandbox")
    parser.addoption("--no-groups", action="store_true", help="run sandboxes without control groups")
    parser.addoption("--quick", action="store_true", help="leave out what is slow or needs a browser or a sandbox")


def pytest_configure(config):
    if config.getoption("--quick"):
        config.option.markexpr = " and ".join(f"not {name}" for name in ("slow", *NEEDED))


def pytest_ignore_collect(collection_path, config):
    """Quick also means not to import a file that is left out as a whole: its referees take seconds to import."""
    if config.getoption("--quick") and collection_path.suffix == ".py":
        marks = re.findall(r"^pytestmark = (.*(?:\n .*)*)", collection_path.read_text(encoding="utf8"), re.M)
        if re.search(rf"mark\.({'|'.join(('slow', *NEEDED))})\b", "".join(marks)):
            return True
    return None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a Chromium, sandbox or versions test that was skipped is a failure."""
    report = (yield).get_result()
    needs = [name for name in NEEDED if item.get_closest_marker(name)]
    if report.skipped and needs and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs {' and '.join(needs)} and was skipped: {report.longrepr[2]}"


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(config, items):
    """Leave out other chapters' tests, and keep tests together that share a fixture of their module."""
    stem = config.getoption("--set")
    if stem:
        config.hook.pytest_deselected(items=[item for item in items if not is_about(item, stem)])
        items[:] = [item for item in items if is_about(item, stem)]
    for item in items:
        group = shared_by(item)
        if group and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))


def is_about(item, stem):
    """Whether a test is about one chapter: its name says so, its module's STEM, an exercise or a file it is given."""
    from attnlib.check.spec import Exercise

    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    told = [value.set for value in given if isinstance(value, Exercise)]
    told += [value.stem for value in given if isinstance(value, Path)]
    named = re.search(rf"{stem}(?![a-z0-9_])", item.nodeid)
    return bool(named) or stem in told or getattr(getattr(item, "module", None), "STEM", "") == stem


def shared_by(item):
    """What a test shares with others of its file, as a name: the fixtures of module scope; "" when there are none.

    A fixture with parameters is shared by the tests that get the same one of them.
    """
    known = item._fixtureinfo.name2fixturedefs if hasattr(item, "_fixtureinfo") else {}
    shared = sorted(name for name, definitions in known.items() if definitions[-1].scope == "module")
    places = item.callspec.indices if hasattr(item, "callspec") else {}
    which = [f"{name}{places[name]}" for name in shared if name in places]
    return " ".join([item.path.stem, *which]) if shared else ""


def pytest_terminal_summary(terminalreporter):
    """Say what became of mutants and answers, and list the tests that took long and do not say so."""
    from tests.problem_sets.told import lines_about_answers, lines_about_mutants, lines_about_shares

    for lines in (lines_about_mutants, lines_about_answers, lines_about_shares):
        for line in lines(terminalreporter.stats):
            terminalreporter.write_line(line)
    list_late(terminalreporter)


def list_late(terminalreporter):
    """List the tests that took long and are not marked slow: `make quick` runs them too."""
    seconds, marked = {}, set()
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        if getattr(report, "when", None) in ("setup", "call"):
            seconds[report.nodeid] = seconds.get(report.nodeid, 0) + report.duration
            marked |= {report.nodeid} if {"slow", *NEEDED} & set(report.keywords) else set()
    late = sorted((-spent, name) for name, spent in seconds.items() if spent > SLOW and name not in marked)
    if late:
        terminalreporter.section(f"took longer than {SLOW} s, set-up included, and are not marked slow")
    for spent, name in late:
        terminalreporter.write_line(f"{-spent:6.1f} s  {name}")
