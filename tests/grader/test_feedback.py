"""Nothing of a student's can act in a page that others read."""

import json
import os
import re
import signal
import subprocess
import sys
from threading import Thread
from time import process_time
from urllib.parse import urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from attnlib.check.scoring.report import PropertyResult, Report
from attnlib.check.scoring.shown import Shown
from grader.class_run import grade_class
from grader.course import Course
from grader.nbgrader_bridge.configure import configure
from grader.nbgrader_bridge.feedback import page, write_feedback
from grader.nbgrader_bridge.pages import OWN_CELLS, OwnScripts, PageExporter, SafeFeedback
from grader.sanitize.allowance import CHARACTERS, SPANS, Allowance, OutOfTime
from grader.sanitize.formulas import set_formula
from grader.sanitize.markdown import ATTRIBUTES, TAGS, safe_markdown
from grader.sanitize.outputs import responses, safe_outputs, safe_report
from tests.grader.corpus.display import CLOBBERS, FORMULAS, FULL_CREDIT, LINKS, NAMED_OFTEN, SCRIPTS, SPANNING
from tests.grader.sample_class import STEM, filled, find, solutions

HOSTILE_MARKDOWN = """
<script>alert(1)</script> <img src=x onerror=alert(1)> <svg onload=alert(1)><script>alert(1)</script></svg>
<iframe src="javascript:alert(1)"></iframe> <a href="javascript:alert(1)">a</a> <a href="JaVaScRiPt:alert(1)">b</a>
<a href="data:text/html,<script>alert(1)</script>">c</a> <a href="&#106;avascript:alert(1)">d</a>
[e](javascript:alert(1)) [f](<javascript:alert(1)>) [g][h] ![i](javascript:alert(1)) <javascript:alert(1)>
[j](data:text/html;base64,PHNjcmlwdD4=) [k](vbscript:x) <form action=x><input autofocus onfocus=alert(1)></form>
<style>body{display:none}</style> <div style="position:fixed;top:0">over</div> <link rel=stylesheet href=//evil>
<img src="https://evil.example/track.png"> <meta http-equiv=refresh content="0;url=https://evil.example">
$\\href{javascript:alert(1)}{click}$ $$\\style{position:fixed}{x} \\class{evil}{y} \\require{html}$$
```html
<script>alert(1)</script>
```
<details><summary>kept</summary>also kept</details> $a < b$ and `x < y`
<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>
<math><mtext><script>alert(1)</script></mtext></math>
<table><tr><td onclick=alert(1)>1</td></tr></table> <base href="https://evil.example/">
<object data=x></object> <embed src=x>

[h]: javascript:alert(1)
"""
PLAIN_STYLE = re.compile(r"((background-)?color: rgb\(\d+,\d+,\d+\);?)+")  # of tracebacks
RESULTS = (PropertyResult("a", 1, 1, True), PropertyResult("b", 0, 1, False, "No."),
           *(PropertyResult(name, 0, 1, None, "Not yet.") for name in "cd"))
CASE = Shown(0, "a case", (("one_line", "1"), ("two_lines", "1\n2")), "1", "2")
A_REPORT = Report("name", "asks", RESULTS, shown=CASE)
STYLES = set(re.findall('style="([^"]*)"', A_REPORT.html()))  # of our reports
HARMLESS = re.compile(r"#|https?:|mailto:|data:image/png;")
ACTIVE = "script iframe svg form input style link meta base object embed math".split()


def active(html):
    """Everything in a piece of HTML that can act, restyle the page or fetch something, as a parser sees it."""
    found = []
    for tag in BeautifulSoup(html, "html.parser").find_all(True):
        if tag.name in ACTIVE:
            found.append(str(tag))
        for name, value in tag.attrs.items():
            link = name in ("href", "src", "action", "data") and not HARMLESS.match(value)
            fetched = name == "src" and value.startswith("http")
            styled = name == "style" and value not in STYLES and not PLAIN_STYLE.fullmatch(value)
            if link or fetched or styled or name.startswith("on"):
                found.append(f"{tag.name} {name}={value}")
    return found + re.findall(r"\\\\(?:href|style|class|require)\b", html)


def test_markdown():
    """Does hostile Markdown become text, while what is harmless stays?"""
    html = safe_markdown(HOSTILE_MARKDOWN)
    assert active(html) == []
    assert "<details><summary>kept</summary>" in html
    assert "$a &lt; b$" in html


