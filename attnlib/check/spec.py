"""What a problem set is: exercises with their cases, properties and slips, declared once in `specs/ex_STEM.py`."""

import difflib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

SPECS = "attnlib.check.specs"
PREFIX = "ex_"


@dataclass(frozen=True)
class Case:
    """One call of the answer: a label that properties pick by, the arguments, and how to tell a person.

    expected is what a right answer gives, where the reference cannot know it from the arguments: labels, say.
    """

    label: str
    args: tuple
    description: str
    expected: Any = None


@dataclass(frozen=True)
class Property:
    """Something a right answer has, worth `points`.

    judge(case, outcome, expected) returns None when it holds and a sentence for the learner when not;
    it is asked about every case whose label is in `on`, about all of them when that is "*", and sees only outcomes that
    hold a value. A case without one breaks the property, unless it passes over trouble.
    `after` names a property that must hold first: an untouched input earns nothing while the numbers are wrong.
    """

    name: str
    points: float
    judge: Callable
    on: tuple[str, ...] = ("plain",)
    after: str | None = None
    passes_over_trouble: bool = False

    def looks_at(self, case: Case) -> bool:
        """Whether it is asked about this case."""
        return case.label in self.on or "*" in self.on


@dataclass(frozen=True)
class Mistake:
    """Something learners do wrong: one id in words, one sentence for the learner, wherever it is met."""

    id: str
    message: str

    def slip(self, function: Callable) -> "Slip":
        """The slip that makes this mistake by `function`."""
        return Slip(self.id, self.message, function)


@dataclass(frozen=True)
class Slip:
    """A known wrong answer: the id and the sentence of its mistake, and the function that makes it.

    Where an exercise asks for a class, so is function; where it asks for a prediction, it may be a pair, the wrong
    prediction and a function.
    """

    id: str
    message: str
    function: Callable | tuple[Any, Callable]


@dataclass(frozen=True)
class Forbidden:
    """Functions that do what an exercise asks for: how to tell a person, and names, package.function or package.*."""

    what: str
    calls: tuple[str, ...]


