"""How much one run may use, and the control group that holds it to memory and processes.

Control groups of version 2 are used where we may make them, else version 1, else none. The runner looks at
the memory of all its processes ten times a second in any case; without a control group that, and the bound on
each process (RLIMIT_AS), is all there is, and `ControlGroup.says` says so.
"""

import contextlib
import itertools
import os
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MIB = 1 << 20
_count = itertools.count()


@dataclass(frozen=True)
class Limits:
    """What a run may use. Seconds are of wall clock, sizes in MiB."""

    cell_seconds: float = 20.0  # one cell, before it is interrupted
    grace_seconds: float = 2.0  # from the interrupt to the end of everything
    total_seconds: float = 200.0  # the whole notebook, starting again included
    memory: int = 2048  # all processes together, files in memory included
    address_space: int = 4096  # one process, what it maps but does not use included
    processes: int = 128  # threads count
    home: int = 64
    scratch: int = 128
    file: int = 64  # one file
    open_files: int = 512

    @classmethod
    def for_cells_of(cls, seconds):
        """Limits with `seconds` for a cell, and as much longer for the whole notebook as that is more than usual."""
        usual = cls()
        total = usual.total_seconds * max(1, seconds / usual.cell_seconds)
        return cls(cell_seconds=float(seconds), total_seconds=total)

    @property
    def memory_watched(self):
        """Bytes at which the runner stops a cell: a little before the control group would kill something."""
        return int(self.memory * MIB * 0.9)

    def inside(self):
        """The ones that the runner sets on itself and on what it starts: {resource: number}."""
        return {
            "AS": self.address_space * MIB,
            "FSIZE": self.file * MIB,
            "NOFILE": self.open_files,
            "NPROC": self.processes,
            "CPU": int(self.total_seconds * 2),
            "CORE": 0,
        }


@dataclass(frozen=True)
class ControlGroup:
    """Folders under /sys/fs/cgroup a run's processes belong to; none where we may not make any."""

    says: str
    folders: tuple = ()

    def joining(self):
        """The lines of shell that put the shell itself into the group."""
        return [f"echo $$ > {folder}/cgroup.procs" for folder in self.folders]

    def remove(self):
        """Kill what is still in the group and remove it."""
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


def control_group(limits):
    """A new control group with `limits`, in whichever way works here."""
    version, parents = _parents()
    folders = tuple(parent / f"grader-{os.getpid()}-{next(_count)}" for parent in parents)
    try:
        for folder in folders:
            _make(folder, limits)
    except OSError:  # the group that worked a moment ago does not any more
        ControlGroup("", folders).remove()
        version, folders = 0, ()
    if version:
        says = f"cgroup v{version}: {limits.memory} MiB and {limits.processes} processes a run"
    else:
        says = f"no cgroup: {limits.memory} MiB a run (watched), {limits.processes} processes a run"
    return ControlGroup(says, folders)


def _make(folder, limits):
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


def _kill_all(folder):
    with contextlib.suppress(OSError, ValueError):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), 9)


@cache
def _parents():
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


def _candidates(kind, controller):
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


def _works(parent, files):
    """Whether a group can be made in `parent`, has `files`, and takes a process."""
    folder = parent / f"grader-probe-{os.getpid()}-{next(_count)}"
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
