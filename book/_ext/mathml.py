"""Formulas as MathML, written when the book is built: no script, read by screen readers.

The font is STIX Two Math (SIL Open Font License) out of the `ziamath` package, cut down to the
characters a course like this one needs, about 70 kB.
"""
from pathlib import Path

import ziamath
from docutils import nodes
from fontTools import subset
from latex2mathml.converter import convert
from sphinx.util.math import get_node_equation_number

LETTERS = [*range(0x20, 0x7F), *range(0x391, 0x3CA), *range(0x1D434, 0x1D468), *range(0x1D6FC, 0x1D714)]
SIGNS = "ℎℝ·×±′″∂∑∏√−∈≤≥≈≠⊤…⋯⋅‖∞→⁡⟨⟩∣∥½ℓ∘⊙⊕≔∼∝"


def join_punctuation(app, doctree, docname):
    """Give the full stop after a formula to the formula, so that no line breaks between them."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and after.astext()[:1] in tuple(".,:;?!)"):
            formula["after"] = after.astext()[0]
            place = formula.parent.index(formula) + 1          # equal texts compare equal: go by the formula
            formula.parent[place] = nodes.Text(after.astext()[1:])


def inline(self, node):
    formula = convert(node.astext())
    self.body.append(f'<span class="joined">{formula}{node["after"]}</span>' if "after" in node else formula)
    raise nodes.SkipNode


def block(self, node):
    number = get_node_equation_number(self, node) if node.get("number") else None
    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    self.body.append(convert(node.astext(), display="block"))
    if number:
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def write_font(app, error):
    """Write the cut-down font next to the style sheets."""
    out = Path(app.outdir) / "_static" / "math.woff"
    if error or app.builder.format != "html" or (out.exists() and out.stat().st_mtime > Path(__file__).stat().st_mtime):
        return
    source = Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf"
    options = subset.Options(flavor="woff", hinting=False, layout_features=["math", "ssty"])
    font = subset.load_font(str(source), options)
    keep_small_root(font)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[*LETTERS, *map(ord, SIGNS)])
    cutter.subset(font)
    subset.save_font(font, str(out), options)


def keep_small_root(font):
    """Keep one size of the root sign: Chromium leaves room for the widest one after every root."""
    variants = font["MATH"].table.MathVariants
    root = variants.VertGlyphCoverage.glyphs.index(font.getBestCmap()[ord("√")])
    sizes = variants.VertGlyphConstruction[root]
    sizes.GlyphAssembly, sizes.MathGlyphVariantRecord, sizes.VariantCount = None, sizes.MathGlyphVariantRecord[:1], 1


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("doctree-resolved", join_punctuation)
    app.connect("build-finished", write_font)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
