"""One report, three forms: do they tell the same, and can a learner's text break out of them?"""

import html
import json
import re

import numpy as np
import pytest

from attnlib.check.scoring.outcome import REMEDIES
from attnlib.check.scoring.report import PropertyResult, Report
from attnlib.check.scoring.shown import Shown, written
from attnlib.check.scoring.unfit import SENTENCES
from tests.check.specs import TWICE, report_of
from tests.problem_sets.sentences import bare_code


def evil(array):
    raise ValueError("<script>alert('x')</script><img src=x onerror=alert(1)>&amp;\"'")


REPORTS = {
    "full": report_of(lambda array: 2 * array),
    "slip": report_of(lambda array: 3 * array),
    "nothing": report_of(None),
    "evil": report_of(evil),
    "part": report_of(lambda array: 2 * array if array.ndim == 2 else evil(array)),
}


@pytest.fixture(params=REPORTS)
def report(request):
    return REPORTS[request.param]


def test_text_and_html_tell_the_same(report):
    """Does every sentence of the text stand in the HTML, escaped, and the other way round?"""
    shown = html.unescape(re.sub(r"<[^>]*>", "", re.sub("<(?!/|code)", " <", report.html()))).split()
    heads = ["Result", "Points", "Property"]
    told = re.sub("`([^`\n]+)`", r"\1", report.text())
    assert sorted(word for word in shown if word not in heads) == sorted(
        word for word in told.split() if word not in heads)


def test_no_tag_of_a_learner_reaches_the_html(report):
    """Is no tag in the HTML but our own?"""
    ours = "div p strong table thead tbody tr th td br small code pre details summary span".split()
    assert set(re.findall(r"<(\w+)", report.html())) <= set(ours)


def test_a_report_comes_back_from_json_as_it_was(report):
    """Does a report come back from JSON as it was?"""
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_the_points_are_the_sum_of_the_properties(report):
    """Are the points the sum of the properties', and the summary says so?"""
    assert report.points == sum(result.points for result in report.results)
    assert report.max_points == TWICE.points
    assert report.summary == f"{report.points:g} of 4 points"
    assert report.text().startswith(f"{report.heading}  {report.summary}")


def test_the_slip_is_read_first():
    """Is the slip's sentence the line right under the points?"""
    assert REPORTS["slip"].text().splitlines()[1] == "  This is three times the array."


def test_one_reason_of_several_rows_is_told_once():
    """Is a reason that several properties share told once, above them, and left out where the headline says it?"""
    waits = tuple(PropertyResult(name, 0, 1, None, "Not scored yet.") for name in ("second", "third"))
    report = Report("name", "asks", (PropertyResult("first", 0, 1, False, "It is wrong."), *waits))
    for told in (report.text(), report.html()):
        assert told.count("Not scored yet.") == 1 and told.index("Not scored yet.") < told.index("second")
        assert "Not scored yet." not in told.split("third")[1]
    assert "Not scored yet." not in Report("name", "asks", waits, "This follows from exercise 1.").text()


@pytest.mark.parametrize("expected, got, headline, names", [
    ("1", "2", "", ["expected", "got"]),
    ("1", "1", "", ["expected and got"]),
    ("1", "It raised ValueError.", "", ["expected"]),
    ("1", "It raised ValueError.", "It raised ValueError.", ["expected"]),
    ("1", "It raised TypeError.", "It raised ValueError.", ["expected", "got"])])
def test_nothing_is_told_twice(expected, got, headline, names):
    """Does the case leave out what a row or the headline has told, and what is the same twice?"""
    failed = PropertyResult("first", 0, 1, False, "For a case: it raised ValueError.")
    report = Report("name", "asks", (failed,), headline, shown=Shown(0, "a case", (), expected, got))
    assert re.findall(r"<strong>((?:expected|got)[^<]*)", report.html()) == names
    assert re.findall("^    (expected and got|expected|got) ", report.text(), re.MULTILINE) == names


@pytest.mark.parametrize("value, told", [
    ([999.37, -1000.5, 0.25], "array([  999.37, -1000.5 ,     0.25])"),
    ([1000.0, 1e-7], "array([1.e+03, 1.e-07])"),
    ([np.nan, np.inf, 0.0], "array([nan, inf,  0.])"),
    ([], "an empty array of shape (0,)")])
def test_numbers_are_written_out_where_nothing_is_lost(value, told):
    """Are numbers of ordinary size written without exponents, and none rounded to zero?"""
    assert written(np.array(value)) == told


def test_a_report_shows_itself_in_a_notebook():
    """Does a notebook show the HTML, and a terminal the text?"""
    report = Report("name", "asks", (PropertyResult("holds", 1, 1, True),))
    assert (repr(report), report._repr_html_()) == (report.text(), report.html())


@pytest.mark.parametrize("sentence", [*SENTENCES.values(), *REMEDIES.values()])
def test_code_in_our_own_sentences_stands_between_backquotes(sentence):
    """Is what to write set as code?"""
    assert not bare_code(sentence)
