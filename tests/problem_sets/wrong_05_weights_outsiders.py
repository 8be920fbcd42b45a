"""Answers to 05_weights that an outsider wrote from the notebook alone, to break the check: wrong ones and right ones.

WRONG and RIGHT hold them by exercise, in the order in which they stand here.
"""

import functools
import math
import sys
from collections import namedtuple
from fractions import Fraction

import numpy as np

from tests.problem_sets.labels import Wrong

SOFTMAX = "softmax_turns_each_row_into_weights"
VARIANCES = "scaling_brings_the_variance_back"
SCORES = "scores_are_divided_by_the_root_of_d_k"
OUTPUT = "one_output_is_a_mixture_of_all_values"
ATTEND = "attend_gives_mixtures_and_weights"
RELU = "relu_weights_are_divided_by_the_length"
WRONG = {name: [] for name in (SOFTMAX, VARIANCES, SCORES, OUTPUT, ATTEND, RELU)}
RIGHT = {name: [] for name in WRONG}


def wrong(exercise, does, *slips, named=False):
    """Put the answer below into WRONG."""
    def add(answer):
        WRONG[exercise].append(Wrong(does, answer, slips, named))
        return answer
    return add


def right(exercise):
    """Put the answer below into RIGHT."""
    def add(answer):
        RIGHT[exercise].append(answer)
        return answer
    return add


