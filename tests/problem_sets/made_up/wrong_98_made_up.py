"""Wrong answers to 98_made_up, each with what may be said of it."""

import numpy as np

from tests.problem_sets.labels import Wrong


def added_up_one_by_one(picks, X):
    return np.stack([row for row in picks]).sum(axis=0) @ X


def picks_by_columns(picks, X):
    return np.einsum("nm,nd->md", picks, X)


def right_but_float64(picks, X):
    return picks.astype(float) @ X


def clears_the_picks(picks, X):
    Y = picks @ X
    picks[:] = 0
    return Y


class OneBuffer:
    """Writes every result of one shape into the same array."""

    def __init__(self):
        self.kept = {}

    def __call__(self, picks, X):
        Y = self.kept.setdefault((len(picks), X.shape[1], X.dtype), np.empty((len(picks), X.shape[1]), X.dtype))
        Y[:] = picks @ X
        return Y


def slope_of_y(x, y):
    return np.linalg.lstsq(y[:, None], x)[0][0]


def slope_with_a_constant(x, y):
    return np.polyfit(x, y, 1)[0]


WRONG = {
    "one_hot_rows_pick_2_rows": (
        Wrong("adds 1e-3 to every number", lambda picks, X: picks @ X + 1e-3),
        Wrong("gives the first rows, whatever is picked", lambda picks, X: X[: len(picks)]),
        Wrong("transposes the picks, by einsum", picks_by_columns, ("picks-transposed",)),
        Wrong("transposes the picks, by dot", lambda picks, X: np.dot(picks.T, X), ("picks-transposed",), named=True),
        Wrong("adds all picks up, then picks", added_up_one_by_one, ("rows-added-up",), named=True),
        Wrong("widens float32 to float64", right_but_float64),
        Wrong("sets the picks to 0 once they are used", clears_the_picks),
        Wrong("hands out one array for all results of a shape", OneBuffer()),
    ),
    "training_finds_the_slope": (
        Wrong("the mean of y over that of x", lambda x, y: y.sum() / x.sum()),
        Wrong("a half, always", lambda x, y: 0.5),
        Wrong("fits x to y, by least squares", slope_of_y, ("x-and-y-swapped",), named=True),
        Wrong("fits a constant too", slope_with_a_constant),
    ),
}
