"""The course's secret, and the seeds that follow from it.

A seed belongs to one exercise and one notebook: nobody can know the inputs before handing in, and the same
notebook is always asked the same.
"""

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from grader.whole_files import naming


def course_secret(path: Path) -> bytes:
    """The 32 secret bytes kept in the file `path`, made when first asked for, readable by the owner alone.

    Raises PermissionError when others may read it, and ValueError when it is damaged.
    """
    if not path.exists():
        _make_secret(path)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path}: others may read the course's secret; run: chmod 600 {path}")
    secret = path.read_bytes()
    if len(secret) != 32:
        raise ValueError(f"{path}: the course's secret has {len(secret)} bytes, not 32; restore it from a backup")
    return secret


def _make_secret(path: Path) -> None:
    """Only whole secrets appear under the name, and only the first one."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with naming(path), contextlib.suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
            os.link(new, path)
        finally:
            new.unlink(missing_ok=True)


def seed(secret: bytes, exercise: str, notebook: str) -> int:
    """The seed of an exercise (its name) for one notebook (its fingerprint): a whole number below 2**64."""
    return int.from_bytes(hmac.digest(secret, f"{exercise}\n{notebook}".encode(), "sha256")[:8])
