"""Find where a student's notebook for a problem set lies: at its right place, or where people put it instead.

Its right place is submitted/STUDENT/SET/SET.ipynb. What a notebook is of is told by its cells, else by a name that
holds the set's stem. Nothing is guessed between two that are as good: those are reported.

To look at cells takes time, half a second a megabyte at worst. So of each student at most MOST files are looked
into, and together no more than LOOKED_INTO bytes: a file beyond tells no set. What a file told is remembered.
"""

import contextlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

from attnlib.check.spec import stems
from grader.submission.folders import mode, open_file, open_folder, walk
from grader.submission.parse import read_notebook, set_of_cells
from grader.submission.submission import Finding, Unreadable
from grader.submission.timestamp import TIMESTAMP

ARCHIVE = re.compile(r"\.(zip|tar|t?gz|t?bz2?|t?xz|7z|rar)$", re.IGNORECASE)
RIGHT, OTHER_CASE, DEEPER, LOOSE, NO_FOLDER = range(5)  # places, the right one first
EXACT, NAME_IN_OTHER_CASE, NAMED, NOTEBOOK, EXTENDED, NO_EXTENSION = range(6)  # names, the right one first
LISTED = 5  # names in a message
MOST, LOOKED_INTO = 20, 50_000_000  # candidates of one student that are looked into, and their bytes together
REMEMBERED = 10_000  # files of which we remember what they told
NOBODYS = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}  # what systems put into folders
_told: dict[tuple[int, ...], str | None] = {}  # {a file as it was: the set that its cells told}


@dataclass(frozen=True, order=True)
class Candidate:
    """A file that may be the notebook: how far its place and its name are from the right ones, and its path."""

    place: int
    name: int
    depth: int
    folders: tuple[str, ...]  # from submitted/ down
    file: str
    size: int = field(default=0, compare=False)
    looked_into: bool = field(default=True, compare=False)

    @property
    def path(self) -> str:
        """The path in submitted/."""
        return "/".join((*self.folders, self.file))


def find_notebook(top: int, student: str, stem: str, findings: list[Finding]) -> Candidate:
    """The notebook of `student` for the set `stem` under `top`, the folder submitted/; findings say what is odd.

    Raises Unreadable.
    """
    candidates = _candidates(top, student, stem)
    if candidates and (candidates[0].place, candidates[0].name) == (RIGHT, EXACT):
        chosen = candidates[0]
    else:
        chosen = _choose(top, student, stem, candidates)
    right = f"{stem}.ipynb"
    if chosen.place != RIGHT:
        what = f"graded from there; its right place is {student}/{stem}/{right}"
        findings.append(Finding("wrong place", chosen.path, what, _costs(top, chosen)))
    elif chosen.name != EXACT:
        findings.append(Finding("wrong name", chosen.file, f"graded as {right}"))
    for other in candidates:
        if other != chosen and other.name <= NOTEBOOK and _may_be_meant(top, other, stem):
            where = other.file if other.place == RIGHT else other.path
            findings.append(Finding("another notebook", where, f"not graded; {chosen.file} was",
                                    "if that was the one meant"))
    return chosen


def students(submitted: Path, stem: str) -> list[str]:
    """Everyone of whom there is something for the problem set `stem`, sorted."""
    with _top(submitted) as top:
        if top is None:
            return []
        names = (_student(top, name) for name in os.listdir(top) if _is_somebodys(name))
        return sorted(name for name in {*names} if name and _handed_in(top, name, stem))


def strays(submitted: Path, stem: str) -> dict[str, Unreadable]:
    """{name in submitted/: why it is not graded} of what belongs to no set, where there is nothing for `stem`."""
    with _top(submitted) as top:
        if top is None:
            return {}
        known = {*students(submitted, stem)}
        found = {name: _stray(top, name, stem) for name in sorted(os.listdir(top))
                 if _is_somebodys(name) and _student(top, name) not in known}
    right = f"Put what is to be graded into {submitted}/STUDENT/{stem}/{stem}.ipynb and grade again"
    return {name: Unreadable(why, right) for name, why in found.items() if why}


@contextlib.contextmanager
def _top(submitted: Path) -> Iterator[int | None]:
    """A descriptor of the folder submitted/; None when there is none."""
    if not submitted.is_dir():
        yield None
        return
    with contextlib.ExitStack() as stack:
        yield open_folder(stack, None, str(submitted))


def _is_somebodys(name: str) -> bool:
    """Whether somebody may have put `name` into submitted/: it is not hidden, and no system's own."""
    return not name.startswith(".") and _plain(name) not in NOBODYS


def _student(top: int, name: str) -> str | None:
    """The student whose folder, or whose notebook without a folder, `name` in submitted/ is; None for anything else."""
    if not stat.S_ISREG(mode(top, name)):
        return name if not _is_stem(name) else None
    base, extension = os.path.splitext(name)
    return base if _plain(extension) == ".ipynb" and not set_of_name(base) else None


