"""Problem set 05_weights: from scores to a mixture."""

from dataclasses import replace

import numpy as np

from attnlib import attention, scores, weights
from attnlib.check import properties as p
from attnlib.check.spec import Case, Exercise, Slip

SET = "05_weights"
MAY_USE = ()  # attnlib.scores holds scaled_dot, which exercise 4 asks for

OURS = ("attnlib.*",)
SOFTMAX = ("torch.softmax", "torch.special_softmax", "torch._softmax", "torch.log_softmax", "torch.softmin",
           "scipy.softmax", "scipy.log_softmax", "sklearn.softmax", "jax.softmax")
FUSED = ("torch.scaled_dot_product_attention", "torch.multi_head_attention_forward")


def normal(rng, *shape):
    """Independent numbers of mean 0 and variance 1."""
    return rng.normal(size=shape)


def single(*arrays):
    """The same arrays in float32."""
    return tuple(array.astype(np.float32) for array in arrays)


def rounded(function):
    """`function`, every result rounded to float32."""
    def coarse(*args):
        got = function(*args)
        return single(*got) if isinstance(got, tuple) else got.astype(np.float32)

    return Slip("S68", "The result is float32 where the inputs are float64, so digits are lost. "
                "Keep the dtype of the inputs.", coarse)


# --- scores to weights -----------------------------------------------------------------------------------------------


def exponentials(s, axis=-1):
    """exp(s) with the largest of `axis` taken off first."""
    return np.exp(s - s.max(axis=axis, keepdims=True))


def over(axis):
    """Softmax over another axis than the last."""
    return lambda s: exponentials(s, axis) / exponentials(s, axis).sum(axis=axis, keepdims=True)


def share(e):
    """Each row of e divided by its sum."""
    return e / e.sum(axis=-1, keepdims=True)


def softmax_in_place(s):
    """Right numbers, but the caller's scores are gone."""
    s -= s.max(axis=-1, keepdims=True)
    np.exp(s, out=s)
    s /= s.sum(axis=-1, keepdims=True)
    return s


AXIS_0 = ("The sum runs over the queries (axis 0). Each query's weights must sum to one: sum over the last axis.")
NO_DIVISION = "The exponentials are not divided by their sum. Divide each row by its own sum."

WEIGHING = (  # wrong ways from scores to weights, whatever they are used for
    Slip("S1", AXIS_0, over(0)),
    Slip("S2", "The sum runs over the whole matrix. Each row needs a sum of its own: sum over the last axis.",
         over(None)),
    Slip("S4", "The exponential overflows: exp(710) is already infinite in float64. Subtract each row's largest score "
         "first; the weights stay the same.", lambda s: share(np.exp(s))),
    Slip("S5", "The largest score of the whole matrix is subtracted from every row. A row far below it becomes 0/0. "
         "Subtract each row's own largest score.", lambda s: share(np.exp(s - s.max()))),
    Slip("S24", "All the weight goes to the largest score. Every key gets a share: its exponential over the row's sum.",
         lambda s: (s == s.max(axis=-1, keepdims=True)).astype(s.dtype)),
    Slip("S30", "The base is 2. Softmax takes powers of e: np.exp.",
         lambda s: share(2 ** (s - s.max(axis=-1, keepdims=True)))),
    Slip("S31", "The scores are divided by their sum without the exponential. Weights can then be negative: "
         "take exp first.", share),
    Slip("S43", NO_DIVISION, exponentials),
    Slip("S43", NO_DIVISION, np.exp),
    Slip("S46", "The exponent has the wrong sign: the largest score gets the smallest weight.",
         lambda s: share(np.exp(s.min(axis=-1, keepdims=True) - s))),
    Slip("S47", "Each weight is a sigmoid of its own score. In a softmax the keys compete: divide by the row's sum.",
         lambda s: 1 / (1 + np.exp(-s))),
)


def softmax_cases(rng):
    """Scores (..., M): a matrix, more and fewer axes, single rows and keys, huge ones, float32."""
    apart = normal(rng, 3, 4) + np.array([[1e3], [-1e3], [0]])
    return [
        Case("plain", (2 * normal(rng, 5, 7),), "scores of shape (5, 7)"),
        Case("edge", (normal(rng, 1, 6),), "one query, scores of shape (1, 6)"),
        Case("edge", (normal(rng, 4, 1),), "one key, scores of shape (4, 1)"),
        Case("axes", (normal(rng, 2, 3, 4),), "a batch, scores of shape (2, 3, 4)"),
        Case("axes", (normal(rng, 6),), "a single row, scores of shape (6,)"),
        Case("large", (apart,), "rows near 1000, -1000 and 0"),
        Case("large", (1e4 * normal(rng, 4, 5),), "scores near ±10000"),
        Case("float32", single(normal(rng, 3, 8)), "float32 scores of shape (3, 8)"),
    ]


