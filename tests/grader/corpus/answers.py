"""Answers that need something beside the notebook, and answers that are nearly right."""

from tests.grader.corpus import of_notebook
from tests.grader.corpus.order import WITH_MATH, insert, own
from tests.grader.sample_class import filled, solutions, text

RIGHT = solutions()
MODULE = "import numpy as np\n\n\n" + RIGHT["write_softmax"]
IMPORTED = filled(RIGHT | {"write_softmax": "from helper import softmax"})


def written_by_the_notebook():
    """A notebook that writes its helper itself."""
    notebook = filled(RIGHT | {"write_softmax": "from helper import softmax"})
    insert(notebook, "ask_softmax", own("%%writefile helper.py\n" + MODULE))
    return notebook


def another_notebook(source):
    """A notebook of one cell."""
    cell = own(source) | {"id": "one"}
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def above(source, answers=RIGHT):
    """The answers, with a cell of the student's own below the imports."""
    notebook = filled(answers)
    insert(notebook, "first_imports", own(source))
    return notebook


def answered(name, source):
    """The right answers, one of them another."""
    return filled(RIGHT | {name: source})


def lacks_math(first):
    """A notebook that needs `import math` below the line `first` of one cell."""
    notebook = filled(RIGHT | {"write_scaled_scores": WITH_MATH})
    insert(notebook, "first_imports", own(f"{first}\nimport math"))
    return notebook


AFTERWARDS = "\nfirst = attend\ndef attend(Q, K, V):\n    B, alpha = first(Q, K, V)\n    return {}\n"

SUBMISSIONS = [
    of_notebook("helper_beside_the_notebook", IMPORTED, 18, **{"helper.py": MODULE}),
    of_notebook("helper_in_a_package", answered("write_softmax", "from mine.parts import softmax"), 18,
                **{"mine/__init__.py": "", "mine/parts.py": MODULE}),
    of_notebook("helper_in_another_notebook", answered("write_softmax", "%run 'my helper.ipynb'"), 18,
                ["another notebook: my helper.ipynb"], **{"my helper.ipynb": text(another_notebook(MODULE))}),
    of_notebook("helper_written_by_the_notebook", written_by_the_notebook(), 18),
    of_notebook("helper_named_like_a_library", answered("write_softmax", "from random import softmax"), 7,
                ["ImportError"], **{"random.py": MODULE}),
    of_notebook("data_beside_the_notebook", above("table = np.loadtxt('data/table.csv', delimiter=',')"), 18,
                **{"data/table.csv": "1,2\n3,4\n"}),
    of_notebook("wandb_above_math", lacks_math("import wandb"), 12,
                ["stopped with ModuleNotFoundError: wandb is not here"], ["wandb is not here"]),
    of_notebook("wandb_in_an_answer", answered("write_softmax", "def softmax(scores):\n    import wandb\n"), 7,
                ["softmax_turns_each_row_into_weights raised ModuleNotFoundError: wandb is not here"]),
    of_notebook("a_file_left_at_home", lacks_math("table = np.loadtxt('C:/me/table.csv')"), 12,
                ["stopped with FileNotFoundError"], ["FileNotFoundError"]),
    of_notebook("a_page_from_the_web", lacks_math("import urllib.request as u; u.urlopen('http://127.0.0.1:9/x')"), 12,
                ["stopped with URLError"], ["URLError"]),
    of_notebook("asks_a_person", lacks_math("name = input('Your name?')"), 12,
                ["stopped with StdinNotImplementedError"], ["StdinNotImplementedError"]),
    of_notebook("no_gpu", lacks_math("import torch; torch.ones(1).to('cuda')"), 12,
                ["stopped with", "CUDA"], ["stopped with"]),
    of_notebook("too_large_an_array", lacks_math("x = np.ones((24000, 24000))"), 12,
                ["MemoryError"], ["MemoryError"]),
    of_notebook("a_folder_of_colab", lacks_math("import os; os.makedirs('/content/figures')"), 12, ["OSError"]),
    of_notebook("a_command_of_colab", lacks_math("%tensorflow_version 2.x"), 12, ["UsageError"]),
    of_notebook("wandb_below_much_output", lacks_math("for i in range(300): display(i)\nimport wandb"), 12,
                ["ModuleNotFoundError"], ["wandb is not here"]),
    of_notebook("installs_with_pip", lacks_math("%pip install wandb\n!pip install wandb\nfiles = !ls"), 18),
    of_notebook("wandb_for_nothing", above("import wandb"), 18),
    of_notebook("three_results_for_two", answered("write_attend", RIGHT["write_attend"]
                                                  + AFTERWARDS.format("B, alpha, alpha")), 16.25),
    of_notebook("nan_in_the_weights", answered("write_attend", RIGHT["write_attend"]
                                               + AFTERWARDS.format("B, alpha * np.nan")), 15.5),
]