@pytest.mark.parametrize("text", [
    r"$\\href{javascript:a}{b}$", r"$$\\\\href{javascript:a}{b}$$", r"\\\\(&#92;href{javascript:a}{b}\\\\)",
    r"<p>\(\&#104;ref{javascript:a}{b}\)</p>", r"<p>\(\hr<x></x>ef{javascript:a}{b}\)</p>",
    r"<p>\(\hr<!-- -->ef{javascript:a}{b}\)</p>", r"<p>\(\hr<script></script>ef{javascript:a}{b}\)</p>",
    r"$\href{a}{b}$ " + "x" * 30_000])
def test_hidden_formulas(text):
    """Are active commands found behind doubled backslashes, entities, comments, dropped tags, and in a long text?"""
    assert "\\href" not in BeautifulSoup(safe_markdown(text), "html.parser").get_text()


@pytest.mark.parametrize("count", [150_000, 1_000_000])
def test_backslashes(count):
    """Is a row of backslashes looked at once, and not again from each of them?"""
    assert safe_markdown("\\" * count) == "<pre>" + "\\" * count + "</pre>"
    assert safe_markdown("\\" * count + "href{a}{b}") == "<pre>href{a}{b}</pre>"


@pytest.mark.parametrize("text", [
    "|a|b|\n|-|-|\n" + "|a|b|\n" * 20_000, "a\n=\n" * 20_000, r"\\(" * 20_000, "<div>" * 20_000])
def test_long_texts(text):
    """Does a text that Markdown would be at for minutes come out as it is, and at once?"""
    assert safe_markdown(text).startswith("<pre>")


def test_the_styles_of_a_report():
    """Do a report's own styles fetch nothing, cover nothing and name no colour but the theme's?"""
    assert not re.search(r"url|position|z-index|#|rgb\(", " ".join(STYLES))


def test_formulas_in_a_report():
    """Is a formula in an exception's message left alone by MathJax?"""
    report = Report("name", "asks", (), r"It raised ValueError: $\href{javascript:a}{b}$")
    assert 'class="tex2jax_ignore"' in report.html()


@pytest.mark.parametrize("text", [
    "", "$x$", "# Title", "- [ ] a\n- b", "|a|b|\n|-|-|\n|1|2|", "**b** *i* `c` > q", "ü\x00\ud7ff"])
def test_ordinary_markdown(text):
    """Does ordinary text go through?"""
    assert isinstance(safe_markdown(text), str)


KEPT = set().union(*ATTRIBUTES.values()) | {"rel", "target"}


def not_passive(html):
    """Everything in a piece of HTML that is not on the list of what a student's text may become."""
    found = []
    for tag in BeautifulSoup(html, "html.parser").find_all(True):
        found += [tag.name] if tag.name not in TAGS else []
        found += [f"{tag.name} {name}" for name in tag.attrs if name not in KEPT]
        if tag.name == "a" and "href" in tag.attrs:
            link = urlsplit(tag["href"])
            away = link.scheme == "mailto" or link.scheme in ("http", "https") and "." in (link.hostname or "")
            apart = tag.get("target") == "_blank" and set(tag.get("rel", ())) == {"noopener", "noreferrer"}
            found += [] if away and apart else [str(tag)]
        if tag.name == "img" and "src" in tag.attrs:
            found += [] if re.match("data:image/(png|jpeg);base64,", tag["src"]) else [str(tag)]
    return found


HOSTILE = "\n".join([LINKS, FULL_CREDIT, CLOBBERS, SCRIPTS, FORMULAS, HOSTILE_MARKDOWN])
FRAGMENTS = [
    *re.findall(r"\S+\s*", HOSTILE), "\n", "\n\n", "\t", "\x00", "\ue000", "$", "$$", "`", "```", "|", "\n|-|\n", "> ",
    "- ", "[", "](", ")", "![", "<", ">", "</", "<!--", "-->", "<![CDATA[", "]]>", "&#", "'", '"', "=", "\\",
    "<a href=", "<math>", "<mtext>", "<svg>", "<style>", "<title>", "<textarea>", "<noscript>", "<select>", "<table>",
    "<pre>", "<p>", "</p>", "<br/>", "<template>", "<annotation-xml encoding=text/html>", "attachment:/0",
    "\\begin{align}", "\\end{align}", "http:", "https://", "//", "a.example", "javascript:",
    "data:image/svg+xml;base64,"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join), st.booleans())
