"""python -m grader 05_weights: grade a problem set of a whole class."""

import argparse
import sys
import time

from sqlalchemy.exc import SQLAlchemyError

from attnlib.check.spec import exercises, stems
from grader.course import Course
from grader.class_run import grade_class
from grader.sandbox.limits import Limits
from grader.sandbox.probe import probe
from grader.sandbox.bubblewrap import SandboxFault
from grader.instructor.table import table
from grader.sandbox.unprotected import BareProcess


def parse(arguments):
    """The command line's options."""
    parser = argparse.ArgumentParser(prog="python -m grader", description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=stems(), metavar="SET", help=f"the problem set: {', '.join(stems())}")
    parser.add_argument("--student", action="append", metavar="ID", help="only this one; may be given again")
    parser.add_argument("--timeout", type=float, default=Limits.cell_seconds, metavar="S",
                        help="seconds a cell may run (default %(default)g)")
    parser.add_argument("--jobs", type=int, metavar="N", help="notebooks run at once (default: one a core)")
    parser.add_argument("--course", metavar="DIR", help="the course directory (default: $COURSE_DIR or this repository)")
    parser.add_argument("--db", metavar="URL", help="the gradebook (default: gradebook.db in the course directory)")
    parser.add_argument("--force", action="store_true", help="run again what has a result already")
    parser.add_argument("--no-sandbox", action="store_true",
                        help="run student code UNPROTECTED: it can read and change all you can")
    options = parser.parse_args(arguments)
    if not options.timeout > 0 or (options.jobs is not None and options.jobs < 1):
        parser.error("--timeout and --jobs must be above zero")
    return options


def main(arguments=None):
    """Grade, print the table and everything an instructor should know; the exit status is 1 after a fault of ours."""
    options, start = parse(arguments), time.monotonic()
    course = Course.at(options.course, options.db)
    limits = Limits.for_cells_of(options.timeout)
    unknown = set(options.student or ()) - set(course.students(options.set))
    if unknown:
        sys.exit(f"{course.submitted}: nobody called {', '.join(sorted(unknown))} handed in {options.set}")
    if not course.students(options.set):
        print(f"{course.submitted}: nobody has handed in {options.set}; expected STUDENT/{options.set}/{options.set}.ipynb")
        return 0
    if options.no_sandbox:
        print(f"WARNING: {BareProcess.group.says}.", file=sys.stderr)
    try:
        print(BareProcess.group.says if options.no_sandbox else probe(limits))
        rows = grade_class(course, options.set, options.student, limits, not options.no_sandbox, options.jobs,
                           options.force)
    except (SQLAlchemyError, ImportError) as error:
        sys.exit(f"grader: the gradebook {course.db.split('@')[-1]} cannot be used: {error}")  # without the password
    except (SandboxFault, OSError, ValueError, RuntimeError) as error:
        sys.exit(f"grader: {error}")
    except KeyboardInterrupt:
        sys.exit("grader: stopped; what was done is kept, and the same command goes on from there")
    for row in rows:
        for says in row.says:
            print(says)
    print(table(rows, [(exercise.name, exercise.points) for exercise in exercises(options.set)]))
    ran = sum(row.ran for row in rows)
    print(f"{len(rows)} submissions, {ran} run now, in {time.monotonic() - start:.1f} s")
    return int(any(row.fault for row in rows))


if __name__ == "__main__":
    sys.exit(main())
