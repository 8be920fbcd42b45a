"""Wrong answers to $stem that the specification does not list, and its slips in other words."""

WRONG = {}    # {exercise: (answer, ...)}
SPELLED = {}  # {exercise: ((id of the slip, answer), ...)}
