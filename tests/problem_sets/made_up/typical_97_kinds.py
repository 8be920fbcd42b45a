"""Typical mistakes in 97_kinds: (slip, answer cell id, old text, new text)."""

TYPICAL = (
    ("softmax-down-the-columns", "write_gradients_flow_through_softmax", "dim=-1", "dim=0"),
    ("total-without-gradient", "write_gradients_flow_through_softmax", "keepdim=True)", "keepdim=True).detach()"),
    ("sum-down-the-columns", "write_softmax_goes_backward_by_hand", "(A * dA).sum(axis=-1, keepdims=True)",
     "(A * dA).sum(axis=0)"),
    ("head-scores-unscaled", "write_a_head_is_a_module", " / self.W_q.shape[-1] ** 0.5", ""),
    ("shift-left-out", "write_a_layer_is_a_class", "x @ self.W + self.b", "x @ self.W"),
    ("newest-key-alone", "write_a_cache_keeps_every_key", "self.keys.append(k)\n        self.values.append(v)\n",
     "self.keys, self.values = [k], [v]\n"),
    ("labels-one-too-large", "write_new_points_get_their_labels", "argmin(axis=-1)]", "argmin(axis=-1)] + 1"),
    ("predicted-twice-as-much", "predict_twice_the_tokens_cost_more", "times = 4", "times = 2"),
    ("keys-and-values-forgotten", "write_scores_outnumber_vectors", "3 * tokens * width", "tokens * width"),
)
