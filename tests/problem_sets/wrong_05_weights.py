"""Wrong answers to 05_weights that the spec does not list. All of them must lose marks."""

import numpy as np

from attnlib.attention import attend
from attnlib.scores import scaled_dot
from attnlib.weights import relu_weights, softmax
from tests.problem_sets.anything import OnlyOnce

# They lean on attnlib to be short; the tests allow that.


def rounded(function):
    """The right numbers to three digits."""
    def function_to_three(*args):
        got = function(*args)
        return tuple(part.round(3) for part in got) if isinstance(got, tuple) else got.round(3)

    return function_to_three


def clipped(s):
    """No overflow, but no right weights either."""
    e = np.exp(np.clip(s, -500, 500))
    return e / e.sum(axis=-1, keepdims=True)


def with_epsilon(s):
    """A row that underflows becomes zeros instead of weights."""
    e = np.exp(s)
    return e / (e.sum(axis=-1, keepdims=True) + 1e-9)


def mean_off(s):
    """The mean instead of the largest: the numbers are right until a row is wide."""
    e = np.exp(s - s.mean(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def least_off(s):
    e = np.exp(s - s.min(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def column_maximum_off(s):
    e = np.exp(s - s.max(axis=0, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def absolute(s):
    e = abs(s)
    return e / e.sum(axis=-1, keepdims=True)


def one_plus(s):
    """The exponential of s, to second order."""
    e = 1 + s + s**2 / 2
    return e / e.sum(axis=-1, keepdims=True)


def nan_to_zero(s):
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True))


def diagonal_only(Q, K, V):
    return V[: len(Q)], np.eye(len(Q), len(K))


def lists_for_arrays(Q, K, V):
    return [part.tolist() for part in attend(Q, K, V)]


WRONG = {
    "softmax_turns_each_row_into_weights": (
        clipped, with_epsilon, mean_off, least_off, column_maximum_off, absolute, one_plus, nan_to_zero,
        rounded(softmax), OnlyOnce(softmax),
        lambda s: softmax(s / 2), lambda s: softmax(s).T, lambda s: softmax(s[..., ::-1]), lambda s: softmax(s)[:1],
        lambda s: softmax(s).tolist(), lambda s: softmax(s.astype(np.float16)), lambda s: softmax(s) + 1e-4,
        lambda s: np.sort(softmax(s)), lambda s: np.full_like(s, 1 / s.shape[-1]), lambda s: softmax(abs(s)),
        lambda s: softmax(s).astype(complex), lambda s: softmax(np.round(s)), lambda s: softmax(s.reshape(len(s), -1)),
    ),
    "this_width_spreads_products_by_eight": (
        16, 63, 65, 2, 512, -64, 0, None, "64", "sixty-four", [64], np.array([64]), (64,), float("nan"), float("inf"),
        64j, True, lambda: 64, {"width": 64}, 64.5,
    ),
    "scaling_brings_the_variance_back": (
        lambda Q, K: (Q.shape[1], 1), lambda Q, K: (1, 1), lambda Q, K: (Q.var(), K.var()),
        lambda Q, K: ((Q * K).sum(1).mean(), (Q * K).sum(1).mean() / K.shape[1] ** 0.5),
        lambda Q, K: ((Q * K).sum(1), (Q * K).sum(1) / K.shape[1] ** 0.5),
        lambda Q, K: ((Q * K).sum(1).var(), (Q * K).sum(1).var() / 2),
        lambda Q, K: ((Q * K).sum(1).var(), ((Q * K).sum(1) // K.shape[1] ** 0.5).var()),
        lambda Q, K: ((Q * Q).sum(1).var(), (Q * Q).sum(1).var() / K.shape[1]),
        lambda Q, K: ((Q * K).sum(1).var(), 1.0), lambda Q, K: (Q.shape[1], (Q * K).sum(1).var() / K.shape[1]),
    ),
    "scores_are_divided_by_the_root_of_d_k": (
        rounded(scaled_dot), OnlyOnce(scaled_dot), lambda Q, K: Q @ K.T / 2, lambda Q, K: Q @ K.T // K.shape[1] ** 0.5,
        lambda Q, K: Q @ K.T - K.shape[1] ** 0.5, lambda Q, K: Q @ K.T / (K.shape[1] + 1) ** 0.5,
        lambda Q, K: Q @ K.T / Q.size**0.5, lambda Q, K: scaled_dot(Q, K).tolist(), lambda Q, K: scaled_dot(Q, Q),
        lambda Q, K: scaled_dot(K, K), lambda Q, K: scaled_dot(Q, K).astype(np.float16),
        lambda Q, K: softmax(scaled_dot(Q, K)), lambda Q, K: abs(scaled_dot(Q, K)),
        lambda Q, K: ((Q[:, None] - K) ** 2).sum(-1) / K.shape[1] ** 0.5, lambda Q, K: scaled_dot(Q, K)[None],
    ),
    "one_output_is_a_mixture_of_all_values": (
        lambda i, Q, K, V: attend(Q, K, V)[0][-1], lambda i, Q, K, V: attend(Q, K, V)[0][0],
        lambda i, Q, K, V: attend(Q, K, V)[0][i : i + 1], lambda i, Q, K, V: attend(Q, K, V)[0][i] + V[i],
        lambda i, Q, K, V: V.sum(axis=0), lambda i, Q, K, V: V[attend(Q, K, V)[1][i].argmax()],
        lambda i, Q, K, V: attend(Q, K, V)[0][i].round(2), lambda i, Q, K, V: attend(Q, K, V)[0][i].tolist()[:1],
        lambda i, Q, K, V: attend(Q, K, V[::-1])[0][i], lambda i, Q, K, V: attend(K, K, V)[0][i],
        lambda i, Q, K, V: attend(Q, Q, V)[0][i], lambda i, Q, K, V: mean_off(scaled_dot(Q, K))[i] @ V,
        lambda i, Q, K, V: relu_weights(scaled_dot(Q, K))[i] @ V, lambda i, Q, K, V: np.zeros(V.shape[1]),
        lambda i, Q, K, V: attend(Q, K, V)[0][min(i + 1, len(V) - 1)],
    ),
    "attend_gives_mixtures_and_weights": (
        rounded(attend), diagonal_only, lists_for_arrays, lambda Q, K, V: attend(Q, Q, V[: len(Q)]),
        lambda Q, K, V: (attend(Q, K, V)[0],) * 2, lambda Q, K, V: (attend(Q, K, V)[1],) * 2,
        lambda Q, K, V: np.stack(attend(Q, K, V[:, :1].repeat(len(K), 1))), lambda Q, K, V: attend(Q, K, V[::-1]),
        lambda Q, K, V: (relu_weights(scaled_dot(Q, K)) @ V, relu_weights(scaled_dot(Q, K))),
        lambda Q, K, V: tuple(part.astype(float) for part in attend(Q, K, V)),
        lambda Q, K, V: (attend(Q, K, V)[0] + Q.mean(), attend(Q, K, V)[1]),
        lambda Q, K, V: (mean_off(scaled_dot(Q, K)) @ V, mean_off(scaled_dot(Q, K))),
        lambda Q, K, V: (attend(Q, K, V)[0].T, attend(Q, K, V)[1]), lambda Q, K, V: attend(Q[::-1], K, V),
        lambda Q, K, V: (V.mean(0) + 0 * Q[:, :1], np.full((len(Q), len(K)), 1 / len(K))),
    ),
    "relu_weights_are_divided_by_the_length": (
        rounded(relu_weights), OnlyOnce(relu_weights), lambda s: np.maximum(s, 0) / 7,
        lambda s: np.minimum(s, 0) / s.shape[-1],
        lambda s: np.maximum(s, 0) // s.shape[-1], lambda s: np.maximum(s, 1) / s.shape[-1],
        lambda s: np.maximum(s, 0.01 * s) / s.shape[-1], lambda s: np.log1p(np.exp(s)) / s.shape[-1],
        lambda s: relu_weights(s).tolist(), lambda s: relu_weights(s) ** 2, lambda s: -relu_weights(-s),
        lambda s: np.maximum(s, 0) / (s.shape[-1] + 1), lambda s: np.maximum(s, 0) / s.ndim,
        lambda s: np.maximum(s, 0).mean(axis=-1), lambda s: relu_weights(s).astype(np.float16),
        lambda s: np.clip(s, 0, 1) / s.shape[-1],
    ),
}

# Known slips as learners spell them: without the shift, with np.sqrt, with other functions, two at once.


def e_over_sum(scores, axis, **keep):
    e = np.exp(scores)
    return e / np.sum(e, axis, **keep)


def in_place_relu(scores):
    scores[scores < 0] = 0.0
    scores /= scores.shape[-1]
    return scores


def attend_plainly(Q, K, V, axis=-1, scale=None):
    """Attention as it is first written: no shift, np.sqrt."""
    scores = Q @ K.T / (np.sqrt(Q.shape[1]) if scale is None else scale)
    alpha = np.exp(scores) / np.exp(scores).sum(axis=axis, keepdims=True)
    return np.dot(alpha, V), alpha


def output_by_hand(i, Q, K, V):
    total = 0
    weights = np.exp([Q[i] @ k for k in K])
    for j in range(len(K)):
        total += weights[j] * V[j]
    return total / weights.sum()


def output_without_itself(i, Q, K, V):
    others = [j for j in range(len(K)) if j != i] or [i]
    weights = softmax(np.array([Q[i] @ K[j] / np.sqrt(len(K[j])) for j in others]))
    return sum(w * V[j] for w, j in zip(weights, others))


def all_but_itself(Q, K, V):
    scores = scaled_dot(Q, K)
    for i in range(min(scores.shape)):
        if len(K) > 1:
            scores[i, i] = -1e9
    return softmax(scores) @ V, softmax(scores)


SPELLED = {
    "softmax_turns_each_row_into_weights": (
        ("softmax-over-queries", lambda s: e_over_sum(s, 0)),
        ("softmax-over-the-matrix", lambda s: np.exp(s) / np.exp(s).sum()),
        ("exponential-overflows", lambda s: e_over_sum(s, -1, keepdims=True)),
        ("exponential-overflows", lambda s: e_over_sum(s.astype(float), -1, keepdims=True)),
        ("all-weight-to-the-largest", lambda s: np.eye(s.shape[-1])[s.argmax(-1)]),
        ("powers-of-two", lambda s: 2**s / (2**s).sum(-1, keepdims=True)),
        ("logarithms-of-the-weights", lambda s: np.log(softmax(s))),
        ("axis-1-for-the-last", lambda s: e_over_sum(s, 1, keepdims=True)),  # and the exponential overflows
        ("sums-have-lost-an-axis", lambda s: e_over_sum(s, -1)),
        ("not-divided-by-the-sum", lambda s: np.exp(s)),
    ),
    "scaling_brings_the_variance_back": (
        ("every-query-with-every-key", lambda Q, K: (np.var(Q @ K.T), np.var(Q @ K.T / np.sqrt(K.shape[1])))),
        ("standard-deviations", lambda Q, K: [
        np.std((Q * K).sum(1)), np.std((Q * K).sum(1) / Q.shape[1] ** 0.5)]),
        ("divided-by-n-minus-1", lambda Q, K: tuple(
        np.var((Q * K).sum(1) / scale, ddof=1) for scale in (1, np.sqrt(K.shape[1])))),
    ),
    "scores_are_divided_by_the_root_of_d_k": (
        ("not-scaled", lambda Q, K: np.einsum("id,jd->ij", Q, K)),
        ("keys-not-transposed", lambda Q, K: Q @ K / np.sqrt(Q.shape[1])),
        ("keys-not-transposed", lambda Q, K: Q.dot(K) / np.sqrt(Q.shape[1])),
        ("divided-by-d-k", lambda Q, K: np.inner(Q, K) / len(K[0])),
        ("divided-by-the-norm-of-the-query", lambda Q, K: Q @ K.T / np.sqrt((Q**2).sum(1))[:, None]),
        ("queries-and-keys-swapped", lambda Q, K: (Q @ K.T / np.sqrt(Q.shape[1])).T),
        ("root-is-float64", lambda Q, K: np.dot(Q, K.T) / np.sqrt(K.shape[-1])),
        ("root-of-the-number-of-queries", lambda Q, K: Q @ K.T / np.sqrt(Q.shape[0])),
    ),
    "one_output_is_a_mixture_of_all_values": (
        ("keys-not-transposed", lambda i, Q, K, V: softmax(Q[i] @ K / np.sqrt(Q.shape[1])) @ V),
        ("weights-and-values-do-not-fit", lambda i, Q, K, V: attend_plainly(Q, K, V)[1][i] * V),
        ("not-scaled", output_by_hand),  # and the exponential overflows
        ("own-key-left-out", output_without_itself),
        ("exponential-overflows", lambda i, Q, K, V: attend_plainly(Q, K, V)[0][i]),
        ("queries-and-keys-swapped", lambda i, Q, K, V: softmax(Q @ K[i] / np.sqrt(K.shape[1])) @ V),
        ("same-weight-for-all", lambda i, Q, K, V: np.mean(V, 0)),
    ),
    "attend_gives_mixtures_and_weights": (
        ("keys-not-transposed", lambda Q, K, V: (softmax(Q @ K) @ V, softmax(Q @ K))),
        ("weights-times-values-by-component", lambda Q, K, V: (softmax(scaled_dot(Q, K)) * V, scaled_dot(Q, K))),
        ("softmax-over-queries", lambda Q, K, V: attend_plainly(Q, K, V, axis=0)),
        ("softmax-over-the-matrix", lambda Q, K, V: attend_plainly(Q, K, V, axis=None)),
        ("exponential-overflows", attend_plainly),
        ("not-scaled", lambda Q, K, V: attend_plainly(Q, K, V, scale=1)),
        ("divided-by-d-k", lambda Q, K, V: attend_plainly(Q, K, V, scale=Q.shape[1])),
        ("root-of-d-v", lambda Q, K, V: attend_plainly(Q, K, V, scale=np.sqrt(V.shape[1]))),
        ("own-key-left-out", all_but_itself),
        ("only-the-outputs", lambda Q, K, V: attend_plainly(Q, K, V)[0]),
        ("outputs-and-weights-swapped", lambda Q, K, V: list(attend_plainly(Q, K, V)[::-1])),
    ),
    "relu_weights_are_divided_by_the_length": (
        ("not-divided-by-the-length", lambda s: np.where(s > 0, s, 0)),
        ("scores-changed-in-place", in_place_relu),
        ("divided-by-the-number-of-rows", lambda s: (s * (s > 0)) / s.shape[0]),
        ("divided-by-the-row-sum", lambda s: s.clip(0) / s.clip(0).sum(-1, keepdims=True)),
        ("divided-by-the-positive-ones", lambda s: s.clip(0) / (s > 0).sum(-1, keepdims=True)),
        ("divided-by-the-root-of-the-length", lambda s: np.maximum(0, s) / np.sqrt(s.shape[-1])),
        ("negative-scores-keep-their-size", lambda s: np.abs(s) / s.shape[-1]),
    ),
}
