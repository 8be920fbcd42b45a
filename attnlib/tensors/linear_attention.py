"""Linear attention of torch tensors; see `attnlib.linear_attention`."""

import torch


def _solve_unit_lower(L, b):
    """`attnlib.linear_attention._solve_unit_lower` of tensors. PyTorch can solve a triangular system in one pass."""
    return torch.linalg.solve_triangular(L, b, upper=False, unitriangular=True)