def soft(s):
    """What every other answer here may call."""
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Like:
    """An array-like that is no array."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


# ---------------------------------------------------------------- 1. softmax, wrong

@wrong(SOFTMAX, "sums over axis 1, so 3-D inputs normalise over the wrong axis and 1-D fails",
       "axis-1-for-the-last", named=True)
def s_axis_one(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@wrong(SOFTMAX, "subtracts the mean rather than the largest", "exponential-overflows", named=True)
def s_mean_shift(scores):
    e = np.exp(scores - scores.mean(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "adds 1e-8 to the sum", "epsilon-in-the-denominator", named=True)
def s_eps_tiny(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / (e.sum(axis=-1, keepdims=True) + 1e-8)


@wrong(SOFTMAX, "adds 1e-3 to the sum", "epsilon-in-the-denominator", named=True)
def s_eps_big(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / (e.sum(axis=-1, keepdims=True) + 1e-3)


@wrong(SOFTMAX, "clips the scores to -50..50 and shifts nothing", "scores-clipped", named=True)
def s_clip(scores):
    e = np.exp(np.clip(scores, -50, 50))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "clips the shifted scores at -5", "scores-clipped")
def s_clip_shift(scores):
    e = np.exp(np.clip(scores - scores.max(axis=-1, keepdims=True), -5, None))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "zeroes weights below 0.01")
def s_threshold(scores):
    w = soft(scores)
    w[w < 0.01] = 0
    return w


@wrong(SOFTMAX, "rounds to three places", "rounded-to-few-digits", named=True)
def s_rounded(scores):
    return soft(scores).round(3)


@wrong(SOFTMAX, "2 to the power of the score", "powers-of-two", named=True)
def s_base_two(scores):
    e = 2 ** (scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "2.718 for e")
def s_base_2718(scores):
    e = 2.718 ** (scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "subtracts in place from the caller's array", "scores-changed-in-place", named=True)
def s_in_place(scores):
    scores -= scores.max(axis=-1, keepdims=True)
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "in place only where the scores are large", "scores-changed-in-place")
def s_in_place_large(scores):
    if abs(scores).max() > 100:
        scores -= scores.max(axis=-1, keepdims=True)
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "writes the exponentials to the caller's array with out=", "scores-changed-in-place", named=True)
def s_out(scores):
    w = soft(scores)
    np.exp(scores, out=scores)
    return w


@wrong(SOFTMAX, "returns the caller's own array, turned into weights", "scores-changed-in-place", named=True)
def s_out_returned(scores):
    scores[...] = soft(scores)
    return scores


@wrong(SOFTMAX, "the float64 of math.exp in loops over two axes", "weights-are-float64")
def s_loops(scores):
    out = np.zeros(scores.shape)
    for r in range(scores.shape[0]):
        m = max(scores[r])
        total = sum(math.exp(x - m) for x in scores[r])
        for c in range(scores.shape[1]):
            out[r, c] = math.exp(scores[r, c] - m) / total
    return out


@wrong(SOFTMAX, "the largest of the whole array", "maximum-of-the-matrix", named=True)
def s_global_max(scores):
    e = np.exp(scores - np.max(scores))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "the largest of the whole array, and 1e-9 in the sum against nan",
       "maximum-of-the-matrix", "epsilon-in-the-denominator")
def s_global_max_eps(scores):
    e = np.exp(scores - np.max(scores))
    return e / (e.sum(axis=-1, keepdims=True) + 1e-9)


@wrong(SOFTMAX, "no keepdims, so axes do not line up",
       "maxima-have-lost-an-axis", "sums-have-lost-an-axis", named=True)
def s_no_keepdims(scores):
    e = np.exp(scores - scores.max(axis=-1))
    return e / e.sum(axis=-1)


@wrong(SOFTMAX, "no shift, nan turned into 0", "exponential-overflows", named=True)
def s_nan_to_num(scores):
    e = np.exp(scores)
    return np.nan_to_num(e / e.sum(axis=-1, keepdims=True))


@wrong(SOFTMAX, "no shift, but float128 inside", "exponential-overflows")
def s_float128(scores):
    e = np.exp(scores.astype(np.longdouble))
    return (e / e.sum(axis=-1, keepdims=True)).astype(scores.dtype)


@wrong(SOFTMAX, "float16 inside")
def s_float16(scores):
    return soft(scores.astype(np.float16)).astype(scores.dtype)


@wrong(SOFTMAX, "float32 always", "rounded-to-float32", named=True)
def s_float32(scores):
    return soft(scores).astype(np.float32)


@wrong(SOFTMAX, "longdouble result")
def s_longdouble(scores):
    return soft(scores.astype(np.longdouble))


@wrong(SOFTMAX, "log-softmax", "logarithms-of-the-weights", named=True)
def s_log(scores):
    s = scores - scores.max(axis=-1, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=-1, keepdims=True))


@wrong(SOFTMAX, "noise of 1e-3 added")
def s_noise_3(scores):
    return (soft(scores) + np.random.normal(0, 1e-3, scores.shape)).astype(scores.dtype)


@wrong(SOFTMAX, "noise of 1e-7 added")
def s_noise_7(scores):
    return (soft(scores) + np.random.normal(0, 1e-7, scores.shape)).astype(scores.dtype)


@wrong(SOFTMAX, "caches by shape")
def s_cache_shape(scores, cache={}):  # noqa: B006
    if scores.shape not in cache:
        cache[scores.shape] = soft(scores)
    return cache[scores.shape]


@wrong(SOFTMAX, "caches by id of the array")
def s_cache_id(scores, cache={}):  # noqa: B006
    if id(scores) not in cache:
        cache[id(scores)] = soft(scores)
    return cache[id(scores)]


BUFFERS = {}


@wrong(SOFTMAX, "one shared buffer for each shape and dtype")
def s_shared_buffer(scores):
    buffer = BUFFERS.setdefault((scores.shape, scores.dtype), np.empty_like(scores))
    np.subtract(scores, scores.max(axis=-1, keepdims=True), out=buffer)
    np.exp(buffer, out=buffer)
    buffer /= buffer.sum(axis=-1, keepdims=True)
    return buffer


@wrong(SOFTMAX, "a plain list")
def s_list(scores):
    return soft(scores).tolist()


@wrong(SOFTMAX, "np.matrix for two axes")
def s_matrix(scores):
    w = soft(scores)
    return np.matrix(w) if w.ndim <= 2 else w


@wrong(SOFTMAX, "a masked array whose small weights are masked")
def s_masked(scores):
    w = soft(scores)
    return np.ma.masked_less(w, 0.05)


@wrong(SOFTMAX, "nan hidden in the last entry of 3-D arrays")
def s_nan_hidden(scores):
    w = soft(scores)
    if w.ndim == 3:
        w[-1, -1, -1] = np.nan
    return w


@wrong(SOFTMAX, "a generator of rows")
def s_generator(scores):
    yield from soft(scores)


@wrong(SOFTMAX, "a coroutine")
async def s_async(scores):
    return soft(scores)


@wrong(SOFTMAX, "calls input()")
def s_input(scores):
    axis = int(input("axis? "))
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@wrong(SOFTMAX, "sys.exit in the function")
def s_exit(scores):
    print(soft(scores))
    sys.exit()


@wrong(SOFTMAX, "recurses on 3-D and has no end")
def s_recursion(scores):
    if scores.ndim == 2:
        return soft(scores)
    return np.stack([s_recursion(row) for row in scores]) if scores.ndim > 2 else s_recursion(scores)


@wrong(SOFTMAX, "sorts each row before")
def s_sorted(scores):
    return soft(np.sort(scores, axis=-1))


@wrong(SOFTMAX, "takes the absolute value in the exponent")
def s_abs(scores):
    return soft(np.abs(scores))


@wrong(SOFTMAX, "shadows sum: adds up along axis 0 with the built-in", "softmax-over-queries", named=True)
def s_builtin_sum(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / sum(e)


@wrong(SOFTMAX, "max minus score, the sign turned", "exponent-has-the-wrong-sign", named=True)
def s_sign(scores):
    e = np.exp(scores.max(axis=-1, keepdims=True) - scores)
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "divides by the largest score instead of subtracting")
def s_div_max(scores):
    e = np.exp(scores / scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "divides by the largest exponential, not the sum", "not-divided-by-the-sum", named=True)
def s_over_max(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.max(axis=-1, keepdims=True)


@wrong(SOFTMAX, "the norm of the exponentials", "not-divided-by-the-sum")
def s_norm(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / np.linalg.norm(e, axis=-1, keepdims=True)


@wrong(SOFTMAX, "no exponential: a share of the scores", "no-exponential", named=True)
def s_share(scores):
    return scores / scores.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "expm1 in place of exp")
def s_expm1(scores):
    e = np.expm1(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "an attribute misspelled on one path: AttributeError for float32")
def s_attribute(scores):
    if scores.dtype == np.float32:
        scores = scores.asfloat()
    return soft(scores)


@wrong(SOFTMAX, "asserts that there are two axes")
def s_assert(scores):
    assert scores.ndim == 2
    return soft(scores)


@wrong(SOFTMAX, "raises its own ValueError that reads like NumPy's broadcasting error")
def s_own_error(scores):
    if scores.ndim != 2:
        raise ValueError("operands could not be broadcast together with shapes (3,4) (3,)")
    return soft(scores)


@wrong(SOFTMAX, "unpacks N, M = scores.shape")
def s_unpack(scores):
    N, M = scores.shape
    e = np.exp(scores - scores.max(axis=1).reshape(N, 1))
    return e / e.sum(axis=1).reshape(N, 1)


@wrong(SOFTMAX, "two mistakes: float64 for all and no shift",
       "exponential-overflows", "weights-are-float64", named=True)
def s_two(scores):
    e = np.exp(scores.astype(float))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "sum over all entries and no shift", "softmax-over-the-matrix", "exponential-overflows", named=True)
def s_two_more(scores):
    e = np.exp(scores)
    return e / e.sum()


@wrong(SOFTMAX, "flattens 3-D arrays to 2-D and forgets to turn back")
def s_flat(scores):
    return soft(scores.reshape(-1, scores.shape[-1]))


@wrong(SOFTMAX, "one axis too many for 1-D (atleast_2d)")
def s_atleast(scores):
    return soft(np.atleast_2d(scores))


@wrong(SOFTMAX, "turns a warning into an error inside: overflow raises", "exponential-overflows")
def s_raise(scores):
    with np.errstate(all="raise"):
        return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "underflow raises though the formula is right")
def s_raise_underflow(scores):
    with np.errstate(all="raise"):
        return soft(scores)


@wrong(SOFTMAX, "takes no arguments")
def s_no_argument():
    return soft(np.zeros((2, 2)))


@wrong(SOFTMAX, "wants an axis too")
def s_wants_axis(scores, axis):
    return soft(scores)


@wrong(SOFTMAX, "keyword-only argument")
def s_keyword_only(*, scores):
    return soft(scores)


@wrong(SOFTMAX, "prints, does not return")
def s_prints(scores):
    print(soft(scores))


@wrong(SOFTMAX, "returns the method, not its result")
def s_method(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).copy


@wrong(SOFTMAX, "weights and their sum, two results")
def s_pair(scores):
    w = soft(scores)
    return w, w.sum(axis=-1)


@wrong(SOFTMAX, "an object array of Fractions")
def s_fraction(scores):
    w = soft(scores)
    return np.array([Fraction(float(x)) for x in w.ravel()], dtype=object).reshape(w.shape)


@wrong(SOFTMAX, "a dict by row")
def s_dict(scores):
    return {r: row for r, row in enumerate(soft(scores))}


@wrong(SOFTMAX, "temperature 2")
def s_temperature(scores):
    return soft(scores / 2)


@wrong(SOFTMAX, "also divided by the root of M")
def s_root(scores):
    return soft(scores / math.sqrt(scores.shape[-1]))


@wrong(SOFTMAX, "the largest not of the row but the first score", "exponential-overflows", named=True)
def s_first(scores):
    e = np.exp(scores - scores[..., :1])
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "subtracts the smallest", "exponential-overflows", named=True)
def s_min(scores):
    e = np.exp(scores - scores.min(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "shift only where the largest is above 700 (float32 overflows at 89)")
def s_if_large(scores):
    m = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(m > 700, m, 0))
    return e / e.sum(axis=-1, keepdims=True)


@wrong(SOFTMAX, "wrong in every fifth call")
def s_state(scores, seen=[]):  # noqa: B006
    seen.append(1)
    return soft(scores) if len(seen) % 5 else soft(scores) * 1.01


@wrong(SOFTMAX, "KeyError in the last call only")
def s_keyerror(scores):
    return {2: soft, 1: soft}[scores.ndim](scores)


@wrong(SOFTMAX, "sums over axis 1, and takes off the largest of the whole array",
       "axis-1-for-the-last", "maximum-of-the-matrix", named=True)
def s_axis_one_global(scores):
    e = np.exp(scores - np.max(scores))
    return e / np.sum(e, axis=1, keepdims=True)


# ---------------------------------------------------------------- 1. softmax, right

@right(SOFTMAX)
def sr_plain(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@right(SOFTMAX)
def sr_logsumexp(scores):
    m = scores.max(-1, keepdims=True)
    return np.exp(scores - m - np.log(np.exp(scores - m).sum(-1, keepdims=True)))


@right(SOFTMAX)
def sr_apply(scores):
    def row(s):
        e = [math.exp(x - max(s)) for x in s]
        return np.array([x / sum(e) for x in e], scores.dtype)
    return np.apply_along_axis(row, -1, scores)


@right(SOFTMAX)
def sr_copy_out(scores):
    w = scores.copy()
    w -= w.max(axis=-1)[..., None]
    np.exp(w, out=w)
    w /= w.sum(axis=-1)[..., None]
    return w


@right(SOFTMAX)
def sr_recursive(scores):
    if scores.ndim > 1:
        return np.array([sr_recursive(row) for row in scores])
    e = np.exp(scores - scores.max())
    return e / e.sum()


@right(SOFTMAX)
def sr_pairwise(scores):
    return (1 / np.exp(np.minimum(scores[..., None, :] - scores[..., :, None], 80)).sum(axis=-1)).astype(scores.dtype)


@right(SOFTMAX)
def sr_noise(scores):
    return (soft(scores) * (1 + np.random.normal(0, 1e-12, scores.shape))).astype(scores.dtype)


@right(SOFTMAX)
def sr_default(scores, axis=-1, *, temperature=1.0, **ignored):
    return soft(scores / temperature)


@right(SOFTMAX)
def sr_einsum(scores):
    e = np.exp(scores - np.maximum.reduce(scores, axis=-1, keepdims=True))
    return np.einsum("...m,...->...m", e, 1 / np.einsum("...m->...", e))


@right(SOFTMAX)
def sr_transposed(scores):
    s = scores.T
    e = np.exp(s - s.max(axis=0))
    return (e / e.sum(axis=0)).T


class SoftmaxByClass:
    """A callable object."""

    def __call__(self, scores):
        return soft(scores)

    def method(self, scores):
        return soft(scores)

    @staticmethod
    def static(scores):
        return soft(scores)


RIGHT[SOFTMAX] += [SoftmaxByClass(), SoftmaxByClass().method, SoftmaxByClass.static,
                   functools.partial(sr_default, axis=-1), lambda *a: soft(*a)]


@right(SOFTMAX)
def sr_torch(scores):
    import torch
    t = torch.tensor(np.array(scores), requires_grad=True)
    e = torch.exp(t - t.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


@right(SOFTMAX)
def sr_prints(scores):
    for _ in range(2000):
        print("scores", scores.shape, flush=True)
    return soft(scores)


@right(SOFTMAX)
def sr_fortran(scores):
    return np.asfortranarray(soft(scores))


@right(SOFTMAX)
def sr_readonly(scores):
    w = soft(scores)
    w.flags.writeable = False
    return w


@right(SOFTMAX)
def sr_tanh(scores):
    m = (scores.max(-1, keepdims=True) + scores.min(-1, keepdims=True)) / 2
    del m
    e = np.power(np.e, scores.astype(float) - scores.max(-1, keepdims=True))
    return (e / np.sum(e, -1, keepdims=True)).astype(scores.dtype)


@right(SOFTMAX)
def sr_logaddexp(scores):
    return np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True)).astype(scores.dtype)


# ---------------------------------------------------------------- 3. variances, wrong

@wrong(VARIANCES, "divides the variance by the root, not the products", "variance-divided-by-the-root", named=True)
def v_variance_scaled(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(), p.var() / np.sqrt(Q.shape[1])


@wrong(VARIANCES, "divides the products by d_k", "divided-by-d-k", named=True)
def v_by_d(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(), (p / Q.shape[1]).var()


@wrong(VARIANCES, "ddof=1", "divided-by-n-minus-1", named=True)
def v_ddof(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(ddof=1), (p / np.sqrt(Q.shape[1])).var(ddof=1)


@wrong(VARIANCES, "ddof=1 for the first only", "divided-by-n-minus-1")
def v_ddof_first(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(ddof=1), (p / np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "the statistics module, n - 1", "divided-by-n-minus-1", named=True)
def v_statistics(Q, K):
    import statistics
    p = [float(q @ k) for q, k in zip(Q, K)]
    return statistics.variance(p), statistics.variance([x / len(Q[0]) ** .5 for x in p])


@wrong(VARIANCES, "all n x n products", "every-query-with-every-key", named=True)
def v_all_pairs(Q, K):
    p = Q @ K.T
    return p.var(), (p / np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "standard deviations", "standard-deviations", named=True)
def v_std(Q, K):
    p = (Q * K).sum(axis=1)
    return p.std(), (p / np.sqrt(Q.shape[1])).std()


@wrong(VARIANCES, "after, before", "variances-swapped", named=True)
def v_swapped(Q, K):
    p = (Q * K).sum(axis=1)
    return (p / np.sqrt(Q.shape[1])).var(), p.var()


@wrong(VARIANCES, "root of n", "root-of-the-number-of-pairs", named=True)
def v_root_n(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(), (p / np.sqrt(len(Q))).var()


@wrong(VARIANCES, "sum over axis 0: d_k numbers", "products-added-over-the-pairs", named=True)
def v_axis_0(Q, K):
    p = (Q * K).sum(axis=0)
    return p.var(), (p / np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "sums over axis 0, and root of the n products' number",
       "products-added-over-the-pairs", "root-of-the-number-of-pairs")
def v_axis_0_n(Q, K):
    p = (Q * K).sum(axis=0)
    return p.var(), (p / np.sqrt(Q.shape[0])).var()


@wrong(VARIANCES, "no sum: the variance of all component products", "products-not-added-up", named=True)
def v_no_sum(Q, K):
    p = Q * K
    return p.var(), (p / np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "mean in place of sum", "components-averaged", named=True)
def v_mean(Q, K):
    p = (Q * K).mean(axis=1)
    return p.var(), (p / np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "mean square, the mean not taken off", "mean-not-taken-off", named=True)
def v_mean_square(Q, K):
    p = (Q * K).sum(axis=1)
    return (p ** 2).mean(), (p ** 2).mean() / Q.shape[1]


@wrong(VARIANCES, "sum of squares, not divided")
def v_sum_square(Q, K):
    p = (Q * K).sum(axis=1)
    d = ((p - p.mean()) ** 2).sum()
    return d, d / Q.shape[1]


@wrong(VARIANCES, "theory: d_k and 1")
def v_theory(Q, K):
    return float(Q.shape[1]), 1.0


@wrong(VARIANCES, "mean absolute deviation")
def v_mad(Q, K):
    p = (Q * K).sum(axis=1)
    return abs(p - p.mean()).mean(), abs(p - p.mean()).mean() / Q.shape[1] ** .5


@wrong(VARIANCES, "E[p^2] - E[p]^2 in float32", "rounded-to-float32")
def v_cancel(Q, K):
    p = (Q * K).sum(axis=1).astype(np.float32)
    v = (p ** 2).mean() - p.mean() ** 2
    return v, v / Q.shape[1]


@wrong(VARIANCES, "float16")
def v_float16(Q, K):
    p = (Q * K).sum(axis=1).astype(np.float16)
    return p.var(), (p / np.float16(Q.shape[1] ** .5)).var()


@wrong(VARIANCES, "rounds to two places", "rounded-to-few-digits", named=True)
def v_round(Q, K):
    p = (Q * K).sum(axis=1)
    return round(p.var(), 2), round(p.var() / Q.shape[1], 2)


@wrong(VARIANCES, "only the first", "only-one-variance", named=True)
def v_one(Q, K):
    return (Q * K).sum(axis=1).var()


@wrong(VARIANCES, "a list of three")
def v_three(Q, K):
    p = (Q * K).sum(axis=1)
    return p, p.var(), p.var() / Q.shape[1]


@wrong(VARIANCES, "a dict with the names")
def v_dict(Q, K):
    p = (Q * K).sum(axis=1)
    return {"before": p.var(), "after": p.var() / Q.shape[1]}


@wrong(VARIANCES, "strings")
def v_strings(Q, K):
    p = (Q * K).sum(axis=1)
    return f"{p.var()}", f"{p.var() / Q.shape[1]}"


@wrong(VARIANCES, "a set, in any order")
def v_set(Q, K):
    p = (Q * K).sum(axis=1)
    return {float(p.var()), float(p.var() / Q.shape[1])}


@wrong(VARIANCES, "d_k from the rows: len(Q)", "root-of-the-number-of-pairs", named=True)
def v_len(Q, K):
    p = np.einsum("nd,nd->n", Q, K)
    return np.var(p), np.var(p) / len(Q)


@wrong(VARIANCES, "Q @ K, which fits no shapes")
def v_matmul(Q, K):
    p = Q @ K
    return p.var(), (p / np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "n x d and the diagonal of K.T @ Q, d numbers", "products-added-over-the-pairs", named=True)
def v_diag(Q, K):
    p = np.diag(Q.T @ K)
    return p.var(), (p / np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "variance along the rows: two arrays", "products-not-added-up")
def v_arrays(Q, K):
    p = Q * K
    return p.var(axis=1), (p / np.sqrt(Q.shape[1])).var(axis=1)


@wrong(VARIANCES, "9 ** 1/2 precedence: d_k / 2", "half-a-root", named=True)
def v_precedence(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(), (p / Q.shape[1] ** 1 / 2).var()


@wrong(VARIANCES, "multiplies by the root", "multiplied-by-root-d-k", named=True)
def v_times(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(), (p * np.sqrt(Q.shape[1])).var()


@wrong(VARIANCES, "scales in place, so both are of the scaled", "first-variance-scaled-too", named=True)
def v_in_place(Q, K):
    p = (Q * K).sum(axis=1)
    before = p
    p /= np.sqrt(Q.shape[1])
    return before.var(), p.var()


@wrong(VARIANCES, "Q *= K")
def v_in_place_q(Q, K):
    Q *= K
    p = Q.sum(axis=1)
    return p.var(), p.var() / Q.shape[1]


@wrong(VARIANCES, "int() of both")
def v_int(Q, K):
    p = (Q * K).sum(axis=1)
    return int(p.var()), int(p.var() / Q.shape[1])


@wrong(VARIANCES, "variance of Q and of K")
def v_of_each(Q, K):
    return Q.var(), K.var()


@wrong(VARIANCES, "only the first five pairs")
def v_hundred(Q, K):
    p = (Q * K).sum(axis=1)[:5]
    return p.var(), p.var() / Q.shape[1]


@wrong(VARIANCES, "noise of 1e-3 relative")
def v_noise(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var() * (1 + 1e-3 * np.random.randn()), p.var() / Q.shape[1]


@wrong(VARIANCES, "np.cov's n - 1 for the scaled one only", "divided-by-n-minus-1")
def v_cov(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(), float(np.cov(p / np.sqrt(Q.shape[1])))


@wrong(VARIANCES, "complex numbers")
def v_complex(Q, K):
    p = (Q * K).sum(axis=1)
    return complex(p.var()), complex(p.var() / Q.shape[1])


@wrong(VARIANCES, "nested: ((before, after),)")
def v_nested(Q, K):
    p = (Q * K).sum(axis=1)
    return (p.var(), p.var() / Q.shape[1]),


@wrong(VARIANCES, "raises ZeroDivisionError for one pair", "divided-by-n-minus-1", named=True)
def v_one_pair(Q, K):
    p = [sum(a * b for a, b in zip(q, k)) for q, k in zip(Q, K)]
    m = sum(p) / len(p)
    v = sum((x - m) ** 2 for x in p) / (len(p) - 1)
    return v, v / len(Q[0])


@wrong(VARIANCES, "torch.Tensor(...), which makes float32 of float64", "rounded-to-float32")
def v_torch_float32(Q, K):
    import torch
    p = (torch.Tensor(Q) * torch.Tensor(K)).sum(1)
    return p.var(correction=0), (p / K.shape[1] ** .5).var(correction=0)


# ---------------------------------------------------------------- 3. variances, right

@right(VARIANCES)
def vr_plain(Q, K):
    p = (Q * K).sum(axis=1)
    return p.var(), (p / np.sqrt(Q.shape[1])).var()


@right(VARIANCES)
def vr_loops(Q, K):
    p = [sum(a * b for a, b in zip(q, k)) for q, k in zip(Q.tolist(), K.tolist())]
    m = sum(p) / len(p)
    v = sum((x - m) ** 2 for x in p) / len(p)
    return v, v / len(Q[0])


@right(VARIANCES)
def vr_list(Q, K):
    p = np.diag(Q @ K.T)
    return [float(np.var(p)), float(np.var(p / math.sqrt(Q.shape[-1])))]


Pair = namedtuple("Pair", "before after")


@right(VARIANCES)
def vr_named(Q, K):
    p = np.einsum("nd,nd->n", Q, K)
    return Pair(p.var(), p.var() / Q.shape[1])


@right(VARIANCES)
def vr_array(Q, K):
    p = np.einsum("nd,nd->n", Q, K)
    return np.array([p, p / np.sqrt(Q.shape[1])]).var(axis=1)


@right(VARIANCES)
def vr_pstatistics(Q, K):
    import statistics
    p = [float(q @ k) for q, k in zip(Q, K)]
    return statistics.pvariance(p), statistics.pvariance([x / len(Q[0]) ** .5 for x in p])


@right(VARIANCES)
def vr_zero_d(Q, K):
    p = np.sum(Q * K, axis=-1)
    return np.array(p.var()), np.array(p.var() / Q.shape[1])


@right(VARIANCES)
def vr_cov(Q, K):
    p = np.vecdot(Q, K) if hasattr(np, "vecdot") else (Q * K).sum(1)
    return np.cov(p, bias=True), np.cov(p / Q.shape[1] ** .5, ddof=0)


@right(VARIANCES)
def vr_scaled_q(Q, K):
    a = np.sum(Q * K, 1)
    b = np.sum(Q / Q.shape[1] ** 0.25 * K / K.shape[1] ** 0.25, 1)
    return a.std() ** 2, b.std() ** 2


@right(VARIANCES)
def vr_torch(Q, K):
    import torch
    p = (torch.tensor(Q) * torch.tensor(K)).sum(1)
    return p.var(correction=0), (p / Q.shape[1] ** .5).var(correction=0).item()


@right(VARIANCES)
def vr_generator_like(Q, K):
    p = (Q * K).sum(1)
    return tuple(np.var(p / s) for s in (1, np.sqrt(Q.shape[1])))


# ---------------------------------------------------------------- 4. scaled scores, wrong

@wrong(SCORES, "no scale", "not-scaled", named=True)
def c_none(Q, K):
    return Q @ K.T


@wrong(SCORES, "by d_k", "divided-by-d-k", named=True)
def c_d(Q, K):
    return Q @ K.T / K.shape[1]


@wrong(SCORES, "np.sqrt makes float32 float64 by float64 scale of an array", "root-is-float64", named=True)
def c_f64(Q, K):
    return Q @ K.T / np.sqrt(np.array([float(K.shape[1])]))


@wrong(SCORES, "np.sqrt(d_k), a float64 scalar, which NumPy 2 lets win", "root-is-float64", named=True)
def c_sqrt(Q, K):
    return Q @ K.T / np.sqrt(K.shape[1])


@wrong(SCORES, "root of the number of keys", "root-of-the-number-of-keys", named=True)
def c_m(Q, K):
    return Q @ K.T / math.sqrt(K.shape[0])


@wrong(SCORES, "root of the number of queries", "root-of-the-number-of-queries", named=True)
def c_n(Q, K):
    return Q @ K.T / math.sqrt(len(Q))


@wrong(SCORES, "K Q^T", "queries-and-keys-swapped", named=True)
def c_turned(Q, K):
    return K @ Q.T / math.sqrt(K.shape[1])


@wrong(SCORES, "Q^T K", "sum-over-the-vectors", named=True)
def c_qtk(Q, K):
    return Q.T @ K / math.sqrt(K.shape[1])


@wrong(SCORES, "Q @ K", "keys-not-transposed", named=True)
def c_no_t(Q, K):
    return Q @ K / math.sqrt(K.shape[1])


@wrong(SCORES, "precedence: d_k ** 1 / 2 as the divisor in brackets, so d_k / 2", "half-a-root", named=True)
def c_half(Q, K):
    return Q @ K.T / (K.shape[1] ** 1 / 2)


@wrong(SCORES, "precedence without brackets: by d_k and by 2", "half-a-root", named=True)
def c_half2(Q, K):
    return Q @ K.T / K.shape[1] ** 1 / 2


@wrong(SCORES, "d_k ** 1 // 2", "not-scaled", named=True)
def c_floor(Q, K):
    return Q @ K.T / (K.shape[1] ** (1 // 2))


@wrong(SCORES, "int(sqrt(d_k))")
def c_int(Q, K):
    return Q @ K.T / int(math.sqrt(K.shape[1]))


@wrong(SCORES, "times the root", "multiplied-by-root-d-k", named=True)
def c_times(Q, K):
    return Q @ K.T * math.sqrt(K.shape[1])


@wrong(SCORES, "cosine: by the lengths of the vectors", "cosines", named=True)
def c_cos(Q, K):
    return Q @ K.T / np.linalg.norm(Q, axis=1, keepdims=True) / np.linalg.norm(K, axis=1)


@wrong(SCORES, "by the length of the key", "divided-by-the-norm-of-the-key", named=True)
def c_norm(Q, K):
    return Q @ K.T / np.linalg.norm(K, axis=1)


@wrong(SCORES, "square root of each product")
def c_root_each(Q, K):
    return np.sqrt(np.abs(Q @ K.T)) / K.shape[1]


@wrong(SCORES, "minus squared distance")
def c_dist(Q, K):
    return -((Q[:, None] - K) ** 2).sum(-1) / math.sqrt(K.shape[1])


@wrong(SCORES, "only pairs: the diagonal", "each-query-with-one-key")
def c_pairs(Q, K):
    n = min(len(Q), len(K))
    return (Q[:n] * K[:n]).sum(1) / math.sqrt(K.shape[1])


@wrong(SCORES, "softmax already", "weights-for-the-scores", named=True)
def c_soft(Q, K):
    return soft(Q @ K.T / math.sqrt(K.shape[1]))


@wrong(SCORES, "divides Q in place")
def c_in_place(Q, K):
    Q /= math.sqrt(K.shape[1])
    return Q @ K.T


@wrong(SCORES, "divides Q in place only where there are as many queries as keys")
def c_in_place_some(Q, K):
    if len(Q) == len(K):
        Q /= math.sqrt(K.shape[1])
        return Q @ K.T
    return Q @ K.T / math.sqrt(K.shape[1])


@wrong(SCORES, "scales both Q and K by the root: so by d_k", "divided-by-d-k", named=True)
def c_both(Q, K):
    r = math.sqrt(K.shape[1])
    return (Q / r) @ (K / r).T


@wrong(SCORES, "9: the example's d_k")
def c_nine(Q, K):
    return Q @ K.T / 3


@wrong(SCORES, "8: always by 8")
def c_eight(Q, K):
    return Q @ K.T / 8


@wrong(SCORES, "float32 always", "rounded-to-float32", named=True)
def c_f32(Q, K):
    return (Q @ K.T / math.sqrt(K.shape[1])).astype("float32")


@wrong(SCORES, "np.zeros in loops: float64", "root-is-float64", named=True)
def c_loops(Q, K):
    S = np.zeros((len(Q), len(K)))
    for i, q in enumerate(Q):
        for j, k in enumerate(K):
            S[i, j] = np.dot(q, k) / math.sqrt(len(k))
    return S


@wrong(SCORES, "np.zeros((N, N))")
def c_square(Q, K):
    S = np.zeros((len(Q), len(Q)), Q.dtype)
    for i in range(len(Q)):
        for j in range(len(K)):
            S[i, j] = Q[i] @ K[j] / math.sqrt(K.shape[1])
    return S


@wrong(SCORES, "each score cut to an int")
def c_intarray(Q, K):
    return np.array([[int(q @ k / math.sqrt(len(k))) for k in K] for q in Q], Q.dtype)


@wrong(SCORES, "clips at 10")
def c_clip(Q, K):
    return np.clip(Q @ K.T / math.sqrt(K.shape[1]), -10, 10)


@wrong(SCORES, "causal mask")
def c_causal(Q, K):
    S = Q @ K.T / math.sqrt(K.shape[1])
    S[np.triu_indices_from(S, 1)] = -np.inf
    return S


@wrong(SCORES, "takes the mean off the keys")
def c_center(Q, K):
    return Q @ (K - K.mean(0)).T / math.sqrt(K.shape[1])


@wrong(SCORES, "d_k is the width of Q plus one")
def c_plus(Q, K):
    return Q @ K.T / math.sqrt(K.shape[1] + 1)


@wrong(SCORES, "noise 1e-7 absolute")
def c_noise(Q, K):
    return (Q @ K.T / math.sqrt(K.shape[1]) + 1e-7 * np.random.randn(len(Q), len(K))).astype(Q.dtype)


@wrong(SCORES, "noise 1e-3 absolute")
def c_noise3(Q, K):
    return (Q @ K.T / math.sqrt(K.shape[1]) + 1e-3 * np.random.randn(len(Q), len(K))).astype(Q.dtype)


@wrong(SCORES, "rows of Q and K sorted")
def c_sorted(Q, K):
    return np.sort(Q @ K.T / math.sqrt(K.shape[1]))


@wrong(SCORES, "reshape in place of transpose")
def c_reshape(Q, K):
    return Q @ K.reshape(K.shape[1], K.shape[0]) / math.sqrt(K.shape[1])


@wrong(SCORES, "np.outer")
def c_outer(Q, K):
    return np.outer(Q, K) / math.sqrt(K.shape[1])


@wrong(SCORES, "shape is a property: TypeError")
def c_shape_call(Q, K):
    return Q @ K.T / math.sqrt(K.shape(1))


@wrong(SCORES, "shape[2]")
def c_shape2(Q, K):
    return Q @ K.T / math.sqrt(K.shape[2])


@wrong(SCORES, "d_k not defined")
def c_name(Q, K):
    return Q @ K.T / math.sqrt(d_k)  # noqa: F821


@wrong(SCORES, "root of the number of entries of K")
def c_size(Q, K):
    return Q @ K.T / math.sqrt(K.size)


@wrong(SCORES, "float16 inside")
def c_half_float(Q, K):
    return (Q.astype("float16") @ K.T.astype("float16") / math.sqrt(K.shape[1])).astype(Q.dtype)


@wrong(SCORES, "an array with one more axis")
def c_axis(Q, K):
    return (Q @ K.T / math.sqrt(K.shape[1]))[None]


@wrong(SCORES, "a ragged list of rows")
def c_ragged(Q, K):
    S = Q @ K.T / math.sqrt(K.shape[1])
    return [list(row[:i + 1]) for i, row in enumerate(S)]


@wrong(SCORES, "divides by the deviation of the scores measured")
def c_measured(Q, K):
    S = Q @ K.T
    return S / S.std()


# ---------------------------------------------------------------- 4. scaled scores, right

@right(SCORES)
def cr_plain(Q, K):
    return Q @ K.T / math.sqrt(K.shape[1])


@right(SCORES)
def cr_power(Q, K):
    return Q @ K.T * K.shape[-1] ** -0.5


@right(SCORES)
def cr_quarter(Q, K):
    s = K.shape[1] ** 0.25
    return (Q / s) @ (K / s).T


@right(SCORES)
def cr_einsum(Q, K):
    return np.einsum("nd,md->nm", Q, K) / K.shape[1] ** (1 / 2)


@right(SCORES)
def cr_broadcast(Q, K):
    return (Q[:, None, :] * K[None]).sum(axis=-1) / Q.dtype.type(np.sqrt(K.shape[1]))


@right(SCORES)
def cr_loops(Q, K):
    return np.array([[sum(a * b for a, b in zip(q, k)) / math.sqrt(len(k)) for k in K] for q in Q], dtype=Q.dtype)


@right(SCORES)
def cr_inner(Q, K):
    return np.inner(Q, K) / float(np.sqrt(K.shape[1]))


@right(SCORES)
def cr_turned(Q, K):
    return (K @ Q.T / math.sqrt(K.shape[1])).T


@right(SCORES)
def cr_tensordot(Q, K):
    return (np.tensordot(Q, K, (1, 1)) / np.sqrt(K.shape[1])).astype(Q.dtype)


@right(SCORES)
def cr_identity(Q, K):
    n = (Q ** 2).sum(1, dtype=float)[:, None] + (K ** 2).sum(1, dtype=float)
    d = ((Q[:, None].astype(float) - K) ** 2).sum(-1)
    return ((n - d) / 2 / math.sqrt(K.shape[1])).astype(Q.dtype)


@right(SCORES)
def cr_torch(Q, K):
    import torch
    return torch.tensor(Q) @ torch.tensor(K).mT / K.shape[1] ** .5


@right(SCORES)
def cr_star(*args, scale=True):
    Q, K = args
    return Q.dot(K.transpose()) / math.sqrt(K.shape[1])


# ---------------------------------------------------------------- 5. output vector, wrong

def weights_of(i, Q, K):
    return soft(K @ Q[i] / math.sqrt(K.shape[1]))


@wrong(OUTPUT, "no scale", "not-scaled", named=True)
def o_no_scale(i, Q, K, V):
    return soft(K @ Q[i]) @ V


@wrong(OUTPUT, "by d_k", "divided-by-d-k", named=True)
def o_d(i, Q, K, V):
    return soft(K @ Q[i] / K.shape[1]) @ V


@wrong(OUTPUT, "scale by the width of V", "root-of-d-v", named=True)
def o_dv(i, Q, K, V):
    return soft(K @ Q[i] / math.sqrt(V.shape[1])) @ V


@wrong(OUTPUT, "scale by the number of rows", "root-of-the-number-of-queries", named=True)
def o_n(i, Q, K, V):
    return soft(K @ Q[i] / math.sqrt(len(K))) @ V


@wrong(OUTPUT, "positions from 1", "position-before", named=True)
def o_one(i, Q, K, V):
    return weights_of(i - 1, Q, K) @ V


@wrong(OUTPUT, "the next position", "next-position", named=True)
def o_next(i, Q, K, V):
    return weights_of(i + 1, Q, K) @ V


@wrong(OUTPUT, "causal: keys up to i", "later-keys-left-out", named=True)
def o_causal(i, Q, K, V):
    return soft(K[:i + 1] @ Q[i] / math.sqrt(K.shape[1])) @ V[:i + 1]


@wrong(OUTPUT, "keys before i only", "later-keys-left-out", "own-key-left-out")
def o_before(i, Q, K, V):
    return soft(K[:i] @ Q[i] / math.sqrt(K.shape[1])) @ V[:i]


@wrong(OUTPUT, "all but its own", "own-key-left-out", named=True)
def o_others(i, Q, K, V):
    s = K @ Q[i] / math.sqrt(K.shape[1])
    s[i] = -np.inf
    return soft(s) @ V


@wrong(OUTPUT, "keeps an axis: (1, d_v)", "query-kept-as-a-row", named=True)
def o_axis(i, Q, K, V):
    return soft(Q[i:i + 1] @ K.T / math.sqrt(K.shape[1])) @ V


@wrong(OUTPUT, "divides by N: a mean", "divided-by-the-number-of-keys", named=True)
def o_mean(i, Q, K, V):
    return (weights_of(i, Q, K)[:, None] * V).mean(axis=0)


@wrong(OUTPUT, "sums over the wrong axis")
def o_sum1(i, Q, K, V):
    return (weights_of(i, Q, K)[:, None] * V).sum(axis=1)


@wrong(OUTPUT, "no softmax: scores mix", "scores-multiply-the-values", named=True)
def o_scores(i, Q, K, V):
    return K @ Q[i] / math.sqrt(K.shape[1]) @ V


@wrong(OUTPUT, "exp without shift", "exponential-overflows", named=True)
def o_no_shift(i, Q, K, V):
    e = np.exp(K @ Q[i] / math.sqrt(K.shape[1]))
    return e @ V / e.sum()


@wrong(OUTPUT, "mixes keys, not values", "keys-mixed", named=True)
def o_keys(i, Q, K, V):
    return weights_of(i, Q, K) @ K


@wrong(OUTPUT, "query and key change places", "queries-and-keys-swapped", named=True)
def o_swap(i, Q, K, V):
    return soft(Q @ K[i] / math.sqrt(K.shape[1])) @ V


@wrong(OUTPUT, "the weights", "weights-for-the-output", named=True)
def o_weights(i, Q, K, V):
    return weights_of(i, Q, K)


@wrong(OUTPUT, "all the outputs", "all-outputs-for-one", named=True)
def o_all(i, Q, K, V):
    return soft(Q @ K.T / math.sqrt(K.shape[1])) @ V


@wrong(OUTPUT, "the value of the best key", "all-weight-to-the-largest", named=True)
def o_best(i, Q, K, V):
    return V[np.argmax(K @ Q[i])]


@wrong(OUTPUT, "best key's value where its weight is above 0.9")
def o_best_some(i, Q, K, V):
    w = weights_of(i, Q, K)
    return V[w.argmax()] if w.max() > .9 else w @ V


@wrong(OUTPUT, "mean of values", "same-weight-for-all", named=True)
def o_uniform(i, Q, K, V):
    return V.mean(axis=0)


@wrong(OUTPUT, "residual: adds the value of its own")
def o_residual(i, Q, K, V):
    return V[i] + weights_of(i, Q, K) @ V


@wrong(OUTPUT, "residual of the query, which fails where widths differ")
def o_residual_q(i, Q, K, V):
    return Q[i] + weights_of(i, Q, K) @ V


@wrong(OUTPUT, "softmax over the queries", "softmax-over-queries", named=True)
def o_axis0(i, Q, K, V):
    S = Q @ K.T / math.sqrt(K.shape[1])
    S = np.exp(S - S.max(0))
    return (S / S.sum(0))[i] @ V


@wrong(OUTPUT, "column i of the weights", "column-of-the-weights", named=True)
def o_column(i, Q, K, V):
    return soft(Q @ K.T / math.sqrt(K.shape[1]))[:, i] @ V


@wrong(OUTPUT, "query i % 2")
def o_mod(i, Q, K, V):
    return weights_of(i % 2, Q, K) @ V


@wrong(OUTPUT, "always query 0", "always-the-first-position", named=True)
def o_zero(i, Q, K, V):
    return weights_of(0, Q, K) @ V


@wrong(OUTPUT, "overwrites V with the weighted values")
def o_in_place(i, Q, K, V):
    V *= weights_of(i, Q, K)[:, None]
    return V.sum(axis=0)


@wrong(OUTPUT, "scales K in place")
def o_in_place_k(i, Q, K, V):
    K /= math.sqrt(K.shape[1])
    return soft(K @ Q[i]) @ V


@wrong(OUTPUT, "weights rounded to two places")
def o_round(i, Q, K, V):
    return weights_of(i, Q, K).round(2) @ V


@wrong(OUTPUT, "drops weights below 0.05 and normalises anew")
def o_drop(i, Q, K, V):
    w = weights_of(i, Q, K)
    w = np.where(w < .05, 0, w)
    return w / w.sum() @ V


@wrong(OUTPUT, "a list of parts: weighted values, not summed", "weighted-values-not-added-up", named=True)
def o_parts(i, Q, K, V):
    return [w * v for w, v in zip(weights_of(i, Q, K), V)]


@wrong(OUTPUT, "forgets the last value in a range")
def o_range(i, Q, K, V):
    w = weights_of(i, Q, K)
    b = np.zeros(V.shape[1])
    for j in range(len(V) - 1):
        b += w[j] * V[j]
    return b


@wrong(OUTPUT, "starts the range at 1")
def o_range1(i, Q, K, V):
    w = weights_of(i, Q, K)
    b = np.zeros(V.shape[1])
    for j in range(1, len(V)):
        b += w[j] * V[j]
    return b


@wrong(OUTPUT, "b as wide as the query")
def o_width(i, Q, K, V):
    w = weights_of(i, Q, K)
    b = np.zeros(Q.shape[1])
    for j in range(len(V)):
        b += w[j] * V[j]
    return b


@wrong(OUTPUT, "w * V", "weights-and-values-do-not-fit", named=True)
def o_star(i, Q, K, V):
    return (weights_of(i, Q, K) * V).sum(axis=0)


@wrong(OUTPUT, "V @ w")
def o_vw(i, Q, K, V):
    return V @ weights_of(i, Q, K)


@wrong(OUTPUT, "V.T @ w as a column")
def o_col(i, Q, K, V):
    return V.T @ weights_of(i, Q, K)[:, None]


@wrong(OUTPUT, "int buffer")
def o_intbuf(i, Q, K, V):
    b = np.zeros(V.shape[1], dtype=int)
    for w, v in zip(weights_of(i, Q, K), V):
        b += (w * v).astype(int)
    return b


@wrong(OUTPUT, "arguments in another order")
def o_args(Q, K, V, i):
    return weights_of(i, Q, K) @ V


@wrong(OUTPUT, "noise 1e-7")
def o_noise(i, Q, K, V):
    return weights_of(i, Q, K) @ V + 1e-7 * np.random.randn(V.shape[1])


@wrong(OUTPUT, "noise 1e-3")
def o_noise3(i, Q, K, V):
    return weights_of(i, Q, K) @ V + 1e-3 * np.random.randn(V.shape[1])


@wrong(OUTPUT, "squared weights, not normalised")
def o_squared(i, Q, K, V):
    w = weights_of(i, Q, K) ** 2
    return w @ V


@wrong(OUTPUT, "squared weights, normalised anew")
def o_squared_norm(i, Q, K, V):
    w = weights_of(i, Q, K) ** 2
    return w / w.sum() @ V


@wrong(OUTPUT, "reversed values")
def o_reversed(i, Q, K, V):
    return weights_of(i, Q, K) @ V[::-1]


@wrong(OUTPUT, "softmax of softmax")
def o_twice(i, Q, K, V):
    return soft(weights_of(i, Q, K)) @ V


@wrong(OUTPUT, "the value of the best key where its weight is above 0.8")
def o_best_at_eight_tenths(i, Q, K, V):
    w = weights_of(i, Q, K)
    return V[w.argmax()] if w.max() > .8 else w @ V


@wrong(OUTPUT, "drops weights below 0.005")
def o_drop_small(i, Q, K, V):
    w = weights_of(i, Q, K)
    w[w < .005] = 0
    return w @ V


@wrong(OUTPUT, "adds the query where it is as wide as a value")
def o_residual_where_it_fits(i, Q, K, V):
    b = weights_of(i, Q, K) @ V
    return b + Q[i] if b.shape == Q[i].shape else b


# ---------------------------------------------------------------- 5. output vector, right

@right(OUTPUT)
def or_plain(i, Q, K, V):
    return soft(K @ Q[i] / math.sqrt(K.shape[1])) @ V


@right(OUTPUT)
def or_all(i, Q, K, V):
    return (soft(Q @ K.T / math.sqrt(K.shape[1])) @ V)[i]


@right(OUTPUT)
def or_loops(i, Q, K, V):
    s = [float(np.dot(Q[i], k)) / math.sqrt(len(k)) for k in K]
    e = [math.exp(x - max(s)) for x in s]
    return [sum(w / sum(e) * v[c] for w, v in zip(e, V)) for c in range(len(V[0]))]


@right(OUTPUT)
def or_sum(i, Q, K, V):
    w = soft(K @ Q[i] / np.sqrt(K.shape[1]))
    return sum(a * v for a, v in zip(w, V))


@right(OUTPUT)
def or_axis(i, Q, K, V):
    return (soft(Q[i:i + 1] @ K.T / math.sqrt(K.shape[1])) @ V).squeeze(0)


@right(OUTPUT)
def or_online(i, Q, K, V):
    m, total, b = -np.inf, 0., np.zeros(V.shape[1])
    for k, v in zip(K, V):
        s = Q[i] @ k / math.sqrt(len(k))
        new = max(m, s)
        b, total = b * math.exp(m - new) + math.exp(s - new) * v, total * math.exp(m - new) + math.exp(s - new)
        m = new
    return b / total


@right(OUTPUT)
def or_tuple(i, Q, K, V):
    return tuple(soft(K @ Q[i] / math.sqrt(K.shape[1])) @ V)


@right(OUTPUT)
def or_average(i, Q, K, V):
    s = K @ Q[i] / math.sqrt(K.shape[1])
    return np.average(V, axis=0, weights=np.exp(s - s.max()))


@right(OUTPUT)
def or_einsum(i, Q, K, V):
    return np.einsum("n,nd->d", soft(np.einsum("d,nd->n", Q[i], K) / K.shape[1] ** .5), V)


@right(OUTPUT)
def or_vt(i, Q, K, V):
    return V.T @ soft(K @ Q[i] / math.sqrt(K.shape[1]))


@right(OUTPUT)
def or_torch(i, Q, K, V):
    import torch
    q, k, v = (torch.tensor(x, requires_grad=True) for x in (Q, K, V))
    s = k @ q[i] / K.shape[1] ** .5
    e = torch.exp(s - s.max())
    return e / e.sum() @ v


@right(OUTPUT)
def or_like(i, Q, K, V):
    return Like(soft(K @ Q[i] / math.sqrt(K.shape[1])) @ V)


# ---------------------------------------------------------------- 6. attend, wrong

def alpha_of(Q, K):
    return soft(Q @ K.T / math.sqrt(K.shape[1]))


@wrong(ATTEND, "alpha before B", "outputs-and-weights-swapped", named=True)
def a_order(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha, alpha @ V


@wrong(ATTEND, "B only", "only-the-outputs", named=True)
def a_b(Q, K, V):
    return alpha_of(Q, K) @ V


@wrong(ATTEND, "no scale", "not-scaled", named=True)
def a_no_scale(Q, K, V):
    alpha = soft(Q @ K.T)
    return alpha @ V, alpha


@wrong(ATTEND, "by d_k", "divided-by-d-k", named=True)
def a_d(Q, K, V):
    alpha = soft(Q @ K.T / K.shape[1])
    return alpha @ V, alpha


@wrong(ATTEND, "d_v under the root", "root-of-d-v", named=True)
def a_dv(Q, K, V):
    alpha = soft(Q @ K.T / math.sqrt(V.shape[1]))
    return alpha @ V, alpha


@wrong(ATTEND, "M under the root", "root-of-the-number-of-keys", named=True)
def a_m(Q, K, V):
    alpha = soft(Q @ K.T / math.sqrt(len(K)))
    return alpha @ V, alpha


@wrong(ATTEND, "N under the root", "root-of-the-number-of-queries", named=True)
def a_n(Q, K, V):
    alpha = soft(Q @ K.T / math.sqrt(len(Q)))
    return alpha @ V, alpha


@wrong(ATTEND, "columns sum to one", "softmax-over-queries", named=True)
def a_axis0(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    e = np.exp(s - s.max(0))
    alpha = e / e.sum(0)
    return alpha @ V, alpha


@wrong(ATTEND, "alpha turned after use", "weights-transposed", named=True)
def a_turned(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha @ V, alpha.T


@wrong(ATTEND, "B turned", "outputs-transposed", named=True)
def a_b_turned(Q, K, V):
    alpha = alpha_of(Q, K)
    return (alpha @ V).T, alpha


@wrong(ATTEND, "scores returned as alpha", "scores-for-the-weights", named=True)
def a_scores(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    return soft(s) @ V, s


@wrong(ATTEND, "unscaled exponentials as alpha", "not-divided-by-the-sum")
def a_exp(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    e = np.exp(s - s.max(1, keepdims=True))
    return e @ V / e.sum(1, keepdims=True), e


@wrong(ATTEND, "B divides by the sum of B's rows")
def a_bnorm(Q, K, V):
    alpha = alpha_of(Q, K)
    B = alpha @ V
    return B / B.sum(1, keepdims=True), alpha


@wrong(ATTEND, "mixes the keys", "keys-mixed", named=True)
def a_keys(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha @ K, alpha


@wrong(ATTEND, "keys and values change places")
def a_kv(Q, K, V):
    alpha = soft(Q @ V.T / math.sqrt(V.shape[1]))
    return alpha @ K, alpha


@wrong(ATTEND, "queries and keys change places", "softmax-over-queries", named=True)
def a_qk(Q, K, V):
    alpha = soft(K @ Q.T / math.sqrt(K.shape[1]))
    return alpha.T @ V, alpha.T


@wrong(ATTEND, "causal", "later-keys-left-out", named=True)
def a_causal(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    s = np.where(np.tri(*s.shape, dtype=bool), s, -np.inf).astype(s.dtype)
    return soft(s) @ V, soft(s)


@wrong(ATTEND, "no diagonal", "own-key-left-out", named=True)
def a_diag(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    np.fill_diagonal(s, -np.inf)
    return soft(s) @ V, soft(s)


@wrong(ATTEND, "-1e9 for the diagonal, where M is 1 this changes nothing", "own-key-left-out", named=True)
def a_diag9(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    np.fill_diagonal(s, -1e9)
    return soft(s) @ V, soft(s)


@wrong(ATTEND, "np.zeros for B, loops: float64", "root-is-float64")
def a_loops(Q, K, V):
    N, M = len(Q), len(K)
    alpha, B = np.zeros((N, M)), np.zeros((N, V.shape[1]))
    for i in range(N):
        alpha[i] = soft(K @ Q[i] / math.sqrt(K.shape[1]))
        for j in range(M):
            B[i] += alpha[i, j] * V[j]
    return B, alpha


@wrong(ATTEND, "float64 B only: alpha keeps")
def a_b64(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha @ V.astype(float), alpha


@wrong(ATTEND, "np.sqrt: float64", "root-is-float64", named=True)
def a_sqrt(Q, K, V):
    alpha = soft(Q @ K.T / np.sqrt(K.shape[1]))
    return alpha @ V, alpha


@wrong(ATTEND, "global max", "maximum-of-the-matrix", named=True)
def a_global(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    e = np.exp(s - s.max())
    alpha = e / e.sum(1, keepdims=True)
    return alpha @ V, alpha


@wrong(ATTEND, "no shift", "exponential-overflows", named=True)
def a_no_shift(Q, K, V):
    e = np.exp(Q @ K.T / math.sqrt(K.shape[1]))
    alpha = e / e.sum(1, keepdims=True)
    return alpha @ V, alpha


@wrong(ATTEND, "no shift and nan to num", "exponential-overflows", named=True)
def a_nan_num(Q, K, V):
    e = np.exp(Q @ K.T / math.sqrt(K.shape[1]))
    alpha = np.nan_to_num(e / e.sum(1, keepdims=True))
    return alpha @ V, alpha


@wrong(ATTEND, "clip of scores at 50", "scores-clipped", named=True)
def a_clip(Q, K, V):
    alpha = soft(np.clip(Q @ K.T / math.sqrt(K.shape[1]), -50, 50))
    return alpha @ V, alpha


@wrong(ATTEND, "Q scaled in place", "queries-changed-in-place", named=True)
def a_in_place(Q, K, V):
    Q /= math.sqrt(K.shape[1])
    alpha = soft(Q @ K.T)
    return alpha @ V, alpha


@wrong(ATTEND, "V written into by B where shapes are alike", "values-changed-in-place")
def a_in_place_v(Q, K, V):
    alpha = alpha_of(Q, K)
    B = alpha @ V
    if B.shape == V.shape:
        V[:] = B
    return B, alpha


@wrong(ATTEND, "sums over all entries: the whole matrix sums to one", "softmax-over-the-matrix", named=True)
def a_whole(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    e = np.exp(s - s.max())
    alpha = e / e.sum()
    return alpha @ V, alpha


@wrong(ATTEND, "B of rounded alpha")
def a_rounded(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha.round(3) @ V, alpha


@wrong(ATTEND, "alpha rounded, B not", "rounded-to-few-digits")
def a_alpha_rounded(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha @ V, alpha.round(3)


@wrong(ATTEND, "dropout of 10 % left on")
def a_dropout(Q, K, V):
    alpha = alpha_of(Q, K)
    keep = np.random.rand(*alpha.shape) > .1
    alpha = (alpha * keep / .9).astype(Q.dtype)
    return alpha @ V, alpha


@wrong(ATTEND, "noise 1e-7 in B")
def a_noise(Q, K, V):
    alpha = alpha_of(Q, K)
    B = alpha @ V
    return (B + 1e-7 * np.random.randn(*B.shape)).astype(B.dtype), alpha


@wrong(ATTEND, "noise 1e-3 in alpha")
def a_noise3(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha @ V, (alpha + 1e-3 * np.random.randn(*alpha.shape)).astype(alpha.dtype)


@wrong(ATTEND, "three results", "too-many-results", named=True)
def a_three(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    return soft(s) @ V, soft(s), s


@wrong(ATTEND, "a dict")
def a_dict(Q, K, V):
    alpha = alpha_of(Q, K)
    return {"B": alpha @ V, "alpha": alpha}


@wrong(ATTEND, "one array of B and alpha side by side")
def a_hstack(Q, K, V):
    alpha = alpha_of(Q, K)
    return np.hstack([alpha @ V, alpha])


@wrong(ATTEND, "a generator")
def a_generator(Q, K, V):
    alpha = alpha_of(Q, K)
    yield alpha @ V
    yield alpha


@wrong(ATTEND, "alpha.T @ V", "values-mixed-with-columns", named=True)
def a_alpha_t(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha.T @ V, alpha


@wrong(ATTEND, "alpha * V", "weights-times-values-by-component")
def a_star(Q, K, V):
    alpha = alpha_of(Q, K)
    return alpha * V, alpha


@wrong(ATTEND, "B of another softmax: unscaled B, scaled alpha")
def a_two(Q, K, V):
    return soft(Q @ K.T) @ V, alpha_of(Q, K)


@wrong(ATTEND, "residual: adds Q where shapes fit")
def a_residual(Q, K, V):
    alpha = alpha_of(Q, K)
    B = alpha @ V
    return (B + Q if B.shape == Q.shape else B), alpha


@wrong(ATTEND, "one query squeezed: N = 1 gives one axis less")
def a_squeeze(Q, K, V):
    alpha = alpha_of(Q, K)
    return (alpha @ V).squeeze(), alpha.squeeze()


@wrong(ATTEND, "relu weights normalised")
def a_relu(Q, K, V):
    s = np.maximum(Q @ K.T / math.sqrt(K.shape[1]), 0)
    alpha = s / (s.sum(1, keepdims=True) + 1e-9)
    return alpha @ V, alpha


@wrong(ATTEND, "loop over queries uses len(K): N = M needed")
def a_len(Q, K, V):
    alpha = np.empty((len(K), len(K)), Q.dtype)
    for i in range(len(K)):
        alpha[i] = soft(K @ Q[i] / math.sqrt(K.shape[1]))
    return alpha @ V, alpha


@wrong(ATTEND, "loop stops one early, alpha's last row stays 0")
def a_early(Q, K, V):
    alpha = np.zeros((len(Q), len(K)), Q.dtype)
    for i in range(len(Q) - 1):
        alpha[i] = soft(K @ Q[i] / math.sqrt(K.shape[1]))
    return alpha @ V, alpha


@wrong(ATTEND, "scales V in place by 1.0001", "values-changed-in-place")
def a_out(Q, K, V):
    alpha = alpha_of(Q, K)
    np.multiply(V, 1.0001, out=V)
    return alpha @ V, alpha


@wrong(ATTEND, "temperature 0.5")
def a_temp(Q, K, V):
    alpha = soft(2 * Q @ K.T / math.sqrt(K.shape[1]))
    return alpha @ V, alpha


@wrong(ATTEND, "all weight to the largest score", "all-weight-to-the-largest", named=True)
def a_hard(Q, K, V):
    s = Q @ K.T
    alpha = (s == s.max(1, keepdims=True)).astype(Q.dtype)
    return alpha @ V, alpha


@wrong(ATTEND, "adds 1e-9 to the sum", "epsilon-in-the-denominator", named=True)
def a_eps(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    e = np.exp(s - s.max(axis=1, keepdims=True))
    alpha = e / (e.sum(axis=1, keepdims=True) + 1e-9)
    return alpha @ V, alpha


@wrong(ATTEND, "weights in float32 always, B in the dtype that comes of it")
def a_float32_weights(Q, K, V):
    alpha = alpha_of(Q, K).astype(np.float32)
    return alpha @ V, alpha


# ---------------------------------------------------------------- 6. attend, right

@right(ATTEND)
def ar_plain(Q, K, V):
    alpha = soft(Q @ K.T / math.sqrt(K.shape[1]))
    return alpha @ V, alpha


@right(ATTEND)
def ar_list(Q, K, V):
    alpha = soft((Q * K.shape[1] ** -.5) @ K.T)
    return [np.einsum("nm,md->nd", alpha, V), alpha]


Attended = namedtuple("Attended", "B alpha")


@right(ATTEND)
def ar_named(Q, K, V):
    alpha = soft(Q @ K.T / math.sqrt(K.shape[1]))
    return Attended(B=alpha @ V, alpha=alpha)


@right(ATTEND)
def ar_rows(Q, K, V):
    alpha = np.array([soft(K @ q / math.sqrt(len(q))) for q in Q])
    return np.array([sum(a * v for a, v in zip(row, V)) for row in alpha], V.dtype), alpha


@right(ATTEND)
def ar_late(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    e = np.exp(s - s.max(1, keepdims=True))
    z = e.sum(1, keepdims=True)
    return e @ V / z, e / z


@right(ATTEND)
def ar_turned(Q, K, V):
    s = K @ Q.T / math.sqrt(K.shape[1])
    e = np.exp(s - s.max(0))
    a = e / e.sum(0)
    return (V.T @ a).T, a.T


@right(ATTEND)
def ar_double(Q, K, V):
    q, k, v = (x.astype(np.float64) for x in (Q, K, V))
    a = soft(q @ k.T / np.sqrt(k.shape[1]))
    return (a @ v).astype(Q.dtype), a.astype(Q.dtype)


@right(ATTEND)
def ar_torch(Q, K, V):
    import torch
    q, k, v = (torch.tensor(x, requires_grad=True) for x in (Q, K, V))
    a = torch.softmax(q @ k.T / K.shape[1] ** .5, dim=1)
    return a @ v, a


@right(ATTEND)
def ar_logs(Q, K, V):
    s = Q @ K.T / math.sqrt(K.shape[1])
    a = np.exp(s - np.logaddexp.reduce(s, axis=1, keepdims=True))
    return a @ V, a


@right(ATTEND)
def ar_default(Q, K, V, scale=None, mask=None, *more):
    scale = scale or 1 / math.sqrt(Q.shape[-1])
    a = soft(scale * (Q @ K.T))
    return a @ V, a


@right(ATTEND)
def ar_blocks(Q, K, V):
    rows = [ar_plain(Q[r:r + 2], K, V) for r in range(0, len(Q), 2)]
    B, alpha = map(np.concatenate, zip(*rows))
    return B, alpha


@right(ATTEND)
def ar_map(Q, K, V):
    a = soft(Q @ K.T / math.sqrt(K.shape[1]))
    return tuple(map(np.asarray, (a @ V, a)))


# ---------------------------------------------------------------- 7. relu weights, wrong

@wrong(RELU, "not divided", "not-divided-by-the-length", named=True)
def r_none(scores):
    return np.maximum(scores, 0)


@wrong(RELU, "divided by the rows", "divided-by-the-number-of-rows", named=True)
def r_rows(scores):
    return np.maximum(scores, 0) / scores.shape[0]


@wrong(RELU, "shape[1]", "shape-1-for-the-last-axis", named=True)
def r_one(scores):
    return np.maximum(scores, 0) / scores.shape[1]


@wrong(RELU, "size", "divided-by-the-number-of-scores", named=True)
def r_size(scores):
    return np.maximum(scores, 0) / scores.size


@wrong(RELU, "number of positive scores", "divided-by-the-positive-ones", named=True)
def r_count(scores):
    return np.maximum(scores, 0) / (scores > 0).sum(-1, keepdims=True)


@wrong(RELU, "number of positive scores, at least 1", "divided-by-the-positive-ones", named=True)
def r_count1(scores):
    return np.maximum(scores, 0) / np.maximum((scores > 0).sum(-1, keepdims=True), 1).astype(scores.dtype)


@wrong(RELU, "by the sum of the row", "divided-by-the-row-sum", named=True)
def r_sum(scores):
    w = np.maximum(scores, 0)
    return w / w.sum(-1, keepdims=True)


@wrong(RELU, "by the sum of the row plus 1e-9", "divided-by-the-row-sum", named=True)
def r_sum_eps(scores):
    w = np.maximum(scores, 0)
    return w / (w.sum(-1, keepdims=True) + 1e-9)


@wrong(RELU, "by the root of L", "divided-by-the-root-of-the-length", named=True)
def r_root(scores):
    return np.maximum(scores, 0) / math.sqrt(scores.shape[-1])


@wrong(RELU, "by L squared")
def r_square(scores):
    return np.maximum(scores, 0) / scores.shape[-1] ** 2


@wrong(RELU, "abs", "negative-scores-keep-their-size", named=True)
def r_abs(scores):
    return np.abs(scores) / scores.shape[-1]


@wrong(RELU, "not cut", "negative-scores-not-cut", named=True)
def r_uncut(scores):
    return scores / scores.shape[-1]


@wrong(RELU, "minimum")
def r_min(scores):
    return np.minimum(scores, 0) / scores.shape[-1]


@wrong(RELU, "the mask: 1 / L where positive", "positive-scores-count-as-one", named=True)
def r_mask(scores):
    return (scores > 0).astype(scores.dtype) / scores.shape[-1]


@wrong(RELU, "in place", "scores-changed-in-place", named=True)
def r_in_place(scores):
    scores[scores < 0] = 0
    return scores / scores.shape[-1]


@wrong(RELU, "out=scores", "scores-changed-in-place", named=True)
def r_out(scores):
    np.maximum(scores, 0, out=scores)
    return scores / scores.shape[-1]


@wrong(RELU, "in place where 1-D only", "scores-changed-in-place")
def r_in_place_1d(scores):
    w = scores if scores.ndim == 1 else scores.copy()
    w[w < 0] = 0
    return w / w.shape[-1]


@wrong(RELU, "leaky: 0.01 of the negative ones", "negative-scores-leak", named=True)
def r_leaky(scores):
    return np.where(scores > 0, scores, .01 * scores) / scores.shape[-1]


@wrong(RELU, "clip at 1", "positive-scores-cut-too", named=True)
def r_clip1(scores):
    return np.clip(scores, 0, 1) / scores.shape[-1]


@wrong(RELU, "clip at 6 (relu6)", "positive-scores-cut-too", named=True)
def r_clip6(scores):
    return np.clip(scores, 0, 6) / scores.shape[-1]


@wrong(RELU, "clip at 100", "positive-scores-cut-too")
def r_clip100(scores):
    return np.clip(scores, 0, 100) / scores.shape[-1]


@wrong(RELU, "threshold 1: scores under 1 are cut")
def r_threshold(scores):
    return np.where(scores >= 1, scores, 0) / scores.shape[-1]


@wrong(RELU, "np.int64 L: float64 for float32", "weights-are-float64", named=True)
def r_dtype(scores):
    return np.maximum(scores, 0) / np.array([scores.shape[-1]])


@wrong(RELU, "np.zeros and loops for two axes", "weights-are-float64")
def r_loops(scores):
    w = np.zeros(scores.shape)
    for i, row in enumerate(scores):
        for j, s in enumerate(row):
            if s > 0:
                w[i, j] = s / len(row)
    return w


@wrong(RELU, "if on an array")
def r_if(scores):
    return scores / scores.shape[-1] if scores > 0 else 0


@wrong(RELU, "max() with an array")
def r_max(scores):
    return max(0, scores) / scores.shape[-1]


@wrong(RELU, "squared relu")
def r_squared(scores):
    return np.maximum(scores, 0) ** 2 / scores.shape[-1]


@wrong(RELU, "softplus")
def r_softplus(scores):
    return (np.logaddexp(scores, 0) / scores.shape[-1]).astype(scores.dtype)


@wrong(RELU, "drops the negative ones")
def r_drop(scores):
    return scores[scores > 0] / scores.shape[-1]


@wrong(RELU, "np.where without else: nan")
def r_nan(scores):
    return np.where(scores > 0, scores, np.nan) / scores.shape[-1]


@wrong(RELU, "np.empty, left unfilled where negative")
def r_empty(scores):
    w = np.full_like(scores, 7)
    np.divide(scores, scores.shape[-1], out=w, where=scores > 0)
    return w


@wrong(RELU, "L is 4: the example's")
def r_four(scores):
    return np.maximum(scores, 0) / 4


@wrong(RELU, "len(scores)", "divided-by-the-number-of-rows", named=True)
def r_len(scores):
    return np.maximum(scores, 0) / len(scores)


@wrong(RELU, "shape[-2]", "divided-by-the-number-of-rows", named=True)
def r_minus2(scores):
    return np.maximum(scores, 0) / scores.shape[-2]


@wrong(RELU, "mean over the row")
def r_mean(scores):
    return np.maximum(scores, 0).mean(axis=-1)


@wrong(RELU, "softmax", "softmax-for-relu", named=True)
def r_soft(scores):
    return soft(scores)


@wrong(RELU, "the row's largest taken off")
def r_shift(scores):
    return np.maximum(scores - scores.max(-1, keepdims=True), 0) / scores.shape[-1]


@wrong(RELU, "integer division", "rounded-down", named=True)
def r_int(scores):
    return np.maximum(scores, 0) // scores.shape[-1]


@wrong(RELU, "noise 1e-7")
def r_noise(scores):
    return (np.maximum(scores, 0) / scores.shape[-1] + 1e-7 * np.random.rand(*scores.shape)).astype(scores.dtype)


@wrong(RELU, "noise 1e-3")
def r_noise3(scores):
    return (np.maximum(scores, 0) / scores.shape[-1] + 1e-3 * np.random.rand(*scores.shape)).astype(scores.dtype)


@wrong(RELU, "float16 inside")
def r_half(scores):
    return (np.maximum(scores.astype("float16"), 0) / scores.shape[-1]).astype(scores.dtype)


@wrong(RELU, "L is shape[1], and shape[0] of one row", "shape-1-for-the-last-axis")
def r_3d(scores):
    return np.maximum(scores, 0) / scores.shape[1 if scores.ndim > 1 else 0]


@wrong(RELU, "L - 1", "length-is-off-by-one", named=True)
def r_minus_one(scores):
    return np.maximum(scores, 0) / (scores.shape[-1] - 1)


@wrong(RELU, "times L")
def r_times(scores):
    return np.maximum(scores, 0) * scores.shape[-1]


@wrong(RELU, "exponentials of the positive scores")
def r_exp(scores):
    return np.where(scores > 0, np.exp(scores), 0) / scores.shape[-1]


@wrong(RELU, "a list of lists, no numpy")
def r_list(scores):
    return [[max(float(s), 0) / len(row) for s in row] for row in scores]


@wrong(RELU, "np.matrix for all")
def r_matrix(scores):
    return np.matrix(np.maximum(scores, 0) / scores.shape[-1])


@wrong(RELU, "the sign turned: negative scores kept")
def r_negated(scores):
    return np.maximum(-scores, 0) / scores.shape[-1]


# ---------------------------------------------------------------- 7. relu weights, right

@right(RELU)
def rr_plain(scores):
    return np.maximum(scores, 0) / scores.shape[-1]


@right(RELU)
def rr_where(scores):
    return np.where(scores > 0, scores, 0) / scores.shape[-1]


@right(RELU)
def rr_times(scores):
    return scores * (scores > 0) / scores.shape[-1]


@right(RELU)
def rr_abs(scores):
    return (scores + abs(scores)) / 2 / scores.shape[-1]


@right(RELU)
def rr_clip(scores):
    return scores.clip(0) / scores.shape[-1]


@right(RELU)
def rr_copy(scores):
    w = scores.copy()
    w[w < 0] = 0
    w /= w.shape[-1]
    return w


@right(RELU)
def rr_fraction(scores):
    return np.vectorize(lambda s: s / scores.shape[-1] if s > 0 else 0., otypes=[scores.dtype])(scores)


@right(RELU)
def rr_recursive(scores):
    if scores.ndim > 1:
        return np.stack([rr_recursive(s) for s in scores])
    return np.array([max(s, 0) / len(scores) for s in scores], scores.dtype)


@right(RELU)
def rr_masked(scores):
    return np.ma.masked_less(scores, 0).filled(0) / scores.shape[-1]


@right(RELU)
def rr_neg_zero(scores):
    return -np.minimum(-scores, 0) / scores.shape[-1]


@right(RELU)
def rr_torch(scores):
    import torch
    return torch.relu(torch.tensor(scores)) / scores.shape[-1]


@right(RELU)
def rr_divide(scores):
    return np.divide(scores, scores.shape[-1], where=scores > 0, out=np.zeros_like(scores))
