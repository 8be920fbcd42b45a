"""What a wrong answer of a bank carries beside its code: what it really does, and which known sentences fit it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wrong:
    """A wrong answer with its label.

    does says what it really does. slips are the ids of all mistakes whose sentence is literally true of it, the one
    that matters most first. named: a good checker names one of them; otherwise it is enough that it shows what is
    wrong.
    """

    does: str
    answer: Any
    slips: tuple[str, ...] = ()
    named: bool = False