def test_any_text(source, in_a_page):
    """Does whatever can be put together from nasty pieces become elements and attributes of the list alone?"""
    html = safe_markdown({"cell": {}, "resources": {}}, source) if in_a_page else safe_markdown(source)
    assert not_passive(html) == []


@pytest.mark.parametrize("source", [LINKS, FULL_CREDIT, CLOBBERS, SCRIPTS, HOSTILE_MARKDOWN, "# full-credit"])
def test_without_the_filter(source):
    """Would each of the hostile texts be found out, had it not been filtered?"""
    assert not_passive(safe_markdown(source)) == []
    assert not_passive(markdown2html_mistune(source))


@pytest.mark.parametrize("link", [
    "https://example.org", "http://example.org/a?b=c#d", "https://en.wikipedia.org/wiki/Softmax_function",
    "https://example.org:8080/a%20b", "mailto:s1@example.org"])
def test_links_that_stay(link):
    """Does a link to a public place stay, in a window of its own that knows nothing of ours?"""
    (found,) = BeautifulSoup(safe_markdown(f"[a]({link})"), "html.parser").find_all("a")
    assert (found["href"], found["target"], set(found["rel"])) == (link, "_blank", {"noopener", "noreferrer"})


@pytest.mark.parametrize("link", [
    "http:report.html", "https:report.html", "http:/report.html", "report.html", "/tree", "//example.org", "?a", "#top",
    "http:\\\\example.org", "http:///example.org", " report.html", "\thttp:report.html", "ht\ntp:report.html",
    "HTTP:x.html", "http://localhost:8888/formgrader?path=/tmp", "http://127.0.0.1/", "http://[::1]/",
    "http://2130706433/", "http://x/", "https://example.org@localhost/", "https://example.org\\@localhost/",
    "ftp://example.org", "javascript:x", "mailto:"])
def test_links_that_go(link):
    """Is no link left that leads into the site, to this machine, or to who knows where?"""
    attribute = link.replace("\\\\", "\\")
    assert "href" not in safe_markdown(f'<a href="{attribute}">a</a>')


def test_a_link_to_the_server():
    """Is a link to the very server that shows the page no link?"""
    context = {"cell": {}, "resources": {"server": "grades.example.org"}}
    assert "href" not in safe_markdown(context, "[a](https://grades.example.org/formgrader?path=/tmp)")
    assert "href" in safe_markdown(context, "[a](https://example.org/)")


@pytest.mark.parametrize("source,attachments,shown", [
    ("![a](attachment:x.png)", {"x.png": {"image/png": "iVBORw0KGgo="}}, True),
    ("![a](attachment:my%20x.png)", {"my x.png": {"image/png": "iVBORw0K\nGgo="}}, True),
    ("![a](<attachment:my x.png>)", {"my x.png": {"image/jpeg": "/9j/4A=="}}, True),
    ("<img alt=a src=attachment:x.png>", {"x.png": {"image/png": "iVBORw0KGgo="}}, True),
    ("![a](attachment:x.png)", {}, False), ("![a](attachment:)", {}, False), ("![a](attachment:x)", None, False),
    ("![a](attachment:x)", [1], False), ("![a](attachment:x)", {"x": None}, False),
    ("![a](attachment:x)", {"x": {}}, False), ("![a](attachment:x)", {"x": {"image/png": 3}}, False),
    ("![a](attachment:x)", {"x": {"image/png": "<script>"}}, False),
    ("![a](attachment:x)", {"x": {"image/svg+xml": "PHN2Zz4="}}, False), ("![a](attachment:/0)", {}, False),
    ("![a](attachment:x)", {"x": {"image/png": "PHNjcmlwdD4="}}, False)])
def test_pasted_pictures(source, attachments, shown):
    """Is a pasted picture shown when it is one, and told by its alternative text when it is not?"""
    html = safe_markdown({"cell": {"attachments": attachments}, "resources": {}}, source)
    assert 'alt="a"' in html
    assert bool(re.search('src="data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+"', html)) == shown
    assert shown or "src" not in html


