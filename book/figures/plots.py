"""The kinds of drawing that chapters share: one function a kind, on the axes of a panel."""
import numpy as np
from matplotlib.patches import Rectangle

from figures.style import LIGHT


def bars(ax, names, numbers, role, label, names_role="k"):
    """Lying bars for numbers (N,), the first on top, each with its number beside it."""
    places = np.arange(len(names))
    ax.barh(places, numbers, color=LIGHT[role], height=.55)
    ax.axvline(0, color=LIGHT["muted"], linewidth=.8)
    for place, number in zip(places, numbers):
        side, ha = (4, "left") if number >= 0 else (-4, "right")
        ax.annotate(f"{number:.2f}".replace("-", "−"), (number, place), xytext=(side, 0), ha=ha, va="center",
                    textcoords="offset points", color=LIGHT["ink"])
    room = .85 * np.ptp([0, *numbers])                        # for the numbers beside the bars
    left = min(numbers) - room if min(numbers) < 0 else 0
    ax.set(ylim=(len(names) - .5, -.5), xticks=[], xlim=(left, max(numbers) + room))
    ax.set_yticks(places, names, color=LIGHT[names_role])
    ax.set_xlabel(label, color=LIGHT[role])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def line(ax, x, runs, role, dashes="-", shade=.2, marker=None):
    """The mean of runs (seeds, len(x)) as a line, with a band from the smallest to the largest seed."""
    ax.plot(x, runs.mean(axis=0), dashes, marker=marker, color=LIGHT[role])
    ax.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=LIGHT[role], alpha=shade, linewidth=0)


def means(ax, x, runs, role, dashes="-", label=None):
    """The means of runs (seeds, len(x)) joined by a line, with their standard deviations as bars."""
    ax.errorbar(x, runs.mean(axis=0), runs.std(axis=0), marker="o", linestyle=dashes, color=LIGHT[role], capsize=2,
                linewidth=1.4, label=label)


def point(ax, place, name, role):
    """A point of a plane, its name above it in the upper half and below it in the lower."""
    ax.plot(*place, "o", color=LIGHT[role])
    ax.annotate(name, place, xytext=(0, 7 if place[1] > 0 else -13), textcoords="offset points", ha="center",
                color=LIGHT[role])


def plane(ax, across, up):
    """A plane without ticks or frame: across (least, most), up (least, most)."""
    ax.set(xlim=across, ylim=up, xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def heat(ax, weights, rows, columns):
    """Weights (N, M), 0 to 1: queries down, keys across, the value written in each cell."""
    for i, row in enumerate(weights):
        for j, weight in enumerate(row):
            ax.add_patch(Rectangle((j, i), 1, 1, facecolor=LIGHT["alpha"], alpha=float(weight), linewidth=0))
            ax.text(j + .5, i + .5, f"{weight:.2f}", ha="center", va="center",
                    color=LIGHT["paper" if weight > .55 else "ink"])
    ax.set(xlim=(0, len(columns)), ylim=(len(rows), 0), aspect="equal")
    ax.set_xticks([j + .5 for j in range(len(columns))], columns, color=LIGHT["k"])
    ax.set_yticks([i + .5 for i in range(len(rows))], rows, color=LIGHT["q"])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set(visible=True, color=LIGHT["line"])
