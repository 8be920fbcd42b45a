"""Inputs as rows of vectors: words, sound, graphs, and batches of sequences of different lengths.

Where a function takes `like`, an array or tensor, the result has its kind and dtype.
"""

from collections.abc import Iterable

import numpy as np

from attnlib._arguments import check_arrays, check_axes, check_flags, check_ids, check_like, check_numbers, check_sizes
from attnlib._dispatch import also_tensors, is_tensor
from attnlib._ops import arange, asarray_like, concatenate, default_float, stack, zeros


@also_tensors
def one_hot(ids, size, like=None):
    """Write each id as a vector of zeros with a single 1.

    ids (...,), whole numbers from 0 to size - 1. Returns (..., size) in float64, or in the kind
    and dtype of `like`, an array or tensor. Any two different ids lie sqrt(2) apart: the vectors
    say which word it is and nothing else.
    Raises TypeError for ids that are not whole numbers, IndexError for one outside 0..size-1.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    ids, size = check_one_hot(ids, size, like)
    return (ids[..., None] == np.arange(size)).astype(np.float64 if like is None else like.dtype)


def embed(ids, table):
    """Look up the row of each id: the same as `one_hot(ids, size) @ table`, without the product.

    ids (...,), whole numbers from 0 to size - 1; table (size, D). Returns (..., D) in the dtype of the table.
    Raises TypeError for ids that are not whole numbers, IndexError for one past the table.
    Source: Bengio et al. 2003, section 2.

    >>> embed([1, 1, 0], np.array([[1., 2.], [3., 4.]]))
    array([[3., 4.],
           [3., 4.],
           [1., 2.]])
    """
    check_axes("embed", table=(table, "V D"))
    return table[check_ids("embed", ids, table.shape[0], table=table)]


def frame(signal, rate, window_ms=25, hop_ms=10):
    """Cut a sound into overlapping windows; each becomes one vector.

    signal (..., samples); rate in samples a second (Hz); window_ms and hop_ms in milliseconds,
    rounded to whole samples. Returns (..., frames, window), in the dtype of the signal, frame f starting
    f hops after the first sample. What is left at the end, shorter than a window, is dropped.
    Raises ValueError when a window or hop comes to less than one sample.

    >>> frame(np.arange(8), rate=1000, window_ms=4, hop_ms=2)
    array([[0, 1, 2, 3],
           [2, 3, 4, 5],
           [4, 5, 6, 7]])
    """
    check_axes("frame", signal=(signal, "... S"))
    window, hop = to_samples("frame", rate, window_ms, hop_ms)
    starts = hop * arange(0, frame_count(signal.shape[-1], rate, window_ms, hop_ms), signal)
    return signal[..., starts[:, None] + arange(0, window, signal)]   # (..., frames, window)


def frame_count(samples, rate, window_ms=25, hop_ms=10):
    """The number of vectors `frame` makes of so many samples: 0 when they are fewer than a window.

    rate in samples a second (Hz); window_ms and hop_ms in milliseconds.

    >>> frame_count(16000, 16000), frame_count(60 * 16000, 16000)
    (98, 5998)
    """
    samples = check_sizes("frame_count", least=0, samples=samples)
    window, hop = to_samples("frame_count", rate, window_ms, hop_ms)
    return max(0, 1 + (samples - window) // hop)


def pad(sequences):
    """Stack sequences of different lengths, zeros after the end of the shorter ones.

    sequences: B arrays (or tensors) (N_b, D) of one width and dtype. Returns the batch (B, N, D), N the
    longest length, and mask (B, N), True where a vector is real.
    `attnlib.masks.padding(mask.sum(-1), N)` keeps attention away from the rest.
    Raises ValueError when there is no sequence or the widths differ, TypeError when the dtypes do.

    >>> batch, mask = pad([np.ones((1, 2)), np.ones((3, 2))])
    >>> batch.shape
    (2, 3, 2)
    >>> mask
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    sequences = check_sequences(sequences)
    lengths = [sequence.shape[0] for sequence in sequences]
    tails = [zeros((max(lengths) - len(s), *s.shape[1:]), like=s) for s in sequences]
    batch = stack([concatenate(pair, axis=0) for pair in zip(sequences, tails)], axis=0)
    return batch, arange(0, max(lengths), batch) < asarray_like(lengths, batch)[:, None]


