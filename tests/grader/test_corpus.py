"""What outsiders handed in that once went wrong: does each get the points it must, and is it told what it must?"""

import pytest

from tests.grader.corpus import corpus
from tests.grader.sample_class import STEM

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.filterwarnings("ignore:Object of type")]
CORPUS = corpus()


@pytest.mark.parametrize("name", CORPUS)
def test_points(graded_corpus, name):
    """Does it get its points, or is it reported as not graded?"""
    _, rows = graded_corpus
    assert name in rows, "silently absent"
    scores = rows[name].scores
    total = None if scores is None else sum(points or 0 for points in scores.values())
    assert total == CORPUS[name].points, rows[name].messages
    assert not rows[name].fault


@pytest.mark.parametrize("name", CORPUS)
def test_what_is_said(graded_corpus, name):
    """Is the instructor told what must be told, and the student shown what must be shown?"""
    course, rows = graded_corpus
    said = "\n".join(rows[name].messages)
    assert all(words in said for words in CORPUS[name].told), said
    assert said == "" or CORPUS[name].told, said
    page = course.folder / "feedback" / name / STEM / f"{STEM}.html"
    assert page.exists() == (CORPUS[name].points is not None)
    if page.exists():
        html = page.read_text()
        assert all(words in html for words in CORPUS[name].shown)
