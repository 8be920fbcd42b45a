"""A made-up problem set with an exercise of each kind that is no plain function: each as small as it can be."""

import numpy as np

from attnlib.check.scoring import gradients as g
from attnlib.check.scoring import guesses, predictions, steps
from attnlib.check.scoring import properties as p
from attnlib.check.spec import Case, Exercise, ProblemSet, Slip

# --- gradients, by autograd and by hand ------------------------------------------------------------------------------


def softmax_cases(rng):
    """scores (N, M) and a cotangent of the same shape."""
    def case(label, N, M, dtype=float):
        arrays = (2 * rng.normal(size=(N, M)), rng.normal(size=(N, M)))
        return Case(label, tuple(array.astype(dtype) for array in arrays), f"{N} by {M} scores")

    return [case("plain", 3, 5), case("plain", 4, 2), case("float32", 2, 3, np.float32)]


def softmax(scores):
    """Weights of a tensor of scores (N, M)."""
    powers = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


def softmax_by_numpy(scores):
    """The same, with the middle of it in NumPy."""
    import torch

    powers = np.exp(scores.detach().numpy())
    return torch.from_numpy(powers / powers.sum(axis=-1, keepdims=True))


AUTOGRAD = Exercise(
    name="gradients_flow_through_softmax",
    title="Gradients flow through softmax",
    minutes=5,
    asks="softmax of torch tensors, with gradients",
    kind="gradients",
    reference=softmax,
    cases=softmax_cases,
    properties=(g.value(1), g.gradients(1, ("scores",)), g.gradients(0.5, ("scores",), on=("float32",),
                                                                     after=g.GRADIENTS, name="float32 gradients")),
    slips=(
        Slip("softmax-down-the-columns", "The sum runs down the columns, and it should run along each row.",
             lambda scores: softmax(scores.T).T),
        Slip("total-without-gradient", "The weights are right, but no gradient flows through the total that they are "
             "divided by.", lambda scores: scores.exp() / scores.exp().sum(dim=-1, keepdim=True).detach()),
        Slip("softmax-in-numpy", "The weights are right, but no gradient flows: the record ends where the computation "
             "leaves PyTorch.", softmax_by_numpy),
    ),
)


