"""How much one run of a notebook may use: time, memory, processes, files."""

from dataclasses import dataclass, replace

MIB = 1 << 20
SPARE = 32  # processes
STARTING = 5.0  # seconds of a check cell before and after the learner's code: importing, encoding


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
    files_in_memory: int = 20_000  # in home and scratch; an empty one takes memory too
    file: int = 64  # one file
    open_files: int = 512

    @classmethod
    def for_cells_of(cls, seconds: float) -> "Limits":
        """Limits with a cell timeout of `seconds`.

        The notebook timeout grows in the same ratio and never falls below the default.
        """
        default = cls()
        total = default.total_seconds * max(1, seconds / default.cell_seconds)
        return cls(cell_seconds=float(seconds), total_seconds=total)

    def with_room_for(self, seconds: float) -> "Limits":
        """These limits, longer where a check that trains for `seconds` would not end within the default ones."""
        needed = Limits.for_cells_of(seconds + STARTING)
        if needed.cell_seconds <= max(DEFAULTS.cell_seconds, self.cell_seconds):
            return self
        return replace(self, cell_seconds=needed.cell_seconds,
                       total_seconds=max(self.total_seconds, needed.total_seconds))

    @property
    def memory_watched(self) -> int:
        """Bytes at which the runner stops a cell: a little before the control group would kill something."""
        return int(self.memory * MIB * 0.9)

    @property
    def processes_held(self) -> int:
        """Processes that the system allows: the runner's own, and enough for it to see that there are too many."""
        return self.processes + SPARE

    def rlimits(self) -> dict[str, int]:
        """The resource limits that the runner sets on itself and on what it starts: {RLIMIT name: number}."""
        return {
            "AS": self.address_space * MIB,
            "FSIZE": self.file * MIB,
            "NOFILE": self.open_files,
            "NPROC": self.processes_held + 8,  # the control group's own limit comes first, and says that it was met
            "CPU": int(self.total_seconds * 2),
            "CORE": 0,
        }


DEFAULTS = Limits()