def adjacency(edges, N, directed=False, like=None):
    """The adjacency matrix of a graph: row i, the vector of node i, has a 1 for each node that i has an edge to.

    edges: pairs (i, j) of nodes, (E, 2), numbered from 0 to N - 1. Without `directed`, an edge counts both
    ways. Returns (N, N) in float64, or in the kind and dtype of `like`, an array or tensor; without `like`
    edges that are a tensor give PyTorch's default dtype.
    Raises ValueError unless the edges are pairs, IndexError for a node outside 0..N-1.

    >>> adjacency([(0, 1), (1, 2)], 3)
    array([[0., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]])
    """
    edges, N = check_edges("adjacency", edges, N, like)
    check_flags("adjacency", directed=directed)
    joined = zeros((N, N), like=edges if like is None else like)
    tails, heads = edges[:, 0], edges[:, 1]
    joined[tails, heads] = 1
    if not directed:
        joined[heads, tails] = 1
    return default_float(joined) if like is None else joined


def to_samples(who, rate, window_ms, hop_ms):
    """The window and the hop in samples; raise ValueError unless both are one or more."""
    check_numbers(who, rate=rate, window_ms=window_ms, hop_ms=hop_ms)
    window, hop = (round(float(rate) * float(length) / 1000) for length in (window_ms, hop_ms))
    if min(window, hop) < 1:
        raise ValueError(
            f"{who}: a window of {window_ms} ms and a hop of {hop_ms} ms at {rate} Hz come to {window} and {hop} "
            "samples; both must be at least 1."
        )
    return window, hop


def check_one_hot(ids, size, like):
    """The ids as 64-bit integers and the size as Python's; raise unless they and `like` are right for `one_hot`."""
    check_like("one_hot", like, real=False)
    size = check_sizes("one_hot", least=0, size=size)
    return check_ids("one_hot", ids, size, like=like), size


def check_sequences(sequences):
    """The sequences as a list; raise unless there is one, all are of one kind and dtype, and only lengths differ."""
    if not isinstance(sequences, Iterable) or isinstance(sequences, str | dict):
        raise TypeError(f"pad: sequences must be arrays or tensors in a list. Got {type(sequences).__name__}.")
    sequences = list(sequences)
    if not sequences:
        raise ValueError("pad: needs at least one sequence; got none.")
    check_arrays("pad", **{f"sequences[{b}]": sequence for b, sequence in enumerate(sequences)})
    shapes, dtypes = [tuple(s.shape) for s in sequences], [s.dtype for s in sequences]
    if any(len(shape) < 1 or shape[1:] != shapes[0][1:] for shape in shapes):
        raise ValueError(f"pad: sequences may differ only in their first axis. Got {', '.join(map(str, shapes))}.")
    if len(set(dtypes)) > 1:
        raise TypeError(f"pad: sequences need one dtype. Got {', '.join(map(str, dtypes))}.")
    return sequences


def check_edges(who, edges, N, like=None):
    """The edges (E, 2) as 64-bit integers, and N; raise unless each is a pair of nodes from 0 to N - 1."""
    check_like(who, like, real=False)
    N = check_sizes(who, least=0, N=N)
    if isinstance(edges, str | dict) or not (hasattr(edges, "shape") or isinstance(edges, Iterable)):
        raise TypeError(f"{who}: edges must be pairs of nodes, in a list, an array or a tensor. Got {edges!r}.")
    if not hasattr(edges, "shape"):
        edges = list(edges)  # a set, a generator, the edges of a NetworkX graph
    elif like is not None and is_tensor(edges) != is_tensor(like):
        edges = edges.tolist()
    edges = check_ids(who, edges, N, what="node", like=like)
    if edges.shape == (0,):
        edges = edges.reshape(0, 2)
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise ValueError(f"{who}: edges must be pairs of nodes, (E, 2); got {tuple(edges.shape)}.")
    return edges, N
