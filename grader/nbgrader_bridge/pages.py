"""Make the pages that show what a student wrote, for feedback and for formgrader: passive, of bounded size, and whole.

What a page shows is made harmless when it is made, whenever the notebook was graded. A page runs no script but
formgrader's own: formulas are set already, so there is no MathJax.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import BaseLoader, Environment
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import ansi2html
from nbconvert.filters.highlight import Highlight2HTML
from nbgrader.converters import GenerateFeedback
from traitlets import default

from grader.release import is_check
from grader.sanitize.allowance import Allowance, as_it_is
from grader.sanitize.markdown import safe_markdown
from grader.sanitize.outputs import safe_outputs, safe_report
from grader.submission.timestamp import TIMESTAMP

OWN_CELLS = 300  # cells of the student's own that a page shows
NO_SCRIPT = ("default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; "
             "base-uri 'none'")
POLICY = f'<meta http-equiv="Content-Security-Policy" content="{NO_SCRIPT}">'
FONT = re.compile(r"@font-face *{[^}]*}")
# The student's notebook in Jupyter, which shows what it likes.
LIVE_NOTEBOOK = re.compile(r'(<a class="name-(?:hidden|shown)")[^>]*title="Open live notebook"[^>]*>')
# formgrader's keyboard waits for MathJax to have ended.
NO_MATHJAX = '<script>var MathJax = {Hub: {Startup: {signal: {Interest: function (told) { told("End"); }}}}};</script>'


class PageExporter(HTMLExporter):
    """nbconvert's exporter for feedback and formgrader.

    nonce: what formgrader's own scripts have, "" for a page without any; server: the name of the machine that serves
    the page, to which nothing of a student's leads.
    """

    nonce = ""
    server = ""

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """(HTML, resources) of a notebook; a text that takes too long, or fails, is shown as it is."""
        allowance = Allowance()
        self.register_filter("markdown2html", safe_markdown)  # whatever the configuration says
        coloured = Highlight2HTML(pygments_lexer="python3", parent=self)  # IPython's takes hours for some spaces
        self.register_filter("highlight_code", lambda source, metadata=None: allowance.made(coloured, source))
        self.register_filter("ansi2html", lambda text: allowance.made(ansi2html, text))
        self.register_filter("clean_html", as_it_is)  # of a raw cell
        self.register_filter("strip_files_prefix", lambda html: html)  # no link leads into the site; theirs is slow
        resources = {**(resources or {}), "allowance": allowance, "nonce": self.nonce, "server": self.server}
        # HTMLExporter itself would read the whole page again, and set IPython's highlighter
        html, resources = super(HTMLExporter, self).from_notebook_node(shown(nb), resources, **kw)
        return (html if self.nonce else html.replace("<head>", f"<head>\n{POLICY}", 1)), resources

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.loader = OwnScripts(environment.loader)
        return environment


class OwnScripts(BaseLoader):
    """Loads nbgrader's templates so that their own scripts are told from any other, by the resource `nonce`.

    They lead to no notebook in Jupyter, and load no MathJax.
    """

    def __init__(self, loader: BaseLoader):
        self.loader = loader

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The source of a template, its file, and whether it is still as it was."""
        if template == "mathjax.html.j2":
            return """{% macro mathjax(url="") %}{% endmacro %}""", None, None
        source, file, is_current = self.loader.get_source(environment, template)
        if template == "bootstrap.min.css":  # inside a page of feedback, which has no fonts beside it
            source = FONT.sub("", source)
        if template == "formgrade_macros.html.j2":
            source = source.replace("{% macro header(resources) %}", "{% macro header(resources) %}" + NO_MATHJAX)
            source = LIVE_NOTEBOOK.sub(r"\1>", source)
        if template.startswith("formgrade_") or template.endswith(".tpl"):
            source = source.replace("<script", '<script nonce="{{ resources.nonce }}"')
        return source, file, is_current


def shown(nb: Any) -> Any:
    """What a page shows of a notebook: safe outputs, no metadata but nbgrader's, not too many of a student's cells."""
    own = [i for i, cell in enumerate(nb.cells) if not cell.metadata.get("nbgrader", {}).get("grade_id")]
    left_out = set(own[OWN_CELLS:])
    cells = [_shown(cell) for i, cell in enumerate(nb.cells) if i not in left_out]
    if left_out:
        told = f"**{len(left_out)} more cells of the student's own are not shown.**"
        cells.append(nbformat.v4.new_markdown_cell(told))
    metadata = {"language_info": {"name": "python"}}
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def _shown(cell: Any) -> Any:
    kept = {key: cell[key] for key in ("cell_type", "id", "source", "attachments", "execution_count") if key in cell}
    kept["metadata"] = {key: cell.metadata[key] for key in ("nbgrader",) if key in cell.metadata}
    if cell.cell_type == "code":
        kept["outputs"] = [output for raw in cell.outputs for output in _shown_outputs(raw, is_check(cell))]
    return kept


def _shown_outputs(raw: Any, is_report: bool) -> list[dict[str, Any]]:
    """An output as a list of one or none; a report keeps its HTML, a picture is told to those who do not see it."""
    outputs = safe_outputs([raw])
    html = raw.get("data", {}).get("text/html")
    for output in outputs:
        if is_report and isinstance(html, str):
            output["data"] = {"text/html": safe_report(html)}
        if "data" in output:
            output["metadata"] = {mime: {"alt": "Picture made by this cell"} for mime in output["data"]}
        if output["output_type"] == "execute_result":
            output["execution_count"] = raw.get("execution_count")
    return outputs


class SafeFeedback(GenerateFeedback):
    """nbgrader's GenerateFeedback with our exporter. A page appears whole or not at all, and alone."""

    @default("exporter_class")
    def _exporter_class(self) -> type[PageExporter]:
        return PageExporter

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy nothing of what lies beside the notebook but the time it was handed in."""
        source, folder = (Path(place(assignment_id, student_id)) for place in (self._format_source, self._format_dest))
        folder.mkdir(parents=True, exist_ok=True)
        if (source / TIMESTAMP).is_file():
            (folder / TIMESTAMP).write_bytes((source / TIMESTAMP).read_bytes())

    def write_single_notebook(self, output: str, resources: Any) -> None:
        """Write a page under another name, then give it its own: a writer that dies leaves no half of it."""
        names = resources["nbgrader"]
        page = Path(self._format_dest(names["assignment"], names["student"])) / f"{resources['unique_key']}.html"
        part = page.with_name(f".{page.name}.part")
        with open(part, "w", encoding="utf-8") as file:
            file.write(output)
            file.flush()
            os.fsync(file.fileno())
        part.replace(page)
