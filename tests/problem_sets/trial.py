"""A mutant beside the right answer that it was made of: what both do, on further draws, as a whole and inside."""

import ast
import copy
from collections import namedtuple
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attnlib.check.beside_learner.kinds import WITHOUT_CALLS, run
from attnlib.check.beside_learner.wire import Other, decode, encode
from attnlib.check.scoring.challenge import draw
from attnlib.check.scoring.properties import first_difference
from tests.problem_sets.helpers import USUAL_SECONDS, handed
from tests.problem_sets.mutants import at, mutants, put
from tests.problem_sets.shapes import too_tame

Seen = namedtuple("Seen", "was now extra arguments")  # one evaluation of a watched expression, during one call
FAILED = object()                                     # what an expression gives that raises


@dataclass(frozen=True, eq=False)
class RightAnswer:
    """A right answer as source, the namespace it runs in, and the name of what it hands to `check`.

    declared: the shapes of its arguments as the statement declares them (shapes.declared_shapes).
    """

    exercise: object
    name: str
    names: dict
    source: str
    declared: tuple = ()

    @cached_property
    def mutants(self):
        """Every edit of it."""
        return list(mutants(self.source))

    @cached_property
    def draws(self):
        """The arguments of the cases of further seeds, never the public ones; fewer where an exercise trains."""
        count = 20 if self.exercise.seconds <= USUAL_SECONDS else 3
        return [case.args for seed in range(1000, 1000 + count) for case in draw(self.exercise, seed)]

    @cached_property
    def tied(self):
        """Some of the draws with every floating array rounded to whole numbers: ties, and zeros, are common."""
        return [tuple(map(rounded, arguments)) for arguments in self.draws[: len(self.draws) // 4]]

    @cached_property
    def results(self):
        """What it gives for each of the draws."""
        return self.run(ast.parse(self.source), self.draws)

    @cached_property
    def shapes_are_told(self):
        """Whether the statement tells the shape of each array argument, and the cases tell the sizes apart."""
        given = [arguments[:-1] if self.exercise.kind == "gradients" else arguments  # the cotangent stays with `check`
                 for arguments in self.draws]
        declared = all(position < len(self.declared) and self.declared[position]
                       for arguments in given for position, argument in enumerate(arguments)
                       if getattr(argument, "ndim", 0))
        return declared and not too_tame(self.declared, [case.args for case in draw(self.exercise, 0)])

    def run(self, tree, draws, **extra):
        """[(result, arguments as the call left them)] of the answer `tree` on `draws`; FAILED where it raises.

        extra: further names that the tree uses.
        """
        return list(self.calls(tree, draws, **extra))

    def calls(self, tree, draws, **extra):
        """The same, one call at a time."""
        names = {**self.names, **extra}
        exec(compile(ast.fix_missing_locations(tree), "<answer>", "exec"), names)
        answer = handed(self.exercise, names[self.name])
        if self.exercise.kind in WITHOUT_CALLS:
            yield answer
            return
        for arguments in draws:
            given = copy.deepcopy(arguments)
            try:
                yield plain(run(self.exercise.kind, answer, given)), given
            except Exception:
                yield FAILED


def plain(value):
    """The value without tensors, as it would travel; what does not travel stays as it is."""
    arrived = decode(encode(value))
    return value if isinstance(arrived, Other) else arrived


def rounded(argument):
    """A floating array rounded; anything else as it is."""
    return np.round(argument) if isinstance(argument, np.ndarray) and argument.dtype.kind == "f" else argument


@dataclass(frozen=True, eq=False)
class Trial:
    """A mutant beside the right answer that it was made of."""

    right: RightAnswer
    mutant: object

    @property
    def tree(self):
        """The syntax tree of the right answer."""
        return self.mutant.tree

    @cached_property
    def changed(self):
        """The syntax tree of the mutant."""
        return self.replaced(self.mutant.path, self.mutant.now)

    @property
    def path(self):
        """Where the edit is."""
        return self.mutant.path

    @property
    def was(self):
        """The node before the edit."""
        return at(self.tree, self.path)

    @property
    def now(self):
        """The node after it."""
        return self.mutant.now

    def replaced(self, path, node):
        """The right answer with `node` at `path`, a tree of its own."""
        tree = copy.deepcopy(self.tree)
        put(tree, path, copy.deepcopy(node))
        return tree

    def parent(self, path, steps=1):
        """The node that is `steps` above `path`."""
        return at(self.tree, path[:-steps])

    def agrees(self, same=None):
        """Whether the mutant gives what the right answer gives on all further draws."""
        return alike(self.right.results, self.right.run(self.changed, self.right.draws), same or exactly)

    def watch(self, path, extra=None, draws=None):
        """Each time the expression at `path` is evaluated: what it gives, what the mutant's gives, and `extra`.

        extra is an expression, evaluated in the same place. Empty when no draw comes by.
        """
        seen, arguments_now = [], [None]

        def note(was, now, more):
            value = was()
            try:
                seen.append(Seen(copied(value), copied(now()), more(), arguments_now[0]))
            except Exception:
                seen.append(Seen(value, FAILED, None, arguments_now[0]))
            return value

        parts = at(self.tree, path), at(self.changed, path), extra or ast.Constant(None)
        call = ast.Call(ast.Name("_note", ast.Load()), [delayed(part) for part in parts], [])
        tree = self.replaced(path, call)
        draws = self.right.draws[: len(self.right.draws) // 4] if draws is None else draws
        calls = self.right.calls(tree, draws, _note=note)
        for arguments in draws:
            arguments_now[0] = arguments
            next(calls, None)
        return seen


def delayed(expression):
    """`lambda: expression`."""
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(nothing, copy.deepcopy(expression))


def copied(value):
    """The value as it is now, whatever is done to it in place afterwards; a tensor without its gradients."""
    if hasattr(value, "detach"):
        return value.detach().clone()
    try:
        return copy.deepcopy(value)
    except TypeError:  # an iterator, say
        return value


def exactly(a, b):
    """Equal to the last digit, in dtype and shape."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def within_rounding(a, b):
    """Equal as far as the dtype carries."""
    return a.dtype == b.dtype and a.shape == b.shape and first_difference(a, b) is None


def alike(a, b, same=exactly):
    """Whether two values are the same; a tuple, a list and an array of numbers are, as they are to `check`."""
    if a is FAILED or b is FAILED:
        return False
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(alike(x, y, same) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key], same) for key in a)
    x, y = np.asarray(a), np.asarray(b)
    if not {x.dtype.kind, y.dtype.kind}.isdisjoint("OU"):  # a dtype, a string, None
        return type(a) is type(b) and a == b
    return same(x, y)