SOFTMAX_EXERCISE = Exercise(
    name="softmax_turns_each_row_into_weights",
    set=SET,
    asks="softmax over the last axis",
    reference=weights.softmax,
    cases=softmax_cases,
    properties=(
        p.weights_rank_keys(0.5),
        p.values(1.5, on=("plain", "edge")),
        p.values(0.5, on=("axes",), name="any leading axes"),
        p.values(0.5, on=("large",), name="large scores stay finite"),
        p.dtype_kept(0.5),
        p.inputs_left_alone(0.5, ("scores",)),
    ),
    slips=WEIGHING + (
        Slip("S1", AXIS_0.replace("axis 0", "axis -2"), over(-2)),
        Slip("S29", "The weights are float64 where the scores are float32. Keep the dtype of the input.",
             lambda s: weights.softmax(s.astype(float))),
        rounded(weights.softmax),
        Slip("S32", "These are logarithms of the weights. Return the weights themselves.",
             lambda s: s - s.max(axis=-1, keepdims=True) - np.log(exponentials(s).sum(axis=-1, keepdims=True))),
        Slip("S33", "The scores are changed in place, and they belong to the caller. Compute into a new array: "
             "`s = s - m`, not `s -= m`.", softmax_in_place),
        Slip("S41", "axis=1 is the last axis of a matrix only. Write axis=-1, which is the last axis of any array.",
             over(1)),
        Slip("S42", "The sums have lost an axis, so rows are divided by the wrong sums or not at all. "
             "Keep it with keepdims=True.", lambda s: exponentials(s) / exponentials(s).sum(axis=-1)),
        Slip("S45", "Softmax is taken twice, which flattens the weights. Take it once.",
             lambda s: weights.softmax(weights.softmax(s))),
    ),
    no_answer=OURS + SOFTMAX + FUSED,
)


# --- how far products spread -----------------------------------------------------------------------------------------

SPREAD_EXERCISE = Exercise(
    name="this_width_spreads_products_by_eight",
    set=SET,
    asks="the d_k at which q·k has standard deviation 8",
    reference=lambda: 64,
    cases=lambda rng: [Case("plain", (), "d_k")],
    properties=(p.number(1),),
    slips=(
        Slip("S37", "At this width the variance is 8. The standard deviation is the square root of the variance.",
             lambda: 8),
        Slip("S37", "This is the standard deviation at d_k = 8. We look for the d_k that gives 8.", lambda: 8**0.5),
        Slip("S63", "The variance of a sum of d_k independent terms is d_k times that of one term, not √d_k times.",
             lambda: 4096),
    ),
    kind="number",
)


def products(Q, K):
    """q·k for each pair of rows, (n,)."""
    return (Q * K).sum(axis=-1)


def root(array):
    """The square root of the width, as a Python float: it leaves float32 alone."""
    return array.shape[-1] ** 0.5


def variances(Q, K):
    """The variance of q·k over paired rows, before and after the division by √d_k."""
    return products(Q, K).var(), (products(Q, K) / root(K)).var()


def variance_cases(rng):
    """Paired rows (n, d), off centre, so that a forgotten mean shows."""
    def pair(n, d):
        return normal(rng, n, d) + 0.5, 2 * normal(rng, n, d) - 0.3

    return [
        Case("plain", pair(40, 4), "40 pairs with d = 4"),
        Case("plain", pair(25, 9), "25 pairs with d = 9"),
        Case("plain", pair(6, 30), "6 pairs with d = 30"),
        Case("edge", pair(12, 1), "12 pairs with d = 1"),
        Case("edge", pair(1, 5), "a single pair"),
        Case("edge", single(*pair(15, 6)), "15 float32 pairs with d = 6"),
    ]


