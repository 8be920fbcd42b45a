"""Weights of torch tensors; see `attnlib.weights`."""

import torch


def softmax(scores):
    """`attnlib.weights.softmax` of a tensor (..., M); a row of -inf gives zeros.

    masked_fill and amax are in the place of NumPy's where and max.
    """
    top = scores.amax(-1, keepdim=True)                    # (..., 1)
    powers = torch.exp(scores - top.masked_fill(top == -torch.inf, 0))
    total = powers.sum(-1, keepdim=True, dtype=torch.promote_types(powers.dtype, torch.float32))
    return (powers / total.masked_fill(total == 0, 1)).to(powers.dtype)


def relu_weights(scores):
    """`attnlib.weights.relu_weights` of a tensor (..., L): clamp is in the place of maximum, which takes no number."""
    return scores.clamp(min=0) / scores.shape[-1]


def hard(scores):
    """`attnlib.weights.hard` of a tensor (..., M), with the range created on its device."""
    best = scores.argmax(-1, keepdim=True)                 # (..., 1)
    chosen = torch.arange(scores.shape[-1], device=scores.device) == best
    return (chosen & (scores != -torch.inf)).to(scores.dtype)
