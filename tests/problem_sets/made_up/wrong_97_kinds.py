"""Wrong answers to 97_kinds that the spec does not list, and what the report says of each (SAID)."""

import numpy as np
import torch
from torch import nn


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


WRONG = {
    "gradients_flow_through_softmax": (
        logarithms, array_from_tensor, one_row_too_few, gradient_halved, changes_its_scores, nothing_returned, 3),
    "softmax_goes_backward_by_hand": (
        backward_of_the_exponential, hands_back_the_cotangent, backward_with_a_sign, backward_and_value,
        backward_of_the_first_row, nothing_returned),
    "a_head_is_a_module": (
        HeadOfOtherNames, HeadTransposed, HeadWithMore, HeadOfTensors, HeadWithoutForward, HeadForMatrices,
        nn.Linear(3, 4)),
    "a_layer_is_a_class": (
        LayerOfOtherNames, LayerTransposed, LayerNotCallable, LayerInPlace, LayerWithoutSizes, LayerTransposed(2, 3)),
    "a_cache_keeps_every_key": (
        CacheUnanswered, CacheWithoutAttend, CacheThatFills, CacheOfTheClass, CacheOfSums, nothing_returned),
    "new_points_get_their_labels": (
        always_2, labels_of_the_old, one_hot_labels, label_at_random, label_by_the_sign, nothing_returned),
    "twice_the_tokens_cost_more": (
        (16, grow), (None, grow), ("four", grow), (4, lambda tokens, factor: tokens * factor), grow, (4, 4),
        (-4, grow)),
    "scores_outnumber_vectors": (
        ("equal", count), ("Scores", count), (1, count), (None, count), ("scores", lambda tokens, width: tokens),
        "scores"),
}

SAID = {  # for each of WRONG, in order, words that the report has
    "gradients_flow_through_softmax": (
        "For 3 by 5 scores, in the gradient of scores: at [0, 0] we expect",
        "it is no floating torch tensor, computed from the tensors that came in.",
        "no gradient could flow back: we expect a result of shape (3, 5), not (2, 5).",
        "✓ holds     1 of 1    the numbers are right\n  ✗ fails     0 of 1    the gradients are right\n"
        "                        For 3 by 5 scores, in the gradient of scores: at [0, 0] we expect",
        "It raised RuntimeError: a leaf Variable that requires grad",
        "For 3 by 5 scores: the function returned None. Does it end in a return?",
        "We expect a function here and got an int."),
    "softmax_goes_backward_by_hand": (
        "For 3 by 5 scores, in the gradient of scores: at [0, 0] we expect",
        "For 3 by 5 scores, in the gradient of scores: at [0, 0] we expect",
        "For 3 by 5 scores, in the gradient of scores: at [0, 0] we expect",
        "For 3 by 5 scores: we expect an array of shape (3, 5) and got a tuple of 2.",
        "For 3 by 5 scores, in the gradient of scores: we expect shape (3, 5) and got (1, 5).",
        "For 3 by 5 scores: the function returned None. Does it end in a return?"),
    "a_head_is_a_module": (
        "The module has no parameter called W_q. Its parameters: query (5, 3), key (5, 3) and value (5, 3). "
        "Asked for: W_q (5, 3), W_k (5, 3) and W_v (5, 3).",
        "The shape of W_q is (3, 5), and (5, 3) is asked for.",
        "The module has a parameter that is not asked for: W_o (3, 3). "
        "Asked for: W_q (5, 3), W_k (5, 3) and W_v (5, 3).",
        "The module's W_q is a tensor and no parameter: nn.Parameter(tensor) makes one of it.",
        "The module has no method forward, which runs when it is called.",
        "✓ holds     2 of 2    the numbers are right\n  ✗ fails     0 of 0.5  any leading axes",
        "We expect a class here, the class itself and no object of it, and got a torch.Linear."),
    "a_layer_is_a_class": (
        "The object has no attribute called W. Its arrays: weight (3, 4) and bias (4,). "
        "Asked for: W (3, 4) and b (4,).",
        "The shape of W is (4, 3), and (3, 4) is asked for.",
        "LayerNotCallable, which cannot be called: it has no method __call__.",
        "Your function changed the weights, which belongs to the caller.",
        "LayerWithoutSizes() takes no arguments",
        "We expect a class here, the class itself and no object of it, and got"),
    "a_cache_keeps_every_key": (
        "For a cache of 5 keys of width 3: in step 2 of 10, attend, it returned None.",
        "The object has no method attend, which is called in step 2 of 10.",
        "It raised IndexError: the cache is full at `raise IndexError(\"the cache is full\")`, in step 9 of 10, append",
        "in step 2 of 10, attend: at [0] we expect",
        "✓ holds     0.5 of 0.5  the first step is right",
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
        "We expect a prediction and a function here, check(name, prediction, function), and got a function.",
        "check(name, prediction, function), and got an int and an int.", "You predicted -4."),
    "scores_outnumber_vectors": (
        "You predicted “equal”. For 1000 tokens of width 64 your own computation says “scores”.",
        "We expect one of scores, vectors, equal as the prediction and got “Scores”.",
        "as the prediction and got an int.", "Not answered yet: the prediction is still None.",
        "we expect shape (2,) and got ().", "check(name, prediction, function), and got a str."),
}
