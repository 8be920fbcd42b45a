"""Right answers to exercises 4, 5 and 6 of 05_weights that only look different. NumPy, the standard library, torch.

Right means: 1e-12 in float64, float32 out of float32 where the statement asks for it, the caller's arrays untouched.
"""

import functools
import math
from collections import namedtuple
from typing import NamedTuple

import numpy as np
import torch

# --- steps that several answers share


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


# --- scores_are_divided_by_the_root_of_d_k


def scores_in_loops(Q, K):
    scores = np.zeros((len(Q), len(K)), Q.dtype)
    for i, query in enumerate(Q):
        for j, key in enumerate(K):
            scores[i, j] = sum(query * key) / math.sqrt(len(key))
    return scores


def scores_by_einsum(Q, K):
    return np.einsum("id,jd->ij", Q, K) * K.shape[-1] ** -0.5


def scores_with_scaled_queries(Q, K):
    return (Q / math.sqrt(Q.shape[-1])) @ K.T


def scores_with_both_scaled(Q, K):
    fourth = K.shape[1] ** 0.25
    return (K / fourth @ (Q / fourth).T).T


def scores_by_broadcasting(Q, K):
    return (Q[:, None, :] * K[None, :, :]).sum(axis=-1) / K.shape[1] ** 0.5


def scores_cast_back(Q, K):
    return (Q @ K.T / np.sqrt(Q.shape[1])).astype(Q.dtype)


def scores_in_torch(Q, K):
    return torch.from_numpy(Q) @ torch.from_numpy(K).mT / Q.shape[1] ** 0.5


def scores_by_inner(Q, K):
    return np.inner(Q, K) / math.sqrt(Q.shape[-1])


def scores_by_tensordot(Q, K):
    return np.tensordot(Q, K, axes=([1], [1])) * (1 / len(K[0]) ** (1 / 2))


def scores_the_other_way_round(Q, K):
    return (K @ Q.T).T / K.shape[1] ** 0.5


def scores_one_component_at_a_time(Q, K):
    """The components' outer products, added up; the result is in Fortran's order."""
    total = np.zeros((len(Q), len(K)), Q.dtype, order="F")
    for c in range(Q.shape[1]):
        total += np.outer(Q[:, c], K[:, c])
    total /= math.sqrt(Q.shape[1])
    return total


def scores_in_longdouble(Q, K):
    wide = Q.astype(np.longdouble) @ K.T.astype(np.longdouble) / np.sqrt(np.longdouble(K.shape[1]))
    return wide.astype(Q.dtype)


def scores_row_by_row(Q, K):
    d_k = np.asarray(K.shape[1], dtype=Q.dtype)
    return np.vstack([K @ q for q in Q]) / np.sqrt(d_k)


def scores_column_by_column(Q, K):
    return np.stack([(Q * k).sum(axis=1) for k in K], axis=1) / K.shape[1] ** 0.5


def scores_with_a_root_of_their_dtype(Q, K):
    return np.matmul(Q, np.transpose(K)) / Q.dtype.type(np.sqrt(K.shape[1]))


def scores_read_only(Q, K):
    scores = Q @ K.T / K.shape[1] ** 0.5
    scores.flags.writeable = False
    return scores


def scores_not_contiguous(Q, K):
    room = np.full((2 * len(Q), 3 * len(K)), np.nan, Q.dtype)
    room[::2, ::3] = Q @ K.T / K.shape[1] ** 0.5
    return room[::2, ::3]


def scores_that_are_talked_about(Q, K):
    scores = Q @ K.T
    print("before the scale:", scores.var())
    scores = scores / K.shape[1] ** 0.5
    print("after:", scores.var())
    return scores


def scores_with_a_gradient(Q, K):
    Q = torch.tensor(Q, requires_grad=True)
    return torch.einsum("id,jd->ij", Q, torch.tensor(K)) / K.shape[1] ** 0.5


def scores_out_of_distances(Q, K):
    """Twice the product is what the squared distance lacks of the two squared norms; written without a difference."""
    plus, minus = ((Q[:, None] + sign * K) ** 2 for sign in (1, -1))
    return (plus - minus).sum(axis=-1) / (4 * math.sqrt(K.shape[1]))


