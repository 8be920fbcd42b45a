"""Write what README.md says about the chapters, and about setting up for them: python -m tools.write_readme

It comes from the table of chapters and from the addresses in _config.yml.
"""

import re
from textwrap import fill

from tools import set_up
from tools.addresses import addresses
from tools.chapters import ROOT, chapters

README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- written by: python -m tools.write_readme -->\n).*?(<!-- end -->)", re.DOTALL)
COLUMNS = {  # who it is for, and the files of a stem that serve them
    "read": "book/|  {stem}.md|book/figures/|  fig_{stem}.py",
    "learn": "solutions/{stem}/|  {stem}.ipynb|      │ nbgrader|      ▼|exercises/{stem}/|  {stem}.ipynb",
    "teach": "attnlib/check/specs/|  ex_{stem}.py|    points, cases, slips|tests/problem_sets/|  test_{stem}.py|"
             "    proves the specification",
}


def written():
    """The whole text of README.md, with its two blocks as table and addresses have them."""
    blocks = iter((about_setting_up(addresses()), about_chapters(addresses())))
    text, changed = BLOCK.subn(lambda match: match[1] + next(blocks, "") + match[2], README.read_text(encoding="utf8"))
    if changed != 2:
        raise ValueError("README.md needs two blocks between `<!-- written by: … -->` and `<!-- end -->`: "
                         "about setting up, and about the chapters")
    return text


def about_setting_up(where):
    """Three lines that make a learner ready, and the chapters to start with."""
    sentence, lines = set_up.for_readme(where)
    told = [fill(f"- {line.place}, {line.doing} `{line.command}`", 120, subsequent_indent="  ", break_long_words=False,
                 break_on_hyphens=False) for line in lines]
    return "\n".join([sentence, "", *told, ""])


def about_chapters(where):
    """How many chapters there are, which can be read, and where the files of one are."""
    there = [chapter for chapter in chapters() if chapter.there]
    planned = len(chapters()) - len(there)
    listed = "\n".join(f"- `{chapter.stem}` {chapter.title}{links(chapter.stem, where)}" for chapter in there)
    return (f"Of {len(chapters())} chapters {len(there)} {'is' if len(there) == 1 else 'are'} there, in every layer; "
            f"{planned} are planned:\n\n{listed}\n\n"
            f"A chapter's **stem** names everything about it. `git ls-files '*{there[0].stem}*'` tells its story:\n\n"
            f"```\n{picture(there[0].stem)}\n```\n")


def links(stem, where):
    """': [page](…), [Colab](…), [Binder](…)', those of them that have an address."""
    known = {"page": f"{where.site}/{stem}.html" if where.site else "", "Colab": where.colab(stem),
             "Binder": where.binder(stem)}
    listed = ", ".join(f"[{name}]({link})" for name, link in known.items() if link)
    return f": {listed}" if listed else ""


def picture(stem):
    """Three boxes side by side: where the files of one stem are."""
    boxes = [box(name, lines.format(stem=stem).split("|")) for name, lines in COLUMNS.items()]
    return "\n".join("   ".join(row).rstrip() for row in zip(*boxes))


def box(title, lines):
    """Lines of one width: the title, and a frame around `lines`, as tall as the tallest column."""
    lines = lines + [""] * (max(text.count("|") for text in COLUMNS.values()) + 1 - len(lines))
    width = max(map(len, lines)) + 2
    framed = [f"│ {line}".ljust(width + 1) + "│" for line in lines]
    return [title.center(width + 2), f"┌{'─' * width}┐", *framed, f"└{'─' * width}┘"]


def main():
    """Write the file."""
    README.write_text(written(), encoding="utf8")
    print(f"Wrote {README.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
