"""Folders and files of strangers: opened without following a link, walked within bounds."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from grader.submission.submission import Unreadable

DEEP, ENTRIES = 5, 10_000  # folders inside each other, and files and folders in all, that are looked at
SKIPPED = ("__pycache__", "__MACOSX", "feedback", "Icon\r")  # besides what is hidden


class Level(NamedTuple):
    """A folder on a walk: its path from where the walk began, with "/" at the end, empty for that one; its descriptor;
    the names of its folders, from which those not to be walked can be removed, and of all else in it; whether there are
    too many names for all to be looked at."""

    path: str
    descriptor: int
    folders: list[str]
    others: list[str]
    cut: bool


def open_folder(stack: contextlib.ExitStack, parent: int | None, name: str) -> int:
    """A descriptor of the folder `name` in `parent`, closed with `stack`; a link is not a folder. Raises Unreadable."""
    flags = os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if parent is not None else 0)
    try:
        folder = os.open(name, flags, dir_fd=parent)
    except OSError as error:
        if parent is not None and stat.S_ISLNK(mode(parent, name)):
            raise Unreadable(f"the folder {name} is a link, and links are not followed") from None
        raise Unreadable(f"the folder {name} cannot be opened ({error.strerror})") from None
    stack.callback(os.close, folder)
    return folder


def open_file(folder: int, name: str) -> BinaryIO:
    """The regular file `name` in `folder`, open to be read. Raises Unreadable for anything else."""
    try:  # O_NONBLOCK: opening a named pipe must not wait for a writer
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        link = stat.S_ISLNK(mode(folder, name))
        why = "is a link, and links are not followed" if link else f"cannot be opened ({error.strerror})"
        raise Unreadable(f"{name} {why}") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Unreadable(f"{name} is not a regular file")
    return open(file, "rb")


def mode(folder: int, name: str) -> int:
    """What kind of thing `name` in `folder` is, as os.stat says it; 0 when there is none."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def walk(folder: int, onerror: Callable[[OSError], object] | None = None) -> Iterator[Level]:
    """Walk `folder` and what lies in it, sorted, hidden and SKIPPED names left out; a link is not a folder.

    At most ENTRIES names are looked at; the last Level says so when there are more. Folders deeper than DEEP are
    listed, and not walked.
    """
    left = ENTRIES
    for root, folders, others, descriptor in os.fwalk(".", dir_fd=folder, onerror=onerror):
        path = f"{root[2:]}/" if root != "." else ""
        links = [name for name in folders if not stat.S_ISDIR(mode(descriptor, name))]
        names = sorted(name for name in [*others, *links] if not _skipped(name))
        folders[:] = sorted(name for name in folders if name not in links and not _skipped(name))
        cut = len(names) + len(folders) > left
        del names[left:]
        del folders[left - len(names):]
        left -= len(names) + len(folders)
        yield Level(path, descriptor, folders, names, cut)
        if path.count("/") >= DEEP:
            folders.clear()
        if cut:
            return


def _skipped(name: str) -> bool:
    return name.startswith(".") or name in SKIPPED
