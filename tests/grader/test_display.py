"""Display is the second sandbox: does anything a student wrote act when an instructor looks at it, and clicks?"""

import random
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

from grader.sanitize.markdown import TAGS, safe_markdown
from tests.grader.corpus import corpus
from tests.grader.corpus.display import REPORT, SCRIPTS
from tests.grader.sample_class import STEM
from tests.grader.test_feedback import FRAGMENTS, KEPT
from tests.grader.visitor import Visitor, ask, by_hand, served, submissions

pytestmark = [pytest.mark.chromium, pytest.mark.sandbox, pytest.mark.slow, pytest.mark.xdist_group("graded_corpus"),
              pytest.mark.filterwarnings("ignore:Object of type")]
GRADED = [name for name, submitted in corpus().items() if submitted.points is not None]
STOCK = "c = get_config()\nc.CourseDirectory.course_id = 'default_course'\nc.CourseDirectory.root = {root!r}\n"
UNFILTERED = """
from pathlib import Path
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from grader.course import Course
from grader.nbgrader_bridge import pages
from grader.nbgrader_bridge.configure import configure
c = get_config()
configure(c, Course.at(Path({root!r})))
pages.safe_markdown = markdown2html_mistune  # no configuration takes the filter away
"""
ODD_NAMES = ("<img src=x onerror=document.title='touched'>", "<img src=x onerror=document.title='touched'>?",
             "&lt;img src=x onerror=document.title='touched'&gt;", '";document.title="touched";"', "[x](http:a)")


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(chromium).exists():
        pytest.skip("no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def course(graded_corpus):
    return graded_corpus[0]


@pytest.fixture(scope="module")
def visitor(browser, course):
    """Somebody who visits the corpus in formgrader."""
    with served(course.folder) as address:
        visiting = Visitor(browser, address)
        visiting.pages = submissions(address)
        yield visiting


def copied(course, folder, configuration):
    """The course in another folder, with another configuration, and a page beside a notebook as old courses have it."""
    for name in ("autograded", "submitted"):
        shutil.copytree(course.folder / name, folder / name)
    shutil.copy(course.folder / "gradebook.db", folder)
    (folder / "nbgrader_config.py").write_text(configuration.format(root=str(folder)))
    (folder / "autograded" / "a_link_to_a_page_beside" / STEM / "report.html").write_text(REPORT)
    return folder


@pytest.fixture(scope="module")
def unprotected(browser, course, tmp_path_factory):
    """The same in nbgrader's own formgrader: the visit that finds nothing must be one that could find something."""
    folder = copied(course, tmp_path_factory.mktemp("stock"), STOCK)
    with served(folder) as address:
        visiting = Visitor(browser, address)
        visiting.pages, visiting.folder = submissions(address), folder
        yield visiting


@pytest.fixture(scope="module")
def unfiltered(browser, course, tmp_path_factory):
    """The same in our formgrader, without the filter: what holds then?"""
    folder = copied(course, tmp_path_factory.mktemp("unfiltered"), UNFILTERED)
    for name in ODD_NAMES:
        (folder / "submitted" / name / STEM).mkdir(parents=True)
        (folder / "submitted" / name / STEM / f"{STEM}.ipynb").write_text("{}")
    with served(folder) as address:
        visiting = Visitor(browser, address)
        visiting.pages, visiting.folder = submissions(address), folder
        yield visiting


@pytest.fixture(scope="module")
def visited():
    """The notebooks that were visited, by place: many of the corpus were handed in in odd ways, and are the same."""
    return {"formgrader": set(), "feedback": set()}


def is_known(visited, course, name):
    """Whether a graded notebook that is the same to the letter was visited before; now it was."""
    notebook = (course.folder / "autograded" / name / STEM / f"{STEM}.ipynb").read_bytes()
    known = notebook in visited
    visited.add(notebook)
    return known


@pytest.mark.parametrize("name", GRADED)
def test_in_formgrader(visitor, visited, course, name):
    """Does nothing happen, wherever an instructor clicks in what was handed in?"""
    if is_known(visited["formgrader"], course, name):
        return
    before = by_hand(course.folder, name)
    assert visitor.open(visitor.pages[name]) == []
    visitor.click_everywhere()
    assert visitor.seen == []
    assert by_hand(course.folder, name) == before
    assert visitor.page.url.startswith(visitor.pages[name])
    assert ask(visitor.address, "/api/kernels") == []


@pytest.mark.parametrize("name", GRADED)
def test_in_feedback(visitor, visited, course, name):
    """Is a page of feedback without any request and any script, wherever its reader clicks?"""
    if is_known(visited["feedback"], course, name):
        return
    page = course.folder / "feedback" / name / STEM / f"{STEM}.html"
    assert visitor.open(page.as_uri()) == []
    visitor.click_everywhere()
    assert visitor.seen == []
    assert visitor.page.url.startswith(page.as_uri())
    assert visitor.page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("name", ["as_it_should_be", "ids_of_the_graded_cells", "buttons_over_the_page",
                                  "ids_of_the_page", "headings_called_like_ids"])
def test_an_instructor_can_still_grade(visitor, course, name):
    """Are a score and a comment saved on every page, whatever the student called things?"""
    before = by_hand(course.folder, name)
    grade_id = next(key for key in before if not key.endswith(" comment"))
    comment = next(key for key in before if key.endswith(" comment"))
    visitor.open(visitor.pages[name])
    for score, said in (("1", "Well done"), ("", "")):
        with visitor.page.expect_response(lambda answer: "/api/comment/" in answer.url):
            visitor.page.locator(f"#{comment.removesuffix(' comment')}-comment").fill(said)
            visitor.page.keyboard.press("Tab")
        with visitor.page.expect_response(lambda answer: "/api/grade/" in answer.url):
            visitor.page.locator(f"input#{grade_id}").fill(score)
            visitor.page.keyboard.press("Tab")
        after = by_hand(course.folder, name)
        assert (after[grade_id][0], after[comment] or "") == (float(score) if score else None, said)


def test_formgraders_own_pages(visitor):
    """Do the pages that list, name and sort go on working under the policy, clicks on their own buttons included?"""
    table = visitor.page.locator("#main-table")
    for path in ("manage_assignments", f"manage_submissions/{STEM}", "gradebook", f"gradebook/{STEM}",
                 f"gradebook/{STEM}/{STEM}", "manage_students", "manage_students/as_it_should_be"):
        assert visitor.open(f"{visitor.address}/formgrader/{path}") == []
        table.get_by_text("Loading").wait_for(state="hidden")
        assert table.locator("a").count() > 0
    visitor.open(f"{visitor.address}/formgrader/gradebook/{STEM}/{STEM}")
    table.get_by_text("Loading").wait_for(state="hidden")
    visitor.page.click("#toggle_names")
    assert visitor.page.get_by_text("as_it_should_be").is_visible()
    visitor.open(visitor.pages["as_it_should_be"])
    visitor.page.click("span.glyphicon.name-hidden")
    assert visitor.page.locator("a.name-shown").is_visible()


def test_the_visit_sees_buttons(unprotected):
    """In nbgrader's own formgrader, does the same visit see a wrong answer get full marks by a click?"""
    unprotected.open(unprotected.pages["buttons_for_a_wrong_answer"])
    unprotected.click_everywhere()
    unprotected.page.wait_for_timeout(500)
    assert [what for what in unprotected.seen if what.startswith("PUT ")]
    assert any(score for score, _ in list(by_hand(unprotected.folder, "buttons_for_a_wrong_answer").values())[:7])


def test_the_visit_sees_scripts_and_links(unprotected):
    """In nbgrader's own formgrader, does the same visit see a script run, and a student's page open?"""
    unprotected.open(unprotected.pages["scripts_in_a_text"])
    assert unprotected.page.title() == "touched"
    unprotected.open(unprotected.pages["a_link_to_a_page_beside"])
    unprotected.page.get_by_text("my report").click()
    unprotected.page.wait_for_timeout(500)
    assert [what for what in unprotected.seen if what.endswith("/report.html")]
    assert [what for what in unprotected.seen if what.startswith("POST ") and what.endswith("/api/kernels")]


def test_the_policy_alone(unfiltered):
    """Without the filter, does the policy of formgrader's pages stop every script all the same?"""
    unfiltered.open(unfiltered.pages["scripts_in_a_text"])
    assert unfiltered.page.locator("[onclick*=touched]").count() == 1
    unfiltered.page.evaluate("document.querySelector('[onclick*=touched]').click()")
    assert unfiltered.page.title() == STEM
    assert not [what for what in unfiltered.seen if what.startswith(("POST ", "dialog"))]
    assert ask(unfiltered.address, "/api/kernels") == []


def test_the_policy_of_feedback(visitor, tmp_path, course):
    """Without the filter, does the policy of a feedback page stop every script all the same?"""
    page = (course.folder / "feedback" / "as_it_should_be" / STEM / f"{STEM}.html").read_text()
    assert page.index("Content-Security-Policy") < page.index("<style")
    (tmp_path / "page.html").write_text(page.replace("<body>", f"<body>{SCRIPTS}"))
    visitor.open((tmp_path / "page.html").as_uri())
    assert visitor.page.title() == STEM


def test_files_beside_a_notebook(unfiltered):
    """Is a student's page that lies beside a notebook, as in old courses, not served?"""
    answer = unfiltered.page.goto(unfiltered.pages["a_link_to_a_page_beside"] + "report.html")
    assert answer.status == 404
    assert "sandbox" in answer.headers["content-security-policy"]
    assert unfiltered.page.title() != "touched"


def test_odd_names(unfiltered):
    """Does a folder whose name intake refuses not act in the lists, nor when its grading fails?"""
    for name in ODD_NAMES:
        unfiltered.open(f"{unfiltered.address}/formgrader/manage_submissions/{STEM}")
        unfiltered.page.get_by_text("as_it_should_be").wait_for()
        row = unfiltered.page.locator("tr", has=unfiltered.page.get_by_text(name, exact=True))
        if row.count():
            row.locator(".autograde a").click()
            unfiltered.page.locator(".modal.in").wait_for()
        assert unfiltered.page.title() == "nbgrader formgrade"
        unfiltered.page.goto(f"{unfiltered.address}/formgrader/manage_students/{quote(name)}")
        assert unfiltered.page.title() != "touched"


NOT_PASSIVE = """([pieces, tags, names]) => pieces.filter(html =>
  [...new DOMParser().parseFromString(html, "text/html").body.querySelectorAll("*")].some(e =>
    !tags.includes(e.localName) || !(e instanceof HTMLElement) ||
    [...e.attributes].some(a => !names.includes(a.name)) || e.src && !e.src.startsWith("data:image/") ||
    e.href && (e.host == location.host || e.target != "_blank" ||
               !["http:", "https:", "mailto:"].includes(e.protocol))))"""


def test_any_text_as_a_browser_reads_it(visitor):
    """Does Chromium, too, find only elements and attributes of the list in texts put together from nasty pieces?"""
    draw = random.Random(0)
    texts = ["".join(draw.choices(FRAGMENTS, k=draw.randrange(1, 60))) for _ in range(500)]
    visitor.open(f"{visitor.address}/formgrader/gradebook")
    allowed = [sorted(TAGS), sorted(KEPT)]
    assert visitor.page.evaluate(NOT_PASSIVE, [[safe_markdown(text) for text in texts], *allowed]) == []
    assert len(visitor.page.evaluate(NOT_PASSIVE, [texts, *allowed])) > 400


def test_another_course_by_a_link(visitor):
    """Is formgrader's switch to another course, which runs that course's configuration, out of a link's reach?"""
    answer = visitor.page.goto(f"{visitor.address}/formgrader?path=/tmp")
    assert answer.status == 403
