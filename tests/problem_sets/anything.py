"""What is no answer to any exercise: inputs handed back, nothing, text, outputs learned by heart."""

import json

import numpy as np

from attnlib.check.beside_learner.wire import encode
from attnlib.check.scoring.answers import reference_answer


class OnlyOnce:
    """Right the first time it is called, zeros from then on."""

    def __init__(self, function):
        self.function, self.called = function, False

    def __call__(self, *args):
        self.called, before = True, self.called
        answer = self.function(*args)
        return 0 * np.asarray(answer) if before else answer


class Remembered:
    """The right outputs of one seed's cases to a function, learned by heart."""

    def __init__(self, function, cases):
        self.known = {self.key(case.args): function(*case.args) for case in cases}

    def __call__(self, *args):
        return self.known.get(self.key(args))

    @staticmethod
    def key(args):
        return json.dumps([encode(argument) for argument in args])


def nonsense(exercise):
    """What is no answer to an exercise: for a prediction, also the right one beside what decides nothing."""
    if exercise.kind == "number":
        return [answer for answer in ANYTHING if answer != reference_answer(exercise)]
    if exercise.kind == "prediction":
        return [*ANYTHING, *((exercise.prediction, answer) for answer in ANYTHING)]
    return [*ANYTHING, *KEEPS_NOTHING]


class Empty:
    """Takes whatever it is made with, and does nothing."""

    def __init__(self, *args, **options):
        pass


class Silent(Empty):
    """Has whatever attribute and method is asked for, and gives nothing."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args):
        return None


class Echo(Silent):
    """Gives back what it is called with."""

    def __call__(self, *args):
        return args[-1] if args else None


KEEPS_NOTHING = (Empty, Silent, Echo)
ANYTHING = (
    lambda *args: None, lambda *args: args[-1], lambda *args: args[0], lambda *args: 0, lambda *args: np.nan,
    lambda *args: "softmax", lambda *args: [], lambda *args: (), lambda *args: {"B": 1}, lambda *args: np.zeros(0),
    lambda *args: np.inf, lambda *args: np.zeros_like(args[-1]), lambda *args: np.ones_like(args[-1]),
    lambda *args: (np.zeros_like(args[-1]), np.zeros_like(args[-1])), lambda *args: args, lambda *args: True,
    lambda *args: np.full_like(args[-1], np.nan), lambda *args: 1 / 0, lambda: 1, 64, "softmax", None,
)
