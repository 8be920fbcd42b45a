"""Inputs as torch tensors; see `attnlib.inputs`. They are created on the device and in the dtype of what is given."""

import torch

from attnlib.inputs import check_edges, check_ids, check_sequences


def one_hot(ids, size, like=None):
    """`attnlib.inputs.one_hot` of tensors: ids (...,) -> (..., size), in torch's default dtype or that of `like`."""
    ids = torch.as_tensor(ids, device=device_of(like, ids))
    check_ids("one_hot", ids, size, is_whole(ids))
    return (ids[..., None] == torch.arange(size, device=ids.device)).to(dtype_of(like))


def embed(ids, table):
    """`attnlib.inputs.embed` of tensors: ids (...,), table (size, D) -> (..., D)."""
    ids = torch.as_tensor(ids, device=device_of(table))
    check_ids("embed", ids, len(table), is_whole(ids))
    return table[ids]


def pad(sequences):
    """`attnlib.inputs.pad` of tensors (N_b, D) -> batch (B, N, D) and mask (B, N)."""
    check_sequences(sequences)
    N = max(map(len, sequences))
    tails = [s.new_zeros(N - len(s), *s.shape[1:]) for s in sequences]
    batch = torch.stack([torch.cat([s, tail]) for s, tail in zip(sequences, tails)])
    lengths = torch.tensor([len(s) for s in sequences], device=batch.device)
    return batch, torch.arange(N, device=batch.device) < lengths[:, None]


def adjacency(edges, N, directed=False, like=None):
    """`attnlib.inputs.adjacency` as a tensor: edges (E, 2) -> (N, N), in torch's default dtype or that of `like`."""
    edges = check_pairs("adjacency", edges, N, like)
    joined = torch.zeros(N, N, dtype=dtype_of(like), device=edges.device)
    tails, heads = edges.reshape(-1, 2).T
    joined[tails, heads] = 1
    if not directed:
        joined[heads, tails] = 1
    return joined


def check_pairs(who, edges, N, like):
    """The edges as a tensor (E, 2); raise unless each is a pair of nodes from 0 to N - 1."""
    edges = torch.as_tensor(edges if hasattr(edges, "shape") else list(edges), device=device_of(like, edges))
    edges = edges if edges.numel() else edges.long()
    check_edges(who, edges, N, is_whole(edges))
    return edges


def device_of(*values):
    """The device of the first tensor among these; None when there is none."""
    return next((value.device for value in values if isinstance(value, torch.Tensor)), None)


def dtype_of(like):
    """The dtype of `like`; torch's default for None."""
    return torch.get_default_dtype() if like is None else like.dtype


def is_whole(values):
    """Whether a tensor holds integers."""
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)
