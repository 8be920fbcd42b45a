"""Texts that act in the page that shows them, pictures that cost the page, and texts that hold it up."""

from tests.grader.corpus import Submitted, of_notebook
from tests.grader.sample_class import STEM, filled, find, solutions, text

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
GRADE_IDS = [cell["metadata"]["nbgrader"]["grade_id"] for cell in filled({})["cells"]
             if cell["metadata"].get("nbgrader", {}).get("grade")]
TOUCHED = "<script>document.title = 'touched'; fetch('/api/kernels', {method: 'POST'})</script>"
# formgrader binds its buttons to every .full-credit inside the .nbgrader_cell around the id of a cell
FULL_CREDIT = "".join(f'<div class="nbgrader_cell"><p id="{name}"></p>'
                      '<p class="full-credit modal-backdrop" style="opacity: 0"> </p></div>' for name in GRADE_IDS)
GRADE_IDS_ALONE = "".join(f'<p id="{name}">x</p><p id="{name}-comment">x</p>' for name in GRADE_IDS)
CLOBBERS = "".join(f'<a id="{name}" name="{name}" href="https://example.org/">x</a>' for name in (
    "notebook", "notebook-container", "statusmessage", "MathJax", "formgrader", "base_url", "submission_id", "top"))
LINKS = "\n".join([
    "[1](http:report.html) [2](report.html) [3](/api/kernels) [4](//evil.example/x) [5](?x) [6](https:report.html)",
    "[7](http:/report.html) [8](http:\\\\evil.example) [9](http://localhost:8888/formgrader?path=/tmp) [10](#notebook)",
    "[11](http://127.0.0.1/) [12](http://[::1]/) [13](http://2130706433/) [14](HTTP:report.html)",
    "[15](ht&#10;tp:a.html)",
    '<a href="http:report.html">16</a> <a href=" report.html">17</a> <a href="&#9;http:report.html">18</a>',
    '<a href="https://a.example@localhost/">19</a> <a href="java&#10;script:document.title=1">20</a>',
    '<a href="report.html" target="_top">21</a> <a ping="/api/kernels" href="http:x">22</a> <area href="report.html">',
    '<map name=m><area href="http:report.html"></map>',
    '<form action="/api/kernels" method=post><button>23</button></form>',
    '<button formaction="/api/kernels">24</button> <input type=submit> <label for=notebook>25</label>',
    '<img src="/api/kernels"> <img src="http:picture.png"> <img srcset="/api/kernels"> <video src="/x" poster="/y">',
    '<svg><a xlink:href="http:report.html"><text>26</text></a></svg> <math href="http:report.html"><mi>27</mi></math>',
    '<base href="https://evil.example/"> <meta http-equiv=refresh content="0; url=/api/kernels">'])
SCRIPTS = "\n\n".join([
    TOUCHED, "<img src=x onerror=\"document.title='touched'\">", "<svg onload=\"document.title='touched'\"></svg>",
    "<details open ontoggle=\"document.title='touched'\"><summary onclick=\"document.title='touched'\">a</summary>b"
    "</details>",
    "<iframe srcdoc=\"<script>parent.document.title='touched'</script>\"></iframe>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=document.title=1&gt;\">",
    "<noscript><p title=\"</noscript><img src=x onerror=document.title=1>\"></noscript>",
    "<p data-toggle=tooltip data-html=true title=\"<img src=x onerror=document.title=1>\">hover</p>",
    "<a data-toggle=\"modal\" data-target=\"#notebook\" data-remote=\"/api/kernels\">a</a>",
    "<template><script>document.title='touched'</script></template>",
    "<object data=\"javascript:document.title=1\"></object>"])
FORMULAS = r"""
$\href{javascript:document.title=1}{a}$ $\hr\empty ef{report.html}{b}$ $\def\h{\href}\h{http:report.html}{c}$
$$\style{position:fixed;top:0;left:0;width:100%;height:100%}{\class{full-credit}{d}}$$ $\cssId{notebook}{e}$
$\unicode[x;position:fixed]{65}$ $\require{html}\data{toggle=modal}{f}$ $\text{<img src=x onerror=document.title=1>}$
\begin{align}\href{report.html}{g}&=1\end{align} $\mathrm{<b class='full-credit'>h</b>}$ $\frac{1}{$ ${$ $}$
"""


def with_text(source, **cell):
    """The solved notebook below a text cell of the student's own: of two equal ids, scripts take the first."""
    notebook = filled(solutions())
    notebook["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": source, **cell})
    return notebook


def with_raw_cell():
    notebook = filled(solutions())
    notebook["cells"].insert(0, {"cell_type": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": FULL_CREDIT})
    return notebook


def with_code(source):
    notebook = filled(solutions())
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [],
                              "source": source})
    return notebook


def with_tags():
    """Cells whose tags and ids are formgrader's classes and ids."""
    notebook = with_code("1")
    notebook["cells"][-1] |= {"id": "notebook", "metadata": {"tags": ['x nbgrader_cell"><script>'], "name": "notebook"}}
    return notebook


