"""A bank of wrong answers to exercises 1, 2, 3 and 7 of 05_weights, as students write them, each with its label.

Everything here is NumPy, torch and the standard library, so a sandbox without attnlib can run it.
"""

import math
import statistics
from decimal import Decimal

import numpy as np
import torch

from tests.problem_sets.labels import Wrong
from tests.problem_sets.wrong_05_weights_mixtures import MIXTURES
from tests.problem_sets.wrong_05_weights_outsiders import WRONG as OUTSIDERS

# --- right steps that the short answers below lean on


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def exponentials(s):
    """exp(s) with each row's largest score taken off."""
    return np.exp(s - s.max(axis=-1, keepdims=True))


def by_row(e):
    return e / e.sum(axis=-1, keepdims=True)


def relu(s):
    return np.maximum(s, 0)


def relu_weights(s):
    return np.maximum(s, 0) / s.shape[-1]


def qk(Q, K):
    """The products of the pairs, (n,)."""
    return (Q * K).sum(axis=1)


def root(K):
    return K.shape[1] ** 0.5


def both(p, K):
    """The two variances of the numbers p."""
    return np.var(p), np.var(p / root(K))


def right_variances(Q, K):
    return both(qk(Q, K), K)


def rounded(function, digits=3):
    """The right numbers to a few digits."""
    def function_rounded(*args):
        got = function(*args)
        return tuple(part.round(digits) for part in got) if isinstance(got, tuple) else got.round(digits)

    return function_rounded


class OnlyOnce:
    """Right the first time it is called, zeros from then on."""

    def __init__(self, function):
        self.function, self.called = function, False

    def __call__(self, *args):
        self.called, before = True, self.called
        answer = self.function(*args)
        return 0 * np.asarray(answer) if before else answer


# --- 1. softmax_turns_each_row_into_weights: the sum runs over something else


def softmax_axis_0(scores):
    top = scores.max(axis=0, keepdims=True)
    powers = np.exp(scores - top)
    return powers / powers.sum(axis=0, keepdims=True)


def softmax_axis_minus_2(scores):
    powers = np.exp(scores - np.max(scores, axis=-2, keepdims=True))
    return powers / np.sum(powers, axis=-2, keepdims=True)


def softmax_sum_axis_0(scores):
    """The right largest score, then the wrong sum."""
    top = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - top)
    return powers / powers.sum(axis=0, keepdims=True)


def softmax_of_the_transpose(scores):
    s = scores.T
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).T


def softmax_transposed_and_left_so(scores):
    s = np.swapaxes(scores, -1, -2)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_column_by_column(scores):
    weights = np.zeros_like(scores)
    for j in range(scores.shape[1]):
        column = scores[:, j]
        e = np.exp(column - column.max())
        weights[:, j] = e / e.sum()
    return weights


def softmax_along_axis_0(scores):
    def one(x):
        x = np.exp(x - np.max(x))
        return x / np.sum(x)

    return np.apply_along_axis(one, 0, scores)


