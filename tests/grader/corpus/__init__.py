"""The corpus: what outsiders handed in that once went wrong, each with the outcome it must have.

A module of this package is one kind of trouble and lists its SUBMISSIONS. All of them are graded together, as one
class, by tests/grader/test_corpus.py; `python -m tests.grader.corpus` prints what comes of each.
"""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.grader.sample_class import STEM, text


@dataclass(frozen=True)
class Submitted:
    """What one student hands in, and what must come of it.

    name: the student's folder, which says what is odd.
    files: {path from submitted/STUDENT/: bytes or text}.
    points: the total it must get; None: it is not graded.
    told: words that the instructor must read about it; with none, nothing is said about it at all.
    shown: words that the student must read on the feedback page.
    without_folder: the notebook handed in as submitted/STUDENT.ipynb.
    """

    name: str
    files: dict[str, bytes | str]
    points: float | None
    told: tuple[str, ...] = ()
    shown: tuple[str, ...] = field(default=())
    without_folder: str | None = None

    def hand_in(self, submitted):
        """Write the files under the folder submitted/."""
        for path, content in self.files.items():
            file = Path(submitted) / self.name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        if self.without_folder is not None:
            Path(submitted, f"{self.name}.ipynb").write_text(self.without_folder)


def of_notebook(name, notebook, points, told=(), shown=(), **beside):
    """A Submitted of one notebook at its right place; beside: {file name: content}."""
    files = {f"{STEM}/{STEM}.ipynb": text(notebook)} | {f"{STEM}/{path}": what for path, what in beside.items()}
    return Submitted(name, files, points, tuple(told), tuple(shown))


def corpus():
    """Every submission of the corpus, by name."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    found = [submitted for module in modules for submitted in import_module(f"{__name__}.{module}").SUBMISSIONS]
    by_name = {submitted.name: submitted for submitted in found}
    assert len(by_name) == len(found), "two submissions have one name"
    return by_name
