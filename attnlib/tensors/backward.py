"""The gradients of attention for torch tensors, by hand; see `attnlib.backward`. Nothing here uses autograd.

All heads go through a tile together, which keeps a GPU busy; NumPy takes the heads in pieces, one a thread.
"""

import torch

from attnlib.backward import COLUMNS, ROWS, check_gradient, softcap_slope, softmax_backward
from attnlib.heads import share_heads, sum_of_heads
from attnlib.online_softmax import finite
from attnlib.tensors.attention import check_tensors, weights_of, widen


def softmax_jacobian(alpha):
    """`attnlib.backward.softmax_jacobian` of a tensor (..., M) -> (..., M, M), with PyTorch's diag_embed."""
    return torch.diag_embed(alpha) - alpha[..., None] * alpha[..., None, :]


def attend_backward(dB, Q, K, V, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """`attnlib.backward.attend_backward` of tensors: dB as the output, Q, K, V -> dQ, dK, dV, and dbias with a bias."""
    check_gradient("attend_backward", dB, Q, K, V)
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    dtype = Q.dtype
    dB, Q, K, V = widen(dB, Q, K, V)
    check_tensors("attend_backward", Q, K, V, mask, bias)
    keys, values = share_heads(K, Q), share_heads(V, Q)                  # (..., H, M, D), (..., H, M, E)
    alpha = weights_of(Q, K, mask, bias, causal, window, scale, softcap)  # (..., H, N, M)
    dalpha = dB @ values.mT                                              # (..., H, N, M)
    dscores = dadded = softmax_backward(dalpha, alpha)
    if softcap is not None:
        dscores = dadded * softcap_slope(scale * Q @ keys.mT, softcap)
    dQ = scale * dscores @ keys                                          # (..., H, N, D)
    dK = sum_of_heads(scale * dscores.mT @ Q, K)                         # (..., H_kv, M, D)
    dV = sum_of_heads(alpha.mT @ dB, V)                                  # (..., H_kv, M, E)
    gradients = dQ.to(dtype), dK.to(dtype), dV.to(dtype)
    return gradients if bias is None else (*gradients, dadded.sum_to_size(bias.shape).to(bias.dtype))


def attention_forward(q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """`attnlib.backward.attention_forward` of tensors: q, k, v -> out (..., H, N, E), lse (..., H, N, 1)."""
    check_tensors("attention_forward", q, k, v, mask, bias)
    tile = _Tiles(q, k, mask, bias, causal, window, scale, softcap)
    values = share_heads(v, q).to(tile.q.dtype)
    out = values.new_zeros((*q.shape[:-1], v.shape[-1]))
    lse = values.new_full((*q.shape[:-1], 1), -torch.inf)
    for start in range(0, q.shape[-2], ROWS):
        rows = slice(start, start + ROWS)
        scores = tile.scores(rows, slice(0, k.shape[-2]))                # (..., H, rows, M)
        lse[..., rows, :] = scores.logsumexp(-1, keepdim=True)
        out[..., rows, :] = torch.exp(scores - finite(lse[..., rows, :])) @ values
    return out.to(q.dtype), lse


def attention_backward(
    dout, q, k, v, out, lse, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None
):
    """`attnlib.backward.attention_backward` of tensors: dout, q, k, v, out, lse -> dq, dk, dv, tile by tile."""
    check_gradient("attention_backward", dout, q, k, v, out, lse)
    check_tensors("attention_backward", q, k, v, mask, bias)
    tile = _Tiles(q, k, mask, bias, causal, window, scale, softcap)
    queries, keys = tile.q, tile.k
    dout, values = dout.to(queries.dtype), share_heads(v, q).to(queries.dtype)
    delta = (dout * out).sum(-1, keepdim=True)                           # (..., H, N, 1): sum of alpha dalpha
    lse = finite(lse)
    dq, dk, dv = (torch.zeros_like(x) for x in (queries, keys, values))
    for rows, columns in tile.pairs():
        weights = torch.exp(tile.scores(rows, columns) - lse[..., rows, :])
        dscores = weights * (dout[..., rows, :] @ values[..., columns, :].mT - delta[..., rows, :])
        if softcap is not None:
            dscores = dscores * softcap_slope(tile.raw(rows, columns), softcap)
        dq[..., rows, :] += tile.scale * dscores @ keys[..., columns, :]
        dk[..., columns, :] += tile.scale * dscores.mT @ queries[..., rows, :]
        dv[..., columns, :] += weights.mT @ dout[..., rows, :]
    return dq.to(q.dtype), sum_of_heads(dk, k).to(q.dtype), sum_of_heads(dv, v).to(q.dtype)


class _Tiles:
    """The scores of all heads at once, a tile of queries and keys at a time."""

    def __init__(self, q, k, mask, bias, causal, window, scale, softcap):
        self.q, self.k = widen(q, share_heads(k, q))
        self.scale = q.shape[-1] ** -0.5 if scale is None else scale
        self.softcap, self.causal, self.window = softcap, causal, window
        shape = (*q.shape[:-1], k.shape[-2])
        self.mask, self.bias = (None if x is None else x.expand(shape) for x in (mask, bias))

    def pairs(self):
        """Every (rows, columns); those that only hold later keys of a causal attention are left out."""
        M = self.k.shape[-2]
        for start in range(0, self.q.shape[-2], ROWS):
            for first in range(0, min(M, start + ROWS) if self.causal else M, COLUMNS):
                yield slice(start, start + ROWS), slice(first, first + COLUMNS)

    def raw(self, rows, columns):
        """scale q k^T, before anything else."""
        return self.scale * self.q[..., rows, :] @ self.k[..., columns, :].mT

    def scores(self, rows, columns):
        """The scores as they go into the softmax: capped, biased, -inf where looking is forbidden."""
        scores = self.raw(rows, columns)
        if self.softcap is not None:
            scores = self.softcap * torch.tanh(scores / self.softcap)
        if self.bias is not None:
            scores = scores + self.bias[..., rows, columns]
        if self.mask is not None:
            scores = scores.masked_fill(~self.mask[..., rows, columns], -torch.inf)
        if not self.causal and self.window is None:
            return scores
        ahead = self.places(self.k)[columns] - self.places(self.q)[rows, None]
        hidden = ahead > 0 if self.causal else torch.zeros_like(ahead, dtype=torch.bool)
        hidden = hidden if self.window is None else hidden | (ahead.abs() > self.window)
        return scores.masked_fill(hidden, -torch.inf)

    @staticmethod
    def places(x):
        """0, 1, 2, ... for the rows of x."""
        return torch.arange(x.shape[-2], device=x.device)
