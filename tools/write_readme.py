"""Write what README.md says about the chapters from the table of chapters: python -m tools.write_readme"""

import re

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
    """The whole text of README.md, with the block about the chapters as the table has it."""
    there = [chapter for chapter in chapters() if chapter.there]
    planned = len(chapters()) - len(there)
    listed = "\n".join(f"- `{chapter.stem}` {chapter.title}" for chapter in there)
    block = (f"Of {len(chapters())} chapters {len(there)} {'is' if len(there) == 1 else 'are'} there, in every layer; "
             f"{planned} are planned:\n\n{listed}\n\n"
             f"A chapter's **stem** names everything about it. `git ls-files '*{there[0].stem}*'` tells its story:\n\n"
             f"```\n{picture(there[0].stem)}\n```\n")
    text, changed = BLOCK.subn(lambda match: match[1] + block + match[2], README.read_text(encoding="utf8"))
    if changed != 1:
        raise ValueError("README.md needs one block between `<!-- written by: … -->` and `<!-- end -->`")
    return text


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
