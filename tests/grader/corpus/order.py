"""Notebooks that pass, though their cells are not the release's, or not in its order: where cells were moved, copied,
merged, split, or written into cells that were locked.
"""

import copy

from tests.grader.corpus import of_notebook
from tests.grader.sample_class import filled, find, solutions

RIGHT = solutions()
SOFTMAX, RELU = "softmax_turns_each_row_into_weights", "relu_weights_are_divided_by_the_length"
OLDER = "def softmax(scores):\n    return scores / scores.sum(axis=-1, keepdims=True)"
OLDER_RELU = "def relu_weights(scores):\n    return np.maximum(scores, 0)"
OVER_QUERIES = """def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-2, keepdims=True))
    return powers / powers.sum(axis=-2, keepdims=True)"""
NO_MAX = """def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=-1, keepdims=True)"""
WITH_MATH = "def scaled_scores(Q, K):\n    return Q @ K.T / Q.dtype.type(math.sqrt(K.shape[-1]))"
WITH_HELPER = """def softmax(scores):
    powers = np.exp(shifted(scores))
    return powers / powers.sum(axis=-1, keepdims=True)"""
HELPER = "def shifted(scores):\n    return scores - scores.max(axis=-1, keepdims=True)"


def own(source, kind="code"):
    """A cell of the student's own."""
    outputs = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **outputs}


def place(notebook, name):
    """Where the cell with a grade id stands."""
    return notebook["cells"].index(find(notebook, name))


def insert(notebook, where, *cells):
    """Put cells below the one with the grade id `where`; at the end when it is None."""
    at = len(notebook["cells"]) if where is None else place(notebook, where) + 1
    notebook["cells"][at:at] = cells


def copied(notebook, name, source):
    """A copy of a cell with its metadata, as copy and paste makes it, and another text."""
    return copy.deepcopy(find(notebook, name)) | {"source": source}


def changed(change, answers=RIGHT):
    """The right answers, in a notebook that `change` has changed."""
    notebook = filled(answers)
    change(notebook)
    return notebook


def a_relu_below_its_check(notebook):
    insert(notebook, RELU, copied(notebook, "write_relu_weights", OLDER_RELU))


def a_softmax_at_the_end(notebook):
    insert(notebook, None, copied(notebook, "write_softmax", OLDER))


def a_softmax_above_its_answer(notebook):
    insert(notebook, "ask_softmax", copied(notebook, "write_softmax", OLDER))


def a_check_before_a_helper(notebook):
    find(notebook, "write_softmax")["source"] = WITH_HELPER
    insert(notebook, "write_softmax", own(f'check("{SOFTMAX}", softmax)'), own(HELPER))


def a_helper_below_the_check(notebook):
    find(notebook, "write_softmax")["source"] = WITH_HELPER
    insert(notebook, SOFTMAX, own(HELPER))


def a_check_at_the_end_by_hand(notebook):
    notebook["cells"].remove(find(notebook, SOFTMAX))
    insert(notebook, None, own(f"check( '{SOFTMAX}', softmax )"))


def broken_after_it_passed(notebook):
    insert(notebook, RELU, own(OLDER_RELU), copied(notebook, RELU, find(notebook, RELU)["source"]))


def checks_moved_to_the_top(notebook):
    checks = [cell for cell in notebook["cells"] if str(cell["source"]).startswith(("check(", "['check("))]
    for cell in checks:
        notebook["cells"].remove(cell)
    insert(notebook, "first_imports", *checks)


def an_answer_moved_below(notebook):
    cell = find(notebook, "write_attend")
    notebook["cells"].remove(cell)
    insert(notebook, None, cell)


def an_answer_in_a_cell_below(notebook):
    answer = find(notebook, "write_softmax")
    insert(notebook, SOFTMAX, own(answer["source"]))
    answer["source"] = ""


def upside_down(notebook):
    notebook["cells"].reverse()


def merged_with_its_check(notebook):
    check = find(notebook, SOFTMAX)
    notebook["cells"].remove(check)
    find(notebook, "write_softmax")["source"] += "\n\n" + "".join(check["source"])


def all_in_the_first_answer(notebook):
    find(notebook, "write_softmax")["source"] = "\n\n".join(RIGHT.values())
    for name in list(RIGHT)[1:]:
        find(notebook, name)["source"] = ""


def an_answer_split(notebook):
    answer = find(notebook, "write_softmax")
    answer["source"] = HELPER
    insert(notebook, "write_softmax", own(WITH_HELPER))


