"""Write small files whole or not at all, and name the path when that fails."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def write_whole(path: Path, content: str) -> None:
    """Write `content` to `path`, whose folders are made; what was there stays when it fails. Raises OSError."""
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".new-{os.getpid()}-", delete=False)
        try:
            with file:
                file.write(content)
            os.replace(file.name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(file.name)
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
