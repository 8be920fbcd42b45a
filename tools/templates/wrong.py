"""Wrong answers to $stem as students write them, each labelled with what it really does; labels.py says how."""

from tests.problem_sets.labels import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {}  # {exercise: (Wrong(does, answer, slips, named=True), ...)}, 40 or more each
