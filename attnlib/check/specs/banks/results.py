"""Mistakes in what is handed back, whatever was computed: its dtype, and what happened to the caller's arrays."""

from attnlib.check.spec import Mistake
from attnlib.check.specs.arrays import single

SCORES_CHANGED_IN_PLACE = Mistake(
    "scores-changed-in-place",
    "The scores are changed in place, and they belong to the caller. Compute into a new array, without `-=`, `out=` "
    "or an assignment into the argument.")
FEW_DIGITS = Mistake(
    "rounded-to-few-digits", "The numbers are rounded to a few digits. Return them as they are computed.")
ROUNDED_DOWN = Mistake("rounded-down", "The numbers are rounded down to whole ones, as `//` does. Divide with `/`.")
ROUNDED_TO_FLOAT32 = Mistake(
    "rounded-to-float32",
    "The result is float32 where the inputs are float64, so digits are lost. Keep the dtype of the inputs.")


def rounded(function):
    """The slip of a right `function` whose every result is rounded to float32."""
    def coarse(*args):
        got = function(*args)
        return single(*got) if isinstance(got, tuple) else single(got)[0]

    return ROUNDED_TO_FLOAT32.slip(coarse)


def to_few_digits(function):
    """The slips of a right `function` whose every result is rounded to 2, 3, 4 or 6 decimals."""
    def at(decimals):
        def coarse(*args):
            got = function(*args)
            return tuple(each.round(decimals) for each in got) if isinstance(got, tuple) else got.round(decimals)

        return coarse

    return tuple(FEW_DIGITS.slip(at(decimals)) for decimals in (2, 3, 4, 6))
