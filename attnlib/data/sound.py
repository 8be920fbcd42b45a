"""Speech: who is speaking, from real recordings; and a vowel made from its formants."""

from pathlib import Path

import numpy as np

from attnlib._arguments import check_numbers

FORMANTS = {  # hertz; averages over 33 men
    "i": (270, 2290, 3010),   # heed
    "e": (530, 1840, 2480),   # head
    "a": (730, 1090, 2440),   # hod
    "o": (570, 840, 2410),    # hawed
    "u": (300, 870, 2240),    # who'd
}
BANDWIDTHS = (60, 90, 150)    # hertz


def japanese_vowels(split="all"):
    """Nine men saying the vowels /ae/: 640 utterances of 7 to 29 frames, and who speaks.

    split: "train" (270 utterances), "test" (370) or "all" (the training ones first).
    A frame is 12 LPC cepstrum coefficients of 25.6 ms of sound at 10 kHz; a new one starts every 6.4 ms.
    Returns utterances, a list of arrays (n, 12) float32 with 7 <= n <= 29, and speakers (640,) int64 in 0..8.
    Raises ValueError for another split.
    Source: Kudo, Toyama & Shimbo 1999, "Multidimensional curve classification using passing-through regions"; UCI.

    >>> utterances, speakers = japanese_vowels("train")
    >>> len(utterances), utterances[0].shape, np.bincount(speakers)
    (270, (20, 12), array([30, 30, 30, 30, 30, 30, 30, 30, 30]))
    """
    parts = {"train": slice(0, 270), "test": slice(270, 640), "all": slice(0, 640)}
    if not isinstance(split, str) or split not in parts:
        raise ValueError(f"japanese_vowels: split is {split!r}; it can be 'train', 'test' or 'all'.")
    with np.load(Path(__file__).with_name("japanese_vowels.npz")) as file:
        frames, lengths, speakers = file["frames"], file["lengths"], file["speakers"]  # (9961, 12), (640,), (640,)
    utterances = np.split(frames, np.cumsum(lengths)[:-1])
    return utterances[parts[split]], speakers[parts[split]].astype(np.int64)


def vowel(name="a", *, seconds=0.25, rate=16000, pitch=120.0):
    """The sound of a vowel, made from its first three formants.

    name: "i", "e", "a", "o" or "u"; seconds > 0; rate, samples a second; pitch, hertz.
    Returns samples (seconds x rate,) float32, the largest of size 1.
    The voice's harmonics fall by 6 dB an octave and pass one resonator a formant (in cascade).
    Raises ValueError for another name, or a rate too low for the third formant.
    Source: formants, Peterson & Barney 1952, table II (men); resonators, Klatt 1980, eq. 1-3.

    >>> vowel("a").shape, vowel("i", seconds=0.1, rate=8000).shape
    ((4000,), (800,))
    """
    if not isinstance(name, str) or name not in FORMANTS:
        raise ValueError(f"vowel: name is {name!r}; it can be {', '.join(map(repr, FORMANTS))}.")
    check_numbers("vowel", seconds=seconds, rate=rate, pitch=pitch)
    if not (round(float(seconds) * float(rate)) > 0 and 0 < pitch < rate / 2 and FORMANTS[name][-1] < rate / 2):
        raise ValueError(
            f"vowel: got seconds={seconds}, rate={rate}, pitch={pitch}; seconds and pitch must be positive, "
            f"and rate above twice the third formant, {2 * FORMANTS[name][-1]} samples a second."
        )
    harmonics = np.arange(1, int(rate / 2 / pitch) + 1)            # 1, 2, ... up to half the rate
    gains = 1 / harmonics + 0j                                     # 6 dB an octave
    for formant, width in zip(FORMANTS[name], BANDWIDTHS):
        gains *= _resonance(formant / rate, width / rate, harmonics * pitch / rate)
    turns = np.arange(round(float(seconds) * float(rate))) * pitch / rate        # (T,) periods of the voice
    samples = (np.exp(2j * np.pi * np.outer(turns, harmonics)) @ gains).real
    return (samples / abs(samples).max()).astype(np.float32)


def _resonance(formant, width, tones):
    """The complex gain that y[t] = a x[t] + b y[t-1] + c y[t-2] gives each tone; all in cycles a sample."""
    c = -np.exp(-2 * np.pi * width)
    b = 2 * np.exp(-np.pi * width) * np.cos(2 * np.pi * formant)
    back = np.exp(-2j * np.pi * tones)                             # one sample back
    return (1 - b - c) / (1 - b * back - c * back**2)
