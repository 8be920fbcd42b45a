"""Chunked attention for NumPy: the engine of `attnlib.attention`, and of its gradients in `attnlib.backward`.

The scores are computed a tile at a time: those of some heads, some queries (rows) and some keys (columns), each a
slice. So the N x M scores are never allocated; large inputs are split across threads. Arrays are taken as
(heads, N, D), all leading axes in one.

A row of queries keeps a running softmax (`attnlib.online_softmax.online` is the same without tiles). For each tile:

    top'  = max(top, largest score of the row)      shrink = exp(top - top')      p = exp(scores - top')
    total = total shrink + sum of p                 mixed  = mixed shrink + p v

and in the end out = mixed / total, lse = top + log(total). Three things depart from that: where all scores are known to
be small, no top is subtracted; a sink is in the total from the start; and where a hidden value is NaN or infinite, only
pairs that are seen count in p v.
"""

import itertools
import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from operator import index

import numpy as np

from attnlib._arguments import can_look, check_options
from attnlib._ops import astype, broadcast_to, finfo, largest, where, widen
from attnlib._threads import on_all_threads

ROWS, COLUMNS = 512, 512  # largest number of queries and of keys in a tile: 1 MiB of float32
SCORES = ROWS * COLUMNS   # largest number of scores in a tile: more keys where queries are few, else several heads
LONGEST = 2048            # largest number of keys in a tile of few queries: a longer sum would lose digits
SMALL = 30                # scores up to this size can be exponentiated as they are: no sum of them overflows
USUAL = 1e-20, 1e15       # values whose largest lies between these, times such exponentials, stay within float32


@dataclass(frozen=True)
class Rules:
    """The options of `attention`, filled in.

    mask and bias have the shape of the scores, sinks (..., H) that of the heads, or are None. A query at position p
    sees keys from p - back to p + ahead, both inclusive; query i stands at position past + i.
    """

    scale: float
    softcap: float | None
    mask: np.ndarray | None
    bias: np.ndarray | None
    bias_hides: bool          # whether there may be a bias of -inf, which hides a key as a mask does
    sinks: np.ndarray | None
    past: int
    back: int
    ahead: int


def rules_of(who, q, k, mask=None, bias=None, causal=False, window=None, scale=None, softcap=None, past=0, sinks=None):
    """The options of `attention`, checked in the name of `who`, as `Rules`; for arrays and tensors."""
    check_options(who, q, k, mask=mask, bias=bias, causal=causal, window=window, scale=scale, softcap=softcap,
                  past=past, sinks=sinks)
    N, M = q.shape[-2], k.shape[-2]
    past = index(past)
    back, ahead = past + N, M                                                  # as far as there is
    if window is not None:
        back, ahead = min(back, index(window)), min(ahead, index(window))      # a longer one would leave 64 bits
    return Rules(
        scale=int(q.shape[-1]) ** -0.5 if scale is None else float(scale),  # traced, it is no Python number
        softcap=None if softcap is None else float(softcap),
        mask=None if mask is None else broadcast_to(mask, (*q.shape[:-1], M)),
        bias=None if bias is None else broadcast_to(bias, (*q.shape[:-1], M)),
        bias_hides=bias is not None and may_hide(bias),
        sinks=None if sinks is None else broadcast_to(*widen(sinks), q.shape[:-2]),
        past=past, back=back, ahead=0 if causal else ahead,
    )


def chunked_attention(q, k, v, rules):
    """softmax(scores) v, and the logarithm of every row's sum of exponentials.

    q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E), one dtype, float32 or wider.
    Returns out (..., H, N, E) and lse (..., H, N, 1): 0 and -inf for a query with nothing to attend to.
    """
    tiles = Tiles(q, k, rules)
    queries, keys, values = stack(scaled(q, rules)), stack(k), stack(v)
    out = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    lse = np.empty((*q.shape[:-1], 1), q.dtype)
    out_stacked, lse_stacked = stack(out), stack(lse)         # views: writing to them fills out and lse
    small = scores_stay_small(q, k, v, rules)
    careful = something_is_hidden(rules, q, k) and not math.isfinite(largest(v))

    def attend_rows(piece):
        """Go over the keys with a running softmax: whenever a row's top rises, what was summed so far is shrunk."""
        heads, rows = piece
        mixed = 0                                                                # then (heads, rows, E)
        total, top = before_any_key(rules, heads, small, q.dtype)                # broadcast to (heads, rows, 1)
        for columns in tiles.columns(rows):
            scores = tiles.scores(queries[heads, rows], tiles.shared(keys, heads, columns), heads, rows, columns)
            seen = scores != -np.inf if careful else None
            if not small:
                top, shrink = subtract_top(scores, top)
                mixed, total = mixed * shrink, total * shrink
            np.exp(scores, out=scores)
            total = total + sum_of_rows(scores)
            added = over_seen(scores, tiles.shared(values, heads, columns), seen)
            added += mixed
            mixed = added
        np.divide(mixed, np.where(total == 0, 1, total), out=out_stacked[heads, rows])
        lse_stacked[heads, rows] = top + np.log(total)

    on_all_threads(quietly(attend_rows), list(itertools.product(tiles.heads, tiles.rows)), lse.size * k.shape[-2])
    return out, lse


