"""Nothing of a student's can act in a page that others read."""

import json
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from traitlets.config import Config

from attnlib.check.scoring.report import PropertyResult, Report
from attnlib.check.scoring.shown import Shown
from grader.class_run import grade_class
from grader.course import Course
from grader.nbgrader_bridge.configure import configure
from grader.sanitize.markdown import safe_markdown
from grader.sanitize.outputs import responses, safe_outputs
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
