"""Masks: boolean arrays, True where a query may look at a key.

They compose: `causal(N) & padding(lengths, N)` allows what both allow, `window(N, 2) | graph(edges, N)` what
either allows. All broadcast to scores (..., H, N, M). A mask has the kind of `like`, an array or tensor.
"""

from attnlib._arguments import check_flags, check_ids, check_like, check_sizes
from attnlib._ops import arange
from attnlib.inputs import adjacency, check_edges
from attnlib.positions import check_places, distances


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
    return distances(*check_places("causal", N, M, past, like), like) <= 0


def padding(lengths, M, like=None):
    """Let every query see the real keys of its own sequence: the first `lengths` of M.

    lengths (B,) or (...,), whole numbers from 0 to M. Returns (B, 1, 1, M), which broadcasts over the heads
    and queries of scores (B, H, N, M).
    Raises TypeError for lengths that are not whole numbers, ValueError for one outside 0..M.

    >>> padding([1, 3], 3)[:, 0, 0]
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    M = check_sizes("padding", least=0, M=M)
    check_like("padding", like, real=False)
    lengths = check_ids("padding", lengths, M + 1, "length", ValueError, f"{M} is the number of keys", like=like)
    return arange(0, M, lengths) < lengths[..., None, None, None]


def window(N, w, M=None, past=0, like=None):
    """Let each query see the keys at most w places away, on both sides.

    N queries, M keys (N + past unless given); past as in `causal`. Returns (N, M), True where
    |j - past - i| <= w. `window(N, w) & causal(N)` looks back only.
    Raises ValueError for a negative w.
    Source: Beltagy et al. 2020, section 3.1, where a window of w has w / 2 places on either side.

    >>> window(4, 1).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 1]])
    """
    w = check_sizes("window", least=0, w=w)
    N, M, past = check_places("window", N, M, past, like)
    return abs(distances(N, M, past, like)) <= min(w, past + N + M)      # a longer one might not fit into 64 bits


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
    edges, N = check_edges("graph", edges, N, like)
    check_flags("graph", self_loops=self_loops, directed=directed)
    mask = adjacency(edges, N, directed).T == 1
    return mask | (distances(N, like=mask) == 0) if self_loops else mask
