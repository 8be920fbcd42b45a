"""What a set offers: a graded notebook can import the packages that its opening names, and no other installed one."""

import json

import pytest

from attnlib.check.spec import ProblemSet, stems
from grader.class_run import grade_class
from grader.course import REPOSITORY, Course
from grader.sandbox import offer as offers
from grader.sandbox.bubblewrap import Sandbox
from grader.sandbox.host import Cell, run_notebook
from grader.sandbox.limits import Limits
from grader.sandbox.offer import offer_of, require_libraries
from grader.sandbox.unprotected import NoSandbox
from grader.sandbox.view import write_view

LIBRARIES = ("numpy", "torch", "matplotlib")
SENTENCE = ("scipy is not here when problem set 97_made_up is graded: it has numpy, torch and matplotlib, beside "
            "Python's own library")
FILES = {"helper.py": b"import numpy as np\nhalf = np.float32(0.5)\n",
         "asks_for_scipy.py": b"import scipy\n",
         "zmq.py": b"raise RuntimeError('a file of mine that has the name of a package the kernel needs')\n",
         "tries.py": b"try:\n    import scipy\nexcept ImportError as error:\n    why = str(error)\n"}
OFFERED = {
    "an offered package": "import numpy, torch",
    "what an offered package imports later": "import torch\ntorch.fx.symbolic_trace(torch.nn.Linear(2, 2))",
    "what comes with matplotlib": "import matplotlib.pyplot as plt\nfrom mpl_toolkits import mplot3d\nplt.plot([1])",
    "what shows a notebook": "from IPython.display import display\n%matplotlib inline\nimport matplotlib_inline",
    "Python's own": "import json, sqlite3, ctypes, importlib.metadata, xml.etree.ElementTree, __future__",
    "the view": "import attnlib.inputs\nfrom attnlib.check import check",
    "a file beside the notebook": "from helper import half",
    "a file that does without": "import tries\nassert tries.why.startswith('scipy is not here')",
    "a module made by hand": "import sys, types\nsys.modules['made'] = types.ModuleType('made')\nimport made",
    "a file that was just written": "%%writefile made_now.py\nx = 3",
    "and imported": "from made_now import x",
    "code made of a text": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\nA()",
}
REFUSED = {
    "import": "import scipy",
    "import of a part": "import scipy.linalg as la",
    "from": "from scipy import linalg",
    "import_module": "import importlib\nimportlib.import_module('scipy.linalg')",
    "import_module, relative": "from importlib import import_module\nimport_module('.linalg', 'scipy')",
    "__import__": "__import__('scipy')",
    "in a file": "import asks_for_scipy",
    "in a text": "exec('import scipy')",
    "in a text with names of its own": "exec('import scipy', {})",
    "in a function": "def f():\n    import scipy\nf()",
    "in a thread": "from concurrent.futures import ThreadPoolExecutor\ndef f():\n    import scipy\n"
                   "ThreadPoolExecutor().submit(f).result()",
    "in a magic": "%timeit -n1 -r1 import scipy",
}
OTHERS = {"loaded already by torch": ("import torch, sympy", "sympy"),
          "loaded already by matplotlib": ("import matplotlib.pyplot\nfrom PIL import Image", "PIL"),
          "loaded already by the kernel": ("import psutil", "psutil"),
          "installed nowhere": ("import no_such_package.part", "no_such_package")}
TAMPERED = {
    "finders gone": "import sys\nsys.meta_path.clear()",
    "import gone": "import builtins\nbuiltins.__import__ = None",
    "modules gone": "import sys\nsys.modules.clear()",
    "a name that is no text": "__import__(3)",
    "a name that lies": "class Name(str):\n    def partition(self, _): return 1\n__import__(Name('scipy'))",
}