def softmax_by_einsum_of_columns(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / np.einsum("ij->j", e)


def softmax_with_the_builtin_sum(scores):
    """sum() of an array adds its rows."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / sum(e)


def softmax_in_torch_over_dim_0(scores):
    t = torch.from_numpy(scores)
    e = torch.exp(t - t.max(dim=0, keepdim=True).values)
    return (e / e.sum(dim=0, keepdim=True)).numpy()


def softmax_over_everything(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum()


def softmax_over_everything_in_loops(scores):
    top = scores.max()
    weights = np.empty_like(scores)
    total = 0
    for at in np.ndindex(scores.shape):
        weights[at] = math.exp(scores[at] - top)
        total += weights[at]
    return weights / float(total)


def softmax_with_a_running_total(scores):
    """The total is never set back to 0, so row i is divided by the sums of rows 0 to i."""
    weights = np.empty_like(scores)
    total = 0
    for row in np.ndindex(scores.shape[:-1]):
        e = np.exp(scores[row] - scores[row].max())
        for x in e:
            total += x
        weights[row] = e / total
    return weights


def softmax_axis_1(scores):
    top = scores.max(axis=1, keepdims=True)
    powers = np.exp(scores - top)
    return powers / powers.sum(axis=1, keepdims=True)


def softmax_in_torch_over_dim_1(scores):
    t = torch.from_numpy(scores)
    e = (t - t.amax(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True)


def softmax_sum_axis_1(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def softmax_two_loops(scores):
    n, m = scores.shape
    weights = np.zeros_like(scores)
    for i in range(n):
        top = max(scores[i])
        total = sum(math.exp(scores[i, j] - top) for j in range(m))
        for j in range(m):
            weights[i, j] = math.exp(scores[i, j] - top) / total
    return weights


def softmax_with_none(scores):
    """[:, None] puts the axis back in a matrix only."""
    e = np.exp(scores - scores.max(axis=-1)[:, None])
    return e / e.sum(axis=-1)[:, None]


def softmax_reshaped_sums(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1).reshape(-1, 1)


def softmax_transposed_division(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (e.T / e.sum(axis=-1)).T


def softmax_for_row_in_scores(scores):
    rows = []
    for row in scores:
        e = np.exp(row - row.max())
        rows.append(e / e.sum())
    return np.array(rows)


def softmax_wrong_only_in_a_batch(scores):
    axis = -1 if scores.ndim < 3 else 0
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_batch_queries(scores):
    axis = 1 if scores.ndim == 3 else -1
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# --- 1. the exponential overflows, or is saved by the wrong number


def e_over_sum(scores, axis, **keep):
    e = np.exp(scores)
    return e / np.sum(e, axis, **keep)


def softmax_without_the_shift(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_with_math_exp(scores):
    weights = np.empty_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        e = [math.exp(x) for x in scores[row]]
        weights[row] = [x / sum(e) for x in e]
    return weights


def softmax_with_powers_of_np_e(scores):
    e = np.e**scores
    return e / e.sum(axis=-1, keepdims=True)


def softmax_with_float_power(scores):
    e = np.float_power(np.e, scores)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_in_torch_without_the_shift(scores):
    e = torch.exp(torch.from_numpy(scores))
    return e / e.sum(-1, keepdim=True)


def softmax_in_place_on_a_copy_without_the_shift(scores):
    w = scores.copy()
    np.exp(w, out=w)
    w /= w.sum(axis=-1, keepdims=True)
    return w


def softmax_shifts_too_late(scores):
    """The largest is taken off the exponentials' logarithm, after they have overflowed."""
    e = np.exp(scores)
    e = np.exp(np.log(e) - np.log(e.max(axis=-1, keepdims=True)))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_forgets_the_shifted(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)  # noqa: F841
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_shifts_above_1000_only(scores):
    """The shift comes only where scores exceed 1000; those between 710 and 1000 overflow."""
    if scores.max() > 1000:
        scores = scores - scores.max(axis=-1, keepdims=True)
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


def clipped(s):
    """No overflow, but no right weights either."""
    e = np.exp(np.clip(s, -500, 500))
    return e / e.sum(axis=-1, keepdims=True)


def clipped_at(low, high):
    def softmax_clipped(scores):
        e = np.exp(np.clip(scores, low, high))
        return e / e.sum(axis=-1, keepdims=True)

    return softmax_clipped


def softmax_clipped_after_the_exponential(scores):
    """The infinite exponentials are cut to the largest float; then their sum is infinite."""
    e = np.minimum(np.exp(scores), np.finfo(scores.dtype).max)
    return e / e.sum(axis=-1, keepdims=True)


def mean_off(s):
    """The mean instead of the largest: the numbers are right until a row is wide."""
    e = np.exp(s - s.mean(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def least_off(s):
    e = np.exp(s - s.min(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def median_off(s):
    e = np.exp(s - np.median(s, axis=-1, keepdims=True).astype(s.dtype))
    return e / e.sum(axis=-1, keepdims=True)


def first_off(s):
    """The first score of each row instead of the largest."""
    e = np.exp(s - s[..., :1])
    return e / e.sum(axis=-1, keepdims=True)


def column_maximum_off(s):
    e = np.exp(s - s.max(axis=0, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def column_least_off(s):
    e = np.exp(s - s.min(axis=0))
    return e / e.sum(axis=-1, keepdims=True)


def whole_maximum_off(s):
    e = np.exp(s - np.max(s))
    return e / np.sum(e, axis=-1, keepdims=True)


def whole_maximum_off_in_torch(scores):
    t = torch.from_numpy(scores)
    e = torch.exp(t - t.max())
    return e / e.sum(dim=-1, keepdim=True)


def whole_maximum_off_in_loops(scores):
    biggest = scores.flatten()[0]
    for x in scores.flatten():
        if x > biggest:
            biggest = x
    weights = np.zeros_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        e = np.exp(scores[row] - biggest)
        weights[row] = e / e.sum()
    return weights


def whole_maximum_off_by_math(scores):
    top = float(scores.max())
    weights = np.zeros_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        e = [math.exp(x - top) for x in scores[row]]
        weights[row] = [x / sum(e) for x in e]
    return weights


def shifted_above_the_line_only(scores):
    top = scores.max(axis=-1, keepdims=True)
    return np.exp(scores - top) / np.exp(scores).sum(axis=-1, keepdims=True)


def shifted_below_the_line_only(scores):
    top = scores.max(axis=-1, keepdims=True)
    return np.exp(scores) / np.exp(scores - top).sum(axis=-1, keepdims=True)


def nan_to_zero(s):
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True))


def nan_to_one(s):
    """inf / inf is where the largest score was, so 1 is put there."""
    with np.errstate(all="ignore"):
        w = np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True)
    return np.where(np.isnan(w), 1, w)


def zero_over_zero_to_zero(s):
    with np.errstate(all="ignore"):
        e = np.exp(s - s.max())
        return np.nan_to_num(e / e.sum(axis=-1, keepdims=True))


def with_epsilon(s):
    """A row that underflows becomes zeros instead of weights."""
    e = np.exp(s)
    return e / (e.sum(axis=-1, keepdims=True) + 1e-9)


def with_epsilon_of(epsilon, shift=True):
    def softmax_with_epsilon(scores):
        e = np.exp(scores - scores.max(axis=-1, keepdims=True)) if shift else np.exp(scores)
        return e / (e.sum(axis=-1, keepdims=True) + epsilon)

    return softmax_with_epsilon


def epsilon_and_whole_maximum(scores):
    e = np.exp(scores - scores.max())
    return e / (e.sum(axis=-1, keepdims=True) + 1e-8)


def epsilon_in_torch(scores):
    t = torch.tensor(scores)
    e = (t - t.amax(-1, keepdim=True)).exp()
    return (e / (e.sum(-1, keepdim=True) + 1e-6)).numpy()


def at_least_epsilon(scores):
    """np.maximum(total, 1e-12) instead of the shift."""
    e = np.exp(scores)
    return e / np.maximum(e.sum(axis=-1, keepdims=True), 1e-12)


# --- 1. an axis is lost


def maxima_without_keepdims(scores):
    powers = np.exp(scores - scores.max(axis=-1))
    return powers / powers.sum(axis=-1, keepdims=True)


def sums_without_keepdims(scores):
    top = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - top)
    return powers / powers.sum(axis=-1)


def neither_with_keepdims(scores):
    powers = np.exp(scores - scores.max(axis=-1))
    return powers / powers.sum(axis=-1)


def sums_without_keepdims_in_torch(scores):
    t = torch.from_numpy(scores)
    e = torch.exp(t - t.max(-1, keepdim=True)[0])
    return e / e.sum(-1)


# --- 1. other functions than the softmax


def absolute(s):
    e = abs(s)
    return e / e.sum(axis=-1, keepdims=True)


def one_plus(s):
    """The exponential of s, to second order."""
    e = 1 + s + s**2 / 2
    return e / e.sum(axis=-1, keepdims=True)


def e_is_2718(s):
    e = 2.718 ** (s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def powers_of_ten(s):
    e = 10 ** (s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def powers_of_two_by_exp2(s):
    e = np.exp2(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(s):
    shifted = s - s.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_softmax_without_the_shift(s):
    return s - np.log(np.exp(s).sum(axis=-1, keepdims=True))


def softmin(s):
    e = np.exp(-(s - s.min(axis=-1, keepdims=True)))
    return e / e.sum(axis=-1, keepdims=True)


def largest_minus_score(s):
    """top - scores where scores - top is meant."""
    e = np.exp(s.max(axis=-1, keepdims=True) - s)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_twice_by_a_loop(s):
    for _ in range(2):
        s = np.exp(s - s.max(axis=-1, keepdims=True))
        s = s / s.sum(axis=-1, keepdims=True)
    return s


def sigmoid_without_overflow(s):
    return (1 + np.tanh(s / 2)) / 2


def sigmoids_over_their_sum(s):
    e = 1 / (1 + np.exp(-s))
    return e / e.sum(axis=-1, keepdims=True)


def one_hot_by_argmax(s):
    w = np.zeros_like(s)
    np.put_along_axis(w, s.argmax(axis=-1)[..., None], 1, axis=-1)
    return w


def softmax_with_a_dropped_tail(s):
    w = softmax(s)
    w = np.where(w < 0.05, 0, w)
    return w / w.sum(axis=-1, keepdims=True)


def softmax_plus_one(s):
    """One more score of 0 in each row, which takes its share."""
    top = np.maximum(s.max(axis=-1, keepdims=True), 0)
    e = np.exp(s - top)
    return e / (e.sum(axis=-1, keepdims=True) + np.exp(-top))


def first_row_only(scores):
    """return stands inside the loop."""
    for row in scores.reshape(-1, scores.shape[-1]):
        e = np.exp(row - row.max())
        return e / e.sum()


def exponent_of_the_sum(s):
    return np.exp(s) / np.exp(s.sum(axis=-1, keepdims=True))


def scores_below_the_line(s):
    return exponentials(s) / s.sum(axis=-1, keepdims=True)


def divided_by_their_largest(s):
    e = exponentials(s)
    return e / e.max(axis=-1, keepdims=True)


def divided_by_how_many(s):
    return exponentials(s) / s.shape[-1]


def divided_by_their_mean(s):
    e = exponentials(s)
    return e / e.mean(axis=-1, keepdims=True)


def divided_by_their_length(s):
    e = exponentials(s)
    return e / np.sqrt((e**2).sum(axis=-1, keepdims=True))


def divided_by_the_other_exponentials(s):
    e = exponentials(s)
    rest = e.sum(axis=-1, keepdims=True) - e
    return e / np.where(rest == 0, 1, rest)


def cumulative(s):
    e = exponentials(s)
    return e / np.cumsum(e, axis=-1)


def noisy(s):
    return softmax(s + 1e-3 * np.random.default_rng(0).normal(size=s.shape).astype(s.dtype))


# --- 1. right numbers in another dtype, another container, or somebody else's array


def softmax_into_zeros(scores):
    weights = np.zeros(scores.shape)
    for row in np.ndindex(scores.shape[:-1]):
        e = np.exp(scores[row] - scores[row].max())
        weights[row] = e / e.sum()
    return weights


def softmax_astype_float(scores):
    scores = scores.astype(float)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_of_np_array_float(scores):
    s = np.array(scores, dtype=float)
    s -= s.max(axis=-1, keepdims=True)
    np.exp(s, out=s)
    s /= s.sum(axis=-1, keepdims=True)
    return s


def softmax_by_vectorized_math(scores):
    exp = np.vectorize(math.exp)
    e = exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_summed_in_float64(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True, dtype=np.float64)


def softmax_times_ones(scores):
    ones = np.ones(scores.shape[-1])
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / (e @ ones)[..., None]


def softmax_in_a_float64_buffer_for_single_rows(scores):
    if scores.ndim == 1:
        e = [math.exp(x - max(scores)) for x in scores]
        return np.array([x / sum(e) for x in e])
    return softmax(scores)


def softmax_in_torch_double(scores):
    t = torch.tensor(scores, dtype=torch.float64)
    e = torch.exp(t - t.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


def softmax_in_float32(scores):
    scores = scores.astype(np.float32)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_in_torch_float(scores):
    t = torch.Tensor(scores)
    e = torch.exp(t - t.amax(-1, keepdim=True))
    return (e / e.sum(-1, keepdim=True)).numpy()


def softmax_into_a_float32_buffer(scores):
    weights = np.empty(scores.shape, np.float32)
    weights[...] = softmax(scores)
    return weights


def softmax_in_float32_and_back(scores):
    s = scores.astype(np.float32)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).astype(scores.dtype)


def softmax_in_float16_and_back(scores):
    s = scores.astype(np.float16)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).astype(scores.dtype)


def softmax_in_place(scores):
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def softmax_shifts_in_place(scores):
    scores -= np.max(scores, axis=-1, keepdims=True)
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_on_an_alias(scores):
    s = scores
    s -= s.max(axis=-1, keepdims=True)
    e = np.exp(s)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_on_asarray(scores):
    s = np.asarray(scores)
    np.subtract(s, s.max(axis=-1, keepdims=True), out=s)
    e = np.exp(s)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_shifts_rows_that_are_views(scores):
    weights = np.empty_like(scores)
    for at in np.ndindex(scores.shape[:-1]):
        row = scores[at]
        row -= row.max()
        e = np.exp(row)
        weights[at] = e / e.sum()
    return weights


def softmax_in_torch_in_place(scores):
    t = torch.from_numpy(scores)
    t.sub_(t.amax(-1, keepdim=True).clone()).exp_()
    return t / t.sum(-1, keepdim=True)


def softmax_in_place_for_single_rows(scores):
    if scores.ndim == 1:
        scores -= scores.max()
    s = scores - scores.max(axis=-1, keepdims=True)
    return np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True)


def softmax_in_place_when_large(scores):
    if abs(scores).max() > 700:
        scores -= scores.max(axis=-1, keepdims=True)
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_in_place_for_float32(scores):
    s = scores.astype(np.float32, copy=False) if scores.dtype == np.float32 else scores.copy()
    s -= s.max(axis=-1, keepdims=True)
    e = np.exp(s)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_flattens_first(scores):
    """reshape gives a view, so -= reaches the caller."""
    rows = scores.reshape(-1, scores.shape[-1])
    rows -= rows.max(axis=1, keepdims=True)
    e = np.exp(rows)
    return (e / e.sum(axis=1, keepdims=True)).reshape(scores.shape)


def softmax_sorts_the_caller(scores):
    """The largest comes from a sort in place, so the weights are sorted too."""
    scores.sort(axis=-1)
    e = np.exp(scores - scores[..., -1:])
    return e / e.sum(axis=-1, keepdims=True)


KNOWN = {}


def softmax_kept_by_shape(scores):
    if scores.shape not in KNOWN:
        KNOWN[scores.shape] = softmax(scores)
    return KNOWN[scores.shape]


TOPS = {}


def softmax_with_old_maxima(scores):
    """The largest scores are remembered by shape: the shift is that of the first scores of this shape."""
    top = TOPS.setdefault(scores.shape, scores.max(axis=-1, keepdims=True))
    e = np.exp(scores - top)
    return e / e.sum(axis=-1, keepdims=True)


BUFFERS = {}


def softmax_into_one_buffer(scores):
    """Right, until the next call with this shape writes over it."""
    out = BUFFERS.setdefault((scores.shape, scores.dtype), np.empty_like(scores))
    np.exp(scores - scores.max(axis=-1, keepdims=True), out=out)
    out /= out.sum(axis=-1, keepdims=True)
    return out


def softmax_as_rows(scores):
    rows = scores.reshape(-1, scores.shape[-1])
    return [softmax(row) for row in rows]


def softmax_as_a_generator(scores):
    for row in scores:
        yield softmax(row)


def softmax_as_a_matrix(scores):
    return np.matrix(softmax(scores))


def softmax_masked(scores):
    w = softmax(scores)
    return np.ma.masked_array(w, w < w.mean())


def softmax_ragged(scores):
    rows = scores.reshape(-1, scores.shape[-1])
    return [[float(w) for w in softmax(row) if w > 0.02] for row in rows]


def softmax_as_a_dict(scores):
    return {i: softmax(row) for i, row in enumerate(scores)}


def softmax_none_for_a_batch(scores):
    if scores.ndim <= 2:
        return softmax(scores)


def softmax_printed(scores):
    print(softmax(scores).shape)


def softmax_without_return(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    e / e.sum(axis=-1, keepdims=True)


def nan_in_the_last_entry(scores):
    w = softmax(scores)
    w.flat[-1] = np.nan
    return w


def nan_where_smallest(scores):
    w = softmax(scores)
    return np.where(w == w.min(), np.nan, w).astype(scores.dtype)


def nan_where_one(scores):
    """w log w / log w: 0/0 where the weight is 1 or 0."""
    w = softmax(scores)
    with np.errstate(all="ignore"):
        return w * np.log(w) / np.log(w)


def softmax_keepdim(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdim=True))
    return e / e.sum(axis=-1, keepdim=True)


def softmax_dim(scores):
    e = np.exp(scores)
    return e / np.sum(e, dim=-1)


def softmax_typo(scores):
    e = np.exp(score - score.max(axis=-1, keepdims=True))  # noqa: F821
    return e / e.sum(axis=-1, keepdims=True)


def softmax_as_a_method(scores):
    e = (scores - scores.max(axis=-1, keepdims=True)).exp()
    return e / e.sum(axis=-1, keepdims=True)


def softmax_with_math_on_the_array(scores):
    e = math.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_of_two_arguments(scores, axis):
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_by_matmul_of_sums(scores):
    e = exponentials(scores)
    return e @ (1 / e.sum(axis=-1, keepdims=True))


SOFTMAX = (
    # the old bank
    Wrong("clips the scores at ±500 instead of the shift", clipped, ("scores-clipped",)),
    Wrong("adds 1e-9 to the sums, no shift", with_epsilon, ("exponential-overflows", "epsilon-in-the-denominator")),
    Wrong("takes the row's mean off", mean_off, ("exponential-overflows",), named=True),
    Wrong("takes the row's least score off", least_off, ("exponential-overflows",), named=True),
    Wrong("takes each column's largest score off", column_maximum_off, ("maximum-of-each-column",)),
    Wrong("absolute scores over their sum", absolute),
    Wrong("second-order polynomial for the exponential", one_plus),
    Wrong("no shift, NaN turned into 0", nan_to_zero, ("exponential-overflows",)),
    Wrong("rounds the weights to 3 digits", rounded(softmax), ("rounded-to-few-digits",)),
    Wrong("right once, zeros from then on", OnlyOnce(softmax)),
    Wrong("halves the scores first", lambda s: softmax(s / 2), ("scores-scaled-first",)),
    Wrong("returns the weights transposed", lambda s: softmax(s).T),
    Wrong("returns each row backwards", lambda s: softmax(s[..., ::-1])),
    Wrong("returns the first row alone, as a matrix", lambda s: softmax(s)[:1]),
    Wrong("returns nested lists", lambda s: softmax(s).tolist(), ("list-for-an-array",)),
    Wrong("computes and returns float16", lambda s: softmax(s.astype(np.float16))),
    Wrong("adds 1e-4 to every weight", lambda s: softmax(s) + 1e-4),
    Wrong("sorts each row's weights", lambda s: np.sort(softmax(s))),
    Wrong("gives every key the same weight", lambda s: np.full_like(s, 1 / s.shape[-1])),
    Wrong("takes absolute scores first", lambda s: softmax(abs(s))),
    Wrong("returns complex numbers", lambda s: softmax(s).astype(complex)),
    Wrong("rounds the scores first", lambda s: softmax(np.round(s))),
    Wrong("flattens all but the first axis", lambda s: softmax(s.reshape(len(s), -1))),
    Wrong("sums over axis 0, no shift", lambda s: e_over_sum(s, 0),
          ("softmax-over-queries", "exponential-overflows"), named=True),
    Wrong("sums over the whole matrix, no shift", lambda s: np.exp(s) / np.exp(s).sum(),
          ("softmax-over-the-matrix", "exponential-overflows"), named=True),
    Wrong("no shift", lambda s: e_over_sum(s, -1, keepdims=True), ("exponential-overflows",), named=True),
    Wrong("float64, no shift", lambda s: e_over_sum(s.astype(float), -1, keepdims=True),
          ("exponential-overflows", "weights-are-float64"), named=True),
    Wrong("one-hot rows of np.eye at the argmax", lambda s: np.eye(s.shape[-1])[s.argmax(-1)],
          ("all-weight-to-the-largest", "weights-are-float64"), named=True),
    Wrong("powers of 2, no shift", lambda s: 2**s / (2**s).sum(-1, keepdims=True),
          ("powers-of-two", "exponential-overflows"), named=True),
    Wrong("logarithm of the softmax", lambda s: np.log(softmax(s)), ("logarithms-of-the-weights",), named=True),
    Wrong("axis=1, no shift", lambda s: e_over_sum(s, 1, keepdims=True),
          ("axis-1-for-the-last", "exponential-overflows", "softmax-over-queries"), named=True),
    Wrong("sums without keepdims, no shift", lambda s: e_over_sum(s, -1),
          ("sums-have-lost-an-axis", "exponential-overflows"), named=True),
    Wrong("the bare exponential", lambda s: np.exp(s), ("not-divided-by-the-sum", "exponential-overflows"),
          named=True),
    # over the wrong axis
    Wrong("sums over the queries, axis 0", softmax_axis_0, ("softmax-over-queries",), named=True),
    Wrong("sums over the queries, axis -2", softmax_axis_minus_2, ("softmax-over-queries",), named=True),
    Wrong("shifts rows rightly, sums over axis 0", softmax_sum_axis_0, ("softmax-over-queries",), named=True),
    Wrong("softmax of the transpose, transposed back", softmax_of_the_transpose, ("softmax-over-queries",),
          named=True),
    Wrong("softmax of the transpose, not transposed back", softmax_transposed_and_left_so,
          ("softmax-over-queries",)),
    Wrong("loops over the columns of a matrix", softmax_column_by_column,
          ("softmax-over-queries", "written-for-a-matrix"), named=True),
    Wrong("np.apply_along_axis over axis 0", softmax_along_axis_0, ("softmax-over-queries",), named=True),
    Wrong("einsum ij->j sums the columns of a matrix", softmax_by_einsum_of_columns,
          ("softmax-over-queries", "written-for-a-matrix"), named=True),
    Wrong("the builtin sum adds the rows", softmax_with_the_builtin_sum, ("softmax-over-queries",), named=True),
    Wrong("torch, dim 0", softmax_in_torch_over_dim_0, ("softmax-over-queries",), named=True),
    Wrong("sums over the whole array, rows shifted", softmax_over_everything, ("softmax-over-the-matrix",),
          named=True),
    Wrong("loops with one total for the whole array", softmax_over_everything_in_loops,
          ("softmax-over-the-matrix",), named=True),
    Wrong("the total runs on from row to row", softmax_with_a_running_total),
    Wrong("axis=1", softmax_axis_1, ("axis-1-for-the-last", "softmax-over-queries"), named=True),
    Wrong("torch, dim 1", softmax_in_torch_over_dim_1, ("axis-1-for-the-last", "softmax-over-queries")),
    Wrong("axis=1 in the sum alone", softmax_sum_axis_1, ("axis-1-for-the-last", "softmax-over-queries")),
    Wrong("two loops, a matrix only", softmax_two_loops, ("written-for-a-matrix",)),
    Wrong("[:, None] puts the axis back, a matrix only", softmax_with_none, ("written-for-a-matrix",)),
    Wrong("reshape(-1, 1) puts the axis back, a matrix only", softmax_reshaped_sums, ("written-for-a-matrix",)),
    Wrong("divides the transpose and transposes back, not in a batch", softmax_transposed_division,
          ("written-for-a-matrix", "sums-have-lost-an-axis")),
    Wrong("for row in scores: a whole matrix at a time in a batch", softmax_for_row_in_scores,
          ("written-for-a-matrix",)),
    Wrong("sums over the batch in a batch", softmax_wrong_only_in_a_batch),
    Wrong("sums over the queries in a batch alone", softmax_batch_queries,
          ("softmax-over-queries", "axis-1-for-the-last")),
    # overflow
    Wrong("no shift", softmax_without_the_shift, ("exponential-overflows",), named=True),
    Wrong("math.exp without the shift raises OverflowError", softmax_with_math_exp, ("exponential-overflows",),
          named=True),
    Wrong("np.e ** scores without the shift", softmax_with_powers_of_np_e, ("exponential-overflows",), named=True),
    Wrong("np.float_power without the shift, which is float64", softmax_with_float_power,
          ("exponential-overflows", "weights-are-float64"), named=True),
    Wrong("torch.exp without the shift", softmax_in_torch_without_the_shift, ("exponential-overflows",), named=True),
    Wrong("no shift, in place on a copy", softmax_in_place_on_a_copy_without_the_shift, ("exponential-overflows",),
          named=True),
    Wrong("shifts the logarithms of exponentials that are already infinite", softmax_shifts_too_late,
          ("exponential-overflows",)),
    Wrong("computes the shifted scores and does not use them", softmax_forgets_the_shifted,
          ("exponential-overflows",), named=True),
    Wrong("shifts only when a score is above 1000", softmax_shifts_above_1000_only, ("exponential-overflows",)),
    Wrong("clips the scores at ±50", clipped_at(-50, 50), ("scores-clipped",)),
    Wrong("clips the scores to 0..6", clipped_at(0, 6), ("scores-clipped",)),
    Wrong("clips the scores at 700 above", clipped_at(None, 700), ("scores-clipped",)),
    Wrong("cuts infinite exponentials to the largest float", softmax_clipped_after_the_exponential,
          ("exponential-overflows",)),
    Wrong("takes the row's median off", median_off, ("exponential-overflows",), named=True),
    Wrong("takes the row's first score off", first_off, ("exponential-overflows",), named=True),
    Wrong("takes each column's least score off", column_least_off, ("exponential-overflows",)),
    Wrong("takes the whole array's largest score off", whole_maximum_off, ("maximum-of-the-matrix",), named=True),
    Wrong("torch, the whole array's largest score", whole_maximum_off_in_torch, ("maximum-of-the-matrix",),
          named=True),
    Wrong("loops, the whole array's largest score", whole_maximum_off_in_loops, ("maximum-of-the-matrix",),
          named=True),
    Wrong("math.exp, the whole array's largest score: ZeroDivisionError", whole_maximum_off_by_math,
          ("maximum-of-the-matrix",)),
    Wrong("shifts above the line only", shifted_above_the_line_only,
          ("shift-on-one-side-only", "exponential-overflows")),
    Wrong("shifts below the line only", shifted_below_the_line_only,
          ("shift-on-one-side-only", "exponential-overflows")),
    Wrong("no shift, NaN turned into 1", nan_to_one, ("exponential-overflows",)),
    Wrong("the whole array's largest score off, NaN turned into 0", zero_over_zero_to_zero,
          ("maximum-of-the-matrix",)),
    Wrong("adds 1e-6 to the sums", with_epsilon_of(1e-6), ("epsilon-in-the-denominator",), named=True),
    Wrong("adds 1e-7 to the sums", with_epsilon_of(1e-7), ("epsilon-in-the-denominator",), named=True),
    Wrong("adds 1e-8 to the sums", with_epsilon_of(1e-8), ("epsilon-in-the-denominator",), named=True),
    Wrong("adds 1e-6 to the sums, no shift", with_epsilon_of(1e-6, shift=False),
          ("exponential-overflows", "epsilon-in-the-denominator"), named=True),
    Wrong("adds 1e-8 to the sums, no shift", with_epsilon_of(1e-8, shift=False),
          ("exponential-overflows", "epsilon-in-the-denominator"), named=True),
    Wrong("adds 1e-12 to the sums, no shift", with_epsilon_of(1e-12, shift=False),
          ("exponential-overflows", "epsilon-in-the-denominator"), named=True),
    Wrong("the whole array's largest score off, 1e-8 added to the sums", epsilon_and_whole_maximum,
          ("epsilon-in-the-denominator",)),
    Wrong("torch, adds 1e-6 to the sums", epsilon_in_torch, ("epsilon-in-the-denominator",), named=True),
    Wrong("no shift, sums of at least 1e-12", at_least_epsilon, ("exponential-overflows",), named=True),
    # lost axes
    Wrong("maxima without keepdims", maxima_without_keepdims, ("maxima-have-lost-an-axis",)),
    Wrong("sums without keepdims", sums_without_keepdims, ("sums-have-lost-an-axis",), named=True),
    Wrong("neither maxima nor sums with keepdims", neither_with_keepdims,
          ("maxima-have-lost-an-axis", "sums-have-lost-an-axis")),
    Wrong("torch sums without keepdim", sums_without_keepdims_in_torch, ("sums-have-lost-an-axis",)),
    # other functions
    Wrong("2.718 for e", e_is_2718),
    Wrong("powers of 10", powers_of_ten),
    Wrong("powers of 2 by np.exp2", powers_of_two_by_exp2, ("powers-of-two",), named=True),
    Wrong("log-softmax", log_softmax, ("logarithms-of-the-weights",), named=True),
    Wrong("log-softmax without the shift", log_softmax_without_the_shift,
          ("logarithms-of-the-weights", "exponential-overflows"), named=True),
    Wrong("exponent of -s", softmin, ("exponent-has-the-wrong-sign",), named=True),
    Wrong("largest minus score in the exponent", largest_minus_score,
          ("exponent-has-the-wrong-sign", "exponential-overflows"), named=True),
    Wrong("softmax twice, by a loop", softmax_twice_by_a_loop, ("softmax-twice",), named=True),
    Wrong("softmax of softmax", lambda s: softmax(softmax(s)), ("softmax-twice",), named=True),
    Wrong("sigmoid of each score", lambda s: 1 / (1 + np.exp(-s)), ("sigmoid-of-each-score",), named=True),
    Wrong("sigmoid of each score, by tanh", sigmoid_without_overflow, ("sigmoid-of-each-score",), named=True),
    Wrong("sigmoids over their sum", sigmoids_over_their_sum),
    Wrong("one-hot rows at the argmax", one_hot_by_argmax, ("all-weight-to-the-largest",), named=True),
    Wrong("the largest compared with the scores, as booleans", lambda s: s == s.max(axis=-1, keepdims=True),
          ("all-weight-to-the-largest",)),
    Wrong("scores over their sum", lambda s: s / np.sum(s, axis=-1, keepdims=True), ("no-exponential",), named=True),
    Wrong("shifted scores over their sum", lambda s: by_row(s - s.min(axis=-1, keepdims=True) + 1e-3)),
    Wrong("relu scores over their sum", lambda s: by_row(np.maximum(s, 1e-6))),
    Wrong("squares the scores first", lambda s: softmax(s**2)),
    Wrong("squared scores over their sum", lambda s: by_row(s**2)),
    Wrong("divides the scores by the root of their number first", lambda s: softmax(s / s.shape[-1] ** 0.5),
          ("scores-scaled-first",)),
    Wrong("divides the scores by their largest first", lambda s: softmax(s / s.max(axis=-1, keepdims=True)),
          ("scores-scaled-first",)),
    Wrong("divides the scores by their deviation first", lambda s: softmax(s / (s.std() + 1)),
          ("scores-scaled-first",)),
    Wrong("each row over its norm", lambda s: s / np.linalg.norm(s, axis=-1, keepdims=True)),
    Wrong("drops weights below 0.05 and divides again", softmax_with_a_dropped_tail),
    Wrong("one more score of 0 takes its share", softmax_plus_one),
    Wrong("returns the first row alone: return inside the loop", first_row_only),
    Wrong("divides by the exponential of the sum", exponent_of_the_sum,
          ("not-divided-by-the-sum", "exponential-overflows")),
    Wrong("divides the exponentials by the sum of the scores", scores_below_the_line, ("not-divided-by-the-sum",)),
    Wrong("divides the exponentials by their largest", divided_by_their_largest, ("not-divided-by-the-sum",)),
    Wrong("divides the exponentials by how many there are", divided_by_how_many, ("not-divided-by-the-sum",)),
    Wrong("divides the exponentials by their mean", divided_by_their_mean, ("not-divided-by-the-sum",)),
    Wrong("divides the exponentials by their norm", divided_by_their_length, ("not-divided-by-the-sum",)),
    Wrong("divides the exponentials by the sum of the others", divided_by_the_other_exponentials,
          ("not-divided-by-the-sum",)),
    Wrong("divides the exponentials by a running sum", cumulative),
    Wrong("the shifted exponentials, not divided", exponentials, ("not-divided-by-the-sum",), named=True),
    Wrong("adds noise of 0.001 to the scores", noisy),
    # dtypes
    Wrong("float64 by an np.zeros buffer", softmax_into_zeros, ("weights-are-float64",), named=True),
    Wrong("float64 by astype(float)", softmax_astype_float, ("weights-are-float64",), named=True),
    Wrong("float64 by np.array(scores, dtype=float)", softmax_of_np_array_float, ("weights-are-float64",), named=True),
    Wrong("float64 by np.vectorize(math.exp)", softmax_by_vectorized_math, ("weights-are-float64",), named=True),
    Wrong("float64 sums", softmax_summed_in_float64, ("weights-are-float64",), named=True),
    Wrong("float64 by a product with np.ones", softmax_times_ones, ("weights-are-float64",), named=True),
    Wrong("float64 for a single row of float32", softmax_in_a_float64_buffer_for_single_rows,
          ("weights-are-float64",)),
    Wrong("float64 by torch", softmax_in_torch_double, ("weights-are-float64",), named=True),
    Wrong("float32 throughout", softmax_in_float32, ("rounded-to-float32",), named=True),
    Wrong("float32 by torch.Tensor", softmax_in_torch_float, ("rounded-to-float32",), named=True),
    Wrong("float32 by its buffer", softmax_into_a_float32_buffer, ("rounded-to-float32",), named=True),
    Wrong("float32 inside, cast back to float64", softmax_in_float32_and_back, ("computed-in-float32",)),
    Wrong("float16 inside, cast back", softmax_in_float16_and_back),
    Wrong("rounds the weights to 4 digits", lambda s: np.around(softmax(s), 4), ("rounded-to-few-digits",)),
    Wrong("casts the weights to int", lambda s: softmax(s).astype(int)),
    # in place
    Wrong("everything in place", softmax_in_place, ("scores-changed-in-place",), named=True),
    Wrong("-= the largest, in place", softmax_shifts_in_place, ("scores-changed-in-place",), named=True),
    Wrong("in place under another name", softmax_on_an_alias, ("scores-changed-in-place",), named=True),
    Wrong("np.asarray copies nothing, then out=", softmax_on_asarray, ("scores-changed-in-place",), named=True),
    Wrong("-= on rows that are views", softmax_shifts_rows_that_are_views, ("scores-changed-in-place",), named=True),
    Wrong("torch shares memory, then sub_ and exp_", softmax_in_torch_in_place, ("scores-changed-in-place",),
          named=True),
    Wrong("in place for a single row", softmax_in_place_for_single_rows, ("scores-changed-in-place",)),
    Wrong("in place for large scores", softmax_in_place_when_large, ("scores-changed-in-place",)),
    Wrong("in place for float32", softmax_in_place_for_float32, ("scores-changed-in-place",)),
    Wrong("-= on a reshaped view", softmax_flattens_first, ("scores-changed-in-place",)),
    Wrong("sorts the caller's scores, and so the weights", softmax_sorts_the_caller, ("scores-changed-in-place",)),
    # memory
    Wrong("weights remembered by the shape of the scores", softmax_kept_by_shape),
    Wrong("largest scores remembered by the shape of the scores", softmax_with_old_maxima,
          ("exponential-overflows",)),
    Wrong("one output buffer for each shape, written over by the next call", softmax_into_one_buffer),
    # containers
    Wrong("a list of rows", softmax_as_rows, ("list-for-an-array",)),
    Wrong("a tuple of one", lambda s: (softmax(s),)),
    Wrong("weights and sums, two results", lambda s: (softmax(s), exponentials(s).sum(axis=-1))),
    Wrong("a generator of rows", softmax_as_a_generator),
    Wrong("np.matrix, which has two axes always", softmax_as_a_matrix),
    Wrong("a masked array that hides the weights below the mean", softmax_masked),
    Wrong("an object array", lambda s: softmax(s).astype(object)),
    Wrong("ragged lists without the small weights", softmax_ragged, ("list-for-an-array",)),
    Wrong("a dict of rows", softmax_as_a_dict),
    Wrong("None for a batch", softmax_none_for_a_batch),
    Wrong("prints and returns nothing", softmax_printed),
    Wrong("forgets to return", softmax_without_return),
    Wrong("the weights as text", lambda s: str(softmax(s))),
    Wrong("one axis more", lambda s: softmax(s)[None]),
    Wrong("flattened", lambda s: softmax(s).ravel()),
    Wrong("the largest weight of each row alone", lambda s: softmax(s).max(axis=-1)),
    Wrong("NaN in the last entry", nan_in_the_last_entry),
    Wrong("NaN at the smallest weight", nan_where_smallest),
    Wrong("NaN where a weight is 1 or 0", nan_where_one),
    # exceptions
    Wrong("keepdim for keepdims: TypeError", softmax_keepdim),
    Wrong("dim for axis: TypeError", softmax_dim, ("exponential-overflows",)),
    Wrong("a misspelt name: NameError", softmax_typo),
    Wrong("array.exp(): AttributeError", softmax_as_a_method),
    Wrong("math.exp of an array: TypeError", softmax_with_math_on_the_array),
    Wrong("asks for a second argument: TypeError", softmax_of_two_arguments),
    Wrong("@ where / is meant: the shapes do not fit", softmax_by_matmul_of_sums),
)

# --- 2. this_width_spreads_products_by_eight


class Width:
    """A width in a class of the student's own, with no way to turn it into a number."""

    def __init__(self, d_k):
        self.d_k = d_k


WIDTH = (
    # the old bank
    Wrong("twice 8", 16), Wrong("one less", 63), Wrong("one more", 65), Wrong("the third root of 8", 2),
    Wrong("8 cubed", 512), Wrong("the sign is wrong", -64), Wrong("zero", 0), Wrong("left as it was", None),
    Wrong("text", "64"), Wrong("words", "sixty-four"), Wrong("a list", [64]),
    Wrong("an array of one", np.array([64])), Wrong("a tuple", (64,)), Wrong("not a number", float("nan")),
    Wrong("infinity", float("inf")), Wrong("imaginary", 64j), Wrong("a truth value", True),
    Wrong("a function", lambda: 64), Wrong("a dict", {"width": 64}), Wrong("a half too many", 64.5),
    # known mistakes
    Wrong("the variance is 8 here", 8, ("variance-for-the-deviation",), named=True),
    Wrong("the variance is 8 here, a float", 8.0, ("variance-for-the-deviation",), named=True),
    Wrong("the variance is 8 here, of NumPy", np.int64(8), ("variance-for-the-deviation",), named=True),
    Wrong("2 ** 3", 2**3, ("variance-for-the-deviation",), named=True),
    Wrong("the square root of 64", math.sqrt(64), ("variance-for-the-deviation",), named=True),
    Wrong("the root of 8", 8**0.5, ("deviation-of-width-eight",), named=True),
    Wrong("the root of 8, by math", math.sqrt(8), ("deviation-of-width-eight",), named=True),
    Wrong("the root of 8, by NumPy", np.sqrt(8), ("deviation-of-width-eight",), named=True),
    Wrong("the root of 8, by torch", torch.tensor(8.0).sqrt(), ("deviation-of-width-eight",)),
    Wrong("the root of 8, rounded", 2.83, ("deviation-of-width-eight",)),
    Wrong("the root of 8, to four digits", 2.8284, ("deviation-of-width-eight",)),
    Wrong("64 squared", 64**2, ("variance-grows-with-the-root",), named=True),
    Wrong("8 to the fourth, a float", 8.0**4, ("variance-grows-with-the-root",), named=True),
    Wrong("8 as text", "8", ("variance-for-the-deviation",)),
    Wrong("8 in a list", [8], ("variance-for-the-deviation",)),
    Wrong("8 as a complex number", complex(8, 0), ("variance-for-the-deviation",)),
    # plausible numbers
    Wrong("half of 8", 4), Wrong("8 times 4", 32), Wrong("twice 64", 128), Wrong("nearly", 63.9),
    Wrong("nearly, to two digits", 63.99), Wrong("a little more", 64.01), Wrong("2 ** 8", 256),
    Wrong("8 * 9, after the example", 72), Wrong("the width of the example", 9),
    Wrong("the deviation of the example", 3.0), Wrong("9 squared", 81), Wrong("8 * 7: pairs of eight", 56),
    Wrong("8 * 3", 24), Wrong("one over 64", 1 / 64), Wrong("one over 8", 0.125), Wrong("one", 1),
    Wrong("the root of 8, squared and halved: 8 ** 1/2", 8**1 / 2), Wrong("8 xor 2, meant as a power", 8 ^ 2),
    Wrong("8 times 2 pi", 16 * math.pi), Wrong("the square of 8 / 2", 16.0), Wrong("e to the 8", math.exp(8)),
    Wrong("64 in float16 arithmetic that drifts", np.float16(63.97)), Wrong("8 negative", -8),
    # types
    Wrong("text with a decimal", "64.0"), Wrong("bytes", b"64"), Wrong("an expression as text", "8 ** 2"),
    Wrong("an equation as text", "d_k = 64"), Wrong("a set", {64}), Wrong("a range", range(64)),
    Wrong("a vector of that width", np.zeros(64)), Wrong("a matrix of one", np.array([[64.0]])),
    Wrong("text of NumPy", np.str_("64")), Wrong("an ellipsis, as in the statement", ...),
    Wrong("the function math.sqrt", math.sqrt), Wrong("a type", int), Wrong("a Decimal that is no number",
                                                                           Decimal("NaN")),
    Wrong("NaN of NumPy", np.float64("nan")), Wrong("an object array", np.array([64, None], dtype=object)),
    Wrong("an object of the student's own", Width(64)), Wrong("width and deviation", (64, 8)),
    Wrong("a generator", (n for n in (64,))), Wrong("a tensor of two", torch.tensor([64.0, 64.0])),
    Wrong("a truth value of NumPy", np.bool_(True)),
)

# --- 3. scaling_brings_the_variance_back: other products


def every_query_with_every_key(Q, K):
    scores = Q @ K.T
    return np.var(scores), np.var(scores / np.sqrt(K.shape[1]))


def every_pair_in_loops(Q, K):
    products = []
    for q in Q:
        for k in K:
            products.append(np.dot(q, k))
    products = np.array(products)
    return products.var(), (products / math.sqrt(len(Q[0]))).var()


def every_pair_by_einsum(Q, K):
    products = np.einsum("id,jd->ij", Q, K)
    return products.var(), (products / K.shape[1] ** 0.5).var()


def every_pair_but_their_own(Q, K):
    scores = Q @ K.T
    rest = scores[~np.eye(len(Q), dtype=bool)] if len(Q) > 1 else np.full(2, np.nan)
    return rest.var(), (rest / root(K)).var()


def upper_triangle(Q, K):
    scores = (Q @ K.T)[np.triu_indices(len(Q))]
    return scores.var(), (scores / root(K)).var()


def components_with_components(Q, K):
    scores = Q.T @ K
    return scores.var(), (scores / root(K)).var()


def diagonal_of_the_wrong_product(Q, K):
    products = np.diag(Q.T @ K)
    return products.var(), (products / root(K)).var()


def keys_not_transposed(Q, K):
    products = Q @ K
    return products.var(), (products / root(K)).var()


def products_by_np_dot(Q, K):
    products = np.dot(Q, K)
    return products.var(), (products / root(K)).var()


def first_pair_only(Q, K):
    return both(Q[0] @ K[0], K)


def keys_backwards(Q, K):
    return both(qk(Q, K[::-1]), K)


def keys_moved_by_one(Q, K):
    return both(qk(Q, np.roll(K, 1, axis=0)), K)


def last_pair_left_out(Q, K):
    products = []
    for r in range(len(Q) - 1):
        products.append(Q[r] @ K[r])
    products = np.array(products)
    return np.var(products), np.var(products / np.sqrt(K.shape[1]))


def first_pair_left_out(Q, K):
    products = np.array([Q[r] @ K[r] for r in range(1, len(Q))])
    return np.var(products), np.var(products / np.sqrt(K.shape[1]))


def total_never_reset(Q, K):
    products, total = [], 0
    for r in range(Q.shape[0]):
        for c in range(Q.shape[1]):
            total += Q[r, c] * K[r, c]
        products.append(total)
    products = np.array(products)
    return products.var(), (products / math.sqrt(Q.shape[1])).var()


def last_component_left_out(Q, K):
    products = np.array([sum(q[c] * k[c] for c in range(len(q) - 1)) for q, k in zip(Q, K)])
    return products.var(), (products / math.sqrt(Q.shape[1])).var()


def products_not_added_up(Q, K):
    products = Q * K
    return products.var(), (products / K.shape[1] ** 0.5).var()


def products_not_added_up_by_column(Q, K):
    products = Q * K
    return products.var(axis=0), (products / K.shape[1] ** 0.5).var(axis=0)


def products_not_added_up_by_row(Q, K):
    products = Q * K
    return np.var(products, axis=1), np.var(products / np.sqrt(K.shape[1]), axis=1)


def products_not_added_up_in_torch(Q, K):
    products = torch.from_numpy(Q) * torch.from_numpy(K)
    return products.var(correction=0).item(), (products / K.shape[1] ** 0.5).var(correction=0).item()


def products_averaged(Q, K):
    products = (Q * K).mean(axis=1)
    return products.var(), (products / root(K)).var()


def added_over_the_pairs(Q, K):
    products = (Q * K).sum(axis=0)
    return products.var(), np.var(products / K.shape[1] ** 0.5)


def added_by_the_builtin_sum(Q, K):
    products = sum(Q * K)
    return np.var(products), np.var(products / np.sqrt(K.shape[1]))


def added_over_the_pairs_by_einsum(Q, K):
    products = np.einsum("nd,nd->d", Q, K)
    return np.var(products), np.var(products / np.sqrt(Q.shape[1]))


def added_over_the_pairs_in_loops(Q, K):
    products = [sum(Q[r, c] * K[r, c] for r in range(len(Q))) for c in range(Q.shape[1])]
    return np.var(products), np.var([p / math.sqrt(Q.shape[1]) for p in products])


def one_total(Q, K):
    total = np.sum(Q * K)
    return np.var(total), np.var(total / root(K))


# --- 3. other scales


def half_a_root(Q, K):
    products = (Q * K).sum(axis=1)
    return np.var(products), np.var(products / K.shape[1] ** 1 / 2)


def half_a_root_in_parentheses(Q, K):
    d_k = K.shape[1]
    scale = d_k ** 1 / 2
    products = np.sum(Q * K, axis=-1)
    return products.var(), (products / scale).var()


def half_a_root_of_len(Q, K):
    p = np.einsum("ij,ij->i", Q, K)
    return p.var(), np.var(p / (len(K[0]) ** 1 / 2))


def divided_by_d_k(Q, K):
    d_k = np.array(K.shape[1])
    products = np.sum(Q * K, axis=1)
    return products.var(), (products / d_k).var()


def divided_by_d_k_in_loops(Q, K):
    products = [q @ k for q, k in zip(Q, K)]
    return np.var(products), np.var([p / len(Q[0]) for p in products])


def both_scaled(Q, K):
    """√d_k divides the queries and the keys, so d_k divides the products."""
    scale = np.sqrt(K.shape[1])
    return np.var((Q * K).sum(1)), np.var(((Q / scale) * (K / scale)).sum(1))


def variance_over_d_k_squared(Q, K):
    before = qk(Q, K).var()
    return before, before / K.shape[1] ** 2


def multiplied_by_the_root(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), np.var(products * np.sqrt(K.shape[1]))


def multiplied_by_d_k(Q, K):
    before = qk(Q, K).var()
    return before, before * K.shape[1]


def multiplied_by_the_root_in_torch(Q, K):
    p = (torch.from_numpy(Q) * torch.from_numpy(K)).sum(-1)
    return p.var(correction=0), (p * K.shape[1] ** 0.5).var(correction=0)


def variance_divided_by_the_root(Q, K):
    before = np.var((Q * K).sum(axis=1))
    after = before / np.sqrt(K.shape[1])
    return before, after


def variance_divided_by_the_root_in_torch(Q, K):
    before = (torch.from_numpy(Q) * torch.from_numpy(K)).sum(1).var(unbiased=False)
    return before, before / Q.shape[1] ** 0.5


def root_of_the_pairs(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / np.sqrt(len(products))).var()


def root_of_shape_0(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / Q.shape[0] ** 0.5).var()


def root_of_the_size(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / Q.size**0.5).var()


def root_of_one_less(Q, K):
    """d_k - 1 under the root: 0 where d_k is 1."""
    products = (Q * K).sum(axis=1)
    with np.errstate(all="ignore"):
        return products.var(), (products / (K.shape[1] - 1) ** 0.5 if K.shape[1] > 1 else products * np.nan).var()


def divided_by_the_norm(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / np.linalg.norm(K, axis=1)).var()


def divided_by_both_norms(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / np.linalg.norm(Q, axis=1) / np.linalg.norm(K, axis=1)).var()


def divided_by_their_deviation(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / (products.std() + 1e-9)).var()


def minus_the_root(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products - K.shape[1] ** 0.5).var()


def floor_division(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products // K.shape[1] ** 0.5).var()


def scaled_and_not_kept(Q, K):
    """The division's result goes nowhere."""
    products = (Q * K).sum(axis=1)
    before = products.var()
    products / K.shape[1] ** 0.5
    return before, products.var()


def scaled_too_late(Q, K):
    products = (Q * K).sum(axis=1)
    before, after = products.var(), products.var()
    products = products / K.shape[1] ** 0.5
    return before, after


def returns_before_twice(Q, K):
    products = (Q * K).sum(axis=1)
    before = products.var()
    after = (products / root(K)).var()  # noqa: F841
    return before, before


def scaled_under_another_name(Q, K):
    """scaled is products, so /= divides both."""
    products = (Q * K).sum(axis=1)
    scaled = products
    scaled /= K.shape[1] ** 0.5
    return products.var(), scaled.var()


def queries_scaled_first(Q, K):
    """The queries are scaled before anything is measured."""
    Q = Q / K.shape[1] ** 0.5
    products = (Q * K).sum(axis=1)
    return products.var(), products.var()


def scaled_before_and_again(Q, K):
    products = (Q * K).sum(axis=1) / K.shape[1] ** 0.5
    return products.var(), (products / K.shape[1] ** 0.5).var()


# --- 3. other measures than the variance


def standard_deviations(Q, K):
    products = (Q * K).sum(axis=1)
    return np.std(products), np.std(products / K.shape[1] ** 0.5)


def roots_of_variances(Q, K):
    before, after = right_variances(Q, K)
    return math.sqrt(before), math.sqrt(after)


def standard_deviations_by_statistics(Q, K):
    products = [float(q @ k) for q, k in zip(Q, K)]
    return statistics.pstdev(products), statistics.pstdev([p / len(Q[0]) ** 0.5 for p in products])


def variance_then_deviation(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / K.shape[1] ** 0.5).std()


def unbiased_in_torch(Q, K):
    """torch.var divides by n - 1 unless told otherwise."""
    products = (torch.from_numpy(Q) * torch.from_numpy(K)).sum(1)
    return products.var(), (products / K.shape[1] ** 0.5).var()


def unbiased_by_statistics(Q, K):
    """statistics.variance divides by n - 1, and raises for a single pair."""
    products = [float(q @ k) for q, k in zip(Q, K)]
    return statistics.variance(products), statistics.variance([p / len(Q[0]) ** 0.5 for p in products])


def unbiased_by_hand(Q, K):
    p = np.einsum("nd,nd->n", Q, K)
    n = len(p)
    before = ((p - p.mean()) ** 2).sum() / (n - 1)
    p = p / math.sqrt(K.shape[1])
    return before, ((p - p.mean()) ** 2).sum() / (n - 1)


def unbiased_by_cov(Q, K):
    products = (Q * K).sum(axis=1)
    return np.cov(products), np.cov(products / root(K))


def unbiased_first_only(Q, K):
    products = (Q * K).sum(axis=1)
    return np.var(products, ddof=1), np.var(products / root(K))


def unbiased_deviations_in_torch(Q, K):
    products = (torch.from_numpy(Q) * torch.from_numpy(K)).sum(1)
    return products.std(), (products / K.shape[1] ** 0.5).std()


def mean_squares(Q, K):
    products = (Q * K).sum(axis=1)
    return np.mean(products**2), np.mean((products / np.sqrt(K.shape[1])) ** 2)


def mean_squares_in_loops(Q, K):
    before = after = 0
    for q, k in zip(Q, K):
        before += (q @ k) ** 2 / len(Q)
        after += (q @ k / math.sqrt(len(q))) ** 2 / len(Q)
    return before, after


def sums_of_squares(Q, K):
    p = qk(Q, K)
    return ((p - p.mean()) ** 2).sum(), ((p - p.mean()) ** 2).sum() / K.shape[1]


def squares_of_the_mean(Q, K):
    p = qk(Q, K)
    return p.mean() ** 2, (p / root(K)).mean() ** 2


def mean_distances(Q, K):
    p = qk(Q, K)
    return abs(p - p.mean()).mean(), abs(p - p.mean()).mean() / root(K)


def range_of_the_products(Q, K):
    p = qk(Q, K)
    return np.ptp(p), np.ptp(p / root(K))


def variances_of_the_inputs_multiplied(Q, K):
    """Right on average for centred inputs, not for these numbers."""
    return K.shape[1] * Q.var() * K.var(), Q.var() * K.var()


def products_computed_in_float16(Q, K):
    p = (Q.astype(np.float16) * K.astype(np.float16)).sum(axis=1)
    return np.float64(p.var()), np.float64((p / np.float16(root(K))).var())


def products_cast_to_int(Q, K):
    p = qk(Q, K).astype(int)
    return p.var(), (p / root(K)).var()


# --- 3. what comes back


def swapped(Q, K):
    before, after = right_variances(Q, K)
    return after, before


def swapped_by_names(Q, K):
    """The names have changed places, and so have the numbers."""
    products = (Q * K).sum(axis=1)
    after = np.var(products)
    before = np.var(products / np.sqrt(Q.shape[1]))
    return before, after


def after_only(Q, K):
    products = np.sum(Q * K, axis=1)
    products = products / np.sqrt(K.shape[1])
    return np.var(products)


def before_only(Q, K):
    return np.var(np.sum(Q * K, axis=1))


def second_return_never_reached(Q, K):
    products = np.sum(Q * K, axis=1)
    return np.var(products)
    return np.var(products / np.sqrt(K.shape[1]))


def three_results(Q, K):
    products = (Q * K).sum(axis=1)
    return products, products.var(), (products / root(K)).var()


def with_the_ratio(Q, K):
    before, after = right_variances(Q, K)
    return before, after, K.shape[1]


def variances_printed(Q, K):
    before, after = right_variances(Q, K)
    print(float(before) > float(after))


def variances_yielded(Q, K):
    yield from right_variances(Q, K)


def second_is_none(Q, K):
    return right_variances(Q, K)[0], None


def second_is_nan(Q, K):
    return right_variances(Q, K)[0], np.nan


def nan_for_wide_keys(Q, K):
    before, after = right_variances(Q, K)
    return before, after if K.shape[1] < 9 else np.nan


def none_for_one_pair(Q, K):
    if len(Q) > 1:
        return right_variances(Q, K)


PAIRS_SEEN = {}


def remembered_by_shape(Q, K):
    if Q.shape not in PAIRS_SEEN:
        PAIRS_SEEN[Q.shape] = right_variances(Q, K)
    return PAIRS_SEEN[Q.shape]


def np_variance(Q, K):
    products = (Q * K).sum(axis=1)
    return np.variance(products), np.variance(products / K.shape[1] ** 0.5)


def shape_called(Q, K):
    products = (Q * K).sum(axis=1)
    return np.var(products), np.var(products / np.sqrt(K.shape(1)))


def math_sqrt_of_keys(Q, K):
    products = (Q * K).sum(axis=1)
    return np.var(products), np.var(products / math.sqrt(K))


def d_k_unknown(Q, K):
    products = (Q * K).sum(axis=1)
    return np.var(products), np.var(products / np.sqrt(d_k))  # noqa: F821


def root_of_the_shape(Q, K):
    products = (Q * K).sum(axis=1)
    return np.var(products), np.var(products / np.sqrt(K.shape))


def variance_of_a_list_method(Q, K):
    products = [q @ k for q, k in zip(Q, K)]
    return products.var(), (products / root(K)).var()


VARIANCES = (
    # the old bank
    Wrong("the values theory expects: d_k and 1", lambda Q, K: (Q.shape[1], 1)),
    Wrong("1 and 1", lambda Q, K: (1, 1)),
    Wrong("the variances of Q and of K", lambda Q, K: (Q.var(), K.var())),
    Wrong("means for variances", lambda Q, K: (
        (Q * K).sum(1).mean(), (Q * K).sum(1).mean() / K.shape[1] ** 0.5), ("means-for-the-variances",)),
    Wrong("the products themselves", lambda Q, K: ((Q * K).sum(1), (Q * K).sum(1) / K.shape[1] ** 0.5),
          ("products-for-the-variances",)),
    Wrong("halves the variance", lambda Q, K: ((Q * K).sum(1).var(), (Q * K).sum(1).var() / 2)),
    Wrong("floor division by the root", lambda Q, K: (
        (Q * K).sum(1).var(), ((Q * K).sum(1) // K.shape[1] ** 0.5).var()), ("rounded-down",)),
    Wrong("queries with themselves", lambda Q, K: ((Q * Q).sum(1).var(), (Q * Q).sum(1).var() / K.shape[1])),
    Wrong("the second is 1, as theory expects", lambda Q, K: ((Q * K).sum(1).var(), 1.0)),
    Wrong("the first is d_k, as theory expects", lambda Q, K: (Q.shape[1], (Q * K).sum(1).var() / K.shape[1])),
    Wrong("every query with every key, np.sqrt", lambda Q, K: (
        np.var(Q @ K.T), np.var(Q @ K.T / np.sqrt(K.shape[1]))), ("every-query-with-every-key",), named=True),
    Wrong("standard deviations, in a list", lambda Q, K: [
        np.std((Q * K).sum(1)), np.std((Q * K).sum(1) / Q.shape[1] ** 0.5)], ("standard-deviations",), named=True),
    Wrong("ddof=1", lambda Q, K: tuple(np.var((Q * K).sum(1) / scale, ddof=1) for scale in (1, np.sqrt(K.shape[1]))),
          ("divided-by-n-minus-1",), named=True),
    # other products
    Wrong("every query with every key", every_query_with_every_key, ("every-query-with-every-key",), named=True),
    Wrong("every query with every key, two loops", every_pair_in_loops, ("every-query-with-every-key",), named=True),
    Wrong("every query with every key, einsum", every_pair_by_einsum, ("every-query-with-every-key",), named=True),
    Wrong("every query with every key but its own", every_pair_but_their_own),
    Wrong("every query with its own and later keys", upper_triangle),
    Wrong("Q.T @ K: every component with every component, added over the pairs", components_with_components,
          ("products-added-over-the-pairs",)),
    Wrong("the diagonal of Q.T @ K", diagonal_of_the_wrong_product, ("products-added-over-the-pairs",), named=True),
    Wrong("Q @ K: the shapes do not fit", keys_not_transposed),
    Wrong("np.dot(Q, K): the shapes do not fit", products_by_np_dot),
    Wrong("the first pair alone: one product has variance 0", first_pair_only),
    Wrong("row r of Q with row n - 1 - r of K", keys_backwards),
    Wrong("row r of Q with row r - 1 of K", keys_moved_by_one),
    Wrong("leaves the last pair out", last_pair_left_out),
    Wrong("leaves the first pair out", first_pair_left_out),
    Wrong("the total runs on from pair to pair", total_never_reset),
    Wrong("leaves the last component out", last_component_left_out),
    Wrong("products of components, not added up", products_not_added_up, ("products-not-added-up",), named=True),
    Wrong("products of components, a variance for each column", products_not_added_up_by_column,
          ("products-not-added-up",)),
    Wrong("products of components, a variance for each row", products_not_added_up_by_row,
          ("products-not-added-up",)),
    Wrong("products of components, not added up, in torch", products_not_added_up_in_torch,
          ("products-not-added-up",), named=True),
    Wrong("mean for the sum over the components", products_averaged, ("components-averaged",)),
    Wrong("sums over axis 0", added_over_the_pairs, ("products-added-over-the-pairs",), named=True),
    Wrong("the builtin sum adds the rows", added_by_the_builtin_sum, ("products-added-over-the-pairs",), named=True),
    Wrong("einsum nd,nd->d", added_over_the_pairs_by_einsum, ("products-added-over-the-pairs",), named=True),
    Wrong("loops with the indices changed over", added_over_the_pairs_in_loops, ("products-added-over-the-pairs",),
          named=True),
    Wrong("one total over pairs and components: variance 0", one_total),
    # other scales
    Wrong("/ d_k ** 1 / 2 is / d_k / 2", half_a_root, ("half-a-root",), named=True),
    Wrong("scale = d_k ** 1 / 2 is d_k / 2", half_a_root_in_parentheses, ("half-a-root",), named=True),
    Wrong("/ (len(K[0]) ** 1 / 2) is / (d_k / 2)", half_a_root_of_len, ("half-a-root",), named=True),
    Wrong("divides by d_k", divided_by_d_k, ("divided-by-d-k",), named=True),
    Wrong("divides by d_k in a list", divided_by_d_k_in_loops, ("divided-by-d-k",), named=True),
    Wrong("scales queries and keys both", both_scaled, ("divided-by-d-k",), named=True),
    Wrong("divides the variance by d_k squared", variance_over_d_k_squared, ("divided-by-d-k",)),
    Wrong("multiplies by the root", multiplied_by_the_root, ("multiplied-by-root-d-k",), named=True),
    Wrong("multiplies the variance by d_k", multiplied_by_d_k, ("multiplied-by-root-d-k",)),
    Wrong("multiplies by the root, in torch", multiplied_by_the_root_in_torch, ("multiplied-by-root-d-k",),
          named=True),
    Wrong("divides the variance by the root", variance_divided_by_the_root, ("variance-divided-by-the-root",),
          named=True),
    Wrong("divides the variance by the root, in torch", variance_divided_by_the_root_in_torch,
          ("variance-divided-by-the-root",), named=True),
    Wrong("divides by the root of the number of products", root_of_the_pairs, ("root-of-the-number-of-pairs",),
          named=True),
    Wrong("divides by the root of shape[0]", root_of_shape_0, ("root-of-the-number-of-pairs",), named=True),
    Wrong("divides by the root of the size of Q", root_of_the_size),
    Wrong("divides by the root of d_k - 1", root_of_one_less),
    Wrong("divides by the norm of the key", divided_by_the_norm),
    Wrong("divides by both norms", divided_by_both_norms),
    Wrong("divides by the deviation of the products", divided_by_their_deviation),
    Wrong("subtracts the root", minus_the_root, ("second-variance-not-scaled",)),
    Wrong("floor division", floor_division, ("rounded-down",)),
    Wrong("divides and does not keep the result", scaled_and_not_kept, ("second-variance-not-scaled",), named=True),
    Wrong("divides after both variances are taken", scaled_too_late, ("second-variance-not-scaled",), named=True),
    Wrong("returns the first variance twice", returns_before_twice, ("second-variance-not-scaled",), named=True),
    Wrong("/= reaches the products under their other name", scaled_under_another_name, ("first-variance-scaled-too",)),
    Wrong("scales the queries before both", queries_scaled_first, ("first-variance-scaled-too",)),
    Wrong("scales before, and again for the second", scaled_before_and_again, ("first-variance-scaled-too",)),
    # other measures
    Wrong("standard deviations", standard_deviations, ("standard-deviations",), named=True),
    Wrong("square roots of the variances", roots_of_variances, ("standard-deviations",), named=True),
    Wrong("statistics.pstdev", standard_deviations_by_statistics, ("standard-deviations",), named=True),
    Wrong("a variance, then a standard deviation", variance_then_deviation),
    Wrong("torch.var as it is", unbiased_in_torch, ("divided-by-n-minus-1",), named=True),
    Wrong("statistics.variance", unbiased_by_statistics, ("divided-by-n-minus-1",), named=True),
    Wrong("n - 1 by hand", unbiased_by_hand, ("divided-by-n-minus-1",), named=True),
    Wrong("np.cov as it is", unbiased_by_cov, ("divided-by-n-minus-1",), named=True),
    Wrong("ddof=1 in the first alone", unbiased_first_only, ("divided-by-n-minus-1",)),
    Wrong("torch.std as it is", unbiased_deviations_in_torch, ("standard-deviations", "divided-by-n-minus-1")),
    Wrong("mean squares", mean_squares, ("mean-not-taken-off",), named=True),
    Wrong("mean squares in a loop", mean_squares_in_loops, ("mean-not-taken-off",), named=True),
    Wrong("squared deviations added, not averaged", sums_of_squares),
    Wrong("squares of the means", squares_of_the_mean),
    Wrong("mean absolute deviations", mean_distances),
    Wrong("the ranges", range_of_the_products),
    Wrong("d_k times the variances of Q and K", variances_of_the_inputs_multiplied),
    Wrong("products in float16", products_computed_in_float16),
    Wrong("products cast to int", products_cast_to_int),
    Wrong("rounds to two digits", rounded(right_variances, 2), ("rounded-to-few-digits",)),
    Wrong("rounds to four digits", rounded(right_variances, 4), ("rounded-to-few-digits",)),
    # what comes back
    Wrong("after, then before", swapped, ("variances-swapped",), named=True),
    Wrong("the names have changed places", swapped_by_names, ("variances-swapped",), named=True),
    Wrong("changed places, in an array", lambda Q, K: np.array(right_variances(Q, K)[::-1]), ("variances-swapped",),
          named=True),
    Wrong("standard deviations that have changed places",
          lambda Q, K: (qk(Q, K).std() / root(K), qk(Q, K).std()), ("standard-deviations", "variances-swapped")),
    Wrong("the second alone", after_only, ("only-one-variance",), named=True),
    Wrong("the first alone", before_only, ("only-one-variance",), named=True),
    Wrong("a second return that is never reached", second_return_never_reached, ("only-one-variance",), named=True),
    Wrong("a list of one", lambda Q, K: [right_variances(Q, K)[1]], ("only-one-variance",)),
    Wrong("how many times smaller", lambda Q, K: float(K.shape[1]), ("only-one-variance",)),
    Wrong("their difference", lambda Q, K: np.subtract(*right_variances(Q, K)), ("only-one-variance",)),
    Wrong("the products and both variances", three_results),
    Wrong("both variances and d_k", with_the_ratio),
    Wrong("prints and returns nothing", variances_printed),
    Wrong("a generator", variances_yielded),
    Wrong("a dict", lambda Q, K: dict(zip(("before", "after"), right_variances(Q, K)))),
    Wrong("a set, which has no order", lambda Q, K: {float(v) for v in right_variances(Q, K)}),
    Wrong("text", lambda Q, K: "{} {}".format(*right_variances(Q, K))),
    Wrong("two texts", lambda Q, K: tuple(f"{v:.6f}" for v in right_variances(Q, K))),
    Wrong("np.cov of both: a matrix of covariances", lambda Q, K: np.cov(qk(Q, K), qk(Q, K) / root(K), bias=True)),
    Wrong("the example's numbers", lambda Q, K: (2.0, 0.666667)),
    Wrong("None for the second", second_is_none, ("only-one-variance",)),
    Wrong("NaN for the second", second_is_nan),
    Wrong("NaN for the second where keys are wide", nan_for_wide_keys),
    Wrong("None for a single pair", none_for_one_pair),
    Wrong("complex numbers with an imaginary part", lambda Q, K: tuple(v + 1j for v in right_variances(Q, K))),
    Wrong("remembered by the shape of Q", remembered_by_shape),
    Wrong("right once, zeros from then on", OnlyOnce(right_variances)),
    # exceptions
    Wrong("np.variance: AttributeError", np_variance),
    Wrong("K.shape(1): TypeError", shape_called),
    Wrong("math.sqrt of an array: TypeError", math_sqrt_of_keys),
    Wrong("d_k is not defined: NameError", d_k_unknown),
    Wrong("the root of the whole shape: does not broadcast", root_of_the_shape),
    Wrong("var of a list: AttributeError", variance_of_a_list_method),
)

# --- 7. relu_weights_are_divided_by_the_length: another divisor


def not_divided(scores):
    return np.maximum(scores, 0)


def not_divided_in_loops(scores):
    weights = np.zeros_like(scores)
    for at in np.ndindex(scores.shape):
        if scores[at] > 0:
            weights[at] = scores[at]
    return weights


def divided_and_not_kept(scores):
    weights = np.maximum(scores, 0)
    weights / scores.shape[-1]
    return weights


def divided_by_rows(scores):
    L = len(scores)
    return np.maximum(scores, 0) / L


def divided_by_rows_of_the_matrix(scores):
    L, _ = scores.shape[-2:]
    return np.maximum(scores, 0) / L


def divided_by_rows_in_torch(scores):
    return torch.relu(torch.from_numpy(scores)) / scores.shape[0]


def divided_by_rows_in_loops(scores):
    weights = np.zeros_like(scores)
    for at in np.ndindex(scores.shape):
        weights[at] = max(scores[at], 0) / len(scores)
    return weights


def divided_by_size(scores):
    return scores.clip(min=0) / scores.size


def mean_of_everything(scores):
    """np.ones_like(scores).sum() is the number of all scores."""
    return np.where(scores > 0, scores, 0) / np.ones_like(scores).sum()


def shape_1(scores):
    L = scores.shape[1]
    return np.where(scores < 0, 0, scores) / L


def shape_1_unpacked(scores):
    N, L = scores.shape
    return np.maximum(scores, 0) / L


def length_of_the_first_row(scores):
    L = len(scores[0])
    return np.maximum(scores, 0) / L


def loops_over_a_matrix(scores):
    N, L = scores.shape
    weights = np.zeros_like(scores)
    for i in range(N):
        for j in range(L):
            weights[i, j] = scores[i, j] / L if scores[i, j] > 0 else 0
    return weights


def row_sum(scores):
    powers = np.maximum(scores, 0)
    return powers / powers.sum(axis=-1, keepdims=True)


def row_sum_in_torch(scores):
    t = torch.from_numpy(scores).clamp(min=0)
    return t / t.sum(-1, keepdim=True)


def row_sum_in_loops(scores):
    weights = np.zeros_like(scores)
    for at in np.ndindex(scores.shape[:-1]):
        row = [max(x, 0) for x in scores[at]]
        weights[at] = [x / sum(row) if sum(row) > 0 else 0 for x in row]
    return weights


def row_sum_with_epsilon(scores):
    w = np.maximum(scores, 0)
    return w / (w.sum(axis=-1, keepdims=True) + 1e-9)


def row_sum_or_equal_shares(scores):
    w = np.maximum(scores, 0)
    total = w.sum(axis=-1, keepdims=True)
    return np.where(total > 0, w / np.where(total > 0, total, 1), 1 / scores.shape[-1]).astype(scores.dtype)


def row_sum_without_keepdims(scores):
    w = np.maximum(scores, 0)
    return w / w.sum(axis=-1)


def sum_of_the_uncut_row(scores):
    return np.maximum(scores, 0) / scores.sum(axis=-1, keepdims=True)


def column_sum(scores):
    w = np.maximum(scores, 0)
    return w / w.sum(axis=0, keepdims=True)


def sum_of_everything(scores):
    w = np.maximum(scores, 0)
    return w / max(w.sum(), scores.dtype.type(1e-3))


def count_of_the_positive(scores):
    w = np.maximum(scores, 0)
    count = np.count_nonzero(w, axis=-1, keepdims=True)
    return w / count


def count_of_the_positive_at_least_one(scores):
    w = np.maximum(scores, 0)
    count = (scores > 0).sum(axis=-1, keepdims=True).clip(1)
    return (w / count).astype(scores.dtype)


def count_of_the_positive_in_torch(scores):
    t = torch.from_numpy(scores)
    return t.relu() / (t > 0).sum(-1, keepdim=True)


def count_of_the_positive_in_loops(scores):
    out = np.zeros_like(scores)
    for at in np.ndindex(scores.shape[:-1]):
        positive = [x for x in scores[at] if x > 0]
        if positive:
            out[at] = [x / len(positive) if x > 0 else 0 for x in scores[at]]
    return out


def count_in_everything(scores):
    return np.maximum(scores, 0) / scores.dtype.type(max((scores > 0).sum(), 1))


def root_of_the_length(scores):
    return np.maximum(scores, 0) / scores.shape[-1] ** 0.5


def root_of_the_length_by_math(scores):
    L = scores.shape[-1]
    return np.where(scores > 0, scores, 0) / math.sqrt(L)


def half_the_root(scores):
    return np.maximum(scores, 0) / scores.shape[-1] ** 1 / 2


def one_less(scores):
    return np.maximum(scores, 0) / max(scores.shape[-1] - 1, 1)


def one_less_and_infinite(scores):
    with np.errstate(all="ignore"):
        return np.maximum(scores, 0) / np.array(scores.shape[-1] - 1, scores.dtype)


def last_index_for_the_length(scores):
    """j runs to L - 1, and what is left of it after the loop divides."""
    weights = np.maximum(scores, 0)
    j = 0
    while j < scores.shape[-1] - 1:
        j += 1
    return weights / max(j, 1)


def divided_by_the_largest(scores):
    w = np.maximum(scores, 0)
    top = w.max(axis=-1, keepdims=True)
    return w / np.where(top > 0, top, 1)


def divided_by_the_norm_of_the_row(scores):
    return np.maximum(scores, 0) / np.linalg.norm(scores, axis=-1, keepdims=True)


def divided_twice(scores):
    L = scores.shape[-1]
    return np.maximum(scores / L, 0) / L


def multiplied_by_the_length(scores):
    return np.maximum(scores, 0) * scores.shape[-1]


def divided_by_the_shape(scores):
    return np.maximum(scores, 0) / scores.shape


def floor_of_the_weights(scores):
    return np.maximum(scores, 0) // scores.shape[-1]


# --- 7. another cut


def not_cut(scores):
    L = scores.shape[-1]
    return scores / L


def cut_and_not_kept(scores):
    np.maximum(scores, 0)
    return scores / scores.shape[-1]


def not_cut_in_torch(scores):
    return torch.from_numpy(scores) / scores.shape[-1]


def cut_by_a_mask_that_counts(scores):
    """The mask itself is divided."""
    mask = (scores > 0).astype(scores.dtype)
    return mask / scores.shape[-1]


def np_max_for_maximum(scores):
    """np.max(scores, 0) is the largest of each column."""
    return np.max(scores, 0) / scores.shape[-1]


def builtin_max(scores):
    return max(scores, 0) / scores.shape[-1]


def if_on_an_array(scores):
    if scores > 0:
        return scores / scores.shape[-1]
    return np.zeros_like(scores)


def leaky(scores):
    return np.where(scores > 0, scores, 0.1 * scores) / scores.shape[-1]


def leaky_in_torch(scores):
    return torch.nn.functional.leaky_relu(torch.from_numpy(scores)) / scores.shape[-1]


def softplus(scores):
    return np.logaddexp(scores, 0) / scores.shape[-1]


def gelu(scores):
    inner = math.sqrt(2 / math.pi) * (scores + 0.044715 * scores**3)
    return 0.5 * scores * (1 + np.tanh(inner)) / scores.shape[-1]


def silu(scores):
    return scores / (1 + np.exp(-scores)) / scores.shape[-1]


def elu(scores):
    return np.where(scores > 0, scores, np.expm1(np.minimum(scores, 0))) / scores.shape[-1]


def gelu_in_torch(scores):
    return torch.nn.functional.gelu(torch.from_numpy(scores)) / scores.shape[-1]


def relu6(scores):
    return np.minimum(np.maximum(scores, 0), 6) / scores.shape[-1]


def relu_with_a_threshold(scores):
    """Positive scores below 0.1 are cut too."""
    return np.where(scores > 0.1, scores, 0) / scores.shape[-1]


def cut_above(scores):
    return np.where(scores > 0, 0, scores) / scores.shape[-1]


def cut_at_the_mean(scores):
    return np.maximum(scores - scores.mean(axis=-1, keepdims=True), 0) / scores.shape[-1]


def cut_at_one_after_dividing(scores):
    return np.clip(scores, 0, None).clip(max=1) / scores.shape[-1]


def minus_the_negative(scores):
    """The negative scores are turned round before the cut."""
    return np.maximum(scores, -scores) / scores.shape[-1]


def square_root_squared(scores):
    """NaN where a score is negative."""
    with np.errstate(all="ignore"):
        return np.sqrt(scores) ** 2 / scores.shape[-1]


def mask_over_mask(scores):
    """0/0 where a score is negative."""
    mask = (scores > 0).astype(scores.dtype)
    with np.errstate(all="ignore"):
        return scores * mask / mask / scores.shape[-1]


def nan_in_the_last_relu(scores):
    w = relu_weights(scores)
    w.flat[-1] = np.nan
    return w


def softmax_instead(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_over_the_length(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True) / scores.shape[-1]


def exponentials_of_the_cut(scores):
    return np.exp(np.maximum(scores, 0)) / scores.shape[-1]


def softmax_of_the_cut(scores):
    return softmax_instead(np.maximum(scores, 0))


# --- 7. right numbers in another dtype, another container, or somebody else's array


def in_place_relu(scores):
    scores[scores < 0] = 0.0
    scores /= scores.shape[-1]
    return scores


def cut_in_place(scores):
    scores[scores < 0] = 0
    return scores / scores.shape[-1]


def cut_in_place_under_another_name(scores):
    weights = scores
    weights[weights < 0] = 0
    return weights / weights.shape[-1]


def cut_in_place_by_a_slice(scores):
    """[:] makes a view of an array, not a copy as of a list."""
    weights = scores[:]
    weights[weights < 0] = 0
    return weights / scores.shape[-1]


def cut_in_place_by_out(scores):
    np.maximum(scores, 0, out=scores)
    return scores / scores.shape[-1]


def cut_in_place_by_clip(scores):
    return scores.clip(0, None, out=scores) / scores.shape[-1]


def cut_in_place_by_product(scores):
    scores *= scores > 0
    return scores / scores.shape[-1]


def cut_in_place_in_torch(scores):
    t = torch.from_numpy(scores)
    return t.relu_() / scores.shape[-1]


def cut_in_place_in_loops(scores):
    flat = scores.reshape(-1)
    for i in range(len(flat)):
        if flat[i] < 0:
            flat[i] = 0
    return scores / scores.shape[-1]


def cut_in_place_by_put(scores):
    np.putmask(scores, scores < 0, 0)
    return scores / scores.shape[-1]


def divided_in_place(scores):
    scores /= scores.shape[-1]
    return np.maximum(scores, 0)


def cut_in_place_for_single_rows(scores):
    if scores.ndim == 1:
        for j, x in enumerate(scores):
            scores[j] = max(x, 0)
    return np.maximum(scores, 0) / scores.shape[-1]


def cut_in_place_when_all_negative(scores):
    if (scores < 0).all():
        scores[...] = 0
    return np.maximum(scores, 0) / scores.shape[-1]


def cut_in_place_for_float32(scores):
    weights = np.asarray(scores, dtype=np.float32) if scores.dtype == np.float32 else scores.copy()
    weights[weights < 0] = 0
    return weights / scores.shape[-1]


def cut_rows_that_are_views(scores):
    for row in scores.reshape(-1, scores.shape[-1]):
        row[row < 0] = 0
    return scores / scores.shape[-1]


def relu_into_zeros(scores):
    weights = np.zeros(scores.shape)
    weights[scores > 0] = scores[scores > 0]
    return weights / scores.shape[-1]


def relu_with_an_array_for_the_length(scores):
    L = np.array(scores.shape[-1])
    return np.maximum(scores, 0) / L


def relu_with_an_int64_for_the_length(scores):
    L = np.prod(scores.shape[-1:])
    return np.maximum(scores, 0) / L


def relu_with_zeros_to_compare(scores):
    return np.maximum(scores, np.zeros(scores.shape)) / scores.shape[-1]


def relu_from_lists(scores):
    flat = [max(float(x), 0.0) / scores.shape[-1] for x in scores.ravel()]
    return np.array(flat).reshape(scores.shape)


def relu_summed_ones(scores):
    L = np.ones(scores.shape).sum(axis=-1, keepdims=True)
    return np.maximum(scores, 0) / L


def relu_vectorized(scores):
    return np.vectorize(lambda x: max(float(x), 0.0) / scores.shape[-1])(scores)


def relu_by_float32(scores):
    return np.maximum(scores, 0).astype(np.float32) / scores.shape[-1]


def relu_by_torch_float(scores):
    return torch.Tensor(scores).relu().numpy() / scores.shape[-1]


def relu_in_float32_and_back(scores):
    return (np.maximum(scores, 0).astype(np.float32) / scores.shape[-1]).astype(scores.dtype)


RELUS = {}


def relu_kept_by_shape(scores):
    return RELUS.setdefault(scores.shape, relu_weights(scores))


RELU_BUFFERS = {}


def relu_into_one_buffer(scores):
    """Right, until the next call with this shape writes over it."""
    out = RELU_BUFFERS.setdefault((scores.shape, scores.dtype), np.empty_like(scores))
    np.maximum(scores, 0, out=out)
    out /= scores.shape[-1]
    return out


LENGTH = []


def relu_with_the_first_length(scores):
    """L is that of the first call."""
    if not LENGTH:
        LENGTH.append(scores.shape[-1])
    return np.maximum(scores, 0) / LENGTH[0]


def relu_none_for_single_rows(scores):
    if scores.ndim > 1:
        return relu_weights(scores)


def relu_printed(scores):
    print(relu_weights(scores).shape)


def relu_as_a_generator(scores):
    for row in scores:
        yield relu_weights(row)


def relu_returns_in_the_loop(scores):
    for row in scores.reshape(-1, scores.shape[-1]):
        return np.maximum(row, 0) / len(row)


def relu_masked(scores):
    return np.ma.masked_less(scores, 0) / scores.shape[-1]


def relu_ragged(scores):
    return [[float(x) / scores.shape[-1] for x in row if x > 0] for row in scores.reshape(-1, scores.shape[-1])]


def relu_typo(scores):
    return np.maximum(scores, 0) / L  # noqa: F821


def relu_from_numpy(scores):
    return np.relu(scores) / scores.shape[-1]


def relu_shape_called(scores):
    return np.maximum(scores, 0) / scores.shape(-1)


def relu_maximum_of_one(scores):
    return np.maximum(scores) / scores.shape[-1]


RELU = (
    # the old bank
    Wrong("rounds the weights to 3 digits", rounded(relu_weights), ("rounded-to-few-digits",)),
    Wrong("right once, zeros from then on", OnlyOnce(relu_weights)),
    Wrong("divides by 7 always", lambda s: np.maximum(s, 0) / 7),
    Wrong("keeps the negative scores, cuts the positive", lambda s: np.minimum(s, 0) / s.shape[-1],
          ("negative-scores-keep-their-size",)),
    Wrong("floor division by L", lambda s: np.maximum(s, 0) // s.shape[-1], ("rounded-down",)),
    Wrong("cuts at one from below", lambda s: np.maximum(s, 1) / s.shape[-1]),
    Wrong("leaky ReLU, 0.01", lambda s: np.maximum(s, 0.01 * s) / s.shape[-1], ("negative-scores-leak",)),
    Wrong("softplus", lambda s: np.log1p(np.exp(s)) / s.shape[-1], ("smooth-for-relu",)),
    Wrong("returns nested lists", lambda s: relu_weights(s).tolist(), ("list-for-an-array",)),
    Wrong("squares the weights", lambda s: relu_weights(s) ** 2),
    Wrong("the negative scores by a double minus", lambda s: -relu_weights(-s), ("negative-scores-keep-their-size",)),
    Wrong("divides by L + 1", lambda s: np.maximum(s, 0) / (s.shape[-1] + 1), ("length-is-off-by-one",)),
    Wrong("divides by the number of axes", lambda s: np.maximum(s, 0) / s.ndim),
    Wrong("the mean of each row", lambda s: np.maximum(s, 0).mean(axis=-1)),
    Wrong("returns float16", lambda s: relu_weights(s).astype(np.float16)),
    Wrong("cuts at 1 from above too", lambda s: np.clip(s, 0, 1) / s.shape[-1], ("positive-scores-cut-too",)),
    Wrong("cuts, does not divide", lambda s: np.where(s > 0, s, 0), ("not-divided-by-the-length",), named=True),
    Wrong("cuts and divides in place", in_place_relu, ("scores-changed-in-place",), named=True),
    Wrong("divides by shape[0]", lambda s: (s * (s > 0)) / s.shape[0], ("divided-by-the-number-of-rows",),
          named=True),
    Wrong("divides by the row's sum", lambda s: s.clip(0) / s.clip(0).sum(-1, keepdims=True),
          ("divided-by-the-row-sum",), named=True),
    Wrong("divides by the number of positive scores", lambda s: s.clip(0) / (s > 0).sum(-1, keepdims=True),
          ("divided-by-the-positive-ones", "weights-are-float64"), named=True),
    Wrong("divides by np.sqrt(L)", lambda s: np.maximum(0, s) / np.sqrt(s.shape[-1]),
          ("divided-by-the-root-of-the-length", "weights-are-float64"), named=True),
    Wrong("absolute scores", lambda s: np.abs(s) / s.shape[-1], ("negative-scores-keep-their-size",), named=True),
    # another divisor
    Wrong("cuts, does not divide", not_divided, ("not-divided-by-the-length",), named=True),
    Wrong("loops, does not divide", not_divided_in_loops, ("not-divided-by-the-length",), named=True),
    Wrong("divides and does not keep the result", divided_and_not_kept, ("not-divided-by-the-length",), named=True),
    Wrong("torch.relu, does not divide", lambda s: torch.from_numpy(s).relu(), ("not-divided-by-the-length",),
          named=True),
    Wrong("divides by len(scores)", divided_by_rows, ("divided-by-the-number-of-rows",), named=True),
    Wrong("divides by shape[-2], the rows of a matrix", divided_by_rows_of_the_matrix,
          ("divided-by-the-number-of-rows",), named=True),
    Wrong("torch, divides by shape[0]", divided_by_rows_in_torch, ("divided-by-the-number-of-rows",), named=True),
    Wrong("loops, divides by len(scores)", divided_by_rows_in_loops, ("divided-by-the-number-of-rows",), named=True),
    Wrong("divides by size", divided_by_size, ("divided-by-the-number-of-scores",), named=True),
    Wrong("divides by the sum of a 1 for each score", mean_of_everything, ("divided-by-the-number-of-scores",),
          named=True),
    Wrong("divides by shape[1]", shape_1, ("shape-1-for-the-last-axis",), named=True),
    Wrong("N, L = scores.shape: a matrix only", shape_1_unpacked,
          ("written-for-a-matrix", "shape-1-for-the-last-axis")),
    Wrong("divides by len(scores[0])", length_of_the_first_row, ("shape-1-for-the-last-axis",)),
    Wrong("two loops, a matrix only", loops_over_a_matrix, ("written-for-a-matrix",)),
    Wrong("divides by the row's sum, NaN where it is 0", row_sum, ("divided-by-the-row-sum",), named=True),
    Wrong("torch, divides by the row's sum", row_sum_in_torch, ("divided-by-the-row-sum",), named=True),
    Wrong("loops, divides by the row's sum unless it is 0", row_sum_in_loops, ("divided-by-the-row-sum",),
          named=True),
    Wrong("divides by the row's sum and 1e-9", row_sum_with_epsilon, ("divided-by-the-row-sum",)),
    Wrong("divides by the row's sum, equal shares where it is 0", row_sum_or_equal_shares,
          ("divided-by-the-row-sum",)),
    Wrong("divides by the rows' sums without keepdims", row_sum_without_keepdims),
    Wrong("divides the cut scores by the sum of the uncut ones", sum_of_the_uncut_row, ("divided-by-the-row-sum",)),
    Wrong("divides by the column's sum", column_sum),
    Wrong("divides by the sum of all", sum_of_everything),
    Wrong("divides by np.count_nonzero of the row", count_of_the_positive,
          ("divided-by-the-positive-ones", "weights-are-float64"), named=True),
    Wrong("divides by the number of positive scores, at least 1", count_of_the_positive_at_least_one,
          ("divided-by-the-positive-ones",), named=True),
    Wrong("torch, divides by the number of positive scores", count_of_the_positive_in_torch,
          ("divided-by-the-positive-ones",), named=True),
    Wrong("loops, divides by the number of positive scores", count_of_the_positive_in_loops,
          ("divided-by-the-positive-ones",), named=True),
    Wrong("divides by the number of positive scores in the whole array", count_in_everything,
          ("divided-by-the-positive-ones",)),
    Wrong("divides by L ** 0.5", root_of_the_length, ("divided-by-the-root-of-the-length",), named=True),
    Wrong("divides by math.sqrt(L)", root_of_the_length_by_math, ("divided-by-the-root-of-the-length",), named=True),
    Wrong("/ L ** 1 / 2 is / L / 2", half_the_root),
    Wrong("divides by L - 1, at least 1", one_less, ("length-is-off-by-one",)),
    Wrong("divides by L - 1, infinite for one key", one_less_and_infinite, ("length-is-off-by-one",)),
    Wrong("divides by the last index of a loop", last_index_for_the_length, ("length-is-off-by-one",)),
    Wrong("divides by the row's largest", divided_by_the_largest),
    Wrong("divides by the row's norm", divided_by_the_norm_of_the_row),
    Wrong("divides by L twice", divided_twice),
    Wrong("multiplies by L", multiplied_by_the_length, ("not-divided-by-the-length",)),
    Wrong("divides by the whole shape", divided_by_the_shape, ("weights-are-float64",)),
    Wrong("floor division", floor_of_the_weights, ("rounded-down",)),
    # another cut
    Wrong("divides, does not cut", not_cut, ("negative-scores-not-cut", "negative-scores-keep-their-size"),
          named=True),
    Wrong("cuts and does not keep the result", cut_and_not_kept,
          ("negative-scores-not-cut", "negative-scores-keep-their-size"), named=True),
    Wrong("torch, divides, does not cut", not_cut_in_torch,
          ("negative-scores-not-cut", "negative-scores-keep-their-size"), named=True),
    Wrong("each positive score counts 1 / L", cut_by_a_mask_that_counts, ("positive-scores-count-as-one",),
          named=True),
    Wrong("each positive score counts 1 / L, by signs", lambda s: np.sign(relu(s)) / s.shape[-1],
          ("positive-scores-count-as-one",), named=True),
    Wrong("a boolean divided by L is float64", lambda s: (s > 0) / s.shape[-1],
          ("positive-scores-count-as-one", "weights-are-float64"), named=True),
    Wrong("np.heaviside", lambda s: np.heaviside(s, 0) / s.shape[-1], ("positive-scores-count-as-one",), named=True),
    Wrong("the sign of each score", lambda s: np.sign(s) / s.shape[-1], ("positive-scores-count-as-one",)),
    Wrong("np.max(scores, 0): the largest of each column", np_max_for_maximum, ("largest-of-each-column",)),
    Wrong("max(scores, 0) of Python: ValueError", builtin_max),
    Wrong("if scores > 0: ValueError", if_on_an_array),
    Wrong("leaky ReLU, 0.1", leaky, ("negative-scores-leak",)),
    Wrong("leaky ReLU of torch", leaky_in_torch, ("negative-scores-leak",)),
    Wrong("softplus by logaddexp", softplus, ("smooth-for-relu",)),
    Wrong("GELU", gelu, ("smooth-for-relu",)),
    Wrong("SiLU", silu, ("smooth-for-relu",)),
    Wrong("ELU", elu, ("smooth-for-relu",)),
    Wrong("GELU of torch", gelu_in_torch, ("smooth-for-relu",)),
    Wrong("cuts at 6 from above too", relu6, ("positive-scores-cut-too",)),
    Wrong("cuts at 1 from above too, in two steps", cut_at_one_after_dividing, ("positive-scores-cut-too",)),
    Wrong("cuts at 0.1", relu_with_a_threshold),
    Wrong("cuts the positive scores", cut_above, ("negative-scores-keep-their-size",)),
    Wrong("cuts at the row's mean", cut_at_the_mean),
    Wrong("the larger of s and -s", minus_the_negative, ("negative-scores-keep-their-size",), named=True),
    Wrong("root squared, the absolute score", lambda s: np.sqrt(s**2) / s.shape[-1],
          ("negative-scores-keep-their-size",), named=True),
    Wrong("torch, absolute scores", lambda s: torch.from_numpy(s).abs() / s.shape[-1],
          ("negative-scores-keep-their-size",), named=True),
    Wrong("squares the cut scores", lambda s: relu(s) ** 2 / s.shape[-1]),
    Wrong("NaN for negative scores: root, then square", square_root_squared),
    Wrong("NaN for negative scores: mask over mask", mask_over_mask),
    Wrong("NaN for negative scores: np.where", lambda s: np.where(s > 0, s, np.nan) / s.shape[-1]),
    Wrong("NaN in the last entry", nan_in_the_last_relu),
    Wrong("softmax", softmax_instead, ("softmax-for-relu",), named=True),
    Wrong("softmax divided by L", softmax_over_the_length),
    Wrong("exponential of the cut scores, divided by L", exponentials_of_the_cut),
    Wrong("softmax of the cut scores", softmax_of_the_cut, ("softmax-for-relu",)),
    Wrong("zeros", lambda s: np.zeros_like(s)),
    Wrong("1 / L for every key", lambda s: np.full_like(s, 1 / s.shape[-1])),
    # in place
    Wrong("cuts in place", cut_in_place, ("scores-changed-in-place",), named=True),
    Wrong("cuts in place under another name", cut_in_place_under_another_name, ("scores-changed-in-place",),
          named=True),
    Wrong("[:] copies nothing, then cuts in place", cut_in_place_by_a_slice, ("scores-changed-in-place",),
          named=True),
    Wrong("np.maximum(out=scores)", cut_in_place_by_out, ("scores-changed-in-place",), named=True),
    Wrong("clip(out=scores)", cut_in_place_by_clip, ("scores-changed-in-place",), named=True),
    Wrong("scores *= mask", cut_in_place_by_product, ("scores-changed-in-place",), named=True),
    Wrong("torch shares memory, then relu_", cut_in_place_in_torch, ("scores-changed-in-place",), named=True),
    Wrong("loops over a flat view", cut_in_place_in_loops, ("scores-changed-in-place",), named=True),
    Wrong("np.putmask", cut_in_place_by_put, ("scores-changed-in-place",), named=True),
    Wrong("scores /= L, then a new array", divided_in_place, ("scores-changed-in-place",), named=True),
    Wrong("in place for a single row", cut_in_place_for_single_rows, ("scores-changed-in-place",)),
    Wrong("in place where all scores are negative", cut_in_place_when_all_negative, ("scores-changed-in-place",)),
    Wrong("in place for float32", cut_in_place_for_float32, ("scores-changed-in-place",)),
    Wrong("rows that are views", cut_rows_that_are_views, ("scores-changed-in-place",)),
    # dtypes
    Wrong("float64 by an np.zeros buffer", relu_into_zeros, ("weights-are-float64",), named=True),
    Wrong("float64 by np.array(L)", relu_with_an_array_for_the_length, ("weights-are-float64",), named=True),
    Wrong("float64 by np.prod", relu_with_an_int64_for_the_length, ("weights-are-float64",), named=True),
    Wrong("float64 by np.zeros to compare with", relu_with_zeros_to_compare, ("weights-are-float64",), named=True),
    Wrong("float64 by a list", relu_from_lists, ("weights-are-float64",), named=True),
    Wrong("float64 by a sum of np.ones", relu_summed_ones, ("weights-are-float64",), named=True),
    Wrong("float64 by np.vectorize", relu_vectorized, ("weights-are-float64",), named=True),
    Wrong("float64 by astype(float)", lambda s: relu_weights(s.astype(float)), ("weights-are-float64",), named=True),
    Wrong("float32 by astype", relu_by_float32, ("rounded-to-float32",), named=True),
    Wrong("float32 by torch.Tensor", relu_by_torch_float, ("rounded-to-float32",), named=True),
    Wrong("float32 inside, cast back to float64", relu_in_float32_and_back, ("computed-in-float32",)),
    Wrong("casts the weights to int", lambda s: relu_weights(s).astype(int), ("rounded-down",)),
    # memory
    Wrong("weights remembered by the shape of the scores", relu_kept_by_shape),
    Wrong("one output buffer for each shape, written over by the next call", relu_into_one_buffer),
    Wrong("the length of the first call", relu_with_the_first_length),
    # containers
    Wrong("a list of rows", lambda s: [relu_weights(row) for row in s.reshape(-1, s.shape[-1])],
          ("list-for-an-array",)),
    Wrong("a tuple of one", lambda s: (relu_weights(s),)),
    Wrong("weights and length, two results", lambda s: (relu_weights(s), s.shape[-1])),
    Wrong("np.matrix, which has two axes always", lambda s: np.matrix(relu_weights(s))),
    Wrong("an object array", lambda s: relu_weights(s).astype(object)),
    Wrong("a generator of rows", relu_as_a_generator),
    Wrong("a masked array that hides the negative ones", relu_masked, ("weights-are-float64",)),
    Wrong("ragged lists of the positive ones", relu_ragged, ("list-for-an-array",)),
    Wrong("None for a single row", relu_none_for_single_rows),
    Wrong("prints and returns nothing", relu_printed),
    Wrong("returns the first row alone: return inside the loop", relu_returns_in_the_loop),
    Wrong("returns the weights transposed", lambda s: relu_weights(s).T),
    Wrong("the positive ones alone", lambda s: s[s > 0] / s.shape[-1]),
    Wrong("one axis more", lambda s: relu_weights(s)[None]),
    Wrong("sums each row", lambda s: relu_weights(s).sum(axis=-1, keepdims=True)),
    # exceptions
    Wrong("L is not defined: NameError", relu_typo),
    Wrong("np.relu: AttributeError", relu_from_numpy),
    Wrong("scores.shape(-1): TypeError", relu_shape_called),
    Wrong("np.maximum of one array: TypeError", relu_maximum_of_one),
)

WRONG = MIXTURES | {
    "softmax_turns_each_row_into_weights": SOFTMAX,
    "this_width_spreads_products_by_eight": WIDTH,
    "scaling_brings_the_variance_back": VARIANCES,
    "relu_weights_are_divided_by_the_length": RELU,
}
WRONG = {name: (*WRONG[name], *OUTSIDERS.get(name, ())) for name in WRONG}
