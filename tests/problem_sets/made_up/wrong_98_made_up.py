"""Wrong answers to 98_made_up that the spec does not list. It has no table SPELLED."""

WRONG = {
    "one_hot_rows_pick_2_rows": (lambda picks, X: picks @ X + 1e-3, lambda picks, X: X[: len(picks)]),
    "training_finds_the_slope": (lambda x, y: y.sum() / x.sum(), lambda x, y: 0.5),
}
