"""The figures of chapter 05, from scores to a mixture."""
import numpy as np
from IPython.display import Markdown

from attnlib.weights import relu_weights, softmax
from figures import plots
from figures import train_05_weights as task
from figures.style import LIGHT, NARROW, PANEL, Drawing, panel
from figures.tell import spread

WAY_STYLE = {   # a line style beside the colour: the lines can be told apart in grey
    "softmax, scaled": ("alpha", "-"), "softmax, not scaled": ("alpha", ":"),
    "ReLU/L, scaled": ("ink", "-"), "ReLU, scaled": ("ink", ":"),
}


def scores_become_weights_become_a_mixture(words, i, scores, alpha, V, b):
    """One query's row, three times: scores (N,), weights (N,), and the point b among the values."""
    keys = [f"k {word}" for word in words]
    first, ax = panel(NARROW, 2.2)
    plots.bars(ax, keys, scores, "muted", f"scores of q {words[i]}")
    second, ax = panel(NARROW, 2.2)
    plots.bars(ax, keys, alpha, "alpha", "weights α, sum 1")
    third, ax = panel(NARROW, 2.2)
    ax.fill(*V[[0, 1, 2]].T, color=LIGHT["panel"], zorder=0)
    for word, weight, v in zip(words[:3], alpha, V):
        ax.plot(*zip(b, v), color=LIGHT["alpha"], linewidth=1 + 4 * weight, alpha=.45, zorder=1)
        plots.point(ax, v, f"v {word}", "v")
    ax.plot(*b, "o", color=LIGHT["b"], markersize=7)
    ax.annotate("b", b, xytext=(8, 0), textcoords="offset points", va="center", color=LIGHT["b"], fontweight="bold")
    plots.plane(ax, across=(-2.6, 3.4), up=(-3.1, 3.1))
    ax.set_xlabel("the mixture b", color=LIGHT["b"])
    told = ", ".join(f"{w} {s:.2f} becomes {a:.2f}" for w, s, a in zip(words, scores, alpha))
    return Drawing("whole-idea", [first, second, third], alt=(
        f"Three panels for the query of word {i + 1}, {words[i]}. Scores become weights: {told}. "
        f"In the third panel b lies inside the triangle of the values, at ({b[0]:.2f}, {b[1]:.2f}), "
        f"nearest to the value of {words[int(alpha.argmax())]}."))


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
        plots.line(ax, sizes, rows, "alpha", line, marker="o")
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
        plots.line(ax, steps, smooth, role, line, shade=.15)
    ax.set(xlabel="training step", ylabel="loss", yscale="log")
    ax.grid(axis="y")
    right, ax = panel(PANEL, 2.6)
    for shift, (way, table) in enumerate(accuracy.items()):
        role, line = WAY_STYLE[way]
        plots.means(ax, np.arange(len(lengths)) + .06 * (shift - 1.5), table, role, line, label=way)
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
        plots.heat(ax, alpha, words, words)
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
    (plain, slope), (scaled, slope_scaled) = found.transpose(1, 2, 0)     # (seeds,) each
    return {"variance_plain": spread(plain), "slope_plain": f"{slope.mean():.3f}",
            "variance_scaled": spread(scaled, 2), "slope_scaled": f"{slope_scaled.mean():.2f}"}


def four_ways_in_words(losses, right, on_key):
    """Losses (seeds, steps) and shares (seeds, lengths) by way; the last length is the longest."""
    def share(shares):
        return f"{spread(100 * shares)} %"
    return {"softmax_long": share(right["softmax, scaled"][:, -1]),
            "softmax_share": share(on_key["softmax, scaled"][:, -1]),
            "relu_short": share(right["ReLU/L, scaled"][:, 0]), "relu_long": share(right["ReLU/L, scaled"][:, -1]),
            "relu_share": share(on_key["ReLU/L, scaled"][:, -1]), "relu_early": _early(losses["ReLU/L, scaled"]),
            "bare_early": _early(losses["ReLU, scaled"]), "task_sizes": task.SIZES}


def _early(losses):
    """The mean loss of steps 91 to 100, and its spread over the seeds."""
    return spread(losses[:, 90:100].mean(axis=1), 2)


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
    lines = [f"| weights | loss, step 100 | % right, {lengths[0]} rows | % right, {lengths[-1]} rows |",
             "|---|---|---|---|"]
    for way, table in losses.items():
        short, long = 100 * accuracy[way][:, [0, -1]].T
        lines.append(f"| {way} | {_early(table)} | {spread(short)} | {spread(long)} |".replace(" ± ", "\u00a0±\u00a0"))
    return Markdown("\n".join(lines))
