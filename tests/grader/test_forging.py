"""Notebooks that try to get points without answers, graded with the real problem set."""

import json

import numpy as np
import pytest

from grader.course import Course
from grader.grade_notebook import GUESSES, grade
from grader.job import make_job
from grader.sandbox.limits import Limits
from grader.submission.intake import parse_notebook
from grader.submission.repair import repair
from tests.grader.sample_class import STEM, filled, solutions

pytestmark = pytest.mark.sandbox
SECRET = bytes(32)
EMPTY = {name: "" for name in solutions()}
NAMES = "softmax = width = variances = scaled_scores = output_vector = attend = relu_weights = lambda *a: None\n"


def graded(source, secret=SECRET, answers=EMPTY):
    """The Result of a notebook whose first answer cell holds `source`."""
    notebook = filled(answers | {"write_softmax": source})
    made, _ = repair(parse_notebook(json.dumps(notebook).encode()), Course.at().release(STEM))
    return grade(make_job(STEM, made, {}, secret, Limits.for_cells_of(7)))


ANSWER = """
from IPython.display import display
def answer(data):
    display({"application/vnd.attnlib.response+json": data, "text/plain": ""}, raw=True)
"""
FORGERIES = {
    "score in the display hook": "import sys; sys.displayhook(4); print(4)\nget_ipython().displayhook(4)",
    "check gives points": "import attnlib.check as c\ncheck = c.check = lambda *a: 4\n",
    "check is another": "import sys, types\n"
                        "m = types.ModuleType('check'); m.check = lambda *a: 4\nsys.modules['attnlib.check'] = m",
    "no assert, no numpy tests": "import numpy as np\n"
                                 "for n in dir(np.testing): setattr(np.testing, n, lambda *a, **k: None)\n"
                                 "np.array_equal = np.allclose = np.isclose = lambda *a, **k: True",
    "cells are rewritten": "ip = get_ipython()\nip.input_transformers_post.append(lambda lines: ['4\\n'])",
    "tree is rewritten": "import ast\nclass T(ast.NodeTransformer):\n"
                         "    def visit_Call(self, n): return ast.Constant(4)\n"
                         "get_ipython().ast_transformers.append(T())",
    "kernel is patched": "k = get_ipython().kernel\n"
                         "async def do(*a, **kw): return {'status': 'ok', 'execution_count': 1,"
                         " 'payload': [], 'user_expressions': {}}\nk.do_execute = do\ntype(k).do_execute = do",
    "no challenge": "import os; os.environ.pop('ATTNLIB_CHALLENGE')",
    "another challenge": "import os, json\n"
                         "json.dump({}, open('/tmp/c', 'w')); os.environ['ATTNLIB_CHALLENGE'] = '/tmp/c'",
    "no cases": "import attnlib.check.beside_learner.call as r, attnlib.check as c\n"
                "c.respond = lambda *a: {'outcomes': []}",
    "equal to everything": "class E:\n    def __eq__(self, o): return True\n"
                           "    def __array__(self, *a, **k): raise ValueError\n"
                           "    shape = (5, 7); dtype = 'float64'\nsoftmax = attend = lambda *a: E()",
    "claims in the answer": ANSWER + "def check(n, a):\n"
                                     "    claims = [{'holds': 1, 'passed': 1}]\n"
                                     "    answer({'exercise': n, 'points': 4, 'outcomes': claims})\n"
                                     "import attnlib.check; attnlib.check.check = check",
    "nonsense in the answer": ANSWER + """
deep = []
for _ in range(200): deep = [deep]
junk = [None, 3, "x", [], {}, deep, float("nan"), {"value": {"shape": [10**9, 10**9], "dtype": "float64", "data": ""}},
        {"value": {"dtype": "object", "shape": [1]}}, {"value": {"ndarray": "O", "data": [1]}}, {"raised": 3},
        {"timeout": "x"}]
def check(n, a): answer({"exercise": n, "outcomes": junk})
import attnlib.check; attnlib.check.check = check""",
    "many answers": ANSWER + "def check(n, a):\n    for i in range(50):\n"
                             "        answer({'exercise': n, 'outcomes': [{'value': i}] * 8})\n"
                             "import attnlib.check; attnlib.check.check = check",
    "what does not fit is made up": ANSWER + "def check(n, a):\n"
                                             "    answer({'exercise': n, 'outcomes': [{'unfit': {'what': 'no class',"
                                             " 'points': '4', 'got': '{0} <b>4 of 4</b>'}}] * 16})\n"
                                             "import attnlib.check; attnlib.check.check = check",
    "the answers are imported": "try:\n"
                                "    from attnlib.weights import softmax\nexcept ImportError as error: print(error)",
    "the specification is imported": "try:\n    from attnlib.check.spec import find\n"
                                     "    softmax = find('softmax_turns_each_row_into_weights').reference\n"
                                     "except ImportError: pass",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_forgery(how):
    """Does it earn nothing?"""
    result = graded(NAMES + FORGERIES[how])
    assert sum(result.points.values()) == 0, result.points
    assert len(result.points) == 7


def test_every_notebook_has_inputs_of_its_own():
    """Are the inputs another notebook's, and another course's, different ones?"""
    release = Course.at().release(STEM)
    one, other = filled(solutions()), filled(solutions() | {"write_width": "width = 64"})
    jobs = [make_job(STEM, repair(parse_notebook(json.dumps(n).encode()), release)[0], {}, s)
            for n, s in ((one, SECRET), (one, SECRET), (other, SECRET), (one, b"1" * 32))]
    assert jobs[0] == jobs[1]
    seeds = [seed for job in jobs[1:] for seed in job.seeds.values()]
    assert len(set(seeds)) == len(seeds)
    assert len({job.key for job in jobs}) == 3


def test_guessing():
    """Does the right guess among many, in one cell or in many, earn nothing unless it is one of the last?"""
    name = "this_width_spreads_products_by_eight"
    call = f"check('{name}', {{}})\n"
    loop = f"for width in range(100): {call.format('width')}"
    assert graded(NAMES + loop).points[name] == 0
    for wrong, points in ((GUESSES, 0), (GUESSES - 1, 1)):
        notebook = filled(EMPTY | {"write_width": "width = 1"})
        cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
                  "source": call.format(guess)} for guess in (64, *range(wrong - 1))]
        notebook["cells"][2:2] = cells
        made, _ = repair(parse_notebook(json.dumps(notebook).encode()), Course.at().release(STEM))
        assert grade(make_job(STEM, made, {}, SECRET, Limits.for_cells_of(7))).points[name] == points


