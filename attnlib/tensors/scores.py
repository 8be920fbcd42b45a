"""Scores of torch tensors; see `attnlib.scores`."""

import torch

from attnlib.scores import check_widths


def cosine(Q, K, eps=1e-8):
    """`attnlib.scores.cosine` of tensors: Q (..., N, d), K (..., M, d) -> (..., N, M).

    Dtypes are promoted by PyTorch's rules.
    """
    check_widths("cosine", Q, K)
    narrow = torch.promote_types(Q.dtype, K.dtype)
    wide = torch.promote_types(narrow, torch.float32)
    cosines = _unit(Q.to(wide), eps) @ _unit(K.to(wide), eps).transpose(-1, -2)
    return cosines.to(narrow if narrow.is_floating_point else wide)


def _unit(X, eps):
    """The rows of X divided by their lengths, or by eps where they are shorter."""
    return X / torch.linalg.vector_norm(X, dim=-1, keepdim=True).clamp(min=eps)
