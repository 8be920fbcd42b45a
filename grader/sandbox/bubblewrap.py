"""Start a bubblewrap sandbox: a runner and a kernel in it, no network, nothing of the host's but Python.

    with Sandbox(limits, hidden).start(inputs) as process: ...

As root, bubblewrap alone does not protect: root is mapped into the sandbox and can undo it. So root first
becomes a user id of this run's own, in a mount namespace where Python has been bound to a place that user
can read.
"""

import itertools
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from site import getsitepackages
from tempfile import TemporaryFile

from grader.sandbox.cgroups import control_group
from grader.sandbox.leftovers import new_folder
from grader.sandbox.limits import DEFAULTS, MIB, Limits
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
    """The sandbox failed, through no fault of the student's; nothing was graded."""


def own_uid() -> int:
    """A user id that no other run has at the same time. It depends on the process too, because workers are forked."""
    return FIRST_UID + (os.getpid() * 64 + next(_runs) % 64) % UIDS


def environment(home: str | Path, scratch: str | Path, view: str | Path) -> dict[str, str]:
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
        "PIP_NO_INDEX": "1",  # there is no network: a `%pip install` fails at once, and its cell goes on
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "ATTNLIB_CHALLENGE": f"{Path(view).parent}/challenge.json",
        "NBGRADER_EXECUTION": "autograde",
    }


def python_trees() -> list[str]:
    """The folders Python and its packages live in, the outer before the inner."""
    trees = {sys.base_prefix, sys.prefix, sys.base_exec_prefix, sys.exec_prefix}
    others = {str(Path(sys.executable).resolve().parent.parent), *filter(os.path.isdir, getsitepackages())}
    return sorted(trees | {other for other in others if not any(Path(other).is_relative_to(tree) for tree in trees)})


def installed() -> list[Path]:
    """Where an installed copy of this project, with every reference in it, may lie among Python's packages."""
    return [Path(folder) / package for folder in getsitepackages() for package in ("attnlib", "grader")]


def masks(hidden: Iterable[str | Path]) -> set[str]:
    """Those of the folders `hidden` that lie inside a mounted folder and must be covered."""
    shown = [*SYSTEM, *python_trees()]
    return {str(h) for h in hidden if Path(h).is_dir() and any(Path(h).is_relative_to(s) for s in shown)}