@dataclass(frozen=True)
class Exercise:
    """An exercise that is scored by running it; `cases(rng)` draws the inputs, `reference(*args)` knows the answer.

    name is its grade id, a sentence in snake case; title heads it in the notebook, asks lists it in the book.
    kind is one of attnlib.check.beside_learner.kinds.KINDS; it says what is done with the answer and a case. reference
    and slips are of that kind: classes, where a class is asked for.
    prediction is the right one, where the kind is "prediction".
    forbidden lists what may not be called, allowed_modules the attnlib modules that may be, besides the set's;
    seconds bounds all cases together. repeated is False where a call trains: other exercises draw each case twice,
    with other numbers, and call each twice.
    zeros_and_ones lists the arguments, by position, that hold 0s and 1s on purpose, as one-hot rows and masks do;
    in any other an entry of 0 or 1 would let a mistake look right.
    builds_on lists (exercise, parameter): composed(**{parameter: function}) gives the answers to this exercise that
    call `function` where they need that earlier exercise. What an earlier mistake does to this one is charged once.
    set, version, libraries and number, that of its heading in the notebook, are filled in by the ProblemSet.
    """

    name: str
    asks: str
    reference: Callable
    cases: Callable
    properties: tuple[Property, ...]
    slips: tuple[Slip, ...]
    title: str = ""
    minutes: int = 0
    kind: str = "function"
    prediction: Any = None
    forbidden: tuple[Forbidden, ...] = ()
    allowed_modules: tuple[str, ...] = ()
    seconds: float = 5.0
    repeated: bool = True
    zeros_and_ones: tuple[int, ...] = ()
    builds_on: tuple[tuple[str, str], ...] = ()
    composed: Callable | None = None
    set: str = ""
    version: str = ""
    libraries: tuple[str, ...] = ()
    number: int = 0

    def __post_init__(self) -> None:
        if (self.kind == "prediction") != (self.prediction is not None):
            raise ValueError(f"{self.name}: an exercise of kind prediction declares the right one, and no other does")
        names = [each.name for each in self.properties]
        for n, each in enumerate(self.properties):
            if each.name in names[:n]:
                raise ValueError(f"{self.name}: two properties are called {each.name!r}; give each a name of its own")
            if each.after and each.after not in names[:n]:
                raise ValueError(f"{self.name}: {each.name!r} waits for {each.after!r}, which is not listed before it")

    @property
    def points(self) -> float:
        """The most this exercise can give."""
        return sum(each.points for each in self.properties)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments, those of the reference."""
        return tuple(inspect.signature(self.reference).parameters)

    @property
    def forbidden_calls(self) -> tuple[str, ...]:
        """The names of all that may not be called."""
        return tuple(name for each in self.forbidden for name in each.calls)


@dataclass(frozen=True)
class Question:
    """A question in prose or by drawing, which a person grades in formgrader; name is its grade id.

    after names the exercise behind which it stands in the notebook; without one it stands behind all of them.
    """

    name: str
    title: str
    points: float
    minutes: int
    after: str | None = None


@dataclass(frozen=True)
class ProblemSet:
    """The exercises of one chapter's notebook, in order, and the questions that a person grades.

    version is raised by hand whenever a change can change somebody's score; reports carry it.
    allowed_modules names the attnlib modules that every answer may use. libraries names the packages, beside Python's
    own, that the grader has for this set; notebook and sandbox offer these and no others.
    """

    stem: str
    version: int
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...] = ()
    allowed_modules: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ("numpy", "matplotlib")

    def __post_init__(self) -> None:
        names = [each.name for each in self.exercises]
        for question in self.questions:
            if question.after is not None and question.after not in names:
                raise ValueError(f"{question.name}: stands after {question.after!r}, which is no exercise of the set")
        stamped, number = [], 1
        for each in self.exercises:
            stamped.append(replace(each, set=self.stem, version=str(self.version), number=number,
                                   libraries=self.libraries,
                                   allowed_modules=(*self.allowed_modules, *each.allowed_modules)))
            number += 1 + sum(question.after == each.name for question in self.questions)
        object.__setattr__(self, "exercises", tuple(stamped))

    @property
    def tasks(self) -> tuple[Exercise | Question, ...]:
        """Exercises and questions in the order of the notebook."""
        tasks: list[Exercise | Question] = []
        for each in self.exercises:
            tasks += [each, *(question for question in self.questions if question.after == each.name)]
        return (*tasks, *(question for question in self.questions if question.after is None))

    @property
    def every_allowed_module(self) -> tuple[str, ...]:
        """The attnlib modules that some exercise may use: those of the set, and those of one exercise alone."""
        every = (self.allowed_modules, *(each.allowed_modules for each in self.exercises))
        return tuple(dict.fromkeys(name for modules in every for name in modules))

    @property
    def points(self) -> float:
        """The most the whole set can give, questions included."""
        return sum(each.points for each in self.tasks)

    @property
    def minutes(self) -> int:
        """About how long the whole set takes."""
        return sum(each.minutes for each in self.tasks)


def stems() -> list[str]:
    """The stem of every problem set there is, in order."""
    folder = Path(__file__).with_name("specs")
    found = (module.name for module in pkgutil.iter_modules([str(folder)]))
    return sorted(name.removeprefix(PREFIX) for name in found if name.startswith(PREFIX))


def problem_set(stem: str) -> ProblemSet:
    """The problem set of a chapter. Raises KeyError, with the sets there are, when it has none."""
    if stem not in stems():
        raise KeyError(f"no problem set is called {stem!r}; there are {', '.join(stems()) or 'none'}")
    return import_module(f"{SPECS}.{PREFIX}{stem}").PROBLEM_SET


def exercises(stem: str) -> tuple[Exercise, ...]:
    """The exercises of the problem set `stem`, in order."""
    return problem_set(stem).exercises


def find_in_set(stem: str, name: str) -> Exercise:
    """The exercise `name` of the problem set `stem`. Raises KeyError when it has none."""
    return {each.name: each for each in exercises(stem)}[name]


def find(name: Any) -> Exercise:
    """The exercise called `name`. Raises KeyError with the nearest names."""
    catalogue = _catalogue()
    if name in catalogue:
        return catalogue[name]
    near = difflib.get_close_matches(str(name), catalogue, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(catalogue))}"
    raise KeyError(f"check: no exercise is called {name!r}; {hint}")


@cache
def _catalogue() -> dict[str, Exercise]:
    found: dict[str, Exercise] = {}
    for exercise in (each for stem in stems() for each in exercises(stem)):
        if exercise.name in found:
            raise ValueError(f"{exercise.name}: problem sets {found[exercise.name].set} and {exercise.set} both have "
                             f"an exercise of this name; a grade id belongs to one exercise of the course")
        found[exercise.name] = exercise
    return found


def mistakes(of: tuple[Exercise, ...] | None = None) -> dict[str, str]:
    """{id: sentence} of every mistake that the exercises `of` know, all exercises of the course when left out.

    Raises ValueError when an id stands for two sentences, or a sentence has two ids.
    """
    sentences: dict[str, str] = {}
    ids: dict[str, str] = {}
    for exercise in _catalogue().values() if of is None else of:
        for slip in exercise.slips:
            if sentences.setdefault(slip.id, slip.message) != slip.message:
                raise ValueError(f"{exercise.name}: the slip {slip.id!r} says {slip.message!r}, and elsewhere "
                                 f"{sentences[slip.id]!r}; take another id, or the mistake from its bank")
            if ids.setdefault(slip.message, slip.id) != slip.id:
                raise ValueError(f"{exercise.name}: {slip.message!r} is said by {slip.id!r} and by "
                                 f"{ids[slip.message]!r}; one mistake has one id")
    return sentences