VARIANCE_EXERCISE = Exercise(
    name="scaling_brings_the_variance_back",
    set=SET,
    asks="the variance of q·k before and after the scale",
    reference=variances,
    cases=variance_cases,
    properties=(
        p.values(1, part=(0, "before"), on=("plain", "edge"), name="the variance before"),
        p.values(1, part=(1, "after"), on=("plain", "edge"), name="the variance after"),
    ),
    slips=(
        Slip("S6", "Both are the variance before the scale. For the second, divide the products by √d_k.",
             lambda Q, K: (products(Q, K).var(),) * 2),
        Slip("S7", "The products are divided by d_k. Divide them by √d_k.",
             lambda Q, K: (products(Q, K).var(), (products(Q, K) / K.shape[1]).var())),
        Slip("S8", "The products are multiplied by √d_k. Divide them by it.",
             lambda Q, K: (products(Q, K).var(), (products(Q, K) * root(K)).var())),
        Slip("S34", "Only one number came back. Return two: the variance before, then the variance after.",
             lambda Q, K: variances(Q, K)[1]),
        Slip("S35", "The two numbers have changed places: first the variance before the scale, then after.",
             lambda Q, K: variances(Q, K)[::-1]),
        Slip("S37", "These are standard deviations. The variance is the square of the standard deviation.",
             lambda Q, K: tuple(v**0.5 for v in variances(Q, K))),
        Slip("S38", "Every query meets every key. Row r of Q pairs with row r of K only: n products, not n × n.",
             lambda Q, K: ((Q @ K.T).var(), (Q @ K.T / root(K)).var())),
        Slip("S39", "The products are divided by √n, n the number of pairs. Divide by √d_k, the width of a key.",
             lambda Q, K: (products(Q, K).var(), (products(Q, K) / len(K) ** 0.5).var())),
        Slip("S53", "The d_k products of a pair are not added up: q·k is one number for each pair.",
             lambda Q, K: ((Q * K).var(), (Q * K / root(K)).var())),
        Slip("S59", "The squared deviations are divided by n - 1. Divide by n: np.var as it is, or torch.var with "
             "correction=0.", lambda Q, K: unbiased(variances(Q, K), len(Q))),
        Slip("S60", "This is the mean of the squares. For the variance, take the mean off first.",
             lambda Q, K: ((products(Q, K) ** 2).mean(), (products(Q, K) ** 2).mean() / K.shape[1])),
        Slip("S61", "The variance itself is divided by √d_k. Divide the products by √d_k; "
             "their variance is then divided by d_k.",
             lambda Q, K: (products(Q, K).var(), products(Q, K).var() / root(K))),
        Slip("S62", "The products are added over the pairs (axis 0). q·k adds over the components: the last axis.",
             lambda Q, K: ((Q * K).sum(axis=0).var(), ((Q * K).sum(axis=0) / root(K)).var())),
    ),
    no_answer=OURS,
)


def unbiased(numbers, n):
    """Variances divided by n - 1 instead of n."""
    return tuple(np.float64(v) * n / (n - 1) if n > 1 else np.nan for v in numbers)


# --- scaled scores ---------------------------------------------------------------------------------------------------


def norm(array):
    """The length of each row, (N, 1)."""
    return np.linalg.norm(array, axis=-1, keepdims=True)


ROOT_N = "The scale is the square root of the number of {}. It must be that of d_k, the number of columns of K."
ROOT_D_V = "The scale is the square root of d_v, the width of a value. It must be that of d_k, the width of a key."
NOT_TRANSPOSED = ("Q and K both have d_k columns, so Q @ K does not fit. The sum runs over the components: "
                  "transpose the keys, Q @ K.T.")
NORM = "Each score is divided by the norm of its {}. d_k is how many components a key has, not how long a vector is."

SCORING = (  # wrong ways from queries and keys to scores, whatever they are used for
    Slip("S6", "The products are not scaled. Divide them by √d_k, the square root of the width of a key.",
         lambda Q, K: Q @ K.T),
    Slip("S7", "The products are divided by d_k. Divide by its square root: that brings their standard deviation "
         "back to 1.", lambda Q, K: Q @ K.T / K.shape[1]),
    Slip("S8", "The products are multiplied by √d_k. Divide by it.", lambda Q, K: Q @ K.T * root(K)),
    Slip("S13", NORM.format("query"), lambda Q, K: Q @ K.T / norm(Q)),
    Slip("S13", NORM.format("key"), lambda Q, K: Q @ K.T / norm(K).T),
    Slip("S14", "Queries and keys have changed places. Row i belongs to query i, column j to key j: Q @ K.T.",
         lambda Q, K: K @ Q.T / root(K)),
    Slip("S39", ROOT_N.format("queries"), lambda Q, K: Q @ K.T / len(Q) ** 0.5),
    Slip("S40", "These are cosines: both norms are divided out. Divide by √d_k alone.",
         lambda Q, K: Q @ K.T / norm(Q) / norm(K).T),
    Slip("S69", NOT_TRANSPOSED, lambda Q, K: Q @ K / root(K)),
    Slip("S69", NOT_TRANSPOSED, lambda Q, K: np.dot(Q, K) / root(K)),
)