def ran(cells, tmp_path, sandbox=None, libraries=LIBRARIES):
    """Run {name: source}: {name: what was raised, in one sentence; "" when nothing was}."""
    write_view(["inputs"], "97_made_up", tmp_path)
    sandbox = sandbox or Sandbox(Limits(), [REPOSITORY])
    run = run_notebook([Cell(name, source) for name, source in cells.items()], {}, FILES, tmp_path, sandbox,
                       offer_of(libraries, "97_made_up"))
    assert not run.lost, run.lost
    return {name: " ".join(f"{output['ename']}: {output['evalue']}" for output in run.outputs[i]
                           if output["output_type"] == "error") for i, name in enumerate(cells)}


@pytest.mark.sandbox
def test_what_is_offered_can_be_imported(tmp_path):
    """Do offered packages work with all they import, and Python's own, the view, and files beside the notebook?"""
    assert ran(OFFERED, tmp_path) == dict.fromkeys(OFFERED, "")


@pytest.mark.sandbox
def test_what_is_not_offered_cannot(tmp_path):
    """Does the learner's import of anything else fail, however it is written, and say what the set has?"""
    assert ran(REFUSED, tmp_path) == dict.fromkeys(REFUSED, f"ModuleNotFoundError: {SENTENCE}")


@pytest.mark.sandbox
def test_what_is_loaded_already_is_refused_too(tmp_path):
    """Does it make no difference whether another library imported the package before?"""
    told = ran({name: source for name, (source, _) in OTHERS.items()}, tmp_path)
    assert told == {name: f"ModuleNotFoundError: {SENTENCE}".replace("scipy", package)
                    for name, (_, package) in OTHERS.items()}


@pytest.mark.sandbox
@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_with_imports_costs_the_notebook_alone(how, tmp_path):
    """Does a notebook that breaks its own imports leave the run in order, with the cells before it?"""
    write_view([], "97_made_up", tmp_path)
    sandbox = Sandbox(Limits(cell_seconds=3, grace_seconds=0.5, total_seconds=30), [REPOSITORY])
    run = run_notebook([Cell("before", "print(1)"), Cell("tamper", TAMPERED[how]), Cell("after", "print(2)")], {}, {},
                       tmp_path, sandbox, offer_of(LIBRARIES, "97_made_up"))
    assert run.outputs[0][0]["text"] == "1\n" and set(run.outputs) == {0, 1, 2}


def test_it_holds_without_a_sandbox(tmp_path):
    """Does --no-sandbox refuse what the sandbox refuses?"""
    told = ran({"scipy": "import scipy", "helper": "import helper"}, tmp_path, NoSandbox())
    assert told == {"scipy": f"ModuleNotFoundError: {SENTENCE}", "helper": ""}


def test_a_set_without_libraries_says_so(tmp_path):
    """Is the sentence plain where a set offers nothing but Python?"""
    (told,) = ran({"numpy": "import numpy"}, tmp_path, NoSandbox(), libraries=()).values()
    assert told.endswith("numpy is not here when problem set 97_made_up is graded: it has Python's own library")


def test_the_instructor_is_told_what_the_grader_lacks(tmp_path, monkeypatch):
    """Does a library that the set offers and the grader lacks stop everything, by name, before anything is graded?"""
    lacking = ProblemSet("97_made_up", 1, (), libraries=("numpy", "no_such_package", "nor_this"))
    monkeypatch.setattr(offers, "problem_set", lambda stem: lacking)
    words = "97_made_up offers no_such_package and nor_this, which are not installed here, so nothing was graded"
    with pytest.raises(RuntimeError, match=words):
        grade_class(Course.at(tmp_path), "97_made_up")


@pytest.mark.parametrize("stem", stems())
def test_this_machine_has_what_the_sets_offer(stem):
    """Is every library that a set offers installed where the tests run?"""
    require_libraries(stem)


def test_an_offer_is_plain_data():
    """Can the offer travel as JSON?"""
    made = offer_of(LIBRARIES, "97_made_up")
    assert json.loads(json.dumps(made)) == made and made["refusal"].replace("{name}", "scipy") == SENTENCE
