"""Weights of torch tensors; see `attnlib.weights`."""

import torch

from attnlib.weights import check_scores


def softmax(scores):
    """`attnlib.weights.softmax` of a tensor (..., M); a row of -inf gives zeros.

    Chapters print the other text, in NumPy's words: masked_fill and amax are in the place of its where and max.
    """
    check_scores("softmax", scores)
    if scores.shape[-1] == 0:
        return scores.clone()                              # amax takes no empty row
    top = scores.amax(-1, keepdim=True)                    # (..., 1)
    powers = torch.exp(scores - top.masked_fill(top == -torch.inf, 0))
    total = powers.sum(-1, keepdim=True, dtype=torch.promote_types(powers.dtype, torch.float32))
    return (powers / total.masked_fill(total == 0, 1)).to(powers.dtype)
