"""`check`, as a learner calls it: in a script, in a notebook, in the grader's sandbox."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import attnlib.check
from attnlib.check import RESPONSE, CheckFailed, check
from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.challenge import challenge
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
    assert f"CheckFailed: {SOFTMAX}  0 of 4 points" in ran.stderr
    assert "is -4.65, not positive." in ran.stderr


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
    assert check(SOFTMAX, over_queries) is None
    (data,) = shown
    assert data["text/plain"] == f"{SOFTMAX}: handed over"
    assert data[RESPONSE] == respond(challenge(find(SOFTMAX), 77), over_queries)
    assert score(find(SOFTMAX), 77, data[RESPONSE]).slip == "softmax-over-queries"
    with pytest.raises(KeyError, match=SOFTMAX):
        check("relu_weights_are_divided_by_the_length", right)


def test_check_needs_no_torch():
    """Does checking a NumPy answer leave PyTorch unimported?"""
    script = (f"import sys, numpy as np\nfrom attnlib.check import check\n"
              f"def f(s):\n    e = np.exp(s - s.max(-1, keepdims=True))\n    return e / e.sum(-1, keepdims=True)\n"
              f"check('{SOFTMAX}', f)\nassert 'torch' not in sys.modules")
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_the_notebook_shows_the_report_once(monkeypatch):
    """In IPython, is the report displayed and the traceback one line that points to it?"""
    shown = []
    monkeypatch.setattr(attnlib.check, "in_ipython", lambda: True)
    monkeypatch.setattr("IPython.display.display", shown.append)
    with pytest.raises(CheckFailed) as caught:
        check(SOFTMAX, over_queries)
    assert shown == [caught.value.report]
    assert caught.value._render_traceback_() == [f"CheckFailed: {SOFTMAX}: 0 of 4 points. The report above says why."]
