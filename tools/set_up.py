"""The lines that set up a laptop, VS Code or Colab for the exercises: on a page, in README.md, and in a notebook.

Each is a place, what to do there as Markdown, and the one command to run.
"""

from dataclasses import dataclass

from tools.learner_files import PROJECT, WHEEL, ZIP

PYTHON = PROJECT["requires-python"].removeprefix(">=")
HOLDS = f"holds every exercise notebook and `attnlib`; it needs Python {PYTHON} or newer."
MISSING = "# No attnlib?"  # how the comment in a notebook begins


@dataclass(frozen=True)
class Line:
    """One way to be ready for the exercises."""

    place: str
    doing: str
    command: str


def source(where):
    """What pip installs from: an address where there is one, else the wheel, which has to lie beside the notebook."""
    return where.file(WHEEL) or (f"git+{where.repository}" if where.repository else WHEEL)


def for_page(stem, where, files):
    """Sentence and lines for the page of a chapter; files is where the site has the wheel, seen from there."""
    notebook = f"upload [{stem}.ipynb]({files}/{stem}.ipynb)"
    opened = f"[open the notebook]({where.colab(stem)})" if where.colab(stem) else notebook
    found = [*unpacked(f"`{stem}.ipynb`"), in_colab(opened, f"[the wheel]({files}/{WHEEL})", where)]
    return f"[{ZIP}]({files}/{ZIP}) {HOLDS}", found


def for_readme(where):
    """Sentence and lines for README.md: from the site where it has an address, else from a copy of the repository."""
    opened = "open a chapter by its link below" if where.colab("") else "upload a notebook of `exercises/`"
    if where.site:
        found = [*unpacked("a notebook"), in_colab(opened, "", where)]
        return f"[{ZIP}]({where.file(ZIP)}) {HOLDS}", found
    wheel = "the wheel that `pip wheel --no-deps .` makes here"
    return f"This folder {HOLDS}", [
        Line("On a laptop", "run in this folder, before `jupyter notebook exercises`:", "pip install -e . notebook"),
        Line("In VS Code", "open this folder and a notebook of `exercises/`, and run in a new cell:",
             "%pip install ../.."),
        in_colab(opened, wheel, where)]


def unpacked(notebook):
    """The lines for those who have unpacked the zip."""
    return [Line("On a laptop", "unpack the zip and run in its folder, before `jupyter notebook`:",
                 f"pip install {WHEEL} notebook"),
            Line("In VS Code", f"unpack the zip, open its folder and {notebook}, and run in a new cell:",
                 f"%pip install {WHEEL}")]


def in_colab(opened, wheel, where):
    """The line for Colab; without an address the wheel has to be put there by hand."""
    by_hand = f", drop {wheel} on the Files panel" if source(where) == WHEEL else ""
    return Line("In Colab", f"{opened}{by_hand}, and run in a new cell:", f"%pip install {source(where)}")


def in_notebook(where):
    """The comment at the top of a notebook's first code cell."""
    beside = " (from the book, put beside this)" if source(where) == WHEEL else ""
    return f"{MISSING} Run: %pip install {source(where)}{beside}"
