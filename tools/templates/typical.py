"""Typical mistakes in $stem, each a change of one cell of the solution notebook: named, and charged once.

(slip, answer cell id, old text, new text); the old text stands once in the cell.
"""

TYPICAL = ()