def scores_by_fsum(Q, K):
    return np.array([[math.fsum(map(float, q * k)) / math.sqrt(len(k)) for k in K] for q in Q], dtype=Q.dtype)


def scores_by_a_helper(Q, K, scale=None):
    if scale is None:
        scale = float(np.sqrt(K.shape[1]))
    return scaled_by(scale, Q, K)


def scaled_by(scale, Q, K):
    return Q @ K.T / scale


class Scorer:
    """A function that is an object."""

    def __init__(self, power):
        self.power = power

    def __call__(self, Q, K):
        return Q @ K.T * K.shape[1] ** self.power


class Holder:
    """Not an array, but NumPy can make one of it."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


def scores_in_a_holder(Q, K):
    return Holder(Q @ K.T / K.shape[1] ** 0.5)


class Named(np.ndarray):
    """An array of a class of its own."""


def scores_of_a_subclass(Q, K):
    return (Q @ K.T / K.shape[1] ** 0.5).view(Named)


# --- one_output_is_a_mixture_of_all_values


def output_in_loops(i, Q, K, V):
    scores = [sum(q * k for q, k in zip(Q[i], key)) / math.sqrt(len(key)) for key in K]
    powers = [math.exp(score - max(scores)) for score in scores]
    b = np.zeros(V.shape[1])
    for power, value in zip(powers, V):
        b += power / sum(powers) * value
    return b


def output_from_all(i, Q, K, V):
    return softmax_in_float64(scores_by_einsum(Q, K))[i] @ V


def output_divided_last(i, Q, K, V):
    scores = Q[i] @ K.T / np.sqrt(K.shape[1])
    powers = np.exp(scores - scores.max())
    return (powers[:, None] * V).sum(axis=0) / powers.sum()


def output_from_one_row(i, Q, K, V):
    return (softmax_by_logsumexp(Q[i : i + 1] @ K.T / K.shape[1] ** 0.5) @ V)[0]


def output_in_torch(i, Q, K, V):
    Q, K, V = map(torch.from_numpy, (Q, K, V))
    return torch.einsum("j,jd->d", torch.softmax(K @ Q[i] / K.shape[1] ** 0.5, 0), V)


def output_by_einsum(i, Q, K, V):
    scores = np.einsum("d,jd->j", Q[i], K) * K.shape[1] ** -0.5
    powers = np.exp(scores - scores.max())
    return np.einsum("j,jc->c", powers / powers.sum(), V)


def output_of_scaled_values(i, Q, K, V):
    scores = K @ (Q[i] / math.sqrt(len(Q[i])))
    powers = np.exp(scores - np.max(scores))
    return np.sum(V * (powers / np.sum(powers))[:, np.newaxis], axis=0)


def output_transposed(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    return V.T @ softmax_by_logsumexp(scores)


def output_in_longdouble(i, Q, K, V):
    scores = K.astype(np.longdouble) @ Q[i] / np.sqrt(np.longdouble(K.shape[1]))
    powers = np.exp(scores - scores.max())
    return (powers @ V / powers.sum()).astype(V.dtype)


def output_scaled_on_both_sides(i, Q, K, V):
    d = K.shape[1] ** 0.25
    return softmax_on_a_copy((K / d) @ (Q[i] / d)) @ V


def output_with_a_tiny_epsilon(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.max())
    return powers / (powers.sum() + 1e-12) @ V


def output_key_by_key(i, Q, K, V):
    """One pass over the keys: what is summed so far is rescaled when a larger score comes."""
    top, total, b = -math.inf, 0.0, np.zeros(V.shape[1])
    for key, value in zip(K, V):
        score = float(Q[i] @ key) / math.sqrt(len(key))
        larger = max(top, score)
        shrink, power = math.exp(top - larger), math.exp(score - larger)
        top, total, b = larger, total * shrink + power, b * shrink + power * value
    return b / total


def output_in_another_order(i, Q, K, V):
    order = np.arange(len(K))[::-1]
    scores = K[order] @ Q[i] / K.shape[1] ** 0.5
    return softmax_by_logsumexp(scores) @ V[order]


def output_with_the_own_key_apart(i, Q, K, V):
    own = float(Q[i] @ K[i]) / K.shape[1] ** 0.5
    others = np.delete(K, i, axis=0) @ Q[i] / K.shape[1] ** 0.5
    top = max([own, *others.tolist()])
    powers = np.exp(others - top)
    return (math.exp(own - top) * V[i] + powers @ np.delete(V, i, axis=0)) / (math.exp(own - top) + powers.sum())


def output_from_the_end(i, Q, K, V):
    return attend_by_einsum(Q, K, V)[0][i - len(Q)]


def output_read_only(i, Q, K, V):
    b = output_divided_last(i, Q, K, V)
    b.flags.writeable = False
    return b


def output_as_a_strided_column(i, Q, K, V):
    return np.asfortranarray(attend_divided_last(Q, K, V)[0])[i]


def output_while_printing(i, Q, K, V):
    alpha = softmax_row_by_row(scores_by_einsum(Q, K))[i]
    print("weights of position", i, alpha, "which sum to", alpha.sum())
    return alpha @ V


def output_with_a_gradient(i, Q, K, V):
    Q, K, V = (torch.tensor(array, requires_grad=True) for array in (Q, K, V))
    return torch.softmax(K @ Q[i] / K.shape[1] ** 0.5, dim=0) @ V


def output_by_logaddexp(i, Q, K, V):
    scores = [float(Q[i] @ key) / len(key) ** 0.5 for key in K]
    log_total = functools.reduce(np.logaddexp, scores)
    return np.sum([math.exp(score - log_total) * value for score, value in zip(scores, V)], axis=0)


def output_shifted_by_a_constant(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5 + 3
    return softmax_on_a_copy(scores[None])[0] @ V


class OneOutput:
    """A function that is an object."""

    def __call__(self, i, Q, K, V):
        return self.weights(Q[i], K) @ V

    @staticmethod
    def weights(q, K):
        return softmax_by_logsumexp(K @ q / K.shape[1] ** 0.5)


def output_given_its_weigher(weigh, i, Q, K, V):
    return weigh(K @ Q[i] / K.shape[1] ** 0.5) @ V


def output_in_a_holder(i, Q, K, V):
    return Holder(output_divided_last(i, Q, K, V))


# --- attend_gives_mixtures_and_weights


def attend_in_loops(Q, K, V):
    B, alpha = np.zeros((len(Q), V.shape[1]), Q.dtype), np.zeros((len(Q), len(K)), Q.dtype)
    for i in range(len(Q)):
        alpha[i] = softmax_in_loops(scores_in_loops(Q[i : i + 1], K))[0]
        for j in range(len(K)):
            B[i] += alpha[i, j] * V[j]
    return B, alpha


def attend_by_einsum(Q, K, V):
    alpha = softmax_by_logsumexp(np.einsum("nd,md->nm", Q, K) / math.sqrt(Q.shape[1]))
    return np.einsum("nm,mv->nv", alpha, V), alpha


def attend_in_float64(Q, K, V):
    Q64, K64, V64 = (array.astype(np.float64) for array in (Q, K, V))
    alpha = softmax_row_by_row(Q64 @ K64.T / np.sqrt(K.shape[1]))
    return [(alpha @ V64).astype(Q.dtype), alpha.astype(Q.dtype)]


def attend_in_torch(Q, K, V):
    Q, K, V = map(torch.from_numpy, (Q, K, V))
    alpha = (Q @ K.mT / K.shape[1] ** 0.5).softmax(-1)
    return alpha @ V, alpha


def attend_to_padded_keys(Q, K, V):
    """A padding key, hidden with -1e9, takes nothing."""
    K_padded, V_padded = np.vstack([K, np.ones_like(K[:1])]), np.vstack([V, np.ones_like(V[:1])])
    scores = Q @ K_padded.T / K.shape[1] ** 0.5
    scores[:, -1] = -1e9
    alpha = softmax_on_a_copy(scores)
    return alpha @ V_padded, alpha[:, :-1]


def attend_divided_last(Q, K, V):
    scores = scores_with_scaled_queries(Q, K)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    total = powers.sum(axis=1, keepdims=True)
    return powers @ V / total, powers / total


Attention = namedtuple("Attention", "outputs weights")


class Mixed(NamedTuple):
    """The pair, with names."""

    B: np.ndarray
    alpha: np.ndarray


class Pair(tuple):
    """A tuple of a class of its own."""


def attend_named(Q, K, V):
    return Attention(*attend_by_einsum(Q, K, V))


def attend_typed(Q, K, V):
    B, alpha = attend_divided_last(Q, K, V)
    return Mixed(alpha=alpha, B=B)


def attend_as_a_pair(Q, K, V):
    return Pair(attend_by_einsum(Q, K, V))


def attend_as_a_list(Q, K, V):
    alpha = softmax_row_by_row(scores_with_scaled_queries(Q, K))
    return [alpha @ V, alpha]


def attend_in_holders(Q, K, V):
    return tuple(map(Holder, attend_by_einsum(Q, K, V)))


def attend_in_longdouble(Q, K, V):
    wide = Q.astype(np.longdouble) @ K.T.astype(np.longdouble) / np.sqrt(np.longdouble(K.shape[1]))
    alpha = softmax_by_logsumexp(wide)
    return (alpha @ V).astype(V.dtype), alpha.astype(V.dtype)


def attend_in_fortran_order(Q, K, V):
    return tuple(map(np.asfortranarray, attend_divided_last(Q, K, V)))


def attend_read_only(Q, K, V):
    B, alpha = attend_divided_last(Q, K, V)
    for part in (B, alpha):
        part.setflags(write=False)
    return B, alpha


def attend_not_contiguous(Q, K, V):
    """Weights and mixtures side by side in one array, handed back as two views of it."""
    room = np.empty((len(Q), len(K) + V.shape[1]), V.dtype)
    room[:, : len(K)] = softmax_on_a_copy(scores_with_both_scaled(Q, K))
    room[:, len(K) :] = room[:, : len(K)] @ V
    return room[:, len(K) :], room[:, : len(K)]


def attend_transposed(Q, K, V):
    """The board's convention inside: vectors are columns."""
    scores = K @ Q.T / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.max(axis=0))
    alpha = powers / powers.sum(axis=0)
    return (V.T @ alpha).T, alpha.T


