"""The shapes that an exercise declares to a learner, read from the signature in its statement.

    attend(Q, K, V)    Q (N, d_k), K (M, d_k), V (M, d_v)  ->  B (N, d_v), alpha (N, M)

Two arguments have one size in common where it has one letter. That is a promise to the learner, so a right answer may
rely on it; sizes that only happen to be equal in the cases are another matter.
"""

import re

from tests.problem_sets.notebooks import solved_parts


def declared_shapes(statement, name=r"\w+"):
    """The shapes of the arguments of the function `name`: each ("N", "d_k"), or ("...", "M"), or None when not told.

    Empty when the statement shows no signature of that function.
    """
    shown = re.search(r"```text\n(.*?)```", statement, re.DOTALL)
    call = shown and re.search(rf"^\s*{name}\(([^()]*)\)(.*?)->", shown[1], re.DOTALL | re.MULTILINE)
    if not call:
        return ()
    names = [name.split("=")[0].strip(" *") for name in call[1].split(",")]
    told = {name: tuple(filter(None, map(str.strip, sizes.split(","))))
            for name, sizes in re.findall(r"(\w+) \(([^()]*)\)", call[2])}
    return tuple(told.get(name) for name in names if name)


def shapes_of(exercise):
    """declared_shapes of an exercise, from the solution notebook of its set; empty where there is none."""
    part = solved_parts(exercise.set).get(exercise.name)
    return declared_shapes(part.statement.source, part.checked_name) if part else ()


def too_tame(declared, draws):
    """Where the sizes that a statement names are not told apart by `draws`, the arguments of each case: sentences.

    A mistake in a size shows only where sizes differ: each must take two values, and two of them differ in some case.
    `...` must be drawn with different numbers of axes.
    """
    seen = [sizes_of(declared, arguments) for arguments in draws]
    names = sorted({name for sizes in seen for name in sizes if not name.isdigit()})
    told = [f"{name} is the same in all cases" for name in names
            if len({sizes[name] for sizes in seen if name in sizes}) == 1]
    letters = [name for name in names if name != "..."]
    return told + [f"{one} and {other} are the same in each case" for n, one in enumerate(letters)
                   for other in letters[:n] if all(sizes.get(one) == sizes.get(other) for sizes in seen)]


def sizes_of(declared, arguments):
    """{letter: size} of one case; under "..." how many axes it stands for."""
    sizes = {}
    for told, argument in zip(declared, arguments, strict=False):  # an argument may have a default
        if told and hasattr(argument, "shape"):
            letters = [name for name in told if name != "..."]
            free = len(argument.shape) - len(letters)
            sizes |= {"...": free} if "..." in told else {}
            sizes |= zip(letters, argument.shape[free:], strict=True)
    return sizes
