"""Right answers to 98_made_up that only look different."""

import numpy as np


def picked_by_argmax(picks, X):
    return X[picks.argmax(axis=1)]


def picked_by_einsum(picks, X):
    return np.einsum("nm,md->nd", picks, X)


def slope_by_lstsq(x, y):
    return np.linalg.lstsq(x[:, None], y)[0][0]


RIGHT = {
    "one_hot_rows_pick_2_rows": (picked_by_argmax, picked_by_einsum),
    "training_finds_the_slope": (slope_by_lstsq,),
}