def attend_with_a_gradient(Q, K, V):
    Q, K, V = (torch.tensor(array, requires_grad=True) for array in (Q, K, V))
    alpha = torch.softmax(Q @ K.T / K.shape[1] ** 0.5, dim=-1)
    return alpha @ V, alpha


def attend_half_in_torch(Q, K, V):
    alpha = torch.softmax(torch.tensor(Q @ K.T / K.shape[1] ** 0.5), dim=1)
    return alpha.numpy() @ V, alpha


def attend_with_a_tiny_epsilon(Q, K, V):
    scores = scores_by_broadcasting(Q, K)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    alpha = powers / (powers.sum(-1, keepdims=True) + 1e-12)
    return alpha @ V, alpha


def attend_key_by_key(Q, K, V):
    """One pass over the keys: sums so far are rescaled when a larger score comes."""
    scores = scores_by_einsum(Q, K)
    top = np.full((len(Q), 1), -np.inf, Q.dtype)
    total, B = np.zeros((len(Q), 1), Q.dtype), np.zeros((len(Q), V.shape[1]), V.dtype)
    for j in range(len(K)):
        larger = np.maximum(top, scores[:, j : j + 1])
        shrink, power = np.exp(top - larger), np.exp(scores[:, j : j + 1] - larger)
        total, B, top = total * shrink + power, B * shrink + power * V[j], larger
    return B / total, np.exp(scores - top) / total