def _handed_in(top: int, student: str, stem: str) -> bool:
    """Whether anything in submitted/ is a student's for the set `stem`, or cannot be looked into."""
    if stat.S_ISLNK(mode(top, student)):
        return mode(top, f"{student}/{stem}") != 0  # to be reported
    try:
        with contextlib.ExitStack() as stack:
            if stat.S_ISDIR(mode(top, student)) and _folder_of_set(open_folder(stack, top, student), stem):
                return True
        return any(_is_of(top, candidate, stem) for candidate in _candidates(top, student, stem))
    except (Unreadable, OSError):
        return True


def _stray(top: int, name: str, stem: str) -> str:
    """Why nothing of `name` in submitted/ is graded; empty when it is somebody's work for another set."""
    if not stat.S_ISDIR(mode(top, name)):
        student = _student(top, name)
        if student and any(_set(top, candidate) for candidate in _candidates(top, student, stem)):
            return ""
        return f"{_described(top, name)} lies in submitted/ itself, and nothing tells whose it is, or of which set"
    if _is_stem(name):
        return f"the folder {name} in submitted/ has the name of a set where a student's belongs"
    with contextlib.ExitStack() as stack:
        folder = open_folder(stack, top, name)
        names = sorted(inside for inside in os.listdir(folder) if not inside.startswith("."))
        others = {candidate.folders[1:2] or (candidate.file,) for candidate in _candidates(top, name, stem)
                  if _set(top, candidate)}
        left = [inside for inside in names if not set_of_name(inside) and (inside,) not in others]
        if not names:
            return "the folder is empty"
        if len(left) < len(names):  # there is work for another set: a text beside it is nothing to speak of
            left = [inside for inside in left if ".ipynb" in _plain(inside) or ARCHIVE.search(inside)
                    or stat.S_ISDIR(mode(folder, inside))]
        why = f"nothing in its folder belongs to a problem set; what lies there: {_listed(folder, left)}"
        return why if left else ""


def _candidates(top: int, student: str, stem: str) -> list[Candidate]:
    """The files that may be the notebook of `student` for `stem`, the likeliest first; at most MOST."""
    files = [f"{student}.{extension}" for extension in ("ipynb", "IPYNB", "Ipynb")]
    found = [Candidate(NO_FOLDER, NOTEBOOK, 0, (), file, _size(top, file)) for file in files
             if stat.S_ISREG(mode(top, file))]
    if stat.S_ISDIR(mode(top, student)):
        with contextlib.ExitStack() as stack:
            found += _candidates_in(open_folder(stack, top, student), student, stem)
    left, candidates = LOOKED_INTO, []
    for candidate in sorted(found)[:MOST]:
        fits = candidate.size <= left
        left -= candidate.size * fits
        candidates.append(replace(candidate, looked_into=fits))
    return candidates


def _size(folder: int, name: str) -> int:
    """The bytes of a file; 0 when it cannot be looked at."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except OSError:
        return 0


def _candidates_in(folder: int, student: str, stem: str) -> Iterator[Candidate]:
    """The Candidates in a student's folder; what lies in another set's folder, under that set's name, is none."""
    for level in walk(folder):
        folders = level.path.split("/")[:-1]
        of = set_of_name(folders[0]) if folders else None
        for name in level.others:
            rank = _rank(name, stem)
            if rank is not None and (of in (stem, None) or set_of_name(name) != of):
                yield Candidate(_place(folders, stem), rank, len(folders), (student, *folders), name,
                                _size(level.descriptor, name))


def _place(folders: Sequence[str], stem: str) -> int:
    if not folders or set_of_name(folders[0]) != stem:
        return LOOSE
    if len(folders) > 1:
        return DEEPER
    return RIGHT if folders[0] == stem else OTHER_CASE


def _rank(name: str, stem: str) -> int | None:
    """How far a file's name is from the right one; None when it is that of no notebook."""
    plain = _plain(name)
    base, extension = os.path.splitext(plain)
    if name == f"{stem}.ipynb":
        return EXACT
    if plain == f"{stem}.ipynb":
        return NAME_IN_OTHER_CASE
    if extension == ".ipynb":
        return NAMED if set_of_name(name) == stem else NOTEBOOK
    if ".ipynb" in plain and not ARCHIVE.search(plain):
        return EXTENDED
    return NO_EXTENSION if base == stem and extension in ("", ".json", ".txt") else None


def set_of_name(name: str) -> str | None:
    """The stem of the problem set that a name holds, in any case and with any signs between its words."""
    plain = re.sub(r"[\W_]+", "_", _plain(name))
    held = [stem for stem in _stems() if re.search(rf"(?<!\d){re.escape(stem)}(?![^\W_])", plain)]
    return max(held, key=len, default=None)


@cache
def _stems() -> frozenset[str]:
    return frozenset(stems())


def _is_stem(name: str) -> bool:
    return _plain(name) in _stems()


def _plain(name: str) -> str:
    """A name in one case and one spelling of its accents."""
    return unicodedata.normalize("NFC", name).casefold()


