"""The figures of chapter 05, from scores to a mixture."""
import numpy as np
from IPython.display import Markdown

from attnlib.weights import relu_weights, softmax
from figures import train_05_weights as task
from figures.style import LIGHT, NARROW, PANEL, Drawing, heat, panel

WAY_STYLE = {   # a line style beside the colour: the lines can be told apart in grey
    "softmax, scaled": ("alpha", "-"), "softmax, not scaled": ("alpha", ":"),
    "ReLU/L, scaled": ("ink", "-"), "ReLU, scaled": ("ink", ":"),
}


def scores_become_weights_become_a_mixture(words, i, scores, alpha, V, b):
    """One query's row, three times: scores (N,), weights (N,), and the point b among the values."""
    first, ax = panel(NARROW, 2.2)
    _bars(ax, words, scores, "muted", f"scores of q {words[i]}")
    second, ax = panel(NARROW, 2.2)
    _bars(ax, words, alpha, "alpha", "weights α, sum 1")
    third, ax = panel(NARROW, 2.2)
    ax.fill(*V[[0, 1, 2]].T, color=LIGHT["panel"], zorder=0)
    for word, weight, v in zip(words[:3], alpha, V):
        ax.plot(*zip(b, v), color=LIGHT["alpha"], linewidth=1 + 4 * weight, alpha=.45, zorder=1)
        ax.plot(*v, "o", color=LIGHT["v"])
        ax.annotate(f"v {word}", v, xytext=(0, 7 if v[1] > 0 else -13), textcoords="offset points",
                    ha="center", color=LIGHT["v"])
    ax.plot(*b, "o", color=LIGHT["b"], markersize=7)
    ax.annotate("b", b, xytext=(8, 0), textcoords="offset points", va="center", color=LIGHT["b"], fontweight="bold")
    ax.set(xlim=(-2.6, 3.4), ylim=(-3.1, 3.1), xticks=[], yticks=[])
    ax.set_xlabel("the mixture b", color=LIGHT["b"])
    ax.spines[:].set_visible(False)
    told = ", ".join(f"{w} {s:.2f} becomes {a:.2f}" for w, s, a in zip(words, scores, alpha))
    return Drawing("whole-idea", [first, second, third], alt=(
        f"Three panels for the query of word {i + 1}, {words[i]}. Scores become weights: {told}. "
        f"In the third panel b lies inside the triangle of the values, at ({b[0]:.2f}, {b[1]:.2f}), "
        f"nearest to the value of {words[int(alpha.argmax())]}."))


def _bars(ax, words, numbers, role, label):
    places = np.arange(len(words))
    ax.barh(places, numbers, color=LIGHT[role], height=.55)
    ax.axvline(0, color=LIGHT["muted"], linewidth=.8)
    for place, number in zip(places, numbers):
        side, ha = (4, "left") if number >= 0 else (-4, "right")
        ax.annotate(f"{number:.2f}".replace("-", "−"), (number, place), xytext=(side, 0), ha=ha, va="center",
                    textcoords="offset points", color=LIGHT["ink"])
    room = .85 * np.ptp([0, *numbers])                        # for the numbers beside the bars
    left = min(numbers) - room if min(numbers) < 0 else 0
    ax.set(ylim=(len(words) - .5, -.5), xticks=[], xlim=(left, max(numbers) + room))
    ax.set_yticks(places, [f"k {word}" for word in words], color=LIGHT["k"])
    ax.set_xlabel(label, color=LIGHT[role])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def scores_spread_with_d_and_gradients_die(sizes, variance, slope):
    """variance and slope: (seeds, sizes, 2), the last axis not scaled, scaled."""
    left, ax = panel()
    _two_lines(ax, sizes, variance)
    ax.set(xlabel="d, width of a key", ylabel="variance of the scores", ylim=(.2, None))
    right, ax = panel()
    _two_lines(ax, sizes, slope)
    ax.set(xlabel="d, width of a key", ylabel="median slope of softmax", ylim=(None, 4))
    v, s = variance.mean(axis=0), slope.mean(axis=0)
    return Drawing("spread", [left, right], alt=(
        f"Two panels over d from {sizes[0]} to {sizes[-1]}, both axes logarithmic. "
        f"Left: without scaling the variance rises in a straight line from {v[0, 0]:.1f} to {v[-1, 0]:.0f}; "
        f"scaled it stays at {v[:, 1].mean():.2f}. "
        f"Right: without scaling the median slope of softmax falls from {s[0, 0]:.2f} to {s[-1, 0]:.0e}; "
        f"scaled it stays at {s[:, 1].mean():.2f}."))


def _two_lines(ax, sizes, table):
    for column, (label, line) in enumerate([("not scaled", ":"), ("scaled", "-")]):
        rows = table[..., column]
        ax.plot(sizes, rows.mean(axis=0), line, marker="o", color=LIGHT["alpha"])
        ax.fill_between(sizes, rows.min(axis=0), rows.max(axis=0), color=LIGHT["alpha"], alpha=.2, linewidth=0)
        up = rows.mean(axis=0)[-2] >= table[..., 1 - column].mean(axis=0)[-2]
        ax.annotate(label, (sizes[-2], rows.mean(axis=0)[-2]), xytext=(-6, 6 if up else -6), ha="right",
                    va="bottom" if up else "top", textcoords="offset points", color=LIGHT["alpha"])
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(sizes, [str(d) for d in sizes])
    ax.minorticks_off()
    ax.grid(axis="y")


