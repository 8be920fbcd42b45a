"""The banks of slips that recur: a mistake has one id, one meaning and one sentence wherever it is used.

A bank holds wrong ways to do one step, as slips that a spec puts into its own exercises: `scores` (queries and
keys to scores), `weights` (scores to weights), `mixtures` (weights and values to outputs), `results` (what is
handed back, whatever was computed). A mistake that only one exercise can meet stands in that exercise's spec.
`attnlib.check.spec.mistakes` raises when two mistakes share an id or a sentence.
"""
