"""Where a course keeps things: what was handed in, the gradebook, and the grader's own folder `.grader`.

The problem sets themselves (solutions/, exercises/) are those of this repository, unless a course names others.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.release import Notebook, read_release
from grader.seeds import course_secret
from grader.submission import find
from grader.submission.submission import Unreadable
from grader.whole_files import write_whole

CONFIG = '''"""nbgrader's configuration for this course. The line below has student code run in the grader's sandbox."""

from grader.nbgrader_bridge.configure import configure_here; configure_here(get_config(), __file__)  # noqa

# Your own settings go here, as in: c = get_config(); c.CourseDirectory.student_id_exclude = "s1,s2"
'''
REPOSITORY = Path(__file__).resolve().parents[1]
_our_locks: set[Path] = set()  # the ones this process holds


@dataclass(frozen=True)
class Course:
    """A course directory: submitted/, autograded/, feedback/ and, unless `db` says otherwise, gradebook.db."""

    folder: Path
    db: str
    release_folder: Path = REPOSITORY / "exercises"
    source_folder: Path = REPOSITORY / "solutions"

    @classmethod
    def at(cls, folder: str | Path | None = None, db: str | None = None, **others: Path) -> "Course":
        """The course in `folder`; left out, COURSE_DIR or this repository. db: a URL as SQLAlchemy writes them."""
        folder = Path(folder or os.environ.get("COURSE_DIR") or REPOSITORY).resolve()
        return cls(folder, db or os.environ.get("COURSE_DB") or f"sqlite:///{folder}/gradebook.db", **others)

    @property
    def submitted(self) -> Path:
        """What students handed in, never changed: submitted/STUDENT/SET/SET.ipynb."""
        return self.folder / "submitted"

    @property
    def own(self) -> Path:
        """What the grader keeps for itself: the secret, results, repaired copies."""
        return self.folder / ".grader"

    @property
    def secret(self) -> bytes:
        """The course's secret (see `grader.seeds`)."""
        return course_secret(self.own / "secret")

    def check_secret(self) -> None:
        """Raise PermissionError or ValueError when the secret cannot be used: no submission is at fault then."""
        course_secret(self.own / "secret")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the course's lock: two graders at once would overwrite each other's work.

        Raises RuntimeError if it is taken. The process that holds it may take it again.
        """
        path = self.own / "lock"
        if path in _our_locks:
            yield
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeError(f"another grader is at work in {self.folder}; wait until it has ended") from None
            _our_locks.add(path)
            try:
                yield
            finally:
                _our_locks.discard(path)

    def write_config(self) -> None:
        """Make nbgrader's commands use the sandbox when they are started in the course directory itself."""
        path = self.folder / "nbgrader_config.py"
        if not path.exists():
            write_whole(path, CONFIG)

    def students(self, stem: str) -> list[str]:
        """Everyone who handed in something for the problem set `stem`, at its right place or not, sorted."""
        return find.students(self.submitted, stem)

    def strays(self, stem: str) -> dict[str, Unreadable]:
        """{name in submitted/: why nothing of it is graded}, of what belongs to no problem set."""
        return find.strays(self.submitted, stem)

    def repaired(self, student: str, stem: str) -> Path:
        """The folder of the repaired notebook of a submission, and of nothing else: nbgrader copies all of it."""
        return self.own / "repaired" / student / stem

    def files(self, student: str, stem: str) -> Path:
        """The folder of the copies of what was handed in beside a notebook."""
        return self.own / "files" / student / stem

    def release(self, stem: str) -> Notebook:
        """The released notebook of the problem set `stem`. Raises FileNotFoundError and ValueError."""
        name = Path(stem) / f"{stem}.ipynb"
        return read_release(self.release_folder / name, self.source_folder / name, stem)
