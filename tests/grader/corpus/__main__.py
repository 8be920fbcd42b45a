"""Grade the corpus in a folder of its own, and print what comes of each submission beside what must.

    python -m tests.grader.corpus [NAME …]
"""

import sys
import tempfile

from grader.class_run import grade_class
from grader.course import Course
from grader.sandbox.limits import Limits
from tests.grader.corpus import corpus
from tests.grader.sample_class import STEM


def told(points):
    """Points, or that there are none."""
    return "not graded" if points is None else f"{points:g}"


submissions = corpus()
names = sys.argv[1:] or list(submissions)
with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
    course = Course.at(folder)
    for name in names:
        submissions[name].hand_in(course.submitted)
    rows = {row.student: row for row in grade_class(course, STEM, limits=Limits.for_cells_of(7))}
for name in names:
    row, must = rows.get(name), submissions[name].points
    got = None if row is None or row.scores is None else sum(points or 0 for points in row.scores.values())
    print(f"{name:<45} {'absent' if row is None else told(got):>10}   must: {told(must)}")
    for message in row.messages if row else ():
        print(f"    {message[:300]}")
