"""The control group that bounds the memory and the processes of one run.

Version 2 of control groups is used where we may make them, else version 1, else those that systemd makes for a
user, else none. The runner looks at what all its processes use in any case. Without a control group that, and the
bounds on each process and on their number (RLIMIT_AS, RLIMIT_NPROC), is the only protection, and
`ControlGroup.description` says so.
"""

import contextlib
import fcntl
import itertools
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.sandbox.limits import DEFAULTS, MIB, Limits

PREFIX = "grader-"
EVENTS = (("memory.events", "oom_kill", "full"), ("memory.oom_control", "oom_kill", "full"),
          ("pids.events", "max", "crowded"))
OURSELVES = "grader-itself"  # the group that the grader moves to, where its own group is to hold those of the runs

_numbers = itertools.count()


@dataclass(frozen=True)
class ControlGroup:
    """The folders under /sys/fs/cgroup that a run's processes belong to; none where we may not make any.

    launcher: the words before a command that have systemd make a group for it.
    locks: file descriptors, open and locked as long as the folders are in use.
    """

    description: str
    folders: tuple[Path, ...] = ()
    launcher: tuple[str, ...] = ()
    locks: tuple[int, ...] = ()

    def joining(self) -> list[str]:
        """The lines of shell that put the shell itself into the group."""
        return [f"echo $$ > {folder}/cgroup.procs" for folder in self.folders]

    def used_up(self) -> str:
        """What the system refused to the group, or killed a process for: "full" (memory), "crowded" (processes), ""."""
        for name, event, what in EVENTS:
            for folder in self.folders:
                with contextlib.suppress(OSError):
                    if re.search(rf"^{event} [1-9]", (folder / name).read_text(), re.MULTILINE):
                        return what
        return ""

    def remove(self) -> None:
        """Kill every process in the group and remove the group."""
        for folder in self.folders:
            for _ in range(100):
                _kill_all(folder)
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)  # a killed process leaves its group a moment later
        for lock in self.locks:
            os.close(lock)


def control_group(limits: Limits) -> ControlGroup:
    """Make a new control group with `limits`, in whichever version works here."""
    version, parents = _parents()
    bounds = f"{limits.memory} MiB and {limits.processes} processes a run"
    if version and not parents:
        return ControlGroup(f"cgroup v{version}, made by systemd: {bounds}", launcher=_scope(limits))
    folders = tuple(parent / f"{PREFIX}{os.getpid()}-{next(_numbers)}" for parent in parents)
    try:
        locks = tuple([_make(folder, limits) for folder in folders])
    except OSError:  # the parent that worked a moment ago does not any more
        ControlGroup("", folders).remove()
        version = 0
    if version:
        return ControlGroup(f"cgroup v{version}: {bounds}", folders, locks=locks)
    return ControlGroup(
        f"no cgroup can be made here: what goes over {limits.memory} MiB or {limits.processes} processes a run is "
        f"stopped when the runner looks, 20 times a second; the system holds a process to {limits.address_space} MiB "
        f"and a run to {limits.rlimits()['NPROC']} processes")


def _make(folder: Path, limits: Limits) -> int:
    """Make the group `folder` with `limits`; returns the file descriptor of its lock."""
    folder.mkdir()
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    settings = {
        "memory.max": limits.memory * MIB,
        "memory.swap.max": 0,
        "memory.oom.group": 1,  # one process killed for want of memory: all, so that nothing half done goes on
        "memory.limit_in_bytes": limits.memory * MIB,
        "memory.memsw.limit_in_bytes": limits.memory * MIB,
        "pids.max": limits.processes_held,
        "cpu.max": "100000 100000",  # one core, so that a busy notebook does not slow its neighbours
        "cpu.cfs_quota_us": 100000,
    }
    for name, value in settings.items():
        if (folder / name).exists():
            (folder / name).write_text(str(value))
    return lock


def _kill_all(folder: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), 9)