def test_pasted_often():
    """Is a page with one large picture shown a thousand times bounded?"""
    picture = "iVBORw0KGgo" + "A" * 1_000_001
    context = {"cell": {"attachments": {"a": {"image/png": picture}}}, "resources": {}}
    html = safe_markdown(context, "![x](attachment:a)" * 500)
    assert 0 < html.count("src=") < 30


def a_picture(characters):
    return "data:image/png;base64,iVBORw0KGgo" + "A" * characters


@pytest.mark.parametrize("source", [
    a_picture(10_000_000) + " " + "attachment:/0 " * 500, NAMED_OFTEN,
    f"[a]: <{a_picture(1_000_001)}>\n\n" + "![b][a] " * 700, f"`{a_picture(3_000_001)}` " * 9])
def test_pictures_as_text(source):
    """Does the HTML of a text stay within what the text is long, and a page may have, whatever names its pictures?"""
    assert len(safe_markdown({"cell": {}, "resources": {}}, source)) < max(CHARACTERS, len(source)) + 100_000


def test_a_picture_in_code():
    """Is a large picture in code told as it is written, and only its beginning where the page has no room?"""
    picture, page = a_picture(2001), Allowance()
    context = {"cell": {}, "resources": {"allowance": page}}
    assert safe_markdown(context, f"`{picture}` attachment:/0").count(picture) == 1
    page.characters = 1000
    assert f"<code>{picture[:40]}…</code>" in safe_markdown(context, f"`{picture}`")


@pytest.mark.parametrize("tex,html", [
    ("d_k", "<i>d</i><sub><i>k</i></sub>"), ("a < b", "<i>a</i> &lt; <i>b</i>"), ("x^2", "<i>x</i><sup>2</sup>"),
    (r"\sqrt{a+b}", "√(<i>a</i> + <i>b</i>)"), (r"\frac{a}{b}", "<i>a</i> / <i>b</i>"),
    (r"\frac{a}{b} c", "(<i>a</i> / <i>b</i>)<i>c</i>"), (r"\frac{a+b}{c}", "(<i>a</i> + <i>b</i>) / <i>c</i>"),
    (r"\text{<b id=notebook>}", "&lt;b id=notebook&gt;"), (r"\mathrm{softmax}_j", "softmax<sub><i>j</i></sub>"),
    (r"\hat{y}", "<i>y\u0302</i>"), (r"\begin{equation}x\end{equation}", "<i>x</i>")])
def test_formulas(tex, html):
    """Is a formula of one line set so that it cannot be read in two ways?"""
    assert set_formula(tex).replace(" ", "\u00a0") == html.replace(" ", "\u00a0")


@pytest.mark.parametrize("tex", [
    r"\foo", r"\binom{a}{b}", r"\begin{pmatrix}1\end{pmatrix}", r"\begin{aligned}a&=b\end{aligned}", "x^", "{",
    r"a \\ b", r"\sqrt[3]{x}", r"\overline{xy}", r"\underbrace{x}", r"\cancel{x}", r"\newcount" + "x" * 3000])
def test_formulas_that_stay_tex(tex):
    """Does a formula that would be set wrongly, or not at all, stay TeX?"""
    html = safe_markdown({"cell": {}, "resources": {}}, f"see ${tex}$")
    assert tex in BeautifulSoup(html, "html.parser").get_text()


def test_work_is_bounded():
    """Does work that does not end leave the text as it is, and nothing running, here and in another thread?"""
    begun = []

    def endless(text):
        begun.append(text)
        while True:
            re.sub("a", "b", text)

    before = signal.getsignal(signal.SIGPROF)
    allowance = Allowance()
    assert [allowance.made(endless, "<a>") for _ in range(50)] == ["<pre>&lt;a&gt;</pre>"] * 50
    assert 0 < len(begun) < 10  # the page's time is over
    assert signal.getsignal(signal.SIGPROF) == before and signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    made = []
    thread = Thread(target=lambda: made.append(Allowance().made(str.upper, "a")))
    thread.start()
    thread.join()
    assert made == ["A"]