MORE_SCORING = (  # where there are as many keys as queries, these are other slips
    Slip("S18", "Q * K multiplies component by component. A score is a sum over the components, one for each pair of a "
         "query and a key: Q @ K.T.", lambda Q, K: Q * K / root(K)),
    Slip("S39", ROOT_N.format("keys"), lambda Q, K: Q @ K.T / len(K) ** 0.5),
)


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
        Case("float32", single(*pair(4, 3, 6)), "float32 Q (4, 6) and K (3, 6)"),
    ]


SCORES_EXERCISE = Exercise(
    name="scores_are_divided_by_the_root_of_d_k",
    set=SET,
    asks="every query scored against every key, divided by √d_k",
    reference=scores.scaled_dot,
    cases=score_cases,
    properties=(p.values(1.5, on=("plain", "edge")), p.dtype_kept(0.5)),
    slips=SCORING + MORE_SCORING + (
        Slip("S18", "Each query meets one key only. Score every query against every key: Q @ K.T, shape (N, M).",
             lambda Q, K: products(Q, K) / root(K)),
        Slip("S19", "The product sums over the vectors and gives (d, d). Sum over the components: Q @ K.T.",
             lambda Q, K: Q.T @ K / root(K)),
        Slip("S29", "np.sqrt gives a float64 number, which turns float32 scores into float64. Divide by d_k ** 0.5.",
             lambda Q, K: Q @ K.T / np.sqrt(K.shape[1])),
        rounded(scores.scaled_dot),
    ),
    no_answer=OURS + FUSED,
)


# --- one output ------------------------------------------------------------------------------------------------------


def output_vector(i, Q, K, V, score=scores.scaled_dot, weigh=weights.softmax):
    """b_i: the values, mixed with the weights of query i."""
    return weigh(score(Q, K))[i] @ V


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


def steep(rng, N, M, d, d_v):
    """Q, K, V whose first query has scores from below -2500 to 5000 and beyond; the other queries' are ordinary."""
    Q, K, V = normal(rng, N, d), normal(rng, M, d), normal(rng, M, d_v)
    K[1] = -0.5 * K[0]
    Q[0] = K[0] * (5000 * d**0.5 / (K[0] @ K[0]))
    return Q, K, V


def output_cases(rng):
    """A position i and a sequence's Q, K (N, d) and V (N, d_v)."""
    def sequence(N, d, d_v):
        return normal(rng, N, d), normal(rng, N, d), normal(rng, N, d_v)

    large = steep(rng, 4, 4, 3, 5)
    return [
        Case("plain", (2, *sequence(5, 4, 6)), "i = 2 of 5, d = 4, d_v = 6"),
        Case("plain", (0, *sequence(7, 3, 2)), "i = 0 of 7, d = 3, d_v = 2"),
        Case("plain", (5, *sequence(6, 10, 3)), "i = 5 of 6, d = 10, d_v = 3"),
        Case("edge", (0, *sequence(1, 3, 4)), "a sequence of one vector"),
        Case("edge", (1, *sequence(4, 2, 1)), "i = 1 of 4, d_v = 1"),
        Case("edge", (3, *single(*sequence(5, 2, 4))), "i = 3 of 5 in float32"),
        Case("large", (0, *large), "scores near 5000"),
        Case("large", (1, *large), "ordinary scores, beside a row with scores near 5000"),
    ]


