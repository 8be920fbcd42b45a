"""Watch a notebook's cells, to know whether the answer that is checked is the one that was written last.

A cell with a mistake in it leaves the names of an earlier run as they were, and so does a cell that defines another
name. Then `check` would judge a version that is no longer on the page.
"""

import ast
import difflib
import re
from dataclasses import dataclass
from typing import Any

KEPT = 200  # cells remembered


MARGIN = re.compile(r"^(?:async\s+)?(?:(def|class)\s+(\w+)|(\w+)\s*(?::[^=\n]*)?=(?!=))", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """A cell that was run: the names its source would define, those it did, and its error ("" when there was none)."""

    names: tuple[str, ...]
    functions: tuple[str, ...]
    defined: tuple[str, ...]
    error: str


class Cells:
    """The cells that an IPython shell has run since it was watched, and the source of the one it runs now."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.current = ""
        self.before: dict[str, Any] = {}
        self.shell: Any = None

    def watch(self, shell: Any) -> None:
        """Be told of every cell of `shell`."""
        self.shell = shell
        shell.events.register("pre_run_cell", self.begin)
        shell.events.register("post_run_cell", self.end)

    def begin(self, info: Any) -> None:
        """A cell begins."""
        self.current = str(getattr(info, "raw_cell", ""))
        self.before = {name: self.shell.user_ns.get(name) for name in names_at_margin(self.current)[0]}

    def end(self, result: Any) -> None:
        """A cell has ended."""
        error = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
        names, functions = names_at_margin(self.current)
        defined = names if error is None else tuple(
            name for name in names if self.shell.user_ns.get(name) is not self.before.get(name))
        run = Run(names, functions, defined, describe(error) if error is not None else "")
        self.runs = [*self.runs, run][-KEPT:]

    def stale(self, exercise: str) -> dict[str, str] | None:
        """What happened to the cell that should have defined the answer now checked as `exercise`; None if nothing."""
        name = checked_name(self.current, exercise)
        if name is None:
            return None
        last = next((run for run in reversed(self.runs) if name in run.names), None)
        if last and name not in last.defined:
            return {"name": name, "error": last.error, "instead": ""}
        before = self.runs[-1] if self.runs else None
        if before and last and name not in before.names:
            near = difflib.get_close_matches(name, before.functions, n=1, cutoff=0.75)
            if near:
                return {"name": name, "error": "", "instead": near[0]}
        return None


def names_at_margin(source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, functions) that a source defines or assigns at its left margin, even one that is no Python."""
    found = [(match[2] or match[3], bool(match[1])) for match in MARGIN.finditer(source)]
    return tuple(name for name, _ in found), tuple(name for name, is_function in found if is_function)


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
    """'SyntaxError: invalid syntax', of bounded length."""
    try:
        return f"{type(error).__name__}: {error}"[:200]
    except Exception:  # a learner's exception may fail in any way
        return type(error).__name__
