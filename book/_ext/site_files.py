"""What a learner takes from the site: `{set-up} STEM`, the lines that say how, and the files themselves."""
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).parents[2]))
from tools import addresses, learner_files, set_up

MADE_WITH = (addresses, learner_files, set_up)
MARKUP = re.compile(r"\[([^]]+)\]\(([^)]+)\)|`([^`]+)`")


class SetUp(SphinxDirective):
    required_arguments = 1

    def run(self):
        stem, where = self.arguments[0], addresses.addresses()
        for path in (addresses.CONFIG, learner_files.PYPROJECT, *(each.__file__ for each in MADE_WITH)):
            self.env.note_dependency(str(path))
        sentence, lines = set_up.for_page(stem, where, "../" * self.env.docname.count("/") + "files")
        items = [nodes.list_item("", told(f"{line.place}, {line.doing}"), command(line.command)) for line in lines]
        binder = where.binder(stem)
        last = [told(f"[Binder]({binder}) has all of it installed, and forgets what we write.")] if binder else []
        return [told(sentence), nodes.bullet_list("", *items), *last]


def told(text):
    """A paragraph of Markdown that has links and code, and no more."""
    paragraph, end = nodes.paragraph(), 0
    for found in MARKUP.finditer(text):
        paragraph += nodes.Text(text[end:found.start()])
        paragraph += nodes.reference("", found[1], refuri=found[2]) if found[1] else nodes.literal("", found[3])
        end = found.end()
    paragraph += nodes.Text(text[end:])
    return paragraph


def command(text):
    return nodes.literal_block(text, text, language="text", classes=["command"])


def keep_from_theme(app, config):
    """The theme makes links for three hosts and refuses any other; ours works for all."""
    config.html_theme_options.pop("repository_url", None)


def link_repository(app, pagename, templatename, context, doctree):
    """A button at the top of the page, once the repository has an address."""
    address = addresses.addresses().repository
    if address:
        icon = "fab fa-github" if addresses.GITHUB.fullmatch(address) else "fas fa-code-branch"
        context["header_buttons"].append({"type": "link", "url": address, "text": "", "icon": icon,
                                          "tooltip": "Source repository", "label": "source-repository-button"})


def write_files(app, error):
    """Write the wheel, the notebooks and the zip into the site."""
    if error or app.builder.format != "html":
        return
    try:
        learner_files.write(Path(app.outdir) / "files", Path(app.doctreedir) / "wheel_made_from")
    except learner_files.BuildFailed as failed:
        raise SphinxError(f"The wheel for learners could not be built.\n{failed}") from failed
    except FileNotFoundError as missing:
        raise SphinxError(f"{missing.filename} is missing; run: make exercises") from missing


def setup(app):
    app.add_directive("set-up", SetUp)
    app.connect("config-inited", keep_from_theme)
    app.connect("html-page-context", link_repository, priority=502)  # after the theme has begun the list
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
