"""Writes down which of the project's files a page opens: in its kernel and in every Python that one starts.

Python imports a module of this name by itself, before anything else. The file that PAGE_RECORD names gets one path a
line. A module that is imported is opened too, as its source or in its compiled form.
"""
import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "")


def record_into(path):
    """Note every file of the project that is opened for reading, Python and its packages left out."""
    out, noted = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), set()
    installed = tuple(os.path.join(each, "") for each in (sys.prefix, sys.base_prefix) if each.startswith(ROOT))

    def hear(event, args):
        if event != "open" or isinstance(args[0], int) or args[2] & os.O_ACCMODE == os.O_WRONLY:
            return
        opened = os.path.abspath(os.fsdecode(args[0]))
        if opened.startswith(ROOT) and not opened.startswith(installed) and opened not in noted:
            noted.add(opened)
            os.write(out, f"{opened}\n".encode())

    sys.addaudithook(hear)


def run_next_sitecustomize():
    """Run the module of this name that stands behind this one, if there is one."""
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != HERE]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec and spec.loader:
        spec.loader.exec_module(module_from_spec(spec))


if "PAGE_RECORD" in os.environ:
    record_into(os.environ["PAGE_RECORD"])
run_next_sitecustomize()
