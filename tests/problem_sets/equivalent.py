"""Is a mutant that still gets full marks no mistake at all? The kinds of equivalent mutants, recognised by rule.

A mutant that the exercise's cases do not catch is either harmless or a hole in the cases. It is taken to be harmless
only if it is of a named kind (KINDS), each a reason why the edit cannot matter, shown to apply here; and if besides it
gives exactly what the right answer gives on twenty further draws of the cases. A kind looks at the edit, and at what
the edited expression gave each time it was evaluated; that the results agree is never reason enough by itself.

Kinds that rest on sizes or on the number of axes hold only where the statement declares the shapes of all array
arguments and the cases tell the sizes apart.
"""

import ast
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from attnlib.check.beside_learner.kinds import WITHOUT_CALLS
from tests.problem_sets.mutants import at
from tests.problem_sets.trial import FAILED, alike, exactly, within_rounding

REDUCTIONS = {"sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std", "softmax", "argmax", "argmin",
              "cumsum", "sort", "argsort", "norm", "logsumexp", "log_softmax"}
SYMMETRIC = {"max", "min", "maximum", "minimum", "logaddexp", "hypot"}
CONVERSIONS = {"from_numpy", "array", "asarray", "list", "tuple"}
FILLED = {"zeros", "ones", "zeros_like", "ones_like"}
ELEMENTWISE = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow)


@dataclass(frozen=True)
class Kind:
    """A kind of harmless edit: its reason in one line, and whether a Trial is of it."""

    name: str
    reason: str
    holds: Callable
    same: Callable = exactly  # how near the results must be


def explanation(trial):
    """The Kind of this mutant, None when no rule shows it to be harmless."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return next((kind for kind in KINDS if kind.holds(trial) and trial.agrees(kind.same)), None)


# --- looking at the edit


def literal(node):
    """The number that a node spells, signs included; None when it spells none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = literal(node.operand)
        return None if inner is None else -inner
    number = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return node.value if number and not isinstance(node.value, bool) else None


def index_edit(trial):
    """(path, n, m) when the edit turns the whole number n into m, signs included; else None."""
    path = trial.path
    while isinstance(trial.parent(path), ast.UnaryOp):
        path = path[:-1]
    n, m = literal(at(trial.tree, path)), literal(at(trial.changed, path))
    return (path, n, m) if type(n) is type(m) is int else None


def function_name(call):
    """'sum' of both np.sum(...) and x.sum(...)."""
    return getattr(call.func, "attr", getattr(call.func, "id", None))


def is_same(n, m, count):
    """Whether the indices n and m count to the same of `count`."""
    return -count <= n < count and -count <= m < count and n % count == m % count


def always(seen, holds):
    """Whether the watched expression was evaluated, gave the same in the mutant each time, and `holds(each)`."""
    return bool(seen) and all(alike(each.was, each.now) and holds(each) for each in seen)


# --- the same axis, entry, size, dtype


def same_axis(trial):
    """axis=1 for axis=-1 where every array at hand has two axes."""
    edit = trial.right.shapes_are_told and index_edit(trial)
    if not edit:
        return False
    path, n, m = edit
    up = 2 if isinstance(trial.parent(path), ast.keyword) else 1
    call = trial.parent(path, up)
    if not isinstance(call, ast.Call) or function_name(call) not in REDUCTIONS:
        return False
    if up == 2 and trial.parent(path).arg not in ("axis", "dim"):
        return False
    owner = call.func.value if isinstance(call.func, ast.Attribute) else ast.Constant(None)
    first = call.args[0] if call.args else ast.Constant(None)
    place = path[-up][1] if up == 1 else None  # which positional argument the axis is

    def holds(seen):
        method = has_axes(seen.extra[0])  # x.sum(1), not np.sum(x, 1)
        array = seen.extra[0] if method else seen.extra[1]
        expected = 0 if method else 1
        return has_axes(array) and place in (None, expected) and is_same(n, m, array.ndim)

    return always(trial.watch(path[:-up], ast.Tuple([owner, first], ast.Load())), holds)


def has_axes(value):
    """Whether it is an array or a tensor, and not a module with a function `ndim`."""
    return isinstance(getattr(value, "ndim", None), int)


def same_entry(trial):
    """x.shape[-1] for x.shape[1] of a matrix, or entry -1 for entry 0 where there is one."""
    edit = trial.right.shapes_are_told and index_edit(trial)
    if not edit or not isinstance(trial.parent(edit[0]), ast.Subscript):
        return False
    path, n, m = edit
    seen = trial.watch(path[:-1], trial.parent(path).value)
    return (always(seen, lambda each: hasattr(each.extra, "__len__") and is_same(n, m, len(each.extra)))
            and len({len(each.extra) for each in seen}) == 1)


