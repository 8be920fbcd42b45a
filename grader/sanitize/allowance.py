"""What making one page may cost: seconds, tags, characters and the room of tables, whatever a student wrote.

Markdown, highlighters and formulas are read with regular expressions, and some texts take those a time that grows with
the square of their length, or worse. formgrader has one thread: while a page is made, nobody else is served.
"""

import signal
from collections.abc import Callable
from html import escape
from threading import current_thread, main_thread
from time import process_time
from types import FrameType
from typing import Any

TEXT_SECONDS, PAGE_SECONDS = 0.5, 1.5  # of processor time; an ordinary page takes 0.1
TAGS, CHARACTERS = 40_000, 20_000_000  # of what is made of the texts; an ordinary page has 6,000 tags
SPAN, SPANS = 20, 20_000  # rows or columns that a cell of a table spans; the squares of all of them in a page


class OutOfTime(BaseException):
    """The time is over; no `except Exception` on the way holds it up."""


class Allowance:
    """What is left of the time and the room for one page."""

    def __init__(self) -> None:
        self.seconds, self.tags, self.characters, self.spans = PAGE_SECONDS, TAGS, CHARACTERS, SPANS

    def made(self, convert: Callable[[str], str], text: str) -> str:
        """What `convert` makes of a text. When that fails, or takes too much time or room, the text as it is."""
        begun = process_time()
        if self.seconds <= 0:
            convert = as_it_is
        try:
            with _AtMost(TEXT_SECONDS):
                html = convert(text)
        except (Exception, OutOfTime):
            html = as_it_is(text)
        self.seconds -= process_time() - begun
        if html.count("<") > self.tags or len(html) > self.characters:
            html = as_it_is(text)
        self.tags, self.characters = self.tags - html.count("<"), self.characters - len(html)
        return html

    def has_span(self, span: int) -> bool:
        """Whether a cell of a table may span so many rows, or columns; if so, they are taken off.

        A browser lays out rows times columns of each cell. Their product is at most half the sum of their squares.
        """
        fits = 1 <= span <= SPAN and span * span <= self.spans
        self.spans -= span * span if fits else 0
        return fits


def as_it_is(text: str) -> str:
    """A text without any formatting, as HTML."""
    return f"<pre>{escape(text)}</pre>"


class _AtMost:
    """Raise OutOfTime after `seconds` of processor time; not in a thread, for Python gives signals to the main one.

    It is raised again after as many more, for what calls Python from elsewhere may have swallowed it. It is never
    raised while the timer is being set or stopped: so it does not leave the `with`, and no timer stays behind.
    """

    def __init__(self, seconds: float):
        self.seconds, self.rings = seconds, False
        self.before: Any = None  # what SIGPROF did

    def __enter__(self) -> None:
        if current_thread() is main_thread():
            self.before = signal.signal(signal.SIGPROF, self._ring)
            self.rings = True
            signal.setitimer(signal.ITIMER_PROF, self.seconds, self.seconds)

    def __exit__(self, *_: object) -> None:
        if self.rings:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.rings = False
            signal.signal(signal.SIGPROF, signal.SIG_IGN)  # drops one on its way: the default would end the process
            signal.signal(signal.SIGPROF, self.before)

    def _ring(self, _: int, interrupted: FrameType | None) -> None:
        at_work = interrupted is None or interrupted.f_code not in STARTS_AND_STOPS
        if self.rings and at_work:
            raise OutOfTime


STARTS_AND_STOPS = tuple(done.__code__ for done in (_AtMost.__enter__, _AtMost.__exit__, _AtMost._ring))
