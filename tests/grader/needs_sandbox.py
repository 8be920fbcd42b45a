"""The fixtures that skip what needs the sandbox where it does not work, for the grader's tests and for others."""

import pytest

from grader.sandbox.bubblewrap import SandboxFault
from grader.sandbox.probe import probe


@pytest.fixture(scope="session")
def sandbox_trouble():
    """Why the sandbox does not work on this machine; empty when it does."""
    try:
        probe()
    except SandboxFault as fault:
        return str(fault)
    return ""


@pytest.fixture(autouse=True)
def _skip_without_sandbox(request):
    if request.node.get_closest_marker("sandbox"):
        trouble = request.getfixturevalue("sandbox_trouble")
        if trouble:
            pytest.skip(trouble)
