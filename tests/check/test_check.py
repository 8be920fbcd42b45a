"""`check`, as a learner calls it: in a script, in a notebook, in the grader's sandbox."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import attnlib.check
from attnlib.check import RESPONSE, CheckFailed, check
from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.challenge import challenge, draw
from attnlib.check.scoring.judge import score
from attnlib.check.spec import exercises, find, problem_set, stems

SOFTMAX = "softmax_turns_each_row_into_weights"


def right(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def over_queries(scores):
    powers = np.exp(scores - scores.max(axis=0))
    return powers / powers.sum(axis=0)


def test_full_marks_return_the_report():
    """Does a right answer return its report without raising?"""
    assert check(SOFTMAX, right).summary == "4 of 4 points"


def test_less_raises_with_the_whole_report():
    """Does a wrong answer raise, in a plain process, with the report as the message?"""
    with pytest.raises(CheckFailed) as caught:
        check(SOFTMAX, over_queries)
    assert str(caught.value) == caught.value.report.text()
    assert "The sum runs over the queries." in str(caught.value)


def test_a_script_ends_with_the_report():
    """Does `python answer.py` exit with an error and the report on stderr, and does full marks exit well?"""
    script = f"from attnlib.check import check\ncheck('{SOFTMAX}', lambda scores: scores)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                         env={**os.environ, "PYTHONIOENCODING": "utf-8"}, encoding="utf-8")
    assert ran.returncode == 1
    assert "CheckFailed: 1. Softmax turns each row into weights  0 of 4 points" in ran.stderr
    assert ", not positive." in ran.stderr


@pytest.mark.parametrize(("name", "near"), [
    ("softmax_turns_rows_into_weights", f"did you mean .*{SOFTMAX}"),
    ("scores_are_divided_by_root_d_k", "did you mean .*scores_are_divided_by_the_root_of_d_k"),
    ("attend", "there are .*attend_gives_mixtures_and_weights"), (3, "there are .*attend_gives"),
    ("", "there are .*attend_gives"),
])
def test_an_unknown_name_gives_the_nearest(name, near):
    """Does a misspelled name say which names come near, or which there are?"""
    with pytest.raises(KeyError, match=near):
        check(name, right)


def test_an_unknown_set_gives_those_there_are():
    """Does a wrong stem say which sets there are?"""
    assert all(problem_set(stem).stem == stem for stem in stems())
    with pytest.raises(KeyError, match=f"there are {', '.join(stems())}"):
        exercises("99_nothing")


def test_in_the_sandbox_only_outcomes_are_handed_over(tmp_path, monkeypatch, capsys):
    """With a challenge at hand, does `check` show what came out and no points, in a form that scores in full?"""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    path = tmp_path / "challenge.json"
    path.write_text(json.dumps({SOFTMAX: challenge(find(SOFTMAX), 77)}))
    monkeypatch.setenv("ATTNLIB_CHALLENGE", str(path))
    returned = check(SOFTMAX, over_queries)
    assert (returned.points, returned.max_points, returned.slip) == (4, 4, "") and "scored after" in returned.text()
    (data,) = shown
    assert data["text/plain"] == f"{SOFTMAX}: handed over"
    assert data[RESPONSE] == {"exercise": SOFTMAX, **respond(challenge(find(SOFTMAX), 77), over_queries)}
    (scores,) = check.case()
    assert np.array_equal(scores, draw(find(SOFTMAX), 77)[0].args[0])
    assert score(find(SOFTMAX), 77, data[RESPONSE]).slip == "softmax-over-queries"
    with pytest.raises(KeyError, match=SOFTMAX):
        check("relu_weights_are_divided_by_the_length", right)


def test_check_needs_no_torch():
    """Does checking a NumPy answer leave PyTorch unimported?"""
    script = (f"import sys, numpy as np\nfrom attnlib.check import check\n"
              f"def f(s):\n    e = np.exp(s - s.max(-1, keepdims=True))\n    return e / e.sum(-1, keepdims=True)\n"
              f"check('{SOFTMAX}', f)\nassert 'torch' not in sys.modules")
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


@pytest.fixture
def shell(monkeypatch):
    """An IPython shell in which cells are run; `outputs` of a cell are what it displays."""
    shell = InteractiveShell.instance()
    shell.run_cell("from attnlib.check import check")
    attnlib.check.check.cells.watch(shell)
    yield shell
    shell.reset()
    InteractiveShell.clear_instance()


def shown_by(shell, source):
    """The texts that a cell displays, its last value included."""
    with capture_output() as captured:
        result = shell.run_cell(source, store_history=True)
    assert result.success, captured.stdout
    return [output.data["text/plain"] for output in captured.outputs]


DOC = '\n    "Turn each row of scores into weights."'
WRONG = f"def softmax(s):{DOC}\n    return np.exp(s) / np.exp(s).sum(axis=0)"


def test_run_all_goes_on_and_shows_each_report_once(shell):
    """In a notebook, does a wrong answer show its report once, as last line and inside a cell, and return it?"""
    shell.run_cell("import numpy as np")
    shell.run_cell(WRONG)
    (told,) = shown_by(shell, f"check('{SOFTMAX}', softmax)")
    assert "The sum runs over the queries." in told
    (told,) = shown_by(shell, f"report = check('{SOFTMAX}', softmax)\nassert report.points == 0")
    assert "The sum runs over the queries." in told
    (again,) = shown_by(shell, "report")
    assert again == told


@pytest.mark.parametrize("tool", ["NBGRADER_VALIDATING", "NBGRADER_EXECUTION"])
def test_tools_see_a_failure_as_an_error(shell, monkeypatch, tool):
    """Where nbgrader validates or grades, and with strict=True, does a wrong answer raise with the whole report?"""
    shell.run_cell("import numpy as np")
    shell.run_cell(WRONG)
    result = shell.run_cell(f"check('{SOFTMAX}', softmax, strict=True)")
    assert "The sum runs over the queries." in str(result.error_in_exec)
    monkeypatch.setenv(tool, "1")
    result = shell.run_cell(f"check('{SOFTMAX}', softmax)")
    assert isinstance(result.error_in_exec, CheckFailed)


def test_the_last_failing_case_comes_back_as_values(shell):
    """Does check.case() give the inputs that the report showed, afresh each time, and say when there are none?"""
    attnlib.check.check.failing = None
    with pytest.raises(LookupError, match="no report has shown a case that fails here yet"):
        check.case()
    report = attnlib.check.Check().check_here  # a check of its own remembers its own
    with pytest.raises(CheckFailed) as caught:
        check(SOFTMAX, over_queries, strict=True)
    (scores,) = check.case()
    assert str(scores.shape) in caught.value.report.shown.description
    assert not np.allclose(over_queries(scores), right(scores))
    scores[...] = 0
    assert check.case()[0].any() and report


@pytest.mark.parametrize(("cells", "told"), [
    (["def softmax(s):\n    return s +"], "The cell that should define `softmax` ended with SyntaxError: "),
    (["x = 1 / 0\ndef softmax(s):\n    return s"], "The cell that should define `softmax` ended with ZeroDivision"),
    ([f"def sofmax(s):{DOC}\n    return s"], "The cell that should define `softmax` defines `sofmax`, so an earlier"),
    (["def softmax_2(s):\n    return softmax(s)"], ""),  # a helper, in a cell of its own
    (["x = 1 / 0\nsoftmax, y = min, 2"], "The cell that should define `softmax` ended with ZeroDivisionError"),
    (["def softmax(s):\n    return s +", "if True:\n    from numpy import exp as softmax"], ""),
    (["text = 'softmax = 3'\n1 / 0"], ""),
    (["%%bash\nsoftmax=3; false"], ""),
    (["def softmax(s):\n    return s +", "exec('def softmax(s):\\n    return s')"], ""),
    (["def softmax(s):\n    return s\n1 / 0"], ""),
    (["def plot(s):\n    return s"], ""),
    (["def softmax(s):\n    return s +", "def softmax(s):\n    return s"], ""),
    (["softmax(np.ones((2, 2)))"], ""),
    (["%timeit -n1 -r1 softmax(np.ones((2, 2)))"], ""),
])
def test_an_earlier_version_is_told(shell, cells, told):
    """When the answer's cell failed, or defines another name, does the report say that an earlier one is checked?"""
    shell.run_cell("import numpy as np")
    shell.run_cell(WRONG)
    for cell in cells:
        shell.run_cell(cell)
    (shown,) = shown_by(shell, f"check('{SOFTMAX}', softmax)")
    assert ("an earlier" in shown) is bool(told)
    assert told in shown


