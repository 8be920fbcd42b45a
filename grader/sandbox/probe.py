"""Find out whether the sandbox works on this machine, by running it, and say what to do when it does not."""

import shutil
import time
from functools import cache
from typing import Any

from grader.sandbox.bubblewrap import Process, Sandbox, SandboxFault
from grader.sandbox.host import Events, copy_inside, write_task
from grader.sandbox.leftovers import temporary_folder
from grader.sandbox.limits import DEFAULTS, Limits

HELP = """The sandbox does not work here, so nothing was graded.
{why}
What it needs: Linux 5.14 or newer, user namespaces for ordinary users, and bubblewrap:
  sudo apt-get install -y bubblewrap          (or dnf, pacman, apk: the package has the same name)
  sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0     (Ubuntu 24.04 and later)
In a container, start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined.
To grade your own work without protection: --no-sandbox."""


@cache
def probe(limits: Limits = DEFAULTS) -> str:
    """One line on how the sandbox bounds its runs. Raises SandboxFault with what to install when it does not work."""
    missing = [name for name in ("bwrap", "setpriv", "unshare", "mount") if not shutil.which(name)]
    if missing:
        raise SandboxFault(HELP.format(why=f"Not installed: {', '.join(missing)}."))
    with temporary_folder("probe") as inputs:
        copy_inside(inputs)
        (inputs / "files").mkdir()
        sandbox = Sandbox(limits)
        write_task(inputs, (), [], sandbox)
        try:
            with sandbox.start(inputs) as process:
                event = _first_event(process)
                if event.get("event") != "ready":
                    why = process.last_words() or event or "nothing"
                    raise SandboxFault(HELP.format(why=f"The sandbox answered: {why}"))
                group = process.group.description
                return f"sandbox: bubblewrap, no network; {group}; {limits.cell_seconds:g} s a cell"
        except OSError as error:
            raise SandboxFault(HELP.format(why=f"The system answered: {error}")) from None


def _first_event(process: Process) -> dict[str, Any]:
    try:
        return Events(process.stdout).next(time.monotonic() + 60)
    except (EOFError, TimeoutError, ValueError):
        return {}