def test_work_that_goes_on(monkeypatch):
    """Does a converter end that swallows what stops it, or takes long to clean up, with no timer left behind?"""
    monkeypatch.setattr("grader.sanitize.allowance.TEXT_SECONDS", 0.05)
    stopped = []

    def at_work():
        while True:
            re.sub("a", "b", "text")

    def swallows(text):
        while len(stopped) < 3:
            try:
                at_work()
            except BaseException as error:
                stopped.append(type(error))
        at_work()

    def cleans_up(text):
        try:
            at_work()
        finally:
            begun = process_time()
            while process_time() < begun + 0.4:
                stopped.append(text)

    def in_a_rush(text):
        while True:
            try:
                at_work()
            finally:
                return text * 2  # noqa: B012

    assert [Allowance().made(convert, "<a>") for convert in (swallows, cleans_up)] == ["<pre>&lt;a&gt;</pre>"] * 2
    assert stopped[:3] == [OutOfTime] * 3 and len(stopped) > 3
    assert Allowance().made(in_a_rush, "a") == "aa"
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python tells of a dropped signal
def test_a_ring_at_any_moment():
    """Does nothing leave an allowance, at whatever moment, its beginning and its end included, the time is over?"""
    allowance, before = Allowance(), signal.signal(signal.SIGPROF, lambda *_: None)
    allowance.seconds, others = 1000, signal.getsignal(signal.SIGPROF)
    rings = f"import os\nwhile True: os.kill({os.getpid()}, {int(signal.SIGPROF)})"
    ringing = subprocess.Popen([sys.executable, "-c", rings])
    try:
        for _ in range(20_000):
            assert "a" in allowance.made(str.lower, "A").lower()
            assert signal.getitimer(signal.ITIMER_PROF) == (0, 0) and signal.getsignal(signal.SIGPROF) is others
    finally:
        ringing.kill()
        ringing.wait()
        signal.signal(signal.SIGPROF, before)


def test_names_of_pictures():
    """Is a text that writes what once stood for its picture made in time, as it is or as Markdown?"""
    html = safe_markdown({"cell": {}, "resources": {}}, NAMED_OFTEN)
    assert html.count("attachment:/0") == 800 and html.count("A" * 2_000_000) < 2
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


@pytest.mark.parametrize("attribute,stays", [
    ("colspan=2", True), ("rowspan=20", True), ("colspan=21", False), ("rowspan=999", False), ("rowspan=0", False),
    ("colspan=-1", False), ("rowspan=2x", False)])
def test_a_cell_that_spans(attribute, stays):
    """Does a cell of a table span what tables of this size need, and no more?"""
    assert ("span" in safe_markdown(f"<table><tr><td {attribute}>a</td></tr></table>")) == stays


def test_cells_that_span():
    """Is what the cells of a whole page span bounded, over all of its texts?"""
    context = {"cell": {}, "resources": {"allowance": Allowance()}}
    cells = "<table>" + "<tr><td rowspan=20 colspan=20>a" * 300 + "</table>"
    html = "".join(safe_markdown(context, cells) for _ in range(10))
    assert 0 < html.count("span=") <= SPANS / 400
    assert "span" not in safe_markdown(SPANNING)


@pytest.mark.parametrize("trouble", [ValueError, RecursionError, MemoryError, AssertionError, OutOfTime])
def test_a_converter_that_fails(trouble):
    """Does a text that no converter can read come out as it is?"""
    def fails(text):
        raise trouble

    assert Allowance().made(fails, "<b>") == "<pre>&lt;b&gt;</pre>"


@pytest.mark.slow
def test_a_page_is_bounded():
    """Is what a whole page shows bounded, in elements, characters and cells, with every graded cell on it?"""
    notebook = nbformat.from_dict(filled(solutions()))
    shown = nbformat.v4.new_output("stream", text="\x1b[31ma\x1b[0m" * 2000)
    for _ in range(1000):
        notebook.cells.insert(0, nbformat.v4.new_code_cell("a." * 100, outputs=[shown] * 3))
    for cell in notebook.cells:
        cell["id"], cell["source"] = nbformat.v4.new_code_cell().id, "".join(cell["source"])
    config = Config()
    configure(config, Course.at())
    config.HTMLExporter.template_name = "classic"
    html, _ = PageExporter(config=config).from_notebook_node(notebook)
    assert html.count("<") < 100_000 and len(html) < 30_000_000
    assert html.count("input_prompt") < OWN_CELLS + 100
    assert f"{1000 - OWN_CELLS} more cells of the student" in html
    assert all(name in html for name in ("softmax_turns_each_row_into_weights", "relu_weights"))