def test_an_earlier_number_is_told(shell):
    """Is a number told of, too, when the cell that should assign it ended with an error?"""
    shell.run_cell("width = None")
    shell.run_cell("width = eight ** 2")
    (shown,) = shown_by(shell, "check('this_width_spreads_products_by_eight', width)")
    assert "The cell that should define `width` ended with NameError: name 'eight' is not defined" in shown


SCALE, ATTEND = "scores_are_divided_by_the_root_of_d_k", "attend_gives_mixtures_and_weights"


@pytest.mark.parametrize("cell", ["width = None\nraise NotImplementedError", "width = None\n1 / 0"])
def test_a_stub_that_was_run_is_no_earlier_version(shell, cell):
    """Is a cell that assigned the answer and then raised told of as unanswered, and not as an earlier version?"""
    shell.run_cell("width = None")
    shell.run_cell(cell)
    (shown,) = shown_by(shell, "check('this_width_spreads_products_by_eight', width)")
    assert "an earlier" not in shown and "Not answered yet" in shown


def test_an_answer_in_the_cell_of_its_check_is_the_newest(shell):
    """After an error, is nothing said of an earlier version when the check's own cell defines the answer?"""
    shell.run_cell("import numpy as np")
    shell.run_cell("def softmax(s):\n    return s +")
    (shown,) = shown_by(shell, f"{WRONG}\ncheck('{SOFTMAX}', softmax)")
    assert "an earlier" not in shown


