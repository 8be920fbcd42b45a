"""The figures of $stem, one function each, named by its finding."""
from figures.style import LIGHT, Drawing, panel


def the_whole_idea():
    """(to be written)"""
    fig, ax = panel()
    ax.text(.5, .5, "(to be written)", ha="center", color=LIGHT["ink"])
    ax.axis("off")
    return Drawing("$stem-idea", [fig], alt="(to be written): what a person would see, in words, with the numbers.")
