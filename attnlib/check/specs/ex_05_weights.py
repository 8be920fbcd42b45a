"""Problem set 05_weights: from scores to a mixture."""

from dataclasses import replace

import numpy as np

from attnlib import attention, scores, weights
from attnlib.check.scoring import properties as p
from attnlib.check.spec import Case, Exercise, Forbidden, Mistake, ProblemSet, Slip
from attnlib.check.specs.arrays import exponentials, normal, normalised, root, single
from attnlib.check.specs.banks import mixtures, results
from attnlib.check.specs.banks.results import rounded, to_few_digits
from attnlib.check.specs.banks.scores import (
    DIVIDED_BY_D_K,
    HALF_A_ROOT,
    MORE_SCORING,
    MULTIPLIED_BY_ROOT_D_K,
    ROOT_IS_FLOAT64,
    ROOT_OF_D_V,
    SCORING,
)
from attnlib.check.specs.banks.weights import (
    SOFTMAX_OVER_QUERIES,
    TWICE,
    WEIGHING,
    WEIGHTS_ARE_FLOAT64,
    WITHOUT_KEEPDIMS,
    over,
)

OURS = Forbidden("anything of `attnlib`", ("attnlib.*",))
SOFTMAX = Forbidden("a ready-made softmax, as `torch.softmax`", (
    "torch.softmax", "torch.special_softmax", "torch._softmax", "torch.log_softmax", "torch.softmin", "scipy.softmax",
    "scipy.log_softmax", "sklearn.softmax", "jax.softmax"))
FUSED = Forbidden("ready-made attention, as `scaled_dot_product_attention`", (
    "torch.scaled_dot_product_attention", "torch.multi_head_attention_forward"))


# --- scores to weights -----------------------------------------------------------------------------------------------


def softmax_in_place(s):
    """Right numbers, but the caller's scores are gone."""
    s -= s.max(axis=-1, keepdims=True)
    np.exp(s, out=s)
    s /= s.sum(axis=-1, keepdims=True)
    return s


def first_not_largest(rng, N, M):
    """Numbers whose first in each row is never the largest: to take the first off in its place overflows."""
    s = normal(rng, N, M)
    s[:, 0], s[:, 1] = -abs(s[:, 0]), 1 + abs(s[:, 1])
    return s


def softmax_cases(rng):
    """Scores (..., M): a matrix, more and fewer axes, single rows and keys, huge ones, float32."""
    def apart(far):
        return normal(rng, 3, 4) + np.array([[far], [-far], [0]])

    return [
        Case("plain", (2 * normal(rng, 5, 7),), "scores of shape (5, 7)"),
        Case("plain", (2 * normal(rng, 2, 3),), "scores of shape (2, 3)"),
        Case("edge", (normal(rng, 1, 6),), "one query, scores of shape (1, 6)"),
        Case("edge", (normal(rng, 4, 1),), "one key, scores of shape (4, 1)"),
        Case("axes", (normal(rng, 2, 3, 4),), "a batch, scores of shape (2, 3, 4)"),
        Case("axes", (normal(rng, 6),), "a single row, scores of shape (6,)"),
        Case("large", (apart(1000),), "rows near 1000, -1000 and 0"),
        Case("large", (apart(800),), "rows near 800, -800 and 0"),
        Case("large", (1e4 * first_not_largest(rng, 4, 5),), "scores near ±10000"),
        Case("float32", single(normal(rng, 3, 8)), "float32 scores of shape (3, 8)"),
        Case("float32", single(normal(rng, 5)), "a single float32 row, scores of shape (5,)"),
        Case("float32", single(normal(rng, 2, 3, 4)), "a float32 batch, scores of shape (2, 3, 4)"),
    ]


SOFTMAX_EXERCISE = Exercise(
    name="softmax_turns_each_row_into_weights",
    title="Softmax turns each row into weights",
    minutes=20,
    asks="softmax over the last axis",
    reference=weights.softmax,
    cases=softmax_cases,
    properties=(
        p.weights_rank_keys(0.5),
        p.values(1, on=("plain", "edge")),
        p.values(0.5, on=("axes",), name="any leading axes", after=p.NUMBERS),
        p.values(1, on=("large",), name="right for large scores too", after=p.NUMBERS),
        p.digits(0.25),
        p.dtype_kept(0.25),
        p.arrays_left_alone(0.5, ("scores",)),
    ),
    slips=WEIGHING + (
        SOFTMAX_OVER_QUERIES.slip(over(-2)),
        WEIGHTS_ARE_FLOAT64.slip(lambda s: weights.softmax(s.astype(float))),
        rounded(weights.softmax),
        *to_few_digits(weights.softmax),
        Slip("logarithms-of-the-weights",
             "These are logarithms of the weights. Return the weights themselves.",
             lambda s: s - s.max(axis=-1, keepdims=True) - np.log(exponentials(s).sum(axis=-1, keepdims=True))),
        results.SCORES_CHANGED_IN_PLACE.slip(softmax_in_place),
        Slip("axis-1-for-the-last",
             "`axis=1` is the last axis of a matrix only. Write `axis=-1`, which is the last axis of any array.",
             over(1)),
        *WITHOUT_KEEPDIMS,
        TWICE,
    ),
    forbidden=(OURS, SOFTMAX, FUSED),
)