class Tiles:
    """How the scores of q (..., H, N, D) and k (..., H_kv, M, D) are cut into tiles.

    `heads` and `rows` list slices of the stacked heads and of the queries; `columns` gives those of the keys.
    """

    def __init__(self, q, k, rules):
        self.rules, self.M = rules, k.shape[-2]
        self.indices = list(np.ndindex(q.shape[:-2]))         # of every stacked head, in arrays that are not stacked
        self.group = len(self.indices) // max(1, math.prod(k.shape[:-2]))     # how many heads share a key head
        most = ROWS if rules.ahead >= self.M else max(1, ROWS // 4)           # small tiles follow the diagonal closer
        rows = max(1, min(most, q.shape[-2]))
        self.step = max(COLUMNS, min(SCORES // rows, LONGEST))
        self.rows = slices(0, q.shape[-2], rows)
        self.heads = slices(0, len(self.indices), max(1, SCORES // (rows * max(1, min(self.step, self.M)))))

    def columns(self, rows):
        """The keys that any of these queries may see by its position, as slices."""
        first, last = self.rules.past + rows.start, self.rules.past + rows.stop - 1
        return slices(max(0, first - self.rules.back), min(self.M, last + self.rules.ahead + 1), self.step)

    def shared(self, x, heads, columns):
        """x (stacked key heads, M, width) at these keys, as these query heads read it: neighbours share a key head."""
        first, last = heads.start // self.group, (heads.stop - 1) // self.group
        if self.group == 1 or first == last:
            return x[first : last + 1, columns]
        return x[np.arange(heads.start, heads.stop) // self.group, columns]

    def scores(self, queries, keys, heads, rows, columns):
        """The scores of a tile, (heads, rows, columns), in memory that the next tile of this thread is written to."""
        shape = *queries.shape[:-1], columns.stop - columns.start
        room = scratch("scores", shape, queries)
        return scores_of(queries, keys, self.rules, self.indices[heads], rows, columns, out=room)


def scratch(name, shape, like):
    """Room for a tile of this shape, which a thread uses again: fresh memory costs as much time as a product."""
    size = math.prod(shape)
    kept = getattr(_rooms, name, None)
    if kept is None or kept.size < size or kept.dtype != like.dtype:
        kept = np.empty(size, like.dtype)
        if size <= SCORES:
            setattr(_rooms, name, kept)
    return kept[:size].reshape(shape)


_rooms = threading.local()


def scaled(q, rules):
    """q times the scale, in its own dtype."""
    return q * q.dtype.type(rules.scale)


def stack(x):
    """(..., N, D) as (heads, N, D), all leading axes in one: a view of a contiguous x, else a copy."""
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def slices(start, stop, step):
    """range(start, stop) as slices of length `step`, the last one shorter."""
    return [slice(first, min(first + step, stop)) for first in range(start, stop, step)]


def scores_of(queries, keys, rules, heads, rows, columns, out=None):
    """The scores of scaled queries (heads, rows, D) with keys (heads, columns, D); -inf where a query may not look.

    rows and columns, slices, say which queries and keys these are; heads, one index each, which mask and bias they
    have. out, if given, is where they are written.
    """
    scores = np.matmul(queries, keys.mT, out=out)
    if rules.softcap is not None:
        scores /= rules.softcap
        np.tanh(scores, out=scores)
        scores *= rules.softcap
    if rules.bias is not None:
        for own, head in zip(scores, heads):
            bias = rules.bias[head][rows, columns]
            own += bias
            if rules.bias_hides:
                np.copyto(own, -np.inf, where=bias == -np.inf)  # added to infinity or NaN it would hide nothing
    hide_by_position(scores, rows, columns, rules)
    if rules.mask is not None:
        for own, head in zip(scores, heads):
            np.copyto(own, -np.inf, where=~rules.mask[head][rows, columns])
    return scores


def hidden_by_position(queries, keys, back, ahead):
    """True where a key lies too far back or ahead of a query: the band of causal and window.

    Positions, arrays or tensors: queries (N, 1), the first of which is rules.past, and keys (M,). Returns (N, M).
    """
    return (keys < queries - back) | (keys > queries + ahead)


def hide_by_position(scores, rows, columns, rules):
    """Write -inf outside of the band; only columns that an edge of it crosses are touched."""
    first, last = rules.past + rows.start, rules.past + rows.stop - 1
    behind = columns.start, min(columns.stop, last - rules.back)              # keys that the last query does not see
    beyond = max(columns.start, first + rules.ahead + 1), columns.stop        # and those that the first does not
    for start, stop in (behind, beyond):
        if start < stop:
            crossed = scores[..., start - columns.start : stop - columns.start]
            np.copyto(crossed, -np.inf, where=_edge(first - start, *crossed.shape[-2:], rules.back, rules.ahead))


@lru_cache(maxsize=8)  # all tiles on a diagonal ask for the same
def _edge(ahead_of_keys, rows, columns, back, ahead):
    """`hidden_by_position` of a tile whose first query stands so many places after its first key: (rows, columns)."""
    queries = np.arange(ahead_of_keys, ahead_of_keys + rows)[:, None]
    return hidden_by_position(queries, np.arange(columns), back, ahead)


def something_is_hidden(rules, q, k):
    """Whether there may be a key of k that a query of q may not see."""
    all_ahead = rules.past + rules.ahead >= k.shape[-2] - 1                   # the first query sees the last key
    all_behind = rules.past + q.shape[-2] - 1 - rules.back <= 0               # the last query sees the first key
    return rules.mask is not None or rules.bias_hides or not (all_ahead and all_behind)


def may_hide(bias):
    """Whether there may be a -inf among the numbers of a bias."""
    return 0 not in bias.shape and not (can_look(bias) and bool(bias.min() > -np.inf))


def before_any_key(rules, heads, small, dtype):
    """A running softmax before its first key: the sum of exponentials, and the top that was subtracted from them.

    Nothing, but for a sink: a score that each query of a head has, and whose weight goes nowhere.
    """
    if rules.sinks is None:
        return 0, 0 if small else -np.inf
    sinks = rules.sinks.reshape(-1, 1, 1)[heads].astype(dtype)                # (heads, 1, 1)
    return (np.exp(sinks), 0) if small else (1, sinks)


def subtract_top(scores, top):
    """Subtract from every score the largest one that its row has had, now or before, so that no exponential overflows.

    Returns that top, (..., 1), and exp(the one before - top), by which older sums are to be multiplied.
    """
    higher = np.maximum(top, scores.max(axis=-1, keepdims=True, initial=-np.inf))
    shift = np.where(higher == -np.inf, 0, higher)                            # -inf - -inf would be NaN
    scores -= shift
    return higher, np.exp(top - shift)


def sum_of_rows(x):
    """The sums of the rows of x (..., M), as (..., 1): a product with ones, which BLAS does three times as fast."""
    return x @ np.ones((x.shape[-1], 1), x.dtype)


def products_stay_finite(x, y):
    """Whether x . y, over the last axis, is surely a finite number for all rows of x and y."""
    return largest(x) * largest(y) * x.shape[-1] < float(finfo(x.dtype).max)


def over_seen(weights, x, seen):
    """weights (..., N, M) @ x (..., M, D), where only the pairs that are `seen` count: 0 times NaN would be NaN.

    A row that sees an infinity or NaN gets it, in its column, as in a sum. With seen None all pairs count.
    """
    if seen is None or not can_look(x) or bool((abs(x) < np.inf).all()):
        return mixed_in_parts(weights, x)
    product = mixed_in_parts(weights, where(abs(x) < np.inf, x, 0))
    seen = broadcast_to(astype(seen, x.dtype), weights.shape)
    for number, found in (np.inf, x == np.inf), (-np.inf, x == -np.inf), (np.nan, x != x):
        product = where(seen @ astype(found, x.dtype) > 0, product + number, product)  # (..., N, D)
    return product


def mixed_in_parts(weights, x):
    """weights (..., N, M) @ x (..., M, D); where M is large, in parts that are added up: see LONGEST."""
    if x.shape[-2] <= LONGEST:
        return weights @ x
    return sum(weights[..., part] @ x[..., part, :] for part in slices(0, x.shape[-2], LONGEST))


def quietly(work):
    """The same function without NumPy's warnings: log(0) of a query that sees nothing, and NaN at hidden places."""

    def quiet(piece):
        with np.errstate(divide="ignore", invalid="ignore"):
            return work(piece)

    return quiet


def scores_stay_small(q, k, v, rules):
    """Whether exponentials need no top subtracted from their scores, which saves two passes over these.

    A score |q . k| is at most |q| |k| (Cauchy and Schwarz). Where there are fewer queries than columns,
    to find that out takes longer than it saves.
    """
    if rules.bias is not None or q.shape[-2] < q.shape[-1] or not q.size or not k.size:
        return False
    if rules.sinks is not None and not largest(rules.sinks) <= SMALL:
        return False
    with np.errstate(over="ignore"):
        longest_q, longest_k = (np.sqrt(np.vecdot(x, x).max()) for x in (q, k))
    return bool(abs(rules.scale) * longest_q * longest_k <= SMALL and USUAL[0] <= largest(v) <= USUAL[1])
