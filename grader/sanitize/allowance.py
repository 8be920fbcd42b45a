"""What making one page may cost: seconds, tags and characters, whatever a student wrote.

Markdown, highlighters and formulas are read with regular expressions, and some texts take those a time that grows with
the square of their length, or worse. formgrader has one thread: while a page is made, nobody else is served.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from threading import current_thread, main_thread
from time import process_time
from typing import Any

TEXT_SECONDS, PAGE_SECONDS = 0.5, 1.5  # of processor time; an ordinary page takes 0.1
TAGS, CHARACTERS = 40_000, 20_000_000  # of what is made of the texts; an ordinary page has 6,000 tags


class OutOfTime(BaseException):
    """The time is over; no `except Exception` on the way holds it up."""


class Allowance:
    """What is left of the time and the room for one page."""

    def __init__(self) -> None:
        self.seconds, self.tags, self.characters = PAGE_SECONDS, TAGS, CHARACTERS

    def made(self, convert: Callable[[str], str], text: str) -> str:
        """What `convert` makes of a text. When that fails, or takes too much time or room, the text as it is."""
        begun = process_time()
        if self.seconds <= 0:
            convert = as_it_is
        try:
            with _at_most(TEXT_SECONDS):
                html = convert(text)
        except (Exception, OutOfTime):
            html = as_it_is(text)
        self.seconds -= process_time() - begun
        if html.count("<") > self.tags or len(html) > self.characters:
            html = as_it_is(text)
        self.tags, self.characters = self.tags - html.count("<"), self.characters - len(html)
        return html


def as_it_is(text: str) -> str:
    """A text without any formatting, as HTML."""
    return f"<pre>{escape(text)}</pre>"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise OutOfTime after `seconds` of processor time; not in a thread, for Python gives signals to the main one."""
    if current_thread() is not main_thread():
        yield
        return
    running = True

    def ring(*_: Any) -> None:
        if running:
            raise OutOfTime

    before = signal.signal(signal.SIGPROF, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_PROF, seconds, 0.05)  # and again, should something have swallowed it
            yield
        finally:
            running = False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
