"""Wrong answers to 97_kinds, each with what may be said of it, and words of the reports of some (SAID)."""

import numpy as np
import torch
from torch import nn

from tests.problem_sets.labels import Wrong


def weights(scores):
    return scores.exp() / scores.exp().sum(dim=-1, keepdim=True)


def logarithms(scores):
    return scores.log_softmax(dim=-1)


def array_from_tensor(scores):
    return weights(scores).detach().numpy()


def one_row_too_few(scores):
    return weights(scores)[1:]


def gradient_halved(scores):
    return weights(scores) / 2 + weights(scores).detach() / 2


def changes_its_scores(scores):
    scores -= scores.amax(dim=-1, keepdim=True)
    return weights(scores)


def nothing_returned(*arguments):
    pass


def backward_of_the_exponential(scores, dA):
    return np.exp(scores) * dA


def hands_back_the_cotangent(scores, dA):
    return dA


def backward_with_a_sign(scores, dA):
    A = weights(torch.from_numpy(scores)).numpy()
    return A * ((A * dA).sum(axis=-1, keepdims=True) - dA)


def backward_and_value(scores, dA):
    A = weights(torch.from_numpy(scores)).numpy()
    return A, A * (dA - (A * dA).sum(axis=-1, keepdims=True))


def backward_of_the_first_row(scores, dA):
    return backward_and_value(scores, dA)[1][:1]


class HeadOfOtherNames(nn.Module):
    def __init__(self, width, key_width):
        super().__init__()
        self.query, self.key, self.value = (nn.Parameter(torch.zeros(width, key_width)) for _ in range(3))

    def forward(self, x):
        q, k, v = x @ self.query, x @ self.key, x @ self.value
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v


class HeadTransposed(nn.Module):
    def __init__(self, width, key_width):
        super().__init__()
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.zeros(key_width, width)) for _ in range(3))

    def forward(self, x):
        q, k, v = x @ self.W_q.T, x @ self.W_k.T, x @ self.W_v.T
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v


class HeadWithMore(nn.Module):
    def __init__(self, width, key_width):
        super().__init__()
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.zeros(width, key_width)) for _ in range(3))
        self.W_o = nn.Parameter(torch.eye(key_width))

    def forward(self, x):
        q, k, v = x @ self.W_q, x @ self.W_k, x @ self.W_v
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v @ self.W_o


class HeadOfTensors(nn.Module):
    def __init__(self, width, key_width):
        super().__init__()
        self.W_q, self.W_k, self.W_v = (torch.zeros(width, key_width) for _ in range(3))

    def forward(self, x):
        return x @ self.W_v


class HeadWithoutForward(HeadWithMore):
    forward = nn.Module.forward

    def __init__(self, width, key_width):
        super().__init__(width, key_width)
        del self.W_o


class HeadForMatrices(nn.Module):
    def __init__(self, width, key_width):
        super().__init__()
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.zeros(width, key_width)) for _ in range(3))

    def forward(self, x):
        q, k, v = x @ self.W_q, x @ self.W_k, x @ self.W_v
        return (q @ k.t() / q.shape[-1] ** 0.5).softmax(dim=-1) @ v


class LayerOfOtherNames:
    def __init__(self, rows, columns):
        self.weight, self.bias = np.zeros((rows, columns)), np.zeros(columns)

    def __call__(self, x):
        return x @ self.weight + self.bias


class LayerTransposed:
    def __init__(self, rows, columns):
        self.W, self.b = np.zeros((columns, rows)), np.zeros(columns)

    def __call__(self, x):
        return x @ self.W.T + self.b


class LayerNotCallable:
    def __init__(self, rows, columns):
        self.W, self.b = np.zeros((rows, columns)), np.zeros(columns)

    def forward(self, x):
        return x @ self.W + self.b


class LayerInPlace:
    def __init__(self, rows, columns):
        self.W, self.b = np.zeros((rows, columns)), np.zeros(columns)

    def __call__(self, x):
        self.W *= 2
        return x @ self.W / 2 + self.b


class LayerWithoutSizes:
    def __call__(self, x):
        return x


class CacheUnanswered:
    def __init__(self, scale):
        self.scale = scale

    def append(self, k, v):
        pass

    def attend(self, q):
        pass


class CacheWithoutAttend(CacheUnanswered):
    attend = None