def answers_without_their_metadata(notebook):
    for name in RIGHT:
        find(notebook, name)["metadata"] = {}


def only_code_left(notebook):
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def an_import_added(notebook):
    source = "".join(find(notebook, "first_imports")["source"])
    find(notebook, "first_imports")["source"] = source + "\nimport math"
    find(notebook, "write_scaled_scores")["source"] = (
        "def scaled_scores(Q, K):\n    return Q @ K.T / Q.dtype.type(math.sqrt(K.shape[-1]))")


def an_alias_for_an_import(notebook):
    find(notebook, "first_imports")["source"] = "import numpy\nnp = numpy\nfrom attnlib.check import check\nN = np"
    find(notebook, "write_relu_weights")["source"] = RIGHT["write_relu_weights"].replace("np.", "N.")


def no_imports(notebook):
    notebook["cells"].remove(find(notebook, "first_imports"))


def an_answer_in_its_check_cell(notebook):
    check, answer = find(notebook, SOFTMAX), find(notebook, "write_softmax")
    check["source"] = answer["source"] + "\n\n" + "".join(check["source"])
    answer["source"] = ""


def another_name_checked(notebook):
    find(notebook, "write_relu_weights")["source"] = RIGHT["write_relu_weights"].replace("relu_weights", "mine")
    find(notebook, RELU)["source"] = f'check("{RELU}", mine)'


def a_report_kept(notebook):
    find(notebook, RELU)["source"] = f"report = check('{RELU}', relu_weights)\nprint(report)"


def a_check_timed(notebook):
    find(notebook, RELU)["source"] = "%%time\n" + "".join(find(notebook, RELU)["source"])


def a_check_turned_off(notebook):
    find(notebook, RELU)["source"] = "# " + "".join(find(notebook, RELU)["source"])


def a_check_turned_into_text(notebook):
    cell = find(notebook, RELU)
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]


def notes_in_a_statement(notebook):
    cell = find(notebook, "ask_softmax")
    cell["source"] = "".join(cell["source"]) + "\n\nMy own note: rows, not columns."


def checks_in_one_loop(notebook):
    checks = {name: "".join(find(notebook, name)["source"]) for name in (SOFTMAX, RELU)}
    for name in checks:
        notebook["cells"].remove(find(notebook, name))
    insert(notebook, None, own(f"for name, answer in [('{SOFTMAX}', softmax), ('{RELU}', relu_weights)]:\n"
                               "    check(name, answer)"))


def experiments_at_the_end(notebook):
    insert(notebook, None, own("x = softmax(np.eye(3))\nprint(x)"), own("softmax = None"))


def an_older_softmax_turned_off(notebook):
    insert(notebook, "write_softmax", copied(notebook, "write_softmax", OLDER) | {"cell_type": "raw"})


def the_answer_above_its_cell(notebook):
    cell = find(notebook, "write_softmax")
    insert(notebook, "ask_softmax", own(cell["source"]))
    cell.update(cell_type="raw", source=OLDER)


def a_wrong_softmax_checked_too(notebook):
    insert(notebook, SOFTMAX, own(OVER_QUERIES), own(f'check("{SOFTMAX}", softmax)'))


def a_wrong_softmax_alone(notebook):
    find(notebook, "write_softmax")["source"] = OVER_QUERIES


def points_added_up(notebook):
    checks = {name: "".join(find(notebook, name)["source"]) for name in (SOFTMAX, RELU)}
    insert(notebook, SOFTMAX, own(f"total = {checks[SOFTMAX]}.points\nassert total == 4, total\nprint(total)"))
    insert(notebook, RELU, own(f"report = {checks[RELU]}\ntotal += report.points\nprint(report.text())\nlast = 6"))


def a_case_looked_at(notebook):
    find(notebook, "write_softmax")["source"] = NO_MAX
    insert(notebook, SOFTMAX, own("failing, = check.case()\nprint(softmax(failing))\nimport math"))
    find(notebook, "write_scaled_scores")["source"] = WITH_MATH


def a_long_sum(notebook):
    insert(notebook, SOFTMAX, own("total = " + " + ".join(["1"] * 2000)))


def started_anew(notebook):
    insert(notebook, "first_imports", own("get_ipython().kernel.do_shutdown(True)"))


def a_number_used_for_something_else(notebook):
    find(notebook, "write_width")["source"] = "width = 8"
    insert(notebook, RELU, own("for width in (16, 64):\n    print(variances(np.eye(4, width), np.eye(4, width)))"))


