"""Masks: boolean arrays, True where a query may look at a key.

They compose: `causal(N) & padding(lengths, N)` allows what both allow, `window(N, 2) | graph(edges, N)` what
either allows. All broadcast to scores (..., H, N, M). A mask has the kind of `like`, an array or tensor.
"""

import numpy as np

from attnlib._dispatch import also_tensors
from attnlib.inputs import adjacency, check_pairs
from attnlib.positions import distances


@also_tensors
def causal(N, M=None, past=0, like=None):
    """Let each query see the keys up to its own position.

    N queries, M keys (N + past unless given); past: how many keys come before the first query, the length
    of a cache. Returns (N, M), True where j <= past + i.
    Source: Vaswani et al. 2017, section 3.2.3.

    >>> causal(3)
    array([[ True, False, False],
           [ True,  True, False],
           [ True,  True,  True]])
    >>> causal(1, past=2)
    array([[ True,  True,  True]])
    """
    return distances(N, M, past) <= 0


@also_tensors
def padding(lengths, M, like=None):
    """Let every query see the real keys of its own sequence: the first `lengths` of M.

    lengths (B,) or (...,), whole numbers from 0 to M. Returns (B, 1, 1, M), which broadcasts over the heads
    and queries of scores (B, H, N, M).
    Raises TypeError for lengths that are not whole numbers, ValueError for one outside 0..M.

    >>> padding([1, 3], 3)[:, 0, 0]
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    lengths = np.asarray(lengths)
    check_lengths(lengths, M, np.issubdtype(lengths.dtype, np.integer))
    return np.arange(M) < lengths[..., None, None, None]


@also_tensors
def window(N, w, M=None, past=0, like=None):
    """Let each query see the keys at most w places away, on both sides.

    N queries, M keys (N + past unless given); past as in `causal`. Returns (N, M), True where
    |j - past - i| <= w. `window(N, w) & causal(N)` looks back only.
    Raises ValueError for a negative w.
    Source: Beltagy et al. 2020, section 3.1.

    >>> window(4, 1).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 1]])
    """
    check_reach(w)
    return abs(distances(N, M, past)) <= w


@also_tensors
def graph(edges, N, self_loops=True, directed=False, like=None):
    """Let each node see the nodes it has an edge with, and itself.

    edges: pairs (i, j) of nodes, (E, 2), numbered from 0 to N - 1. With `directed`, an edge i -> j lets j
    look at i: what i has to say travels along the edge. Returns (N, N). Without self_loops, a node that
    no edge reaches sees nothing, and attention gives it zeros.
    Raises ValueError unless the edges are pairs, IndexError for a node outside 0..N-1.
    Source: Velickovic et al. 2018, section 2.1.

    >>> graph([(0, 2)], 3, directed=True).astype(int)
    array([[1, 0, 0],
           [0, 1, 0],
           [1, 0, 1]])
    """
    mask = adjacency(check_pairs("graph", edges, N), N, directed).T == 1
    return mask | np.eye(N, dtype=bool) if self_loops else mask


def check_lengths(lengths, M, whole):
    """Raise unless the lengths are whole numbers (`whole`) from 0 to M."""
    if not whole:
        raise TypeError(f"padding: lengths must be whole numbers; got {lengths.dtype} {tuple(lengths.shape)}.")
    outside = lengths[(lengths < 0) | (lengths > M)]
    if len(outside):
        raise ValueError(f"padding: lengths must be from 0 to {M}, the number of keys; got {int(outside[0])}.")


def check_reach(w):
    """Raise ValueError for a negative reach."""
    if w < 0:
        raise ValueError(f"window: w, the number of places seen on either side, must be 0 or more; got {w}.")
