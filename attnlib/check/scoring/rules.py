"""The rules of an exercise and of a set in words: what the grader has, and what may not be called.

The specification declares them (`libraries`, `forbidden`, `allowed_modules`); notebook, report and grader say them in
these sentences.
"""

from collections.abc import Callable, Iterable, Sequence

from attnlib.check.beside_learner.kinds import WITHOUT_CALLS
from attnlib.check.spec import Exercise, ProblemSet

PROPER = {"numpy": "NumPy", "torch": "PyTorch", "matplotlib": "Matplotlib", "scipy": "SciPy", "pandas": "pandas",
          "sklearn": "scikit-learn", "networkx": "NetworkX", "PIL": "Pillow", "triton": "Triton"}
SLOW_TO_IMPORT = ("torch",)


def rules(exercise: Exercise) -> str:
    """One line on what an answer to this exercise may not call, and may call all the same; empty without such rules."""
    if not exercise.forbidden or not _calls(exercise):
        return ""
    not_these = f"Your answer may not call: {'; '.join(each.what for each in exercise.forbidden)}."
    allowed = _names_of(dict.fromkeys(exercise.allowed_modules))
    return " ".join([not_these, *([_permission("it", allowed, _forbids_attnlib(exercise))] if allowed else [])])


def rules_of_set(declared: ProblemSet) -> list[str]:
    """The sentences on what each exercise may and may not call, several exercises in one where they share a rule.

    No sentences when there are no such rules.
    """
    able = [exercise for exercise in declared.exercises if _calls(exercise)]
    forbidden = _grouped(able, lambda exercise: [each.what for each in exercise.forbidden])
    not_these = [f"{'No exercise may' if len(those) == len(able) else f'{_numbers(those)} may not'} call {what}."
                 for what, those in forbidden.items()]
    consequence = ["An answer that does so earns no points."] if not_these else []
    return [*not_these, *consequence, *_permissions(able)]


def grader_has(libraries: Sequence[str]) -> str:
    """The sentence on what a notebook may import when it is graded."""
    proper = [PROPER.get(name, name) for name in libraries]
    own = "Python's own library, and nothing else."
    return f"The grader has {listed(proper)} beside {own}" if proper else f"The grader has {own}"


def import_time(libraries: Sequence[str]) -> str:
    """The sentence about libraries that take long to import; empty when none does."""
    slow = [PROPER[name] for name in SLOW_TO_IMPORT if name in libraries]
    return f"Importing {listed(slow)} takes some seconds, which a check does not count." if slow else ""


def listed(words: Iterable[object]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    *before, last = map(str, words)
    return f"{', '.join(before)} and {last}" if before else last


def _calls(exercise: Exercise) -> bool:
    """Whether an answer to the exercise is something that is run."""
    return exercise.kind not in WITHOUT_CALLS


def _forbids_attnlib(exercise: Exercise) -> bool:
    """Whether all of attnlib is forbidden."""
    return "attnlib.*" in exercise.forbidden_calls


def _grouped(exercises: Iterable[Exercise], things: Callable[[Exercise], Iterable[str]]) -> dict[str, list[Exercise]]:
    """{thing: the exercises that have it}, in the order in which they come up."""
    found: dict[str, list[Exercise]] = {}
    for exercise in exercises:
        for thing in dict.fromkeys(things(exercise)):
            found.setdefault(thing, []).append(exercise)
    return found


def _numbers(those: Sequence[Exercise]) -> str:
    """'Exercise 3', 'Exercises 1, 4 and 5'."""
    return f"Exercise{'s' * (len(those) > 1)} {listed(exercise.number for exercise in those)}"


def _permissions(able: Sequence[Exercise]) -> list[str]:
    """The sentences on which modules of attnlib may be used: one for the modules that the same exercises may use."""
    by_exercises: dict[tuple[int, ...], tuple[list[str], list[Exercise]]] = {}
    for module, those in _grouped(able, lambda exercise: exercise.allowed_modules).items():
        key = tuple(exercise.number for exercise in those)
        by_exercises.setdefault(key, ([], those))[0].append(module)
    return [_permission("Every exercise" if len(those) == len(able) else _numbers(those), _names_of(modules),
                        any(map(_forbids_attnlib, those)))
            for modules, those in by_exercises.values()]


def _permission(who: str, modules: Sequence[str], even_so: bool) -> str:
    """'Even so, exercise 3 may call what `attnlib.attention` defines.'"""
    who = f"Even so, {who[:1].lower()}{who[1:]}" if even_so else f"{who[:1].upper()}{who[1:]}"
    return f"{who} may call what {listed(modules)} define{'s' * (len(modules) == 1)}."


def _names_of(modules: Iterable[str]) -> list[str]:
    """['`attnlib.attention`', ...]."""
    return [f"`attnlib.{name}`" for name in modules]