SUBMISSIONS = [
    of_notebook("as_it_should_be", filled(RIGHT), 18),
    of_notebook("older_relu_below_its_check", changed(a_relu_below_its_check), 18, ["duplicated: write_relu_weights"]),
    of_notebook("older_softmax_at_the_end", changed(a_softmax_at_the_end), 18, ["duplicated: write_softmax"]),
    of_notebook("older_softmax_above", changed(a_softmax_above_its_answer), 18, ["duplicated: write_softmax"]),
    of_notebook("check_by_hand_before_a_helper", changed(a_check_before_a_helper), 18, [f"duplicated: {SOFTMAX}"]),
    of_notebook("helper_below_the_check", changed(a_helper_below_the_check), 18,
                shown=["it was asked again at the end"]),
    of_notebook("check_by_hand_at_the_end", changed(a_check_at_the_end_by_hand), 18, [f"deleted: {SOFTMAX}"]),
    of_notebook("broken_after_it_passed", changed(broken_after_it_passed), 18, [f"duplicated: {RELU}"],
                ["checked more than once"]),
    of_notebook("checks_moved_to_the_top", changed(checks_moved_to_the_top), 18, ["reordered: the notebook"],
                ["it was asked again at the end"]),
    of_notebook("an_answer_moved_below", changed(an_answer_moved_below), 18, ["reordered: the notebook"]),
    of_notebook("answer_in_a_cell_below", changed(an_answer_in_a_cell_below), 18),
    of_notebook("upside_down", changed(upside_down), 18, ["reordered: the notebook"]),
    of_notebook("merged_with_its_check", changed(merged_with_its_check), 18, [f"deleted: {SOFTMAX}"]),
    of_notebook("all_in_the_first_answer", changed(all_in_the_first_answer), 18),
    of_notebook("an_answer_split", changed(an_answer_split), 18),
    of_notebook("answers_without_metadata", changed(answers_without_their_metadata), 18, ["deleted: write_softmax"]),
    of_notebook("only_code_left", changed(only_code_left), 18, ["deleted: opening, ask_softmax"]),
    of_notebook("import_math_in_the_locked_cell", changed(an_import_added), 18, ["not as released: first_imports"]),
    of_notebook("imports_written_anew", changed(an_alias_for_an_import), 18, ["not as released: first_imports"]),
    of_notebook("imports_deleted", changed(no_imports), 18, ["deleted: first_imports"]),
    of_notebook("answer_in_its_check_cell", changed(an_answer_in_its_check_cell), 18,
                [f"not as released: {SOFTMAX}: run as it was handed in, and then as it was released"]),
    of_notebook("another_name_checked", changed(another_name_checked), 18, [f"not as released: {RELU}"]),
    of_notebook("report_kept", changed(a_report_kept), 18, [f"not as released: {RELU}"]),
    of_notebook("check_timed", changed(a_check_timed), 18, [f"not as released: {RELU}"]),
    of_notebook("check_turned_off", changed(a_check_turned_off), 18, [f"not as released: {RELU}"]),
    of_notebook("check_turned_into_text", changed(a_check_turned_into_text), 18, [f"retyped: {RELU}"]),
    of_notebook("notes_in_a_statement", changed(notes_in_a_statement), 18, ["not as released: ask_softmax"]),
    of_notebook("checks_in_one_loop", changed(checks_in_one_loop), 18, [f"deleted: {SOFTMAX}, {RELU}"]),
    of_notebook("older_softmax_turned_off", changed(an_older_softmax_turned_off), 18, ["duplicated: write_softmax"]),
    of_notebook("answer_above_its_cell_turned_off", changed(the_answer_above_its_cell), 18,
                ["turned off: write_softmax"]),
    of_notebook("wrong_softmax_checked_too", changed(a_wrong_softmax_checked_too), 18, [f"duplicated: {SOFTMAX}"]),
    of_notebook("wrong_softmax_alone", changed(a_wrong_softmax_alone), 14),
    of_notebook("points_added_up", changed(points_added_up), 18),
    of_notebook("case_looked_at", changed(a_case_looked_at), 17),
    of_notebook("long_sum", changed(a_long_sum), 18),
    of_notebook("started_anew", changed(started_anew), 18),
    of_notebook("number_used_for_something_else", changed(a_number_used_for_something_else), 17),
    of_notebook("experiments_at_the_end", changed(experiments_at_the_end), 18),
]
