"""Whose code a frame runs: a library's, or the learner's."""

import sysconfig
from pathlib import Path
from types import FrameType

LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("platlib"), str(Path(__file__).parents[2]))
GENERATED = "<"  # how the file name of code that lies in no file begins
IMPORTING = "<frozen importlib._bootstrap>"


def is_librarys(frame: FrameType) -> bool:
    """Whether the code in a frame is an installed package's, ours or Python's own."""
    return frame.f_code.co_filename.startswith(LIBRARIES)


def is_importing_a_library(frame: FrameType | None) -> bool:
    """Whether a thread, whose innermost frame is given, is at work on the import of a library.

    The import of a file of the learner's runs the learner's code, and that does not count as one.
    """
    while frame is not None:
        name = frame.f_code.co_filename
        if name == IMPORTING:
            return True
        if not name.startswith((GENERATED, *LIBRARIES)):
            return False
        frame = frame.f_back
    return False
