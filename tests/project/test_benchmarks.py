"""Do benchmarks print figures of a quiet machine only, and say what they measured on?"""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def machine(monkeypatch):
    """The module benchmarks/machine.py."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import machine

    return machine


def test_a_busy_machine_gets_no_figures(machine, monkeypatch):
    """Does a program end with status 1 and a sentence where others take half of the processors?"""
    monkeypatch.setattr(machine, "busy_share", lambda: 0.5)
    monkeypatch.setattr(sys, "argv", ["a_benchmark.py"])
    with pytest.raises(SystemExit, match="The machine is busy: others took 50% .* add --busy."):
        machine.told()
    monkeypatch.setattr(sys, "argv", ["a_benchmark.py", "--busy"])
    assert machine.told().startswith("MEASURED ON A BUSY MACHINE (50% taken by others)")


def test_a_quiet_machine_is_told(machine, monkeypatch):
    """Does the head of a table name the processors, their load, and NumPy's BLAS?"""
    monkeypatch.setattr(machine, "busy_share", lambda: 0.01)
    told = machine.told()
    assert "processors" in told and "1% of the processors' time taken by others" in told and "NumPy" in told
    assert "BUSY" not in told


def test_the_share_of_others_is_a_share(machine):
    """Is it between nothing and all of the time?"""
    assert 0 <= machine.busy_share(0.2) <= 1


def test_a_row_measured_beside_others_is_not_printed(machine, monkeypatch):
    """Is what this process did itself left out of what others took, and does their part end the program?"""
    monkeypatch.setattr(sys, "argv", ["a_benchmark.py"])
    monkeypatch.setattr(machine, "spent", lambda: ((100, 400), 280))         # 300 ticks of work, 280 of them our own
    assert machine.stop_if_busy(((0, 0), 0)) == ((100, 400), 280)
    monkeypatch.setattr(machine, "spent", lambda: ((100, 400), 200))
    with pytest.raises(SystemExit, match="others took 25% of its processors' time while a row was measured"):
        machine.stop_if_busy(((0, 0), 0))


def test_a_refusal_is_one_sentence_and_status_one():
    """Does a program that is refused say why, with no traceback?"""
    refuse = "import machine, sys; machine.busy_share = lambda: 1; print(machine.told())"
    done = subprocess.run([sys.executable, "-c", refuse], cwd=BENCHMARKS, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("The machine is busy")
