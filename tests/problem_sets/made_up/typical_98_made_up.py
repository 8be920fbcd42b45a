"""Typical mistakes in 98_made_up: (slip, answer cell id, old text, new text)."""

TYPICAL = (
    ("picks-transposed", "write_mix_2", "weights @ X", "weights.T @ X"),
    ("rows-added-up", "write_mix_2", "weights @ X", "weights.sum(axis=0) @ X"),
)