def attend_while_printing(Q, K, V):
    print(f"Q {Q.shape}, K {K.shape}, V {V.shape}")
    alpha = softmax_by_logsumexp(scores_by_einsum(Q, K))
    print(alpha.round(2))
    return alpha @ V, alpha


def attend_on_copies_changed_in_place(Q, K, V):
    Q = Q.copy()
    Q /= K.shape[1] ** 0.5
    alpha = Q @ K.T
    alpha -= alpha.max(axis=1, keepdims=True)
    np.exp(alpha, out=alpha)
    alpha /= alpha.sum(axis=1, keepdims=True)
    return alpha @ V, alpha


def attend_query_by_query(Q, K, V):
    rows = [softmax_by_logsumexp(K @ q / K.shape[1] ** 0.5) for q in Q]
    return np.stack([row @ V for row in rows]), np.stack(rows)


def attend_with_an_identity(Q, K, V):
    """Mixing the rows of an identity gives the weights: one product for both."""
    d_v = V.shape[1]
    beside = np.concatenate([V, np.eye(len(K), dtype=V.dtype)], axis=1)
    got = softmax_on_a_copy(scores_by_einsum(Q, K)) @ beside
    return got[:, :d_v], got[:, d_v:]


def attend_with_padding_queries(Q, K, V):
    Q_padded = np.concatenate([Q, np.zeros((2, Q.shape[1]), Q.dtype)])
    B, alpha = attend_to_padded_keys(Q_padded, K, V)
    return B[: len(Q)], alpha[: len(Q)]


