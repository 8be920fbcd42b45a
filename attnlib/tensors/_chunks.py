"""Chunked attention for PyTorch: the engine of `attnlib.tensors.attention`, as `attnlib._chunked` is that of NumPy.

A chunk of queries meets the keys that it can reach by position. What is hidden there is a small mask for PyTorch's
fused kernel, or goes into the formula itself. On the way back a chunk is computed again: only its inputs, which
are there anyway, are kept. Tensors have four axes here, (B, H, N, D), all leading ones in B.
"""

import math
from dataclasses import dataclass

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad, scaled_dot_product_attention

from attnlib._arguments import can_look
from attnlib._chunked import hidden_by_position
from attnlib._ops import share, widen

SCORES = 1 << 20  # largest number of scores in a chunk on a CPU, about what a cache holds
ON_GPU = 1 << 24  # and elsewhere, where many small kernels leave the device idle
FEWEST = 32       # smallest number of queries in a chunk: a matrix product of fewer rows is slow
ROWS = 256        # largest number of queries in a chunk under a window, so that few hidden keys are computed


@dataclass
class Rules:
    """The options of `attention`, filled in; mask and bias as they came."""

    leading: tuple                  # the axes of q before (N, D)
    scale: float
    mask: torch.Tensor | None
    bias: torch.Tensor | None
    causal: bool
    window: int | None
    softcap: float | None
    past: int
    sinks: torch.Tensor | None      # (B, H, 1, 1)
    careful: bool                   # whether NaN or inf stands in keys or values, some of which may be hidden

    @classmethod
    def of(cls, q, k, v, mask, bias, causal, window, scale, softcap, past, sinks):
        """The rules of a call that has been checked."""
        leading = tuple(map(int, q.shape[:-2]))
        scale = int(q.shape[-1]) ** -0.5 if scale is None else float(scale)
        if sinks is not None:
            sinks = fold(sinks.expand(leading)[..., None, None])
        hides = causal or mask is not None or bias is not None or window is not None
        careful = bool(hides) and can_look(k) and not (finite(k) and finite(v))
        if window is not None:
            window = min(int(window), int(past) + int(q.shape[-2]) + int(k.shape[-2]))  # it may have 65 bits
        return cls(leading, scale, mask, bias, bool(causal), window, softcap, int(past), sinks, careful)


def chunked_attention(q, k, v, rules):
    """Attention of tensors that have been checked: (..., H, N, D), (..., H_kv, M, D), (..., H_kv, M, E) -> as q."""
    q, k, v = fold(q), fold(k), fold(v)
    D, (M, E) = int(q.shape[-1]), map(int, v.shape[-2:])
    fused, scale = _kernel_fits(q, k, rules), rules.scale
    if fused:
        q, scale = (q, scale) if scale > 0 else (-q, -scale) if scale < 0 else (q * 0, 1.0)  # it wants a positive one
        q, k, v = pad(q, (0, max(0, E - D))), pad(k, (0, max(0, E - D))), pad(v, (0, max(0, D - E)))  # and one width
        if _hides_nothing_but_the_future(M, rules):
            causal = rules.causal and not rules.past
            out = scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale, enable_gqa=_grouped(q, k))
            return unfold(out[..., :E], rules)

    def attend_rows(rows, q, k, v, bias, sinks):
        """The output of some rows; q, k, v and bias are what belongs to them."""
        hidden, bias = hidden_at(rows, reachable(rows, M, rules), rules, q.device), four_axes(bias, rules)
        if fused:
            return _by_kernel(q, k, v, hidden, bias, scale)
        wide_q, wide_k, wide_v = widen(q, k, v)
        weights = _weights(wide_q, wide_k, hidden, bias, sinks, rules)
        return mixture(weights, wide_v, hidden, rules.careful).to(q.dtype)

    def part(rows, q, k, v, bias, sinks):
        """The views of these tensors that belong to some rows."""
        columns = reachable(rows, M, rules)
        own = [None if x is None else x[..., at, :] for x, at in ((q, rows), (k, columns), (v, columns))]
        return *own, cut(bias, rows, columns), sinks

    pieces, inputs = _pieces(q, M, rules, fused), (q, k, v, rules.bias, rules.sinks)
    if len(pieces) == 1:
        out = attend_rows(pieces[0], *part(pieces[0], *inputs))
    elif can_look(q):
        out = _ComputedAgain.apply(attend_rows, part, pieces, *inputs)
    else:
        out = torch.cat([attend_rows(rows, *part(rows, *inputs)) for rows in pieces], -2)
    return unfold(out[..., :E], rules)