def numpy_softmax(scores):
    """Weights of an array of scores (N, M)."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


BY_HAND = Exercise(
    name="softmax_goes_backward_by_hand",
    title="Softmax goes backward by hand",
    minutes=5,
    asks="the gradient of softmax, in NumPy",
    reference=g.by_differences(numpy_softmax, wrt=(0,), cotangent_is="dA"),
    cases=softmax_cases,
    properties=(g.gradients_by_hand(2, ("scores",)), p.dtype_kept(0.25, after=g.GRADIENTS),
                p.arrays_left_alone(0.25, ("scores", "dA"), after=g.GRADIENTS)),
    slips=(
        Slip("diagonal-alone",
             "Each score's own weight alone is counted. Every weight of a row depends on every score.",
             lambda scores, dA: dA * numpy_softmax(scores) * (1 - numpy_softmax(scores))),
        Slip("cotangent-forgotten", "The sum that is taken off has no cotangent in it: it is that of A times dA.",
             lambda scores, dA: numpy_softmax(scores) * (dA - 1)),
        Slip("sum-down-the-columns", "The sum of A times dA runs down the columns, and it should run along each row.",
             lambda scores, dA: numpy_softmax(scores) * (dA - (numpy_softmax(scores) * dA).sum(axis=0))),
    ),
)


# --- modules ---------------------------------------------------------------------------------------------------------


def head_cases(rng):
    """Made with a width and a key width; W_q, W_k, W_v (width, d); x (N, width)."""
    def case(label, width, d, *shape):
        weights = {f"W_{name}": rng.normal(size=(width, d)).astype(np.float32) for name in "qkv"}
        x = rng.normal(size=(*shape, width)).astype(np.float32)
        made_with = {"width": width, "key_width": d}
        return Case(label, (made_with, weights, x), f"a head of width {width} and key width {d}, x {x.shape}")

    return [case("plain", 5, 3, 4), case("plain", 2, 6, 3), case("batch", 4, 2, 2, 3)]


def head(width, key_width, mix=None):
    """One head of self-attention as an nn.Module; PyTorch is imported when one is made, not with this file."""
    import torch
    from torch import nn

    def attention(q, k, v):
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            for name in "qkv":
                self.register_parameter(f"W_{name}", nn.Parameter(torch.empty(width, key_width)))

        def forward(self, x):
            return (mix or attention)(x @ self.W_q, x @ self.W_k, x @ self.W_v)

    return Head()


def head_that(mix):
    """What makes a head that mixes q, k and v in another way."""
    return lambda width, key_width: head(width, key_width, mix)


MODULE = Exercise(
    name="a_head_is_a_module",
    title="A head is a module",
    minutes=5,
    asks="one head of self-attention as an nn.Module",
    kind="module",
    reference=head,
    cases=head_cases,
    properties=(p.values(2), p.values(0.5, on=("batch",), name="any leading axes")),
    slips=(
        Slip("head-scores-unscaled", "The scores are not divided by the root of the key width.",
             head_that(lambda q, k, v: (q @ k.mT).softmax(dim=-1) @ v)),
        Slip("head-queries-and-keys-swapped", "Queries and keys have changed places.",
             head_that(lambda q, k, v: (k @ q.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v)),
        Slip("head-softmax-over-queries", "The weights of each key sum to one over the queries.",
             head_that(lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-2) @ v)),
    ),
)


class Layer:
    """x W + b."""

    def __init__(self, rows, columns):
        self.W, self.b = np.zeros((rows, columns)), np.zeros(columns)

    def __call__(self, x):
        return x @ self.W + self.b


class LayerWithoutShift(Layer):
    def __call__(self, x):
        return x @ self.W


class LayerWithTwiceTheShift(Layer):
    def __call__(self, x):
        return x @ self.W + 2 * self.b


class LayerThatShiftsFirst(Layer):
    def __call__(self, x):
        return np.maximum(x @ self.W + self.b, 0)


def layer_cases(rng):
    """Made with rows and columns; W (rows, columns), b (columns); x (N, rows)."""
    def case(rows, columns, N):
        weights = {"W": rng.normal(size=(rows, columns)), "b": rng.normal(size=columns)}
        return Case("plain", ([rows, columns], weights, rng.normal(size=(N, rows))), f"a layer {rows} -> {columns}")

    return [case(3, 4, 2), case(5, 2, 6)]


PLAIN_CLASS = Exercise(
    name="a_layer_is_a_class",
    title="A layer is a class",
    minutes=5,
    asks="a linear layer as a class, in NumPy",
    kind="module",
    reference=Layer,
    cases=layer_cases,
    properties=(p.values(1), p.arrays_left_alone(0.5, ("what it is made with", "the weights", "x"))),
    slips=(
        Slip("shift-left-out", "The shift b is left out.", LayerWithoutShift),
        Slip("shift-added-twice", "The shift b is added twice.", LayerWithTwiceTheShift),
        Slip("negative-results-cut", "Negative results are cut to 0. A linear layer leaves them.",
             LayerThatShiftsFirst),
    ),
)


# --- an object -------------------------------------------------------------------------------------------------------


class Cache:
    """Keys and values so far: append(k (d,), v (e,)), attend(q (d,)) -> (e,)."""

    def __init__(self, scale):
        self.scale, self.keys, self.values = scale, [], []

    def append(self, k, v):
        self.keys.append(k)
        self.values.append(v)

    def attend(self, q):
        return numpy_softmax(np.array(self.keys) @ q * self.scale) @ np.array(self.values)


class CacheOfTheNewest(Cache):
    def append(self, k, v):
        self.keys, self.values = [k], [v]


class CacheOfThree(Cache):
    def append(self, k, v):
        super().append(k, v)
        self.keys, self.values = self.keys[-3:], self.values[-3:]


class UnscaledCache(Cache):
    def attend(self, q):
        return numpy_softmax(np.array(self.keys) @ q) @ np.array(self.values)


def cache_cases(rng):
    """Made with a scale; append and attend in turns."""
    def case(d, e, count):
        calls = []
        for _ in range(count):
            calls += [("append", rng.normal(size=d), rng.normal(size=e)), ("attend", rng.normal(size=d))]
        scale = rng.uniform(0.2, 0.8)
        return Case("plain", ({"scale": scale}, calls), f"a cache of {count} keys of width {d}")

    return [case(3, 2, 5), case(2, 4, 6)]


OBJECT = Exercise(
    name="a_cache_keeps_every_key",
    title="A cache keeps every key",
    minutes=5,
    asks="a cache of keys and values",
    kind="object",
    reference=Cache,
    cases=cache_cases,
    properties=(steps.steps(0.5, first=2, name="the first step is right"), steps.steps(1.5, name="later steps too")),
    slips=(
        Slip("newest-key-alone", "Only the newest key and value are kept.", CacheOfTheNewest),
        Slip("three-keys-alone", "Only the newest three keys and values are kept.", CacheOfThree),
        Slip("cache-scores-unscaled", "The scores are not multiplied by the scale.", UnscaledCache),
    ),
)


# --- predictions of labels -------------------------------------------------------------------------------------------


def blob_cases(rng):
    """points (n, 2), labels (n,), new points (m, 2); the labels of the new points stay here."""
    middles = np.array([[2.0, 0.3], [-1.5, -1.5], [-1.5, 2.0]])
    labels = rng.choice(3, size=500, p=[0.5, 0.3, 0.2])
    points = middles[labels] + rng.normal(size=(500, 2))
    return [Case("plain", (points[:200], labels[:200], points[200:]), "300 new points", labels[200:])]


def nearest_mean(points, labels, new):
    """The label whose points have the nearest mean."""
    kinds = np.unique(labels)
    means = np.array([points[labels == kind].mean(axis=0) for kind in kinds])
    return kinds[((new[:, None] - means) ** 2).sum(axis=-1).argmin(axis=-1)]


def by_the_first_number(points, labels, new):
    """The nearest mean by the first coordinate alone."""
    return nearest_mean(points[:, :1], labels, new[:, :1])


PREDICTIONS = Exercise(
    name="new_points_get_their_labels",
    title="New points get their labels",
    minutes=5,
    asks="labels for new points",
    reference=nearest_mean,
    cases=blob_cases,
    repeated=False,
    seconds=20.0,
    properties=(
        predictions.beats("guessing the commonest label", 1, predictions.commonest_label),
        predictions.as_good_as("the nearest mean", 1.5, nearest_mean),
        p.arrays_left_alone(0.5, ("points", "labels", "new"), after="as good as the nearest mean"),
    ),
    slips=(
        Slip("commonest-label", "Every point gets the commonest label.", predictions.commonest_label),
        Slip("labels-one-too-large", "Each label is one too large: labels count from 0.",
             lambda points, labels, new: nearest_mean(points, labels, new) + 1),
        Slip("first-coordinate-alone", "Only the first coordinate of each point is used.", by_the_first_number),
    ),
)


# --- a prediction, then its test -------------------------------------------------------------------------------------


def growth(tokens, factor):
    """How many times as many scores there are with `factor` times the tokens."""
    return (tokens * factor) ** 2 / tokens ** 2


def growth_cases(rng):
    """A number of tokens and a factor."""
    plain = [(int(rng.integers(5, 50)), int(rng.integers(3, 9))) for _ in range(3)]
    return [Case("prediction", (64, 2), "64 tokens and a factor of 2"),
            *(Case("plain", (n, factor), f"{n} tokens and a factor of {factor}") for n, factor in plain)]


NUMBER_PREDICTED = Exercise(
    name="twice_the_tokens_cost_more",
    title="Twice the tokens cost more",
    minutes=5,
    asks="what twice the tokens cost, predicted and computed",
    kind="prediction",
    prediction=4,
    reference=growth,
    cases=growth_cases,
    properties=(guesses.computed(1), guesses.prediction_near(1, within=1.5)),
    slips=(
        Slip("growth-in-proportion", "The number of scores does not grow in proportion: each token meets every other.",
             lambda tokens, factor: factor),
        Slip("predicted-twice-as-much", "You predicted that twice the tokens cost twice as much. Each token meets every"
             " other.", (2, growth)),
        Slip("growth-by-the-cube", "The factor is cubed. Scores form a square.", lambda tokens, factor: factor ** 3),
    ),
)


def counts(tokens, width):
    """(how many scores, how many numbers in Q, K and V)."""
    return tokens * tokens, 3 * tokens * width


def count_cases(rng):
    """A number of tokens and a width."""
    plain = [tuple(int(n) for n in rng.integers(5, 900, size=2)) for _ in range(3)]
    return [Case("prediction", (1000, 64), "1000 tokens of width 64"),
            *(Case("plain", pair, f"{pair[0]} tokens of width {pair[1]}") for pair in plain)]


CHOICE = Exercise(
    name="scores_outnumber_vectors",
    title="Scores outnumber vectors",
    minutes=5,
    asks="whether scores or vectors take more numbers",
    kind="prediction",
    prediction="scores",
    reference=counts,
    cases=count_cases,
    properties=(guesses.computed(1), guesses.choice(
        1, ("scores", "vectors", "equal"),
        lambda both: ("equal", "scores", "vectors")[int(np.sign(both[0] - both[1]))])),
    slips=(
        Slip("keys-and-values-forgotten", "Q alone is counted. K and V are there too.",
             lambda tokens, width: (tokens * tokens, tokens * width)),
        Slip("predicted-vectors", "You predicted that the vectors take more. There are three for each token, and"
             " a score for each pair of tokens.", ("vectors", counts)),
        Slip("scores-in-proportion", "One score a token is counted. There is one for each pair of tokens.",
             lambda tokens, width: (tokens, 3 * tokens * width)),
    ),
)

PROBLEM_SET = ProblemSet(
    stem="97_kinds",
    version=1,
    exercises=(AUTOGRAD, BY_HAND, MODULE, PLAIN_CLASS, OBJECT, PREDICTIONS, NUMBER_PREDICTED, CHOICE),
    libraries=("numpy", "torch"),
)