def test_the_notebooks_settings_do_not_reach_the_reference(shell):
    """Does a right answer get full marks where the notebook has NumPy raise and warnings as errors?"""
    shell.run_cell("import numpy as np, warnings\nold = np.seterr(all='raise')\nwarnings.simplefilter('error')")
    shell.run_cell("def softmax(s):\n    with np.errstate(all='ignore'):\n        e = np.exp(s - s.max(-1, keepdims=1))"
                   "\n        return e / e.sum(-1, keepdims=True)")
    (shown,) = shown_by(shell, f"check('{SOFTMAX}', softmax)")
    shell.run_cell("np.seterr(**old); warnings.resetwarnings()")
    assert "  4 of 4 points" in shown


def test_an_error_is_charged_once(shell):
    """Is attend, which calls a wrong softmax and wrong scores, given what those were charged for, and told so?"""
    shell.run_cell("import numpy as np")
    shell.run_cell(WRONG)
    shell.run_cell("def scaled(Q, K):\n    return Q @ K.T / K.shape[1]")
    shell.run_cell("def attend(Q, K, V):\n    w = softmax(scaled(Q, K))\n    return w @ V, w")
    attnlib.check.check.mistakes.clear()
    assert "  0 of 4 points" in shown_by(shell, f"check('{ATTEND}', attend)")[0]
    shell.run_cell("def over_queries(Q, K, V):\n    w = softmax(Q @ K.T / K.shape[1] ** 0.5)\n    return w @ V, w")
    (shown,) = shown_by(shell, f"check('{ATTEND}', over_queries)")
    assert "If exercise 1 makes this mistake too, check that one and then this: it is charged once." in shown
    shell.run_cell(f"check('{SOFTMAX}', softmax), check('{SCALE}', scaled)")
    (shown,) = shown_by(shell, f"check('{ATTEND}', attend)")
    assert "  4 of 4 points" in shown
    assert "This follows from a mistake that exercise 1 and exercise 4 is charged for." in shown
