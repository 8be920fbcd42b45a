"""Real text in which one word has several roles: the names in the standard library's own source."""

import ast
import io
import tokenize
from collections.abc import Iterable
from importlib.util import find_spec

from attnlib._arguments import check_sizes
from attnlib.data.tagged import pack

MODULES = ("calendar", "configparser", "difflib", "fractions", "heapq", "statistics", "textwrap", "traceback")
FSTRING = getattr(tokenize, "FSTRING_START", None)  # since Python 3.12
WORDS = {tokenize.NAME: None, tokenize.OP: None, tokenize.NUMBER: "0", tokenize.STRING: "''", FSTRING: "''"}
NAMES = ("other", "store", "load", "parameter", "attribute", "keyword")


def python_names(modules=MODULES, *, longest=24, vocabulary=1000):
    """Lines of Python, and for every name in them the role it plays there.

    modules: names of modules whose source is read from the reader's own Python, so that the lines differ a
    little from version to version. A sentence is a logical line of 3 to `longest` tokens that holds a name; a
    line that comes again is left out. Numbers become "0", strings "''", and all but the `vocabulary` most frequent
    words "<rare>".
    Returns `Tagged`; its tags are store (the name is bound: x = 1, def x), load (its value is used), parameter
    (def f(x)), attribute (y.x), keyword (f(x=1)) and other (the rest). The same word comes with different tags,
    and only its neighbours tell which.
    Raises ValueError for a module without readable source.
    Source: Python's `ast` and `tokenize`; the library is under the PSF licence.

    >>> text = python_names(["heapq"])
    >>> sorted({tag for s in range(len(text.tokens)) for word, tag in text.sentence(s) if word == "key"})
    ['keyword', 'load', 'parameter']
    """
    longest, vocabulary = check_sizes("python_names", longest=longest, vocabulary=vocabulary)
    if isinstance(modules, str) or not isinstance(modules, Iterable):
        raise TypeError(f"python_names: modules must be names of modules, in a list. Got {modules!r}.")
    lines = {}                                    # a dict, to keep the order and drop repetitions
    for module in modules:
        for line in _lines(_source(module)):
            if 3 <= len(line) <= longest and any(tag != "other" for _, tag in line):
                lines.setdefault(tuple(line))
    return pack(list(lines), NAMES, vocabulary)


def _source(module):
    """The source text of a module, which is found but not run."""
    try:
        spec = find_spec(module) if isinstance(module, str) else None
    except (ImportError, ValueError):  # a name with dots, or an empty one
        spec = None
    source = spec and hasattr(spec.loader, "get_source") and spec.loader.get_source(module)
    if not source:
        raise ValueError(f"python_names: there is no source for the module {module!r}; name one written in Python.")
    return source


def _lines(source):
    """The logical lines of a source text, as lists of pairs (word, tag).

    Left out: lines with an f-string, which versions of Python cut differently, or with letters beyond ASCII.
    """
    roles = dict(_roles(ast.parse(source)))
    line, plain = [], True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NEWLINE:
            if plain:
                yield line
            line, plain = [], True
        elif token.type in WORDS:
            plain = plain and token.line.isascii() and not _is_fstring(token)
            named_here = token.type == tokenize.NAME and line and line[-1][0] in ("def", "class", "as")
            role = roles.get(token.start, "store" if named_here else "other")  # the tree gives these no place
            line.append((WORDS[token.type] or token.string, role))


def _is_fstring(token):
    """Whether a token is an f-string (one token up to Python 3.11) or begins one."""
    if token.type != tokenize.STRING:
        return token.type == FSTRING
    prefix = token.string.partition(token.string[-1])[0]
    return "f" in prefix.lower()


def _roles(tree):
    """Pairs ((line, column), tag): where each name of the tree stands, and its role."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Load()):
                yield (node.lineno, node.col_offset), "load"
            case ast.alias(name="*") | ast.alias(asname=str()):
                pass                                      # binds no name here, or the one after `as`
            case ast.Name() | ast.alias():
                yield (node.lineno, node.col_offset), "store"
            case ast.arg():
                yield (node.lineno, node.col_offset), "parameter"
            case ast.keyword(arg=str()):
                yield (node.lineno, node.col_offset), "keyword"
            case ast.Attribute():
                yield (node.end_lineno, node.end_col_offset - len(node.attr)), "attribute"