class Sandbox:
    """How to start sandboxes with these `limits` that never show the folders `hidden`."""

    def __init__(self, limits: Limits = DEFAULTS, hidden: Iterable[str | Path] = ()):
        self.limits, self.hidden = limits, [Path(folder).resolve() for folder in hidden]

    def rlimits(self) -> dict[str, int]:
        """The resource limits that the runner sets: {RLIMIT name: number}."""
        return self.limits.rlimits()

    def start(self, inputs: Path) -> "Process":
        """Start grader.sandbox.inside.runner on the folder `inputs`, which the sandbox sees as /in."""
        return Process(self, inputs)

    def command(self, readable: dict[str, str], filter_fd: int) -> list[str]:
        """The bubblewrap command line. readable: {folder to show: where the sandbox's user can read it}."""
        sized = [
            *("--size", str(64 * 1024), "--tmpfs", "/dev"),
            *("--size", str(self.limits.home * MIB), "--tmpfs", "/dev/shm"),
            *("--size", str(self.limits.home * MIB), "--tmpfs", HOME),
            *("--size", str(self.limits.scratch * MIB), "--tmpfs", SCRATCH),
        ]
        variables = environment(HOME, SCRATCH, f"{INPUTS}/view").items()
        return [
            *("bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
            *("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv"),
            *(word for variable in variables for word in ("--setenv", *variable)),
            *_system(),
            *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc"),
            *sized,
            *(word for device in DEVICES for word in ("--dev-bind", f"/dev/{device}", f"/dev/{device}")),
            *("--symlink", "/proc/self/fd", "/dev/fd", "--remount-ro", "/dev"),
            *self._python(readable),
            *("--ro-bind", readable[INPUTS], INPUTS, "--ro-bind", f"{readable[INPUTS]}/passwd", "/etc/passwd"),
            *("--remount-ro", "/", "--chdir", HOME, "--seccomp", str(filter_fd)),
            *(sys.executable, "-P", "-B", f"{INPUTS}/runner.py", INPUTS),
        ]

    def _python(self, readable: dict[str, str]) -> list[str]:
        """Mount Python's folders read-only, and cover with empty ones what they would show of the hidden folders."""
        mounts: dict[str, tuple[str, ...]] = {tree: ("--ro-bind", readable[tree], tree) for tree in python_trees()}
        covered = {LOCAL, *masks([*self.hidden, *installed(), EXCHANGE])} - set(mounts)
        mounts |= {folder: ("--size", str(64 * 1024), "--tmpfs", folder) for folder in covered}
        return [
            *(word for folder in sorted(mounts) for word in mounts[folder]),  # the outer before what lies in it
            *(word for folder in sorted(covered) for word in ("--remount-ro", folder)),
        ]


def _system() -> list[str]:
    """The system's own read-only folders, links as links."""
    words: list[str] = []
    for folder in SYSTEM:
        if os.path.islink(folder):
            words += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            words += ["--ro-bind", folder, folder]
    return words


class Process:
    """A running sandbox: `.stdout` to read its events from; leaving the `with` ends all that is in it."""

    def __init__(self, sandbox: Sandbox, inputs: Path):
        self.popen: subprocess.Popen[bytes] | None = None
        self.group = control_group(sandbox.limits)
        self.folder = new_folder("stage")
        try:
            shutil.copytree(inputs, self.folder / "in")
            (self.folder / "in/passwd").write_text(PASSWD)
            self.popen = self._launch(sandbox)
        except BaseException:
            self.close()
            raise
        assert self.popen.stdout and self.popen.stderr  # both are pipes
        self.stdout, self.stderr = self.popen.stdout, self.popen.stderr

    def _launch(self, sandbox: Sandbox) -> subprocess.Popen[bytes]:
        """Start a shell that joins the control group and becomes bubblewrap."""
        is_root = os.geteuid() == 0
        readable = {INPUTS: f"{self.folder}/in", **{tree: tree for tree in python_trees()}}
        lines = ["set -e", *self.group.joining()]
        drop_root: list[str] = []
        if is_root:
            uid = str(own_uid())
            for tree, place in self._places_of_python().items():
                lines.append(f"mount --rbind {shlex.quote(tree)} {place}")
                readable[tree] = place
            lines += [f"chown -R {uid}:{uid} {self.folder}/in", f"chown {uid}:{uid} {self.folder}"]
            drop_root = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--inh-caps", "-all",
                         "--bounding-set", "-all", "--no-new-privs", "--pdeathsig", "KILL"]
        with TemporaryFile() as file:
            file.write(seccomp_filter())
            file.seek(0)
            lines.append("exec " + shlex.join([*drop_root, *sandbox.command(readable, file.fileno())]))
            die = ["setpriv", "--pdeathsig", "KILL"]  # if we are killed before bubblewrap sees to that
            mount_namespace = ["unshare", "--mount", "--propagation", "private", "--"] if is_root else []
            return subprocess.Popen(
                [*die, *self.group.launcher, *mount_namespace, "sh", "-c", "\n".join(lines)],
                pass_fds=[file.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _places_of_python(self) -> dict[str, str]:
        """{folder of Python's: a new folder of ours to bind it to}."""
        places = {tree: f"{self.folder}/python{i}" for i, tree in enumerate(python_trees())}
        for place in places.values():
            os.mkdir(place)
        return places

    def last_words(self) -> str:
        """What the sandbox wrote on standard error before it ended, for an instructor to read."""
        assert self.popen
        self.popen.kill()
        os.set_blocking(self.stderr.fileno(), False)
        return (self.stderr.read(4000) or b"").decode(errors="replace").strip()

    def close(self) -> None:
        """Kill everything in the sandbox and forget it."""
        if self.popen:
            self.popen.kill()  # bubblewrap's child dies with it, and everything else with that child
            self.popen.wait()
            self.stdout.close()
            self.stderr.close()
        self.group.remove()
        shutil.rmtree(self.folder / "in", ignore_errors=True)
        for folder in (*self.folder.glob("python*"), self.folder):  # rmdir, so that a bound Python could not be deleted
            folder.rmdir()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
