"""How much of the text in attnlib/tensors repeats that of attnlib: `python -m tools.twin_lines`.

A twin is a function of the same name in the module of the same name. Lines of code are counted without docstrings,
comments, blank lines, imports and decorators, and compared after PyTorch's names were replaced by NumPy's.
"""

import ast
import re
import sys
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from tools.chapters import ROOT

LIMIT = 0.75  # a twin that is more alike than this has no reason to be there, unless one is given here:
REASONS = {   # "module.function": why it is there although it is alike
    "attention.attend": "chapter 05 prints the text of arrays, in NumPy's words",
    "attention.attention_weights": "a call of each engine: arrays go head by head, tensors all at once",
    "inputs.one_hot": "chapter 01 is to print the text of arrays; a tensor is created on a device",
}
RENAMED = {   # PyTorch's names, and NumPy's
    r"\btorch\.": "np.", r"\bdim=": "axis=", r"\bkeepdim\b": "keepdims", r"\.to\(": ".astype(", r", copy=False": "",
    r"\bnp\.cat\(": "np.concatenate(", r"\.clamp\(": ".clip(", r"\.clamp_min\(([^)]*)\)": r".clip(min=\1)",
    r"\.amax\(": ".max(", r"\.transpose\(-1, -2\)": ".swapaxes(-1, -2)", r"\.mT\b": ".swapaxes(-1, -2)",
    r", device=[\w.]+": "", r"\bnp\.(\w+)\.promote_types": r"np.promote_types", r"\.to_copy\(": ".astype(",
}


@dataclass(frozen=True)
class Twin:
    """A function of attnlib/tensors: its lines, those that its NumPy function has too, and how alike the texts are."""

    name: str
    lines: int
    same: int
    alike: float


def functions(file):
    """The functions of a file, and the methods of its classes: {name: lines of code}."""
    found = {}
    for node in ast.parse(file.read_text(encoding="utf8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        for one in inside:
            if isinstance(one, ast.FunctionDef):
                found[one.name if one is node else f"{node.name}.{one.name}"] = code(one)
    return found


def code(function):
    """The lines of a function: no decorators, docstrings, comments, imports or blank lines."""
    function.decorator_list = []
    for node in ast.walk(function):
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            body = node.body = node.body[1:]
        if isinstance(body, list):
            node.body = [one for one in body if not isinstance(one, ast.Import | ast.ImportFrom)] or [ast.Pass()]
    return [renamed(line) for line in ast.unparse(function).splitlines() if line.strip()]


def renamed(line):
    """A line with NumPy's names in the place of PyTorch's."""
    for pattern, other in RENAMED.items():
        line = re.sub(pattern, other, line)
    return line


def twins(root=ROOT):
    """Every function of attnlib/tensors as (Twin, whether it has a NumPy function), module by module."""
    found = []
    for file in sorted((root / "attnlib/tensors").glob("*.py")):
        other = root / "attnlib" / file.name
        plain = functions(other) if other.exists() and file.name != "__init__.py" else {}
        for name, lines in functions(file).items():
            matcher = SequenceMatcher(None, plain.get(name, []), lines, autojunk=False)
            same = sum(block.size for block in matcher.get_matching_blocks())
            text = SequenceMatcher(None, "\n".join(plain.get(name, [])), "\n".join(lines), autojunk=False)
            found.append((Twin(f"{file.stem}.{name}", len(lines), same, text.ratio()), name in plain))
    return found


def too_alike(root=ROOT):
    """The twins that are more alike than LIMIT and for which no reason is given."""
    return [twin for twin, has_other in twins(root) if has_other and twin.alike > LIMIT and twin.name not in REASONS]


def report(root=ROOT):
    """The table, as lines: each twin, the modules' sums, the total."""
    every = twins(root)
    yield f"{'function':48}{'lines':>6}{'same':>6}{'alike':>8}"
    for twin, has_other in every:
        reason = f"  {REASONS[twin.name]}" if twin.name in REASONS else ""
        alike = f"{twin.alike:8.0%}" if has_other else "  no twin"
        yield f"{twin.name:48}{twin.lines:6}{twin.same:6}{alike}{reason}"
    yield ""
    for module in dict.fromkeys(twin.name.partition(".")[0] for twin, _ in every):
        yield total(module, [one for one in every if one[0].name.partition(".")[0] == module])
    yield total("all", every)


def total(name, every):
    """The line of a sum."""
    lines, same = (sum(getattr(twin, what) for twin, _ in every) for what in ("lines", "same"))
    paired = [twin for twin, has_other in every if has_other]
    alike = sum(twin.alike > LIMIT for twin in paired)
    return (
        f"{name}: {len(every)} functions, {lines} lines, {same} of them the same as NumPy's; "
        f"{len(paired)} twins, {alike} of them more than {LIMIT:.0%} alike"
    )


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1]) if sys.argv[1:] else ROOT)))
