"""Numbers that a page computes, for its sentences: {glue:text}`name` puts one there."""
from myst_nb import glue


def tell(numbers):
    """numbers {name: text}."""
    for name, text in numbers.items():
        glue(name, text, display=False)
