"""One bubblewrap sandbox: a runner and a kernel in it, no network, nothing of the host's but Python.

    with Sandbox(limits, hidden).start(inputs) as process: ...

As root, bubblewrap alone does not protect: root is mapped into the sandbox and can undo it. So root first
becomes a user id of this run's own, in a mount namespace where Python has been bound to a place that user
can read.
"""

import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from site import getsitepackages

from grader.sandbox.limits import MIB, Limits, control_group
from grader.sandbox.seccomp import seccomp_filter

HOME, SCRATCH, INPUTS = "/home/student", "/tmp", "/in"
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin")
LOCAL = "/usr/local"  # not the system's: nbgrader's exchange lies there, with everybody's work
EXCHANGE = f"{LOCAL}/share/nbgrader"
DEVICES = ("null", "zero", "full", "random", "urandom")
PASSWD = "student:x:1000:1000:student:/home/student:/bin/sh\n"
FIRST_UID, UIDS = 61184, 4336  # the range systemd gives to dynamic users: nobody's
_runs = itertools.count()


class SandboxFault(Exception):
    """The sandbox, not the student, failed; nothing was graded."""


def own_uid():
    """A user id that no run has at the same time: workers are forked, so it goes by the process as well."""
    return FIRST_UID + (os.getpid() * 64 + next(_runs) % 64) % UIDS


def environment(home, scratch, view):
    """The environment variables of a run, all of them."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    return threads | {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{scratch}/matplotlib",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(view),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ATTNLIB_CHALLENGE": f"{Path(view).parent}/challenge.json",
        "NBGRADER_EXECUTION": "autograde",
    }


def python_trees():
    """The folders Python and its packages live in, the outer before the inner."""
    trees = {sys.base_prefix, sys.prefix, sys.base_exec_prefix, sys.exec_prefix}
    others = {str(Path(sys.executable).resolve().parent.parent), *filter(os.path.isdir, getsitepackages())}
    return sorted(trees | {other for other in others if not any(Path(other).is_relative_to(tree) for tree in trees)})


def installed():
    """Where an installed copy of this project may lie among Python's packages, with every reference in it."""
    return [Path(folder) / package for folder in getsitepackages() for package in ("attnlib", "grader")]


def masks(hidden):
    """Those of the folders `hidden` that the mounted ones would show."""
    shown = [*SYSTEM, *python_trees()]
    return {str(h) for h in hidden if Path(h).is_dir() and any(Path(h).is_relative_to(s) for s in shown)}


class Sandbox:
    """How to start sandboxes with these `limits`, never showing the folders `hidden`."""

    def __init__(self, limits=Limits(), hidden=()):
        self.limits, self.hidden = limits, [Path(folder).resolve() for folder in hidden]

    def inside(self):
        """The limits the runner sets: {resource: number}."""
        return self.limits.inside()

    def start(self, inputs):
        """Start grader.sandbox.inside.runner on the folder `inputs`, which the sandbox sees as /in."""
        return Process(self, inputs)

    def command(self, stage, filter_fd):
        """The bubblewrap command line; `stage` maps the folders to show to where they can be read."""
        sized = [
            *("--size", str(64 * 1024), "--tmpfs", "/dev"),
            *("--size", str(self.limits.home * MIB), "--tmpfs", "/dev/shm"),
            *("--size", str(self.limits.home * MIB), "--tmpfs", HOME),
            *("--size", str(self.limits.scratch * MIB), "--tmpfs", SCRATCH),
        ]
        mounts = {tree: ("--ro-bind", stage[tree], tree) for tree in python_trees()}
        covered = {LOCAL, *masks([*self.hidden, *installed(), EXCHANGE])} - set(mounts)
        mounts |= {folder: ("--size", str(64 * 1024), "--tmpfs", folder) for folder in covered}
        read_only = [word for folder in sorted(covered) for word in ("--remount-ro", folder)]
        sets = [word for item in environment(HOME, SCRATCH, f"{INPUTS}/view").items() for word in ("--setenv", *item)]
        return [
            *("bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
            *("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv", *sets),
            *_system(),
            *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc"),
            *sized,
            *(word for device in DEVICES for word in ("--dev-bind", f"/dev/{device}", f"/dev/{device}")),
            *("--symlink", "/proc/self/fd", "/dev/fd", "--remount-ro", "/dev"),
            *(word for folder in sorted(mounts) for word in mounts[folder]),  # the outer before what lies in it
            *read_only,
            *("--ro-bind", stage[INPUTS], INPUTS, "--ro-bind", f"{stage[INPUTS]}/passwd", "/etc/passwd"),
            *("--remount-ro", "/", "--chdir", HOME, "--seccomp", str(filter_fd)),
            *(sys.executable, "-P", "-B", f"{INPUTS}/runner.py", INPUTS),
        ]


def _system():
    """The system's own read-only folders, links as links."""
    words = []
    for folder in SYSTEM:
        if os.path.islink(folder):
            words += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            words += ["--ro-bind", folder, folder]
    return words


class Process:
    """A running sandbox: `.stdout` to read its events from; leaving the `with` ends all that is in it."""

    def __init__(self, sandbox, inputs):
        self.group = control_group(sandbox.limits)
        self.stage = Path(tempfile.mkdtemp(prefix="grader-", dir="/tmp"))
        try:
            shutil.copytree(inputs, self.stage / "in")
            (self.stage / "in/passwd").write_text(PASSWD)
            self.popen = self._launch(sandbox)
        except BaseException:
            self.close()
            raise
        self.stdout = self.popen.stdout

    def _launch(self, sandbox):
        stage = {INPUTS: str(self.stage / "in"), **{tree: tree for tree in python_trees()}}
        lines = ["set -e", *self.group.joining()]
        become = []
        if os.geteuid() == 0:
            uid = str(own_uid())
            for i, tree in enumerate(python_trees()):
                stage[tree] = str(self.stage / f"python{i}")
                os.mkdir(stage[tree])
                lines.append(f"mount --rbind {shlex.quote(tree)} {stage[tree]}")
            lines += [f"chown -R {uid}:{uid} {self.stage}/in", f"chown {uid}:{uid} {self.stage}"]
            become = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--inh-caps", "-all"]
            become += ["--bounding-set", "-all", "--no-new-privs"]
        with tempfile.TemporaryFile() as file:
            file.write(seccomp_filter())
            file.seek(0)
            lines.append("exec " + shlex.join([*become, *sandbox.command(stage, file.fileno())]))
            shell = ["sh", "-c", "\n".join(lines)]
            if os.geteuid() == 0:
                shell = ["unshare", "--mount", "--propagation", "private", "--", *shell]
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            return subprocess.Popen(shell, pass_fds=[file.fileno()], start_new_session=True, **pipes)

    def last_words(self):
        """What it wrote on standard error before it ended, for an instructor to read."""
        self.popen.kill()
        os.set_blocking(self.popen.stderr.fileno(), False)
        return (self.popen.stderr.read(4000) or b"").decode(errors="replace").strip()

    def close(self):
        """Kill everything in the sandbox and forget it."""
        if hasattr(self, "popen"):
            self.popen.kill()  # bubblewrap's child dies with it, and everything else with that child
            self.popen.wait()
            self.popen.stdout.close()
            self.popen.stderr.close()
        self.group.remove()
        shutil.rmtree(self.stage / "in", ignore_errors=True)
        for folder in (*self.stage.glob("python*"), self.stage):  # rmdir, so that a bound Python could not be deleted
            folder.rmdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
