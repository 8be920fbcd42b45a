"""Small wrong changes to a right function, made by machine: each is one edit of its syntax tree."""

import ast
from dataclasses import dataclass

OPERATORS = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div, ast.Add), ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div,), ast.Pow: (ast.Mult,), ast.MatMult: (ast.Mult,),
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt,), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt,),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}
NAMES = {  # a function or method in place of its neighbour
    "max": ("min", "mean"), "amax": ("amin",), "sum": ("mean", "max", "prod"), "exp": ("exp2", "expm1"),
    "maximum": ("minimum",), "var": ("std",), "mean": ("sum",), "sqrt": ("square",), "relu": ("sigmoid",),
    "zeros_like": ("ones_like",), "zeros": ("ones",), "softmax": ("softmin",), "vstack": ("hstack",), "abs": ("round",),
}


@dataclass(frozen=True)
class Mutant:
    """One edit of a right answer: at `path` in `tree`, the syntax tree of the right answer, stands `now` instead."""

    what: str       # 's - m  ->  s + m'
    source: str     # the whole changed answer
    tree: ast.Module
    path: tuple
    now: ast.AST


def mutants(source):
    """A Mutant for every edit of the functions in `source` that changes its text; no two have the same text."""
    tree = without_docstrings(ast.parse(source))
    original, names = ast.unparse(tree), parameters(tree)
    seen = {original}
    for path, node in list(places(tree)):
        for edited in edits(node, names):
            put(tree, path, edited)
            text = ast.unparse(tree)
            put(tree, path, node)
            if text not in seen:
                seen.add(text)
                yield Mutant(difference(original, text), text, tree, path, edited)


def without_docstrings(tree):
    """The tree without docstrings: editing them changes nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return tree


def parameters(tree):
    """The names of all parameters, each a candidate for being mistaken for another."""
    found = [node.args for node in ast.walk(tree) if isinstance(node, ast.arguments)]
    return sorted({argument.arg for arguments in found for argument in arguments})


def places(node, path=()):
    """Every node below with the path of fields that leads to it."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST):
                yield (*path, (field, index)), child
                yield from places(child, (*path, (field, index)))


def at(tree, path):
    """The node at `path`."""
    for field, index in path:
        tree = getattr(tree, field) if index is None else getattr(tree, field)[index]
    return tree


def put(tree, path, new):
    """Replace the node at `path`."""
    *way, (field, index) = path
    owner = at(tree, way)
    if index is None:
        setattr(owner, field, new)
    else:
        getattr(owner, field)[index] = new


def edits(node, names):
    """What may stand in the place of `node`."""
    if isinstance(node, ast.operator | ast.cmpop):
        return [other() for other in OPERATORS.get(type(node), ())]
    if isinstance(node, ast.BinOp):
        commutes = isinstance(node.op, ast.Add | ast.Mult)
        return [node.left, node.right] + [ast.BinOp(node.right, node.op, node.left)] * (not commutes)
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Constant):
        return constants(node.value)
    if isinstance(node, ast.Call):
        return calls(node)
    if isinstance(node, ast.Attribute):
        other = [ast.Attribute(node.value, name, node.ctx) for name in NAMES.get(node.attr, ())]
        return other + [node.value] * (node.attr in ("T", "mT"))
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return [node.value]
    if isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        return [type(node)(node.elts[::-1], node.ctx), *node.elts]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        other = [name for name in names if node.id in names and name != node.id] + list(NAMES.get(node.id, ()))
        return [ast.Name(name, node.ctx) for name in other]
    return statements(node)


def constants(value):
    """Numbers near by; True for False."""
    if isinstance(value, bool):
        return [ast.Constant(not value)]
    if isinstance(value, int | float):
        return [ast.Constant(other) for other in (value + 1, value - 1, 0, -value)]
    return []


def calls(node):
    """The call without its function, without one argument, or with two of them swapped."""
    bare = node.args[:1] or ([node.func.value] if isinstance(node.func, ast.Attribute) else [])
    if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
        bare = [node.func.value, *bare]
    fewer = [ast.Call(node.func, node.args[:n] + node.args[n + 1 :], node.keywords) for n in range(len(node.args))]
    unnamed = [ast.Call(node.func, node.args, node.keywords[:n] + node.keywords[n + 1 :])
               for n in range(len(node.keywords))]
    if len(node.args) < 2:
        return bare + fewer + unnamed
    first, second, *rest = node.args
    return bare + fewer + unnamed + [ast.Call(node.func, [second, first, *rest], node.keywords)]


def statements(node):
    """A statement that is not there."""
    if isinstance(node, ast.Return):
        return [ast.Return(None)]
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.For | ast.If):
        return [ast.Pass()]
    return []


def difference(before, after):
    """'s - m  ->  s + m': the lines that changed."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)  # a line may be gone
    was, now = next((a.strip(), b.strip()) for a, b in pairs if a != b)
    return f"{was}  ->  {now}"
