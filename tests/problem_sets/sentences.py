"""Code in a sentence: it stands between backquotes, so that a report can set it as code."""

import re

CODE = re.compile(r"""
    \b(?:np|torch|nn|math|attnlib)\.\w+             # np.sqrt
    | \b\w+(?:\.\w+)*\ (?:@|\*\*|//)\ \w+(?:\.\w+)*  # Q @ K.T
    | \b\w+\.m?T\b                                # K.T
    | \b[a-z]\w*=-?\w+                             # axis=-1
    | \b\w+\(\)                                    # exp()
    | \b\w+\[[-\w:, ]*\]                           # scores[0]
    """, re.VERBOSE)


def bare_code(text):
    """The pieces of code in a sentence that stand outside of backquotes."""
    return CODE.findall(re.sub(r"`[^`]*`", "", text))
