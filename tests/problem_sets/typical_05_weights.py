"""The most typical slips in 05_weights, each a change of one cell of the solution notebook.

(label, answer cell id, old text, new text): the label is the id of the mistake that is made.
"""

TYPICAL = (
    ("softmax-over-queries", "write_softmax",
     """\
    top = scores.max(axis=-1, keepdims=True)               # (..., 1)
    powers = np.exp(scores - top)                          # (..., M), none above 1
    return powers / powers.sum(axis=-1, keepdims=True)
""",
     """\
    top = scores.max(axis=0, keepdims=True)
    powers = np.exp(scores - top)
    return powers / powers.sum(axis=0, keepdims=True)
"""),
    ("axis-1-for-the-last", "write_softmax",
     """\
    top = scores.max(axis=-1, keepdims=True)               # (..., 1)
    powers = np.exp(scores - top)                          # (..., M), none above 1
    return powers / powers.sum(axis=-1, keepdims=True)
""",
     """\
    top = scores.max(axis=1, keepdims=True)
    powers = np.exp(scores - top)
    return powers / powers.sum(axis=1, keepdims=True)
"""),
    ("exponential-overflows", "write_softmax", "np.exp(scores - top)", "np.exp(scores)"),
    ("sums-have-lost-an-axis", "write_softmax", "powers.sum(axis=-1, keepdims=True)", "powers.sum(axis=-1)"),
    ("epsilon-in-the-denominator", "write_softmax",
     "powers / powers.sum(axis=-1, keepdims=True)", "powers / (powers.sum(axis=-1, keepdims=True) + 1e-8)"),
    ("scores-changed-in-place", "write_softmax",
     "    powers = np.exp(scores - top)                          # (..., M), none above 1\n",
     "    scores -= top\n    powers = np.exp(scores)\n"),
    ("variance-for-the-deviation", "write_width", "width = 8 ** 2", "width = 8"),
    ("every-query-with-every-key", "write_variances",
     "(Q * K).sum(axis=1)                         # (n,)", "Q @ K.T"),
    ("half-a-root", "write_variances",
     "np.var(products / K.shape[1] ** 0.5)", "np.var(products / K.shape[1] ** 1/2)"),
    ("divided-by-n-minus-1", "write_variances",
     "return np.var(products), np.var(products / K.shape[1] ** 0.5)",
     "return np.var(products, ddof=1), np.var(products / K.shape[1] ** 0.5, ddof=1)"),
    ("shape-1-for-the-last-axis", "write_relu_weights", "scores.shape[-1]", "scores.shape[1]"),
    ("scores-changed-in-place", "write_relu_weights",
     "    return np.maximum(scores, 0) / scores.shape[-1]\n",
     "    scores[scores < 0] = 0\n    return scores / scores.shape[-1]\n"),
    ("not-scaled", "write_scaled_scores", "Q @ K.T / K.shape[1] ** 0.5", "Q @ K.T"),
    ("divided-by-d-k", "write_scaled_scores", "K.shape[1] ** 0.5", "K.shape[1]"),
    ("half-a-root", "write_scaled_scores", "K.shape[1] ** 0.5", "K.shape[1] ** 1/2"),
    ("root-is-float64", "write_scaled_scores", "K.shape[1] ** 0.5", "np.sqrt(K.shape[1])"),
    ("keys-not-transposed", "write_scaled_scores", "Q @ K.T", "Q @ K"),
    ("root-of-the-number-of-keys", "write_scaled_scores", "K.shape[1]", "K.shape[0]"),
    ("not-scaled", "write_output_vector", "K @ Q[i] / K.shape[1] ** 0.5", "K @ Q[i]"),
    ("query-kept-as-a-row", "write_output_vector", "K @ Q[i] /", "Q[i:i + 1] @ K.T /"),
    ("position-before", "write_output_vector", "Q[i]", "Q[i - 1]"),
    ("scores-multiply-the-values", "write_output_vector", "softmax(scores) @ V", "scores @ V"),
    ("values-mixed-with-columns", "write_attend", "return alpha @ V, alpha", "return alpha.T @ V, alpha"),
    ("outputs-and-weights-swapped", "write_attend", "return alpha @ V, alpha", "return alpha, alpha @ V"),
)
