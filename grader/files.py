"""The files beside a notebook, in a folder of the grader's own: written once, read one at a time, always as they were.

They lie outside of what nbgrader copies and formgrader shows.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

NAME = 255  # bytes, the longest name a file can have


class FilesChanged(Exception):
    """A file is not as it was when the notebook was prepared; nobody is at fault, and grading again helps."""


class KeptFiles(Mapping[str, bytes]):
    """The files {path: bytes} in `folder`, read when asked for; digests: {path: SHA-256}.

    A file is also found under its name with accents spelled the other way: macOS takes both for one.
    Reading one raises FilesChanged.
    """

    def __init__(self, folder: str | Path, digests: Mapping[str, str]):
        self.folder, self.digests = str(folder), dict(digests)
        self.paths = {path: path for path in digests} | _other_spellings(digests)

    def __getitem__(self, path: str) -> bytes:
        kept = Path(self.folder, self.paths[path])
        try:
            content = kept.read_bytes()
        except OSError as error:
            raise FilesChanged(f"{kept} cannot be read any more ({error.strerror})") from None
        if hashlib.sha256(content).hexdigest() != self.digests[self.paths[path]]:
            raise FilesChanged(f"{kept} changed after it was read")
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def keep(chunks: Iterable[bytes], target: Path) -> str:
    """Write `chunks` into the new file `target`, all or nothing, and return their SHA-256."""
    hashed = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as copy:
        try:
            for chunk in chunks:
                hashed.update(chunk)
                copy.write(chunk)
        except BaseException:
            target.unlink()
            raise
    return hashed.hexdigest()


def _other_spellings(paths: Iterable[str]) -> dict[str, str]:
    """{path with its accents composed, or decomposed: path}, where that is not the path of something else."""
    files = {*paths}
    taken = files | {str(folder) for path in files for folder in PurePosixPath(path).parents}
    others: dict[str, str] = {}
    for path in sorted(files):
        for form in ("NFC", "NFD"):
            other = unicodedata.normalize(form, path)
            folders = {str(folder) for folder in PurePosixPath(other).parents}
            fits = all(len(name.encode()) <= NAME for name in other.split("/"))
            if fits and other not in taken and not folders & (files | others.keys()):
                others[other] = path
                taken |= {other, *folders}
    return others
