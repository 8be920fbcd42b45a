"""The packages that a problem set offers: what a graded notebook may import beside Python's own library.

The set declares them (`libraries`), the notebook's opening names them, and the kernel refuses others that happen to be
installed (`inside/kernel.py`), so that all three say the same.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from attnlib.check.scoring.rules import listed
from attnlib.check.spec import problem_set

ALWAYS = ("attnlib", "IPython", "ipykernel", "matplotlib_inline")  # attnlib is the view; the others run the notebook
PARTS = {"matplotlib": ("mpl_toolkits", "pylab"), "torch": ("functorch",)}  # what comes under a second name


def offer(stem: str) -> dict[str, Any]:
    """The offer of a problem set, as `inside/kernel.py` reads it."""
    return offer_of(problem_set(stem).libraries, stem)


def offer_of(libraries: Sequence[str], stem: str) -> dict[str, Any]:
    """The offer of these libraries by a set: the packages that may be imported, and the sentence about all others."""
    parts = [part for library in libraries for part in PARTS.get(library, ())]
    has = f"it has {listed(libraries)}, beside Python's own library" if libraries else "it has Python's own library"
    return {"packages": [*libraries, *parts, *ALWAYS],
            "refusal": f"{{name}} is not here when problem set {stem} is graded: {has}"}


def require_libraries(stem: str) -> None:
    """Raise RuntimeError, naming them, when libraries that the set offers are not installed here."""
    missing = [name for name in problem_set(stem).libraries if find_spec(name) is None]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise RuntimeError(f"problem set {stem} offers {listed(missing)}, which {are} not installed here, so nothing "
                           f"was graded. Install what is missing (pip install {' '.join(missing)}), or take it out of "
                           f"`libraries` in the set's specification.")
