"""Heads of torch tensors; see `attnlib.heads`."""

from attnlib.heads import check_merge, check_projections, check_split, linear
from attnlib.tensors.attention import attention


def split(X, heads):
    """`attnlib.heads.split` of a tensor (..., N, heads d) -> (..., heads, N, d)."""
    check_split(X, heads)
    return X.unflatten(-1, (heads, -1)).transpose(-2, -3)


def merge(X):
    """`attnlib.heads.merge` of a tensor (..., heads, N, d) -> (..., N, heads d)."""
    check_merge(X)
    return X.transpose(-2, -3).flatten(-2)


def multi_head(X, W_q, W_k, W_v, W_o, heads, context=None, b_q=None, b_k=None, b_v=None, b_o=None, **options):
    """`attnlib.heads.multi_head` of tensors: X (..., N, D), context (..., M, D_c) -> (..., N, D_out)."""
    context = X if context is None else context
    key_heads = check_projections(X, context, W_q, W_k, W_v, W_o, heads)
    q = split(linear(X, W_q, b_q), heads)                                # (..., heads, N, d)
    k = split(linear(context, W_k, b_k), key_heads)                      # (..., key_heads, M, d)
    v = split(linear(context, W_v, b_v), key_heads)                      # (..., key_heads, M, d_v)
    return linear(merge(attention(q, k, v, **options)), W_o, b_o)
