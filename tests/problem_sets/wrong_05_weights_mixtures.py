"""A bank of wrong answers to exercises 4, 5 and 6 of 05_weights, as learners write them, each with its label.

A label says what an answer really does; labels.py says how to read it. Exercise 5 asks for no dtype, so no label there
tells of float64. Answers that remember by shape are wrong only where a shape comes twice.
Plain NumPy, so that it also runs where attnlib is not at hand. Ids that no spec knows yet are in NEW, with a sentence.
"""

import math
from collections import namedtuple

import numpy as np

from tests.problem_sets.labels import Wrong


def soft(s):
    """A right softmax over the last axis."""
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def scaled(Q, K):
    """Right scores."""
    return Q @ K.T / K.shape[1] ** 0.5


def weights(Q, K):
    """Right weights."""
    return soft(scaled(Q, K))


def both(Q, K, V):
    """The right pair."""
    alpha = weights(Q, K)
    return alpha @ V, alpha


def mix(alpha, V):
    """The pair that belongs to weights alpha."""
    return alpha @ V, alpha


def norms(A):
    return np.linalg.norm(A, axis=1, keepdims=True)


class OnlyOnce:
    """Right the first time it is called, zeros from then on."""

    def __init__(self, function):
        self.function, self.called = function, False

    def __call__(self, *args):
        self.called, before = True, self.called
        got = self.function(*args)
        if isinstance(got, tuple):
            return tuple(0 * part for part in got) if before else got
        return 0 * got if before else got


class ByShape:
    """Remembers the result of the first call of each shape."""

    def __init__(self, function):
        self.function, self.known = function, {}

    def __call__(self, *args):
        key = tuple(getattr(a, "shape", a) for a in args)
        if key not in self.known:
            self.known[key] = self.function(*args)
        return self.known[key]


class SharedBuffer:
    """Writes into one buffer for each shape: a later call of the same shape changes an earlier result."""

    def __init__(self, function):
        self.function, self.buffers = function, {}

    def __call__(self, *args):
        got = self.function(*args)
        parts = got if isinstance(got, tuple) else (got,)
        kept = []
        for n, part in enumerate(parts):
            buffer = self.buffers.setdefault((n, part.shape, part.dtype), np.empty_like(part))
            buffer[...] = part
            kept.append(buffer)
        return tuple(kept) if isinstance(got, tuple) else kept[0]


# --- scores_are_divided_by_the_root_of_d_k


def products_in_loops(Q, K):
    scores = np.zeros((len(Q), len(K)), dtype=Q.dtype)
    for i in range(len(Q)):
        for j in range(len(K)):
            for c in range(Q.shape[1]):
                scores[i, j] += Q[i, c] * K[j, c]
    return scores


def quotient_thrown_away(Q, K):
    d_k = K.shape[1]
    scores = np.dot(Q, K.T)
    scores / d_k ** 0.5
    return scores


def scaled_before_and_after(Q, K):
    r = K.shape[1] ** 0.5
    Q = Q / r
    return Q @ K.T / r


def d_k_in_loops(Q, K):
    N, d_k = Q.shape
    M = K.shape[0]
    out = np.empty((N, M), Q.dtype)
    for i in range(N):
        for j in range(M):
            out[i, j] = np.dot(Q[i], K[j]) / d_k
    return out


def cosines_in_loops(Q, K):
    out = np.empty((len(Q), len(K)), Q.dtype)
    for i, q in enumerate(Q):
        for j, k in enumerate(K):
            out[i, j] = q @ k / (np.linalg.norm(q) * np.linalg.norm(k))
    return out


def query_lengths(Q, K):
    lengths = (Q * Q).sum(axis=1) ** 0.5
    return (Q @ K.T) / lengths[:, np.newaxis]


def swapped_in_loops(Q, K):
    scores = np.zeros((len(K), len(Q)), dtype=Q.dtype)
    for i in range(len(Q)):
        for j in range(len(K)):
            scores[j, i] = Q[i] @ K[j] / K.shape[1] ** 0.5
    return scores


def loops_into_float64(Q, K):
    scores = np.zeros((Q.shape[0], K.shape[0]))
    for i in range(Q.shape[0]):
        for j in range(K.shape[0]):
            scores[i, j] = np.dot(Q[i], K[j]) / K.shape[1] ** 0.5
    return scores


def loops_into_float32(Q, K):
    scores = np.zeros((len(Q), len(K)), dtype="float32")
    for i in range(len(Q)):
        scores[i] = K @ Q[i] / K.shape[1] ** 0.5
    return scores


def loops_into_integers(Q, K):
    scores = np.zeros((len(Q), len(K)), dtype=int)
    for i in range(len(Q)):
        for j in range(len(K)):
            scores[i, j] = Q[i] @ K[j] / K.shape[1] ** 0.5
    return scores


def loops_into_a_square(Q, K):
    scores = np.zeros((len(Q), len(Q)), Q.dtype)
    for i in range(len(Q)):
        for j in range(len(K)):
            scores[i, j] = Q[i] @ K[j] / K.shape[1] ** 0.5
    return scores


def loops_into_a_copy_of_q(Q, K):
    scores = np.zeros_like(Q)
    for i in range(len(Q)):
        for j in range(len(K)):
            scores[i, j] = Q[i] @ K[j] / K.shape[1] ** 0.5
    return scores


def lists_of_floats(Q, K):
    r = math.sqrt(K.shape[1])
    return np.array([[sum(float(a) * float(b) for a, b in zip(q, k)) / r for k in K] for q in Q])


def last_product_only(Q, K):
    scores = np.zeros((len(Q), len(K)), Q.dtype)
    for i in range(len(Q)):
        for j in range(len(K)):
            for c in range(Q.shape[1]):
                scores[i, j] = Q[i, c] * K[j, c]
    return scores / K.shape[1] ** 0.5


def return_inside_the_loop(Q, K):
    scores = np.zeros((len(Q), len(K)), Q.dtype)
    for i in range(len(Q)):
        scores[i] = K @ Q[i] / K.shape[1] ** 0.5
        return scores


def one_component_short(Q, K):
    d_k = K.shape[1]
    return sum(np.outer(Q[:, c], K[:, c]) for c in range(1, d_k)) / d_k ** 0.5


def nan_in_the_last_column(Q, K):
    scores = scaled(Q, K)
    if len(K) > 5:
        scores[:, -1] = np.nan
    return scores


def a_typo(Q, K):
    scores = Q @ K.T  # noqa: F841
    return score / K.shape[1] ** 0.5  # noqa: F821


def printed_scores(Q, K):
    print(Q @ K.T / K.shape[1] ** 0.5)


def assigned_and_forgotten(Q, K):
    scores = Q @ K.T / K.shape[1] ** 0.5  # noqa: F841


def shape_called(Q, K):
    return Q @ K.T / K.shape(1) ** 0.5


