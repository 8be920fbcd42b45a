"""Wrong ways from queries Q (N, d) and keys K (M, d) to scaled scores, which are (N, M)."""

import numpy as np

from attnlib.check.spec import Mistake, Slip
from attnlib.check.specs.arrays import norm, root
from attnlib.check.specs.banks import results

DIVIDED_BY_D_K = Mistake(
    "divided-by-d-k", "The products are divided by d_k. Divide by its square root, √d_k: then the variance no "
    "longer grows with d_k.")
MULTIPLIED_BY_ROOT_D_K = Mistake("multiplied-by-root-d-k", "The products are multiplied by √d_k. Divide by it.")
ROOT_OF_D_V = Mistake(
    "root-of-d-v",
    "The scale is the square root of d_v, the width of a value. It must be that of d_k, the width of a key.")
HALF_A_ROOT = Mistake(
    "half-a-root", "The products are divided by 2·d_k or d_k/2, as `d_k ** 1 / 2` gives: the power comes before the "
    "division. Write `d_k ** 0.5`.")
KEYS_NOT_TRANSPOSED = Mistake(
    "keys-not-transposed", "Q and K both have d_k columns, so `Q @ K` does not fit. The sum runs over the components: "
    "transpose the keys, `Q @ K.T`.")

SCORING = (  # whatever the scores are used for
    Slip("not-scaled",
         "The products are not scaled. Divide them by √d_k, the square root of the width of a key.",
        lambda Q, K: Q @ K.T),
    DIVIDED_BY_D_K.slip(lambda Q, K: Q @ K.T / K.shape[1]),
    MULTIPLIED_BY_ROOT_D_K.slip(lambda Q, K: Q @ K.T * root(K)),
    Slip("divided-by-the-norm-of-the-query",
         "Each score is divided by the norm of its query. d_k is how many components a key has, not how long a vector "
        "is.", lambda Q, K: Q @ K.T / norm(Q)),
    Slip("divided-by-the-norm-of-the-key",
         "Each score is divided by the norm of its key. d_k is how many components a key has, not how long a vector "
        "is.", lambda Q, K: Q @ K.T / norm(K).T),
    Slip("queries-and-keys-swapped",
         "Queries and keys have changed places. Row i belongs to query i, column j to key j: `Q @ K.T`.",
        lambda Q, K: K @ Q.T / root(K)),
    Slip("root-of-the-number-of-queries",
         "The scale is the square root of the number of queries. It must be that of d_k, the number of columns of K.",
        lambda Q, K: Q @ K.T / len(Q) ** 0.5),
    Slip("cosines",
         "These are cosines: both norms are divided out. Divide by √d_k alone.",
         lambda Q, K: Q @ K.T / norm(Q) / norm(K).T),
    results.ROUNDED_DOWN.slip(lambda Q, K: Q @ K.T // root(K)),
    Slip("queries-with-queries",
         "The queries are scored against queries, and K has no say. Score every query against every key: `Q @ K.T`.",
         lambda Q, K: Q @ Q.T / root(Q)),
    Slip("keys-with-keys",
         "The keys are scored against keys, and Q has no say. Score every query against every key: `Q @ K.T`.",
         lambda Q, K: K @ K.T / root(K)),
    HALF_A_ROOT.slip(lambda Q, K: Q @ K.T / K.shape[1] ** 1 / 2),
    HALF_A_ROOT.slip(lambda Q, K: Q @ K.T / (K.shape[1] ** 1 / 2)),
    KEYS_NOT_TRANSPOSED.slip(lambda Q, K: Q @ K / root(K)),
    KEYS_NOT_TRANSPOSED.slip(lambda Q, K: np.dot(Q, K) / root(K)),
)

MORE_SCORING = (  # where there are as many keys as queries, these are other slips
    Slip("queries-times-keys-by-component",
         "`Q * K` multiplies component by component. A score is a sum over the components, one for each pair of a "
        "query and a key: `Q @ K.T`.", lambda Q, K: Q * K / root(K)),
    Slip("root-of-the-number-of-keys",
         "The scale is the square root of the number of keys. It must be that of d_k, the number of columns of K.",
        lambda Q, K: Q @ K.T / len(K) ** 0.5),
)

ROOT_IS_FLOAT64 = Slip(
    "root-is-float64",
    "The result is float64 where Q and K are float32. `np.sqrt(d_k)`, a new `np.zeros` and `astype(float)` all do "
    "that; dividing by `d_k ** 0.5` does not.",
    lambda Q, K: Q @ K.T / np.sqrt(K.shape[1]))