def wrong_with_buttons():
    """An answer that earns nothing, and buttons over the page that would give it everything."""
    notebook = with_text(FULL_CREDIT)
    for name in solutions():
        find(notebook, name)["source"] = "..."
    return notebook


def pasted(source, **pictures):
    data = {name.replace("__", "."): picture for name, picture in pictures.items()}
    return with_text(source, attachments=data)


SHOWS = """
from IPython.display import HTML, Javascript, display
display(HTML('<div class="nbgrader_cell"><p class="full-credit">x</p></div>'), Javascript("document.title = 1"))
print("\\x1b[31m<p class='full-credit'>\\x1b[0m <script>document.title = 1</script>")
print("\\x1b]8;;http:report.html\\x07a\\x1b]8;;\\x07")
display({"text/markdown": "<script>document.title = 1</script>", "text/latex": "$\\\\href{a}{b}$"}, raw=True)
raise ValueError("<img src=x onerror=document.title=1>")
"""
REPORT = f"<!doctype html><title>report</title>{TOUCHED}"
PICTURE_SHOWN = f'src="data:image/png;base64,{PNG}"'
NAMED_OFTEN = "data:image/png;base64," + "A" * 2_000_000 + " " + "attachment:/0 " * 800
SPANNING = "<table>" + "<tr><td rowspan=999 colspan=99>" * 370 + "</table>"
DEEP = "x" + "".join(f"^{{x_{{{i % 10}" for i in range(300))

SUBMISSIONS = [
    Submitted("a_link_to_a_page_beside", {f"{STEM}/{STEM}.ipynb": text(with_text("[my report](http:report.html)")),
                                          f"{STEM}/report.html": REPORT}, 18),
    of_notebook("links_into_the_site", with_text(LINKS), 18),
    of_notebook("buttons_over_the_page", with_text(FULL_CREDIT), 18),
    of_notebook("buttons_for_a_wrong_answer", wrong_with_buttons(), 0),
    of_notebook("ids_of_the_graded_cells", with_text(GRADE_IDS_ALONE), 18),
    of_notebook("ids_of_the_page", with_text(CLOBBERS), 18),
    of_notebook("headings_called_like_ids", with_text("\n\n".join(f"# {name}" for name in GRADE_IDS)), 18),
    of_notebook("scripts_in_a_text", with_text(SCRIPTS), 18),
    of_notebook("formulas_that_link", with_text(FORMULAS), 18, shown=("report.html",)),
    of_notebook("a_raw_cell_of_html", with_raw_cell(), 18, shown=("full-credit",)),
    of_notebook("tags_and_ids_of_cells", with_tags(), 18),
    of_notebook("outputs_of_html", with_code(SHOWS), 18, shown=("&lt;script&gt;",)),
    of_notebook("pasted_picture", pasted("see ![mine](attachment:image.png)", image__png={"image/png": PNG}), 18,
                shown=(PICTURE_SHOWN, 'alt="mine"')),
    of_notebook("pasted_into_html", pasted('<img alt="mine" src="attachment:a.png">', a__png={"image/png": PNG}), 18,
                shown=(PICTURE_SHOWN,)),
    of_notebook("pasted_picture_is_missing", with_text("see ![mine](attachment:image.png)"), 18, shown=('alt="mine"',)),
    of_notebook("pasted_picture_is_none", pasted("see ![mine](attachment:a.png)", a__png={"image/png": "<script>"}), 18,
                shown=('alt="mine"',)),
    of_notebook("pasted_picture_is_svg", pasted("see ![mine](attachment:a.svg)", a__svg={"image/svg+xml": "PHN2Zz4="}),
                18, shown=('alt="mine"',)),
    of_notebook("attachments_are_a_list", with_text("see ![mine](attachment:a.png)", attachments=[1]), 18,
                shown=('alt="mine"',)),
    of_notebook("one_picture_shown_often", pasted("![mine](attachment:a)" * 500, a={"image/png": PNG}), 18,
                shown=(PICTURE_SHOWN,)),
    of_notebook("brackets_that_take_minutes", with_text(r"\\[" * 3900), 18),
    of_notebook("spaces_that_take_hours", with_code("  \n" * 30_000 + "1"), 18),
    of_notebook("a_highlighter_of_its_own", with_text("```perl\n" + "<" * 11_000 + "\n```"), 18),
    of_notebook("a_formula_without_end", with_text(f"${DEEP}$"), 18, shown=("x^{x_{0",)),
    of_notebook("colours_without_end", with_code(r"print('\x1b[31mx\x1b[0m' * 100_000)"), 18),
    of_notebook("pictures_among_names_of_pictures", with_text(NAMED_OFTEN), 18, shown=("attachment:/0",)),
    of_notebook("backslashes_that_take_an_hour", with_text("\\" * 150_000), 18, shown=("\\" * 150_000,)),
    of_notebook("cells_that_span_the_table", with_text(SPANNING), 18),
    of_notebook("tables_without_end", with_text("|a|b|\n|-|-|\n" + "|a|b|\n" * 1900), 18),
]
