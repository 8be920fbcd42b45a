"""Which operation of the learner's failed: its operator or function, and what stood on either side of it.

Two answers that end in the same exception need not make the same mistake: NumPy's message holds sizes alone. So a
failed expression is described by what it does and to what: `w @ K` is ["@", "softmax", "#2"] where w came from
a softmax and K is argument number 2 (counted from 0), and `Q.T @ K` is ["@", "#1 transposed", "#2"].
"""

import ast
import linecache
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType, ModuleType, TracebackType

from attnlib.check.beside_learner.places import LIBRARIES

OPERATORS = {ast.MatMult: "@", ast.Mult: "*", ast.Div: "/", ast.Add: "+", ast.Sub: "-", ast.Pow: "**",
             ast.FloorDiv: "//"}
PRODUCTS = ("dot", "matmul", "inner")  # functions that do what @ does
TRANSPOSES = ("T", "mT", "transpose", "swapaxes")
NUMBERS = ("sqrt", "len", "float", "int")  # functions whose value is a number, by which an array may be scaled
COPIES = ("array", "asarray", "copy", "astype", "float", "ascontiguousarray", "from_numpy", "as_tensor", "tensor")
KNOWN = ("numpy", "torch", "math")  # functions of other modules count as the learner's own
COMPUTED = "computed"  # by operators, or by a function of the learner's own


def failed_operation(error: BaseException, arguments: list) -> list[str]:
    """[operator or function, operand, ...] of the learner's expression that raised `error`.

    Empty when it cannot be told: the source is not at hand, it is neither an operator nor a call, or nobody knows
    where an operand came from.
    """
    try:
        place = _learners(error.__traceback__)
        if place is None:
            return []
        frame, expression, function = place
        described = _Description(frame, function, arguments).of_operation(expression)
        return described if _tells(described) else []
    except Exception:  # a description is a help, and a learner's frame may hold anything
        return []


def _tells(described: list[str]) -> bool:
    """Whether a description tells one mistake from another: all operands are known, or one function of one failed."""
    return len(described) == 2 or not any(part.startswith("?") for part in described)