def positions(trial):
    """{parameter: position} of the function that is checked."""
    functions = [node for node in trial.tree.body if isinstance(node, ast.FunctionDef)]
    checked = [node for node in functions if node.name == trial.right.name]
    return {argument.arg: n for node in checked for n, argument in enumerate(node.args.args)}


def same_declared_size(trial):
    """K.shape[1] for Q.shape[1], or len(V) for len(K), where the statement gives both sizes one letter."""
    where = size_expression(trial)
    if not where or not trial.right.shapes_are_told:
        return False
    path, one, other = where
    known, declared = positions(trial), trial.right.declared
    if not {one[0], other[0]} <= set(known):
        return False
    if declared_size(declared[known[one[0]]], one[1]) != declared_size(declared[known[other[0]]], other[1]):
        return False
    both = ast.Tuple([ast.Name(one[0], ast.Load()), ast.Name(other[0], ast.Load())], ast.Load())

    def holds(seen):  # neither name is bound to something of another shape by now
        shapes = [tuple(getattr(each, "shape", ())) for each in seen.extra]
        return shapes == [np.shape(seen.arguments[known[name]]) for name in (one[0], other[0])]

    return always(trial.watch(path, both), holds)


def size_expression(trial):
    """(path, (x, n), (y, m)) when x.shape[n], x.shape (n is None) or len(x) became the same of y; else None."""
    for path in (trial.path[:-up] for up in range(4)):
        before, after = size_read(at(trial.tree, path)), size_read(at(trial.changed, path)) if path else None
        if before and after and before != after and not size_read(trial.parent(path)):
            return path, before, after
    return None


def size_read(node):
    """("Q", 1) of Q.shape[1], ("Q", None) of Q.shape, ("Q", 0) of len(Q); None of anything else."""
    if isinstance(node, ast.Subscript) and type(literal(node.slice)) is int:
        whole = size_read(node.value)
        return (whole[0], literal(node.slice)) if whole and whole[1] is None else None
    if isinstance(node, ast.Attribute) and node.attr == "shape" and isinstance(node.value, ast.Name):
        return node.value.id, None
    if isinstance(node, ast.Call) and function_name(node) == "len" and len(node.args) == 1:
        return (node.args[0].id, 0) if isinstance(node.args[0], ast.Name) else None
    return None


def declared_size(shape, n):
    """The letter of axis n of a declared shape, or the whole shape; a value like no other where it is not told."""
    if shape is None or n is None and "..." in shape:
        return object()
    if n is None:
        return shape
    told = -len(shape) <= n < len(shape) and (n < 0 or "..." not in shape) and shape[n] != "..."
    return shape[n] if told else object()


def same_dtype(trial):
    """K.dtype for Q.dtype where the floating arguments of a call have one dtype, and the cases have several."""
    if not isinstance(trial.was, ast.Name) or getattr(trial.parent(trial.path), "attr", None) != "dtype":
        return False
    dtypes = [{argument.dtype for argument in arguments if getattr(argument, "dtype", None) is not None
               and argument.dtype.kind == "f"} for arguments in trial.right.draws]
    if any(len(each) != 1 for each in dtypes) or len(set().union(*dtypes)) < 2:
        return False
    return always(trial.watch(trial.path[:-1]), lambda each: True)


# --- the same value, written otherwise


def same_number(trial):
    """0 for 0.0, or -0.0 for it."""
    was, now = literal(trial.was), literal(trial.now)
    return was is not None and now is not None and was == now


def full_slices(trial):
    """x[None] for x[None, :, :]: a colon at the end takes all, as leaving it out does."""
    if not isinstance(trial.was, ast.Tuple) or not isinstance(trial.parent(trial.path), ast.Subscript):
        return False
    kept = trial.now.elts if isinstance(trial.now, ast.Tuple) else [trial.now]
    dropped = trial.was.elts[len(kept):]
    return (list(map(ast.dump, kept)) == list(map(ast.dump, trial.was.elts[: len(kept)]))
            and all(ast.dump(each) == ast.dump(ast.Slice()) for each in dropped))


def swapped_arguments(trial):
    """maximum(0, s) for maximum(s, 0)."""
    if not isinstance(trial.was, ast.Call) or not isinstance(trial.now, ast.Call):
        return False
    before, after = ([ast.dump(each) for each in node.args] for node in (trial.was, trial.now))
    return (function_name(trial.was) in SYMMETRIC and len(before) == 2 and after == before[::-1]
            and not trial.was.keywords)


def even_power(trial):
    """(b - a) ** 2 for (a - b) ** 2."""
    was, now, power = trial.was, trial.now, trial.parent(trial.path)
    if not all(isinstance(each, ast.BinOp) for each in (was, now, power)) or not isinstance(was.op, ast.Sub):
        return False
    swapped = (ast.dump(was.left), ast.dump(was.right)) == (ast.dump(now.right), ast.dump(now.left))
    exponent = literal(power.right)
    return (swapped and isinstance(now.op, ast.Sub) and isinstance(power.op, ast.Pow) and power.left is was
            and type(exponent) is int and exponent % 2 == 0)


