"""Properties of a stateful object that is stepped many times: they tell in which step it first goes wrong."""

from dataclasses import replace
from typing import Any

from attnlib.check.scoring import properties as p
from attnlib.check.scoring.outcome import Outcome, what_is
from attnlib.check.spec import Case, Property

STEPS = "every step is right"


def steps(points: float, part: p.Part = None, on: tuple[str, ...] = ("plain",), first: int | None = None,
          methods: tuple[str, ...] = (), after: str | None = None, name: str = STEPS) -> Property:
    """What each step gives (kind "object") is what the reference gives; a step that gives None there is passed over.

    first: look at so many steps only. methods: look at the steps that call these; all when left out.
    """
    judged = p.values(points, part, on, name)

    def judge(case: Case, outcome: Outcome, expected: Any) -> str | None:
        got, calls = outcome.content, case.args[1]
        if not isinstance(got, list) or len(got) != len(calls):
            return f"For {case.description}: we expect a result of each of {len(calls)} steps and got {what_is(got)}."
        for n, ((method, *_), have, want) in enumerate(zip(calls[:first], got, expected, strict=False), 1):
            if want is None or methods and method not in methods:
                continue
            place = f"step {n} of {len(calls)}{method and ', '}{method}"
            if have is None:
                return f"For {case.description}: in {place}, it returned None. Does the method end in a return?"
            complaint = judged.judge(replace(case, description=f"{case.description}, in {place}"),
                                     replace(outcome, content=have), want)
            if complaint:
                return complaint
        return None

    return replace(judged, judge=judge, after=after)
