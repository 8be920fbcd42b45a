"""Where a course keeps things: what was handed in, the gradebook, and the grader's own folder `.grader`.

The problem sets themselves (solutions/, exercises/) always belong to this repository.
"""

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.submission.intake import TIMESTAMP
from grader.submission.repair import is_check
from grader.seeds import course_secret

CONFIG = '''"""nbgrader's configuration for this course: student code runs in the grader's sandbox. Written by grader."""

from pathlib import Path

from grader.course import Course
from grader.nbgrader_bridge.autograde import configure

configure(get_config(), Course.at(Path(__file__).parent))  # noqa: F821
'''
REPOSITORY = Path(__file__).resolve().parents[1]
_ours = set()  # the locks this process holds


@dataclass(frozen=True)
class Course:
    """A course directory: submitted/, autograded/, feedback/ and, unless `db` says otherwise, gradebook.db."""

    folder: Path
    db: str
    release_folder: Path = REPOSITORY / "exercises"
    source_folder: Path = REPOSITORY / "solutions"

    @classmethod
    def at(cls, folder=None, db=None, **others):
        """The course in `folder`; left out, COURSE_DIR or this repository. db: a URL as SQLAlchemy writes them."""
        folder = Path(folder or os.environ.get("COURSE_DIR") or REPOSITORY).resolve()
        return cls(folder, db or os.environ.get("COURSE_DB") or f"sqlite:///{folder}/gradebook.db", **others)

    @property
    def submitted(self):
        """What students handed in, never changed: submitted/STUDENT/SET/SET.ipynb."""
        return self.folder / "submitted"

    @property
    def own(self):
        """What the grader keeps for itself: the secret, results, repaired copies."""
        return self.folder / ".grader"

    @property
    def secret(self):
        """The course's secret (see `grader.seeds`)."""
        return course_secret(self.own / "secret")

    @contextmanager
    def alone(self):
        """Be the only grader at work in this course: two would undo each other's. Raises RuntimeError when there is one."""
        path = self.own / "lock"
        if path in _ours:
            yield
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeError(f"another grader is at work in {self.folder}; wait until it has ended") from None
            _ours.add(path)
            try:
                yield
            finally:
                _ours.discard(path)

    def write_config(self):
        """Make nbgrader's commands use the sandbox when they are started in the course directory itself."""
        path = self.folder / "nbgrader_config.py"
        if not path.exists():
            path.write_text(CONFIG)

    def students(self, stem):
        """Everyone who handed in a folder for the problem set `stem`, sorted."""
        if not self.submitted.is_dir():
            return []
        names = (entry.name for entry in self.submitted.iterdir() if os.path.lexists(entry / stem))
        return sorted(name for name in names if not name.startswith("."))

    def repaired(self, student, stem):
        """The folder of the repaired copy of a submission."""
        return self.own / "intake" / student / stem

    def release(self, stem):
        """The released notebook of the problem set `stem`, a dict. Raises FileNotFoundError and ValueError."""
        path = self.release_folder / stem / f"{stem}.ipynb"
        if not path.exists():
            raise FileNotFoundError(f"{path}: problem set {stem} has not been generated; run: make exercises")
        notebook = json.loads(path.read_text())
        notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
        for i, cell in enumerate(notebook["cells"]):
            cell.setdefault("id", f"released-{i}")
            if isinstance(cell["source"], list):
                cell["source"] = "".join(cell["source"])
        _agree(stem, notebook)
        return notebook


def _agree(stem, notebook):
    """Make sure that the check cells and the specification name the same exercises and points."""
    from attnlib.check.spec import exercises

    cells = {c["metadata"]["nbgrader"]["grade_id"]: c["metadata"]["nbgrader"]["points"]
             for c in notebook["cells"] if is_check(c)}
    specified = {exercise.name: exercise.points for exercise in exercises(stem)}
    if cells != specified:
        odd = sorted(set(cells.items()) ^ set(specified.items()))
        raise ValueError(f"{stem}: the released notebook and attnlib/check/ex_{stem}.py differ in "
                         f"{', '.join(f'{name} ({points:g} points)' for name, points in odd)}; run: make exercises")


def write_repaired(folder, stem, notebook, submission):
    """Write a repaired notebook, what came with it and what was found, into `folder`, in place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in submission.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if submission.timestamp:
        (folder / TIMESTAMP).write_text(submission.timestamp)
    (folder / f"{stem}.ipynb").write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
