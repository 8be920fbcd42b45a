"""A bank of right answers to exercises 1, 2, 3 and 7 of 05_weights that only look different, as students write them.

Everything here is NumPy, torch and the standard library, so a sandbox without attnlib can run it.
"""

import enum
import functools
import math
import statistics
import warnings
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from tests.problem_sets.right_05_weights_mixtures import MIXTURES
from tests.problem_sets.wrong_05_weights_outsiders import RIGHT as OUTSIDERS


class Wrapped:
    """An array inside an object that NumPy can ask for it."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


class Described:
    """An array inside an object that has only the array's description."""

    def __init__(self, array):
        self.array = array

    @property
    def __array_interface__(self):
        return self.array.__array_interface__


class Weights(np.ndarray):
    """An array by another name."""


# --- softmax_turns_each_row_into_weights: as in the old bank


def softmax_in_loops(scores):
    weights = np.empty_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        powers = [math.exp(score - max(scores[row])) for score in scores[row]]
        weights[row] = [power / sum(powers) for power in powers]
    return weights


def softmax_in_float64(scores):
    wide = scores.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(scores.dtype)


def softmax_by_logsumexp(scores):
    return np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))


def softmax_renormalised(scores):
    weights = np.exp(scores - np.max(scores, -1)[..., None])
    weights = weights / weights.sum(-1)[..., None]
    return weights / weights.sum(axis=-1, keepdims=True)


def softmax_on_a_copy(scores):
    weights = scores.copy()
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def softmax_row_by_row(scores):
    def one(row):
        powers = np.exp(row - row.max())
        return powers / powers.sum()

    return np.apply_along_axis(one, -1, scores)


def softmax_from_the_front(scores):
    front = np.moveaxis(scores, -1, 0)
    powers = np.exp(front - front.max(axis=0))
    return np.moveaxis(powers / powers.sum(axis=0), 0, -1)


