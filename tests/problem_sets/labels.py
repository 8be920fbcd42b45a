"""How a wrong answer of a bank is labelled: what it really does, and which mistakes may be named for it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wrong:
    """A wrong answer as a student writes it, and what a check may say of it.

    does is a short phrase that says what the answer really does. slips holds the id of every mistake whose sentence
    is literally true of the answer, the one that matters most first; it is empty when no known sentence is true.
    named is True where a good check must name one of them: the answer makes that one mistake and no other, or that
    one dominates. Where it is False, showing the first place that differs is enough; naming an id that is not in
    slips is a false diagnosis in either case.
    """

    does: str
    answer: Any
    slips: tuple[str, ...] = ()
    named: bool = False
