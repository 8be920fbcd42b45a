"""The rows of attention, some queries at a time: no N x M array is ever held, and large inputs use every thread."""

import itertools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache

import numpy as np

SCORES = 1 << 20   # at most this many scores in a chunk: 4 MiB in float32, about what a cache holds
ROWS = 256         # and at most this many queries, half of it where later keys are skipped,
FEWEST = 32        # at least this many: a matrix product of fewer rows is slow
HEADS = 1 << 18    # short sequences: heads are taken together up to this many scores
SMALL = 40         # exp of such a score, summed over any length, is far from float32's limits
LARGE = 1 << 20    # from this many scores in all, threads pay for themselves


@dataclass(frozen=True)
class Rules:
    """What `attention` was asked for, apart from q, k and v: mask and bias have the shape of the scores, or are None."""

    scale: float
    mask: np.ndarray | None = None
    bias: np.ndarray | None = None
    causal: bool = False
    window: int | None = None
    softcap: float | None = None


def mix(q, k, v, rules):
    """softmax(scores) v, and the logarithm of every row's sum of exponentials.

    q (..., H, N, D), k (..., H_kv, M, D), v (..., H_kv, M, E), one dtype, float32 or wider.
    Returns out (..., H, N, E) and lse (..., H, N, 1): 0 and -inf for a query with nothing to attend to.
    """
    N, M = q.shape[-2], k.shape[-2]
    out = np.zeros(q.shape[:-1] + v.shape[-1:], q.dtype)
    lse = np.full((*q.shape[:-1], 1), -np.inf, q.dtype)
    heads = list(np.ndindex(q.shape[:-2]))
    queries, keys, values, mixtures, sums = (stack(x) for x in (q, k, v, out, lse))
    count = max(FEWEST, min(ROWS >> rules.causal, SCORES // max(1, M)))
    together = max(1, HEADS // max(1, min(count, N) * M))
    small = stay_small(q, k, rules)

    def mix_rows(piece):
        some, rows = piece
        columns = reachable(rows, M, rules)
        if columns.start == columns.stop:
            return
        shared = key_heads(some, queries, keys)
        scores = scores_of(queries[some, rows], keys[shared][:, columns], rules, heads[some], rows, columns)
        top, total = exponentiate(scores, small)
        mixture = scores @ values[shared][:, columns]
        mixture /= np.where(total == 0, 1, total)
        mixtures[some, rows] = mixture
        with np.errstate(divide="ignore"):  # the logarithm of no weight at all
            sums[some, rows] = top + np.log(total)

    on_all_threads(mix_rows, list(itertools.product(cut(len(heads), together), cut(N, count))), lse.size * M)
    return out, lse


def stack(x):
    """(..., N, D) as (matrices, N, D)."""
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def cut(size, step):
    """range(size) as slices of `step`, the last one shorter."""
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def scores_of(queries, keys, rules, heads, rows, columns):
    """The scores of queries (..., rows, D) with keys (..., columns, D); -inf where looking is forbidden.

    `rows` and `columns` say which they are among all; `heads`, one index a matrix, which mask and bias they have.
    """
    scores = (queries * queries.dtype.type(rules.scale)) @ keys.swapaxes(-1, -2)
    if rules.softcap is not None:
        scores /= rules.softcap
        np.tanh(scores, out=scores)
        scores *= rules.softcap
    each = stack(scores)
    if rules.bias is not None:
        for own, head in zip(each, heads):
            own += rules.bias[head][rows, columns]
    _forbid(scores, rows, columns, rules)
    if rules.mask is not None:
        for own, head in zip(each, heads):
            np.copyto(own, -np.inf, where=~rules.mask[head][rows, columns])
    return scores


def exponentiate(scores, small=False):
    """Put exp(score - top) in the place of every score; returns top and the sum of each row, (..., 1).

    top is the row's largest score, so that nothing overflows; 0 where the scores are known to be `small`.
    """
    top = np.zeros((), scores.dtype)
    if not small:
        top = scores.max(axis=-1, keepdims=True)
        scores -= np.where(np.isneginf(top), 0, top)
    np.exp(scores, out=scores)
    return top, scores.sum(axis=-1, keepdims=True)


def stay_small(q, k, rules):
    """Whether no score can pass SMALL: |q . k| is at most |q| |k| (Cauchy and Schwarz)."""
    if rules.bias is not None or not q.size or not k.size:
        return False
    longest = [np.sqrt(np.vecdot(x, x).max()) for x in (q, k)]
    return bool(abs(rules.scale) * longest[0] * longest[1] <= SMALL)


def reachable(rows, M, rules):
    """The keys that any query of these rows may see: a slice of range(M)."""
    stop = min(rows.stop, M) if rules.causal else M
    if rules.window is None:
        return slice(0, stop)
    return slice(min(max(0, rows.start - rules.window), stop), min(stop, rows.stop + rules.window))


def _forbid(scores, rows, columns, rules):
    """-inf beyond the diagonal and outside the window; only the columns an edge runs through are touched."""
    queries = np.arange(rows.start, rows.stop)[:, None]

    def hide(start, stop, beyond):
        start, stop = max(start, columns.start), min(stop, columns.stop)
        if start < stop:
            keys = np.arange(start, stop)
            np.copyto(scores[..., start - columns.start : stop - columns.start], -np.inf, where=beyond(keys))

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


def key_heads(some, queries, keys):
    """The same for a slice of stacked query heads (heads, N, D): what to index stacked keys with."""
    if len(keys) == len(queries):
        return some
    return np.arange(some.start, some.stop) * len(keys) // len(queries)


def on_all_threads(work, pieces, size):
    """Call `work` on every piece; on as many threads as BLAS may use when there are `LARGE` scores or more."""
    threads = min(blas_threads(), len(pieces)) if size >= LARGE else 1
    queue = iter(pieces)  # shared: a thread takes the next piece when it is done with one

    def drain(_=None):
        for piece in queue:
            work(piece)

    if threads == 1:
        return drain()
    with _one_blas_thread():
        for _ in _pool(threads).map(drain, range(threads)):
            pass


@cache
def _blas():
    """What controls NumPy's BLAS threads."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def blas_threads():
    """How many threads NumPy's BLAS may use now."""
    return max((library.num_threads for library in _blas().lib_controllers), default=1)


def _one_blas_thread():
    return _blas().limit(limits=1) if _blas().lib_controllers else nullcontext()


@cache
def _pool(threads):
    return ThreadPoolExecutor(threads, thread_name_prefix="attnlib")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
