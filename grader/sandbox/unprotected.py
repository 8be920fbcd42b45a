"""No sandbox at all: what --no-sandbox asks for. A separate process, with the same runner and nothing else.

The notebook can read and change whatever the person who started the grader can. For your own work only.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from grader.sandbox.limits import ControlGroup, Limits
from grader.sandbox.bubblewrap import environment


class NoSandbox:
    """Stands where a Sandbox stands."""

    def __init__(self, limits=Limits()):
        self.limits = limits

    def inside(self):
        """The limits the runner sets; processes would be counted together with all of the user's."""
        return {name: value for name, value in self.limits.inside().items() if name != "NPROC"}

    def start(self, inputs):
        """Start grader.sandbox.inside.runner on the folder `inputs`, unprotected."""
        return BareProcess(inputs)


class BareProcess:
    """A running notebook: `.stdout` to read its events from; leaving the `with` ends it."""

    group = ControlGroup("NO SANDBOX: the notebook could read and change whatever you can")

    def __init__(self, inputs):
        inputs = Path(inputs)
        self.folder = Path(tempfile.mkdtemp(prefix="grader-"))
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
        self.stdout = self.popen.stdout

    def last_words(self):
        """What it wrote on standard error before it ended."""
        self._kill()
        return self.popen.communicate()[1][:4000].decode(errors="replace").strip()

    def _kill(self):
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._kill()
        self.popen.stdout.close()
        self.popen.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)
