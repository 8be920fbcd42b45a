"""Mistakes in what is handed back, whatever was computed: its dtype, and what happened to the caller's arrays."""

from attnlib.check.spec import Mistake
from attnlib.check.specs.arrays import single

SCORES_CHANGED_IN_PLACE = Mistake(
    "scores-changed-in-place",
    "The scores are changed in place, and they belong to the caller. Compute into a new array, without `-=`, `out=` "
    "or an assignment into the argument.")
ROUNDED_TO_FLOAT32 = Mistake(
    "rounded-to-float32",
    "The result is float32 where the inputs are float64, so digits are lost. Keep the dtype of the inputs.")


def rounded(function):
    """The slip of a right `function` whose every result is rounded to float32."""
    def coarse(*args):
        got = function(*args)
        return single(*got) if isinstance(got, tuple) else single(got)[0]

    return ROUNDED_TO_FLOAT32.slip(coarse)