def attend_by_column_sums(Q, K, V):
    root = Q.dtype.type(K.shape[1]) ** Q.dtype.type(0.5)
    powers = np.exp((Q @ K.T - (Q @ K.T).max(axis=1)[:, None]) / root)
    alpha = (powers.T / powers.sum(axis=1)).T
    return sum(alpha[:, j : j + 1] * V[j] for j in range(len(V))), alpha


class Attend:
    """A function that is an object, with its parts as methods."""

    def scores(self, Q, K):
        return scores_with_scaled_queries(Q, K)

    def __call__(self, Q, K, V):
        alpha = softmax_by_logsumexp(self.scores(Q, K))
        return np.dot(alpha, V), alpha


def attend_given_its_parts(score, weigh, Q, K, V):
    alpha = weigh(score(Q, K))
    return alpha @ V, alpha


MIXTURES = {
    "scores_are_divided_by_the_root_of_d_k": (
        scores_in_loops, scores_by_einsum, scores_with_scaled_queries, scores_with_both_scaled, scores_by_broadcasting,
        scores_cast_back, scores_in_torch,
        scores_by_inner, scores_by_tensordot, scores_the_other_way_round, scores_one_component_at_a_time,
        scores_in_longdouble, scores_row_by_row, scores_column_by_column, scores_with_a_root_of_their_dtype,
        scores_read_only, scores_not_contiguous, scores_that_are_talked_about, scores_with_a_gradient,
        scores_out_of_distances, scores_by_fsum, scores_by_a_helper, Scorer(-0.5), scores_in_a_holder,
        scores_of_a_subclass, functools.partial(scores_by_a_helper, scale=None)),
    "one_output_is_a_mixture_of_all_values": (
        output_in_loops, output_from_all, output_divided_last, output_from_one_row, output_in_torch,
        output_by_einsum, output_of_scaled_values, output_transposed, output_in_longdouble,
        output_scaled_on_both_sides, output_with_a_tiny_epsilon, output_key_by_key, output_in_another_order,
        output_with_the_own_key_apart, output_from_the_end, output_read_only, output_as_a_strided_column,
        output_while_printing, output_with_a_gradient, output_by_logaddexp, output_shifted_by_a_constant, OneOutput(),
        functools.partial(output_given_its_weigher, softmax_row_by_row), output_in_a_holder),
    "attend_gives_mixtures_and_weights": (
        attend_in_loops, attend_by_einsum, attend_in_float64, attend_in_torch, attend_to_padded_keys,
        attend_divided_last,
        attend_named, attend_typed, attend_as_a_pair, attend_as_a_list, attend_in_holders, attend_in_longdouble,
        attend_in_fortran_order, attend_read_only, attend_not_contiguous, attend_transposed, attend_with_a_gradient,
        attend_half_in_torch, attend_with_a_tiny_epsilon, attend_key_by_key, attend_while_printing,
        attend_on_copies_changed_in_place, attend_query_by_query, attend_with_an_identity,
        attend_with_padding_queries, attend_by_column_sums, Attend(),
        functools.partial(attend_given_its_parts, scores_by_einsum, softmax_on_a_copy)),
}
