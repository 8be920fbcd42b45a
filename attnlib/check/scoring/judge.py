"""Score a response: ask each property about each case, and name the slip behind it. No learner code runs here."""

from typing import Any

from attnlib.check.beside_learner.wire import WireError
from attnlib.check.scoring.answers import expected_of
from attnlib.check.scoring.challenge import draw
from attnlib.check.scoring.outcome import Outcome, read_outcomes
from attnlib.check.scoring.report import PropertyResult, Report, unscored
from attnlib.check.scoring.slips import find_slip
from attnlib.check.spec import Case, Exercise, Property

Seen = list[tuple[Case, Outcome, Any]]  # each case, what came back for it, and what a right answer gives


def score(exercise: Exercise, seed: int, response: Any) -> Report:
    """The Report of a response to the challenge of this seed.

    Hostile data is a response like any other: what is malformed gets nothing, and the report says so.
    """
    cases = draw(exercise, seed)
    try:
        outcomes = read_outcomes(response, len(cases))
    except WireError as error:
        return unscored(exercise, f"The grader could not read what came back: {error}.")
    called = sorted({name for outcome in outcomes for name in outcome.forbidden_calls})
    if called:
        it = "it" if len(called) == 1 else "them"
        return unscored(exercise, f"Your function calls {' and '.join(called)}. This exercise asks you to write {it} "
                                    f"yourself, so it earns no points.")
    trouble = _shared_trouble(outcomes)
    if trouble:
        return unscored(exercise, trouble)
    expected = [expected_of(exercise, case) for case in cases]
    results = _judge_all(exercise, list(zip(cases, outcomes, expected, strict=True)))
    slip = None if all(result.holds for result in results) else find_slip(exercise, seed, outcomes)
    return Report.of(exercise, results, slip.message if slip else "", slip.id if slip else "")


def _judge_all(exercise: Exercise, seen: Seen) -> tuple[PropertyResult, ...]:
    results: dict[str, PropertyResult] = {}
    for prop in exercise.properties:
        if prop.after and not results[prop.after].holds:
            complaint, holds = f"Not scored yet: first make “{prop.after}” hold.", None
        else:
            complaint = _first_complaint(prop, seen)
            holds = not complaint
        results[prop.name] = PropertyResult(prop.name, prop.points if holds else 0, prop.points, holds, complaint)
    return tuple(results.values())


def _first_complaint(prop: Property, seen: Seen) -> str:
    """Empty when the property holds on every case it is about; else what to tell of the first one where it fails."""
    for case, outcome, expected in seen:
        if case.label in prop.on:
            complaint = _trouble(case, outcome) or prop.judge(case, outcome, expected)
            if complaint:
                return complaint
    return ""


def _trouble(case: Case, outcome: Outcome) -> str | None:
    trouble = outcome.trouble
    return trouble and f"For {case.description}: {trouble[:1].lower()}{trouble[1:]}"


def _shared_trouble(outcomes: list[Outcome]) -> str | None:
    """The sentence when no case gave a value, all for the same reason; else None."""
    troubles = {outcome.trouble for outcome in outcomes if outcome.kind != "not_reached"}
    return troubles.pop() if len(troubles) == 1 else None