OUTPUT_EXERCISE = Exercise(
    name="one_output_is_a_mixture_of_all_values",
    set=SET,
    asks="the output of one position",
    reference=lambda i, Q, K, V: output_vector(i, Q, K, V),
    cases=output_cases,
    properties=(
        p.values(2.5, on=("plain", "edge")),
        p.values(0.5, on=("large",), name="large scores stay finite"),
    ),
    slips=tuple(map(one_with, SCORING + WEIGHING)) + (
        Slip("S10", ROOT_D_V,
             lambda i, Q, K, V: output_vector(i, Q, K, V, lambda Q, K: Q @ K.T / root(V))),
        Slip("S16", "The keys are mixed. The weights come from queries and keys; what is mixed are the values.",
             lambda i, Q, K, V: output_vector(i, Q, K, K)),
        Slip("S17", "This takes column i of the weights. The weights of query i are row i.",
             lambda i, Q, K, V: all_weights(Q, K)[:, i] @ V),
        Slip("S21", "Position i itself is left out. In self-attention a vector attends to itself too.",
             lambda i, Q, K, V: alone(i, Q, K, V, np.arange(len(K)) != i)),
        Slip("S27", "These are the weights of query i. Mix the values with them: the output has d_v numbers.",
             lambda i, Q, K, V: all_weights(Q, K)[i]),
        Slip("S27", "These are the scores of query i. Turn them into weights, then mix the values with them.",
             lambda i, Q, K, V: scores.scaled_dot(Q, K)[i]),
        Slip("S44", "The scale comes after the softmax, so the weights no longer sum to one. Scale the scores.",
             lambda i, Q, K, V: output_vector(i, Q, K, V, scores.dot) / root(K)),
        Slip("S48", "This is value i alone. The output mixes all the values.", lambda i, Q, K, V: V[i]),
        Slip("S49", "This is the output of the position before i. Python counts rows from 0: query i is Q[i].",
             lambda i, Q, K, V: output_vector(i - 1, Q, K, V)),
        Slip("S50", "Keys after i are left out. Here every position is seen, later ones too.",
             lambda i, Q, K, V: alone(i, Q, K, V, np.arange(len(K)) <= i)),
        Slip("S51", "These are the outputs of all positions. Return row i alone.",
             lambda i, Q, K, V: all_weights(Q, K) @ V),
        Slip("S52", "Every value gets the same weight. The weights come from the scores of query i.",
             lambda i, Q, K, V: V.mean(axis=0)),
        Slip("S53", "The weighted values are not added up. The output is their sum over the positions, d_v numbers.",
             lambda i, Q, K, V: all_weights(Q, K)[i][:, None] * V),
        Slip("S53", "N weights and rows of d_v numbers do not fit component by component. Multiply and add up in one: "
             "weights @ V.", lambda i, Q, K, V: all_weights(Q, K)[i] * V),
        Slip("S64", "The scores themselves multiply the values. Turn them into weights first.",
             lambda i, Q, K, V: scores.scaled_dot(Q, K)[i] @ V),
        Slip("S65", "The sum is divided by N once more. The weights sum to one already: add the weighted values up.",
             lambda i, Q, K, V: output_vector(i, Q, K, V) / len(V)),
        rounded(output_vector),
    ),
    no_answer=OURS + FUSED,
)


# --- all outputs -----------------------------------------------------------------------------------------------------


def attend(Q, K, V, score=scores.scaled_dot, weigh=weights.softmax):
    """B and alpha, each step replaceable."""
    alpha = weigh(score(Q, K))
    return alpha @ V, alpha


def all_with(slip):
    """`attend` with the slip of a step before it."""
    step = "weigh" if slip in WEIGHING else "score"
    return replace(slip, function=lambda Q, K, V: attend(Q, K, V, **{step: slip.function}))


def hiding(hidden):
    """`attend` with the scores hidden where hidden(N, M) is True."""
    def function(Q, K, V):
        return attend(Q, K, V, lambda Q, K: np.where(hidden(len(Q), len(K)), -np.inf, scores.scaled_dot(Q, K)))

    return function


def without_self(N, M):
    """True on the diagonal, unless nothing would be left."""
    return np.eye(N, M, dtype=bool) & (M > 1)


def scaled_in_place(Q, K, V):
    """Right numbers, but the caller's Q is scaled too."""
    Q /= root(K)
    return attend(Q, K, V, scores.dot)