def test_public_answers_are_no_answers():
    """Does a notebook that knows the public cases by heart get points for the secret ones?"""
    from attnlib.check.beside_learner.call import respond
    from attnlib.check.scoring.challenge import challenge
    from attnlib.check.scoring.judge import score
    from attnlib.check.spec import find

    exercise = find("softmax_turns_each_row_into_weights")
    names = {"np": np}
    exec(solutions()["write_softmax"], names)
    known = respond(challenge(exercise, 0), names["softmax"])
    assert score(exercise, 0, known, {}).points == exercise.points
    source = ANSWER + f"""
import json
known = json.loads({json.dumps(json.dumps(known))})
def check(n, a): answer({{**known, "exercise": n}})
import attnlib.check; attnlib.check.check = check"""
    assert sum(graded(NAMES + source).points.values()) == 0


def test_the_reason_is_told():
    """Is a student who imports what they should write told so, in their own notebook?"""
    result = graded("from attnlib.weights import softmax")
    errors = [output.get("evalue", "") for outputs in result.outputs for output in outputs]
    assert any("attnlib.weights is not here" in error for error in errors)


def test_points_are_in_the_form_nbgrader_reads():
    """Does nbgrader read from each check cell exactly the points of its report, in part, in full and none?"""
    import nbformat
    from nbgrader.utils import determine_grade

    from grader.nbgrader_bridge.autograde import report_outputs

    report = graded(solutions()["write_softmax"], answers=solutions()).reports["softmax_turns_each_row_into_weights"]
    for share in (0, 0.5, 1):
        changed = report | {"results": [r | {"points": r["max_points"] * share} for r in report["results"]]}
        cell = nbformat.from_dict({"cell_type": "code", "source": "", "outputs": report_outputs(changed), "metadata": {
            "nbgrader": {"grade": True, "solution": False, "points": 4}}})
        assert determine_grade(cell) == (4 * share, 4)
