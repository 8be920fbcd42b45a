"""Sentences in which a word's tag depends on another word, as many places before it as you choose."""

import numpy as np

from attnlib._arguments import check_sizes
from attnlib.data.tagged import pack

AMBIGUOUS = ("book", "can", "light", "saw", "watch")          # each a noun and a verb
EVIDENCE = {"verb": ("I", "we", "you"), "noun": ("a", "my", "the")}
KINDS = {"verb": "pronoun", "noun": "determiner"}
FILLERS = ("early", "fast", "first", "next", "only", "still")  # each fits before a noun and before a verb
NAMES = ("pronoun", "determiner", "modifier", "verb", "noun")


def sentences(count=1000, distance=1, *, phrases=2, seed=0):
    """Sentences such as "I saw a saw", whose words *saw, can, book, light, watch* are nouns or verbs.

    A sentence has `phrases` phrases, drawn independently, each a noun phrase or a verb phrase with even odds.
    A phrase is a word of evidence (*the* … or *I* …), distance - 1 words that fit either ("the only first saw",
    "I only first saw"), and the word in question. Nothing nearer than the evidence says which it is: without a
    word `distance` places before it, no tagger gets more than half of them right on average.
    count, distance, phrases: 1 or more. With a sequence of distances each phrase draws one of them.
    Returns `Tagged`; its tags are pronoun, determiner, modifier, verb and noun. The same seed gives the same sentences,
    None others every time. Raises TypeError or ValueError for what is no whole number, 1 or more.

    >>> sentences(2, distance=1, seed=3).sentence(0)
    [('I', 'pronoun'), ('can', 'verb'), ('the', 'determiner'), ('light', 'noun')]
    """
    count, phrases = check_sizes("sentences", count=count, phrases=phrases)
    several = distance if isinstance(distance, list | tuple | range | np.ndarray) and len(distance) else [distance]
    distances = [check_sizes("sentences", distance=one) for one in several]
    if seed is not None:
        seed = check_sizes("sentences", least=0, seed=seed)
    rng = np.random.default_rng(seed)
    return pack([sum((_phrase(rng, distances) for _ in range(phrases)), []) for _ in range(count)], NAMES)


def _phrase(rng, distances):
    """One phrase: a list of pairs (word, tag)."""
    tag = "verb" if rng.random() < 0.5 else "noun"
    between = rng.choice(FILLERS, size=rng.choice(distances) - 1).tolist()
    evidence, word = rng.choice(EVIDENCE[tag]), rng.choice(AMBIGUOUS)
    return [(str(evidence), KINDS[tag]), *((filler, "modifier") for filler in between), (str(word), tag)]
