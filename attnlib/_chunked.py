"""Chunked attention for NumPy: the engine of `attnlib.attention`.

Processes a block of queries at a time, so the N x M score matrix is never allocated; large inputs are split across
threads. Arrays are taken as (heads, N, D), all leading axes in one.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from attnlib._threads import on_all_threads

SCORES = 1 << 20   # largest number of scores in a chunk: 4 MiB in float32, about what a cache holds
ROWS = 256         # largest number of queries in a chunk (half of it if causal, so that fewer masked keys are computed)
FEWEST = 32        # smallest number of queries in a chunk: a matrix product of fewer rows is slow
HEADS = 1 << 18    # for short sequences: largest number of scores in a chunk of several heads
SMALL = 40         # largest score for which a sum of exp(score), of any length, stays within float32


@dataclass(frozen=True)
class Rules:
    """The options of `attention`, filled in: mask and bias have the shape of the scores, or are None."""

    scale: float
    mask: np.ndarray | None = None
    bias: np.ndarray | None = None
    causal: bool = False
    window: int | None = None
    softcap: float | None = None


def chunked_attention(q, k, v, rules):
    """softmax(scores) v, and the logarithm of every row's sum of exponentials.

    q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E), one dtype, float32 or wider.
    Returns out (..., H, N, E) and lse (..., H, N, 1): 0 and -inf for a query with nothing to attend to.
    """
    N, M = q.shape[-2], k.shape[-2]
    out = np.zeros(q.shape[:-1] + v.shape[-1:], q.dtype)
    lse = np.full((*q.shape[:-1], 1), -np.inf, q.dtype)
    q_stacked, k_stacked, v_stacked = stack(q), stack(k), stack(v)        # (heads, N or M, width)
    out_stacked, lse_stacked = stack(out), stack(lse)                     # views: writing to them fills out and lse
    heads = list(np.ndindex(q.shape[:-2]))
    row_step = max(FEWEST, min(ROWS // 2 if rules.causal else ROWS, SCORES // max(1, M)))
    head_step = max(1, HEADS // max(1, min(row_step, N) * M))
    small = scores_stay_small(q, k, rules)

    def attend_rows(piece):
        head_slice, rows = piece
        columns = reachable_keys(rows, M, rules)
        if columns.start == columns.stop:
            return
        shared = key_heads(head_slice, q_stacked, k_stacked)
        queries, keys = q_stacked[head_slice, rows], k_stacked[shared][:, columns]
        scores = scores_of(queries, keys, rules, heads[head_slice], rows, columns)  # (head_slice, rows, columns)
        top, total = exponentiate(scores, small)                                    # scores are exponentials now
        mixed = scores @ v_stacked[shared][:, columns]
        mixed /= np.where(total == 0, 1, total)
        out_stacked[head_slice, rows] = mixed
        with np.errstate(divide="ignore"):                                          # log(0) of a row that sees nothing
            lse_stacked[head_slice, rows] = top + np.log(total)

    pieces = itertools.product(slices(len(heads), head_step), slices(N, row_step))
    on_all_threads(attend_rows, list(pieces), lse.size * M)
    return out, lse


def stack(x):
    """(..., N, D) as (heads, N, D), all leading axes in one."""
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def slices(size, step):
    """range(size) as slices of length `step`, the last one shorter."""
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def scores_of(queries, keys, rules, heads, rows, columns):
    """The scores of queries (..., rows, D) with keys (..., columns, D); -inf where a query may not look.

    rows and columns, slices, say which queries and keys these are; heads, one index a matrix, which mask and bias
    they have.
    """
    scores = (queries * queries.dtype.type(rules.scale)) @ keys.swapaxes(-1, -2)
    if rules.softcap is not None:
        scores /= rules.softcap
        np.tanh(scores, out=scores)
        scores *= rules.softcap
    if rules.bias is not None:
        for own, head in zip(stack(scores), heads):
            own += rules.bias[head][rows, columns]
    _hide_by_position(scores, rows, columns, rules)
    if rules.mask is not None:
        for own, head in zip(stack(scores), heads):
            np.copyto(own, -np.inf, where=~rules.mask[head][rows, columns])
    return scores


def exponentiate(scores, small=False):
    """Replace every score by exp(score - top). Returns top and the sum of each row, both (..., 1).

    top is the row's largest score, so that nothing overflows; 0 when all scores are known to be `small`, which
    saves two passes over them.
    """
    top = np.zeros((), scores.dtype)
    if not small:
        top = scores.max(axis=-1, keepdims=True)
        scores -= np.where(np.isneginf(top), 0, top)
    np.exp(scores, out=scores)
    return top, scores.sum(axis=-1, keepdims=True)


def scores_stay_small(q, k, rules):
    """Whether no score can exceed SMALL: |q . k| is at most |q| |k| (Cauchy and Schwarz)."""
    if rules.bias is not None or not q.size or not k.size:
        return False
    longest_q, longest_k = (np.sqrt(np.vecdot(x, x).max()) for x in (q, k))
    return bool(abs(rules.scale) * longest_q * longest_k <= SMALL)


def reachable_keys(rows, M, rules):
    """The keys that any query of these rows may see by its position: a slice of range(M)."""
    stop = min(rows.stop, M) if rules.causal else M
    if rules.window is None:
        return slice(0, stop)
    return slice(min(max(0, rows.start - rules.window), stop), min(stop, rows.stop + rules.window))


def _hide_by_position(scores, rows, columns, rules):
    """Write -inf beyond the diagonal and outside the window; only columns that the edge crosses are touched."""
    queries = np.arange(rows.start, rows.stop)[:, None]

    def hide(start, stop, is_hidden):
        start, stop = max(start, columns.start), min(stop, columns.stop)
        if start < stop:
            crossed = scores[..., start - columns.start : stop - columns.start]
            np.copyto(crossed, -np.inf, where=is_hidden(np.arange(start, stop)))

    if rules.causal:
        hide(rows.start, columns.stop, lambda keys: keys > queries)
    if rules.window is not None:
        hide(columns.start, rows.stop - rules.window, lambda keys: keys < queries - rules.window)
        hide(rows.start + rules.window, columns.stop, lambda keys: keys > queries + rules.window)


def key_head(head, q, k):
    """The index of the key head that query head `head` reads: neighbours share one."""
    if not head:
        return ()
    return (*head[:-1], head[-1] // (q.shape[-3] // k.shape[-3]))


def key_heads(head_slice, q_stacked, k_stacked):
    """The same for a slice of stacked query heads (heads, N, D): an index into stacked keys."""
    if len(k_stacked) == len(q_stacked):
        return head_slice
    return np.arange(head_slice.start, head_slice.stop) * len(k_stacked) // len(q_stacked)
