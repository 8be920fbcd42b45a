"""Masks as torch tensors; see `attnlib.masks`. They are created on the device of `like` or of what is given."""

import torch

from attnlib.masks import check_lengths, check_reach
from attnlib.tensors.inputs import adjacency, check_pairs, device_of, is_whole
from attnlib.tensors.positions import distances


def causal(N, M=None, past=0, like=None):
    """`attnlib.masks.causal` as a tensor (N, M), on the device of `like`."""
    return distances(N, M, past, like) <= 0


def padding(lengths, M, like=None):
    """`attnlib.masks.padding` as a tensor: lengths (B,) -> (B, 1, 1, M)."""
    lengths = torch.as_tensor(lengths, device=device_of(like, lengths))
    check_lengths(lengths, M, is_whole(lengths))
    return torch.arange(M, device=lengths.device) < lengths[..., None, None, None]


def window(N, w, M=None, past=0, like=None):
    """`attnlib.masks.window` as a tensor (N, M), on the device of `like`."""
    check_reach(w)
    return distances(N, M, past, like).abs() <= w


def graph(edges, N, self_loops=True, directed=False, like=None):
    """`attnlib.masks.graph` as a tensor: edges (E, 2) -> (N, N)."""
    mask = adjacency(check_pairs("graph", edges, N, like), N, directed, like).T == 1
    return mask | torch.eye(N, dtype=torch.bool, device=mask.device) if self_loops else mask
