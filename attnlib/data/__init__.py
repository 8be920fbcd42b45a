"""The course's data: small, real where possible, and shipped inside packages, so that nothing is downloaded.

`japanese_vowels`, `vowel`, `python_names`, `sentences`, `digits`, `photographs`, `karate_club`: one function a set.
Where each comes from and under which licence: `README.md` beside this file.
"""

from attnlib.data.grammar import sentences
from attnlib.data.graphs import karate_club
from attnlib.data.pictures import digits, photographs
from attnlib.data.sound import japanese_vowels, vowel
from attnlib.data.source import python_names

__all__ = ["digits", "japanese_vowels", "karate_club", "photographs", "python_names", "sentences", "vowel"]
