"""Sentences with a tag for every word: the form in which both tagging sets come."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from attnlib._arguments import check_sizes


class Tagged(NamedTuple):
    """S sentences of up to T words, one tag a word, padded at the end.

    tokens (S, T) int64: word numbers; `words[tokens[s, t]]` is the word. Padding is 0, the word "".
    tags   (S, T) int64: tag numbers; `names[tags[s, t]]` is the tag. Padding is 0 too: ask `mask`.
    mask   (S, T) bool: True at a word, False at padding.
    words, names: tuples of str.
    """

    tokens: np.ndarray
    tags: np.ndarray
    mask: np.ndarray
    words: tuple
    names: tuple

    def sentence(self, s):
        """Sentence `s`, from 0, as a list of pairs (word, tag). Raises IndexError when there is none."""
        s = check_sizes("Tagged.sentence", least=0, s=s)
        if s >= len(self.tokens):
            raise IndexError(f"Tagged.sentence: sentence {s} is outside 0..{len(self.tokens) - 1}.")
        return [(self.words[w], self.names[t]) for w, t in zip(self.tokens[s], self.tags[s]) if w]

    def ambiguous(self):
        """Where a word alone does not tell its tag: (S, T) bool, True at words seen with more than one tag."""
        seen = np.zeros((len(self.words), len(self.names)), bool)
        seen[self.tokens[self.mask], self.tags[self.mask]] = True
        return self.mask & (seen.sum(1) > 1)[self.tokens]


def pack(sentences, names, vocabulary=None):
    """`Tagged` from lists of pairs (word, tag); words are numbered from 1, the most frequent first.

    With a `vocabulary`, all but that many words become "<rare>".
    """
    counts = Counter(word for sentence in sentences for word, _ in sentence)
    words = ["", *sorted(counts, key=lambda word: (-counts[word], word))]
    if vocabulary is not None and len(words) > vocabulary + 1:
        words[vocabulary + 1 :] = ["<rare>"]
    number = {word: i for i, word in enumerate(words)}
    tokens = np.zeros((len(sentences), max(map(len, sentences), default=0)), np.int64)  # (S, T)
    tags = np.zeros_like(tokens)
    for s, sentence in enumerate(sentences):
        tokens[s, : len(sentence)] = [number.get(word, len(words) - 1) for word, _ in sentence]
        tags[s, : len(sentence)] = [names.index(tag) for _, tag in sentence]
    return Tagged(tokens, tags, tokens > 0, tuple(words), tuple(names))
