"""The table of chapters, `book/chapters.toml`: read here, and nowhere else."""
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "book" / "chapters.toml"
STEM = re.compile(r"\d\d_[a-z]+(_[a-z]+)*")


@dataclass(frozen=True)
class Chapter:
    """A chapter: the stem names its files; `there` tells whether it can be read yet."""

    stem: str
    title: str
    subtitle: str
    there: bool

    @property
    def number(self):
        return int(self.stem[:2])


@dataclass(frozen=True)
class Part:
    """A part of the book; in one that mirrors the notes, each chapter has a box about what they said."""

    title: str
    mirrors_notes: bool
    chapters: tuple


def parts(path=TABLE):
    """The parts with their chapters, in order. Raises ValueError that names the entry and what is wrong with it."""
    found = []
    for entry in tomllib.loads(Path(path).read_text(encoding="utf8")).get("parts", []):
        entry["chapters"] = tuple(_made(Chapter, each) for each in entry.get("chapters", []))
        found.append(_made(Part, entry))
    for place, chapter in enumerate((each for part in found for each in part.chapters), start=1):
        if not STEM.fullmatch(chapter.stem) or chapter.number != place:
            raise ValueError(f"chapters.toml: chapter {place} has the stem {chapter.stem!r}; "
                             f"a stem there is {place:02}_ and small letters, such as {place:02}_weights")
    return found


def chapters(path=TABLE):
    """All chapters, in order."""
    return [chapter for part in parts(path) for chapter in part.chapters]


def _made(kind, entry):
    """An instance of the dataclass `kind` from a table of the file, which has to give each field with its type."""
    name = f"{kind.__name__.lower()} {entry.get('stem') or entry.get('title')!r}"
    wanted = {field.name: field.type for field in fields(kind)}
    if set(entry) != set(wanted):
        came, needed = (", ".join(sorted(names)) for names in (entry, wanted))
        raise ValueError(f"chapters.toml: {name} gives {came}; it needs {needed}")
    for field, type_ in wanted.items():
        if not isinstance(entry[field], type_):
            raise ValueError(f"chapters.toml: {name} has {field} = {entry[field]!r}; it needs a {type_.__name__}")
    return kind(**entry)
