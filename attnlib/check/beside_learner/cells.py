"""Watch a notebook's cells, to know whether the answer that is checked is the one that was written last.

A cell with a mistake in it leaves the names of an earlier run as they were, and so does a cell that defines another
name. Then `check` would judge a version that is no longer on the page.
"""

import ast
import difflib
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

KEPT = 200  # cells remembered
MARGIN = re.compile(r"^(?:async\s+)?(?:(?:def|class)\s+(\w+)|(\w+)\s*(?::[^=\n]*)?=(?!=))", re.MULTILINE)
NEAR = 0.75  # how alike two names are when one may be the other, misspelled


@dataclass(frozen=True)
class Run:
    """A cell that was run: where it binds which names, how far it came, and what is known of it.

    lines is {name: line}, reached the line it came to (None for its end), error what it ended with, values {name:
    value} after it. cell_id and docstring tell a cell that was edited from another one.
    """

    lines: dict[str, int]
    reached: int | None = None
    error: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    cell_id: str = ""
    docstring: str = ""

    def defined(self, name: str) -> bool:
        """Whether the cell came past the line that binds `name`."""
        return self.reached is None or self.lines[name] < self.reached

    def is_edited(self, other: "Run") -> bool:
        """Whether both are the same cell of the notebook, as far as one can tell."""
        if self.cell_id and other.cell_id:
            return self.cell_id == other.cell_id
        return bool(self.docstring) and self.docstring == other.docstring


class Cells:
    """The cells that an IPython shell has run since it was watched, and the source of the one it runs now."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.current = ""
        self.shell: Any = None

    def watch(self, shell: Any) -> None:
        """Be told of every cell of `shell`."""
        self.shell = shell
        shell.events.register("pre_run_cell", self.begin)
        shell.events.register("post_run_cell", self.end)

    def begin(self, info: Any) -> None:
        """A cell begins."""
        self.current = str(getattr(info, "raw_cell", ""))

    def end(self, result: Any) -> None:
        """A cell has ended."""
        before, inside = getattr(result, "error_before_exec", None), getattr(result, "error_in_exec", None)
        error = before if before is not None else inside
        lines = bound_names(self.current)
        run = Run(lines, 0 if before is not None else line_reached(inside), describe(error) if error else "",
                  {name: self.shell.user_ns.get(name) for name in lines}, self._cell_id(), docstring_of(self.current))
        self.runs = [*self.runs, run][-KEPT:]

    def _cell_id(self) -> str:
        """The id that the notebook's page gives the cell which runs, where it does."""
        try:
            return str(self.shell.get_parent()["metadata"].get("cellId") or "")
        except (AttributeError, KeyError, TypeError):
            return ""

    def stale(self, exercise: str) -> dict[str, str] | None:
        """What happened to the cell that should have defined the answer now checked as `exercise`; None if nothing."""
        name = checked_name(self.current, exercise)
        if name is None or name in bound_names(self.current):
            return None
        last = next((run for run in reversed(self.runs) if name in run.lines), None)
        if last is None or self.shell.user_ns.get(name) is not last.values[name]:
            return None
        if not last.defined(name):
            return {"name": name, "error": last.error, "instead": ""}
        before = self.runs[-1]
        near = difflib.get_close_matches(name, list(before.lines), n=1, cutoff=NEAR)
        if near and name not in before.lines and before.is_edited(last):
            return {"name": name, "error": "", "instead": near[0]}
        return None


def bound_names(source: str) -> dict[str, int]:
    """{name: line} of what a cell's own statements bind, the first time each; of one that is no Python, as it looks."""
    if source.lstrip().startswith("%%"):
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the learner's own text, and not for whoever asks
            found = _bindings(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: a long sum, a hundred brackets
        found = [(match[1] or match[2], source.count("\n", 0, match.start()) + 1) for match in MARGIN.finditer(source)]
    return dict(sorted(found, key=lambda each: -each[1]))


def _bindings(tree: ast.AST) -> list[tuple[str, int]]:
    """(name, line) of every binding that a tree makes where it stands, not inside functions."""
    found: list[tuple[str, int]] = []
    waiting = [tree]
    while waiting:  # no recursion: a sum of a thousand terms is a thousand deep
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append((node.name, node.lineno))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append((node.id, node.lineno))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found += [((each.asname or each.name).split(".")[0], node.lineno) for each in node.names]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def line_reached(error: BaseException | None) -> int | None:
    """The line of the cell at which it ended with `error`; None for a cell that came to its end."""
    if error is None:
        return None
    tb, line = error.__traceback__, 0
    while tb is not None:
        line = tb.tb_lineno if tb.tb_frame.f_code.co_name == "<module>" else line
        tb = tb.tb_next
    return line


def docstring_of(source: str) -> str:
    """The docstring of the first function of a source; empty when there is none."""
    try:
        functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError):
        return ""
    return ast.get_docstring(functions[0]) or "" if functions else ""


def checked_name(source: str, exercise: str) -> str | None:
    """The name in check("exercise", name) in the source of a cell; None when there is none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # a cell with a magic command
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "check":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and first.value == exercise and isinstance(node.args[-1], ast.Name):
                return node.args[-1].id
    return None


def describe(error: BaseException) -> str:
    """'SyntaxError: invalid syntax, line 2', of bounded length."""
    try:
        if isinstance(error, SyntaxError):  # its text names a file of the shell's
            return f"{type(error).__name__}: {error.msg}, line {error.lineno}"[:200]
        return f"{type(error).__name__}: {error}".removesuffix(": ")[:200]
    except Exception:  # a learner's exception may fail in any way
        return type(error).__name__