# --- how far products spread -----------------------------------------------------------------------------------------

SPREAD_EXERCISE = Exercise(
    name="this_width_spreads_products_by_eight",
    title="Predict: how far do products spread?",
    minutes=5,
    asks="the d_k at which q·k has standard deviation 8",
    reference=lambda: 64,
    cases=lambda rng: [Case("plain", (), "d_k")],
    properties=(p.number(1),),
    slips=(
        Slip("variance-for-the-deviation",
             "At this width the variance is 8. The standard deviation is the square root of the variance.",
             lambda: 8),
        Slip("deviation-of-width-eight",
             "This is the standard deviation at d_k = 8. We look for the d_k that gives 8.", lambda: 8**0.5),
        Slip("variance-grows-with-the-root",
             "The variance of a sum of d_k independent terms is d_k times that of one term, not √d_k times.",
             lambda: 4096),
    ),
    kind="number",
)


def products(Q, K):
    """q·k for each pair of rows, (n,)."""
    return (Q * K).sum(axis=-1)


def variances(Q, K):
    """The variance of q·k over paired rows, before and after the division by √d_k."""
    return products(Q, K).var(), (products(Q, K) / root(K)).var()


def variance_cases(rng):
    """Paired rows (n, d), off centre, so that a forgotten mean shows."""
    def pair(n, d):
        return normal(rng, n, d) + 0.5, 2 * normal(rng, n, d) - 0.3

    return [
        Case("plain", pair(40, 4), "40 pairs with d_k = 4"),
        Case("plain", pair(25, 9), "25 pairs with d_k = 9"),
        Case("plain", pair(6, 30), "6 pairs with d_k = 30"),
        Case("edge", pair(12, 1), "12 pairs with d_k = 1"),
        Case("edge", pair(1, 5), "a single pair"),
        Case("edge", tuple(10 * each for each in pair(8, 7)), "8 pairs of large vectors with d_k = 7"),
        Case("edge", single(*pair(15, 6)), "15 float32 pairs with d_k = 6"),
    ]


VARIANCES = ((0, "the variance before"), (1, "the variance after"))