class CacheThatFills(CacheUnanswered):
    def __init__(self, scale):
        self.scale, self.keys, self.values = scale, [], []

    def append(self, k, v):
        if len(self.keys) == 4:
            raise IndexError("the cache is full")
        self.keys.append(k)
        self.values.append(v)

    def attend(self, q):
        powers = np.exp(np.array(self.keys) @ q * self.scale)
        return powers @ np.array(self.values) / powers.sum()


class CacheOfTheClass(CacheThatFills):
    shared = []

    def append(self, k, v):
        self.shared.append((k, v))
        self.keys, self.values = zip(*(pair for pair in self.shared if len(pair[0]) == len(k)))


class CacheOfSums(CacheUnanswered):
    total = 0

    def append(self, k, v):
        self.total = self.total + v

    def attend(self, q):
        return self.total


def always_2(points, labels, new):
    return 0 * new[:, 0] + 2


def labels_of_the_old(points, labels, new):
    return labels


def one_hot_labels(points, labels, new):
    return np.eye(3)[always_2(points, labels, new).astype(int)]


def label_at_random(points, labels, new):
    return np.random.default_rng(0).permutation(np.resize(labels, len(new)))


def label_by_the_sign(points, labels, new):
    return np.where(new[:, 0] > 0, 0, 1)


def grow(tokens, factor):
    return factor * factor


def count(tokens, width):
    return tokens * tokens, 3 * tokens * width



# --- the slips of the specification, as others write them


def softmax_of_columns(scores):
    return torch.softmax(scores, dim=0)


def total_under_no_grad(scores):
    powers = scores.exp()
    with torch.no_grad():
        total = powers.sum(dim=-1, keepdim=True)
    return powers / total


def softmax_through_lists(scores):
    return torch.tensor(weights(scores).tolist(), dtype=scores.dtype)


def backward_weight_by_weight(scores, dA):
    A = weights(torch.from_numpy(scores)).numpy()
    return A * dA - A ** 2 * dA


def backward_of_a_sum_of_weights(scores, dA):
    A = weights(torch.from_numpy(scores)).numpy()
    return A * (dA - A.sum(axis=-1, keepdims=True))


def backward_in_place(scores, dA):
    A = weights(torch.from_numpy(scores)).numpy()
    dA -= (A * dA).sum(axis=-1, keepdims=True)
    return A * dA


class Projections(nn.Module):
    """What the heads below share."""

    def __init__(self, width, key_width):
        super().__init__()
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.zeros(width, key_width)) for _ in range(3))


class HeadUnscaled(Projections):
    def forward(self, x):
        return torch.softmax(x @ self.W_q @ (x @ self.W_k).mT, dim=-1) @ (x @ self.W_v)


class HeadOfColumns(Projections):
    def forward(self, x):
        scores = x @ self.W_q @ (x @ self.W_k).mT / self.W_q.shape[1] ** 0.5
        return torch.softmax(scores, dim=-2) @ (x @ self.W_v)


class LayerOfProducts(LayerOfOtherNames):
    def __init__(self, rows, columns):
        self.W, self.b = np.zeros((rows, columns)), np.zeros(columns)

    def __call__(self, x):
        return np.einsum("nr,rc->nc", x, self.W)


class CacheOfOne(CacheUnanswered):
    def append(self, k, v):
        self.newest = v

    def attend(self, q):
        return self.newest


def commonest(points, labels, new):
    return np.full(len(new), np.bincount(labels).argmax())


def labels_from_1(points, labels, new):
    means = np.stack([points[labels == kind].mean(axis=0) for kind in range(3)])
    return np.linalg.norm(new[:, None] - means, axis=-1).argmin(axis=1) + 1


