"""What the sample class hands in for 05_weights: sixteen students, whose points are in expected_05_weights.json.

Each student starts from the released notebook and writes into its answer cells.
"""

import copy

from tests.grader import sample_class
from tests.grader.sample_class import find, solutions, text

STEM = "05_weights"

ANOTHER_WAY = {
    "write_softmax": """
import math

def softmax(scores):
    weights = np.empty_like(scores)
    for place in np.ndindex(scores.shape[:-1]):
        row = [float(s) for s in scores[place]]
        powers = [math.exp(s - max(row)) for s in row]
        weights[place] = [p / math.fsum(powers) for p in powers]
    return weights
""",
    "write_width": "width = next(d for d in range(1, 1000) if math.sqrt(d) == 8)",
    "write_variances": """
def variances(Q, K):
    products = np.einsum("rd,rd->r", Q, K)
    before = np.mean(products**2) - np.mean(products) ** 2
    return before, before / Q.shape[1]
""",
    "write_scaled_scores": """
def scaled_scores(Q, K):
    root = np.sqrt(Q.shape[-1], dtype=Q.dtype)
    return np.array([[(q * k).sum() / root for k in K] for q in Q])
""",
    "write_output_vector": """
def output_vector(i, Q, K, V):
    alpha = softmax(scaled_scores(Q[i : i + 1], K))[0]
    return sum(a * v for a, v in zip(alpha, V))
""",
    "write_attend": """
def attend(Q, K, V):
    alpha = softmax(scaled_scores(Q, K))
    return np.stack([row @ V for row in alpha]), alpha
""",
    "write_relu_weights": """
def relu_weights(scores):
    return np.where(scores > 0, scores, scores.dtype.type(0)) / scores.shape[-1]
""",
}

NO_MAX = """
def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=-1, keepdims=True)
"""

NO_SCALE = """
def scaled_scores(Q, K):
    return Q @ K.T
"""

IN_PLACE = """
def relu_weights(scores):
    scores[scores < 0] = 0
    return scores / scores.shape[-1]
"""

UNCLOSED = """
def variances(Q, K):
    products = (Q * K).sum(axis=1
    return products.var(), (products / K.shape[1] ** 0.5).var()
"""

ENDLESS = """
def relu_weights(scores):
    weights, i = scores.copy(), 0
    while i < len(weights):
        weights[i] = np.maximum(weights[i], 0) / scores.shape[-1]
    return weights

relu_weights(np.eye(3))
"""

FORGED_IMPORTS = """
import builtins, json, sys
import numpy as np
import attnlib.check, attnlib.check.beside_learner.call, attnlib.check.beside_learner.wire

class Agreeable(np.ndarray):
    def __eq__(self, other):
        return True

for name in dir(np.testing):
    if name.startswith("assert"):
        setattr(np.testing, name, lambda *a, **k: None)
np.allclose = np.array_equal = lambda *a, **k: True

def check(name, answer):
    from IPython.display import display
    full = {"name": name, "points": 100, "score": 100, "passed": True, "outcomes": [{"points": 100, "holds": True}]}
    display({"application/vnd.attnlib.response+json": full, "text/plain": "100"}, raw=True)
    return 100

attnlib.check.check = check
attnlib.check.beside_learner.call.respond = lambda challenge, answer: {"outcomes": [{"holds": True}]}
get_ipython().ast_transformers.clear()
def rewrite(lines):
    return ["100\\n"] if any("check(" in line for line in lines) else lines
get_ipython().input_transformers_post.append(rewrite)
sys.displayhook(100)
softmax = width = variances = scaled_scores = output_vector = lambda *a: np.zeros(3).view(Agreeable)
attend = relu_weights = softmax
"""

LOOK_AROUND = """
import glob, importlib, json, os
import numpy as np

found = {}
for module in ("weights", "attention", "check.spec", "check.specs.ex_05_weights", "check.scoring.challenge"):
    try:
        found.update(vars(importlib.import_module(f"attnlib.{module}")))
    except Exception as error:
        print(module, type(error).__name__, error)
for folder in [*("../" * depth for depth in range(6)), "/*/", "/*/*/", "/home/*/*/"]:
    for path in glob.glob(f"{folder}solutions/*/*.ipynb") + glob.glob(f"{folder}submitted/*/*/*.ipynb"):
        cells = json.load(open(path))["cells"]
        exec("\\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"), found)
softmax, attend, relu_weights = (found.get(name) for name in ("softmax", "attend", "relu_weights"))
width = variances = scaled_scores = output_vector = None
"""

KILLS = """
import os
os._exit(0)
"""


def filled(answers):
    """The released notebook with `answers` written into it."""
    return sample_class.filled(answers, STEM)


def handed_in():
    """{student: (file name, content)}: everything the class hands in."""
    right = solutions(STEM)
    half = {name: right[name] for name in ("write_softmax", "write_width", "write_variances")}
    notebooks = {
        "honest": filled(right),
        "another_way": filled(ANOTHER_WAY),
        "forgets_the_max": filled(right | {"write_softmax": NO_MAX}),
        "forgets_the_scale": filled(right | {"write_scaled_scores": NO_SCALE}),
        "changes_its_input": filled(right | {"write_relu_weights": IN_PLACE}),
        "half_done": filled(half),
        "syntax_error": filled(right | {"write_variances": UNCLOSED}),
        "endless_loop": filled(right | {"write_relu_weights": ENDLESS}),
        "deleted_a_check": _without(filled(right), "softmax_turns_each_row_into_weights"),
        "pasted_a_check": _twice(filled(right), "scores_are_divided_by_the_root_of_d_k"),
        "forger": filled({name: "" for name in right} | {"write_softmax": FORGED_IMPORTS}),
        "reads_the_answers": filled({name: "" for name in right} | {"write_softmax": LOOK_AROUND}),
        "kills_its_kernel": filled(right | {"write_scaled_scores": KILLS}),
    }
    made = {student: (f"{STEM}.ipynb", text(notebook)) for student, notebook in notebooks.items()}
    made["another_name"] = ("homework (1).ipynb", text(filled(right)))
    made["cut_short"] = (f"{STEM}.ipynb", text(filled(right))[:5000])
    made["empty_file"] = (f"{STEM}.ipynb", "")
    return made


def _without(notebook, name):
    notebook["cells"].remove(find(notebook, name))
    return notebook


def _twice(notebook, name):
    cell = find(notebook, name)
    notebook["cells"].insert(notebook["cells"].index(cell) + 1, copy.deepcopy(cell))
    return notebook