def softmax_in_torch(scores):
    tensor = torch.from_numpy(scores)
    powers = (tensor - tensor.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


# --- scaling_brings_the_variance_back: as in the old bank


def variances_in_loops(Q, K):
    n, width = Q.shape
    products = []
    for r in range(n):
        total = 0.0
        for c in range(width):
            total += Q[r, c] * K[r, c]
        products.append(total)

    def variance(numbers):
        mean = sum(numbers) / n
        return sum((number - mean) ** 2 for number in numbers) / n

    return variance(products), variance([product / math.sqrt(width) for product in products])


def variances_by_einsum(Q, K):
    products = np.einsum("nd,nd->n", Q, K)
    return [products.var(), np.var(products / np.sqrt(Q.shape[1]))]


def variances_from_the_diagonal(Q, K):
    products = np.diag(Q @ K.T)
    before = np.mean((products - products.mean()) ** 2)
    return np.array([before, before / K.shape[1]])


def variances_in_torch(Q, K):
    products = (torch.from_numpy(Q) * torch.from_numpy(K)).sum(1)
    return products.var(correction=0), (products / Q.shape[1] ** 0.5).var(correction=0)


# --- relu_weights_are_divided_by_the_length: as in the old bank


def relu_by_where(scores):
    return np.where(scores > 0, scores, 0) / scores.shape[-1]


def relu_after_dividing(scores):
    return np.clip(scores / scores.shape[-1], 0, None)


def relu_by_product(scores):
    return scores * (scores > 0) / scores.shape[-1]


def relu_by_halves(scores):
    return (scores + abs(scores)) / 2 / scores.shape[-1]


def relu_in_loops(scores):
    weights = np.zeros_like(scores)
    for at in np.ndindex(scores.shape):
        weights[at] = max(scores[at], 0) / scores.shape[-1]
    return weights


def relu_on_a_copy(scores):
    weights = scores.copy()
    weights[weights < 0] = 0
    weights /= weights.shape[-1]
    return weights


def relu_in_torch(scores):
    return torch.from_numpy(scores).relu() / scores.shape[-1]


# --- softmax_turns_each_row_into_weights: new


def plain_softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_as_a_subclass(scores):
    return plain_softmax(scores).view(Weights)


def softmax_wrapped(scores):
    return Wrapped(plain_softmax(scores))


def softmax_described(scores):
    return Described(plain_softmax(scores))


def softmax_in_longdouble(scores):
    wide = scores.astype(np.longdouble)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(scores.dtype)


def softmax_in_fortran_order(scores):
    return np.asfortranarray(plain_softmax(scores))


def softmax_read_only(scores):
    weights = plain_softmax(scores)
    weights.flags.writeable = False
    return weights


def softmax_as_a_view_of_more(scores):
    """Every second entry of a buffer, so the result is not contiguous."""
    buffer = np.full(scores.shape[:-1] + (2 * scores.shape[-1],), np.nan, scores.dtype)
    buffer[..., ::2] = plain_softmax(scores)
    return buffer[..., ::2]


def softmax_with_negative_strides(scores):
    return plain_softmax(scores[..., ::-1])[..., ::-1]


def softmax_quietly(scores):
    with np.errstate(all="ignore"):
        return plain_softmax(scores)


def softmax_that_tries_without_the_shift(scores):
    """It warns where exp overflows, then computes again."""
    powers = np.exp(scores)
    total = powers.sum(axis=-1, keepdims=True)
    plain = powers / total
    safe = np.isfinite(total).all() and (total > 1e-30).all()
    return plain if safe else plain_softmax(scores)


def softmax_that_warns(scores):
    warnings.warn("softmax is about to be computed", stacklevel=2)
    return plain_softmax(scores)


def softmax_that_prints(scores):
    print("scores", scores.shape, scores.dtype)
    weights = plain_softmax(scores)
    print("weights", weights.shape)
    return weights


def softmax_with_a_gradient(scores):
    tensor = torch.tensor(scores, requires_grad=True)
    powers = torch.exp(tensor - tensor.max(-1, keepdim=True).values)
    return powers / powers.sum(-1, keepdim=True)


def softmax_by_torch_transposes(scores):
    tensor = torch.tensor(scores)
    powers = (tensor - tensor.amax(-1, keepdim=True)).exp()
    return (powers.transpose(0, -1) / powers.transpose(0, -1).sum(0)).transpose(0, -1).numpy()


def softmax_with_a_tiny_epsilon(scores):
    """The sum is at least 1, so 1e-12 is hardly there."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / (powers.sum(axis=-1, keepdims=True) + 1e-12)


def softmax_twice_normalised(scores):
    weights = plain_softmax(scores)
    for _ in range(3):
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights


def softmax_by_logarithms(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.exp(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax_with_a_padding_key(scores):
    """A key at -1e9 takes nothing, and is cut off again."""
    padding = np.full(scores.shape[:-1] + (1,), -1e9, scores.dtype)
    return plain_softmax(np.concatenate([scores, padding], axis=-1))[..., :-1]


def softmax_by_masking(scores):
    top = np.where(np.isinf(scores), -1e9, scores).max(axis=-1, keepdims=True)
    return plain_softmax(np.where(np.isinf(scores), -1e9, scores) - top)


def softmax_by_recursion(scores):
    if scores.ndim == 1:
        powers = np.exp(scores - max(scores))
        return powers / sum(powers)
    return np.stack([softmax_by_recursion(part) for part in scores])


def softmax_by_a_generator(scores):
    def rows():
        for row in scores.reshape(-1, scores.shape[-1]):
            powers = np.exp(row - row.max())
            yield powers / powers.sum()

    return np.array(list(rows()), dtype=scores.dtype).reshape(scores.shape)


def softmax_by_fsum(scores):
    weights = np.empty(scores.shape, scores.dtype)
    for at in np.ndindex(scores.shape[:-1]):
        top = float(scores[at].max())
        powers = [math.exp(float(x) - top) for x in scores[at]]
        weights[at] = np.array(powers) / math.fsum(powers)
    return weights


def softmax_vectorized_by_signature(scores):
    return np.vectorize(lambda row: np.exp(row - row.max()) / np.exp(row - row.max()).sum(), signature="(m)->(m)")(
        scores)


def softmax_by_einsum(scores):
    powers = np.exp(scores - np.amax(scores, axis=-1, keepdims=True))
    return np.einsum("...m,...->...m", powers, 1 / np.einsum("...m->...", powers))


def softmax_by_reduce(scores):
    top = np.maximum.reduce(scores, axis=-1, keepdims=True)
    powers = np.exp(np.subtract(scores, top))
    return np.divide(powers, np.add.reduce(powers, axis=-1, keepdims=True))


def softmax_by_differences(scores):
    """1 over the sum of exp(s_k - s_j); an exponential that overflows gives the weight 0."""
    with np.errstate(over="ignore"):
        return 1 / np.exp(scores[..., None, :] - scores[..., :, None]).sum(axis=-1)


def softmax_shifted_a_little_more(scores):
    """Any number near the largest may be taken off."""
    return (lambda powers: powers / powers.sum(axis=-1, keepdims=True))(
        np.exp(scores - scores.max(axis=-1, keepdims=True) - 1))


def softmax_over_axis(scores, axis=-1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


class Softmax:
    """A softmax to call."""

    def __init__(self, axis):
        self.axis = axis

    def __call__(self, scores):
        return softmax_over_axis(scores, self.axis)

    def along(self, scores):
        return self(scores)


# --- scaling_brings_the_variance_back: new

Variances = namedtuple("Variances", "before after")


class Pair(tuple):
    """A tuple by another name."""


def plain_variances(Q, K):
    products = (Q * K).sum(axis=1)
    return products.var(), (products / K.shape[1] ** 0.5).var()


def variances_by_name(Q, K):
    return Variances(*plain_variances(Q, K))


def variances_as_a_pair(Q, K):
    return Pair(plain_variances(Q, K))


def variances_wrapped(Q, K):
    return Wrapped(np.array(plain_variances(Q, K)))


def variances_described(Q, K):
    return Described(np.array(plain_variances(Q, K)))


def variances_as_arrays(Q, K):
    return [np.array(variance) for variance in plain_variances(Q, K)]


def variances_in_longdouble(Q, K):
    products = (Q.astype(np.longdouble) * K).sum(axis=-1)
    return np.var(products), np.var(products / np.sqrt(np.longdouble(K.shape[1])))


def variances_by_fractions(Q, K):
    products = [sum(Fraction(float(q)) * Fraction(float(k)) for q, k in zip(*rows)) for rows in zip(Q, K)]
    mean = sum(products) / len(products)
    before = sum((p - mean) ** 2 for p in products) / len(products)
    return before, before / K.shape[1]


def variances_by_decimals(Q, K):
    products = [sum(Decimal(float(q)) * Decimal(float(k)) for q, k in zip(*rows)) for rows in zip(Q, K)]
    mean = sum(products) / len(products)
    before = sum((p - mean) ** 2 for p in products) / len(products)
    return before, before / K.shape[1]


def variances_by_statistics(Q, K):
    products = [math.fsum(float(q) * float(k) for q, k in zip(*rows)) for rows in zip(Q, K)]
    return statistics.pvariance(products), statistics.pvariance([p / math.sqrt(len(Q[0])) for p in products])


def variances_by_cov(Q, K):
    products = (Q * K).sum(axis=1)
    return np.cov(products, bias=True), np.cov(products / np.sqrt(K.shape[1]), ddof=0)


def variances_with_a_gradient(Q, K):
    Q, K = torch.tensor(Q, requires_grad=True), torch.tensor(K)
    products = torch.einsum("nd,nd->n", Q, K)
    return products.var(unbiased=False), (products / K.shape[1] ** 0.5).var(unbiased=False)


def variances_in_one_tensor(Q, K):
    products = torch.from_numpy(Q).mul(torch.from_numpy(K)).sum(-1)
    return torch.stack([products, products / math.sqrt(Q.shape[1])]).var(dim=1, correction=0)


def variances_by_halves_of_differences(Q, K):
    """The mean of (p_r - p_s)² / 2 over all r and s is the variance."""
    products = (Q * K).sum(axis=1)
    before = ((products[:, None] - products) ** 2).mean() / 2
    scaled = products / K.shape[1] ** 0.5
    return before, ((scaled[:, None] - scaled) ** 2).mean() / 2


def variances_one_by_one(Q, K):
    """Welford's recurrence, one pair at a time."""
    def variance(numbers):
        mean = squares = 0.0
        for n, x in enumerate(numbers, 1):
            off = x - mean
            mean += off / n
            squares += off * (x - mean)
        return squares / n

    return variance(float(q @ k) for q, k in zip(Q, K)), variance(float(q @ k) / len(q) ** 0.5 for q, k in zip(Q, K))


def variances_by_recursion(Q, K):
    def dot(q, k):
        return q[0] * k[0] + dot(q[1:], k[1:]) if len(q) else 0.0

    products = np.array([dot(q, k) for q, k in zip(Q, K)])
    return np.var(products), np.var(products * K.shape[1] ** -0.5)


def variances_by_vectorize(Q, K):
    dot = np.vectorize(np.dot, signature="(d),(d)->()")
    return dot(Q, K).var(), dot(Q, K / np.sqrt(K.shape[1])).var()


def variances_by_batched_products(Q, K):
    products = (Q[:, None, :] @ K[:, :, None])[:, 0, 0]
    return products.var(), (products / np.sqrt(Q.shape[1])).var()


def variances_read_only(Q, K):
    both = np.array(plain_variances(Q, K))
    both.flags.writeable = False
    return both


def variances_as_a_view(Q, K):
    before, after = plain_variances(Q, K)
    return np.array([[before, np.nan], [after, np.nan]])[:, 0]


def variances_that_print(Q, K):
    before, after = plain_variances(Q, K)
    print(f"before {before:.3f}, after {after:.3f}")
    return before, after


def variances_that_warn(Q, K):
    warnings.warn("n is small", stacklevel=2)
    with np.errstate(all="ignore"):
        return plain_variances(Q, K)


def variances_of(correction, Q, K):
    products = (Q * K).sum(axis=1)
    return np.var(products, ddof=correction), np.var(products / K.shape[1] ** 0.5, ddof=correction)


class Measure:
    """The variances to call."""

    def __call__(self, Q, K):
        products = np.array([np.inner(q, k) for q, k in zip(Q, K)])
        return [self.variance(products), self.variance(products / math.sqrt(K.shape[1]))]

    @staticmethod
    def variance(numbers):
        return float(np.mean(np.square(numbers - np.mean(numbers))))


# --- this_width_spreads_products_by_eight: new


class Number:
    """A number that knows only how to become a float, as SymPy's do."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


class Sizes(enum.IntEnum):
    """Widths with names."""

    D_K = 64


class Width(float):
    """A float by another name."""


READ_ONLY = np.array(64.0)
READ_ONLY.flags.writeable = False

# --- relu_weights_are_divided_by_the_length: new


def plain_relu(scores):
    return np.maximum(scores, 0) / scores.shape[-1]


def relu_as_a_subclass(scores):
    return plain_relu(scores).view(Weights)


def relu_wrapped(scores):
    return Wrapped(plain_relu(scores))


def relu_described(scores):
    return Described(plain_relu(scores))


def relu_in_longdouble(scores):
    return (np.maximum(scores.astype(np.longdouble), 0) / scores.shape[-1]).astype(scores.dtype)


def relu_in_float64(scores):
    return (np.maximum(scores.astype(np.float64), 0) / np.array(scores.shape[-1])).astype(scores.dtype)


def relu_in_fortran_order(scores):
    return np.asfortranarray(plain_relu(scores))


def relu_read_only(scores):
    weights = plain_relu(scores)
    weights.flags.writeable = False
    return weights


def relu_as_a_view_of_more(scores):
    buffer = np.full(scores.shape[:-1] + (2 * scores.shape[-1],), np.nan, scores.dtype)
    buffer[..., 1::2] = plain_relu(scores)
    return buffer[..., 1::2]


def relu_from_the_back(scores):
    return plain_relu(scores[..., ::-1])[..., ::-1]


def relu_by_negative_zeros(scores):
    """-0.0 where a score is negative is still 0."""
    return -np.minimum(-scores, 0) / scores.shape[-1]


def relu_by_subtraction(scores):
    return (scores - np.minimum(scores, 0)) / scores.shape[-1]


def relu_by_choose(scores):
    return np.select([scores > 0, scores <= 0], [scores, np.zeros_like(scores)]) / len(scores[..., :].T)


def relu_where_it_is_positive(scores):
    return np.divide(scores, scores.shape[-1], out=np.zeros_like(scores), where=scores > 0)


def relu_by_vectorize(scores):
    L = scores.shape[-1]
    return np.vectorize(lambda score: max(score, 0) / L, otypes=[scores.dtype])(scores)


def relu_by_rows(scores):
    return np.apply_along_axis(lambda row: row.clip(min=0) / len(row), -1, scores)


def relu_by_recursion(scores):
    if scores.ndim > 1:
        return np.array([relu_by_recursion(part) for part in scores])
    return np.array([score if score > 0 else 0 for score in scores], scores.dtype) / len(scores)


def relu_by_a_generator(scores):
    weights = (max(score, 0) / scores.shape[-1] for score in scores.flat)
    return np.fromiter(weights, scores.dtype).reshape(scores.shape)


def relu_that_prints(scores):
    print("L =", scores.shape[-1])
    return plain_relu(scores)


def relu_that_warns(scores):
    """Both branches are computed, and the logarithm of a negative score warns."""
    return np.where(scores > 0, scores + 0 * np.log(scores), 0) / scores.shape[-1]


def relu_quietly(scores):
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.sqrt(scores) * 0 + scores, nan=0.0) / scores.shape[-1]


def relu_with_a_gradient(scores):
    return torch.tensor(scores, requires_grad=True).relu() / scores.shape[-1]


def relu_by_clamp(scores):
    return (torch.tensor(scores).clamp(min=0) / scores.shape[-1]).numpy()


def relu_by_fractions(scores):
    exact = [Fraction(float(score)) / scores.shape[-1] if score > 0 else 0 for score in scores.ravel()]
    return np.array([float(weight) for weight in exact], scores.dtype).reshape(scores.shape)


def relu_with_a_padding_key(scores):
    padding = np.full(scores.shape[:-1] + (1,), -1e9, scores.dtype)
    return np.maximum(np.concatenate([scores, padding], axis=-1), 0)[..., :-1] / scores.shape[-1]


def relu_cut_at(least, scores):
    return np.maximum(scores, least) / scores.shape[-1]


class Relu:
    """ReLU weights to call."""

    def __call__(self, scores):
        positive = np.array(scores, copy=True)
        positive[positive < 0] = 0
        return positive / positive.shape[-1]


RIGHT = MIXTURES | {
    "softmax_turns_each_row_into_weights": (
        softmax_in_loops, softmax_in_float64, softmax_by_logsumexp, softmax_renormalised, softmax_on_a_copy,
        softmax_row_by_row, softmax_from_the_front, softmax_in_torch,
        plain_softmax, softmax_as_a_subclass, softmax_wrapped, softmax_described, softmax_in_longdouble,
        softmax_in_fortran_order, softmax_read_only, softmax_as_a_view_of_more, softmax_with_negative_strides,
        softmax_quietly, softmax_that_tries_without_the_shift, softmax_that_warns, softmax_that_prints,
        softmax_with_a_gradient, softmax_by_torch_transposes, softmax_with_a_tiny_epsilon, softmax_twice_normalised,
        softmax_by_logarithms, softmax_with_a_padding_key, softmax_by_masking, softmax_by_recursion,
        softmax_by_a_generator, softmax_by_fsum, softmax_vectorized_by_signature, softmax_by_einsum,
        softmax_by_reduce, softmax_by_differences, softmax_shifted_a_little_more, softmax_over_axis, Softmax(-1),
        Softmax(-1).along, functools.partial(softmax_over_axis, axis=-1)),
    "this_width_spreads_products_by_eight": (
        64, 64.0, np.int32(64), np.float32(64), torch.tensor(64.0), np.array(64),
        Fraction(64), Decimal(64), Decimal("64.000"), np.int64(64), np.uint8(64), np.float16(64), np.float64(64),
        np.longdouble(64), np.array(64.0), READ_ONLY, torch.tensor(64), torch.tensor(64.0, requires_grad=True),
        torch.tensor(64.0, dtype=torch.float64), Number(64), Sizes.D_K, Width(64), math.sqrt(4096), math.pow(8, 2),
        np.square(8), 8 / 0.125, math.exp(6 * math.log(2)), np.sum(np.ones(64)), Fraction(128, 2)),
    "scaling_brings_the_variance_back": (
        variances_in_loops, variances_by_einsum, variances_from_the_diagonal, variances_in_torch,
        plain_variances, variances_by_name, variances_as_a_pair, variances_wrapped, variances_described,
        variances_as_arrays, variances_in_longdouble, variances_by_fractions, variances_by_decimals,
        variances_by_statistics, variances_by_cov, variances_with_a_gradient, variances_in_one_tensor,
        variances_by_halves_of_differences, variances_one_by_one, variances_by_recursion, variances_by_vectorize,
        variances_by_batched_products, variances_read_only, variances_as_a_view, variances_that_print,
        variances_that_warn, functools.partial(variances_of, 0), Measure()),
    "relu_weights_are_divided_by_the_length": (
        relu_by_where, relu_after_dividing, relu_by_product, relu_by_halves, relu_in_loops, relu_on_a_copy,
        relu_in_torch,
        plain_relu, relu_as_a_subclass, relu_wrapped, relu_described, relu_in_longdouble, relu_in_float64,
        relu_in_fortran_order, relu_read_only, relu_as_a_view_of_more, relu_from_the_back, relu_by_negative_zeros,
        relu_by_subtraction, relu_by_choose, relu_where_it_is_positive, relu_by_vectorize, relu_by_rows,
        relu_by_recursion, relu_by_a_generator, relu_that_prints, relu_that_warns, relu_quietly,
        relu_with_a_gradient, relu_by_clamp, relu_by_fractions, relu_with_a_padding_key,
        functools.partial(relu_cut_at, 0), Relu()),
}
RIGHT = {name: (*RIGHT[name], *OUTSIDERS.get(name, ())) for name in RIGHT}
