"""When a submission was handed in, as the file timestamp.txt in its folder says."""

import datetime
import json

from grader.submission.folders import mode, open_file
from grader.submission.submission import Unreadable

TIMESTAMP = "timestamp.txt"
LONGEST = 200  # bytes


def read_timestamp(folder: int) -> str:
    """The text of timestamp.txt in `folder`, a date; empty when there is none.

    Raises an Exception, and not of one kind, for anything else: a parser of free text fails in many ways.
    """
    if not mode(folder, TIMESTAMP):
        return ""
    with open_file(folder, TIMESTAMP) as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise Unreadable("it is too long for a date")
    text = content.decode(json.detect_encoding(content)).strip()
    _check_date(text)
    return text


def _check_date(text: str) -> None:
    """Raise an Exception unless `text` is a whole date to nbgrader, with no part of it taken from today's."""
    from dateutil import parser  # type: ignore[import-untyped]
    from nbgrader.utils import parse_utc

    if not text:
        raise ValueError("it is empty")
    words = text.split(" ")
    date = " ".join(words[:2]) if len(words) == 3 else text  # nbgrader takes the third word for a time zone
    defaults = datetime.datetime(2001, 1, 1), datetime.datetime(2002, 2, 2)
    if len({parser.parse(date, default=default, ignoretz=True) for default in defaults}) > 1:
        raise ValueError(f"{text!r} is no whole date")
    parse_utc(text)
