"""nbgrader's configuration, read by the `nbgrader` command and by formgrader when they start in this folder.

The course directory is this folder, or the one that the environment variable COURSE_DIR names.
"""

from grader.nbgrader_bridge.configure import configure

configure(get_config())  # noqa: F821  (nbgrader defines get_config before it reads this file)
