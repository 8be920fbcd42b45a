"""What tests of the sandbox alone run: cells beside two check cells, with a `check` of three lines."""

from grader.sandbox.host import Cell
from grader.sandbox.limits import Limits

LIMITS = Limits(cell_seconds=2, grace_seconds=0.5, total_seconds=30)
CHECK = """
def check(name, answer):
    from IPython.display import display
    response = {"exercise": name, "value": answer()}
    display({"application/vnd.attnlib.response+json": response, "text/plain": ""}, raw=True)
"""
BEFORE = Cell("before", 'check("before", lambda: 1)', "before")
AFTER = Cell("after", 'check("after", lambda: 2)', "after")
TRY = """
import json, os, socket, subprocess, ctypes, sys
def tried(*deeds):
    said = []
    for deed in deeds:
        try:
            value = deed()
            said.append(value if isinstance(value, (str, int, list)) else repr(value))
        except BaseException as error:
            said.append(type(error).__name__)
    print(json.dumps(said))
"""


def answers(ran):
    """{exercise: value} of the responses, whichever cell they came from."""
    return {name: response.get("value") for given in ran.responses.values() for name, response in given.items()}


def both(ran):
    """Whether the check cells before and after the hostile one were answered."""
    return answers(ran) == {"before": 1, "after": 2}