def dot_product(trial):
    """k @ q for q @ k of two vectors."""
    was, now = trial.was, trial.now
    if not all(isinstance(each, ast.BinOp) and isinstance(each.op, ast.MatMult) for each in (was, now)):
        return False
    if not trial.right.shapes_are_told or (now.left, now.right) != (was.right, was.left):
        return False
    both = ast.Tuple([was.left, was.right], ast.Load())
    return always(trial.watch(trial.path, both), lambda each: [np.ndim(one) for one in each.extra] == [1, 1])


def conversion(trial):
    """K for torch.from_numpy(K), or [a, b] for np.array([a, b]): the numbers and their dtype stay."""
    call = trial.was
    if not isinstance(call, ast.Call) or function_name(call) not in CONVERSIONS or len(call.args) != 1:
        return False
    return trial.now is call.args[0] and not call.keywords and always(trial.watch(trial.path), lambda each: True)


def default_argument(trial):
    """An argument left out that had the function's default value."""
    was, now = trial.was, trial.now
    if not isinstance(was, ast.Call) or not isinstance(now, ast.Call) or ast.dump(was.func) != ast.dump(now.func):
        return False
    if was.args == now.args and len(now.keywords) == len(was.keywords) - 1:
        gone = next(each for n, each in enumerate(was.keywords) if now.keywords[n:n + 1] != [each])
        key, value = gone.arg, gone.value
    elif was.keywords == now.keywords and was.args[:-1] == now.args:
        key, value = len(now.args), was.args[-1]
    else:
        return False
    seen = trial.watch(trial.path, ast.Tuple([was.func, value], ast.Load()))
    return always(seen, lambda each: has_default(each.extra[0], key, each.extra[1]))


def has_default(function, key, value):
    """Whether the parameter `key`, a name or a position, of a function is `value` when left out."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False  # it is written in C and does not tell
    parameter = parameters.get(key) if isinstance(key, str) else list(parameters.values())[key]
    return parameter is not None and type(parameter.default) is type(value) and parameter.default == value


def broadcasting(trial):
    """K for K[None], or a sum without keepdims: an axis of length 1 that broadcasting adds where it is used."""
    operand = elementwise_operand(trial)
    if not operand or not trial.right.shapes_are_told:
        return False
    seen = trial.watch(operand)

    def only_ones(each):
        if each.now is FAILED or np.shape(each.was) == np.shape(each.now):
            return False
        return exactly(np.squeeze(np.asarray(each.was)), np.squeeze(np.asarray(each.now)))

    return bool(seen) and all(map(only_ones, seen)) and always(trial.watch(operand[:-1]), lambda each: True)


def elementwise_operand(trial):
    """The path of the operand of + - * / // ** that the edit is in, the innermost; None when there is none."""
    path = trial.path
    while len(path) > 1:
        parent = trial.parent(path)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ELEMENTWISE) and path[-1][0] in ("left", "right"):
            return path
        if isinstance(parent, ast.stmt):
            return None
        path = path[:-1]
    return None


# --- what is computed does not depend on it


def tie(trial):
    """>= for > where both give the same result on a tie; tried with ties in the inputs, and there were some."""
    if {type(trial.was), type(trial.now)} not in ({ast.Lt, ast.LtE}, {ast.Gt, ast.GtE}):
        return False
    tied = trial.right.tied
    seen = trial.watch(trial.path[:-1], draws=tied)
    ties = any(each.now is not FAILED and not alike(each.was, each.now) for each in seen)
    return ties and alike(trial.right.run(trial.tree, tied), trial.right.run(trial.changed, tied))


def overwritten(trial):
    """ones for zeros where every entry is written before it is read: NaN in their place gives the same result."""
    call = at(trial.tree, trial.path[:-1]) if isinstance(trial.was, ast.Attribute) else trial.was
    names = {getattr(trial.was, "attr", None), getattr(trial.now, "attr", None)}
    if not isinstance(call, ast.Call) or not names <= FILLED:
        return False
    target = assigned_name(trial, trial.path[:-1])
    if not target or not written_by_loops(trial.tree, target):
        return False

    def spoilt(array):
        array[...] = np.nan
        return array

    spoiling = ast.Call(ast.Name("_spoilt", ast.Load()), [call], [])
    tree = trial.replaced(trial.path[:-1], spoiling)
    return alike(trial.right.results, trial.right.run(tree, trial.right.draws, _spoilt=spoilt))


