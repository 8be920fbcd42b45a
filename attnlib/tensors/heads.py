"""Heads of torch tensors; see `attnlib.heads`."""

from attnlib.heads import check_merge, check_split


def split(X, heads):
    """`attnlib.heads.split` of a tensor (..., N, heads d) -> (..., heads, N, d)."""
    check_split(X, heads)
    return X.unflatten(-1, (heads, -1)).transpose(-2, -3)


def merge(X):
    """`attnlib.heads.merge` of a tensor (..., heads, N, d) -> (..., N, heads d)."""
    check_merge(X)
    return X.transpose(-2, -3).flatten(-2)