def attend_cases(rng):
    """Queries (N, d), keys (M, d) and values (M, d_v)."""
    def triple(N, M, d, d_v):
        return normal(rng, N, d), normal(rng, M, d), normal(rng, M, d_v)

    return [
        Case("plain", triple(5, 7, 4, 6), "Q (5, 4), K (7, 4), V (7, 6)"),
        Case("plain", triple(6, 6, 3, 2), "Q (6, 3), K (6, 3), V (6, 2)"),
        Case("plain", triple(4, 3, 10, 5), "Q (4, 10), K (3, 10), V (3, 5)"),
        Case("edge", triple(1, 5, 3, 2), "one query, Q (1, 3), K (5, 3), V (5, 2)"),
        Case("edge", triple(4, 1, 2, 3), "one key, Q (4, 2), K (1, 2), V (1, 3)"),
        Case("large", steep(rng, 4, 6, 3, 5), "scores near 5000 in the first row"),
        Case("float32", single(*triple(3, 5, 6, 2)), "float32 Q (3, 6), K (5, 6), V (5, 2)"),
    ]


PARTS = ((0, "B"), (1, "alpha"))

ATTEND_EXERCISE = Exercise(
    name="attend_gives_mixtures_and_weights",
    set=SET,
    asks="the outputs of all queries, and the weights",
    reference=attention.attend,
    cases=attend_cases,
    properties=(
        p.weights_rank_keys(0.5, part=PARTS[1]),
        p.values(1, part=PARTS[1], on=("plain", "edge"), name="alpha is right"),
        p.values(1, part=PARTS[0], on=("plain", "edge"), name="B is right"),
        p.values(0.5, part=PARTS[0], on=("large",), name="large scores stay finite"),
        p.dtype_kept(0.5, PARTS, after="B is right"),
        p.inputs_left_alone(0.5, ("Q", "K", "V"), after="B is right"),
    ),
    slips=tuple(map(all_with, SCORING + MORE_SCORING + WEIGHING)) + (
        Slip("S10", ROOT_D_V,
             lambda Q, K, V: attend(Q, K, V, lambda Q, K: Q @ K.T / root(V))),
        Slip("S16", "The keys are mixed. The weights come from queries and keys; what is mixed are the values.",
             lambda Q, K, V: attend(Q, K, K)),
        Slip("S17", "The values are mixed with the columns of alpha. Each output takes a row of alpha: alpha @ V.",
             lambda Q, K, V: (attention.attend(Q, K, V)[1].T @ V, attention.attend(Q, K, V)[1])),
        Slip("S21", "A query leaves out the key at its own position. Here every query sees every key.",
             hiding(without_self)),
        Slip("S27", "The second result holds the scores. Return the weights, whose rows sum to one.",
             lambda Q, K, V: (attend(Q, K, V)[0], scores.scaled_dot(Q, K))),
        Slip("S27", "Only the weights came back. Return two arrays: B, then alpha.",
             lambda Q, K, V: attend(Q, K, V)[1]),
        Slip("S29", "np.sqrt gives a float64 number, which turns float32 scores into float64. Divide by d_k ** 0.5.",
             lambda Q, K, V: attend(Q, K, V, lambda Q, K: Q @ K.T / np.sqrt(K.shape[1]))),
        Slip("S33", "Q is scaled in place, and it belongs to the caller. Scale the scores, in a new array.",
             scaled_in_place),
        Slip("S34", "Only B came back. Return two arrays: B, then alpha.", lambda Q, K, V: attend(Q, K, V)[0]),
        Slip("S35", "The two results have changed places. Return B first, then alpha.",
             lambda Q, K, V: attend(Q, K, V)[::-1]),
        Slip("S44", "The scale comes after the softmax, so the weights no longer sum to one. Scale the scores.",
             lambda Q, K, V: tuple(part / root(K) for part in attend(Q, K, V, scores.dot))),
        Slip("S45", "Softmax is taken twice, which flattens the weights. Take it once.",
             lambda Q, K, V: attend(Q, K, V, weigh=lambda s: weights.softmax(weights.softmax(s)))),
        Slip("S50", "A query sees no later keys. Here every query sees every key.",
             hiding(lambda N, M: ~np.tri(N, M, dtype=bool))),
        Slip("S53", "alpha * V multiplies component by component. Each output is a sum over the keys: alpha @ V.",
             lambda Q, K, V: (attend(Q, K, V)[1] * V, attend(Q, K, V)[1])),
        Slip("S64", "The scores themselves multiply the values. Turn them into weights with softmax first.",
             lambda Q, K, V: attend(Q, K, V, weigh=lambda s: s)),
        Slip("S65", "The sum is divided by the number of keys. The weights sum to one already: alpha @ V is all.",
             lambda Q, K, V: (attend(Q, K, V)[0] / len(V), attend(Q, K, V)[1])),
        rounded(attend),
    ),
    no_answer=OURS + FUSED,
)


