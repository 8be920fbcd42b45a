"""Suite-wide rules: in CI a Chromium or sandbox test that was skipped is a failure."""

import os

import pytest

NEEDED = ("chromium", "sandbox")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    needs = [name for name in NEEDED if item.get_closest_marker(name)]
    if report.skipped and needs and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs {' and '.join(needs)} and was skipped: {report.longrepr[2]}"
