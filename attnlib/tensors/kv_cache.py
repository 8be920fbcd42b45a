"""The key-value cache of torch tensors; see `attnlib.kv_cache`. Creating and joining tensors has names of its own."""

import torch


def append(past, x):
    """`attnlib.kv_cache.append` of tensors: (..., P, D), (..., N, D) -> (..., P + N, D)."""
    return torch.cat([past, x], -2)


def empty_rows(x, rows):
    """`attnlib.kv_cache.empty_rows` of a tensor (..., N, D): (..., rows, D), not yet written."""
    return x.new_empty((*x.shape[:-2], rows, x.shape[-1]))