WRONG = {
    "gradients_flow_through_softmax": (
        Wrong("logarithms of the weights", logarithms),
        Wrong("detaches the weights and returns an array", array_from_tensor, ("softmax-in-numpy",)),
        Wrong("leaves the first row out", one_row_too_few),
        Wrong("lets half the gradient through", gradient_halved),
        Wrong("changes the scores in place, which PyTorch refuses", changes_its_scores),
        Wrong("returns nothing", nothing_returned),
        Wrong("a number for a function", 3),
        Wrong("softmax of each column, by torch", softmax_of_columns, ("softmax-down-the-columns",), named=True),
        Wrong("the total under no_grad", total_under_no_grad, ("total-without-gradient",), named=True),
        Wrong("a new tensor of the numbers", softmax_through_lists, ("softmax-in-numpy",), named=True),
    ),
    "softmax_goes_backward_by_hand": (
        Wrong("the gradient of the exponential", backward_of_the_exponential),
        Wrong("hands the cotangent back", hands_back_the_cotangent),
        Wrong("the sign is wrong", backward_with_a_sign),
        Wrong("returns the weights too", backward_and_value),
        Wrong("returns the first row alone", backward_of_the_first_row),
        Wrong("returns nothing", nothing_returned),
        Wrong("the diagonal of the Jacobian alone", backward_weight_by_weight, ("diagonal-alone",), named=True),
        Wrong("takes the sum of the weights off", backward_of_a_sum_of_weights, ("cotangent-forgotten",), named=True),
        Wrong("right, and dA is changed", backward_in_place),
    ),
    "a_head_is_a_module": (
        Wrong("calls its parameters otherwise", HeadOfOtherNames),
        Wrong("keeps its parameters transposed", HeadTransposed),
        Wrong("has a parameter too many", HeadWithMore),
        Wrong("keeps tensors that are no parameters", HeadOfTensors),
        Wrong("has no forward", HeadWithoutForward),
        Wrong("takes matrices alone", HeadForMatrices),
        Wrong("an object for a class", nn.Linear(3, 4)),
        Wrong("no scale", HeadUnscaled, ("head-scores-unscaled",), named=True),
        Wrong("softmax over the queries", HeadOfColumns, ("head-softmax-over-queries",), named=True),
    ),
    "a_layer_is_a_class": (
        Wrong("calls its arrays otherwise", LayerOfOtherNames),
        Wrong("keeps W transposed", LayerTransposed),
        Wrong("has forward for __call__", LayerNotCallable),
        Wrong("doubles W at each call", LayerInPlace),
        Wrong("takes no sizes", LayerWithoutSizes),
        Wrong("an object for a class", LayerTransposed(2, 3)),
        Wrong("leaves b out, by einsum", LayerOfProducts, ("shift-left-out",), named=True),
    ),
    "a_cache_keeps_every_key": (
        Wrong("keeps nothing", CacheUnanswered),
        Wrong("attend is no method", CacheWithoutAttend),
        Wrong("is full after four keys", CacheThatFills),
        Wrong("shares its keys with all other caches", CacheOfTheClass),
        Wrong("adds the values up", CacheOfSums),
        Wrong("a function for a class, which takes no scale", nothing_returned),
        Wrong("gives back the newest value", CacheOfOne, ("newest-key-alone",), named=True),
    ),
    "new_points_get_their_labels": (
        Wrong("2, always", always_2),
        Wrong("labels of the old points", labels_of_the_old),
        Wrong("one-hot rows for labels", one_hot_labels),
        Wrong("old labels at random", label_at_random),
        Wrong("the sign of the first number", label_by_the_sign),
        Wrong("returns nothing", nothing_returned),
        Wrong("the commonest label, always", commonest, ("commonest-label",), named=True),
        Wrong("the nearest mean, counted from 1", labels_from_1, ("labels-one-too-large",), named=True),
    ),
    "twice_the_tokens_cost_more": (
        Wrong("predicts the fourth power", (16, grow)),
        Wrong("predicts nothing", (None, grow)),
        Wrong("predicts a word", ("four", grow)),
        Wrong("computes the tokens", (4, lambda tokens, factor: tokens * factor)),
        Wrong("hands over no prediction", grow),
        Wrong("hands over no function", (4, 4)),
        Wrong("predicts a negative number", (-4, grow)),
        Wrong("predicts that the cost doubles", (2, grow), ("predicted-twice-as-much",), named=True),
        Wrong("computes the factor", (4, lambda tokens, factor: tokens * factor / tokens), ("growth-in-proportion",),
              named=True),
    ),
    "scores_outnumber_vectors": (
        Wrong("predicts a draw", ("equal", count)),
        Wrong("predicts in capitals", ("Scores", count)),
        Wrong("predicts a number", (1, count)),
        Wrong("predicts nothing", (None, count)),
        Wrong("returns one number", ("scores", lambda tokens, width: tokens)),
        Wrong("hands over no function", "scores"),
        Wrong("predicts the vectors", ("vectors", count), ("predicted-vectors",), named=True),
        Wrong("counts Q alone", ("scores", lambda tokens, width: (tokens ** 2, tokens * width)),
              ("keys-and-values-forgotten",), named=True),
    ),
}

