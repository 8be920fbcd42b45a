"""The figure of the notation page."""
from matplotlib.patches import Rectangle

from figures.style import LIGHT, NARROW, Drawing, panel

SIZES = {"N": 4, "D": 6, "d": 2, "dᵥ": 3}
ROW = 1              # the row that is followed, counted from 0


def a_row_stays_a_row():
    """Three products: X W = Q, Q Kᵀ to α, α V = B, with one row drawn strong throughout."""
    drawings = [
        _product(("X", "N", "D", "muted"), ("W", "D", "d", "line"), "=", ("Q", "N", "d", "q")),
        _product(("Q", "N", "d", "q"), ("Kᵀ", "d", "N", "k"), "→", ("α", "N", "N", "alpha")),
        _product(("α", "N", "N", "alpha"), ("V", "N", "dᵥ", "v"), "=", ("B", "N", "dᵥ", "b")),
    ]
    return Drawing("shapes", drawings, alt=(
        "Three products drawn as blocks of cells. X, N rows of D, times W, D rows of d, is Q, N rows of d. "
        "Q times K transposed, d rows of N, becomes alpha, N rows of N. "
        "Alpha times V, N rows of d v, is B, N rows of d v. "
        "The second row is drawn strong in X, Q, alpha and B."))


def _product(left, right, sign, result):
    fig, ax = panel(NARROW, 1.4)
    x = 0
    for block, follow, after in [(left, True, ""), (right, False, sign), (result, True, "")]:
        name, *shape, role = block
        rows, columns = (SIZES[size] for size in shape)
        _block(ax, x, rows, columns, role, follow)
        middle = x + columns / 2
        ax.text(middle, -rows / 2 - .3, f"({shape[0]}, {shape[1]})", ha="center", va="top",
                color=LIGHT["muted"], fontsize=8)
        ax.text(middle, 3.9, name, ha="center", va="bottom", fontweight="bold",
                color=LIGHT["ink" if role == "line" else role])
        x += columns + .7
        if after:
            ax.text(x + .2, 0, after, ha="center", va="center")
            x += 1.1
    ax.set(xlim=(-.3, 14.2), ylim=(-4.4, 5), aspect="equal")
    ax.axis("off")
    return fig


def _block(ax, x, rows, columns, role, follow):
    """A grid of cells, centred on y = 0; each row a filled strip under its cells' frames."""
    for i in range(rows):
        y, strength = rows / 2 - i - 1, .85 if follow and i == ROW else .22
        ax.add_patch(Rectangle((x, y), columns, 1, facecolor=LIGHT[role], alpha=strength, linewidth=0))
        for j in range(columns):
            ax.add_patch(Rectangle((x + j, y), 1, 1, fill=False, edgecolor=LIGHT["muted"], linewidth=.5))
