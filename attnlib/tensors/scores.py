"""Scores of torch tensors; see `attnlib.scores`."""

import torch

from attnlib.scores import check_maps, check_widths


def dot(Q, K):
    """`attnlib.scores.dot` of tensors: Q (..., N, d), K (..., M, d) -> (..., N, M)."""
    check_widths("dot", Q, K)
    return Q @ K.transpose(-1, -2)


def scaled_dot(Q, K):
    """`attnlib.scores.scaled_dot` of tensors: Q (..., N, d), K (..., M, d) -> (..., N, M)."""
    return dot(Q, K) / K.shape[-1] ** 0.5


def bilinear(Q, K, W):
    """`attnlib.scores.bilinear` of tensors: Q (..., N, d_q), K (..., M, d_k), W (d_q, d_k) -> (..., N, M)."""
    check_maps("bilinear", Q, K, W=W, rows=Q.shape[-1], columns=K.shape[-1])
    return Q @ W @ K.transpose(-1, -2)


def additive(Q, K, W_q, W_k, w):
    """`attnlib.scores.additive` of tensors: W_q (d_q, h), W_k (d_k, h), w (h,) -> (..., N, M)."""
    check_maps("additive", Q, K, W_q=W_q, rows=Q.shape[-1], columns=w.shape[0])
    check_maps("additive", Q, K, W_k=W_k, rows=K.shape[-1], columns=w.shape[0])
    queries, keys = Q @ W_q, K @ W_k                       # (..., N, h), (..., M, h)
    return torch.tanh(queries[..., :, None, :] + keys[..., None, :, :]) @ w


def cosine(Q, K, eps=1e-8):
    """`attnlib.scores.cosine` of tensors: Q (..., N, d), K (..., M, d) -> (..., N, M)."""
    check_widths("cosine", Q, K)
    narrow = torch.promote_types(Q.dtype, K.dtype)
    wide = torch.promote_types(narrow, torch.float32)
    cosines = _unit(Q.to(wide), eps) @ _unit(K.to(wide), eps).transpose(-1, -2)
    return cosines.to(narrow if narrow.is_floating_point else wide)


def _unit(X, eps):
    return X / torch.linalg.vector_norm(X, dim=-1, keepdim=True).clamp(min=eps)
