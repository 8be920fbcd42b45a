"""What the grader asks of the Python it runs on, before anybody is graded."""

import sys

import soupsieve


def require_pages() -> None:
    """Raise RuntimeError where no page of feedback could be written: soupsieve 3 fails on Python before 3.11.5."""
    try:
        soupsieve.compile("img:not([alt])")  # what nbconvert looks for in every page
    except Exception as error:  # Python's re misreads its patterns
        version = ".".join(map(str, sys.version_info[:3]))
        raise RuntimeError(f"soupsieve {soupsieve.__version__} does not work on Python {version} "
                           f"({type(error).__name__}), so no feedback could be written, and nothing was graded. Use "
                           f"Python 3.11.5 or newer, or run: pip install 'soupsieve<3'") from error
