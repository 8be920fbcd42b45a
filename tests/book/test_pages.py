"""Does every page work, in both themes, at a desk and on a telephone, with no network?"""
import re

import pytest

PAGES = ["index", "notation", "05_weights", "api", "api_more", "search"]
NO_FORMULA = ("index", "api", "api_more", "search")
AXE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_BYTES = 1_200_000

pytestmark = pytest.mark.chromium

# What Tab has to reach: everything that can be operated and is shown.
CONTROLS = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
  .filter((e) => e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0 && !e.disabled
                 && !e.closest('.skip-link') && getComputedStyle(e).pointerEvents !== 'none')"""
FOCUSED = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const label = e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent || e.title;
  const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  e.dataset.reached = '1';
  return {what: e.outerHTML.slice(0, 120), named: label.trim().length > 0, ring, body: e === document.body};
}"""


@pytest.fixture(params=[(name, theme, width) for name in PAGES for theme in ("light", "dark") for width in (1280, 375)],
                ids=lambda case: "-".join(map(str, case)))
def page(request, visit):
    opened = visit(*request.param)
    opened.case = request.param
    return opened


def test_theme(page):
    """Does the page follow the reader's theme, light or dark?"""
    assert page.locator("html").get_attribute("data-theme") == page.case[1]


def test_nothing_fails_and_nothing_is_fetched_elsewhere(page):
    """Does the page load without an error, and without asking any other host for anything?"""
    assert page.errors == []
    assert page.hosts == []


def test_accessible(page):
    """Does axe-core find nothing to object to?"""
    from axe_playwright_python.base import AXE_SCRIPT
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("(tags) => axe.run(document, {runOnly: tags})", AXE)
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found["violations"]] == []


def test_no_sideways_scroll(page):
    """Does the page fit the window's width?"""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.case[2]


def test_maths(page):
    """Is every formula MathML that takes up room, with no LaTeX left over?"""
    sizes = page.evaluate("[...document.querySelectorAll('main math')].filter((m) => m.checkVisibility())"
                          ".map((m) => [m.textContent, m.getBoundingClientRect().width])")
    assert page.case[0] in NO_FORMULA or sizes
    for text, width in sizes:
        assert width > 2 and not re.search(r"[\\&$]", text), text
    for left in page.evaluate("[...document.querySelectorAll('main p, main li, main td')].map((e) => e.innerText)"):
        assert not re.search(r"\$|\\frac|\\sqrt|% [A-Z]", left), left
        assert page.case[0].startswith("api") or not re.search(r"\.\.(?!\.)(?<!\.\.\.)", left), left  # 0..i is code


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
    expected = page.evaluate(f"({CONTROLS})().length")
    for _ in range(2 * expected + 10):  # the page's contents unfold as we come along
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUSED)
        if now["body"]:
            break
        assert now["named"], now["what"]
        assert now["ring"], now["what"]
    missed = page.evaluate(f"({CONTROLS})().filter((e) => !e.dataset.reached).map((e) => e.outerHTML.slice(0, 120))")
    assert missed == []


@pytest.mark.parametrize("name", PAGES)
def test_weight(name, browser, address):
    """Does a first visit cost less than 1.2 MB, scripts and fonts included?"""
    page, sizes = browser.new_page(), []
    page.on("response", lambda reply: sizes.append(len(reply.body())))
    page.goto(f"{address}{name}.html", wait_until="networkidle")
    print(f"{name}: {sum(sizes):,} bytes in {len(sizes)} files")
    assert sum(sizes) < MOST_BYTES
    page.close()