class _ComputedAgain(torch.autograd.Function):
    """Chunks of which nothing is kept for the way back: each is computed again, and its gradients are added up."""

    @staticmethod
    def forward(ctx, attend_rows, part, pieces, *inputs):
        ctx.how = attend_rows, part, pieces
        ctx.save_for_backward(*inputs)
        return _filled(attend_rows, part, pieces, *inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        (attend_rows, part, pieces), needed = ctx.how, ctx.needs_input_grad[3:]
        sums = [torch.zeros_like(x, dtype=wider(x)) if need else None for x, need in zip(ctx.saved_tensors, needed)]
        for rows in reversed(pieces):
            inputs = [x if x is None else x.detach() for x in part(rows, *ctx.saved_tensors)]
            wanted = [x.requires_grad_() for x, need in zip(inputs, needed) if need]
            with torch.enable_grad():
                out = attend_rows(rows, *inputs)
            gradients = torch.autograd.grad(out, wanted, dout[..., rows, :])
            for whole, gradient in zip([x for x in part(rows, *sums) if x is not None], gradients):
                whole += gradient                                          # a view: this fills the sums
        return None, None, None, *(x if x is None else x.to(y.dtype) for x, y in zip(sums, ctx.saved_tensors))


def _filled(attend_rows, part, pieces, q, k, v, *others):
    """All rows, written into one tensor as they come, so that the next chunk finds the memory of the last one free."""
    out = q.new_empty(*q.shape[:-1], v.shape[-1])
    for rows in reversed(pieces):                                          # if causal, the largest comes first
        out[..., rows, :] = attend_rows(rows, *part(rows, q, k, v, *others))
    return out


def weights_of_rows(q, k, rules):
    """The weights of all queries and keys at once: (..., H, N, D), (..., H_kv, M, D) -> (..., H, N, M), as q."""
    rows, columns = slice(0, int(q.shape[-2])), slice(0, int(k.shape[-2]))
    hidden, bias = hidden_at(rows, columns, rules, q.device), four_axes(rules.bias, rules)
    return unfold(_weights(*widen(fold(q), fold(k)), hidden, bias, rules.sinks, rules).to(q.dtype), rules)


def fold(x):
    """(..., H, N, D) with all leading axes in one: (B, H, N, D)."""
    if x.ndim == 4:
        return x
    return x[(None,) * (4 - x.ndim)] if x.ndim < 4 else x.flatten(0, -4)


def unfold(x, rules):
    """(B, H, N, E) with the leading axes that q had."""
    return x.reshape(*rules.leading, *x.shape[-2:])


def cut(x, rows, columns):
    """These rows and columns of a mask or bias, a view; an axis of length 1 stays for all."""
    if x is None or not x.ndim:
        return x
    x = x if x.shape[-1] == 1 else x[..., columns]
    return x if x.ndim < 2 or x.shape[-2] == 1 else x[..., rows, :]


def four_axes(x, rules):
    """A cut of a mask or bias as (B or 1, H or 1, rows or 1, columns or 1)."""
    if x is None or x.ndim == 4 == len(rules.leading) + 2:
        return x
    x = x[(None,) * max(0, 4 - x.ndim)]
    if len(rules.leading) > 2 and math.prod(x.shape[:-3]) > 1:
        x = x.expand(*rules.leading[:-1], *x.shape[-3:])  # flattened below: a copy, but of this part only
    return x.flatten(0, -4)


def reachable(rows, M, rules):
    """The keys that any query of these rows may see by its position: a slice of range(M)."""
    first, last = rules.past + rows.start, rules.past + rows.stop - 1
    stop = max(0, min(M, last + 1)) if rules.causal else M
    if rules.window is None:
        return slice(0, stop)
    return slice(min(max(0, first - rules.window), stop), min(stop, last + rules.window + 1))


def hidden_at(rows, columns, rules, device):
    """True where a query of these rows may not see a key of these columns, with four axes; None if it sees all."""
    parts = []
    if rules.mask is not None:
        parts.append(~four_axes(cut(rules.mask, rows, columns), rules))
    if rules.bias is not None:
        parts.append(four_axes(cut(rules.bias, rows, columns), rules) == -torch.inf)
    first, last = rules.past + rows.start, rules.past + rows.stop - 1
    back = last if rules.window is None else rules.window                  # without a window: as far as there is
    ahead = 0 if rules.causal else columns.stop if rules.window is None else rules.window
    if columns.start < columns.stop and (columns.stop - 1 > first + ahead or columns.start < last - back):
        queries = torch.arange(first, last + 1, device=device)[:, None]
        keys = torch.arange(columns.start, columns.stop, device=device)
        parts.append(hidden_by_position(queries, keys, back, ahead)[None, None])
    hidden = parts[0] if parts else None
    for part in parts[1:]:
        hidden = hidden | part
    return hidden


def _kernel_fits(q, k, rules):
    """Whether PyTorch's kernel can compute this: not without a key, nor with what it does not have or would round."""
    plain = rules.softcap is None and rules.sinks is None and not rules.careful and q.numel() and k.numel()
    return bool(plain) and (rules.bias is None or rules.bias.dtype == q.dtype and not rules.bias.requires_grad)


def _hides_nothing_but_the_future(M, rules):
    """Whether the kernel needs no mask: all is seen, or causal is counted from the first key."""
    if rules.mask is not None or rules.bias is not None or rules.window is not None:
        return False
    return not rules.causal or not rules.past or rules.past >= M - 1


def _grouped(q, k):
    """Whether query heads share key heads. (A branch: PyTorch needs a bool, even where it leaves lengths open.)"""
    return True if q.shape[1] != k.shape[1] else False


def _pieces(q, M, rules, fused):
    """Slices of the queries: chunks so small that their scores, or for the kernel their mask, are few."""
    heads, N = int(q.shape[0]) * int(q.shape[1]), int(q.shape[-2])
    if fused:
        masks = [x for x in (rules.mask, rules.bias) if x is not None]
        if all(x.ndim < 2 or x.shape[-2] == 1 for x in masks) and not rules.causal and rules.window is None:
            return [slice(0, N)]
        heads = max([math.prod(x.shape[:-2]) for x in masks], default=1)
    most = N if rules.window is None else ROWS
    scores = SCORES if q.device.type == "cpu" else ON_GPU
    step = max(1, min(N, most, max(FEWEST, scores // max(1, heads * M))))
    return [slice(start, min(start + step, N)) for start in range(0, max(1, N), step)]


def _by_kernel(q, k, v, hidden, bias, scale):
    """A chunk by PyTorch's kernel: q (B, H, rows, D), k and v (B, H_kv, columns, D) -> (B, H, rows, D)."""
    if hidden is not None:
        nothing = hidden.all(-1, keepdim=True)
        hidden = hidden & ~nothing             # a row of the mask that hides all makes NaN in some of its kernels
        mask = ~hidden if bias is None else bias.masked_fill(nothing, 0).masked_fill(hidden, -torch.inf)
    if hidden is not None and q.device.type != "cpu":
        k, v = share(k, q), share(v, q)        # their kernels take no mask with shared heads
    out = scaled_dot_product_attention(
        q, k, v, attn_mask=bias if hidden is None else mask, scale=scale, enable_gqa=_grouped(q, k)
    )
    return out if hidden is None else out.masked_fill(nothing, 0)


def _weights(q, k, hidden, bias, sinks, rules):
    """The weights of a chunk by the formula: q (B, H, rows, D), k (B, H_kv, columns, D) -> (B, H, rows, columns)."""
    scores = products(q, k, rules.careful) * rules.scale
    if rules.softcap is not None:
        scores = rules.softcap * torch.tanh(scores / rules.softcap)
    if bias is not None:
        scores = scores + bias.to(scores.dtype)
    if hidden is not None:
        nothing = hidden.all(-1, keepdim=True)
        scores = scores.masked_fill(hidden, -torch.inf).masked_fill(nothing, 0)  # a row of -inf would give NaN
    if sinks is None:
        weights = scores.softmax(-1)
    else:
        sinks = sinks.to(scores.dtype).expand(*scores.shape[:-1], 1)
        weights = torch.cat([scores, sinks], -1).softmax(-1)[..., :-1]
    return weights if hidden is None else weights.masked_fill(nothing, 0)


def products(q, k, careful):
    """q k^T, each query with each key: (..., H, N, D), (..., H_kv, M, D) -> (..., H, N, M).

    If `careful`, a product with NaN or inf has its value but no gradient: where it is hidden, 0 times NaN would be NaN.
    """
    if not careful:
        return product(q, k.mT)
    as_it_came = product(q.detach(), k.detach().mT)
    return torch.where(as_it_came.isfinite(), product(q, _cleared(k).mT), as_it_came)


def mixture(weights, v, hidden, careful):
    """weights v, where hidden values count for nothing; a query that sees NaN or inf gets it, in its column.

    weights (..., H, N, M), v (..., H_kv, M, E), hidden broadcastable to weights -> (..., H, N, E). If not `careful`,
    all values are known to be finite.
    """
    if not careful or hidden is None:
        return product(weights, v)
    seen = (~hidden).to(weights.dtype).expand(weights.shape)
    mixed = product(weights.masked_fill(hidden, 0), _cleared(v))  # a row that sees NaN has no other weight than NaN
    for number, found in (torch.inf, v == torch.inf), (-torch.inf, v == -torch.inf), (torch.nan, v.isnan()):
        mixed = torch.where(product(seen, found.to(weights.dtype)) > 0, mixed + number, mixed)
    return mixed


def product(x, y):
    """x y, where neighbouring heads of x (..., H, n, m) share one of y (..., H_kv, m, e): (..., H, n, e)."""
    if x.ndim < 3 or x.shape[-3] == y.shape[-3]:
        return x @ y
    *leading, H, n, m = x.shape
    return (x.reshape(*leading, y.shape[-3], H // y.shape[-3] * n, m) @ y).reshape(*leading, H, n, y.shape[-1])


def finite(x):
    """Whether every number is finite. (Their sum is, unless it overflows; to look at it takes a tenth of the time.)"""
    return math.isfinite(x.detach().sum(dtype=wider(x)))


def _cleared(x):
    """x with zeros in the place of NaN and inf."""
    return x.masked_fill(~x.isfinite(), 0)


def wider(x):
    """The dtype in which sums of x are taken: float32 for half types, else its own."""
    return torch.promote_types(x.dtype, torch.float32)
