"""Handwritten digits and two photographs, from the scikit-learn wheel.

The files are read where they lie: importing scikit-learn for them would take longer than a second.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np


def digits():
    """1797 handwritten digits, 8x8 pixels each, and what they are.

    Returns images (1797, 8, 8) float32, from 0 (paper) to 1 (ink), and labels (1797,) int64 in 0..9.
    Raises ModuleNotFoundError, saying what to install, without scikit-learn.
    Source: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI, the test set.

    >>> images, labels = digits()
    >>> images.shape, labels[:5]
    ((1797, 8, 8), array([0, 1, 2, 3, 4]))
    """
    table = np.loadtxt(_shipped("digits", "data/digits.csv.gz"), delimiter=",", dtype=np.float32)  # (1797, 65)
    return table[:, :-1].reshape(-1, 8, 8) / 16, table[:, -1].astype(np.int64)


def photographs():
    """Two photographs: a Chinese temple, and a flower.

    Returns images (2, 427, 640, 3) float32, red, green and blue from 0 to 1, and their names ("china", "flower").
    Raises ModuleNotFoundError, saying what to install, without scikit-learn or Pillow.
    Source: scikit-learn's `load_sample_images`; the photographers are named in this folder's README.

    >>> images, names = photographs()
    >>> images.shape, names
    ((2, 427, 640, 3), ('china', 'flower'))
    """
    names = ("china", "flower")
    files = [_shipped("photographs", f"images/{name}.jpg") for name in names]
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "photographs: reading a JPEG needs Pillow, which is not installed. Run: pip install pillow"
        ) from None
    return np.stack([np.asarray(Image.open(file), np.float32) / 255 for file in files]), names


def _shipped(who, name):
    """The path of a file that scikit-learn ships in its folder `datasets`."""
    spec = find_spec("sklearn")
    if spec is None:
        raise ModuleNotFoundError(
            f"{who}: the pictures are inside scikit-learn, which is not installed. Run: pip install scikit-learn"
        )
    file = Path(spec.submodule_search_locations[0], "datasets", name)
    if not file.exists():
        raise FileNotFoundError(f"{who}: this scikit-learn has no {file}; version 1.9 has it.")
    return file
