"""Write small files whole or not at all, and name the path when that fails."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def write_whole(path: Path, content: str) -> None:
    """Write `content` to `path`, whose folders are made; what was there stays when it fails. Raises OSError."""
    new = path.with_name(f".new-{os.getpid()}-{path.name}")
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_text(content, encoding="utf-8")
            os.replace(new, path)
        except BaseException:
            with contextlib.suppress(OSError):
                new.unlink()
            raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name `path` in an OSError that names none: a full disk is noticed when writing, not when opening."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