@cache
def _parents() -> tuple[int, list[Path]]:
    """(version, folders in which we may make groups that bound memory and processes).

    (2, []) means that systemd makes them for us; (0, []) that there are none.
    """
    unified = [folder for folder in _candidates("cgroup2", "") if _works(folder, ("memory.max", "pids.max"))]
    if unified:
        return 2, unified[:1]
    memory = [f for f in _candidates("cgroup", "memory") if _works(f, ("memory.limit_in_bytes",))]
    processes = [f for f in _candidates("cgroup", "pids") if _works(f, ("pids.max",))]
    processors = [f for f in _candidates("cgroup", "cpu") if _works(f, ("cpu.cfs_quota_us",))]
    if memory and processes:
        return 1, [memory[0], processes[0], *processors[:1]]
    own = next(_candidates("cgroup2", ""), None)
    if own and _make_room(own) and _works(own, ("memory.max", "pids.max")):
        return 2, [own]
    return (2, []) if _scope_bounds(DEFAULTS) else (0, [])


def _make_room(own: Path) -> bool:
    """Let our own group hold others: then it may hold no process, so we move to a group in it. Says whether it can.

    Only where we are alone in it, as after `systemd-run --user --scope -p Delegate=yes` or in a container of our own:
    we move nobody else.
    """
    leaf = own / OURSELVES
    try:
        offered = (own / "cgroup.controllers").read_text().split()
        if (own / "cgroup.procs").read_text().split() != [str(os.getpid())] or not {"memory", "pids"} <= set(offered):
            return False
        leaf.mkdir()
        (leaf / "cgroup.procs").write_text(str(os.getpid()))
        wanted = [f"+{name}" for name in ("memory", "pids", "cpu") if name in offered]
        (own / "cgroup.subtree_control").write_text(" ".join(wanted))
        return True
    except OSError:
        with contextlib.suppress(OSError):
            (own / "cgroup.procs").write_text(str(os.getpid()))
            leaf.rmdir()
        return False


def _scope(limits: Limits) -> tuple[str, ...]:
    """The words before a command that have the user's systemd run it in a group of its own."""
    bounds = {"MemoryMax": limits.memory * MIB, "MemorySwapMax": 0, "TasksMax": limits.processes_held,
              "CPUQuota": "100%"}
    return ("systemd-run", "--user", "--scope", "--quiet", "--collect",
            *(word for name, value in bounds.items() for word in ("-p", f"{name}={value}")), "--")


def _scope_bounds(limits: Limits) -> bool:
    """Whether systemd makes such groups here: we ask one what it bounds, and believe nothing else."""
    look = 'cd "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)" && cat memory.max pids.max'
    try:
        said = subprocess.run([*_scope(limits), "sh", "-c", look], capture_output=True, text=True, timeout=10,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.split() == [str(limits.memory * MIB), str(limits.processes_held)]


def remove_abandoned() -> None:
    """Remove the groups of graders that were killed: empty, their process gone, and no lock held.

    The process shows that a group is just being made, the lock that it is another container's.
    """
    for kind, controller in (("cgroup2", ""), ("cgroup", "memory"), ("cgroup", "pids"), ("cgroup", "cpu")):
        for folder in [group for parent in _candidates(kind, controller) for group in parent.glob(f"{PREFIX}*-*")]:
            owner = re.search(r"-(\d+)-\d+$", folder.name)
            if owner and not Path(f"/proc/{owner[1]}").exists():
                _remove_unlocked(folder)


def _remove_unlocked(folder: Path) -> None:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        stack.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder.rmdir()


def _candidates(kind: str, controller: str) -> Iterator[Path]:
    """Our own group, the one above it, and the root of each mounted hierarchy that has `controller`."""
    own = "/"
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            own = path
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, type_, options, *_ = line.split()
        if type_ == kind and (not controller or controller in options.split(",")):
            folder = Path(place + own)
            yield from dict.fromkeys((folder, folder.parent if own != "/" else folder, Path(place)))


def _works(parent: Path, files: Sequence[str]) -> bool:
    """Whether a group can be made in `parent`, has `files`, and takes a process."""
    folder = parent / f"{PREFIX}probe-{os.getpid()}-{next(_numbers)}"
    try:
        folder.mkdir()
    except OSError:
        return False
    try:
        if not all((folder / name).exists() for name in files):
            return False
        join = ["sh", "-c", f"echo $$ > {folder}/cgroup.procs"]
        return subprocess.run(join, stderr=subprocess.DEVNULL).returncode == 0
    finally:
        ControlGroup("", (folder,)).remove()
