"""Endless answers, interrupts, and places without threads: does a check end, and leave nothing behind?"""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from attnlib.check.beside_learner import apart, time_limit
from attnlib.check.beside_learner.apart import respond_apart
from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.challenge import challenge
from attnlib.check.scoring.judge import score
from tests.check.specs import TWICE, report_of

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="no safe fork elsewhere")


def python(script, **options):
    """A Python process of its own that runs a script; PyTorch is not imported there."""
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)


def children_of(pid):
    """The processes that this one has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@LINUX
@pytest.mark.slow
def test_a_loop_inside_one_call_of_c_does_not_cost_the_session():
    """Is a loop that holds Python's lock killed, told as a time-out, and the session as it was?"""
    script = """
        from attnlib.check import CheckFailed, check
        from attnlib.check.spec import find
        object.__setattr__(find("softmax_turns_each_row_into_weights"), "seconds", 0.5)
        try:
            check("softmax_turns_each_row_into_weights", lambda s: sum(range(10**11)))
        except CheckFailed as failed:
            print(failed)
    """
    out, err = python(script).communicate(timeout=60)
    assert "It was stopped: one round of all calls may take 0.5 seconds" in out, err


@LINUX
def test_an_answer_that_ends_its_process_ends_no_session():
    """Is os._exit told of, and does the notebook go on?"""
    script = """
        import os
        from attnlib.check import CheckFailed, check
        try:
            check("softmax_turns_each_row_into_weights", lambda s: os._exit(0))
        except CheckFailed as failed:
            print(failed)
    """
    out, err = python(script).communicate(timeout=60)
    assert "A call ended the Python process; which one cannot be told." in out, err


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("threaded", [False, True])
def test_an_interrupt_stops_the_answer_and_leaves_nothing(threaded):
    """Does an interrupt end a check at once, without our traceback, a thread or a process left?"""
    script = f"""
        import sys, threading, time
        from attnlib.check import check
        {'sys.modules["numba"] = sys' if threaded else ''}  # as if a library had started threads
        def forever(scores):
            print("never shown")
            while True:
                pass
        print("begun", flush=True)
        try:
            check("softmax_turns_each_row_into_weights", forever)
        except KeyboardInterrupt as stopped:
            print(stopped, flush=True)
        print(threading.active_count(), "went on", flush=True)
        sys.stdin.read()
    """
    process = python(script, stdin=subprocess.PIPE)
    assert process.stdout.readline() == "begun\n"
    time.sleep(1.5)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "stopped by you; nothing was scored." in process.stdout.readline()
    assert process.stdout.readline() == "1 went on\n"
    assert time.monotonic() - start < 2
    assert not children_of(process.pid)
    _, err = process.communicate("", timeout=10)
    assert "Traceback" not in err


@LINUX
def test_the_response_is_the_same_in_a_process_of_its_own(monkeypatch):
    """Does an answer that runs apart give what it gives here, whatever it prints, and leave this process as it was?"""
    monkeypatch.setattr(apart, "is_safe", lambda: True)
    seen = []

    def answer(array):
        seen.append(array)
        print("hello", os.getpid() == mine)
        return 2 * array

    mine = os.getpid()
    posed = challenge(TWICE, 0)
    there = respond_apart(respond, posed, answer)
    assert not seen and there["outcomes"][0].pop("printed") == "hello False\n"
    here = respond(posed, answer)
    assert here["outcomes"][0].pop("printed") == "hello True\n"
    strip = [{**each, "printed": ""} for each in there["outcomes"]]
    assert strip == [{**each, "printed": ""} for each in here["outcomes"]]


def test_where_there_are_no_threads_a_check_runs(monkeypatch):
    """In a browser, where no thread can be started and nothing can be forked, is an answer checked all the same?"""
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert report_of(lambda array: 2 * array).points == 4
    assert report_of(lambda array: 3 * array).slip == "T1"


def test_forking_is_left_alone_beside_libraries_with_threads(monkeypatch):
    """Is an answer run in this process when a library is there that a forked child may wait for?"""
    monkeypatch.setitem(sys.modules, "jax", sys)
    assert not apart.is_safe()


def test_what_is_printed_is_shown_once_for_the_case_that_fails(capsys):
    """Does the report show what the failing call printed, and nothing else of it reach the screen?"""
    def answer(array):
        print("shape", array.shape)
        return 3 * array

    report = report_of(answer)
    assert report.shown.printed == "shape (3,)"  # the smallest of all cases that fail
    assert report.text().count("shape (3,)") == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("ask", "name"), [(lambda: input("?"), "input()"), (lambda: breakpoint(), "breakpoint()")])
def test_nobody_types_during_a_check(ask, name):
    """Do input() and breakpoint() end the call with a sentence of their own, and work again afterwards?"""
    before = sys.breakpointhook

    def answer(array):
        ask()
        return 2 * array

    assert report_of(answer).headline.startswith(f"It calls `{name}`, and nobody can type while a check runs.")
    assert sys.breakpointhook is before


def test_importing_takes_nothing_of_the_time():
    """Is there a bound on what is not counted?"""
    assert 0 < time_limit.IMPORTS < 60


def test_a_timeout_on_the_second_draw_counts_for_its_case_alone():
    """Does an answer that is slow the second time keep what it showed the first time?"""
    posed = challenge(TWICE, 0)
    response = respond(posed, lambda array: 2 * array)
    half = len(response["outcomes"]) // 2
    response["outcomes"][half:] = [{"timeout": 1.5}, *[{"not_reached": True}] * (half - 1)]
    report = score(TWICE, 0, response)
    assert [result.holds for result in report.results] == [False, True, None, None]
