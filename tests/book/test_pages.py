"""Does every page work, in both themes, at a desk and on a telephone, with no network?"""
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
SOURCES = {path.stem: path.read_text(encoding="utf8") for path in sorted(BOOK.glob("*.md"))}
PAGES = [*SOURCES, "search"]
REFERENCE = [name for name, source in SOURCES.items() if "```{api}" in source]
AXE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK, TELEPHONE = 1280, 375
MOST_BYTES = 1_200_000

pytestmark = pytest.mark.chromium

# What Tab has to reach: everything that can be operated and is shown.
CONTROLS = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
  .filter((e) => e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0 && !e.disabled
                 && !e.closest('.skip-link') && getComputedStyle(e).pointerEvents !== 'none')"""
# Writes down whatever gets the focus.
WATCH_FOCUS = """() => {
  window.reached = [];
  document.addEventListener('focusin', ({target: e}) => {
    const style = getComputedStyle(e);
    const label = e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent || e.title;
    const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
    e.dataset.reached = '1';
    window.reached.push({what: e.outerHTML.slice(0, 120), named: label.trim().length > 0, ring});
  });
}"""


def views(names, widths):
    """(name, theme, width) as parameters; one worker has all of a page."""
    return [pytest.param((name, theme, width), marks=pytest.mark.xdist_group(name), id=f"{name}-{theme}-{width}")
            for name in names for theme in ("light", "dark") for width in widths]


# Reference pages are long and each is like the other: axe has them at a desk only. Equal places in both lists let
# pytest open a page once for all its tests.
SEEN_BY_AXE = views([name for name in PAGES if name not in REFERENCE], (DESK, TELEPHONE)) + views(REFERENCE, (DESK,))
VIEWS = SEEN_BY_AXE + views(REFERENCE, (TELEPHONE,))


@pytest.fixture(scope="module", params=VIEWS)
def page(request, visit):
    opened = visit(*request.param)
    opened.name, opened.theme, opened.width = request.param
    yield opened
    opened.context.close()


def test_theme(page):
    """Does the page follow the reader's theme, light or dark?"""
    assert page.locator("html").get_attribute("data-theme") == page.theme


def test_nothing_fails_and_nothing_is_fetched_elsewhere(page):
    """Does the page load without an error, and without asking any other host for anything?"""
    assert page.errors == []
    assert page.hosts == []


@pytest.mark.parametrize("page", SEEN_BY_AXE, indirect=True, scope="module")
def test_accessible(page):
    """Does axe-core find nothing to object to?"""
    from axe_playwright_python.base import AXE_SCRIPT
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("""async (tags) => {
        const found = await axe.run(document, {runOnly: tags, resultTypes: ['violations']});
        return found.violations.map((v) => [v.id, v.nodes.map((node) => node.target)]);
    }""", AXE)
    assert found == []


def test_no_sideways_scroll(page):
    """Does the page fit the window's width?"""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.width


def test_maths(page):
    """Is every formula MathML that takes up room, with no LaTeX left over?"""
    sizes = page.evaluate("[...document.querySelectorAll('main math')].filter((m) => m.checkVisibility())"
                          ".map((m) => [m.textContent, m.getBoundingClientRect().width])")
    assert sizes or "$" not in SOURCES.get(page.name, "")
    for text, width in sizes:
        assert width > 2 and not re.search(r"[\\&$]", text), text
    for left in page.evaluate("[...document.querySelectorAll('main p, main li, main td')].map((e) => e.innerText)"):
        assert not re.search(r"\$|\\frac|\\sqrt|% [A-Z]", left), left
        assert page.name in REFERENCE or not re.search(r"\.\.(?!\.)(?<!\.\.\.)", left), left  # 0..i is code


def test_every_figure_is_described(page):
    """Does every drawing say in words what a person would see?"""
    drawings = page.locator("main .drawing, main img")
    for drawing in drawings.all():
        assert len(drawing.get_attribute("aria-label") or drawing.get_attribute("alt") or "") > 40
    bare = page.locator("main :is(figure, .cell_output) svg:not([aria-hidden])")
    assert bare.evaluate_all("(all) => all.filter((e) => !e.closest('button, [role=img]')).length") == 0


def test_keyboard(page):
    """Does Tab reach every control, each with a name and a ring that shows where we are?"""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.evaluate(WATCH_FOCUS)
    expected = page.evaluate(f"({CONTROLS})().length")
    for presses in range(1, 2 * expected + 10):  # the page's contents unfold as we come along
        page.keyboard.press("Tab")
        if presses >= expected and page.evaluate("document.activeElement === document.body"):
            break
    for now in page.evaluate("window.reached"):
        assert now["named"], now["what"]
        assert now["ring"], now["what"]
    missed = page.evaluate(f"({CONTROLS})().filter((e) => !e.dataset.reached).map((e) => e.outerHTML.slice(0, 120))")
    assert missed == []


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PAGES])
def test_weight(name, browser, address):
    """Does a first visit cost less than 1.2 MB, scripts and fonts included?"""
    page, sizes = browser.new_page(), []
    page.on("response", lambda reply: sizes.append(len(reply.body())))
    page.goto(f"{address}{name}.html", wait_until="networkidle")
    print(f"{name}: {sum(sizes):,} bytes in {len(sizes)} files")
    assert sum(sizes) < MOST_BYTES
    page.close()
