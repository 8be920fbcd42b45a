"""What an exercise is: its name, its cases, its properties, its slips. Declared once, in `ex_NN_stem.py`."""

import difflib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

import attnlib.check

PREFIX = "ex_"


@dataclass(frozen=True)
class Case:
    """One call of the answer: a label that properties pick by, the arguments, and how to tell a person."""

    label: str
    args: tuple
    says: str


@dataclass(frozen=True)
class Property:
    """Something a right answer has, worth `points`.

    judge(case, outcome, expected) returns None when it holds and a sentence for the learner when not;
    it is asked about every case whose label is in `on`, and sees only outcomes that hold a value.
    `after` names a property that must hold first: an untouched input is worth nothing under wrong numbers.
    """

    name: str
    points: float
    judge: Callable
    on: tuple = ("plain",)
    after: str | None = None


@dataclass(frozen=True)
class Slip:
    """A known wrong answer: its id in the bank of slips, the sentence to read, the function that makes it."""

    id: str
    says: str
    function: Callable


@dataclass(frozen=True)
class Exercise:
    """An exercise; `cases(rng)` draws the inputs, `reference(*args)` knows the answer.

    kind is "function" (the answer is called on each case) or "number" (one case, no arguments).
    no_answer lists what may not be called, as package.function or package.*; seconds bounds all cases together.
    """

    name: str
    set: str
    asks: str
    reference: Callable
    cases: Callable
    properties: tuple
    slips: tuple
    kind: str = "function"
    no_answer: tuple = ()
    seconds: float = 5.0

    def __post_init__(self):
        names = [each.name for each in self.properties]
        for n, each in enumerate(self.properties):
            if each.name in names[:n]:
                raise ValueError(f"{self.name}: two properties are called {each.name!r}; a name must be its own")
            if each.after and each.after not in names[:n]:
                raise ValueError(f"{self.name}: {each.name!r} waits for {each.after!r}, which is not listed before it")

    @property
    def points(self):
        """The most this exercise can give."""
        return sum(each.points for each in self.properties)


def exercises(stem):
    """The exercises of the problem set `stem`, in order."""
    return _module(stem).EXERCISES


def may_use(stem):
    """The attnlib modules a learner may lean on in the problem set `stem`."""
    return _module(stem).MAY_USE


def stems():
    """Every problem set there is."""
    found = (module.name for module in pkgutil.iter_modules(attnlib.check.__path__))
    return sorted(name.removeprefix(PREFIX) for name in found if name.startswith(PREFIX))


def find(name):
    """The exercise called `name`. Raises KeyError with the nearest names."""
    catalogue = _catalogue()
    if name in catalogue:
        return catalogue[name]
    near = difflib.get_close_matches(str(name), catalogue, n=3) or sorted(catalogue)
    raise KeyError(f"check: no exercise is called {name!r}; did you mean {' or '.join(near)}?")


@cache
def _catalogue():
    return {exercise.name: exercise for stem in stems() for exercise in exercises(stem)}


def _module(stem):
    if stem not in stems():
        raise KeyError(f"no problem set is called {stem!r}; there are {', '.join(stems())}")
    return import_module(f"attnlib.check.{PREFIX}{stem}")
