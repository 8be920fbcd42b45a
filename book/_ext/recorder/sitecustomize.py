"""Writes down what a page reads: in its kernel and in every Python that one starts, from the first moment on.

Python imports a module of this name by itself. One line a thing, in the file that PAGE_RECORD names:

    package NAME         a module was looked for among what is installed
    module FOLDER NAME   a module was looked for in a folder that is not an installed one
    code PATH            a module was imported, from its source or its compiled form
    text PATH            a file was opened for reading by anything but an import
    list FOLDER          the names in a folder were read
"""
import linecache
import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "")
PREFIXES = [os.path.join(each, "") for each in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))]


class Recorder:
    """A hook for audit events that is also the first finder of modules, one that never finds any."""

    def __init__(self, record):
        self.out = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.noted = set()

    def note(self, *line):
        if line not in self.noted:
            self.noted.add(line)
            os.write(self.out, ("\t".join(line) + "\n").encode())

    def find_spec(self, name, path=None, target=None):
        if path is None:
            self.note("package", name)
        for folder in map(os.path.abspath, sys.path if path is None else path):
            if not is_installed(folder):
                self.note("module", folder, name.rpartition(".")[2])

    def hear(self, event, args):
        if event == "open":
            self.opened(*args)
        elif event in ("os.listdir", "os.scandir") and not isinstance(args[0], int):
            folder = os.path.abspath(os.fsdecode(args[0] or "."))
            if (folder + os.sep).startswith(ROOT) and not is_installed(folder) and not lists_for_import(callers(3)):
                self.note("list", folder)

    def opened(self, path, mode, flags):
        if isinstance(path, int) or flags & os.O_ACCMODE == os.O_WRONLY:
            return
        path = os.path.abspath(os.fsdecode(path))
        if is_installed(path) or not path.startswith(ROOT) and not path.endswith((".py", ".pyc")):
            return
        stack = callers(16)
        if not shows_where_a_package_is(stack):
            self.note("code" if reads_for_import(stack) else "text", path)


class LinesOfPackages(dict):
    """The memory of linecache, without what is not installed: whoever reads that opens the file, and is heard."""

    def __setitem__(self, path, entry):
        if is_installed(path) or not os.path.exists(path):
            super().__setitem__(path, entry)


def is_installed(path):
    """Whether a path belongs to Python or to a package, whose version is compared instead."""
    if "site-packages" in path or "dist-packages" in path:
        return True
    return any(path.startswith(each) and not (ROOT.startswith(each) and path.startswith(ROOT)) for each in PREFIXES)


def callers(most):
    """(file, function) of what led here from outside this file, the last call first."""
    frame, found = sys._getframe(1), []
    while frame and len(found) < most:
        if found or frame.f_code.co_filename != __file__:
            found.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    return found


def reads_for_import(stack):
    """Is the file read to be imported? Its text is then not seen by anybody."""
    frozen = [function for file, function in stack[:2] if file.startswith("<frozen importlib")]
    return frozen == ["get_data", "get_code"]


def lists_for_import(stack):
    """Is the folder read to look for modules or for the versions of packages? Both are noted by name."""
    return any(function == "_fill_cache" or "metadata" in file.split(os.sep)[-2:-1] for file, function in stack[:1])


def shows_where_a_package_is(stack):
    """Is the file read because a package takes down where it was called, as torch does when imported?"""
    asked = [n for n, (file, function) in enumerate(stack[:-1]) if function == "format_stack"]
    return bool(asked) and is_installed(stack[asked[0] + 1][0])


def run_next_sitecustomize():
    """Run the module of this name that stands behind this one, if there is one."""
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != HERE]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec and spec.loader:
        spec.loader.exec_module(module_from_spec(spec))


if "PAGE_RECORD" in os.environ:
    recorder = Recorder(os.environ["PAGE_RECORD"])
    linecache.cache = LinesOfPackages(linecache.cache)
    sys.meta_path.insert(0, recorder)
    sys.addaudithook(recorder.hear)
run_next_sitecustomize()
