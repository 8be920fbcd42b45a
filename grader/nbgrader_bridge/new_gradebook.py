"""Make nbgrader's database whole or not at all, and complete one whose making was cut short.

nbgrader makes the tables, asks another process for their version, and writes that last. When it is killed in between,
it goes on without a version for ever, and `nbgrader db upgrade` fails.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from alembic.script import ScriptDirectory
from nbgrader.api import Base
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import Connection, create_engine, func, inspect, make_url, select, text

from grader.nbgrader_bridge.gradebook import without_password

COURSES = "course"  # the one table that nbgrader writes into before anything is graded
VERSIONS = "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)"


def make_ready(db: str) -> None:
    """Leave at `db` a gradebook that knows its version.

    Raises RuntimeError when it has none and is not surely nbgrader's present one, and what SQLAlchemy raises.
    """
    path = _file(db)
    if path and path.parent.is_dir() and not (path.exists() and path.stat().st_size):
        _make_file(path)
    else:
        _complete(db)


def _file(db: str) -> Path | None:
    """The file of an SQLite database, None for any other."""
    url = make_url(db)
    name = url.database or ""
    is_file = url.get_backend_name() == "sqlite" and name not in ("", ":memory:") and not name.startswith("file:")
    return Path(name) if is_file else None


def _make_file(path: Path) -> None:
    """Make a gradebook beside `path`, and give it this name when it is complete."""
    for left in path.parent.glob(f".new-{path.name}-*"):  # by a grader that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".new-{path.name}-", dir=path.parent) as folder:
        new = Path(folder) / "gradebook.db"
        _complete(f"sqlite:///{new}")
        if path.exists():  # and is empty
            os.replace(new, path)
        else:
            with contextlib.suppress(FileExistsError):  # formgrader may have made one by now
                os.link(new, path)


def _complete(db: str) -> None:
    """Make what a gradebook lacks of its tables and its version."""
    engine = create_engine(db)
    try:
        with engine.begin() as connection:
            if not _version(connection):
                _require_present_shape(connection, db)
                Base.metadata.create_all(connection)
                connection.execute(text(VERSIONS))
                connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"),
                                   {"head": ScriptDirectory(ALEMBIC_DIR).get_current_head()})
    finally:
        engine.dispose()


def _version(connection: Connection) -> str | None:
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _require_present_shape(connection: Connection, db: str) -> None:
    """Raise RuntimeError unless the tables that are there are nbgrader's present ones: all of them, or empty ones."""
    found = inspect(connection)
    tables = {name: table for name, table in Base.metadata.tables.items() if name in found.get_table_names()}
    same = all({column["name"] for column in found.get_columns(name)} == {column.name for column in table.columns}
               for name, table in tables.items())
    rows = sum(connection.execute(select(func.count()).select_from(table)).scalar() or 0
               for name, table in tables.items() if name != COURSES)
    if not same or (rows and len(tables) < len(Base.metadata.tables)):
        raise RuntimeError(f"the gradebook {without_password(db)} has no version (its table alembic_version is missing "
                           f"or empty), and its tables are not those of the nbgrader that is installed; restore it "
                           f"from a backup, or move it away")
