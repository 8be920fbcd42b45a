"""Attention of torch tensors; see `attnlib.attention`. PyTorch's fused kernels do the work wherever they can."""

import torch
from torch.nn.functional import scaled_dot_product_attention

from attnlib.attention import check_shapes
from attnlib.tensors.weights import softmax


def attend(Q, K, V, mask=None):
    """`attnlib.attention.attend` of tensors: Q (..., N, d), K (..., M, d), V (..., M, d_v) -> B, alpha."""
    check_shapes("attend", Q, K, V)
    scores = Q @ K.transpose(-1, -2) / K.shape[-1] ** 0.5  # (..., N, M)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    alpha = softmax(scores)
    return alpha @ V, alpha


def attention(q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """`attnlib.attention.attention` of tensors: (..., H, N, D), (..., H_kv, M, D), (..., H_kv, M, E) -> (..., H, N, E).

    One call of PyTorch's scaled_dot_product_attention, unless softcap asks for the scores themselves.
    """
    if mask is bias is window is softcap is None:
        try:
            grouped = q.ndim > 2 and q.shape[-3] != k.shape[-3]
            return scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale, enable_gqa=grouped)
        except (RuntimeError, TypeError, AttributeError, IndexError):
            check_tensors("attention", q, k, v, mask, bias)  # says what is wrong in our words
            raise
    check_tensors("attention", q, k, v, mask, bias)
    if softcap is not None:
        weights = attention_weights(
            q, k, mask=mask, bias=bias, causal=causal, window=window, scale=scale, softcap=softcap
        )
        return weights @ share(v, q)
    allowed = visible(q, k, mask, causal, window)
    hidden = None if allowed is None else ~allowed.any(-1, keepdim=True)
    out = scaled_dot_product_attention(
        q, share(k, q), share(v, q), attn_mask=_one_mask(q, allowed, bias), scale=scale
    )
    return out if hidden is None else out.masked_fill(hidden, 0)


def attention_weights(q, k, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """`attnlib.attention.attention_weights` of tensors: (..., H, N, M)."""
    check_tensors("attention_weights", q, k, k, mask, bias)
    wide = torch.promote_types(q.dtype, torch.float32)
    scores = q.to(wide) @ share(k, q).to(wide).transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if bias is not None:
        scores = scores + bias
    allowed = visible(q, k, mask, causal, window)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return softmax(scores).to(q.dtype)


def visible(q, k, mask, causal, window):
    """True where query i may see key j, broadcastable to the scores; None when nothing is hidden."""
    allowed = mask
    if causal or window is not None:
        ahead = torch.arange(k.shape[-2], device=q.device) - torch.arange(q.shape[-2], device=q.device)[:, None]
        band = ahead <= 0 if causal else torch.ones_like(ahead, dtype=torch.bool)
        band = band if window is None else band & (ahead.abs() <= window)
        allowed = band if mask is None else mask & band
    return allowed


def _one_mask(q, allowed, bias):
    """What PyTorch takes as attn_mask: the boolean mask, or the bias with -inf where looking is forbidden."""
    if bias is None:
        return allowed
    bias = bias.to(q.dtype)
    return bias if allowed is None else bias.masked_fill(~allowed, -torch.inf)


def share(x, q):
    """Each key head (or value head) repeated for the neighbouring query heads that read it."""
    if q.ndim < 3 or q.shape[-3] == x.shape[-3]:
        return x
    return x.repeat_interleave(q.shape[-3] // x.shape[-3], -3)


def check_tensors(who, q, k, v, mask, bias):
    """Raise ValueError or TypeError, naming what came, unless the tensors fit in shape, dtype and device."""
    check_shapes(who, q, k, v)
    others = [x for x in (mask, bias) if x is not None]
    if not all(isinstance(x, torch.Tensor) for x in (q, k, v, *others)):
        names = ", ".join(type(x).__name__ for x in (q, k, v, *others))
        raise TypeError(f"{who}: tensors and arrays do not mix; got {names}. Convert with torch.from_numpy.")
    if any(x.device != q.device for x in (k, v, *others)):
        devices = ", ".join(str(x.device) for x in (q, k, v, *others))
        raise ValueError(f"{who}: all tensors need one device; got {devices}. Move them with .to(q.device).")
    if not q.dtype == k.dtype == v.dtype or not q.is_floating_point():
        raise TypeError(
            f"{who}: q, k and v need one floating dtype; got {q.dtype}, {k.dtype}, {v.dtype}. "
            "Convert with .to(torch.float32)."
        )
    if mask is not None and mask.dtype != torch.bool:
        raise TypeError(f"{who}: mask must be bool, True = may attend; got {mask.dtype}. Pass numbers as bias=.")
    shape = q.shape[:-1] + k.shape[-2:-1]
    for name, x in (("mask", mask), ("bias", bias)):
        if x is not None and not _fits(x.shape, shape):
            raise ValueError(f"{who}: {name} {tuple(x.shape)} does not broadcast to the scores {tuple(shape)}.")


def _fits(shape, target):
    """Whether `shape` broadcasts to `target`."""
    return len(shape) <= len(target) and all(a in (1, b) for a, b in zip(shape[::-1], target[::-1]))
