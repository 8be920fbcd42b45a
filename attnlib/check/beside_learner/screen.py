"""What a learner's code prints and asks for while a check runs it."""

import builtins
import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any

SHOWN = 2000  # characters kept of what one call prints


class Asked(RuntimeError):
    """The code asks for something to be typed, and nobody types during a check; the message is what it called."""


class Printed(io.TextIOBase):
    """Keeps the first characters written to it."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.left = SHOWN

    def write(self, text: str) -> int:
        """Keep what fits."""
        if self.left > 0:
            self.kept.append(text[: self.left])
            self.left -= len(text)
        return len(text)

    def text(self) -> str:
        """What was kept, with three dots where more was printed."""
        return "".join(self.kept) + ("…" if self.left < 0 else "")


@contextlib.contextmanager
def caught_output() -> Iterator[Printed]:
    """Catch what is printed, on both streams."""
    output = Printed()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        yield output


@contextlib.contextmanager
def no_keyboard() -> Iterator[None]:
    """Let input() and breakpoint() raise Asked: nobody can type while a check runs.

    Whatever becomes of the code inside, input and output are as they were afterwards.
    """
    def refuse(name: str) -> Any:
        def asking(*args: Any, **options: Any) -> Any:
            raise Asked(name)

        return asking

    before = builtins.input, sys.breakpointhook, sys.stdout, sys.stderr
    builtins.input, sys.breakpointhook = refuse("input()"), refuse("breakpoint()")
    try:
        yield
    finally:
        builtins.input, sys.breakpointhook, sys.stdout, sys.stderr = before