def _choose(top: int, student: str, stem: str, candidates: Sequence[Candidate]) -> Candidate:
    """The one that is to be graded, where none has the right name at the right place. Raises Unreadable."""
    of_it = [each for each in candidates if _is_of(top, each, stem)]
    possible = of_it or [each for each in candidates if _set(top, each) is None and each.place < LOOSE]
    if not possible:
        raise _nothing(top, student, stem, candidates)
    first = possible[0]
    best = [each for each in possible if (each.place, each.name, each.depth) == (first.place, first.name, first.depth)]
    if len(best) > 1:
        names = ", ".join(each.file if each.place == RIGHT else each.path for each in best)[:200]
        raise Unreadable(f"there are {len(best)} notebooks and none is called {stem}.ipynb: {names}",
                         "Ask the student which one counts, put it at its right place and grade again")
    return first


def _is_of(top: int, candidate: Candidate, stem: str) -> bool:
    """Whether a file is a notebook of the set, by its cells or, where they do not tell, by place and name."""
    of = _set(top, candidate)
    named = candidate.name <= NAMED if candidate.place in (LOOSE, NO_FOLDER) else candidate.name <= NAME_IN_OTHER_CASE
    return of == stem or (of is None and named)


def _may_be_meant(top: int, candidate: Candidate, stem: str) -> bool:
    return _is_of(top, candidate, stem) or (candidate.place == RIGHT and _set(top, candidate) is None)


def _set(top: int, candidate: Candidate) -> str | None:
    """The stem of the set whose cells a file holds; None when it holds none, cannot be read, or is not looked into."""
    if not candidate.looked_into:
        return None
    with contextlib.ExitStack() as stack:
        folder = top
        try:
            for name in candidate.folders:
                folder = open_folder(stack, folder, name)
            file = stack.enter_context(open_file(folder, candidate.file))
            return _told_by(file)
        except (Unreadable, OSError):
            return None


def _told_by(file: BinaryIO) -> str | None:
    """The stem of the set whose cells `file` holds; None when they tell none. Raises OSError."""
    found = os.fstat(file.fileno())
    known = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if known not in _told:
        try:
            told = set_of_cells(read_notebook(file, "", []))
        except Unreadable:
            told = None
        if len(_told) >= REMEMBERED:
            del _told[next(iter(_told))]
        _told[known] = told
    return _told[known]


def _costs(top: int, chosen: Candidate) -> str:
    """Why marks may be lost where a notebook does not lie at its right place: what it reads may not lie beside it."""
    if chosen.place == NO_FOLDER:
        return "if it reads a file: no file is taken from submitted/ itself"
    outside = False
    with contextlib.ExitStack() as stack:
        folder = top
        for depth, name in enumerate(chosen.folders[:-1], 1):
            folder = open_folder(stack, folder, name)
            if depth > (chosen.place == DEEPER):  # the student's folder is no place for files of the set's
                outside = outside or any(stat.S_ISREG(mode(folder, name)) for name in os.listdir(folder)
                                         if ".ipynb" not in _plain(name) and name[0] != "." and name != TIMESTAMP)
    return "if it reads a file from outside of that folder" if outside else ""


def _nothing(top: int, student: str, stem: str, candidates: Sequence[Candidate]) -> Unreadable:
    """What came in place of a notebook."""
    for candidate in candidates:
        if of := _set(top, candidate):
            return Unreadable(f"{candidate.path} is the notebook of {of}; expected {stem}.ipynb")
    with contextlib.ExitStack() as stack:
        folder, where = open_folder(stack, top, student), student
        name = _folder_of_set(folder, stem)
        if name and not stat.S_ISREG(mode(folder, name)) or name == stem:
            folder, where = open_folder(stack, folder, name), f"{student}/{name}"
        names = sorted(os.listdir(folder))
        came = f"what came in {where}: {_listed(folder, names)}" if names else f"the folder {where} is empty"
    error = Unreadable(f"there is no notebook; expected {stem}.ipynb; {came}")
    if any(ARCHIVE.search(name) for name in names):
        error.remedy = f"Unpack it, so that there is a {student}/{stem}/{stem}.ipynb, and grade again"
    return error


def _folder_of_set(folder: int, stem: str) -> str:
    """The name in a student's folder that is the set's, or likest to it; empty when none is."""
    names = [name for name in os.listdir(folder) if not name.startswith(".") and set_of_name(name) == stem]
    return min(names, key=lambda name: (name != stem, not stat.S_ISDIR(mode(folder, name)), name), default="")


def _listed(folder: int, names: Sequence[str]) -> str:
    """The first of `names` with what each is, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(_described(folder, name) for name in names[:LISTED]) + more


def _described(folder: int, name: str) -> str:
    kind = mode(folder, name)
    what = ("a link" if stat.S_ISLNK(kind) else "a folder, not a regular file" if stat.S_ISDIR(kind)
            else "not a regular file" if not stat.S_ISREG(kind)
            else "an archive: unpack it" if ARCHIVE.search(name) else "")
    return f"{name[:100]} ({what})" if what else name[:100]
