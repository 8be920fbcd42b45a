"""A notebook run without a sandbox, as --no-sandbox asks: a separate process with the same runner and nothing else.

The notebook can read and change whatever the person who started the grader can. For your own work only.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from grader.sandbox.bubblewrap import environment
from grader.sandbox.cgroups import ControlGroup
from grader.sandbox.leftovers import new_folder
from grader.sandbox.limits import DEFAULTS, Limits


class NoSandbox:
    """Takes the place of a Sandbox and protects nothing."""

    def __init__(self, limits: Limits = DEFAULTS):
        self.limits = limits

    def rlimits(self) -> dict[str, int]:
        """The resource limits the runner sets; NPROC would count all of the user's processes together."""
        return {name: value for name, value in self.limits.rlimits().items() if name != "NPROC"}

    def start(self, inputs: Path) -> "BareProcess":
        """Start grader.sandbox.inside.runner on the folder `inputs`, unprotected."""
        return BareProcess(inputs)


class BareProcess:
    """A running notebook: `.stdout` to read its events from; leaving the `with` ends it."""

    group = ControlGroup("NO SANDBOX: the notebook could read and change whatever you can")

    def __init__(self, inputs: Path):
        self.folder = new_folder("bare")
        home, scratch = self.folder / "home", self.folder / "tmp"
        home.mkdir()
        scratch.mkdir()
        self.popen = subprocess.Popen(
            [sys.executable, "-P", "-B", str(inputs / "runner.py"), str(inputs)],
            cwd=home,
            env=environment(home, scratch, inputs / "view"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.popen.stdout and self.popen.stderr  # both are pipes
        self.stdout, self.stderr = self.popen.stdout, self.popen.stderr

    def last_words(self) -> str:
        """What the process wrote on standard error before it ended."""
        self._kill()
        return self.popen.communicate()[1][:4000].decode(errors="replace").strip()

    def _kill(self) -> None:
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def __enter__(self) -> "BareProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self.stdout.close()
        self.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)