def test_a_report_is_left_as_it_is():
    """Does the list for reports have all that a report has, and nothing more?"""
    html = A_REPORT.html()
    assert BeautifulSoup(safe_report(html), "html.parser") == BeautifulSoup(html, "html.parser")
    hostile = ('<p id="x" class="full-credit" style="position: fixed; top: 0">a</p>'
               '<p style="background: url(/x)" onclick="x">b</p>')
    assert safe_report(hostile) == "<p>a</p><p>b</p>"


def test_a_picture_stays():
    """Is a pasted picture shown, and one from elsewhere not fetched?"""
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in safe_markdown("![x](data:image/png;base64,iVBORw0KGgo=)")
    assert "src" not in safe_markdown("![x](https://evil.example/x.png)")


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


def test_outputs():
    """Are outputs reduced to text and real pictures, whatever they were?"""
    shown = {"text/html": "<script>", "image/svg+xml": "<svg onload=x>", "application/javascript": "x",
             "text/plain": "<b>", "image/png": PNG, "image/jpeg": '"><script>',
             "application/vnd.jupyter.widget-view+json": {}, "text/latex": "x"}
    (output,) = safe_outputs([{"output_type": "display_data", "data": shown, "metadata": {"x": "<script>"}}])
    assert output == {"output_type": "display_data", "metadata": {}, "data": {"image/png": PNG, "text/plain": "<b>"}}


