"""The control group that bounds the memory and the processes of one run.

Version 2 of control groups is used where we may make them, else version 1, else none. The runner measures
the memory of all its processes ten times a second in any case. Without a control group that, and the bound on
each process (RLIMIT_AS), is the only protection, and `ControlGroup.description` says so.
"""

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.sandbox.limits import MIB, Limits

_numbers = itertools.count()


@dataclass(frozen=True)
class ControlGroup:
    """The folders under /sys/fs/cgroup that a run's processes belong to; none where we may not make any."""

    description: str
    folders: tuple[Path, ...] = ()

    def joining(self) -> list[str]:
        """The lines of shell that put the shell itself into the group."""
        return [f"echo $$ > {folder}/cgroup.procs" for folder in self.folders]

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


def control_group(limits: Limits) -> ControlGroup:
    """Make a new control group with `limits`, in whichever version works here."""
    version, parents = _parents()
    folders = tuple(parent / f"grader-{os.getpid()}-{next(_numbers)}" for parent in parents)
    try:
        for folder in folders:
            _make(folder, limits)
    except OSError:  # the parent that worked a moment ago does not any more
        ControlGroup("", folders).remove()
        version, folders = 0, ()
    if version:
        description = f"cgroup v{version}: {limits.memory} MiB and {limits.processes} processes a run"
    else:
        description = f"no cgroup: {limits.memory} MiB a run (watched), {limits.processes} processes a run"
    return ControlGroup(description, folders)


def _make(folder: Path, limits: Limits) -> None:
    folder.mkdir()
    settings = {
        "memory.max": limits.memory * MIB,
        "memory.swap.max": 0,
        "memory.limit_in_bytes": limits.memory * MIB,
        "memory.memsw.limit_in_bytes": limits.memory * MIB,
        "pids.max": limits.processes,
        "cpu.max": "100000 100000",  # one core, so that a busy notebook does not slow its neighbours
        "cpu.cfs_quota_us": 100000,
    }
    for name, value in settings.items():
        if (folder / name).exists():
            (folder / name).write_text(str(value))


def _kill_all(folder: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), 9)


@cache
def _parents() -> tuple[int, list[Path]]:
    """(version, folders in which we may make groups that bound memory and processes)."""
    unified = [folder for folder in _candidates("cgroup2", "") if _works(folder, ("memory.max", "pids.max"))]
    if unified:
        return 2, unified[:1]
    memory = [f for f in _candidates("cgroup", "memory") if _works(f, ("memory.limit_in_bytes",))]
    processes = [f for f in _candidates("cgroup", "pids") if _works(f, ("pids.max",))]
    processors = [f for f in _candidates("cgroup", "cpu") if _works(f, ("cpu.cfs_quota_us",))]
    if memory and processes:
        return 1, [memory[0], processes[0], *processors[:1]]
    return 0, []


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
    folder = parent / f"grader-probe-{os.getpid()}-{next(_numbers)}"
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