SCORES = (
    # not scaled
    Wrong("leaves the scale out, einsum", lambda Q, K: np.einsum("id,jd->ij", Q, K), ("not-scaled",), True),
    Wrong("leaves the scale out", lambda Q, K: Q @ K.T, ("not-scaled",), True),
    Wrong("leaves the scale out, np.inner", lambda Q, K: np.inner(Q, K), ("not-scaled",), True),
    Wrong("leaves the scale out, three loops", products_in_loops, ("not-scaled",), True),
    Wrong("computes the quotient and throws it away", quotient_thrown_away, ("not-scaled",), True),
    Wrong("leaves the scale out, tensordot", lambda Q, K: np.tensordot(Q, K, axes=(1, 1)), ("not-scaled",), True),
    Wrong("leaves the scale out, broadcasting", lambda Q, K: (Q[:, None] * K).sum(axis=-1), ("not-scaled",), True),
    Wrong("divides by d_k ** (1 // 2), which is 1", lambda Q, K: Q @ K.T / K.shape[1] ** (1 // 2), ("not-scaled",),
          True),
    Wrong("leaves the scale out and swaps", lambda Q, K: K @ Q.T, ("queries-and-keys-swapped", "not-scaled")),
    # divided by d_k, in full or twice
    Wrong("divides by d_k, np.inner", lambda Q, K: np.inner(Q, K) / len(K[0]), ("divided-by-d-k",), True),
    Wrong("divides by d_k", lambda Q, K: Q @ K.T / Q.shape[1], ("divided-by-d-k",), True),
    Wrong("divides by d_k, loops", d_k_in_loops, ("divided-by-d-k",), True),
    Wrong("divides Q and K by the root, which divides by d_k",
          lambda Q, K: (Q / Q.shape[1] ** 0.5) @ (K / K.shape[1] ** 0.5).T, ("divided-by-d-k",), True),
    Wrong("takes the mean of the products, which divides by d_k",
          lambda Q, K: (Q[:, None, :] * K[None, :, :]).mean(axis=-1), ("divided-by-d-k",), True),
    Wrong("scales Q and then the scores, which divides by d_k", scaled_before_and_after, ("divided-by-d-k",), True),
    Wrong("divides by the square of the root, in float64", lambda Q, K: Q @ K.T / np.sqrt(K.shape[1]) ** 2,
          ("divided-by-d-k", "root-is-float64", "root-is-float64"), True),
    Wrong("multiplies by 1 / d_k", lambda Q, K: (Q @ K.T) * (1 / K.shape[-1]), ("divided-by-d-k",), True),
    Wrong("divides by the square of d_k", lambda Q, K: Q @ K.T / K.shape[1] ** 2),
    # multiplied
    Wrong("multiplies by the root", lambda Q, K: Q @ K.T * K.shape[1] ** 0.5, ("multiplied-by-root-d-k",), True),
    Wrong("multiplies Q by the root", lambda Q, K: np.dot(Q * math.sqrt(Q.shape[1]), K.T),
          ("multiplied-by-root-d-k",), True),
    Wrong("divides by the inverse of the root", lambda Q, K: Q @ K.T / K.shape[1] ** -0.5,
          ("multiplied-by-root-d-k",), True),
    Wrong("multiplies by the root, np.sqrt", lambda Q, K: Q @ K.T * np.sqrt(K.shape[1]),
          ("multiplied-by-root-d-k", "root-is-float64", "root-is-float64"), True),
    # other powers
    Wrong("divides by d_k and by 2", lambda Q, K: Q @ K.T / K.shape[1] ** 1/2, ("half-a-root",), True),
    Wrong("divides by d_k and by 2, a negative exponent", lambda Q, K: np.matmul(Q, K.T) * K.shape[1] ** -1/2,
          ("half-a-root",), True),
    Wrong("divides by d_k / 2", lambda Q, K: Q @ K.T / (K.shape[1] ** 1/2), ("half-a-root",), True),
    Wrong("divides by half of d_k", lambda Q, K: Q @ K.T / (0.5 * K.shape[1]), ("half-a-root",), True),
    Wrong("divides by the fourth root", lambda Q, K: Q @ K.T / K.shape[1] ** 0.25),
    Wrong("divides Q alone by the fourth root", lambda Q, K: (Q / K.shape[1] ** 0.25) @ K.T),
    Wrong("divides by the cube root", lambda Q, K: Q @ K.T / np.cbrt(K.shape[1]).astype(Q.dtype)),
    Wrong("divides by the logarithm of 1 + d_k", lambda Q, K: Q @ K.T / math.log(1 + K.shape[1])),
    Wrong("divides by 2", lambda Q, K: Q @ K.T / 2),
    Wrong("divides by the root of 2 d_k", lambda Q, K: Q @ K.T / (2 * K.shape[1]) ** 0.5),
    Wrong("divides by the root of d_k + 1", lambda Q, K: Q @ K.T / (K.shape[1] + 1) ** 0.5),
    Wrong("subtracts the root", lambda Q, K: Q @ K.T - K.shape[1] ** 0.5),
    Wrong("divides by the root and rounds down", lambda Q, K: Q @ K.T // K.shape[1] ** 0.5, ("rounded-down",), True),
    Wrong("divides by the root rounded down", lambda Q, K: Q @ K.T / math.isqrt(K.shape[1])),
    # another number under the root
    Wrong("divides by the root of N", lambda Q, K: Q @ K.T / Q.shape[0] ** 0.5, ("root-of-the-number-of-queries",),
          True),
    Wrong("divides by the root of N, np.sqrt", lambda Q, K: Q @ K.T / np.sqrt(len(Q)),
          ("root-of-the-number-of-queries", "root-is-float64", "root-is-float64"), True),
    Wrong("divides by the root of M", lambda Q, K: Q @ K.T / len(K) ** 0.5, ("root-of-the-number-of-keys",), True),
    Wrong("divides by the root of M, np.sqrt of the wrong shape", lambda Q, K: Q @ K.T / np.sqrt(K.shape[0]),
          ("root-of-the-number-of-keys", "root-is-float64", "root-is-float64"), True),
    Wrong("divides by the roots of both sizes of K", lambda Q, K: Q @ K.T / np.sqrt(K.shape)),
    Wrong("divides by the root of the number of axes", lambda Q, K: Q @ K.T / K.ndim ** 0.5),
    Wrong("divides by N", lambda Q, K: Q @ K.T / len(Q)),
    Wrong("divides by M", lambda Q, K: Q @ K.T / len(K)),
    Wrong("divides by the root of the number of components of Q", lambda Q, K: Q @ K.T / Q.size ** 0.5),
    # lengths of vectors
    Wrong("divides by the norm of the query", query_lengths, ("divided-by-the-norm-of-the-query",), True),
    Wrong("divides by the norm of the query, np.sqrt of an array",
          lambda Q, K: Q @ K.T / np.sqrt((Q**2).sum(1))[:, None], ("divided-by-the-norm-of-the-query",), True),
    Wrong("divides by the norm of the key", lambda Q, K: Q @ K.T / np.linalg.norm(K, axis=1),
          ("divided-by-the-norm-of-the-key",), True),
    Wrong("normalises the keys first", lambda Q, K: Q @ (K / np.linalg.norm(K, axis=-1, keepdims=True)).T,
          ("divided-by-the-norm-of-the-key",), True),
    Wrong("computes cosines, loops", cosines_in_loops, ("cosines",), True),
    Wrong("computes cosines", lambda Q, K: (Q / norms(Q)) @ (K / norms(K)).T, ("cosines",), True),
    Wrong("divides cosines by the root", lambda Q, K: Q @ K.T / norms(Q) / norms(K).T / K.shape[1] ** 0.5),
    Wrong("divides by the norm of the whole of K", lambda Q, K: Q @ K.T / float(np.linalg.norm(K))),
    # the shape of the product
    Wrong("swaps queries and keys", lambda Q, K: K @ Q.T / K.shape[1] ** 0.5, ("queries-and-keys-swapped",), True),
    Wrong("transposes the right scores, in float64", lambda Q, K: (Q @ K.T / np.sqrt(Q.shape[1])).T,
          ("queries-and-keys-swapped", "root-is-float64", "root-is-float64"), True),
    Wrong("swaps by the letters of einsum", lambda Q, K: np.einsum("id,jd->ji", Q, K) / K.shape[1] ** 0.5,
          ("queries-and-keys-swapped",), True),
    Wrong("fills [j, i] for [i, j]", swapped_in_loops, ("queries-and-keys-swapped",), True),
    Wrong("multiplies Q @ K", lambda Q, K: Q @ K / np.sqrt(Q.shape[1]), ("keys-not-transposed",), True),
    Wrong("multiplies Q.dot(K)", lambda Q, K: Q.dot(K) / np.sqrt(Q.shape[1]), ("keys-not-transposed",), True),
    Wrong("multiplies np.matmul(Q, K), not scaled", lambda Q, K: np.matmul(Q, K),
          ("keys-not-transposed", "not-scaled"), True),
    Wrong("sums over the columns of Q and the rows of K", lambda Q, K: np.einsum("ij,jk->ik", Q, K) / Q.shape[1] ** 0.5,
          ("keys-not-transposed",)),
    Wrong("transposes both", lambda Q, K: Q.T @ K.T / K.shape[1] ** 0.5),
    Wrong("transposes Q", lambda Q, K: Q.T @ K / K.shape[1] ** 0.5, ("sum-over-the-vectors",), True),
    Wrong("transposes Q, np.dot and np.sqrt", lambda Q, K: np.dot(Q.T, K) / np.sqrt(Q.shape[1]),
          ("sum-over-the-vectors",), True),
    Wrong("sums over the vectors by einsum", lambda Q, K: np.einsum("nc,nd->cd", Q, K) / K.shape[1] ** 0.5,
          ("sum-over-the-vectors",), True),
    Wrong("multiplies component by component", lambda Q, K: Q * K / K.shape[1] ** 0.5,
          ("queries-times-keys-by-component",), True),
    Wrong("multiplies component by component, not scaled", lambda Q, K: np.multiply(Q, K),
          ("queries-times-keys-by-component", "not-scaled")),
    Wrong("keeps every product of components", lambda Q, K: Q[:, None] * K / K.shape[1] ** 0.5),
    Wrong("adds the products over the keys", lambda Q, K: (Q[:, None] * K).sum(axis=1) / K.shape[1] ** 0.5),
    Wrong("adds the products over the queries", lambda Q, K: (Q[:, None] * K).sum(axis=0) / K.shape[1] ** 0.5),
    Wrong("scores query r against key r alone", lambda Q, K: (Q * K).sum(axis=1) / K.shape[1] ** 0.5,
          ("each-query-with-one-key",), True),
    Wrong("scores query r against key r alone, einsum", lambda Q, K: np.einsum("nd,nd->n", Q, K) / K.shape[1] ** 0.5,
          ("each-query-with-one-key",), True),
    Wrong("scores pairs of a zip", lambda Q, K: np.array([q @ k for q, k in zip(Q, K)]) / K.shape[1] ** 0.5,
          ("each-query-with-one-key",)),
    Wrong("keeps the diagonal of the right scores", lambda Q, K: np.diag(scaled(Q, K)).copy(),
          ("each-query-with-one-key",)),
    Wrong("adds all products up", lambda Q, K: (Q @ K.T).sum() / K.shape[1] ** 0.5),
    Wrong("takes outer products of the flattened arrays", lambda Q, K: np.outer(Q, K) / K.shape[1] ** 0.5),
    Wrong("scores the first query alone", lambda Q, K: K @ Q[0] / K.shape[1] ** 0.5),
    Wrong("keeps only the last product of components", last_product_only),
    Wrong("returns after the first row", return_inside_the_loop),
    Wrong("leaves out the first component", one_component_short),
    Wrong("reshapes K for transposing it", lambda Q, K: Q @ K.reshape(K.shape[1], K.shape[0]) / K.shape[1] ** 0.5),
    Wrong("multiplies K.T @ Q", lambda Q, K: K.T @ Q / K.shape[1] ** 0.5),
    Wrong("adds an axis in the middle", lambda Q, K: Q[:, None] @ K.T / K.shape[1] ** 0.5),
    Wrong("takes np.vdot of both", lambda Q, K: np.vdot(Q, K) / K.shape[1] ** 0.5),
    Wrong("gives a list of rows", lambda Q, K: [K @ q / K.shape[1] ** 0.5 for q in Q]),
    Wrong("adds an axis in front", lambda Q, K: scaled(Q, K)[None]),
    Wrong("flattens the scores", lambda Q, K: scaled(Q, K).ravel()),
    Wrong("drops axes of size 1", lambda Q, K: np.squeeze(scaled(Q, K))),
    # dtype
    Wrong("gives float64, np.sqrt of d_k", lambda Q, K: np.dot(Q, K.T) / np.sqrt(K.shape[-1]),
          ("root-is-float64", "root-is-float64"), True),
    Wrong("gives float64, np.sqrt of 1 / d_k", lambda Q, K: Q @ K.T * np.sqrt(1 / K.shape[1]),
          ("root-is-float64", "root-is-float64"), True),
    Wrong("gives float64, scaling Q by np.sqrt", lambda Q, K: (Q / np.sqrt(Q.shape[1])) @ K.T,
          ("root-is-float64", "root-is-float64"), True),
    Wrong("gives float64, a buffer of np.zeros", loops_into_float64, ("root-is-float64",), True),
    Wrong("gives float64, lists of Python's floats", lists_of_floats, ("root-is-float64",), True),
    Wrong("gives float64, np.array(d_k)", lambda Q, K: Q @ K.T / np.array(K.shape[1]) ** 0.5,
          ("root-is-float64",), True),
    Wrong("gives float64, np.power", lambda Q, K: Q @ K.T / np.power(K.shape[1], 0.5), ("root-is-float64",),
          True),
    Wrong("gives float64, astype(float)", lambda Q, K: scaled(Q.astype(float), K), ("root-is-float64",), True),
    Wrong("rounds to float32", lambda Q, K: scaled(Q, K).astype(np.float32), ("rounded-to-float32",), True),
    Wrong("rounds to float32, a buffer", loops_into_float32, ("rounded-to-float32",), True),
    Wrong("rounds to float16", lambda Q, K: scaled(Q, K).astype(np.float16)),
    Wrong("rounds to three digits", lambda Q, K: scaled(Q, K).round(3), ("rounded-to-few-digits",), True),
    Wrong("cuts the digits, a buffer of integers", loops_into_integers),
    Wrong("gives lists", lambda Q, K: scaled(Q, K).tolist()),
    Wrong("gives complex numbers", lambda Q, K: scaled(Q, K).astype(complex)),
    # buffers of the wrong shape
    Wrong("fills a buffer (N, N)", loops_into_a_square),
    Wrong("fills a buffer of the shape of Q", loops_into_a_copy_of_q),
    # something else
    Wrong("scores queries against queries", lambda Q, K: scaled(Q, Q), ("queries-with-queries",), True),
    Wrong("scores keys against keys", lambda Q, K: scaled(K, K), ("keys-with-keys",), True),
    Wrong("gives softmax weights", lambda Q, K: soft(scaled(Q, K)), ("weights-for-the-scores",), True),
    Wrong("gives softmax weights of the unscaled products", lambda Q, K: soft(Q @ K.T),
          ("weights-for-the-scores", "not-scaled")),
    Wrong("gives absolute values", lambda Q, K: abs(scaled(Q, K))),
    Wrong("gives the negative scores", lambda Q, K: -scaled(Q, K)),
    Wrong("squares the scores", lambda Q, K: scaled(Q, K) ** 2),
    Wrong("cuts the scores to 0 .. 6", lambda Q, K: np.clip(scaled(Q, K), 0, 6)),
    Wrong("cuts negative scores", lambda Q, K: np.maximum(scaled(Q, K), 0)),
    Wrong("takes each row's largest score off",
          lambda Q, K: scaled(Q, K) - scaled(Q, K).max(axis=1, keepdims=True)),
    Wrong("gives squared distances, scaled", lambda Q, K: ((Q[:, None] - K) ** 2).sum(-1) / K.shape[1] ** 0.5,
          ("distances-for-products",), True),
    Wrong("gives distances", lambda Q, K: np.linalg.norm(Q[:, None] - K[None], axis=-1),
          ("distances-for-products",), True),
    Wrong("hides later keys", lambda Q, K: np.where(np.tri(len(Q), len(K), dtype=bool), scaled(Q, K),
                                                     Q.dtype.type(-np.inf)), ("later-keys-left-out",)),
    Wrong("gives NaN in the last column when M > 5", nan_in_the_last_column),
    Wrong("is right on the first call alone", OnlyOnce(scaled)),
    Wrong("remembers the first result of each shape", ByShape(scaled)),
    Wrong("gives one buffer for each shape, which the next call overwrites", SharedBuffer(scaled)),
    Wrong("raises NameError, a typo", a_typo),
    Wrong("raises TypeError, shape called", shape_called),
    Wrong("raises IndexError, axis 2 of a matrix", lambda Q, K: Q @ K.T / K.shape[2] ** 0.5),
    Wrong("raises AttributeError, no such method", lambda Q, K: Q @ K.transposed() / K.shape[1] ** 0.5),
    Wrong("prints for returning", printed_scores),
    Wrong("returns nothing", assigned_and_forgotten),
    Wrong("gives the scale along with the scores", lambda Q, K: (scaled(Q, K), K.shape[1] ** 0.5)),
)


# --- one_output_is_a_mixture_of_all_values


def output_by_hand(i, Q, K, V):
    total = 0
    powers = np.exp([Q[i] @ k for k in K])
    for j in range(len(K)):
        total += powers[j] * V[j]
    return total / powers.sum()


def output_without_itself(i, Q, K, V):
    others = [j for j in range(len(K)) if j != i] or [i]
    alpha = soft(np.array([Q[i] @ K[j] / np.sqrt(len(K[j])) for j in others]))
    return sum(w * V[j] for w, j in zip(alpha, others))


def output_plainly(i, Q, K, V):
    scores = Q @ K.T / np.sqrt(Q.shape[1])
    alpha = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    return np.dot(alpha, V)[i]


def output_with_math_exp(i, Q, K, V):
    powers = [math.exp(float(Q[i] @ k) / math.sqrt(len(k))) for k in K]
    b = np.zeros(V.shape[1])
    for power, value in zip(powers, V):
        b += power / sum(powers) * value
    return b


def output_without_the_sum(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.max())
    return powers @ V


def output_divided_inside_the_loop(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.max())
    b = np.zeros(V.shape[1])
    for power, value in zip(powers, V):
        b = (b + power * value) / powers.sum()
    return b


def last_value_kept(i, Q, K, V):
    alpha = weights(Q, K)[i]
    for j in range(len(K)):
        b = alpha[j] * V[j]
    return b


def range_up_to_i(i, Q, K, V):
    scores = [Q[i] @ K[j] / K.shape[1] ** 0.5 for j in range(i + 1)]
    alpha = soft(np.array(scores))
    return sum(alpha[j] * V[j] for j in range(i + 1))


def range_from_i(i, Q, K, V):
    return soft(K[i:] @ Q[i] / K.shape[1] ** 0.5) @ V[i:]


def range_before_i(i, Q, K, V):
    return soft(K[:i] @ Q[i] / K.shape[1] ** 0.5) @ V[:i]


def last_key_missed(i, Q, K, V):
    b = np.zeros(V.shape[1])
    alpha = weights(Q, K)[i]
    for j in range(len(K) - 1):
        b += alpha[j] * V[j]
    return b


def own_weight_zeroed(i, Q, K, V):
    alpha = weights(Q, K)[i].copy()
    alpha[i] = 0
    return alpha @ V


def own_score_zeroed(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    scores[i] = 0
    return soft(scores) @ V


def own_score_hidden(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    if len(K) > 1:
        scores[i] = -1e9
    return soft(scores) @ V


def deleted_rows(i, Q, K, V):
    return soft(np.delete(K, i, axis=0) @ Q[i] / K.shape[1] ** 0.5) @ np.delete(V, i, axis=0)


def no_parentheses(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    powers = np.exp(scores) - scores.max()
    return powers / powers.sum() @ V


def softmax_of_a_column(i, Q, K, V):
    scores = (K @ Q[i] / K.shape[1] ** 0.5)[:, None]
    return (soft(scores) * V).sum(axis=0)


def output_printed(i, Q, K, V):
    print(weights(Q, K)[i] @ V)


def output_forgotten(i, Q, K, V):
    b = weights(Q, K)[i] @ V  # noqa: F841


def output_with_nan(i, Q, K, V):
    b = weights(Q, K)[i] @ V
    if len(b) > 3:
        b[-1] = np.nan
    return b


def output_of_a_typo(i, Q, K, V):
    alpha = weights(Q, K)
    return alpha[i] @ v  # noqa: F821


def two_softmaxes(i, Q, K, V):
    alpha = soft(soft(scaled(Q, K)))
    return alpha[i] @ V


def sums_over_axis_0(i, Q, K, V):
    scores = Q @ K.T / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.max())
    return (powers / powers.sum(axis=0))[i] @ V


def sums_without_keepdims(i, Q, K, V):
    scores = Q @ K.T / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1))[i] @ V


def largest_of_all(i, Q, K, V):
    scores = Q @ K.T / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.max())
    return powers[i] @ V / powers[i].sum()


def epsilon_below(i, Q, K, V, epsilon=1e-3):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    powers = np.exp(scores - np.max(scores))
    return powers / (np.sum(powers) + epsilon) @ V


def epsilon_without_shift(i, Q, K, V):
    powers = np.exp(K @ Q[i] / K.shape[1] ** 0.5)
    return powers / (powers.sum() + 1e-9) @ V


def clipped_at_50(i, Q, K, V):
    powers = np.exp(np.clip(K @ Q[i] / K.shape[1] ** 0.5, -50, 50))
    return powers @ V / powers.sum()


def mean_taken_off(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.mean())
    return powers @ V / powers.sum()


def least_taken_off(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    powers = np.exp(scores - scores.min())
    return powers @ V / powers.sum()


def nan_made_zero(i, Q, K, V):
    powers = np.exp(K @ Q[i] / K.shape[1] ** 0.5)
    return np.nan_to_num(powers / powers.sum()) @ V


def relu_of_scores(i, Q, K, V):
    return np.maximum(scaled(Q, K), 0)[i] / len(K) @ V


def scores_by_their_sum(i, Q, K, V):
    scores = K @ Q[i] / K.shape[1] ** 0.5
    return scores / scores.sum() @ V


def sigmoids(i, Q, K, V):
    return (1 / (1 + np.exp(-(K @ Q[i]) / K.shape[1] ** 0.5))) @ V


def scale_after(i, Q, K, V):
    alpha = soft(K @ Q[i])
    return alpha / K.shape[1] ** 0.5 @ V


def soft_of_values(i, Q, K, V):
    return soft(V).T @ weights(Q, K)[i]


OUTPUTS = (
    # the position
    Wrong("gives the last position", lambda i, Q, K, V: both(Q, K, V)[0][-1], ("always-the-last-position",), True),
    Wrong("gives position 0", lambda i, Q, K, V: both(Q, K, V)[0][0], ("always-the-first-position",), True),
    Wrong("takes query 0", lambda i, Q, K, V: soft(K @ Q[0] / K.shape[1] ** 0.5) @ V,
          ("always-the-first-position",), True),
    Wrong("gives position i - 1", lambda i, Q, K, V: weights(Q, K)[i - 1] @ V, ("position-before",), True),
    Wrong("takes query i - 1", lambda i, Q, K, V: soft(Q[i - 1] @ K.T / K.shape[1] ** 0.5) @ V, ("position-before",),
          True),
    Wrong("takes query i - 1, and 0 for 0", lambda i, Q, K, V: weights(Q, K)[max(i - 1, 0)] @ V,
          ("position-before",), True),
    Wrong("gives position i + 1, or the last", lambda i, Q, K, V: both(Q, K, V)[0][min(i + 1, len(V) - 1)],
          ("next-position",), True),
    Wrong("takes query i + 1, which may not be there", lambda i, Q, K, V: soft(K @ Q[i + 1] / K.shape[1] ** 0.5) @ V,
          ("next-position",), True),
    Wrong("takes query i + 1, round the end", lambda i, Q, K, V: weights(Q, K)[(i + 1) % len(Q)] @ V,
          ("next-position",), True),
    Wrong("takes query -i", lambda i, Q, K, V: soft(K @ Q[-i] / K.shape[1] ** 0.5) @ V, ("counted-from-the-end",),
          True),
    Wrong("takes column i of Q", lambda i, Q, K, V: soft(K @ Q[:, i] / K.shape[1] ** 0.5) @ V),
    Wrong("takes key i for the query, and all queries for the keys",
          lambda i, Q, K, V: soft(Q @ K[i] / np.sqrt(K.shape[1])) @ V, ("queries-and-keys-swapped",), True),
    Wrong("swaps queries and keys", lambda i, Q, K, V: soft(K @ Q.T / K.shape[1] ** 0.5)[i] @ V,
          ("queries-and-keys-swapped",), True),
    Wrong("scores keys against keys", lambda i, Q, K, V: both(K, K, V)[0][i], ("keys-with-keys",), True),
    Wrong("scores queries against queries", lambda i, Q, K, V: both(Q, Q, V)[0][i], ("queries-with-queries",), True),
    # the shape
    Wrong("gives a matrix of one row", lambda i, Q, K, V: both(Q, K, V)[0][i : i + 1], ("query-kept-as-a-row",), True),
    Wrong("keeps the query as a row", lambda i, Q, K, V: soft(Q[i : i + 1] @ K.T / K.shape[1] ** 0.5) @ V,
          ("query-kept-as-a-row",), True),
    Wrong("keeps the query as a row, reshape",
          lambda i, Q, K, V: soft(Q[i].reshape(1, -1) @ K.T / K.shape[1] ** 0.5) @ V,
          ("query-kept-as-a-row",), True),
    Wrong("keeps the query as a row, np.array([Q[i]])", lambda i, Q, K, V: weights(np.array([Q[i]]), K) @ V,
          ("query-kept-as-a-row",), True),
    Wrong("gives a column", lambda i, Q, K, V: (weights(Q, K)[i] @ V)[:, None]),
    Wrong("gives all outputs", lambda i, Q, K, V: weights(Q, K) @ V, ("all-outputs-for-one",), True),
    Wrong("gives all outputs, unscaled", lambda i, Q, K, V: soft(Q @ K.T) @ V, ("all-outputs-for-one", "not-scaled")),
    Wrong("gives output and weights", lambda i, Q, K, V: (weights(Q, K)[i] @ V, weights(Q, K)[i])),
    Wrong("gives the first number alone, as a list", lambda i, Q, K, V: both(Q, K, V)[0][i].tolist()[:1]),
    Wrong("adds the output up", lambda i, Q, K, V: (weights(Q, K)[i] @ V).sum()),
    # the scale
    Wrong("leaves out scale and shift, loops", output_by_hand, ("not-scaled", "exponential-overflows"), True),
    Wrong("leaves out the scale", lambda i, Q, K, V: soft(K @ Q[i]) @ V, ("not-scaled",), True),
    Wrong("leaves out the scale, einsum", lambda i, Q, K, V: soft(np.einsum("d,jd->j", Q[i], K)) @ V, ("not-scaled",),
          True),
    Wrong("divides by d_k", lambda i, Q, K, V: soft(np.dot(K, Q[i]) / len(Q[i])) @ V, ("divided-by-d-k",), True),
    Wrong("scales twice, which divides by d_k",
          lambda i, Q, K, V: soft(scaled(Q / Q.shape[1] ** 0.5, K)[i]) @ V, ("divided-by-d-k",), True),
    Wrong("multiplies by the root", lambda i, Q, K, V: soft(K @ Q[i] * K.shape[1] ** 0.5) @ V,
          ("multiplied-by-root-d-k",), True),
    Wrong("divides by d_k and by 2", lambda i, Q, K, V: soft(K @ Q[i] / K.shape[1] ** 1/2) @ V, ("half-a-root",),
          True),
    Wrong("divides by d_k / 2", lambda i, Q, K, V: soft(K @ Q[i] / (K.shape[1] ** 1/2)) @ V, ("half-a-root",), True),
    Wrong("divides by the root of d_v", lambda i, Q, K, V: soft(K @ Q[i] / np.sqrt(V.shape[1])) @ V, ("root-of-d-v",),
          True),
    Wrong("divides by the root of N", lambda i, Q, K, V: soft(K @ Q[i] / len(K) ** 0.5) @ V,
          ("root-of-the-number-of-queries", "root-of-the-number-of-keys"), True),
    Wrong("divides by the norm of the query", lambda i, Q, K, V: soft(K @ Q[i] / np.linalg.norm(Q[i])) @ V,
          ("divided-by-the-norm-of-the-query",), True),
    Wrong("divides by the norms of the keys", lambda i, Q, K, V: soft(K @ Q[i] / np.linalg.norm(K, axis=1)) @ V,
          ("divided-by-the-norm-of-the-key",), True),
    Wrong("takes cosines", lambda i, Q, K, V: soft(K @ Q[i] / np.linalg.norm(K, axis=1) / np.linalg.norm(Q[i])) @ V,
          ("cosines",), True),
    Wrong("rounds the scores down", lambda i, Q, K, V: soft(K @ Q[i] // K.shape[1] ** 0.5) @ V, ("rounded-down",)),
    Wrong("scales the weights for the scores", scale_after, ("scale-after-softmax", "not-scaled"), True),
    Wrong("scales the output for the scores", lambda i, Q, K, V: soft(Q @ K.T)[i] @ V / np.sqrt(K.shape[1]),
          ("scale-after-softmax", "not-scaled"), True),
    Wrong("scales the exponentials, which cancels", lambda i, Q, K, V: (
        lambda e: e / e.sum() @ V)(np.exp(K @ Q[i] - (K @ Q[i]).max()) / K.shape[1] ** 0.5), ("not-scaled",), True),
    Wrong("scales the values", lambda i, Q, K, V: weights(Q, K)[i] @ (V / V.shape[1] ** 0.5)),
    # scores
    Wrong("multiplies Q[i] @ K", lambda i, Q, K, V: soft(Q[i] @ K / np.sqrt(Q.shape[1])) @ V, ("keys-not-transposed",),
          True),
    Wrong("multiplies component by component", lambda i, Q, K, V: soft(Q[i] * K[i] / K.shape[1] ** 0.5) @ V),
    Wrong("multiplies the query into the keys before the softmax",
          lambda i, Q, K, V: soft(K * Q[i] / K.shape[1] ** 0.5) @ V),
    Wrong("takes minus the distances for the scores",
          lambda i, Q, K, V: soft(-np.linalg.norm(K - Q[i], axis=1) / K.shape[1] ** 0.5) @ V),
    Wrong("adds the products over the keys", lambda i, Q, K, V: soft((K * Q[i]).sum(axis=0) / K.shape[1] ** 0.5) @ V),
    # the softmax
    Wrong("does not take the largest off", output_plainly, ("exponential-overflows",), True),
    Wrong("does not take the largest off, math.exp", output_with_math_exp, ("exponential-overflows",)),
    Wrong("does not take the largest off, and zeros for NaN", nan_made_zero, ("exponential-overflows",)),
    Wrong("does not take the largest off, and a small number below", epsilon_without_shift,
          ("exponential-overflows", "epsilon-in-the-denominator")),
    Wrong("takes the mean off for the largest", mean_taken_off, ("exponential-overflows",)),
    Wrong("takes the least off for the largest", least_taken_off, ("exponential-overflows",)),
    Wrong("takes the largest of all queries off", largest_of_all, ("maximum-of-the-matrix",), True),
    Wrong("takes the largest off outside the exponential", no_parentheses),
    Wrong("clips the scores at ±50", clipped_at_50, ("scores-clipped",), True),
    Wrong("adds 0.001 to the sum", epsilon_below, ("epsilon-in-the-denominator",), True),
    Wrong("adds 0.00001 to the sum", lambda i, Q, K, V: epsilon_below(i, Q, K, V, 1e-5),
          ("epsilon-in-the-denominator",)),
    Wrong("does not divide by the sum", output_without_the_sum, ("not-divided-by-the-sum",), True),
    Wrong("does not divide by the sum, nor shift",
          lambda i, Q, K, V: np.exp(K @ Q[i] / K.shape[1] ** 0.5) @ V,
          ("not-divided-by-the-sum", "exponential-overflows"), True),
    Wrong("divides by the sum in every round of the loop", output_divided_inside_the_loop),
    Wrong("takes softmax over the queries", lambda i, Q, K, V: soft(scaled(Q, K).T).T[i] @ V,
          ("softmax-over-queries",), True),
    Wrong("takes softmax over the queries, the largest of the matrix off", sums_over_axis_0,
          ("softmax-over-queries",), True),
    Wrong("takes softmax over the matrix", lambda i, Q, K, V: soft(scaled(Q, K).reshape(-1)).reshape(len(Q), -1)[i] @ V,
          ("softmax-over-the-matrix",), True),
    Wrong("divides by the sums of the wrong rows", sums_without_keepdims, ("sums-have-lost-an-axis",)),
    Wrong("takes softmax over an axis of size 1", softmax_of_a_column),
    Wrong("takes softmax twice", two_softmaxes, ("softmax-twice",)),
    Wrong("takes softmax of the values too", soft_of_values),
    Wrong("takes powers of 2", lambda i, Q, K, V: (
        lambda s: 2 ** (s - s.max()) / (2 ** (s - s.max())).sum() @ V)(scaled(Q, K)[i]), ("powers-of-two",), True),
    Wrong("takes softmax of the negative scores", lambda i, Q, K, V: soft(-scaled(Q, K)[i]) @ V,
          ("exponent-has-the-wrong-sign",), True),
    Wrong("divides scores by their sum", scores_by_their_sum, ("no-exponential",), True),
    Wrong("divides scores by their sum, np.average", lambda i, Q, K, V: np.average(V, axis=0, weights=scaled(Q, K)[i]),
          ("no-exponential",), True),
    Wrong("takes sigmoids", sigmoids, ("sigmoid-of-each-score",), True),
    Wrong("takes ReLU weights", relu_of_scores),
    Wrong("takes ReLU of the scores, not divided", lambda i, Q, K, V: np.maximum(scaled(Q, K)[i], 0) @ V),
    Wrong("takes the value of the best key", lambda i, Q, K, V: V[weights(Q, K)[i].argmax()],
          ("all-weight-to-the-largest",), True),
    # the mixture
    Wrong("gives every value the weight 1 / N", lambda i, Q, K, V: np.mean(V, 0), ("same-weight-for-all",), True),
    Wrong("gives every value the weight 1 / N, np.ones", lambda i, Q, K, V: np.ones(len(V)) / len(V) @ V,
          ("same-weight-for-all",), True),
    Wrong("adds the values up", lambda i, Q, K, V: V.sum(axis=0), ("same-weight-for-all",)),
    Wrong("gives value i", lambda i, Q, K, V: V[i].copy(), ("own-value-alone",), True),
    Wrong("multiplies value i with all the weights", lambda i, Q, K, V: weights(Q, K)[i].sum() * V[i],
          ("own-value-alone",), True),
    Wrong("multiplies the weights with value i", lambda i, Q, K, V: weights(Q, K)[i] @ V[i]),
    Wrong("gives value i times its weight", lambda i, Q, K, V: weights(Q, K)[i, i] * V[i]),
    Wrong("gives the weights", lambda i, Q, K, V: soft(K @ Q[i] / K.shape[1] ** 0.5), ("weights-for-the-output",),
          True),
    Wrong("gives the scores", lambda i, Q, K, V: K @ Q[i] / K.shape[1] ** 0.5, ("scores-for-the-output",), True),
    Wrong("gives the unscaled scores", lambda i, Q, K, V: Q[i] @ K.T, ("scores-for-the-output", "not-scaled")),
    Wrong("mixes with the scores", lambda i, Q, K, V: Q[i] @ K.T / K.shape[1] ** 0.5 @ V,
          ("scores-multiply-the-values",), True),
    Wrong("mixes with the unscaled scores", lambda i, Q, K, V: Q[i] @ K.T @ V,
          ("scores-multiply-the-values", "not-scaled")),
    Wrong("takes column i of the weights", lambda i, Q, K, V: weights(Q, K)[:, i] @ V, ("column-of-the-weights",),
          True),
    Wrong("transposes the weights", lambda i, Q, K, V: (weights(Q, K).T @ V)[i], ("column-of-the-weights",), True),
    Wrong("mixes keys", lambda i, Q, K, V: weights(Q, K)[i] @ K, ("keys-mixed",), True),
    Wrong("mixes queries", lambda i, Q, K, V: weights(Q, K)[i] @ Q, ("queries-mixed",), True),
    Wrong("mixes the values in reverse", lambda i, Q, K, V: both(Q, K, V[::-1])[0][i]),
    Wrong("mixes V.T", lambda i, Q, K, V: weights(Q, K)[i] @ V.T),
    Wrong("multiplies from the wrong side", lambda i, Q, K, V: V @ weights(Q, K)[i]),
    Wrong("multiplies weights and rows", lambda i, Q, K, V: weights(Q, K)[i] * V, ("weights-and-values-do-not-fit",),
          True),
    Wrong("adds products of weights and rows up", lambda i, Q, K, V: (weights(Q, K)[i] * V).sum(axis=0),
          ("weights-and-values-do-not-fit",), True),
    Wrong("does not add the weighted values up", lambda i, Q, K, V: weights(Q, K)[i][:, None] * V,
          ("weighted-values-not-added-up",), True),
    Wrong("does not add the weighted values up, einsum", lambda i, Q, K, V: np.einsum("j,jd->jd", weights(Q, K)[i], V),
          ("weighted-values-not-added-up",), True),
    Wrong("adds the weighted values over the components",
          lambda i, Q, K, V: (weights(Q, K)[i][:, None] * V).sum(axis=1)),
    Wrong("takes the mean of the weighted values", lambda i, Q, K, V: (weights(Q, K)[i][:, None] * V).mean(axis=0),
          ("divided-by-the-number-of-keys",), True),
    Wrong("keeps the last weighted value alone", last_value_kept),
    Wrong("adds value i", lambda i, Q, K, V: both(Q, K, V)[0][i] + V[i]),
    # keys left out
    Wrong("leaves out its own key", output_without_itself, ("own-key-left-out",), True),
    Wrong("hides its own score with -1e9", own_score_hidden, ("own-key-left-out",), True),
    Wrong("deletes its own key and value", deleted_rows, ("own-key-left-out",), True),
    Wrong("sets its own weight to 0", own_weight_zeroed, ("own-key-left-out",)),
    Wrong("sets its own score to 0", own_score_zeroed),
    Wrong("leaves later keys out", range_up_to_i, ("later-keys-left-out",), True),
    Wrong("leaves earlier keys out", range_from_i, ("earlier-keys-left-out",), True),
    Wrong("leaves out its own and later keys", range_before_i, ("later-keys-left-out", "own-key-left-out")),
    Wrong("leaves the last value out", last_key_missed),
    # what comes back
    Wrong("rounds to two digits", lambda i, Q, K, V: both(Q, K, V)[0][i].round(2), ("rounded-to-few-digits",), True),
    Wrong("rounds the weights to three digits", lambda i, Q, K, V: weights(Q, K)[i].round(3) @ V),
    Wrong("rounds to float32", lambda i, Q, K, V: (weights(Q, K)[i] @ V).astype(np.float32), ("rounded-to-float32",),
          True),
    Wrong("rounds to float16", lambda i, Q, K, V: (weights(Q, K)[i] @ V).astype(np.float16)),
    Wrong("cuts the output to 0 .. 6", lambda i, Q, K, V: np.clip(weights(Q, K)[i] @ V, 0, 6)),
    Wrong("gives zeros", lambda i, Q, K, V: np.zeros(V.shape[1])),
    Wrong("gives NaN in the last place when d_v > 3", output_with_nan),
    Wrong("is right on the first call alone", OnlyOnce(lambda i, Q, K, V: weights(Q, K)[i] @ V)),
    Wrong("remembers the first result of each shape and i", ByShape(lambda i, Q, K, V: weights(Q, K)[i] @ V)),
    Wrong("gives one buffer for each shape, which the next call overwrites",
          SharedBuffer(lambda i, Q, K, V: weights(Q, K)[i] @ V)),
    Wrong("raises NameError, a typo", output_of_a_typo),
    Wrong("raises TypeError, i called", lambda i, Q, K, V: soft(K @ Q(i)) @ V),
    Wrong("raises AxisError, axis 1 of a vector",
          lambda i, Q, K, V: np.exp(K @ Q[i]) / np.exp(K @ Q[i]).sum(axis=1) @ V),
    Wrong("raises ValueError, the weights as a column", lambda i, Q, K, V: weights(Q, K)[i][:, None] @ V),
    Wrong("takes its arguments in another order", lambda Q, K, V, i: weights(Q, K)[i] @ V),
    Wrong("prints for returning", output_printed),
    Wrong("returns nothing", output_forgotten),
)

# --- attend_gives_mixtures_and_weights


def attend_plainly(Q, K, V, axis=-1, scale=None):
    """Attention as it is first written: no shift, np.sqrt."""
    scores = Q @ K.T / (np.sqrt(Q.shape[1]) if scale is None else scale)
    alpha = np.exp(scores) / np.exp(scores).sum(axis=axis, keepdims=True)
    return np.dot(alpha, V), alpha


def all_but_itself(Q, K, V):
    scores = scaled(Q, K)
    for i in range(min(scores.shape)):
        if len(K) > 1:
            scores[i, i] = -1e9
    return mix(soft(scores), V)


def causal(Q, K, V):
    scores = scaled(Q, K)
    for i in range(len(Q)):
        scores[i, i + 1 :] = -np.inf
    return mix(soft(scores), V)


def causal_by_triu(Q, K, V):
    mask = np.triu(np.ones((len(Q), len(K)), dtype=bool), k=1)
    return mix(soft(np.where(mask, np.asarray(-1e9, Q.dtype), scaled(Q, K))), V)


def anticausal(Q, K, V):
    scores = scaled(Q, K)
    hidden = np.tri(len(Q), len(K), -1, dtype=bool)
    hidden[:, -1] = False
    scores[hidden] = -np.inf
    return mix(soft(scores), V)


def masked_weights(Q, K, V):
    alpha = weights(Q, K) * np.tri(len(Q), len(K), dtype=Q.dtype)
    return mix(alpha, V)


def without_keepdims(Q, K, V):
    powers = np.exp(scaled(Q, K) - scaled(Q, K).max(axis=1, keepdims=True))
    return mix(powers / powers.sum(axis=1), V)


def maximum_without_keepdims(Q, K, V):
    scores = scaled(Q, K)
    powers = np.exp(scores - scores.max(axis=1))
    return mix(powers / powers.sum(axis=1, keepdims=True), V)


def column_maxima(Q, K, V):
    scores = scaled(Q, K)
    powers = np.exp(scores - scores.max(axis=0))
    return mix(powers / powers.sum(axis=1, keepdims=True), V)


def one_maximum(Q, K, V):
    scores = Q @ K.T / K.shape[1] ** 0.5
    powers = np.exp(scores - np.max(scores))
    return mix(powers / powers.sum(axis=1)[:, None], V)


def mean_off(Q, K, V):
    powers = np.exp(scaled(Q, K) - scaled(Q, K).mean(axis=1, keepdims=True))
    return mix(powers / powers.sum(axis=1, keepdims=True), V)


def clip_at_50(Q, K, V):
    powers = np.exp(np.clip(scaled(Q, K), -50, 50))
    return mix(powers / powers.sum(axis=1, keepdims=True), V)


def with_epsilon(Q, K, V):
    powers = np.exp(scaled(Q, K) - scaled(Q, K).max(axis=1, keepdims=True))
    return mix(powers / (powers.sum(axis=1, keepdims=True) + 1e-4), V)


def one_more_below(Q, K, V):
    powers = np.exp(scaled(Q, K) - scaled(Q, K).max(axis=1, keepdims=True))
    return mix(powers / (1 + powers.sum(axis=1, keepdims=True)), V)


def scaled_largest(Q, K, V):
    products = Q @ K.T
    powers = np.exp(products - products.max(axis=1, keepdims=True) / K.shape[1] ** 0.5)
    return mix(powers / powers.sum(axis=1, keepdims=True), V)


def zeros_for_nan(Q, K, V):
    powers = np.exp(scaled(Q, K))
    return mix(np.nan_to_num(powers / powers.sum(axis=1, keepdims=True)), V)


def no_shift_in_float64(Q, K, V):
    powers = np.exp(scaled(Q.astype(float), K.astype(float)))
    alpha = powers / powers.sum(axis=1, keepdims=True)
    return (alpha @ V).astype(V.dtype), alpha.astype(Q.dtype)


def powers_for_weights(Q, K, V):
    return mix(np.exp(scaled(Q, K)), V)


def powers_beside_the_outputs(Q, K, V):
    powers = np.exp(scaled(Q, K) - scaled(Q, K).max(axis=1, keepdims=True))
    return powers @ V / powers.sum(axis=1, keepdims=True), powers


def hard_weights(Q, K, V):
    alpha = np.eye(len(K), dtype=Q.dtype)[scaled(Q, K).argmax(axis=1)]
    return mix(alpha, V)


def loops_with_plus_missing(Q, K, V):
    alpha = weights(Q, K)
    B = np.zeros((len(Q), V.shape[1]), V.dtype)
    for i in range(len(Q)):
        for j in range(len(K)):
            B[i] = alpha[i, j] * V[j]
    return B, alpha


def loops_over_queries_only(Q, K, V):
    alpha = weights(Q, K)
    B = np.zeros((len(Q), V.shape[1]), V.dtype)
    for i in range(len(Q)):
        for j in range(len(Q)):
            B[i] += alpha[i, j] * V[j]
    return B, alpha


def loops_over_keys_for_queries(Q, K, V):
    alpha = weights(Q, K)
    B = np.zeros((len(Q), V.shape[1]), V.dtype)
    for i in range(len(K)):
        B[i] = alpha[i] @ V
    return B, alpha


def loops_into_wide_buffers(Q, K, V):
    alpha = np.zeros((len(Q), len(K)))
    B = np.zeros((len(Q), V.shape[1]))
    for i in range(len(Q)):
        alpha[i] = soft(K @ Q[i] / K.shape[1] ** 0.5)
        for j in range(len(K)):
            B[i] += alpha[i, j] * V[j]
    return B, alpha


def loops_into_one_wide_buffer(Q, K, V):
    alpha = weights(Q, K)
    B = np.zeros((len(Q), V.shape[1]))
    for i in range(len(Q)):
        B[i] = alpha[i] @ V
    return B, alpha


def buffer_of_the_shape_of_v(Q, K, V):
    alpha = weights(Q, K)
    B = np.zeros_like(V)
    for i in range(len(Q)):
        B[i] = alpha[i] @ V
    return B, alpha


def buffer_of_the_shape_of_q(Q, K, V):
    alpha = weights(Q, K)
    B = np.zeros_like(Q)
    for i in range(len(Q)):
        B[i] = alpha[i] @ V
    return B, alpha


def square_weights(Q, K, V):
    alpha = np.zeros((len(Q), len(Q)), Q.dtype)
    for i in range(len(Q)):
        alpha[i] = soft(K @ Q[i] / K.shape[1] ** 0.5)
    return alpha @ V, alpha


def first_row_only(Q, K, V):
    for i in range(len(Q)):
        alpha = soft(K @ Q[i] / K.shape[1] ** 0.5)
        return alpha @ V, alpha


def last_row_only(Q, K, V):
    for i in range(len(Q)):
        alpha = soft(K @ Q[i] / K.shape[1] ** 0.5)
        b = alpha @ V
    return b, alpha


def appended_outputs_only(Q, K, V):
    B = []
    for q in Q:
        B.append(soft(K @ q / K.shape[1] ** 0.5) @ V)
    return np.array(B)


def q_scaled_in_place(Q, K, V):
    Q /= Q.shape[1] ** 0.5
    return mix(soft(Q @ K.T), V)


def k_scaled_in_place(Q, K, V):
    K /= K.shape[1] ** 0.5
    return mix(soft(Q @ K.T), V)


def k_scaled_in_place_sometimes(Q, K, V):
    if len(K) > len(Q):
        K *= K.shape[1] ** -0.5
        return mix(soft(Q @ K.T), V)
    return both(Q, K, V)


def q_centred_in_place(Q, K, V):
    B, alpha = both(Q, K, V)
    Q -= Q.mean(axis=0)
    return B, alpha


def v_changed_in_place(Q, K, V):
    alpha = weights(Q, K)
    shift = V[0].copy()
    V -= shift
    return alpha @ V + shift, alpha


def v_changed_for_single_queries(Q, K, V):
    B, alpha = both(Q, K, V)
    if len(Q) == 1:
        V *= 0
    return B, alpha


def q_overwritten_by_b(Q, K, V):
    B, alpha = both(Q, K, V)
    if B.shape == Q.shape:
        Q[...] = B
    else:
        Q[:] = 0
    return B, alpha


def q_scaled_in_place_twice(Q, K, V):
    Q /= Q.shape[1] ** 0.5
    return both(Q, K, V)


def nan_in_b(Q, K, V):
    B, alpha = both(Q, K, V)
    B[-1, -1] = np.nan
    return B, alpha


def nan_in_alpha(Q, K, V):
    B, alpha = both(Q, K, V)
    if len(K) > 5:
        alpha[:, -1] = np.nan
    return B, alpha


def inf_in_b_for_float32(Q, K, V):
    B, alpha = both(Q, K, V)
    return (B + np.inf if Q.dtype == np.float32 else B), alpha


def printed(Q, K, V):
    B, alpha = both(Q, K, V)
    print(B, alpha)


def forgotten(Q, K, V):
    alpha = weights(Q, K)
    B = alpha @ V  # noqa: F841


def typo(Q, K, V):
    alpha = weights(Q, K)
    return alpha @ V, alhpa  # noqa: F821


def one_output_for_all(Q, K, V):
    alpha = weights(Q, K)
    return np.array([alpha[0] @ V for _ in Q]), alpha


def double_weights(Q, K, V):
    alpha = weights(Q, K)
    return alpha @ (alpha.T @ alpha @ V), alpha


Attended = namedtuple("Attended", "alpha B")


def weigh_with(weigh, Q, K, V):
    alpha = weigh(scaled(Q, K))
    return alpha @ V, alpha


ATTEND = (
    # the scale
    Wrong("leaves the scale out", lambda Q, K, V: mix(soft(Q @ K.T), V), ("not-scaled",), True),
    Wrong("leaves the scale out, einsum", lambda Q, K, V: mix(soft(np.einsum("id,jd->ij", Q, K)), V), ("not-scaled",),
          True),
    Wrong("leaves out scale and shift", lambda Q, K, V: attend_plainly(Q, K, V, scale=1),
          ("not-scaled", "exponential-overflows"), True),
    Wrong("divides by d_k, no shift", lambda Q, K, V: attend_plainly(Q, K, V, scale=Q.shape[1]),
          ("divided-by-d-k", "exponential-overflows"), True),
    Wrong("divides by d_k", lambda Q, K, V: mix(soft(np.inner(Q, K) / Q.shape[-1]), V), ("divided-by-d-k",), True),
    Wrong("divides Q by the root and the scores again",
          lambda Q, K, V: both(Q / Q.shape[1] ** 0.5, K, V), ("divided-by-d-k",), True),
    Wrong("multiplies by the root", lambda Q, K, V: mix(soft(Q @ K.T * K.shape[1] ** 0.5), V),
          ("multiplied-by-root-d-k",), True),
    Wrong("divides by d_k and by 2", lambda Q, K, V: mix(soft(Q @ K.T / K.shape[1] ** 1/2), V), ("half-a-root",),
          True),
    Wrong("divides by d_k / 2", lambda Q, K, V: mix(soft(Q @ K.T / (K.shape[1] ** 1/2)), V), ("half-a-root",), True),
    Wrong("divides by the root of d_v, no shift", lambda Q, K, V: attend_plainly(Q, K, V, scale=np.sqrt(V.shape[1])),
          ("root-of-d-v", "exponential-overflows", "root-is-float64", "root-is-float64"), True),
    Wrong("divides by the root of d_v", lambda Q, K, V: mix(soft(Q @ K.T / V.shape[1] ** 0.5), V), ("root-of-d-v",),
          True),
    Wrong("divides by the root of N", lambda Q, K, V: mix(soft(Q @ K.T / len(Q) ** 0.5), V),
          ("root-of-the-number-of-queries",), True),
    Wrong("divides by the root of M", lambda Q, K, V: mix(soft(Q @ K.T / K.shape[0] ** 0.5), V),
          ("root-of-the-number-of-keys",), True),
    Wrong("divides by the norms of the queries", lambda Q, K, V: mix(soft(Q @ K.T / norms(Q)), V),
          ("divided-by-the-norm-of-the-query",), True),
    Wrong("normalises the keys", lambda Q, K, V: mix(soft(Q @ (K / norms(K)).T), V),
          ("divided-by-the-norm-of-the-key",), True),
    Wrong("takes cosines", lambda Q, K, V: mix(soft((Q / norms(Q)) @ (K / norms(K)).T), V), ("cosines",), True),
    Wrong("rounds the scores down", lambda Q, K, V: mix(soft(Q @ K.T // K.shape[1] ** 0.5), V), ("rounded-down",)),
    Wrong("scales the weights", lambda Q, K, V: mix(soft(Q @ K.T) / K.shape[1] ** 0.5, V),
          ("scale-after-softmax", "not-scaled"), True),
    Wrong("scales B for the scores",
          lambda Q, K, V: (soft(Q @ K.T) @ V / K.shape[1] ** 0.5, soft(Q @ K.T)), ("not-scaled",)),
    Wrong("scales B too", lambda Q, K, V: (both(Q, K, V)[0] / K.shape[1] ** 0.5, weights(Q, K))),
    # scores
    Wrong("multiplies Q @ K, not scaled", lambda Q, K, V: mix(soft(Q @ K), V), ("keys-not-transposed", "not-scaled"),
          True),
    Wrong("multiplies Q.dot(K)", lambda Q, K, V: mix(soft(Q.dot(K) / K.shape[1] ** 0.5), V), ("keys-not-transposed",),
          True),
    Wrong("transposes Q", lambda Q, K, V: mix(soft(Q.T @ K / K.shape[1] ** 0.5), V)),
    Wrong("swaps queries and keys", lambda Q, K, V: mix(soft(K @ Q.T / K.shape[1] ** 0.5), V),
          ("queries-and-keys-swapped",), True),
    Wrong("swaps the arguments", lambda Q, K, V: both(K, Q, V), ("queries-and-keys-swapped",), True),
    Wrong("multiplies component by component", lambda Q, K, V: mix(soft(Q * K / K.shape[1] ** 0.5), V),
          ("queries-times-keys-by-component",), True),
    Wrong("scores queries against queries", lambda Q, K, V: both(Q, Q, V[: len(Q)]), ("queries-with-queries",)),
    Wrong("scores queries against queries, all values", lambda Q, K, V: both(Q, Q, V), ("queries-with-queries",),
          True),
    Wrong("scores keys against keys", lambda Q, K, V: both(K, K, V), ("keys-with-keys",), True),
    Wrong("takes minus squared distances", lambda Q, K, V: mix(soft(-((Q[:, None] - K) ** 2).sum(-1)), V)),
    Wrong("takes the queries in reverse", lambda Q, K, V: both(Q[::-1], K, V)),
    # the softmax
    Wrong("takes softmax over the queries, no shift", lambda Q, K, V: attend_plainly(Q, K, V, axis=0),
          ("softmax-over-queries", "exponential-overflows", "root-is-float64", "root-is-float64"), True),
    Wrong("takes softmax over the queries", lambda Q, K, V: mix(soft(scaled(Q, K).T).T, V), ("softmax-over-queries",),
          True),
    Wrong("takes softmax over the queries, not scaled", lambda Q, K, V: mix(soft(K @ Q.T).T, V),
          ("softmax-over-queries", "not-scaled")),
    Wrong("takes softmax over the matrix, no shift", lambda Q, K, V: attend_plainly(Q, K, V, axis=None),
          ("softmax-over-the-matrix", "exponential-overflows", "root-is-float64", "root-is-float64"), True),
    Wrong("takes softmax over the matrix",
          lambda Q, K, V: mix(soft(scaled(Q, K).reshape(1, -1)).reshape(len(Q), len(K)), V),
          ("softmax-over-the-matrix",), True),
    Wrong("loses an axis in the sums", without_keepdims, ("sums-have-lost-an-axis",), True),
    Wrong("loses an axis in the maxima", maximum_without_keepdims, ("maxima-have-lost-an-axis",), True),
    Wrong("takes the columns' largest off", column_maxima, ("maximum-of-each-column",), True),
    Wrong("takes the largest of the matrix off", one_maximum, ("maximum-of-the-matrix",), True),
    Wrong("does not take the largest off, np.sqrt", attend_plainly,
          ("exponential-overflows", "root-is-float64", "root-is-float64"), True),
    Wrong("does not take the largest off", lambda Q, K, V: attend_plainly(Q, K, V, scale=K.shape[1] ** 0.5),
          ("exponential-overflows",), True),
    Wrong("does not take the largest off, float64 inside", no_shift_in_float64, ("exponential-overflows",), True),
    Wrong("does not take the largest off, and zeros for NaN", zeros_for_nan, ("exponential-overflows",), True),
    Wrong("takes the mean off for the largest", mean_off, ("exponential-overflows",)),
    Wrong("clips the scores at ±50", clip_at_50, ("scores-clipped",), True),
    Wrong("adds 0.0001 to the sums", with_epsilon, ("epsilon-in-the-denominator",), True),
    Wrong("does not divide by the sums, nor shift", powers_for_weights,
          ("not-divided-by-the-sum", "exponential-overflows"), True),
    Wrong("gives the exponentials beside the right B", powers_beside_the_outputs, ("not-divided-by-the-sum",)),
    Wrong("adds 1 to the sums", one_more_below),
    Wrong("scales the largest alone", scaled_largest, ("not-scaled", "exponential-overflows"), True),
    Wrong("takes softmax twice", lambda Q, K, V: mix(soft(weights(Q, K)), V), ("softmax-twice",), True),
    Wrong("takes softmax twice for alpha alone", lambda Q, K, V: (both(Q, K, V)[0], soft(weights(Q, K))),
          ("softmax-twice",)),
    Wrong("takes the largest alone", hard_weights, ("all-weight-to-the-largest",), True),
    Wrong("takes powers of 2", lambda Q, K, V: weigh_with(
        lambda s: 2 ** (s - s.max(1, keepdims=True)) / (2 ** (s - s.max(1, keepdims=True))).sum(1, keepdims=True),
        Q, K, V), ("powers-of-two",), True),
    Wrong("takes softmax of the negative scores", lambda Q, K, V: weigh_with(lambda s: soft(-s), Q, K, V),
          ("exponent-has-the-wrong-sign",), True),
    Wrong("divides scores by their sums", lambda Q, K, V: weigh_with(lambda s: s / s.sum(1, keepdims=True), Q, K, V),
          ("no-exponential",), True),
    Wrong("takes sigmoids", lambda Q, K, V: weigh_with(lambda s: 1 / (1 + np.exp(-s)), Q, K, V),
          ("sigmoid-of-each-score",), True),
    Wrong("takes ReLU weights", lambda Q, K, V: weigh_with(lambda s: np.maximum(s, 0) / s.shape[1], Q, K, V)),
    Wrong("gives every key the same weight",
          lambda Q, K, V: (V.mean(0) + 0 * Q[:, :1], np.full((len(Q), len(K)), 1 / len(K))),
          ("same-weight-for-all", "root-is-float64")),
    Wrong("takes the logarithms of the weights for alpha",
          lambda Q, K, V: (both(Q, K, V)[0], np.log(weights(Q, K))), ("logarithms-of-the-weights",)),
    # the mixture
    Wrong("mixes with the scores", lambda Q, K, V: (scaled(Q, K) @ V, scaled(Q, K)), ("scores-multiply-the-values",),
          True),
    Wrong("mixes with the scores, right weights beside", lambda Q, K, V: (scaled(Q, K) @ V, weights(Q, K)),
          ("scores-multiply-the-values",)),
    Wrong("mixes keys", lambda Q, K, V: both(Q, K, K), ("keys-mixed",), True),
    Wrong("mixes queries", lambda Q, K, V: (weights(Q, K) @ Q, weights(Q, K)), ("queries-mixed",), True),
    Wrong("mixes the values in reverse", lambda Q, K, V: both(Q, K, V[::-1])),
    Wrong("mixes V.T", lambda Q, K, V: (weights(Q, K) @ V.T, weights(Q, K))),
    Wrong("mixes with the columns", lambda Q, K, V: (weights(Q, K).T @ V, weights(Q, K)),
          ("values-mixed-with-columns",), True),
    Wrong("mixes with the columns, einsum", lambda Q, K, V: (np.einsum("ij,id->jd", weights(Q, K), V), weights(Q, K)),
          ("values-mixed-with-columns",), True),
    Wrong("multiplies from the wrong side", lambda Q, K, V: (V @ weights(Q, K), weights(Q, K))),
    Wrong("multiplies weights and values", lambda Q, K, V: (weights(Q, K) * V, weights(Q, K)),
          ("weights-times-values-by-component",), True),
    Wrong("multiplies weights and values, scores beside", lambda Q, K, V: (weights(Q, K) * V, scaled(Q, K)),
          ("weights-times-values-by-component", "scores-for-the-weights"), True),
    Wrong("does not add the weighted values up", lambda Q, K, V: (weights(Q, K)[:, :, None] * V, weights(Q, K)),
          ("weighted-values-not-added-up",)),
    Wrong("adds the weighted values over the queries",
          lambda Q, K, V: ((weights(Q, K)[:, :, None] * V).sum(axis=0), weights(Q, K))),
    Wrong("adds the weighted values over the components",
          lambda Q, K, V: ((weights(Q, K)[:, :, None] * V).sum(axis=2), weights(Q, K))),
    Wrong("takes the mean of the weighted values",
          lambda Q, K, V: ((weights(Q, K)[:, :, None] * V).mean(axis=1), weights(Q, K)),
          ("divided-by-the-number-of-keys",), True),
    Wrong("keeps the last weighted value alone", loops_with_plus_missing),
    Wrong("counts keys up to the number of queries", loops_over_queries_only),
    Wrong("counts queries up to the number of keys", loops_over_keys_for_queries),
    Wrong("gives each query the values' best row", lambda Q, K, V: (V[weights(Q, K).argmax(1)], weights(Q, K)),
          ("all-weight-to-the-largest",)),
    Wrong("gives the first values and an identity",
          lambda Q, K, V: (V[: len(Q)].copy(), np.eye(len(Q), len(K), dtype=Q.dtype))),
    Wrong("gives every query the first output", one_output_for_all),
    Wrong("multiplies by the weights three times", double_weights),
    Wrong("adds the mean of Q", lambda Q, K, V: (both(Q, K, V)[0] + Q.mean(), weights(Q, K))),
    # keys left out
    Wrong("hides its own key with -1e9", all_but_itself, ("own-key-left-out",), True),
    Wrong("hides later keys", causal, ("later-keys-left-out",), True),
    Wrong("hides later keys, np.triu", causal_by_triu, ("later-keys-left-out",), True),
    Wrong("hides later keys after the softmax", masked_weights, ("later-keys-left-out",)),
    Wrong("hides earlier keys", anticausal, ("earlier-keys-left-out",)),
    # the results
    Wrong("gives B alone, no shift", lambda Q, K, V: attend_plainly(Q, K, V)[0],
          ("only-the-outputs", "exponential-overflows", "root-is-float64", "root-is-float64"), True),
    Wrong("gives B alone", lambda Q, K, V: weights(Q, K) @ V, ("only-the-outputs",), True),
    Wrong("gives B alone, appended", appended_outputs_only, ("only-the-outputs",), True),
    Wrong("gives alpha alone", lambda Q, K, V: weights(Q, K), ("only-the-weights",), True),
    Wrong("swaps the results, no shift", lambda Q, K, V: list(attend_plainly(Q, K, V)[::-1]),
          ("outputs-and-weights-swapped", "exponential-overflows", "root-is-float64", "root-is-float64"),
          True),
    Wrong("swaps the results", lambda Q, K, V: (weights(Q, K), weights(Q, K) @ V), ("outputs-and-weights-swapped",),
          True),
    Wrong("swaps the results, a namedtuple", lambda Q, K, V: Attended(weights(Q, K), weights(Q, K) @ V),
          ("outputs-and-weights-swapped",), True),
    Wrong("swaps the results, not scaled", lambda Q, K, V: mix(soft(Q @ K.T), V)[::-1],
          ("outputs-and-weights-swapped", "not-scaled")),
    Wrong("gives the scores beside B", lambda Q, K, V: (both(Q, K, V)[0], scaled(Q, K)), ("scores-for-the-weights",),
          True),
    Wrong("gives the unscaled scores beside B", lambda Q, K, V: (both(Q, K, V)[0], Q @ K.T),
          ("scores-for-the-weights",)),
    Wrong("gives B, alpha and the scores", lambda Q, K, V: (*both(Q, K, V), scaled(Q, K)), ("too-many-results",),
          True),
    Wrong("gives the scores, alpha and B", lambda Q, K, V: (scaled(Q, K), weights(Q, K), both(Q, K, V)[0]),
          ("too-many-results",)),
    Wrong("gives B twice", lambda Q, K, V: (both(Q, K, V)[0],) * 2, ("the-outputs-twice",), True),
    Wrong("gives alpha twice", lambda Q, K, V: (weights(Q, K),) * 2, ("the-weights-twice",), True),
    Wrong("gives a tuple of one", lambda Q, K, V: (both(Q, K, V)[0],), ("only-the-outputs",)),
    Wrong("gives lists of lists", lambda Q, K, V: [part.tolist() for part in both(Q, K, V)]),
    Wrong("gives a tuple of lists of rows", lambda Q, K, V: tuple(list(map(list, part)) for part in both(Q, K, V))),
    Wrong("gives a dictionary", lambda Q, K, V: dict(zip(("B", "alpha"), both(Q, K, V)))),
    Wrong("gives a dictionary by number", lambda Q, K, V: dict(enumerate(both(Q, K, V)))),
    Wrong("stacks B of one component, copied, on alpha",
          lambda Q, K, V: np.stack(both(Q, K, V[:, :1].repeat(len(K), 1)))),
    Wrong("puts B and alpha side by side", lambda Q, K, V: np.hstack(both(Q, K, V))),
    Wrong("gives pairs of rows", lambda Q, K, V: list(zip(*both(Q, K, V)))),
    Wrong("gives the first rows alone", first_row_only),
    Wrong("gives the last rows alone", last_row_only),
    Wrong("transposes B", lambda Q, K, V: (both(Q, K, V)[0].T, weights(Q, K)), ("outputs-transposed",), True),
    Wrong("transposes B, V.T first", lambda Q, K, V: (V.T @ weights(Q, K).T, weights(Q, K)), ("outputs-transposed",),
          True),
    Wrong("gives unscaled weights beside the right B", lambda Q, K, V: (both(Q, K, V)[0], soft(Q @ K.T)),
          ("not-scaled",)),
    Wrong("gives the right weights beside an unscaled B", lambda Q, K, V: (soft(Q @ K.T) @ V, weights(Q, K)),
          ("not-scaled",)),
    Wrong("transposes alpha", lambda Q, K, V: (both(Q, K, V)[0], weights(Q, K).T), ("weights-transposed",), True),
    Wrong("adds an axis in front", lambda Q, K, V: tuple(part[None] for part in both(Q, K, V))),
    Wrong("drops axes of size 1", lambda Q, K, V: tuple(map(np.squeeze, both(Q, K, V)))),
    # dtype and digits
    Wrong("gives float64, np.sqrt", lambda Q, K, V: mix(soft(Q @ K.T / np.sqrt(K.shape[1])), V),
          ("root-is-float64", "root-is-float64"), True),
    Wrong("gives float64, astype", lambda Q, K, V: tuple(part.astype(float) for part in both(Q, K, V)),
          ("root-is-float64",), True),
    Wrong("gives float64, buffers of np.zeros", loops_into_wide_buffers, ("root-is-float64",), True),
    Wrong("gives a float64 B, a buffer of np.zeros", loops_into_one_wide_buffer, ("root-is-float64",)),
    Wrong("gives a float64 B beside float32 weights", lambda Q, K, V: (weights(Q, K) @ V.astype(float), weights(Q, K)),
          ("root-is-float64",)),
    Wrong("gives float64, np.array of lists", lambda Q, K, V: tuple(np.array(part.tolist()) for part in both(Q, K, V)),
          ("root-is-float64",), True),
    Wrong("rounds to float32", lambda Q, K, V: tuple(part.astype(np.float32) for part in both(Q, K, V)),
          ("rounded-to-float32",), True),
    Wrong("rounds to three digits", lambda Q, K, V: tuple(part.round(3) for part in both(Q, K, V)),
          ("rounded-to-few-digits",), True),
    Wrong("rounds alpha, and mixes with it", lambda Q, K, V: mix(weights(Q, K).round(2), V)),
    Wrong("cuts B to 0 .. 6", lambda Q, K, V: (np.clip(both(Q, K, V)[0], 0, 6), weights(Q, K))),
    # buffers of the wrong shape
    Wrong("fills B in a buffer of the shape of V", buffer_of_the_shape_of_v),
    Wrong("fills B in a buffer of the shape of Q", buffer_of_the_shape_of_q),
    Wrong("fills alpha in a square buffer", square_weights),
    # the caller's arrays
    Wrong("scales Q in place", q_scaled_in_place, ("queries-changed-in-place",), True),
    Wrong("scales Q in place, and the scores again", q_scaled_in_place_twice,
          ("queries-changed-in-place", "divided-by-d-k")),
    Wrong("scales K in place", k_scaled_in_place, ("keys-changed-in-place",), True),
    Wrong("scales K in place when M > N", k_scaled_in_place_sometimes, ("keys-changed-in-place",)),
    Wrong("centres Q in place after use", q_centred_in_place, ("queries-changed-in-place",)),
    Wrong("writes B or zeros over Q after use", q_overwritten_by_b, ("queries-changed-in-place",)),
    Wrong("moves V in place", v_changed_in_place, ("values-changed-in-place",), True),
    Wrong("zeroes V for a single query", v_changed_for_single_queries, ("values-changed-in-place",)),
    # odds and ends
    Wrong("gives one NaN in B", nan_in_b),
    Wrong("gives NaN in the last column of alpha when M > 5", nan_in_alpha),
    Wrong("gives an infinite B for float32", inf_in_b_for_float32),
    Wrong("is right on the first call alone", OnlyOnce(both)),
    Wrong("remembers the first result of each shape", ByShape(both)),
    Wrong("gives one buffer for each shape, which the next call overwrites", SharedBuffer(both)),
    Wrong("raises NameError, a typo", typo),
    Wrong("raises ValueError, values before weights", lambda Q, K, V: mix(V, weights(Q, K)[:, :, None])),
    Wrong("raises TypeError, softmax with two axes", lambda Q, K, V: mix(soft(scaled(Q, K), axis=-1), V)),
    Wrong("prints for returning", printed),
    Wrong("returns nothing", forgotten),
)

MIXTURES = {
    "scores_are_divided_by_the_root_of_d_k": SCORES,
    "one_output_is_a_mixture_of_all_values": OUTPUTS,
    "attend_gives_mixtures_and_weights": ATTEND,
}