def test_many_pictures():
    """Is what one cell may show bounded in all, not only picture by picture?"""
    large = PNG.rstrip("=") + "A" * 1_999_914  # still base64 of something that begins like a PNG
    shown = [{"output_type": "display_data", "data": {"image/png": large[: len(large) // 4 * 4]}}] * 50
    assert 0 < len(json.dumps(safe_outputs(shown))) < 6_000_000


@pytest.mark.parametrize("raw", [
    None, 3, "x", {}, [None, 3, "x", [], {}],
    [{"output_type": "stream"}], [{"output_type": "stream", "text": 3, "name": []}],
    [{"output_type": "error", "traceback": 3}], [{"output_type": "error", "traceback": [3, None], "ename": {}}],
    [{"output_type": "display_data"}], [{"output_type": "display_data", "data": 3}], [{"output_type": []}],
    [{"output_type": "execute_result", "data": {"image/png": 3, "text/plain": ["\ud800"]}}],
    [{"output_type": "stream", "text": "\ud800\x00\x1b[31m<script>"}],
    [{"output_type": "display_data", "data": {"x": 1}}] * 10**5,
])
def test_any_outputs(raw):
    """Does any JSON in place of outputs give valid ones?"""
    outputs = safe_outputs(raw)
    responses(raw)
    for output in outputs:
        nbformat.validate(nbformat.from_dict(output), "output", version=4)
    json.dumps(outputs).encode()


@pytest.mark.sandbox
@pytest.mark.filterwarnings("ignore:Object of type")
def test_a_whole_page(course):
    """Is a hostile notebook's feedback, and its page in formgrader, free of anything that acts?"""
    notebook = filled(solutions())
    evil = {"cell_type": "markdown", "metadata": {"evil": "<script>"}, "source": HOSTILE_MARKDOWN}
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": """
from IPython.display import HTML, Javascript, SVG, display
display(HTML("<script>alert(1)</script><img src=x onerror=alert(1)>"), Javascript("alert(1)"))
display({"image/svg+xml": "<svg onload=alert(1)></svg>", "text/plain": "<img src=x onerror=alert(1)>"}, raw=True)
size = {"image/png": {"width": '"><script>'}}
display({"image/png": '"><script>alert(1)</script>', "text/plain": ""}, raw=True, metadata=size)
print("<script>alert(1)</script>\\x1b]8;;javascript:alert(1)\\x1b\\\\click")
raise ValueError("<script>alert(1)</script>")"""}
    notebook["cells"] += [evil, code]
    find(notebook, "write_softmax")["source"] = (
        "def softmax(scores):\n    raise ValueError('<script>alert(1)</script><img src=x onerror=alert(1)>')")
    folder = course.submitted / "evil" / STEM
    folder.mkdir(parents=True)
    (folder / f"{STEM}.ipynb").write_text(json.dumps(notebook))
    (row,) = grade_class(course, STEM)
    assert row.scores["softmax_turns_each_row_into_weights"] == 0
    page = (course.folder / "feedback" / "evil" / STEM / f"{STEM}.html").read_text()
    body = page[page.index("<body"):]
    assert active(body) == []
    assert "&lt;script&gt;alert(1)" in body
    body = formgrader_page(course, "evil")
    assert "&lt;script&gt;alert(1)" in body
    assert not [what for what in active(body) if "alert" in what or "evil" in what]


def formgrader_page(course, student):
    """The part of formgrader's page that shows the notebook, made with its own exporter and template."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers

    config = Config()
    configure(config, course)
    templates = str(handlers.__file__).replace("handlers.py", "templates")
    config.HTMLExporter.extra_template_basedirs = [templates]
    config.HTMLExporter.template_name = "formgrade"
    exporter = HTMLExporter(config=config)
    exporter.exclude_output_prompt = False
    resources = {"assignment_id": STEM, "notebook_id": STEM, "submission_id": "x", "index": 0, "total": 1,
                 "base_url": "/", "mathjax_url": "", "my_mathjax_url": "", "student": student, "last_name": "",
                 "first_name": "", "notebook_path": "",
                 "keyword_argument": "", "windows_path": ""}
    path = course.folder / "autograded" / student / STEM / f"{STEM}.ipynb"
    html, _ = exporter.from_filename(str(path), resources=resources)
    return html[html.index("<body"):]


def test_where_the_filter_is_set():
    """Does nbgrader's configuration carry our filter, for feedback and formgrader alike?"""
    config = Config()
    configure(config, Course.at())
    assert config.HTMLExporter.filters == {"markdown2html": "grader.sanitize.markdown.safe_markdown"}


@pytest.mark.parametrize("template", ["classic", "formgrade"])
@pytest.mark.parametrize("filters", [
    {"markdown2html": "nbconvert.filters.markdown_mistune.markdown2html_mistune"}, {}])
def test_another_filter_in_the_configuration(template, filters):
    """Do the pages of feedback and of formgrader have our filter, whatever the configuration says?"""
    config = Config()
    configure(config, Course.at())
    config.HTMLExporter.filters = config.PageExporter.filters = filters
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    config.HTMLExporter.template_name = template
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("<p class=theirs>**kept**</p>")])
    exporter = PageExporter(config=config)
    html, _ = exporter.from_notebook_node(notebook, resources={"index": 0, "total": 1})
    assert "kept" in html and "theirs" not in html


def test_no_link_to_jupyter():
    """Does formgrader's page lead to no notebook in Jupyter, and still say whose it is?"""
    environment = Environment(loader=OwnScripts(FileSystemLoader(f"{handlers.template_path}/formgrade")))
    source, _, _ = environment.loader.get_source(environment, "formgrade_macros.html.j2")
    assert "notebook_path" not in source and "live notebook" not in source
    assert all(f'<a class="{name}">' in source for name in ("name-hidden", "name-shown"))


@pytest.mark.sandbox
@pytest.mark.filterwarnings("ignore:Object of type")
def test_a_page_appears_whole(course, monkeypatch):
    """Has no half of a page its name when its writer dies, and is the page there the next time?"""
    folder = course.submitted / "s1" / STEM
    folder.mkdir(parents=True)
    (folder / f"{STEM}.ipynb").write_text(json.dumps(filled(solutions())))
    (row,) = grade_class(course, STEM)
    written = page(course, STEM, "s1")
    whole = written.read_text()
    assert whole.rstrip().endswith("</html>")
    written.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: os._exit(9))  # as killed between writing and naming it
        child = os.fork()
        if not child:
            write_feedback(course, STEM, "s1")
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not written.exists()
    assert write_feedback(course, STEM, "s1") == ""
    assert written.read_text() == whole


def test_who_makes_the_pages():
    """Do nbgrader's command, its API and formgrader make pages with our exporter?"""
    from nbgrader.apps import api, generatefeedbackapp
    from nbgrader.server_extensions.formgrader.handlers import SubmissionHandler

    configure(Config(), Course.at())
    assert api.GenerateFeedback is generatefeedbackapp.GenerateFeedback is SafeFeedback
    assert SafeFeedback().exporter_class is PageExporter
    assert SubmissionHandler.exporter.fget.__module__ == "grader.nbgrader_bridge.formgrader"