# --- other weights ---------------------------------------------------------------------------------------------------


def relu(s):
    """Scores cut at zero."""
    return np.maximum(s, 0)


def relu_in_place(s):
    """Right numbers, but the caller's scores are cut too."""
    s[s < 0] = 0
    return s / s.shape[-1]


def both_signs(rng, *shape):
    """Scores with a positive one first and a negative one last in every row."""
    s = normal(rng, *shape)
    s[..., 0], s[..., -1] = abs(s[..., 0]), -abs(s[..., -1])
    return s


def relu_cases(rng):
    """Scores (..., L), some rows without a positive one."""
    return [
        Case("plain", (both_signs(rng, 5, 7),), "scores of shape (5, 7)"),
        Case("plain", (both_signs(rng, 2, 3, 4),), "a batch, scores of shape (2, 3, 4)"),
        Case("plain", (both_signs(rng, 6),), "a single row, scores of shape (6,)"),
        Case("edge", (both_signs(rng, 4)[:, None],), "one key, scores of shape (4, 1)"),
        Case("edge", (-abs(normal(rng, 3, 2)),), "negative scores of shape (3, 2)"),
        Case("float32", single(both_signs(rng, 3, 8)), "float32 scores of shape (3, 8)"),
    ]


RELU_EXERCISE = Exercise(
    name="relu_weights_are_divided_by_the_length",
    set=SET,
    asks="ReLU of the scores, divided by the number of keys",
    reference=weights.relu_weights,
    cases=relu_cases,
    properties=(
        p.values(1, on=("plain", "edge")),
        p.dtype_kept(0.5),
        p.inputs_left_alone(0.5, ("scores",)),
    ),
    slips=(
        Slip("S22", "The scores are cut at zero but not divided. Divide by L, the number of keys in a row.", relu),
        Slip("S29", "The weights are float64 where the scores are float32. Keep the dtype of the input.",
             lambda s: weights.relu_weights(s.astype(float))),
        Slip("S33", "The scores are changed in place, and they belong to the caller. Make a new array, "
             "for instance with np.maximum.", relu_in_place),
        Slip("S36", "The division is by the number of rows. L is the number of keys: the size of the last axis.",
             lambda s: relu(s) / len(s)),
        Slip("S36", "The division is by the number of all scores. L is the number of keys: the size of the last axis.",
             lambda s: relu(s) / s.size),
        Slip("S41", "shape[1] is the number of keys in a matrix only. Use shape[-1], the last axis of any array.",
             lambda s: relu(s) / s.shape[1]),
        Slip("S54", "Each row is divided by its own sum. Divide by L; a row that is cut to zeros then stays zeros.",
             lambda s: relu(s) / np.where((total := relu(s).sum(axis=-1, keepdims=True)) > 0, total, 1)),
        Slip("S54", "Each row is divided by its own sum, which is 0/0 where no score is positive. Divide by L.",
             lambda s: share(relu(s))),
        Slip("S55", "The division is by the number of positive scores, which may be 0. Divide by L, all the keys in the "
             "row.", lambda s: relu(s) / (s > 0).sum(axis=-1, keepdims=True).astype(s.dtype)),
        Slip("S55", "The division is by the number of positive scores. Divide by L, all the keys in the row.",
             lambda s: relu(s) / np.maximum((s > 0).sum(axis=-1, keepdims=True), 1).astype(s.dtype)),
        Slip("S56", "Negative scores keep their size. ReLU turns them into 0.", lambda s: abs(s) / s.shape[-1]),
        Slip("S57", "Each positive score counts as 1. ReLU keeps a positive score as it is.",
             lambda s: (s > 0).astype(s.dtype) / s.shape[-1]),
        Slip("S58", "The division is by √L. Divide by L itself.", lambda s: relu(s) / root(s)),
        Slip("S66", "These are softmax weights. ReLU takes no exponential: cut at zero, then divide by L.", over(-1)),
        rounded(weights.relu_weights),
        Slip("S67", "The scores are divided by L but not cut. ReLU turns negative scores into 0.",
             lambda s: s / s.shape[-1]),
    ),
    no_answer=OURS,
)


EXERCISES = (SOFTMAX_EXERCISE, SPREAD_EXERCISE, VARIANCE_EXERCISE, SCORES_EXERCISE, OUTPUT_EXERCISE, ATTEND_EXERCISE,
             RELU_EXERCISE)
