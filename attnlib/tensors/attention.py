"""Attention of torch tensors; see `attnlib.attention`. PyTorch's fused kernels do the work wherever they can."""

import torch
from torch.nn.functional import scaled_dot_product_attention

from attnlib._ops import repeat
from attnlib.attention import check_shapes
from attnlib.tensors.weights import softmax


def attend(Q, K, V, mask=None):
    """`attnlib.attention.attend` of tensors: Q (..., N, d), K (..., M, d), V (..., M, d_v) -> B, alpha.

    masked_fill is in the place of NumPy's where: it takes the device of the scores.
    """
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
    if mask is None and bias is None and window is None and softcap is None:
        try:  # checking first would take 5 us, as long as the smallest kernel: it is done only when PyTorch refuses
            grouped = q.ndim > 2 and q.shape[-3] != k.shape[-3]
            return scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale, enable_gqa=grouped)
        except (RuntimeError, TypeError, AttributeError, IndexError):
            check_tensors("attention", q, k, v, mask, bias)  # names what came, where PyTorch's message does not
            raise
    check_tensors("attention", q, k, v, mask, bias)
    if softcap is not None:
        return weights_of(q, k, mask, bias, causal, window, scale, softcap) @ _repeated(v, q)
    allowed = visible(q, k, mask, causal, window)
    hidden = None if allowed is None else ~allowed.any(-1, keepdim=True)
    out = scaled_dot_product_attention(
        q, _repeated(k, q), _repeated(v, q), attn_mask=_one_mask(q, allowed, bias), scale=scale
    )
    return out if hidden is None else out.masked_fill(hidden, 0)


def attention_weights(q, k, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None):
    """`attnlib.attention.attention_weights` of tensors: (..., H, N, M). All heads at once, so that it runs on a GPU."""
    check_tensors("attention_weights", q, k, k, mask, bias)
    return weights_of(q, k, mask, bias, causal, window, scale, softcap)


def weights_of(q, k, mask, bias, causal, window, scale, softcap):
    """The weights of tensors that have been checked: (..., H, N, M) in the dtype of q, computed in float32 or wider."""
    wide_q, wide_k = widen(q, _repeated(k, q))
    scores = wide_q @ wide_k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if bias is not None:
        scores = scores + bias
    allowed = visible(q, k, mask, causal, window)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return softmax(scores).to(q.dtype)


def widen(*tensors):
    """Half types as float32; wider dtypes as they are."""
    return [x.to(torch.promote_types(x.dtype, torch.float32)) for x in tensors]


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
    """PyTorch's attn_mask: the boolean mask, or the bias with -inf where a query may not look."""
    if bias is None:
        return allowed
    bias = bias.to(q.dtype)
    return bias if allowed is None else bias.masked_fill(~allowed, -torch.inf)


def _repeated(x, q):
    """`attnlib.heads.share_heads` without its check: attention must not need the module that is built on it."""
    if q.ndim < 3 or q.shape[-3] == x.shape[-3]:
        return x
    return repeat(x, q.shape[-3] // x.shape[-3], axis=-3)


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