def _learners(tb: TracebackType | None) -> tuple[FrameType, ast.AST, ast.AST | None] | None:
    """The innermost frame of the learner's, the expression it was at, and the function around that."""
    found = None
    while tb is not None:
        if _is_answer(tb.tb_frame.f_code):
            found = tb
        tb = tb.tb_next
    if found is None:
        return None
    code = found.tb_frame.f_code
    source = _parsed("".join(linecache.getlines(code.co_filename)))
    expression = source.operations.get(list(code.co_positions())[found.tb_lasti // 2])
    return (found.tb_frame, expression, source.around(code)) if expression else None


@dataclass(frozen=True)
class Source:
    """A source that was parsed: its functions, and its operations by their position, as code objects give it."""

    functions: list[ast.FunctionDef | ast.Lambda]
    operations: dict[tuple, ast.AST]

    def around(self, code: CodeType) -> ast.AST | None:
        """The function or lambda whose code this is: the last one that begins in its first line."""
        found = [node for node in self.functions if node.lineno <= code.co_firstlineno <= (node.end_lineno or 0)]
        return max(found, key=lambda node: node.lineno, default=None)


@lru_cache(maxsize=32)
def _parsed(text: str) -> Source:
    nodes = list(ast.walk(ast.parse(text)))
    return Source([node for node in nodes if isinstance(node, ast.FunctionDef | ast.Lambda)],
                  {(node.lineno, node.end_lineno, node.col_offset, node.end_col_offset): node for node in nodes
                   if isinstance(node, ast.BinOp | ast.Call | ast.AugAssign)})


def _is_answer(code: CodeType) -> bool:
    """Whether code is the learner's, or a slip's that stands for a learner's."""
    return not code.co_filename.startswith(LIBRARIES) or "check/specs" in code.co_filename.replace("\\", "/")


class _Description:
    """Describes expressions by the arguments they are made of; names of the learner's own do not count."""

    def __init__(self, frame: FrameType, function: ast.AST | None, arguments: list):
        self.names, self.function, self.arguments = {**frame.f_globals, **frame.f_locals}, function, arguments
        inside = list(ast.walk(function)) if function else []
        self.changed = {node.target.id for node in inside
                        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)}
        given = function.args.args if isinstance(function, ast.FunctionDef | ast.Lambda) else []
        self.parameters = [each.arg for each in given] if len(given) == len(arguments) else []

    def of_operation(self, node: ast.AST) -> list[str]:
        """The operator and its operands, or the function and its first two arguments."""
        if isinstance(node, ast.BinOp):
            return [OPERATORS.get(type(node.op), "?"), self.of(node.left), self.of(node.right)]
        if isinstance(node, ast.AugAssign):
            return [OPERATORS.get(type(node.op), "?"), self.of(node.target), self.of(node.value)]
        if isinstance(node, ast.Call):
            name, operands = self._call(node)
            return [name, *(self.of(each) for each in operands[:2])] if name else []
        return []

    def of(self, node: ast.AST, seen: tuple[str, ...] = ()) -> str:
        """An operand: an argument by its number, the function that made it, or that it was computed otherwise."""
        number = self._argument(node)
        if number is not None:
            return f"#{number}"
        if isinstance(node, ast.Name):
            return self._of_name(node.id, seen)
        if isinstance(node, ast.Subscript):
            return self.of(node.value, seen)
        if isinstance(node, ast.Attribute):
            return self._transposed(node.value, seen) if node.attr in TRANSPOSES else "?"
        if isinstance(node, ast.BinOp):
            return self._of_binary(node, seen)
        if isinstance(node, ast.Call):
            name, operands = self._call(node)
            if name in COPIES and operands:
                return self.of(operands[0], seen)
            return self._transposed(operands[0], seen) if name in TRANSPOSES and operands else name or COMPUTED
        if isinstance(node, ast.List | ast.Tuple):
            return ast.unparse(node)[:60]
        return "number" if isinstance(node, ast.Constant) else "?"

    def _of_name(self, name: str, seen: tuple[str, ...]) -> str:
        """What a name was made of: a parameter that is made of itself was an argument."""
        if name in seen:
            return f"#{self.parameters.index(name)}" if name in self.parameters else "?"
        if name in self.changed:
            return COMPUTED
        made = self._assigned(name)
        return self.of(made, (*seen, name)) if made is not None else "?"

    def _of_binary(self, node: ast.BinOp, seen: tuple[str, ...]) -> str:
        """An array scaled by a number is still that array."""
        if isinstance(node.op, ast.Mult | ast.Div):
            if self._is_number(node.right):
                return self.of(node.left, seen)
            if self._is_number(node.left):
                return self.of(node.right, seen)
        return COMPUTED

    def _transposed(self, node: ast.AST, seen: tuple[str, ...]) -> str:
        inner = self.of(node, seen)
        return inner.removesuffix(" transposed") if inner.endswith(" transposed") else f"{inner} transposed"

    def _call(self, node: ast.Call) -> tuple[str, list[ast.expr]]:
        """(name, operands) of a call: x.sum() and np.sum(x) alike; no name for a function of the learner's own."""
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = self.names.get(function.value.id) if isinstance(function.value, ast.Name) else None
            is_module = isinstance(owner, ModuleType)
            if isinstance(owner, ModuleType) and owner.__name__.split(".")[0] not in KNOWN:
                return "", list(node.args)
            operands = list(node.args) if is_module else [function.value, *node.args]
            return "@" if function.attr in PRODUCTS else function.attr, operands
        if isinstance(function, ast.Name) and function.id in NUMBERS:
            return function.id, list(node.args)
        return "", list(node.args)

    def _argument(self, node: ast.AST) -> int | None:
        """The number of the argument that a name holds."""
        value = self.names.get(node.id) if isinstance(node, ast.Name) else None
        return next((i for i, each in enumerate(self.arguments) if value is each and hasattr(each, "shape")), None)

    def _is_number(self, node: ast.AST) -> bool:
        """Whether an expression is a number: a constant, a name that holds one, a root, an item of a shape."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            value = self.names.get(node.id)
            return isinstance(value, int | float) or getattr(value, "shape", None) == ()
        if isinstance(node, ast.BinOp):
            return self._is_number(node.left) and self._is_number(node.right)
        if isinstance(node, ast.Subscript):
            return isinstance(node.value, ast.Attribute) and node.value.attr == "shape"
        return isinstance(node, ast.Call) and self._call(node)[0] in NUMBERS

    def _assigned(self, name: str) -> ast.expr | None:
        """What a name of the function was made of, when it is assigned once."""
        inside = ast.walk(self.function) if self.function else ()
        made = [node.value for node in inside if isinstance(node, ast.Assign)
                and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)]
        return made[0] if len(made) == 1 else None
