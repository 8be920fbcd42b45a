"""Responses that come out of a sandbox: kept in little memory, and as they came."""

import subprocess
import sys

import pytest

from grader.course import REPOSITORY
from grader.sandbox import host
from grader.sandbox.host import Cell, NotebookRun, Responses
from grader.sandbox.limits import Limits
from grader.sanitize.outputs import RESPONSE


def kept(response):
    """The responses that stay of a cell that gave `response`."""
    run = NotebookRun()
    done = {"outputs": [{"output_type": "display_data", "data": {RESPONSE: response}}]}
    host._keep(run, 0, Cell("a_cell", ""), done, Limits())
    return run.responses.get(0, {})


@pytest.mark.parametrize("value", [0.1, float("inf"), 1e300, 10**40, "ü\ud800\0", [None, True, {}], {"a": [[1]]}])
def test_as_it_came(value):
    """Is a response the same when it is asked for, whatever JSON can hold?"""
    assert kept({"exercise": "asked", "value": value})["asked"]["value"] == value


def test_nested_too_deeply():
    """Does a response that is nested too deeply to be written or read again do no harm?"""
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert not kept({"exercise": "asked", "value": deep})
    given = Responses({"asked": {"exercise": "asked", "value": [[1]]}})
    given._texts["asked"] = b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert "asked" in given and given["asked"] == {"exercise": "asked"}


MANY = """
import json
from tests.grader.test_responses import RESPONSE, Cell, Limits, NotebookRun, host
run = NotebookRun()
for i in range(6):
    text = '{"outputs": [{"data": {"%s": {"exercise": "asked", "v": [%s{}]}}}]}' % (RESPONSE, "{}," * 1_900_000)
    host._keep(run, i, Cell("a_cell", ""), json.loads(text), Limits())
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(run.responses), int(peak.split()[1]) >> 10)
"""


@pytest.mark.slow
def test_many_large_ones():
    """Do many responses of millions of objects take no more memory than one of them?"""
    ran = subprocess.run([sys.executable, "-c", MANY], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    cells, megabytes = map(int, ran.stdout.split())
    assert cells == 6 and megabytes < 450
