"""The gradients of attention for torch tensors, by hand; see `attnlib.backward`. Nothing here uses autograd.

All heads go through a tile together, which keeps a GPU busy, and nothing is written in place of something else, so
that PyTorch can compile it; NumPy takes the heads in pieces, one a thread, and reuses the memory of a tile.
"""

import torch

from attnlib._arguments import check_qkv
from attnlib._chunked import COLUMNS, ROWS, hidden_by_position, over_seen, rules_of, slices
from attnlib._ops import share, widen
from attnlib.backward import check_gradient, must_be_careful, only, sinks_gradient, softcap_slope, transposed
from attnlib.heads import sum_of_heads
from attnlib.online_softmax import finite


def attention_forward(
    q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """`attnlib.backward.attention_forward` of tensors: q, k, v -> out (..., H, N, E), lse (..., H, N, 1).

    Some queries of all heads at a time, with all of their keys, so that PyTorch's logsumexp can be used.
    """
    check_qkv("attention_forward", q, k, v)
    rules = rules_of("attention_forward", q, k, mask, bias, causal, window, scale, softcap, past, sinks)
    careful = must_be_careful(v, q, k, v, rules)
    queries, keys, values = widen(q, share(k, q), share(v, q))
    outs, sums = [], []
    for rows in slices(0, q.shape[-2], ROWS):
        scores = scores_of(queries, keys, rules, rows, slice(0, k.shape[-2]))            # (..., H, rows, M)
        lse = scores.logsumexp(-1, keepdim=True)
        if sinks is not None:
            lse = torch.logaddexp(lse, rules.sinks[..., None, None].to(lse.dtype))
        outs.append(over_seen(torch.exp(scores - finite(lse)), values, scores != -torch.inf if careful else None))
        sums.append(lse)
    if not outs:
        return q.new_zeros((*q.shape[:-1], v.shape[-1])), queries.new_zeros((*q.shape[:-1], 1))
    return torch.cat(outs, -2).to(q.dtype), torch.cat(sums, -2)


def attention_backward(
    dout, q, k, v, out, lse, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0,
    sinks=None
):
    """`attnlib.backward.attention_backward` of tensors: dout, q, k, v, out, lse -> dq, dk, dv, and dsinks with sinks.

    A tile of all heads at a time, none of which is written over.
    """
    check_gradient("attention_backward", q, k, v, dout=dout, out=out, lse=lse)
    rules = rules_of("attention_backward", q, k, mask, bias, causal, window, scale, softcap, past, sinks)
    careful = must_be_careful(dout, q, k, v, rules)
    dtype = q.dtype
    dout, q, keys, values, out = widen(dout, q, share(k, q), share(v, q), out)
    lse, delta = finite(lse), (dout * out).sum(-1, keepdim=True)         # (..., H, N, 1): sums of alpha dalpha
    dq, dk, dv = (torch.zeros_like(x) for x in (q, keys, values))
    for rows, columns in tiles(q.shape[-2], k.shape[-2], rules):
        queries, some_dout = q[..., rows, :], dout[..., rows, :]
        some_keys, some_values = keys[..., columns, :], values[..., columns, :]
        scores = scores_of(q, keys, rules, rows, columns)
        seen = scores != -torch.inf if careful else None
        alpha = only(seen, torch.exp(scores - lse[..., rows, :]))
        dscores = alpha * (some_dout @ some_values.mT - delta[..., rows, :])
        if softcap is not None:
            dscores = dscores * softcap_slope(rules.scale * queries @ some_keys.mT, rules.softcap)
        dscores = only(seen, dscores)
        dq[..., rows, :] += rules.scale * over_seen(dscores, some_keys, seen)
        dk[..., columns, :] += rules.scale * over_seen(dscores.mT, queries, transposed(seen))
        dv[..., columns, :] += over_seen(alpha.mT, some_dout, transposed(seen))
    gradients = dq.to(dtype), sum_of_heads(dk, k).to(dtype), sum_of_heads(dv, v).to(dtype)
    return gradients if sinks is None else (*gradients, sinks_gradient(delta, lse, rules, sinks))


def tiles(N, M, rules):
    """Every (rows, columns), two slices; those that no query of the rows sees by its position are left out."""
    for rows in slices(0, N, ROWS):
        first, last = rules.past + rows.start, rules.past + rows.stop - 1
        for columns in slices(max(0, first - rules.back), min(M, last + rules.ahead + 1), COLUMNS):
            yield rows, columns


def scores_of(q, k, rules, rows, columns):
    """The scores of a tile as they go into the softmax: capped, biased, -inf where looking is forbidden."""
    scores = rules.scale * q[..., rows, :] @ k[..., columns, :].mT       # (..., H, rows, columns)
    if rules.softcap is not None:
        scores = rules.softcap * torch.tanh(scores / rules.softcap)
    if rules.bias is not None:
        bias = rules.bias[..., rows, columns]
        scores = (scores + bias.to(scores.dtype)).masked_fill(bias == -torch.inf, -torch.inf)
    if rules.mask is not None:
        scores = scores.masked_fill(~rules.mask[..., rows, columns], -torch.inf)
    queries = rules.past + torch.arange(rows.start, rows.stop, device=q.device)[:, None]
    keys = torch.arange(columns.start, columns.stop, device=q.device)
    return scores.masked_fill(hidden_by_position(queries, keys, rules.back, rules.ahead), -torch.inf)
