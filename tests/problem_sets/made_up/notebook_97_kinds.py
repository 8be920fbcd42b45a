"""The solution notebook of 97_kinds: classes, and a prediction beside its computation."""

import nbformat

from attnlib.check.scoring.rules import grader_has
from tests.problem_sets.made_up.ex_97_kinds import PROBLEM_SET
from tests.problem_sets.made_up.notebook import cell, statement

SOLVED = {  # exercise: (answer cell, what is checked, signature, example)
    "gradients_flow_through_softmax": ("""
def softmax(scores):
    ### BEGIN SOLUTION
    powers = scores.exp()
    return powers / powers.sum(dim=-1, keepdim=True)
    ### END SOLUTION""", "softmax", "softmax(scores)    scores (N, M)  ->  A (N, M)",
        ">>> scores = torch.tensor([[0., 1.], [2., 5.]], requires_grad=True)\n>>> softmax(scores)[0, 1].backward()\n"
        ">>> scores.grad\ntensor([[-0.1966,  0.1966],\n        [ 0.0000,  0.0000]])"),
    "softmax_goes_backward_by_hand": ("""
def softmax_backward(scores, dA):
    ### BEGIN SOLUTION
    powers = np.exp(scores)
    A = powers / powers.sum(axis=-1, keepdims=True)
    return A * (dA - (A * dA).sum(axis=-1, keepdims=True))
    ### END SOLUTION""", "softmax_backward",
        "softmax_backward(scores, dA)    scores (N, M), dA (N, M)  ->  dscores (N, M)",
        ">>> softmax_backward(np.zeros((1, 2)), np.array([[4., 8.]]))\narray([[-1.,  1.]])"),
    "a_head_is_a_module": ("""
class Head(nn.Module):
    def __init__(self, width, key_width):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_q = nn.Parameter(torch.zeros(width, key_width))
        self.W_k = nn.Parameter(torch.zeros(width, key_width))
        self.W_v = nn.Parameter(torch.zeros(width, key_width))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        scores = (x @ self.W_q) @ (x @ self.W_k).mT / self.W_q.shape[-1] ** 0.5
        return scores.softmax(dim=-1) @ (x @ self.W_v)
        ### END SOLUTION""", "Head", "Head(width, key_width)    W_q, W_k, W_v (width, d)\nhead(x)    x (..., N, width)",
        ">>> Head(3, 2)(torch.ones(4, 3)).shape\ntorch.Size([4, 2])"),
    "a_layer_is_a_class": ("""
class Layer:
    def __init__(self, rows, columns):
        ### BEGIN SOLUTION
        self.W, self.b = np.zeros((rows, columns)), np.zeros(columns)
        ### END SOLUTION

    def __call__(self, x):
        ### BEGIN SOLUTION
        return x @ self.W + self.b
        ### END SOLUTION""", "Layer", "Layer(rows, columns)    W (rows, columns), b (columns,)",
        ">>> Layer(3, 2)(np.ones((1, 3)))\narray([[0., 0.]])"),
    "a_cache_keeps_every_key": ("""
class Cache:
    def __init__(self, scale):
        self.scale = scale
        ### BEGIN SOLUTION
        self.keys, self.values = [], []
        ### END SOLUTION

    def append(self, k, v):
        ### BEGIN SOLUTION
        self.keys.append(k)
        self.values.append(v)
        ### END SOLUTION

    def attend(self, q):
        ### BEGIN SOLUTION
        powers = np.exp(np.array(self.keys) @ q * self.scale)
        return powers @ np.array(self.values) / powers.sum()
        ### END SOLUTION""", "Cache",
        "Cache(scale)\ncache.append(k, v)    k (d,), v (e,)\ncache.attend(q)    q (d,)  ->  (e,)",
        ">>> cache = Cache(2)\n>>> cache.append(np.ones(1), np.ones(1))\n>>> cache.attend(np.ones(1))\narray([1.])"),
    "new_points_get_their_labels": ("""
def label(points, labels, new):
    ### BEGIN SOLUTION
    kinds = np.unique(labels)
    means = np.array([points[labels == kind].mean(axis=0) for kind in kinds])
    return kinds[((new[:, None] - means) ** 2).sum(axis=-1).argmin(axis=-1)]
    ### END SOLUTION""", "label", "label(points, labels, new)    points (n, 2), labels (n,), new (m, 2)  ->  (m,)",
        ">>> label(np.array([[2., 2.], [3., 9.]]), np.array([1, 0]), np.array([[3., 2.]]))\narray([1])"),
    "twice_the_tokens_cost_more": ("""
def growth(tokens, factor):
    ### BEGIN SOLUTION
    return (tokens * factor) ** 2 / tokens ** 2
    ### END SOLUTION""", "times, growth", "growth(tokens, factor)  ->  a number", ">>> growth(5, 3)\n9.0"),
    "scores_outnumber_vectors": ("""
def counts(tokens, width):
    ### BEGIN SOLUTION
    return tokens * tokens, 3 * tokens * width
    ### END SOLUTION""", "more, counts", "counts(tokens, width)  ->  scores, vectors",
        ">>> counts(5, 2)\n(25, 30)"),
}


def prediction(exercise, checked):
    """The cell for the prediction that an exercise asks for, before the function that decides it."""
    if exercise.kind != "prediction":
        return []
    name, right = checked.split(", ")[0], repr(exercise.prediction)
    source = f"{name} = None\n### BEGIN SOLUTION\n{name} = {right}\n### END SOLUTION"
    return [cell("code", f"predict_{exercise.name}", source, solution=True)]


def solution_notebook():
    """The whole notebook."""
    cells = [
        cell("markdown", "opening", f"# 97 · Kinds\n\nEight exercises, {PROBLEM_SET.points:g} points.\n\n**Rules.**\n"
             f"{grader_has(PROBLEM_SET.libraries)}"),
        cell("code", "imports", "import numpy as np\nimport torch\nfrom torch import nn\n\n"
                                "from attnlib.check import check"),
    ]
    for exercise in PROBLEM_SET.exercises:
        name, (source, checked, signature, example) = exercise.name, SOLVED[exercise.name]
        heading = f"{exercise.number}. {exercise.title} ({exercise.points:g} points)"
        cells += [statement(f"ask_{name}", heading, "Do it.", signature, example), *prediction(exercise, checked),
                  cell("code", f"write_{name}", source.lstrip("\n"), solution=True),
                  cell("code", f"check_{name}", f'check("{name}", {checked})', name, exercise.points)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    notebook.nbformat_minor = 5
    return notebook
