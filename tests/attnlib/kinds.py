"""The kinds of argument that the functions of attnlib take, and how a valid one of each is drawn.

Axes are written as in docstrings, "B H N d": a letter is a length of `SIZES`, a product such as "H*d" is computed from
them. One letter is one length in all arguments of a call, so a test can change a length everywhere, or in one argument.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIZES = {  # all different, and none is a product of others
    "B": 2, "G": 3, "d": 4, "N": 5, "H": 6, "M": 7,  # batch, key heads, width of a head, queries, heads, keys
    "e": 10, "D": 9, "h": 13, "V": 11, "P": 8,       # width of a value, of a vector, hidden; words; past
    "k": 1, "p": 2, "C": 3,                          # reach of a window, side of a patch, channels
}


def length(token, sizes=SIZES):
    """The length that "H", "H*d" or "2*k+1" says."""
    return eval(token, {"__builtins__": {}}, dict(sizes))


@dataclass(frozen=True)
class Kind:
    """One argument: what it is, and whatever is needed to draw it and to know what would be wrong."""

    what: str
    value: Any = None
    axes: str = ""
    optional: bool = False          # None is right, though the signature of the function does not say so
    broadcasts: bool = False        # an axis of length 1, or a missing one at the front, is right
    own_dtype: bool = False         # need not have the dtype of the other arrays
    or_booleans: bool = False       # of floats: booleans are right too
    change: Callable = field(default=lambda x: x)
    made: Callable | None = None    # makes the array from the other arguments
    below: str = ""                 # of ids: they are smaller than this
    least: int | None = None        # of sizes and numbers; None where the function may decide
    above: float | None = None      # of numbers
    unread: bool | tuple = False    # the function need not look at it; of a dict, the names it need not look at, or all

    def draw(self, sizes, seed):
        """A valid value, the same in every run: an array of NumPy where it is an array."""
        rng = np.random.default_rng(seed)
        shape = [length(token, sizes) for token in self.axes.split()]
        if self.what in ("floats", "moved"):
            return self.change(rng.normal(size=shape))
        if self.what == "mask":
            return rng.random(shape) < 0.7
        if self.what == "ids":
            below = length(self.below, sizes) if self.below else 50
            return self.change(rng.integers(0, max(below, 1), shape))
        if self.what == "like":
            return np.zeros((1, 2))
        if self.what == "size":
            return length(str(self.value), sizes)
        if self.what == "pair":
            return tuple(length(token, sizes) for token in self.value)
        if self.what == "parameters":
            return {name: Kind("floats", axes=axes).draw(sizes, seed + 100 * (i + 1))
                    for i, (name, axes) in enumerate(self.value.items())}
        if self.what == "arrays":
            return [Kind("moved", axes=axes).draw(sizes, seed + 100 * (i + 1)) for i, axes in enumerate(self.value)]
        return self.value


def floats(axes, **more):
    """An array to compute with: floating. change: what is done to numbers from a normal distribution."""
    return Kind("floats", axes=axes, **more)


def moved(axes, **more):
    """An array whose numbers are only moved: every dtype is right."""
    return Kind("moved", axes=axes, **more)


def mask(axes, optional=True, **more):
    """A boolean array, True = may attend, which may broadcast."""
    return Kind("mask", axes=axes, broadcasts=True, optional=optional, **more)


def ids(axes, below="", **more):
    """Whole numbers from 0, smaller than `below` if that is given: an array of any integer dtype, or a list."""
    return Kind("ids", axes=axes, below=below, **more)


def like(**more):
    """An array or tensor whose kind and dtype the result has."""
    return Kind("like", optional=True, **more)


def size(value, least=None, **more):
    """A whole number, Python's or NumPy's: a count, or a letter of SIZES. least: whatever is smaller must raise."""
    return Kind("size", value, least=least, **more)


def pair(rows, columns):
    """Two sizes, as those of an image."""
    return Kind("pair", (str(rows), str(columns)))


def number(value, **more):
    """A finite real number, larger than `above` and not smaller than `least`, if these are given."""
    return Kind("number", value, **more)


def flag(value):
    """True or False."""
    return Kind("flag", value)


def function(value, **more):
    """Something that is called."""
    return Kind("function", value, **more)


def text(value):
    """One of several words."""
    return Kind("text", value)


def edges(value, below):
    """Pairs of nodes: a list, or an array of any integer dtype."""
    return Kind("edges", value, below=below)


def parameters(unread=(), /, **axes):
    """A dict of floating arrays. A point in a name is written as two underscores: mlp__W_in="D h".

    unread: names of arrays that the function need not look at, or True, where only the names count.
    """
    return Kind("parameters", {name.replace("__", "."): value for name, value in axes.items()}, unread=unread)


def arrays(*axes):
    """A list of arrays of one dtype."""
    return Kind("arrays", axes)


def thing(value=None, **more):
    """Something of which little is asked here: a configuration, a cache, a module. made: makes one for each call."""
    return Kind("thing", value, **more)


def is_array(value):
    """Whether a value goes to a function of tensors as a tensor."""
    return isinstance(value, np.ndarray)


def convert(value, how):
    """A value, or every array in a list or dict, converted by the function `how`."""
    if isinstance(value, dict):
        return {name: convert(one, how) for name, one in value.items()}
    if isinstance(value, list | tuple) and any(map(is_array, value)):
        return [convert(one, how) for one in value]
    return how(value) if is_array(value) else value
