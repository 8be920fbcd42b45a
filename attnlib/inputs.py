"""Inputs as rows of vectors: words, sound, graphs, and batches of sequences of different lengths."""

from importlib import import_module

import numpy as np

from attnlib._dispatch import also_tensors, is_tensor


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
    ids = np.asarray(ids)
    check_ids("one_hot", ids, size, np.issubdtype(ids.dtype, np.integer))
    return (ids[..., None] == np.arange(size)).astype(np.float64 if like is None else like.dtype)


@also_tensors
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
    ids = np.asarray(ids)
    check_ids("embed", ids, len(table), np.issubdtype(ids.dtype, np.integer))
    return table[ids]


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
    window, hop = to_samples("frame", rate, window_ms, hop_ms)
    starts = hop * np.arange(frame_count(signal.shape[-1], rate, window_ms, hop_ms))
    return signal[..., starts[:, None] + np.arange(window)]   # (..., frames, window)


def frame_count(samples, rate, window_ms=25, hop_ms=10):
    """The number of vectors `frame` makes of so many samples: 0 when they are fewer than a window.

    rate in samples a second (Hz); window_ms and hop_ms in milliseconds.

    >>> frame_count(16000, 16000), frame_count(60 * 16000, 16000)
    (98, 5998)
    """
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
    sequences = list(sequences)
    if sequences and is_tensor(sequences[0]):
        return import_module("attnlib.tensors.inputs").pad(sequences)
    check_sequences(sequences)
    lengths = np.array([len(s) for s in sequences])
    batch = np.zeros((len(sequences), lengths.max(), *sequences[0].shape[1:]), sequences[0].dtype)
    for row, sequence in zip(batch, sequences):
        row[: len(sequence)] = sequence
    return batch, np.arange(lengths.max()) < lengths[:, None]


@also_tensors
def adjacency(edges, N, directed=False, like=None):
    """The adjacency matrix of a graph: row i, the vector of node i, has a 1 for each node that i has an edge to.

    edges: pairs (i, j) of nodes, (E, 2), numbered from 0 to N - 1. Without `directed`, an edge counts both
    ways. Returns (N, N) in float64, or in the kind and dtype of `like`, an array or tensor.
    Raises ValueError unless the edges are pairs, IndexError for a node outside 0..N-1.

    >>> adjacency([(0, 1), (1, 2)], 3)
    array([[0., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]])
    """
    edges = check_pairs("adjacency", edges, N)
    joined = np.zeros((N, N), np.float64 if like is None else like.dtype)
    tails, heads = edges.reshape(-1, 2).T
    joined[tails, heads] = 1
    if not directed:
        joined[heads, tails] = 1
    return joined


def check_pairs(who, edges, N):
    """The edges as an array (E, 2); raise unless each is a pair of nodes from 0 to N - 1."""
    edges = np.array(list(edges))
    edges = edges.astype(int) if not edges.size else edges
    check_edges(who, edges, N, np.issubdtype(edges.dtype, np.integer))
    return edges


def to_samples(who, rate, window_ms, hop_ms):
    """The window and the hop in samples; raise ValueError unless both are one or more."""
    window, hop = round(rate * window_ms / 1000), round(rate * hop_ms / 1000)
    if min(window, hop) < 1:
        raise ValueError(
            f"{who}: a window of {window_ms} ms and a hop of {hop_ms} ms at {rate} Hz come to {window} and {hop} "
            "samples; both must be at least 1."
        )
    return window, hop


def check_ids(who, ids, size, whole, what="id"):
    """Raise unless the ids are whole numbers (`whole`) from 0 to size - 1."""
    if not whole:
        raise TypeError(f"{who}: {what}s must be whole numbers; got {ids.dtype} {tuple(ids.shape)}.")
    outside = ids[(ids < 0) | (ids >= size)]
    if len(outside):
        raise IndexError(f"{who}: {what} {int(outside[0])} is outside 0..{size - 1}; the size is {size}.")


def check_sequences(sequences):
    """Raise unless there is a sequence and all have one width and one dtype."""
    if not sequences:
        raise ValueError("pad: needs at least one sequence; got none.")
    shapes, dtypes = [tuple(s.shape) for s in sequences], [s.dtype for s in sequences]
    if not shapes[0] or any(shape[1:] != shapes[0][1:] for shape in shapes):
        raise ValueError(f"pad: sequences may differ only in their first axis. Got {', '.join(map(str, shapes))}.")
    if len(set(dtypes)) > 1:
        raise TypeError(f"pad: sequences need one dtype. Got {', '.join(map(str, dtypes))}.")


def check_edges(who, edges, N, whole):
    """Raise unless edges is (E, 2), each a pair of nodes from 0 to N - 1."""
    if len(edges) and (edges.ndim != 2 or edges.shape[1] != 2):
        raise ValueError(f"{who}: edges must be pairs of nodes, (E, 2); got {tuple(edges.shape)}.")
    check_ids(who, edges, N, whole, what="node")