def assigned_name(trial, path):
    """x when the expression at `path` is all that is assigned to the plain name x; else None."""
    assign = trial.parent(path)
    if isinstance(assign, ast.Tuple):
        assign, n = trial.parent(path, 2), path[-1][1]
        targets = getattr(assign, "targets", [None])[0]
        target = targets.elts[n] if isinstance(targets, ast.Tuple) else None
    else:
        target = assign.targets[0] if isinstance(assign, ast.Assign) else None
    return getattr(target, "id", None)


def written_by_loops(tree, name):
    """Whether no condition decides which entries of the array `name` are written: loops alone count through them."""
    if any(isinstance(node, ast.If | ast.IfExp | ast.Break | ast.Continue | ast.While | ast.Try)
           for node in ast.walk(tree)):
        return False
    loops = [node.target for node in ast.walk(tree) if isinstance(node, ast.For)]
    counters = {each.id for target in loops for each in ast.walk(target) if isinstance(each, ast.Name)}
    stores = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
              and getattr(node.value, "id", None) == name]
    used = {each.id for store in stores for each in ast.walk(store.slice) if isinstance(each, ast.Name)}
    return bool(stores) and used <= counters


def assigned_again(trial):
    """An assignment left out whose name the next line assigns again, without reading it."""
    if not isinstance(trial.was, ast.Assign) or not isinstance(trial.now, ast.Pass):
        return False
    field, n = trial.path[-1]
    following = getattr(trial.parent(trial.path), field)[n + 1 :]
    nothing = isinstance(trial.was.value, ast.Constant)  # computing it does nothing else
    if not nothing or not following or not isinstance(following[0], ast.Assign):
        return False
    targets, again = ([ast.dump(each) for each in node.targets] for node in (trial.was, following[0]))
    reads = {each.id for each in ast.walk(following[0].value) if isinstance(each, ast.Name)}
    return targets == again and isinstance(trial.was.targets[0], ast.Name) and trial.was.targets[0].id not in reads


def cancels(trial):
    """A number that cancels: any other does as well, but not another one each time it is read."""
    if literal(trial.was) is None or literal(trial.now) is None or trial.right.exercise.kind in WITHOUT_CALLS:
        return False
    if isinstance(trial.parent(trial.path), ast.keyword | ast.Subscript | ast.Slice | ast.UnaryOp):
        return False
    rng = np.random.default_rng(0)
    number = ast.Call(ast.Name("_number", ast.Load()), [], [])
    tree = trial.replaced(trial.path, number)

    def results(give):
        return trial.right.run(tree, trial.right.draws, _number=give)

    fixed = [float(other) for other in 3 * rng.normal(size=3)]
    return (all(alike(trial.right.results, results(lambda: other), within_rounding) for other in fixed)  # noqa: B023
            and not alike(trial.right.results, results(lambda: float(rng.normal())), within_rounding))


def loaded_over(trial):
    """The edit is in the first numbers of an attribute of a made object, and the given weights replace those."""
    if trial.right.exercise.kind != "module":
        return False
    loaded = {name.split(".")[0] for _, weights, *_ in trial.right.draws for name in weights}
    above = [trial.parent(trial.path, steps) for steps in range(1, len(trial.path) + 1)]
    targets = [target for node in above if isinstance(node, ast.Assign) for target in node.targets]
    names = [each for target in targets for each in getattr(target, "elts", [target])]
    return bool(names) and all(isinstance(each, ast.Attribute) and getattr(each.value, "id", "") == "self"
                               and each.attr in loaded for each in names)


KINDS = (
    Kind("same axis", "both numbers name one axis of the array at hand, whose number of axes is fixed", same_axis),
    Kind("same entry", "both numbers name one entry of what has a fixed length", same_entry),
    Kind("same size", "the statement gives both sizes one letter", same_declared_size),
    Kind("same dtype", "the arguments of a call have one dtype", same_dtype),
    Kind("same number", "two ways to write a number", same_number),
    Kind("full slices", "a colon at the end takes all, as leaving it out does", full_slices),
    Kind("symmetric function", "the function does not depend on the order of its arguments", swapped_arguments),
    Kind("even power", "an even power has no sign", even_power),
    Kind("dot product", "the product of two vectors does not depend on their order", dot_product),
    Kind("conversion", "the numbers and their dtype stay the same", conversion, within_rounding),
    Kind("default argument", "the argument is the default", default_argument),
    Kind("broadcasting", "broadcasting adds the axis of length 1", broadcasting),
    Kind("tie", "both sides give the same on a tie", tie),
    Kind("overwritten", "every entry is written before it is read", overwritten),
    Kind("assigned again", "the next line assigns the name again", assigned_again),
    Kind("loaded over", "the given weights replace the first numbers of an attribute", loaded_over),
    Kind("cancels", "any other number gives the same, up to rounding", cancels, within_rounding),
)
