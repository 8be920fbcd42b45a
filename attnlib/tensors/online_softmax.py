"""The online softmax of torch tensors; see `attnlib.online_softmax`."""

import torch

from attnlib.heads import share_heads
from attnlib.online_softmax import check_block, columns, finish, finite, merge_partials
from attnlib.tensors.attention import check_tensors, widen


def partial(q, k, v, *, mask=None, scale=None):
    """`attnlib.online_softmax.partial` of tensors: q, k, v -> mixed (..., H, N, E), total and top (..., H, N, 1).

    The largest of no scores is written down here: amax has no `initial`.
    """
    check_tensors("partial", q, k, v, mask, None)
    q, k, v = widen(q, share_heads(k, q), share_heads(v, q))
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)                   # (..., H, N, M)
    if scores.shape[-1]:
        top = scores.amax(-1, keepdim=True)                              # (..., H, N, 1)
    else:
        top = scores.new_full((*scores.shape[:-1], 1), -torch.inf)
    powers = torch.exp(scores - finite(top))
    return powers @ v, powers.sum(-1, keepdim=True), top


def online(q, k, v, *, block, mask=None, scale=None):
    """`attnlib.online_softmax.online` of tensors: q, k, v -> (..., H, N, E). The cast back is `to`."""
    check_block("online", block)
    parts = None
    for start in range(0, max(1, k.shape[-2]), block):
        keys = slice(start, start + block)
        new = partial(q, k[..., keys, :], v[..., keys, :], mask=columns(mask, keys), scale=scale)
        parts = new if parts is None else merge_partials(*parts, *new)
    return finish(*parts).to(q.dtype)
