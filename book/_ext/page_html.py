"""What the theme's pages lack: lighter scripts, names for what icons do, a description for search engines."""
import html
import re
import sys
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).parents[1]))
from figures import style

UNUSED = ("sphinx-thebe", "THEBE_JS_URL", "togglebutton", "toggleHint", "toggleOpenOnPrint", "design-tabs")
THEBE = re.compile(r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName[^<]*</script>', re.S)


def lighten(app, pagename, templatename, context, doctree):
    """Drop the scripts of features this book does not use."""
    def text(script):
        return f"{script.filename} {script.attributes.get('body', '')}"
    context["script_files"] = [s for s in context["script_files"] if not any(word in text(s) for word in UNUSED)]
    context["css_files"] = [c for c in context["css_files"] if not any(word in str(c.filename) for word in UNUSED)]
    context["body"] = THEBE.sub("", context.get("body", ""))


def name_roles(app, pagename, templatename, context, doctree):
    """Citations carry roles that ARIA has withdrawn; they are items of a list."""
    body = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')
    context["body"] = body.replace(' role="doc-backlink"', "")


def describe(app, pagename, templatename, context, doctree):
    """The first paragraph is the page's description."""
    paragraph = doctree.next_node(nodes.paragraph) if doctree is not None else None
    if paragraph is not None:
        words = html.escape(re.sub(r"\s+", " ", paragraph.astext()))
        context["metatags"] = context.get("metatags", "") + f'\n<meta name="description" content="{words}">'


def write_colours(app, error):
    """The themes' custom properties and the page's icon, from the one file that has colours."""
    if not error and app.builder.format == "html":
        (Path(app.outdir) / "_static" / "colours.css").write_text(style.css(), encoding="utf8")
        (Path(app.outdir) / "_static" / "icon.svg").write_text(style.icon(), encoding="utf8")


def setup(app):
    app.add_css_file("colours.css")
    app.connect("html-page-context", lighten, priority=900)
    app.connect("html-page-context", name_roles, priority=901)
    app.connect("html-page-context", describe, priority=900)
    app.connect("build-finished", write_colours)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
