"""The solution notebook of 98_made_up: two answer cells for one exercise, and two questions that a person grades."""

import nbformat

HINTS = "".join(f"<details>\n<summary>Hint {n}: {what}</summary>\n\nThink.\n\n</details>\n\n"
                for n, what in ((1, "a question"), (2, "the shapes"), (3, "pseudocode")))


def cell(kind, id, source, grade_id=None, points=None, solution=False):
    """A cell with nbgrader's metadata; graded where it has points."""
    made = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}[kind](source, id=id)
    made.metadata.nbgrader = {
        "grade": points is not None, "grade_id": grade_id or id, "locked": not solution, "schema_version": 3,
        "solution": solution, "task": False} | ({} if points is None else {"points": points})
    return made


def statement(id, title, text, signature, example):
    """What is asked, with a signature, an example and three hints."""
    return cell("markdown", id, f"## {title}\n\n{text}\n\n```text\n{signature}\n```\n\n**Example**\n\n"
                                f"```pycon\n{example}\n```\n\n{HINTS}")


def answer(id, head, body):
    """A cell whose body is the solution."""
    return cell("code", id, f"{head}\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION", solution=True)


def solution_notebook():
    """The whole notebook."""
    cells = [
        cell("markdown", "opening", "# 98 · Made up\n\nTwo exercises and two questions, 8 points, about 20 minutes.\n\n"
             "**Rules.**\nThe grader has NumPy beside Python's own library, and nothing else."),
        cell("code", "imports_0", "import numpy as np\n\nfrom attnlib.check import check"),
        statement("ask_pick_2", "1. One-hot rows pick rows (2 points)", "Pick rows.",
                  "pick(picks, X)    picks (N, M), X (M, d)  ->  Y (N, d)",
                  ">>> pick(np.array([[0., 1.]]), np.array([[2.], [3.]]))\narray([[3.]])"),
        answer("write_mix_2", "def mix(weights, X):", "return weights @ X"),
        answer("write_pick_2", "def pick(picks, X):", "return mix(picks, X)"),
        cell("code", "check_pick_2", 'check("one_hot_rows_pick_2_rows", pick)', "one_hot_rows_pick_2_rows", 2),
        cell("markdown", "ask_why", "## 2. Why one is enough (2 points)\n\nWhy does one 1 in a row suffice?"),
        cell("markdown", "write_why", "Because it picks one row whole.", "why_1_is_enough", 2, solution=True),
        statement("ask_fit", "3. Training finds the slope (3 points)", "Fit a line through the origin.",
                  "fit(x, y)    x (n,), y (n,)  ->  slope    a number",
                  ">>> bool(fit(np.array([1., 2.]), np.array([2., 4.])) == 2)\nTrue"),
        answer("write_fit", "def fit(x, y):", "return (x @ y) / (x @ x)"),
        cell("code", "check_fit", 'check("training_finds_the_slope", fit)', "training_finds_the_slope", 3),
        cell("markdown", "ask_sketch", "## 4. Sketch (1 point)\n\nDraw both lines."),
        cell("code", "write_sketch", "lines = [(0, 0), (2, 3)]", "sketch_the_2_lines", 1, solution=True),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    notebook.nbformat_minor = 5
    return notebook
