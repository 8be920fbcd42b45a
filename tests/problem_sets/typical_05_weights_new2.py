"""The most typical slips in exercises 4, 5 and 6 of 05_weights, each a replacement in one cell of the solution.

TYPICAL holds (label, id of the answer cell, old text, new text); the old text is there exactly once. A label is the id
of the mistake, known to a spec or proposed in wrong_05_weights_new2.py.
"""

TYPICAL = (
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
