"""Scores of torch tensors; see `attnlib.scores`."""

from attnlib.scores import check_widths


def dot(Q, K):
    """`attnlib.scores.dot` of tensors: Q (..., N, d), K (..., M, d) -> (..., N, M)."""
    check_widths("dot", Q, K)
    return Q @ K.transpose(-1, -2)


def scaled_dot(Q, K):
    """`attnlib.scores.scaled_dot` of tensors: Q (..., N, d), K (..., M, d) -> (..., N, M)."""
    return dot(Q, K) / K.shape[-1] ** 0.5
