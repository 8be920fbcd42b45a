"""Right answers to 05_weights that only look different: loops, einsum, float64 inside, torch, other orders."""

import math

import numpy as np
import torch

# --- softmax_turns_each_row_into_weights


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


# --- scaling_brings_the_variance_back


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


# --- relu_weights_are_divided_by_the_length


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


RIGHT = {
    "softmax_turns_each_row_into_weights": (
        softmax_in_loops, softmax_in_float64, softmax_by_logsumexp, softmax_renormalised, softmax_on_a_copy,
        softmax_row_by_row, softmax_from_the_front, softmax_in_torch),
    "this_width_spreads_products_by_eight": (64, 64.0, np.int32(64), np.float32(64), torch.tensor(64.0), np.array(64)),
    "scaling_brings_the_variance_back": (
        variances_in_loops, variances_by_einsum, variances_from_the_diagonal, variances_in_torch),
    "scores_are_divided_by_the_root_of_d_k": (
        scores_in_loops, scores_by_einsum, scores_with_scaled_queries, scores_with_both_scaled, scores_by_broadcasting,
        scores_cast_back, scores_in_torch),
    "one_output_is_a_mixture_of_all_values": (
        output_in_loops, output_from_all, output_divided_last, output_from_one_row, output_in_torch),
    "attend_gives_mixtures_and_weights": (
        attend_in_loops, attend_by_einsum, attend_in_float64, attend_in_torch, attend_to_padded_keys,
        attend_divided_last),
    "relu_weights_are_divided_by_the_length": (
        relu_by_where, relu_after_dividing, relu_by_product, relu_by_halves, relu_in_loops, relu_on_a_copy,
        relu_in_torch),
}
