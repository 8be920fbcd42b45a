"""Read what a student handed in, without running any of it and without following any link.

A submission that cannot be read raises Unreadable with a sentence for the instructor. Whatever else is not as it
should be becomes a Finding. The files themselves are never changed.
"""

import contextlib
import shutil
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from grader.files import KeptFiles, keep
from grader.submission.find import LISTED, LOOSE, NO_FOLDER, Candidate, find_notebook, set_of_name
from grader.submission.folders import DEEP, ENTRIES, Level, mode, open_file, open_folder, walk
from grader.submission.parse import parse_notebook, read_notebook, set_of_cells
from grader.submission.submission import Finding, RawCell, Submission, Unreadable
from grader.submission.timestamp import TIMESTAMP, read_timestamp

__all__ = ["Finding", "RawCell", "Submission", "Unreadable", "check_name", "parse_notebook", "read_submission"]

FILES, FILE_BYTES = 200, 20_000_000  # what is handed in beside the notebook, in all
CHUNK = 1 << 20
READS_IT = "if the notebook reads it"


def read_submission(submitted: Path, student: str, stem: str, files: Path) -> Submission:
    """Read the Submission of `student` for the set `stem`, and copy what lies beside its notebook into `files`.

    Raises Unreadable, and OSError where `files` cannot be written.
    """
    check_name(student)
    shutil.rmtree(files, ignore_errors=True)
    findings: list[Finding] = []
    with contextlib.ExitStack() as stack:
        try:
            top = open_folder(stack, None, str(submitted))
            found = find_notebook(top, student, stem, findings)
            folders = [top]
            for name in found.folders:
                folders.append(open_folder(stack, folders[-1], name))
            cells = _cells(folders[-1], found.file, stem, findings)
            timestamp = _timestamp(folders[2:] or folders[1:], findings)
        except OSError as error:
            raise Unreadable(f"{error.filename or stem} cannot be read ({error.strerror})") from None
        digests = _copy_others(folders[-1], found, files, findings)
    return Submission(cells, KeptFiles(files, digests), timestamp, findings)


def _cells(folder: int, name: str, stem: str, findings: list[Finding]) -> list[RawCell]:
    """The cells of the notebook `name` in `folder`. Raises Unreadable, which names others that may be meant."""
    others = [found.where for found in findings if found.kind == "another notebook"]
    try:
        with open_file(folder, name) as file:
            cells = read_notebook(file, name, findings)
        if (of := set_of_cells(cells)) not in (stem, None):
            raise Unreadable(f"{name} is the notebook of {of}; expected that of {stem}")
    except Unreadable as error:
        if others:
            more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
            listed = ", ".join(where[:100] for where in others[:LISTED]) + more
            raise Unreadable(f"{error}; there is also {listed}",
                             f"Ask the student which one counts, put it in place of {name} and grade again") from None
        raise
    return cells


def check_name(student: str) -> None:
    """Raise Unreadable for a student's folder that nbgrader, a database or a web page would take for something else."""
    odd = not student.isprintable() or set(student) & set('*?[]<>"\\#%') or student != student.strip()
    if odd or student.startswith("-") or len(student) > 128:
        why = ('it has one of *?[]<>"\\#%, a character that cannot be printed, a space at either end, a dash in front, '
               'or more than 128 characters')
        raise Unreadable(f"its folder's name cannot be used ({why})", "Rename the folder and grade again")


def _timestamp(folders: list[int], findings: list[Finding]) -> str:
    """The text of timestamp.txt in the first of `folders` that has one, when it is a date; else an empty one."""
    try:
        return next(filter(None, map(read_timestamp, folders)), "")
    except Exception as error:  # a parser of free text fails in many ways
        why = f"ignored, so the submission counts as handed in on time ({str(error)[:100]})"
        findings.append(Finding("bad timestamp", TIMESTAMP, why))
        return ""


def _copy_others(folder: int, found: Candidate, files: Path, findings: list[Finding]) -> dict[str, str]:
    """Copy the regular files in `folder` and its folders into `files`, but not the notebook: {path: SHA-256}."""
    digests: dict[str, str] = {}
    if found.place == NO_FOLDER:
        return digests
    left = FILE_BYTES

    def unopened(error: OSError) -> None:
        findings.append(Finding("file left out", str(error.filename), f"left out ({error.strerror})", READS_IT))

    too_many: list[str] = []
    for level in walk(folder, unopened):
        if not level.path and found.place == LOOSE:
            level.folders[:] = [name for name in level.folders if not set_of_name(name)]
        for name in level.others:
            where = f"{level.path}{name}"
            if not level.path and (name in (found.file, TIMESTAMP) or _is_of_another_set(found, name)):
                continue
            why = _why_left_out(level, name)
            if why is None and len(digests) >= FILES:
                too_many.append(where)
            elif why is None:
                try:
                    with open_file(level.descriptor, name) as file:
                        digests[where] = keep(_chunks(file, name, left), files / where)
                    left -= (files / where).stat().st_size
                except Unreadable as error:
                    why = ("file left out", str(error)[:200])
            if why is not None:
                findings.append(Finding(why[0], where, why[1], READS_IT))
        _say_what_is_cut(level, findings)
    if too_many:
        what = f"{len(too_many)} files from this one on were left out; at most {FILES} are taken"
        findings.append(Finding("too many files", too_many[0], what, "if the notebook reads one of them"))
    return digests


def _is_of_another_set(found: Candidate, name: str) -> bool:
    """Whether a file may be the notebook of another set: in a student's folder they lie side by side."""
    return found.place == LOOSE and name.lower().endswith(".ipynb")


def _why_left_out(level: Level, name: str) -> tuple[str, str] | None:
    """(kind, what) of the Finding about a file that cannot be taken, or None."""
    kind = mode(level.descriptor, name)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "odd file name", f"left out: {ascii(name)[:200]} has a control character, or is not UTF-8"
    if not stat.S_ISREG(kind):
        return "link" if stat.S_ISLNK(kind) else "not a regular file", "left out"
    return None


def _say_what_is_cut(level: Level, findings: list[Finding]) -> None:
    if level.path.count("/") >= DEEP:
        what = f"left out: more than {DEEP} folders deep"
        findings += [Finding("too deep", f"{level.path}{name}", what, READS_IT) for name in level.folders]
    if level.cut:
        findings.append(Finding("too many files", level.path or "the submission",
                                f"what comes after the first {ENTRIES} names was left out", READS_IT))


def _chunks(file: BinaryIO, name: str, most: int) -> Iterator[bytes]:
    """The bytes of `file`, called `name`, piece by piece. Raises Unreadable when there are more than `most`."""
    left = most
    while True:
        try:
            chunk = file.read(CHUNK)
        except OSError as error:
            raise Unreadable(f"{name} cannot be read ({error.strerror})") from None
        left -= len(chunk)
        if left < 0:
            raise Unreadable(f"{name} has more than the {most / 1e6:.1f} MB that are left of the "
                             f"{FILE_BYTES // 1_000_000} MB for files")
        if not chunk:
            return
        yield chunk
