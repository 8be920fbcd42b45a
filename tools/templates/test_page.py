"""Does chapter $number print what attnlib computes?"""
from pathlib import Path

PAGE = Path(__file__).parents[2] / "book" / "$stem.md"


def test_every_exercise_is_on_the_page(book):
    """Does the page list the exercises of its set?"""
    page = PAGE.read_text(encoding="utf8")
    assert "{exercise-list} $stem" in page and "{set-up} $stem" in page
    assert (book / "$stem.html").exists()
