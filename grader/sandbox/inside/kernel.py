"""Start the kernel of a notebook, which lets the learner's code import what the notebook's opening names.

This file runs inside the sandbox, in the process that then runs code that may be hostile. It imports nothing of ours.
task.json, beside it, has the offer of the problem set: see `grader.sandbox.offer`.

That other installed packages are refused is for agreement: a notebook says what the grader has, and a library that
happens to be installed here is not there for some students and missing for others. It is no guard. A notebook that
puts Python's own import back changes its own kernel, and can import what lies in its sandbox anyway.

Imports are asked about where they are called, not by a finder on sys.meta_path: a finder hears nothing of a package
that is loaded already, as SymPy is once PyTorch was imported.
"""

import builtins
import importlib
import importlib.util
import json
import os
import site
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from types import FrameType
from typing import Any

INSTALLED = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
PYTHON = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
VIEW = os.environ.get("PYTHONPATH", "")  # the folder of our attnlib
LIBRARIES = tuple(os.path.join(path, "") for path in (*PYTHON, *INSTALLED, VIEW) if path)
IMPORTLIB = os.path.join(os.path.dirname(importlib.__file__), "")


def part_of_import(function: Callable) -> Callable:
    """Have the function stand in tracebacks and stacks as a part of importlib.

    `check` looks through these for the learner's line and for imports, and this is neither the learner's nor an end.
    """
    function.__code__ = function.__code__.replace(co_filename=f"{IMPORTLIB}offer.py")
    return function


class Offer:
    """The packages that the learner's code may import beside Python's own, and the sentence about all others."""

    def __init__(self, packages: list[str], refusal: str):
        self.names = {*packages, *sys.stdlib_module_names}
        self.refusal = refusal  # with {name} where the package's name goes

    def refused(self, name: Any, frame: FrameType) -> ModuleNotFoundError | None:
        """What to raise when the learner's code, in `frame`, imports what is neither offered nor its own; else None.

        What a library imports, offered or not, is the library's affair.
        """
        package = name.partition(".")[0] if isinstance(name, str) else ""
        if package and package not in self.names and is_learners(frame) and not is_own(package):
            return ModuleNotFoundError(self.refusal.replace("{name}", package), name=name)
        return None

    def install(self) -> None:
        """Ask about every import statement, __import__ and importlib.import_module from now on."""
        statement, function = builtins.__import__, importlib.import_module

        @part_of_import
        def __import__(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
            __tracebackhide__ = True  # IPython leaves this frame out of a traceback
            error = None if level else self.refused(name, sys._getframe(1))
            if error:
                raise error
            return statement(name, globals, locals, fromlist, level)

        @part_of_import
        def import_module(name: str, package: str | None = None) -> Any:
            error = self.refused(package if str(name).startswith(".") else name, sys._getframe(1))
            if error:
                raise error
            return function(name, package)

        builtins.__import__, importlib.import_module = __import__, import_module


def is_learners(frame: FrameType | None) -> bool:
    """Whether the code in `frame` is the learner's: a cell, a file handed in beside the notebook, a text they run.

    Code made of a text, such as the __init__ of a dataclass, belongs to whoever called it.
    """
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<"):
            if frame.f_globals.get("__name__") == "__main__":
                return True
        elif not file.startswith(IMPORTLIB):
            return not file.startswith(LIBRARIES)
        frame = frame.f_back
    return False


def is_own(package: str) -> bool:
    """Whether a package is none that is installed: a file beside the notebook, or made by the notebook."""
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # made by hand, as types.ModuleType makes one
        return True
    places = [] if spec is None else [spec.origin or "", *(spec.submodule_search_locations or ())]
    return spec is not None and not any(place.startswith(LIBRARIES) for place in places)


def start() -> None:
    """Become the kernel."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # slow to import and of no use here
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell

    ZMQInteractiveShell.ask_exit = lambda shell: None  # a forgotten quit() does not end the notebook
    IPythonKernel.do_shutdown = do_not_shut_down  # nor does a request to start anew
    ZMQInteractiveShell.system_piped = ZMQInteractiveShell.system = run_command
    with open(os.path.join(os.path.dirname(__file__), "task.json")) as file:
        offer = json.load(file)["offer"]
    app = IPKernelApp.instance()
    app.initialize()
    app.shell.events.register("pre_run_cell", lambda *_: show_files())
    if offer is not None:
        Offer(**offer).install()
    app.start()


async def do_not_shut_down(kernel: Any, restart: bool) -> dict[str, Any]:
    """Answer as if the kernel were to end. Whoever started it ends it."""
    return {"status": "ok", "restart": restart}


def run_command(shell: Any, command: str) -> None:
    """Run a command of the system, as `!command` and `%pip` ask for: IPython's own way needs a terminal device."""
    done = subprocess.run(shell.var_expand(command, depth=2), shell=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout, end="")
    shell.user_ns["_exit_code"] = done.returncode


def show_files() -> None:
    """Let the files beside the notebook be imported, as Jupyter does, before the installed packages.

    Only once the notebook runs: such a file may have the name of a module that starting the kernel imports.
    """
    if "" not in sys.path:
        first = next((i for i, path in enumerate(sys.path) if path in INSTALLED), len(sys.path))
        sys.path.insert(first, "")


if __name__ == "__main__":
    start()
