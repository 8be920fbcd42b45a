"""Where a control group comes from: a tree that is handed to us, the user's systemd, or nowhere.

The trees are folders made up for the test, and systemd is a script: neither is the real thing.
"""

import fcntl
import os
import subprocess
import sys

import pytest

from grader.sandbox import cgroups
from grader.sandbox.bubblewrap import Sandbox
from grader.sandbox.cgroups import OURSELVES, ControlGroup, control_group, remove_abandoned
from grader.sandbox.host import run_notebook
from grader.sandbox.limits import DEFAULTS
from tests.grader.small_runs import BEFORE, LIMITS, answers

GONE = 2**22 + 1  # no process has a number as large


@pytest.fixture
def own(tmp_path):
    """A group of our own that offers all that a run needs, with this process alone in it."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    return tmp_path


def test_a_group_that_is_ours(own):
    """In a group of our own, do we move out of the way and have it bound memory and processes?"""
    assert cgroups._make_room(own)
    assert (own / OURSELVES / "cgroup.procs").read_text() == str(os.getpid())
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"


@pytest.mark.parametrize("file, holds", [("cgroup.procs", "1\n{us}\n"), ("cgroup.controllers", "cpu pids\n")])
def test_a_group_that_is_not_ours(own, file, holds):
    """Is a group left as it is when others are in it too, or when it cannot bound memory?"""
    (own / file).write_text(holds.format(us=os.getpid()))
    assert not cgroups._make_room(own)
    assert not (own / OURSELVES).exists() and (own / "cgroup.subtree_control").read_text() == ""


def test_a_group_that_refuses(own):
    """When the system refuses in the middle, are we back where we were?"""
    (own / "cgroup.subtree_control").unlink()
    (own / "cgroup.subtree_control").mkdir()
    assert not cgroups._make_room(own)
    assert (own / "cgroup.procs").read_text() == str(os.getpid())


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """Put a systemd-run on the PATH that says `said` when it is asked what it bounds, and runs everything else."""

    def install(said):
        script = tmp_path / "systemd-run"
        script.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
while [ "$1" != -- ]; do shift; done
shift
case "$*" in *memory.max*) printf '{said}'; exit;; esac
exec "$@"
""")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return tmp_path / "asked"

    return install


def test_a_systemd_that_does_not_bound(systemd):
    """Is a systemd not believed that runs the command and bounds nothing, or something else?"""
    asked = systemd("max\\nmax\\n")
    assert not cgroups._scope_bounds(DEFAULTS)
    systemd("")
    assert not cgroups._scope_bounds(DEFAULTS)
    assert f"MemoryMax={2048 << 20}" in asked.read_text() and "TasksMax=160" in asked.read_text()


def test_no_systemd(monkeypatch, tmp_path):
    """Is there no group, and no error, where there is no systemd at all?"""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not cgroups._scope_bounds(DEFAULTS)


@pytest.mark.sandbox
def test_a_systemd_that_bounds(systemd, view, monkeypatch):
    """Where systemd makes groups, and nothing else does, is each run started through it, with its own limits?"""
    asked = systemd(f"{2048 << 20}\\n160\\n")
    monkeypatch.setattr(cgroups, "_works", lambda *_: False)
    monkeypatch.setattr(cgroups, "_make_room", lambda own: False)
    monkeypatch.setattr(cgroups, "_parents", cgroups._parents.__wrapped__)
    ran = run_notebook([BEFORE], {"before": {}}, {}, view, Sandbox(LIMITS))
    assert answers(ran) == {"before": 1}
    assert ran.limits == "cgroup v2, made by systemd: 2048 MiB and 128 processes a run"
    assert asked.read_text().count("--user --scope") == 2


def test_a_group_the_system_killed_in(tmp_path):
    """Does a group know, in either version, what the system killed one of its processes for, or refused it?"""
    for name, said, what in (("memory.events", "max 7\noom 1\noom_kill {}\n", "full"),
                             ("memory.oom_control", "oom_kill {}\n", "full"), ("pids.events", "max {}\n", "crowded")):
        folder = tmp_path / name
        folder.mkdir()
        for count, expected in ((0, ""), (12, what)):
            (folder / name).write_text(said.format(count))
            assert ControlGroup("", (folder,)).used_up() == expected
    assert ControlGroup("").used_up() == ""


@pytest.fixture
def parent(tmp_path, monkeypatch):
    """A folder in which the groups of runs are looked for."""
    monkeypatch.setattr(cgroups, "_candidates", lambda kind, controller: iter([tmp_path]))
    return tmp_path


def test_groups_left_behind(parent):
    """Is a group removed whose process is gone, and are those kept that are in use, or not a grader's?"""
    kept = [f"grader-{os.getpid()}-0", f"grader-{GONE}-1", f"grader-{GONE}-2", "grader-", "somebody", "grader-7-x"]
    gone = [f"grader-{GONE}-3", f"grader-probe-{GONE}-4"]
    for name in (*kept, *gone):
        (parent / name).mkdir()
    (parent / kept[1] / "process").mkdir()  # as a group that is not empty, it cannot be removed
    lock = os.open(parent / kept[2], os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # held by a grader whose number we cannot see
    remove_abandoned()
    os.close(lock)
    assert sorted(os.listdir(parent)) == sorted(kept)


def test_a_link_left_behind(parent, tmp_path_factory):
    """Is a link with the name of a group not followed?"""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (parent / f"grader-{GONE}-1").symlink_to(elsewhere)
    remove_abandoned()
    assert elsewhere.exists()


def test_real_groups_left_behind():
    """Are the groups of a process that was killed removed, and those of one at work kept?"""
    made = subprocess.run([sys.executable, "-c", "import os; from grader.sandbox.cgroups import *\n"
                           "print(*control_group(DEFAULTS).folders, flush=True); os.kill(os.getpid(), 9)"],
                          capture_output=True, text=True).stdout.split()
    if not made:
        pytest.skip("no groups can be made here")
    ours = control_group(LIMITS)
    assert all(map(os.path.exists, made))
    remove_abandoned()
    assert not any(map(os.path.exists, made)) and all(folder.exists() for folder in ours.folders)
    ours.remove()
