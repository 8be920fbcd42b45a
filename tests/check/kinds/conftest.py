"""The reason when the sandbox cannot work here, as in the tests of the grader; one thread, as in those of the sets."""

from tests.grader.needs_sandbox import _skip_without_sandbox, sandbox_trouble  # noqa: F401
from tests.problem_sets.conftest import one_thread  # noqa: F401
