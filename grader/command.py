"""The command line of the grader."""

import argparse
import logging
import resource
import sys
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from attnlib.check.spec import exercises, stems
from grader.class_run import Row, grade_class
from grader.course import Course
from grader.instructor.messages import unreadable, why
from grader.instructor.table import table
from grader.nbgrader_bridge.configure import read_config
from grader.nbgrader_bridge.gradebook import without_password
from grader.sandbox.bubblewrap import SandboxFault
from grader.sandbox.limits import Limits
from grader.sandbox.probe import probe
from grader.sandbox.unprotected import BareProcess


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(prog="python -m grader", description="Grade a problem set of a whole class.")
    parser.add_argument("set", choices=stems(), metavar="SET", help=f"the problem set: {', '.join(stems())}")
    parser.add_argument("--student", action="append", metavar="ID", help="grade only this student; repeat for more")
    parser.add_argument("--timeout", type=float, metavar="S",
                        help=f"seconds a cell may run (default: as the course's nbgrader_config.py says, "
                             f"else {Limits.cell_seconds:g})")
    parser.add_argument("--jobs", type=int, metavar="N", help="notebooks run at once (default: one a core)")
    parser.add_argument("--course", metavar="DIR",
                        help="the course directory (default: $COURSE_DIR or this repository)")
    parser.add_argument("--db", metavar="URL", help="the gradebook (default: gradebook.db in the course directory)")
    parser.add_argument("--force", action="store_true", help="run again what has a result already")
    parser.add_argument("--no-sandbox", action="store_true",
                        help="run student code UNPROTECTED: it can read and change all you can")
    options = parser.parse_args(arguments)
    if (options.timeout is not None and not options.timeout > 0) or (options.jobs is not None and options.jobs < 1):
        parser.error("--timeout and --jobs must be above zero")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade, print the table and everything an instructor should know.

    The exit status is 1 when something went wrong through no fault of a student's.
    """
    options, start = parse(arguments), time.monotonic()
    logging.getLogger("tornado.application").setLevel(logging.CRITICAL)  # nbgrader logs each error, and we say it once
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # many workers open many files
    course, options.timeout = _configured(options)
    handed_in = course.students(options.set)
    options.student = options.student and as_in_submitted(options.student, handed_in)
    if not options.student:
        for name, error in course.strays(options.set).items():
            print(unreadable(name, options.set, error))
    if missing := sorted(set(options.student or ()) - set(handed_in)):
        sys.exit(f"grader: no submission from {', '.join(missing)} for {options.set} in {course.submitted}")
    if not handed_in:
        expected = course.submitted / "STUDENT" / options.set / f"{options.set}.ipynb"
        print(f"Nobody has handed in {options.set}: there is no {expected}")
        return 0
    rows = _grade(course, options)
    for row in rows:
        for message in row.messages:
            print(message)
    if any("python -m grader" in message for row in rows for message in row.messages):
        _say_what_to_repeat(options)
    print(table(rows, [(exercise.name, exercise.points) for exercise in exercises(options.set)]))
    ran = sum(row.ran for row in rows)
    print(f"{len(rows)} submissions, {ran} run now, in {time.monotonic() - start:.1f} s")
    return int(any(row.fault for row in rows))


def as_in_submitted(asked: Sequence[str], handed_in: Sequence[str]) -> list[str]:
    """The students `asked` for, each as a folder spells the name: its accents may be spelled otherwise than typed."""
    spelled = {unicodedata.normalize("NFC", name): name for name in handed_in} | {name: name for name in handed_in}
    return [spelled.get(name, spelled.get(unicodedata.normalize("NFC", name), name)) for name in asked]


def _configured(options: argparse.Namespace) -> tuple[Course, float]:
    """The course, and the seconds a cell may run, as the command line says, else the course's own configuration."""
    course = Course.at(options.course, options.db)
    try:
        config = read_config(course)
    except RuntimeError as error:
        sys.exit(f"grader: {error}")
    course = replace(course, db=options.db or config.CourseDirectory.db_url)
    return course, options.timeout or config.SandboxedAutograde.get("cell_seconds", Limits.cell_seconds)


def _say_what_to_repeat(options: argparse.Namespace) -> None:
    """Name the options that the commands in messages leave out: without them, another course would be graded."""
    given = {"--course": options.course, "--db": options.db, "--no-sandbox": options.no_sandbox}
    if names := [name for name, value in given.items() if value]:
        print(f"Run the commands above with these options again, as you gave them now: {', '.join(names)}")


def _grade(course: Course, options: argparse.Namespace) -> list[Row]:
    """Say how runs are protected, then grade. Exits with one sentence when the whole run cannot go on."""
    limits, protection = Limits.for_cells_of(options.timeout), BareProcess.group.description
    if options.no_sandbox:
        print(f"WARNING: {protection}.", file=sys.stderr)
    try:
        print(protection if options.no_sandbox else probe(limits))
        return grade_class(course, options.set, options.student, limits, not options.no_sandbox, options.jobs,
                           options.force)
    except (SQLAlchemyError, ImportError) as error:
        sys.exit(f"grader: the gradebook {without_password(course.db)} cannot be used: {why(error)}")
    except SandboxFault as error:
        sys.exit(f"grader: {error}")  # many lines, with what to install
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"grader: {why(error, most=5000)}")
    except KeyboardInterrupt:
        sys.exit("grader: stopped; what was graded is kept, and the same command goes on from there")