SAID = {  # for the first of WRONG, in order, words that the report has, spaces aside
    "gradients_flow_through_softmax": (
        "For 4 by 2 scores, in the gradient of scores: at [0, 0] we expect",
        "it is no floating torch tensor, computed from the tensors that came in.",
        "no gradient could flow back: we expect a result of shape (4, 2), not (3, 2).",
        "✓ holds 1 of 1 the numbers are right ✗ fails 0 of 1 the gradients are right "
        "For 4 by 2 scores, in the gradient of scores: at [0, 0] we expect",
        "It raised RuntimeError: a leaf Variable that requires grad",
        "For 4 by 2 scores: the function returned None. Does it end in a return?",
        "We expect a function here and got an int."),
    "softmax_goes_backward_by_hand": (
        "For 4 by 2 scores, in the gradient of scores: at [0, 0] we expect",
        "For 4 by 2 scores, in the gradient of scores: at [0, 0] we expect",
        "For 4 by 2 scores, in the gradient of scores: at [0, 0] we expect",
        "For 4 by 2 scores: we expect an array of shape (4, 2) and got a tuple of 2.",
        "For 4 by 2 scores, in the gradient of scores: we expect shape (4, 2) and got (1, 2).",
        "For 4 by 2 scores: the function returned None. Does it end in a return?"),
    "a_head_is_a_module": (
        "The module has no parameter called W_q. Its parameters: query (2, 6), key (2, 6) and value (2, 6). "
        "Asked for: W_q (2, 6), W_k (2, 6) and W_v (2, 6).",
        "The shape of W_q is (6, 2), and (2, 6) is asked for.",
        "The module has a parameter that is not asked for: W_o (6, 6). "
        "Asked for: W_q (2, 6), W_k (2, 6) and W_v (2, 6).",
        "The module's W_q is a tensor and no parameter: `nn.Parameter(tensor)` makes one of it.",
        "The module has no method `forward`, which runs when it is called.",
        "✓ holds 2 of 2 the numbers are right ✗ fails 0 of 0.5 any leading axes",
        "We expect a class here, the class itself and no object of it, and got a torch.Linear."),
    "a_layer_is_a_class": (
        "The object has no attribute called W. Its arrays: weight (3, 4) and bias (4,). "
        "Asked for: W (3, 4) and b (4,).",
        "The shape of W is (4, 3), and (3, 4) is asked for.",
        "LayerNotCallable, which cannot be called: it has no method `__call__`.",
        "Your function changed the weights, which belongs to the caller.",
        "LayerWithoutSizes() takes no arguments",
        "We expect a class here, the class itself and no object of it, and got"),
    "a_cache_keeps_every_key": (
        "For a cache of 5 keys of width 3: in step 2 of 10, attend, it returned None.",
        "The object has no method `attend`, which is called in step 2 of 10.",
        "It raised IndexError: the cache is full at `raise IndexError(\"the cache is full\")`, in step 9 of 10, append",
        "For a cache of 5 keys of width 3: right when first called, and not when called again with the same inputs.",
        "✓ holds 0.5 of 0.5 the first step is right",
        "It raised TypeError: nothing_returned() got an unexpected keyword argument 'scale'."),
    "new_points_get_their_labels": (
        "of 300 labels are right, and", "we expect labels of shape (300,) and got (200,).",
        "we expect labels of shape (300,) and got (300, 3).",
        "by guessing the commonest label. Luck explains a lead of",
        "by the nearest mean. Luck explains falling short by up to",
        "For 300 new points: the function returned None. Does it end in a return?"),
    "twice_the_tokens_cost_more": (
        "You predicted 16. For 64 tokens and a factor of 2 your own computation gives 4, and the two are further apart",
        "Not answered yet: the prediction is still None.", "We expect a number as the prediction and got a str.",
        "Not scored yet: first make “the numbers are right” hold.",
        "We expect a prediction and a function here, `check(name, prediction, function)`, and got a function.",
        "`check(name, prediction, function)`, and got an int and an int.", "You predicted -4."),
    "scores_outnumber_vectors": (
        "You predicted “equal”. For 1000 tokens of width 64 your own computation says “scores”.",
        "We expect one of scores, vectors, equal as the prediction and got “Scores”.",
        "as the prediction and got an int.", "Not answered yet: the prediction is still None.",
        "we expect shape (2,) and got ().", "`check(name, prediction, function)`, and got a str."),
}
