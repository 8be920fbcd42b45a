"""What is no answer to any exercise: inputs handed back, nothing, text, outputs learned by heart."""

import numpy as np


class OnlyOnce:
    """Right the first time it is called, zeros from then on."""

    def __init__(self, function):
        self.function, self.called = function, False

    def __call__(self, *args):
        self.called, before = True, self.called
        answer = self.function(*args)
        return 0 * np.asarray(answer) if before else answer


class Remembered:
    """The right outputs of one seed's cases, learned by heart."""

    def __init__(self, function, cases):
        self.known = {self.key(case.args): function(*case.args) for case in cases}

    def __call__(self, *args):
        return self.known.get(self.key(args))

    @staticmethod
    def key(args):
        return tuple(np.asarray(argument).tobytes() for argument in args)


ANYTHING = (
    lambda *args: None, lambda *args: args[-1], lambda *args: args[0], lambda *args: 0, lambda *args: np.nan,
    lambda *args: "softmax", lambda *args: [], lambda *args: (), lambda *args: {"B": 1}, lambda *args: np.zeros(0),
    lambda *args: np.inf, lambda *args: np.zeros_like(args[-1]), lambda *args: np.ones_like(args[-1]),
    lambda *args: (np.zeros_like(args[-1]), np.zeros_like(args[-1])), lambda *args: args, lambda *args: True,
    lambda *args: np.full_like(args[-1], np.nan), lambda *args: 1 / 0, lambda: 1, 64, "softmax", None,
)
