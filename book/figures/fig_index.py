"""The figure of the first page."""
from figures.saw import alpha, words
from figures.style import LIGHT, Drawing, panel


def every_word_listens_to_every_word():
    """Each word below draws on all words above, as much as the line is thick."""
    fig, ax = panel(height=1.4)
    for i, row in enumerate(alpha):
        for j, weight in enumerate(row):
            ax.plot([j, i], [.82, .18], color=LIGHT["alpha"], linewidth=7 * weight, alpha=.25 + .75 * weight,
                    solid_capstyle="round")
    for place, word in enumerate(words):
        ax.text(place, .95, word, ha="center", va="center", color=LIGHT["k"], fontsize=11)
        ax.text(place, .05, word, ha="center", va="center", color=LIGHT["q"], fontsize=11)
    ax.text(-.4, .95, "to whom", ha="right", va="center", color=LIGHT["k"])
    ax.text(-.4, .05, "who listens", ha="right", va="center", color=LIGHT["q"])
    ax.set(xlim=(-1.75, 3.3), ylim=(-.1, 1.1))
    ax.axis("off")
    strongest = ", ".join(f"{word} to {words[int(row.argmax())]} with {row.max():.2f}"
                          for word, row in zip(words, alpha))
    return Drawing("index", [fig], alt=(
        "The words I, saw, a, saw stand in two rows, joined by lines from every word below to every word above; a line "
        f"is as thick as its weight. The strongest lines: {strongest}."))