VARIANCE_EXERCISE = Exercise(
    name="scaling_brings_the_variance_back",
    title="Measure: what the scale does to the variance",
    minutes=10,
    asks="the variance of q·k before and after the scale",
    reference=variances,
    cases=variance_cases,
    properties=(
        p.values(0.75, part=VARIANCES[0], on=("plain", "edge"), name="the variance before"),
        p.values(0.75, part=VARIANCES[1], on=("plain", "edge"), name="the variance after"),
        p.digits(0.25, VARIANCES, after="the variance before"),
        p.arrays_left_alone(0.25, ("Q", "K"), after="the variance before"),
    ),
    slips=(
        Slip("second-variance-not-scaled",
             "Both are the variance before the scale. For the second, divide the products by √d_k.",
             lambda Q, K: (products(Q, K).var(),) * 2),
        DIVIDED_BY_D_K.slip(lambda Q, K: (products(Q, K).var(), (products(Q, K) / K.shape[1]).var())),
        HALF_A_ROOT.slip(lambda Q, K: (products(Q, K).var(), (products(Q, K) / K.shape[1] ** 1 / 2).var())),
        HALF_A_ROOT.slip(lambda Q, K: (products(Q, K).var(), (products(Q, K) / (K.shape[1] ** 1 / 2)).var())),
        results.ROUNDED_DOWN.slip(lambda Q, K: (products(Q, K).var(), (products(Q, K) // root(K)).var())),
        rounded(variances),
        *to_few_digits(variances),
        Slip("first-variance-scaled-too",
             "The first variance is scaled too. It belongs to the products as they are.",
             lambda Q, K: (variances(Q, K)[1],) * 2),
        Slip("means-for-the-variances",
             "These are means. Return the variances.",
             lambda Q, K: (products(Q, K).mean(), (products(Q, K) / root(K)).mean())),
        Slip("products-for-the-variances",
             "These are the products themselves. Return their variances, two numbers.",
             lambda Q, K: (products(Q, K), products(Q, K) / root(K))),
        Slip("components-averaged",
             "The d_k products of a pair are averaged. q·k is their sum.",
             lambda Q, K: ((Q * K).mean(axis=-1).var(), ((Q * K).mean(axis=-1) / root(K)).var())),
        MULTIPLIED_BY_ROOT_D_K.slip(lambda Q, K: (products(Q, K).var(), (products(Q, K) * root(K)).var())),
        Slip("only-one-variance",
             "Only one number came back. Return two: the variance before, then the variance after.",
             lambda Q, K: variances(Q, K)[1]),
        Slip("only-one-variance",
             "Only one number came back. Return two: the variance before, then the variance after.",
             lambda Q, K: variances(Q, K)[0]),
        Slip("variances-swapped",
             "The two numbers have changed places: first the variance before the scale, then after.",
             lambda Q, K: variances(Q, K)[::-1]),
        Slip("standard-deviations",
             "These are standard deviations. The variance is the square of the standard deviation.",
             lambda Q, K: tuple(v**0.5 for v in variances(Q, K))),
        Slip("every-query-with-every-key",
             "Every query meets every key. Row r of Q pairs with row r of K only: n products, not n × n.",
             lambda Q, K: ((Q @ K.T).var(), (Q @ K.T / root(K)).var())),
        Slip("root-of-the-number-of-pairs",
             "The products are divided by √n, n the number of pairs. Divide by √d_k, the width of a key.",
             lambda Q, K: (products(Q, K).var(), (products(Q, K) / len(K) ** 0.5).var())),
        Slip("products-not-added-up",
             "The d_k products of a pair are not added up: q·k is one number for each pair.",
             lambda Q, K: ((Q * K).var(), (Q * K / root(K)).var())),
        Slip("divided-by-n-minus-1",
             "The sum of the squared deviations is divided by n - 1. Divide by n: `np.var` as it is, or `torch.var` "
             "with `correction=0`.", lambda Q, K: unbiased(variances(Q, K), len(Q))),
        Slip("mean-not-taken-off",
             "This is the mean of the squares. For the variance, take the mean off first.",
             lambda Q, K: ((products(Q, K) ** 2).mean(), (products(Q, K) ** 2).mean() / K.shape[1])),
        Slip("variance-divided-by-the-root",
             "The variance itself is divided by √d_k. Divide the products by √d_k; "
             "their variance is then divided by d_k.",
             lambda Q, K: (products(Q, K).var(), products(Q, K).var() / root(K))),
        Slip("products-added-over-the-pairs",
             "The products are added over the pairs (axis 0). q·k adds over the components: the last axis.",
             lambda Q, K: ((Q * K).sum(axis=0).var(), ((Q * K).sum(axis=0) / root(K)).var())),
    ),
    forbidden=(OURS,),
)


def unbiased(numbers, n):
    """Variances divided by n - 1 instead of n."""
    return tuple(np.float64(v) * n / (n - 1) if n > 1 else np.nan for v in numbers)


# --- scaled scores ---------------------------------------------------------------------------------------------------


def steep(rng, N, M, d, d_v):
    """Q, K, V whose first query has the scores -2500, 5000, 4500 and others; the other queries' are ordinary."""
    Q, K, V = normal(rng, N, d), normal(rng, M, d), normal(rng, M, d_v)
    K[0], K[2] = -0.5 * K[1], 0.9 * K[1]
    Q[0] = K[1] * (5000 * d**0.5 / (K[1] @ K[1]))
    return Q, K, V


def peaked(rng, i, N, M, d, d_v):
    """Q, K, V whose query i has the scores 4, -3 and others near 0: a weight near 1, and one of a thousandth."""
    Q, K, V = normal(rng, N, d), normal(rng, M, d), normal(rng, M, d_v)
    wanted = np.array([1, -0.75, *(-0.02 * j for j in range(1, M - 1))])  # times 4
    K += np.outer(wanted - K @ K[0] / (K[0] @ K[0]), K[0])
    Q[i] = K[0] * (4 * d**0.5 / (K[0] @ K[0]))
    return Q, K, V


def score_cases(rng):
    """Queries (N, d) and keys (M, d)."""
    def pair(N, M, d):
        return normal(rng, N, d), normal(rng, M, d)

    return [
        Case("plain", pair(5, 7, 4), "Q (5, 4) and K (7, 4)"),
        Case("plain", pair(3, 8, 10), "Q (3, 10) and K (8, 10)"),
        Case("plain", pair(6, 6, 3), "Q (6, 3) and K (6, 3)"),
        Case("edge", pair(1, 4, 5), "one query, Q (1, 5) and K (4, 5)"),
        Case("edge", pair(4, 1, 3), "one key, Q (4, 3) and K (1, 3)"),
        Case("edge", pair(3, 2, 1), "one component, Q (3, 1) and K (2, 1)"),
        Case("edge", steep(rng, 4, 5, 2, 1)[:2], "scores beyond 1000, Q (4, 2) and K (5, 2)"),
        Case("float32", single(*pair(4, 3, 6)), "float32 Q (4, 6) and K (3, 6)"),
    ]


SCORES_EXERCISE = Exercise(
    name="scores_are_divided_by_the_root_of_d_k",
    title="Scores are divided by the root of $d_k$",
    minutes=10,
    asks="every query scored against every key, divided by √d_k",
    reference=scores.scaled_dot,
    cases=score_cases,
    properties=(
        p.values(1.25, on=("plain", "edge")),
        p.digits(0.25),
        p.dtype_kept(0.25),
        p.arrays_left_alone(0.25, ("Q", "K")),
    ),
    slips=SCORING + MORE_SCORING + (
        Slip("each-query-with-one-key",
             "Each query meets one key only. Score every query against every key: `Q @ K.T`, shape (N, M).",
             lambda Q, K: products(Q, K) / root(K)),
        Slip("sum-over-the-vectors",
             "`Q.T @ K` sums over the vectors, and fits only where N = M. Sum over the components: `Q @ K.T`.",
             lambda Q, K: Q.T @ K / root(K)),
        ROOT_IS_FLOAT64,
        rounded(scores.scaled_dot),
        *to_few_digits(scores.scaled_dot),
        Slip("weights-for-the-scores",
             "These are softmax weights: each row sums to one. Return the scores.",
             lambda Q, K: weights.softmax(scores.scaled_dot(Q, K))),
        Slip("distances-for-products",
             "These grow with the distance between query and key. A score is their inner product: `Q @ K.T`.",
             lambda Q, K: np.linalg.norm(Q[:, None] - K, axis=-1)),
        Slip("distances-for-products",
             "These grow with the distance between query and key. A score is their inner product: `Q @ K.T`.",
             lambda Q, K: ((Q[:, None] - K) ** 2).sum(axis=-1) / root(K)),
    ),
    forbidden=(OURS, FUSED),
)


BUILDING_BLOCKS = ((SOFTMAX_EXERCISE.name, "weigh"), (SCORES_EXERCISE.name, "score"))


# --- one output ------------------------------------------------------------------------------------------------------


def output_vector(i, Q, K, V, score=scores.scaled_dot, weigh=weights.softmax):
    """b_i: the values, mixed with the weights of query i."""
    return weigh(score(Q, K))[i] @ V


def output_vectors(score=scores.scaled_dot, weigh=weights.softmax):
    """The ways to write `output_vector` on top of two earlier exercises: all rows or one, at each step."""
    return (
        lambda i, Q, K, V: weigh(score(Q, K))[i] @ V,
        lambda i, Q, K, V: weigh(score(Q, K)[i]) @ V,
        lambda i, Q, K, V: weigh(score(Q[i : i + 1], K))[0] @ V,
        lambda i, Q, K, V: weigh(score(Q[i : i + 1], K)[0]) @ V,
        lambda i, Q, K, V: weigh(score(Q[i], K)) @ V,
    )


def one_with(slip):
    """`output_vector` with the slip of a step before it."""
    step = "score" if slip in SCORING else "weigh"
    return replace(slip, function=lambda i, Q, K, V: output_vector(i, Q, K, V, **{step: slip.function}))


def alone(i, Q, K, V, seen):
    """b_i from the keys `seen` alone."""
    return weights.softmax(scores.scaled_dot(Q[i : i + 1], K[seen]))[0] @ V[seen]


def all_weights(Q, K):
    """All the weights, (N, N)."""
    return weights.softmax(scores.scaled_dot(Q, K))


def output_cases(rng):
    """A position i and a sequence's Q, K (N, d) and V (N, d_v)."""
    def sequence(N, d, d_v):
        return normal(rng, N, d), normal(rng, N, d), normal(rng, N, d_v)

    large = steep(rng, 4, 4, 3, 5)
    return [
        Case("plain", (2, *sequence(5, 4, 6)), "i = 2 of 5, d_k = 4, d_v = 6"),
        Case("plain", (0, *sequence(7, 3, 2)), "i = 0 of 7, d_k = 3, d_v = 2"),
        Case("plain", (5, *sequence(6, 10, 3)), "i = 5 of 6, d_k = 10, d_v = 3"),
        Case("plain", (1, *peaked(rng, 1, 4, 4, 5, 5)), "i = 1 of 4, d_k = d_v = 5, one weight of about 0.97"),
        Case("edge", (0, *sequence(1, 3, 4)), "a sequence of one vector"),
        Case("edge", (1, *sequence(4, 2, 1)), "i = 1 of 4, d_v = 1"),
        Case("edge", (3, *single(*sequence(5, 2, 4))), "i = 3 of 5 in float32"),
        Case("large", (0, *large), "scores near 5000"),
        Case("large", (1, *large), "ordinary scores, beside a row with scores near 5000"),
    ]


NEXT_POSITION = Mistake(
    "next-position", "This is the output of the next position. Positions count from 0: query i is `Q[i]`.")
POSITION_BEFORE = Mistake(
    "position-before", "For i > 0 this is the output of the position before. Positions count from 0: query i is "
    "`Q[i]`.")

OUTPUT_EXERCISE = Exercise(
    name="one_output_is_a_mixture_of_all_values",
    title="One output is a mixture of all values",
    minutes=15,
    asks="the output of one position",
    reference=lambda i, Q, K, V: output_vector(i, Q, K, V),
    cases=output_cases,
    properties=(
        p.values(2, on=("plain", "edge")),
        p.values(0.5, on=("large",), name="right for large scores too", after=p.NUMBERS),
        p.digits(0.25),
        p.arrays_left_alone(0.25, ("i", "Q", "K", "V")),
    ),
    slips=tuple(map(one_with, SCORING + WEIGHING)) + (
        ROOT_OF_D_V.slip(lambda i, Q, K, V: output_vector(i, Q, K, V, lambda Q, K: Q @ K.T / root(V))),
        mixtures.KEYS_MIXED.slip(lambda i, Q, K, V: output_vector(i, Q, K, K)),
        Slip("column-of-the-weights",
             "This takes column i of the weights. The weights of query i are row i.",
             lambda i, Q, K, V: all_weights(Q, K)[:, i] @ V),
        mixtures.OWN_KEY_LEFT_OUT.slip(lambda i, Q, K, V: alone(i, Q, K, V, np.arange(len(K)) != i)),
        Slip("weights-for-the-output",
             "These are the weights of query i. Mix the values with them: the output has d_v numbers.",
             lambda i, Q, K, V: all_weights(Q, K)[i]),
        Slip("scores-for-the-output",
             "These are the scores of query i. Turn them into weights, then mix the values with them.",
             lambda i, Q, K, V: scores.scaled_dot(Q, K)[i]),
        mixtures.SCALE_AFTER_SOFTMAX.slip(lambda i, Q, K, V: output_vector(i, Q, K, V, scores.dot) / root(K)),
        Slip("own-value-alone",
             "This is value i alone. The output mixes all the values.", lambda i, Q, K, V: V[i]),
        POSITION_BEFORE.slip(lambda i, Q, K, V: output_vector(i - 1, Q, K, V)),
        POSITION_BEFORE.slip(lambda i, Q, K, V: output_vector(max(i - 1, 0), Q, K, V)),
        mixtures.LATER_KEYS_LEFT_OUT.slip(lambda i, Q, K, V: alone(i, Q, K, V, np.arange(len(K)) <= i)),
        Slip("all-outputs-for-one",
             "These are the outputs of all positions. Return row i alone.",
             lambda i, Q, K, V: all_weights(Q, K) @ V),
        Slip("same-weight-for-all",
             "Every value gets the same weight. The weights come from the scores of query i.",
             lambda i, Q, K, V: V.mean(axis=0)),
        Slip("weighted-values-not-added-up",
             "The weighted values are not added up. The output is their sum over the positions, d_v numbers.",
             lambda i, Q, K, V: all_weights(Q, K)[i][:, None] * V),
        Slip("weights-and-values-do-not-fit",
             "N weights and rows of d_v numbers do not fit component by component. Multiply and add up in one: "
             "`weights @ V`.", lambda i, Q, K, V: all_weights(Q, K)[i] * V),
        mixtures.SCORES_MULTIPLY_THE_VALUES.slip(lambda i, Q, K, V: scores.scaled_dot(Q, K)[i] @ V),
        mixtures.DIVIDED_BY_THE_NUMBER_OF_KEYS.slip(lambda i, Q, K, V: output_vector(i, Q, K, V) / len(V)),
        rounded(output_vector),
        *to_few_digits(output_vector),
        mixtures.QUERIES_MIXED.slip(lambda i, Q, K, V: output_vector(i, Q, K, Q)),
        mixtures.EARLIER_KEYS_LEFT_OUT.slip(lambda i, Q, K, V: alone(i, Q, K, V, np.arange(len(K)) >= i)),
        Slip("always-the-first-position",
             "This is the output of position 0, whatever i is. Query i is `Q[i]`.",
             lambda i, Q, K, V: output_vector(0, Q, K, V)),
        Slip("always-the-last-position",
             "This is the output of the last position, whatever i is. Query i is `Q[i]`.",
             lambda i, Q, K, V: output_vector(-1, Q, K, V)),
        Slip("counted-from-the-end",
             "The position is counted from the end, as `Q[-i]` does. Query i is `Q[i]`.",
             lambda i, Q, K, V: output_vector(-i, Q, K, V)),
        Slip("query-kept-as-a-row",
             "The result is a matrix of one row. Take query i as a vector, `Q[i]`, and return d_v numbers.",
             lambda i, Q, K, V: output_vector(i, Q, K, V)[None]),
        NEXT_POSITION.slip(lambda i, Q, K, V: output_vector(i + 1, Q, K, V)),
        NEXT_POSITION.slip(lambda i, Q, K, V: output_vector((i + 1) % len(Q), Q, K, V)),
        NEXT_POSITION.slip(lambda i, Q, K, V: output_vector(min(i + 1, len(Q) - 1), Q, K, V)),
    ),
    forbidden=(OURS, FUSED),
    builds_on=BUILDING_BLOCKS,
    composed=output_vectors,
)


# --- all outputs -----------------------------------------------------------------------------------------------------


def attend(Q, K, V, score=scores.scaled_dot, weigh=weights.softmax):
    """B and alpha, each step replaceable."""
    alpha = weigh(score(Q, K))
    return alpha @ V, alpha


def all_with(step, *slips):
    """`attend` with the slips of a step before it, "score" or "weigh"."""
    return tuple(replace(slip, function=lambda Q, K, V, wrong=slip.function: attend(Q, K, V, **{step: wrong}))
                 for slip in slips)


def hiding(hidden):
    """`attend` with the scores hidden where hidden(N, M) is True."""
    def function(Q, K, V):
        return attend(Q, K, V, lambda Q, K: np.where(hidden(len(Q), len(K)), -np.inf, scores.scaled_dot(Q, K)))

    return function


def without_self(N, M):
    """True on the diagonal, unless nothing would be left."""
    return np.eye(N, M, dtype=bool) & (M > 1)


def changing(number):
    """Right numbers, but argument `number` is the caller's no longer."""
    def function(*args):
        got = attend(*args)
        args[number][...] *= 2
        return got

    return function


def attend_cases(rng):
    """Queries (N, d), keys (M, d) and values (M, d_v)."""
    def triple(N, M, d, d_v):
        return normal(rng, N, d), normal(rng, M, d), normal(rng, M, d_v)

    return [
        Case("plain", triple(5, 7, 4, 6), "Q (5, 4), K (7, 4), V (7, 6)"),
        Case("plain", triple(6, 6, 3, 2), "Q (6, 3), K (6, 3), V (6, 2)"),
        Case("plain", triple(4, 3, 10, 5), "Q (4, 10), K (3, 10), V (3, 5)"),
        Case("plain", peaked(rng, 2, 3, 5, 4, 4), "Q (3, 4), K (5, 4), V (5, 4), one weight of about 0.95"),
        Case("edge", triple(1, 5, 3, 2), "one query, Q (1, 3), K (5, 3), V (5, 2)"),
        Case("edge", triple(4, 1, 2, 3), "one key, Q (4, 2), K (1, 2), V (1, 3)"),
        Case("large", steep(rng, 4, 6, 3, 5), "scores near 5000 in the first row"),
        Case("float32", single(*triple(3, 5, 6, 2)), "float32 Q (3, 6), K (5, 6), V (5, 2)"),
    ]


PARTS = ((0, "B"), (1, "alpha"))

ATTEND_EXERCISE = Exercise(
    name="attend_gives_mixtures_and_weights",
    title="Attend gives mixtures and weights",
    minutes=20,
    asks="the outputs of all queries, and the weights",
    reference=attention.attend,
    cases=attend_cases,
    properties=(
        p.weights_rank_keys(0.5, part=PARTS[1]),
        p.values(1, part=PARTS[1], on=("plain", "edge"), name="alpha is right"),
        p.values(1, part=PARTS[0], on=("plain", "edge"), name="B is right"),
        p.values(0.5, parts=PARTS, on=("large",), name="right for large scores too", after="B is right"),
        p.digits(0.25, PARTS, after="B is right"),
        p.dtype_kept(0.25, PARTS, after="B is right"),
        p.arrays_left_alone(0.5, ("Q", "K", "V"), after="B is right"),
    ),
    slips=all_with("score", *SCORING, *MORE_SCORING, ROOT_IS_FLOAT64) + all_with(
        "weigh", *WEIGHING, *WITHOUT_KEEPDIMS, TWICE) + (
        ROOT_OF_D_V.slip(lambda Q, K, V: attend(Q, K, V, lambda Q, K: Q @ K.T / root(V))),
        mixtures.KEYS_MIXED.slip(lambda Q, K, V: attend(Q, K, K)),
        Slip("values-mixed-with-columns",
             "The values are mixed with the columns of alpha. Each output takes a row of alpha: `alpha @ V`.",
             lambda Q, K, V: (attention.attend(Q, K, V)[1].T @ V, attention.attend(Q, K, V)[1])),
        mixtures.OWN_KEY_LEFT_OUT.slip(hiding(without_self)),
        Slip("scores-for-the-weights",
             "The second result holds the scores. Return the weights, whose rows sum to one.",
             lambda Q, K, V: (attend(Q, K, V)[0], scores.scaled_dot(Q, K))),
        Slip("only-the-weights",
             "Only the weights came back. Return two arrays: B, then alpha.",
             lambda Q, K, V: attend(Q, K, V)[1]),
        Slip("queries-changed-in-place",
             "Q is changed in place, and it belongs to the caller. Compute into a new array.", changing(0)),
        Slip("keys-changed-in-place",
             "K is changed in place, and it belongs to the caller. Compute into a new array.", changing(1)),
        Slip("values-changed-in-place",
             "V is changed in place, and it belongs to the caller. Compute into a new array.", changing(2)),
        Slip("only-the-outputs",
             "Only B came back. Return two arrays: B, then alpha.", lambda Q, K, V: attend(Q, K, V)[0]),
        Slip("outputs-and-weights-swapped",
             "The two results have changed places. Return B first, then alpha.",
             lambda Q, K, V: attend(Q, K, V)[::-1]),
        mixtures.SCALE_AFTER_SOFTMAX.slip(
            lambda Q, K, V: tuple(part / root(K) for part in attend(Q, K, V, scores.dot))),
        mixtures.LATER_KEYS_LEFT_OUT.slip(hiding(lambda N, M: ~np.tri(N, M, dtype=bool))),
        Slip("weights-times-values-by-component",
             "`alpha * V` multiplies component by component. Each output is a sum over the keys: `alpha @ V`.",
             lambda Q, K, V: (attend(Q, K, V)[1] * V, attend(Q, K, V)[1])),
        mixtures.SCORES_MULTIPLY_THE_VALUES.slip(lambda Q, K, V: attend(Q, K, V, weigh=lambda s: s)),
        mixtures.DIVIDED_BY_THE_NUMBER_OF_KEYS.slip(lambda Q, K, V: (attend(Q, K, V)[0] / len(V), attend(Q, K, V)[1])),
        rounded(attend),
        *to_few_digits(attend),
        mixtures.QUERIES_MIXED.slip(lambda Q, K, V: attend(Q, K, Q)),
        Slip("too-many-results",
             "More than two results came back. Return two arrays: B, then alpha.",
             lambda Q, K, V: (*attend(Q, K, V), scores.scaled_dot(Q, K))),
        Slip("the-outputs-twice",
             "Both results are B. The second is alpha, the weights.", lambda Q, K, V: (attend(Q, K, V)[0],) * 2),
        Slip("the-weights-twice",
             "Both results are alpha. The first is B, the mixtures of the values.",
             lambda Q, K, V: (attend(Q, K, V)[1],) * 2),
        Slip("outputs-transposed",
             "B is transposed: it is (d_v, N). Row i of B belongs to query i.",
             lambda Q, K, V: (attend(Q, K, V)[0].T, attend(Q, K, V)[1])),
        Slip("weights-transposed",
             "alpha is transposed: it is (M, N). Row i of alpha belongs to query i.",
             lambda Q, K, V: (attend(Q, K, V)[0], attend(Q, K, V)[1].T)),
    ),
    forbidden=(OURS, FUSED),
    builds_on=BUILDING_BLOCKS,
    composed=lambda **parts: (lambda Q, K, V: attend(Q, K, V, **parts),),
)


# --- other weights ---------------------------------------------------------------------------------------------------


def relu(s):
    """Scores cut at zero."""
    return np.maximum(s, 0)


def relu_in_place(s):
    """Right numbers, but the caller's scores are cut too."""
    s[s < 0] = 0
    return s / s.shape[-1]


def divided_in_place(s):
    """Right numbers, but the caller's scores are divided too."""
    s /= s.shape[-1]
    return relu(s)


def both_signs(rng, *shape, above=0):
    """Scores with one beyond `above` first and a negative one last in every row."""
    s = normal(rng, *shape)
    s[..., 0], s[..., -1] = above + abs(s[..., 0]), -abs(s[..., -1])
    return s


def relu_cases(rng):
    """Scores (..., L), some rows without a positive one."""
    return [
        Case("plain", (both_signs(rng, 5, 7),), "scores of shape (5, 7)"),
        Case("plain", (both_signs(rng, 3, 2),), "scores of shape (3, 2)"),
        Case("plain", (both_signs(rng, 4, 6, above=1000),), "scores beyond 1000, of shape (4, 6)"),
        Case("axes", (both_signs(rng, 2, 3, 4),), "a batch, scores of shape (2, 3, 4)"),
        Case("axes", (both_signs(rng, 6),), "a single row, scores of shape (6,)"),
        Case("edge", (both_signs(rng, 4)[:, None],), "one key, scores of shape (4, 1)"),
        Case("edge", (-abs(normal(rng, 3, 2)),), "negative scores of shape (3, 2)"),
        Case("float32", single(both_signs(rng, 3, 8)), "float32 scores of shape (3, 8)"),
        Case("float32", single(both_signs(rng, 5)), "a single float32 row, scores of shape (5,)"),
        Case("float32", single(both_signs(rng, 2, 3, 4)), "a float32 batch, scores of shape (2, 3, 4)"),
    ]


DIVIDED_BY_THE_ROW_SUM = Mistake(
    "divided-by-the-row-sum", "Each row is divided by its own sum, which may be 0. Divide by L, the number of keys.")
DIVIDED_BY_THE_POSITIVE_ONES = Mistake(
    "divided-by-the-positive-ones",
    "The division is by the number of positive scores, which may be 0. Divide by L, all the keys in the row.")

LEAK = Mistake("negative-scores-leak", "Negative scores leak through, made small. ReLU turns them into 0.")
CUT_ABOVE = Mistake("positive-scores-cut-too", "Large scores are cut too. ReLU keeps every positive score as it is.")
OFF_BY_ONE = Mistake("length-is-off-by-one", "The divisor is off by one. L is the number of keys, `scores.shape[-1]`.")

RELU_EXERCISE = Exercise(
    name="relu_weights_are_divided_by_the_length",
    title="ReLU weights are divided by the length",
    minutes=10,
    asks="ReLU of the scores, divided by the number of keys",
    reference=weights.relu_weights,
    cases=relu_cases,
    properties=(
        p.values(0.75, on=("plain", "edge")),
        p.values(0.5, on=("axes",), name="any leading axes", after=p.NUMBERS),
        p.digits(0.25),
        p.dtype_kept(0.25),
        p.arrays_left_alone(0.25, ("scores",)),
    ),
    slips=(
        Slip("not-divided-by-the-length",
             "The scores are cut at zero but not divided. Divide by L, the number of keys in a row.", relu),
        WEIGHTS_ARE_FLOAT64.slip(lambda s: weights.relu_weights(s.astype(float))),
        results.SCORES_CHANGED_IN_PLACE.slip(relu_in_place),
        results.SCORES_CHANGED_IN_PLACE.slip(divided_in_place),
        Slip("divided-by-the-number-of-rows",
             "The division is by the number of rows. L is the number of keys: the size of the last axis.",
             lambda s: relu(s) / len(s)),
        Slip("divided-by-the-number-of-scores",
             "The division is by the number of all scores. L is the number of keys: the size of the last axis.",
             lambda s: relu(s) / s.size),
        Slip("shape-1-for-the-last-axis",
             "`shape[1]` is the number of keys in a matrix only. Use `shape[-1]`, the last axis of any array.",
             lambda s: relu(s) / s.shape[1]),
        DIVIDED_BY_THE_ROW_SUM.slip(
            lambda s: relu(s) / np.where((total := relu(s).sum(axis=-1, keepdims=True)) > 0, total, 1)),
        DIVIDED_BY_THE_ROW_SUM.slip(lambda s: normalised(relu(s))),
        *(DIVIDED_BY_THE_ROW_SUM.slip(lambda s, small=small: relu(s) / (relu(s).sum(axis=-1, keepdims=True) + small))
          for small in (1e-6, 1e-8, 1e-9, 1e-10)),
        DIVIDED_BY_THE_POSITIVE_ONES.slip(lambda s: relu(s) / (s > 0).sum(axis=-1, keepdims=True).astype(s.dtype)),
        DIVIDED_BY_THE_POSITIVE_ONES.slip(
            lambda s: relu(s) / np.maximum((s > 0).sum(axis=-1, keepdims=True), 1).astype(s.dtype)),
        Slip("negative-scores-keep-their-size",
             "Negative scores lose their sign alone, as `abs` does. ReLU turns them into 0.",
             lambda s: abs(s) / s.shape[-1]),
        Slip("positive-scores-count-as-one",
             "Each positive score counts as 1. ReLU keeps a positive score as it is.",
             lambda s: (s > 0).astype(s.dtype) / s.shape[-1]),
        Slip("divided-by-the-root-of-the-length",
             "The division is by √L. Divide by L itself.", lambda s: relu(s) / root(s)),
        Slip("softmax-for-relu",
             "These are softmax weights. ReLU takes no exponential: cut at zero, then divide by L.", over(-1)),
        rounded(weights.relu_weights),
        *to_few_digits(weights.relu_weights),
        results.ROUNDED_DOWN.slip(lambda s: relu(s) // s.shape[-1]),
        *(LEAK.slip(lambda s, small=small: np.where(s > 0, s, small * s) / s.shape[-1]) for small in (0.01, 0.1, 0.2)),
        *(CUT_ABOVE.slip(lambda s, top=top: np.clip(s, 0, top) / s.shape[-1]) for top in (1, 6)),
        *(OFF_BY_ONE.slip(lambda s, step=step: relu(s) / max(s.shape[-1] + step, 0)) for step in (-1, 1)),
        Slip("largest-of-each-column",
             "`np.max(scores, 0)` is the largest score of a column. `np.maximum(scores, 0)` cuts each score at zero.",
             lambda s: np.max(s, 0) / s.shape[-1]),
        Slip("negative-scores-not-cut",
             "The scores are divided by L but not cut. ReLU turns negative scores into 0.",
             lambda s: s / s.shape[-1]),
    ),
    forbidden=(OURS,),
)


PROBLEM_SET = ProblemSet(
    stem="05_weights",
    version=2,
    exercises=(
        SOFTMAX_EXERCISE, SPREAD_EXERCISE, VARIANCE_EXERCISE, SCORES_EXERCISE, OUTPUT_EXERCISE, ATTEND_EXERCISE,
        RELU_EXERCISE),
    allowed_modules=(),  # attnlib.scores holds scaled_dot, which exercise 4 asks for
    libraries=("numpy", "torch", "matplotlib"),
)
