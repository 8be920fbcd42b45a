"""Numbers that a page computes, for its sentences: {glue:text}`name` puts one there."""
from myst_nb import glue


def tell(numbers):
    """numbers {name: text}."""
    for name, text in numbers.items():
        glue(name, text, display=False)


def spread(numbers, digits=1):
    """The mean of numbers (seeds,) and their standard deviation, as text."""
    return f"{numbers.mean():.{digits}f} ± {numbers.std():.{digits}f}"
