"""The folder that a grader keeps all its temporary folders in, under a lock, and the removal of what a killed one left.

The lock tells whether the owner is still at work, in whichever container it is: process numbers are given again.
What is in the lock tells that a folder is a grader's: nothing is removed for its name alone, which anybody may choose.
"""

import atexit
import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.sandbox.cgroups import remove_abandoned

PLACE, PREFIX, LOCK = Path("/tmp"), "grader-", "lock"
MARK = "temporary files of the grader, in {}: removed when no process holds this lock\n"
FOLDER = re.compile(rf"{PREFIX}[a-z0-9_]{{8}}")  # as mkdtemp names it
HALF_WRITTEN = re.compile(r"(?:secret\.(\d+)|\.new-(\d+)-.+)", re.DOTALL)  # by the process of that number
_own: Path | None = None  # this process's folder, and that of the workers it starts


def own_folder() -> Path:
    """The folder of this grader: made when first asked for, removed when the process ends."""
    global _own
    if _own is None or not _own.is_dir():
        _own = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PLACE))
        _own.chmod(0o711)  # a run's own user passes through
        lock = os.open(_own / "new", os.O_CREAT | os.O_WRONLY, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)  # held until this process and its workers have ended
        os.write(lock, MARK.format(_own.name).encode())
        os.rename(_own / "new", _own / LOCK)  # never there without being locked
        atexit.register(_remove_own, _own, os.getpid())
    return _own


def new_folder(kind: str) -> Path:
    """A new folder, named after its kind, for its maker to remove."""
    return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=own_folder()))


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """A new folder that is removed in the end."""
    folder = new_folder(kind)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(own: Path) -> None:
    """Remove what killed graders left: temporary folders, control groups, and half-written files in `own`.

    own: the folder .grader of a course whose lock we hold. A grader that is at work keeps what is its own.
    """
    for folder in PLACE.glob(f"{PREFIX}*"):
        if FOLDER.fullmatch(folder.name):
            with contextlib.suppress(OSError):  # in use, not ours, or somebody else removes it
                _remove_abandoned(folder)
    remove_abandoned()
    for file in [*own.glob("secret.*"), *own.glob("results/.new-*"), *own.glob("*/*/.new-*")]:
        owner = HALF_WRITTEN.fullmatch(file.name)  # None: a copy that somebody made, as secret.bak
        if owner and not Path(f"/proc/{owner[1] or owner[2]}").exists():
            file.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove `folder` if it is a grader's that is gone. Raises OSError if it is not.

    Nobody else can put anything in place of a folder of ours, because /tmp lets only owners do that.
    """
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.read(lock, 1000) == MARK.format(folder.name).encode():
                _remove(folder)
        finally:
            os.close(lock)


def _remove(folder: Path) -> None:
    """Remove a grader's folder, its lock last. Raises OSError when something is mounted in it, or bound there."""
    if any(mounted.is_relative_to(folder) for mounted in _mount_points()):
        raise OSError(errno.EBUSY, "something is mounted in it", str(folder))  # removal would go on in there
    for place in folder.glob("stage-*/python*"):
        place.rmdir()  # never what is in it: it could be Python, bound there
    for child in folder.iterdir():
        if child.name != LOCK:
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    (folder / LOCK).unlink()
    folder.rmdir()


def _mount_points() -> list[Path]:
    """Where something is mounted, as we see it."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[1])) for line in lines]


def _remove_own(folder: Path, owner: int) -> None:
    """At the end of a process: remove the folder that it made, and not that of the process it was forked from."""
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            _remove(folder)
