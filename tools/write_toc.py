"""Write the sidebar, `book/_toc.yml`, from the table of chapters: python -m tools.write_toc"""
import json

from tools import chapters

TOC = chapters.ROOT / "book" / "_toc.yml"
BEFORE = ("Before we start", ["notation"])
AFTER = ("Reference", ["api", "api_more"])


def text():
    """The whole file; a part is in it once one of its chapters is there."""
    lines = ["# Written from chapters.toml by: python -m tools.write_toc", "format: jb-book", "root: index", "parts:"]
    lines += _part(BEFORE[0], [(page, None) for page in BEFORE[1]])
    for part in chapters.parts():
        there = [(each.stem, f"{each.number:02} {each.title}") for each in part.chapters if each.there]
        lines += _part(part.title, there) if there else []
    lines += _part(AFTER[0], [(page, None) for page in AFTER[1]])
    return "\n".join(lines) + "\n"


def _part(caption, pages):
    """Lines of YAML, in which a JSON string is a string."""
    lines = [f"  - caption: {json.dumps(caption, ensure_ascii=False)}", "    chapters:"]
    for page, title in pages:
        lines.append(f"      - file: {page}")
        lines += [f"        title: {json.dumps(title, ensure_ascii=False)}"] if title else []
    return lines


def main():
    """Write the file."""
    TOC.write_text(text(), encoding="utf8")
    print(f"Wrote {TOC.relative_to(chapters.ROOT)}.")


if __name__ == "__main__":
    main()
