"""Does chapter 05 print what attnlib computes?"""
import re
from pathlib import Path

import numpy as np

from attnlib import attention, scores
from attnlib.check import spec

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "05_weights.md").read_text(encoding="utf8")


def test_by_hand():
    """Are the pencil's numbers right to the last digit shown?"""
    table = re.findall(r"^\| \$\((.*?)\)\$ \| (.*?) \| (.*?) \| (.*?) \| (.*?) \| \((.*?)\) \|$", PAGE, re.M)
    keys, values = (np.array([[float(x) for x in row[i].split(",")] for row in table]) for i in (0, 5))
    query = np.ones((1, 4))
    (b,), (alpha,) = attention.attend(query, keys, values)
    score = scores.scaled_dot(query, keys)[0]
    shown = [[row[i] for row in table] for i in (1, 2, 3, 4)]
    assert shown[0] == [f"{x:.0f}" for x in scores.dot(query, keys)[0]]
    assert shown[1] == [f"{x:.0f}" for x in score]
    assert shown[2] == [f"{x:.2f}" for x in np.exp(score)]
    assert shown[3] == [f"{x:.2f}" for x in alpha]
    assert f"the sum of the three, {np.exp(score).sum():.2f}" in PAGE
    assert f"b_1 = ({b[0]:.2f}, {b[1]:.2f})" in PAGE


def test_the_mistake_is_run():
    """Is the code in the box the code that made its picture?"""
    shown, = re.findall(r"^```python\n(.*?)\s*#.*\n```$", PAGE, re.M)
    assert f"\n{shown}\n" in PAGE.split("{admonition} Common mistake")[0]


def test_the_notes_are_answered():
    """Does the box take up the notes that the chapter mirrors?"""
    box = PAGE.split("{admonition} What the notes said")[1].split(":::")[0]
    assert set(re.findall(r"^- \*\*(\d{3})\*\*", box, re.M)) == {"000", "002", "003", "004"}


def test_exercises(book):
    """Does the page offer the very notebook of the set, and name its points?"""
    html = (book / "05_weights.html").read_text(encoding="utf8")
    points = sum(exercise.points for exercise in spec.exercises("05_weights"))
    assert f"{points:g} points, about" in html
    links = set(re.findall(r'href="([^"]*05_weights\.ipynb)"', html))
    assert links == {"files/05_weights.ipynb"}
    assert (book / links.pop()).read_bytes() == (ROOT / "exercises" / "05_weights" / "05_weights.ipynb").read_bytes()
