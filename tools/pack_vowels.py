"""Make attnlib/data/japanese_vowels.npz from the two text files of the UCI archive's set in the aeon or sktime wheel.

Run: python tools/pack_vowels.py JapaneseVowels_TRAIN.ts JapaneseVowels_TEST.ts attnlib/data/japanese_vowels.npz
"""

import sys
from pathlib import Path

import numpy as np


def read_ts(text):
    """Utterances, arrays (n, 12) float32, and speakers, 0..8, from the text of a .ts file: one utterance a line,
    its 12 coefficients separated by colons, then the speaker, 1..9."""
    rows = [line.split(":") for line in text.splitlines() if line and line[0] not in "#@"]
    utterances = [np.array([channel.split(",") for channel in row[:-1]], np.float32).T for row in rows]
    return utterances, [int(row[-1]) - 1 for row in rows]


def pack(train, test, target):
    """Write the utterances of both files, end to end, with their lengths and speakers."""
    (first, first_speakers), (second, second_speakers) = (read_ts(Path(path).read_text()) for path in (train, test))
    np.savez_compressed(
        target,
        frames=np.concatenate(first + second),                                  # (9961, 12) float32
        lengths=np.array([len(utterance) for utterance in first + second], np.uint8),
        speakers=np.array(first_speakers + second_speakers, np.uint8),
    )


if __name__ == "__main__":
    pack(*sys.argv[1:])
