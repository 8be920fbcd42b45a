"""Attention of torch tensors; see `attnlib.attention`. PyTorch's fused kernels do the work wherever they can."""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention

from attnlib._arguments import can_look, check_mask, check_options, check_qkv
from attnlib._chunked import mixed_in_parts
from attnlib._ops import share, widen
from attnlib.tensors._chunks import Rules, chunked_attention, finite, mixture, products, weights_of_rows
from attnlib.tensors.weights import softmax


def attend(Q, K, V, mask=None):
    """`attnlib.attention.attend` of tensors: Q (..., N, d), K (..., M, d), V (..., M, d_v) -> B, alpha.

    masked_fill is in the place of NumPy's where: it takes the device of the scores.
    """
    check_qkv("attend", Q, K, V)
    check_mask("attend", mask, (*Q.shape[:-1], K.shape[-2]), Q=Q)
    dtype = Q.dtype
    Q, K, V = widen(Q, share(K, Q), share(V, Q))
    careful = mask is not None and can_look(K) and not (finite(K) and finite(V))
    scores = products(Q, K, careful) / K.shape[-1] ** 0.5  # (..., N, M)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    alpha = softmax(scores)
    B = mixture(alpha, V, ~mask, careful) if careful else mixed_in_parts(alpha, V)
    return B.to(dtype), alpha.to(dtype)


def attention(
    q, k, v, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """`attnlib.attention.attention` of tensors: (..., H, N, D), (..., H_kv, M, D), (..., H_kv, M, E) -> (..., H, N, E).

    PyTorch's fused kernel, at once or a chunk of queries at a time; the formula itself, a chunk at a time, for a
    softcap and for sinks. Forward and backward, memory grows with N + M, never with N x M.
    Where the numbers may not be looked at (torch.compile, jit.trace, torch.func), hidden places must hold finite
    numbers; torch.func's gradients keep the weights of every chunk.
    """
    without = all(option is None for option in (mask, bias, window, softcap, sinks))
    if without and _plain(q, k, v, causal, scale, past):
        return scaled_dot_product_attention(q, k, v, scale=scale)  # checking takes as long as the smallest kernel
    check_qkv("attention", q, k, v)
    check_options("attention", q, k, mask=mask, bias=bias, causal=causal, window=window, scale=scale, softcap=softcap,
                  past=past, sinks=sinks)
    rules = Rules.of(q, k, v, mask, bias, causal, window, scale, softcap, past, sinks)
    return chunked_attention(q, k, v, rules)


def _plain(q, k, v, causal, scale, past):
    """Whether there is nothing to hide and nothing for a check to refuse, found out in a few microseconds."""
    return (
        causal is False and past.__class__ is int and past == 0
        and (scale is None or scale.__class__ is float and 0 < scale < math.inf)
        and q.__class__ is k.__class__ is v.__class__ and isinstance(q, torch.Tensor)
        and q.ndim == 4 and q.shape == k.shape == v.shape and q.shape[-1] > 0
        and q.dtype is k.dtype is v.dtype and q.is_floating_point() and q.device == k.device == v.device
    )


def attention_weights(
    q, k, *, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None
):
    """`attnlib.attention.attention_weights` of tensors: (..., H, N, M). All heads at once, so that it runs on a GPU."""
    check_qkv("attention_weights", q, k, k)
    check_options("attention_weights", q, k, mask=mask, bias=bias, causal=causal, window=window, scale=scale,
                  softcap=softcap, past=past, sinks=sinks)
    rules = Rules.of(q, k, k, mask, bias, causal, window, scale, softcap, past, sinks)
    return weights_of_rows(q, k, rules)