def every_way_learns_but_length_divides_them(losses, accuracy, lengths):
    """losses {way: (seeds, steps)}, accuracy {way: (seeds, lengths)}."""
    left, ax = panel(PANEL, 2.6)
    for way, table in losses.items():
        smooth = table.reshape(len(table), -1, 10).mean(axis=2)        # ten steps a point
        steps = 10 * np.arange(1, smooth.shape[1] + 1)
        role, line = WAY_STYLE[way]
        ax.plot(steps, smooth.mean(axis=0), line, color=LIGHT[role])
        ax.fill_between(steps, smooth.min(axis=0), smooth.max(axis=0), color=LIGHT[role], alpha=.15, linewidth=0)
    ax.set(xlabel="training step", ylabel="loss", yscale="log")
    ax.grid(axis="y")
    right, ax = panel(PANEL, 2.6)
    for shift, (way, table) in enumerate(accuracy.items()):
        role, line = WAY_STYLE[way]
        ax.errorbar(np.arange(len(lengths)) + .06 * (shift - 1.5), table.mean(axis=0), table.std(axis=0), marker="o",
                    linestyle=line, color=LIGHT[role], capsize=2, linewidth=1.4, label=way)
    ax.set_xticks(range(len(lengths)), [str(length) for length in lengths])
    ax.set(xlabel="rows in the test sequences", ylabel="share answered right", ylim=(.8, 1.02))
    ax.grid(axis="y")
    ax.legend(frameon=False, handlelength=2.4, loc="lower left", labelcolor="linecolor")
    means = {way: table.mean(axis=0) for way, table in accuracy.items()}
    ends = "; ".join(f"{way}: {mean[0]:.3f} at {lengths[0]} rows, {mean[-1]:.3f} at {lengths[-1]}"
                     for way, mean in means.items())
    return Drawing("four-ways", [left, right], alt=(
        "Left: training loss against step. Scaled softmax falls first, then ReLU divided by L; softmax without scaling "
        f"and ReLU without division come last. Right: share answered right. {ends}."))


def the_wrong_axis_lets_rows_sum_to_anything(words, right, wrong):
    """The weights (N, N) by rows, as they should be, and by columns."""
    drawings = []
    for alpha, label in [(right, "axis=-1"), (wrong, "axis=0")]:
        fig, ax = panel(PANEL, 2.5)
        heat(ax, alpha, words, words)
        for i, total in enumerate(alpha.sum(axis=1)):
            ax.text(len(words) + .15, i + .5, f"sum {total:.2f}", va="center", color=LIGHT["ink"])
        ax.set_xlabel(label, family="monospace")
        drawings.append(fig)
    sums = ", ".join(f"{total:.2f}" for total in wrong.sum(axis=1))
    return Drawing("wrong-axis", drawings, alt=(
        f"Two tables of weights, queries down and keys across, {', '.join(words)}. "
        f"With axis=-1 every row sums to 1.00. With axis=0 the rows sum to {sums}."))


def spread_in_words(found):
    """found (seeds, 2 scalings, 2): variance and slope at one size."""
    (plain, slope), (scaled, slope_scaled) = found.mean(axis=0)
    (plain_spread, _), (scaled_spread, _) = found.std(axis=0)
    return {"variance_plain": f"{plain:.1f} ± {plain_spread:.1f}", "slope_plain": f"{slope:.3f}",
            "variance_scaled": f"{scaled:.2f} ± {scaled_spread:.2f}", "slope_scaled": f"{slope_scaled:.2f}"}


def four_ways_in_words(losses, right, on_key):
    """Losses (seeds, steps) and shares (seeds, lengths) by way; the last length is the longest."""
    def share(shares):
        return f"{100 * shares.mean():.1f} ± {100 * shares.std():.1f} %"
    return {"softmax_long": share(right["softmax, scaled"][:, -1]),
            "softmax_share": share(on_key["softmax, scaled"][:, -1]),
            "relu_short": share(right["ReLU/L, scaled"][:, 0]), "relu_long": share(right["ReLU/L, scaled"][:, -1]),
            "relu_share": share(on_key["ReLU/L, scaled"][:, -1]), "relu_early": _early(losses["ReLU/L, scaled"]),
            "bare_early": _early(losses["ReLU, scaled"]), "task_sizes": task.SIZES}


def _early(losses):
    """The mean loss of steps 91 to 100, and its spread over the seeds."""
    early = losses[:, 90:100].mean(axis=1)
    return f"{early.mean():.2f} ± {early.std():.2f}"


def rows_in_words(scores, B):
    """What the questions and the notes ask about the second word, scores (N, N) and outputs B (N, d_v)."""
    row, moved = scores[1], scores[1] + 100
    alpha = softmax(row)
    return {"saws_apart": f"{np.abs(B[1] - B[3]).max():.2f}",
            "softmax_moved": f"{np.abs(softmax(moved) - alpha).max():.2f}",
            "relu_before": f"{relu_weights(row).sum():.2f}", "relu_after": f"{relu_weights(moved).sum():.2f}",
            "own_weight": f"{alpha[1]:.2f}", "least_weight": f"{alpha.min():.2f}"}


def results(losses, accuracy, lengths):
    """The same numbers as a Markdown table: mean ± standard deviation over the seeds."""
    def told(numbers):
        return f"{numbers.mean():.1f} ± {numbers.std():.1f}"
    lines = [f"| weights | loss, step 100 | % right, {lengths[0]} rows | % right, {lengths[-1]} rows |",
             "|---|---|---|---|"]
    for way, table in losses.items():
        short, long = 100 * accuracy[way][:, [0, -1]].T
        lines.append(f"| {way} | {_early(table)} | {told(short)} | {told(long)} |".replace(" ± ", "\u00a0±\u00a0"))
    return Markdown("\n".join(lines))
