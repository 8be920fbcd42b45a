"""`{api} module ...`: the public functions of attnlib modules, with what their docstrings say. Nothing is imported."""
import ast
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PACKAGE = Path(__file__).parents[2] / "attnlib"
TABLE = re.compile(r"^\S+ {2,}\S|^ {2,}", re.MULTILINE)  # lined up by hand, to be kept as it is


class Api(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        return [section for name in self.arguments[0].split() for section in self.module(name)]

    def module(self, name):
        path = PACKAGE / f"{name.replace('.', '/')}.py"
        path = path if path.exists() else PACKAGE / name / "__init__.py"
        self.env.note_dependency(str(path))
        tree = ast.parse(path.read_text())
        section = self.section(f"attnlib.{name}", told(ast.get_docstring(tree)))
        section += [self.member(name, node) for node in tree.body if is_public(node)]
        return [section]

    def member(self, module, node):
        body = told(ast.get_docstring(node))
        if isinstance(node, ast.ClassDef):
            body += [self.member(f"{module}.{node.name}", each) for each in node.body
                     if is_public(each) and ast.get_docstring(each)]
        return self.section(f"{module}.{node.name}", [code(signature(node), "python"), *body])

    def section(self, title, body):
        name = nodes.fully_normalize_name(title)
        section = nodes.section("", nodes.title("", "", nodes.literal("", title)), *body, names=[name])
        self.state.document.note_explicit_target(section)
        return section


def is_public(node):
    return isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith(("_", "check_"))


def signature(node):
    """`name(arguments)`, one argument a line where they would run off a telephone."""
    if isinstance(node, ast.ClassDef):
        made = next((each.args for each in node.body if getattr(each, "name", "") == "__init__"), None)
        return f"class {node.name}" + (f"({ast.unparse(made)})" if made else "")
    whole = f"{node.name}({ast.unparse(node.args)})"
    return whole if len(whole) < 70 else whole.replace(", ", ",\n    ").replace("(", "(\n    ", 1)[:-1] + ",\n)"


def told(docstring):
    """The paragraphs of a docstring: prose as prose, lists as lists, examples as code, lined-up text as it stands."""
    found = []
    for part in (docstring or "").split("\n\n"):
        if part.lstrip().startswith(">>>"):
            found.append(code(part, "pycon"))
        elif part.startswith("- "):
            items = re.split(r"^- ", part, flags=re.MULTILINE)[1:]
            found.append(nodes.bullet_list("", *(nodes.list_item("", prose(" ".join(item.split()))) for item in items)))
        elif TABLE.search(part):
            found.append(code(part, "text"))
        elif part.strip():
            found.append(prose(" ".join(part.split())))
    return found


def prose(text):
    """A paragraph whose `backquoted` words are code."""
    pieces = re.split(r"`+([^`]+)`+", text)
    return nodes.paragraph("", "", *(nodes.literal("", piece) if i % 2 else nodes.Text(piece)
                                     for i, piece in enumerate(pieces) if piece))


def code(text, language):
    return nodes.literal_block(text, text, language=language)


def setup(app):
    app.add_directive("api", Api)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
