"""Score a response: ask each property about each case, and name the slip behind it. No learner code runs here."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attnlib.check.beside_learner.wire import WireError
from attnlib.check.scoring.answers import expected_of
from attnlib.check.scoring.challenge import draw, draws
from attnlib.check.scoring.follows import check_first, forgiven
from attnlib.check.scoring.outcome import Outcome, read_note, read_outcomes
from attnlib.check.scoring.properties import first_difference, pick
from attnlib.check.scoring.report import PropertyResult, Report, unscored
from attnlib.check.scoring.shown import Shown, show, size_of
from attnlib.check.scoring.slips import find_slip
from attnlib.check.spec import Case, Exercise, Property


@dataclass(frozen=True, eq=False)
class Seen:
    """A case, what came back for it, and what a right answer gives."""

    case: Case
    outcome: Outcome
    expected: Any


@dataclass(frozen=True)
class Complaint:
    """What to tell of a case where a property fails."""

    text: str
    seen: Seen


def score(exercise: Exercise, seed: int, response: Any, earlier: Mapping[str, str] | None = None) -> Report:
    """The Report of a response to the challenge of this seed.

    earlier holds {exercise: slip found in its answer}, of exercises that this one may build on. Hostile data is a
    response like any other: what is malformed gets nothing, and the report says so.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():  # a notebook's settings are for its own functions
        warnings.simplefilter("ignore")
        return _scored(exercise, seed, response, earlier or {})


def _scored(exercise: Exercise, seed: int, response: Any, earlier: Mapping[str, str]) -> Report:
    cases = draw(exercise, seed)
    try:
        outcomes, note = read_outcomes(response, len(cases)), read_note(response)
    except WireError as error:
        return unscored(exercise, f"The grader could not read what came back: {error}.")
    called = sorted({name for outcome in outcomes for name in outcome.forbidden_calls})
    if called:
        names = " and ".join(f"`{name}`" for name in called)
        told = f"Your function calls {names}, which this exercise does not allow. The answer earns no points."
        return unscored(exercise, told, note)
    if exercise.kind == "number" and outcomes[0].kind == "value" and outcomes[0].content is None:
        return unscored(exercise, "Not answered yet: the value is None.", note)
    seen = [Seen(case, outcome, expected_of(exercise, case)) for case, outcome in zip(cases, outcomes, strict=True)]
    results, shown = judge(exercise, seen)
    if all(result.holds for result in results):
        return Report.of(exercise, results, note=note)
    return _explained(exercise, seed, seen, results, shown, note, earlier)


def _reached(seen: list[Seen], first: int) -> list[Seen]:
    """All of the first draw, and what was reached of the second where an answer ran out of time."""
    stopped = any(each.outcome.kind in ("timeout", "ended") for each in seen)
    return [each for n, each in enumerate(seen) if n < first or not stopped or each.outcome.kind != "not_reached"]


def _explained(exercise: Exercise, seed: int, seen: list[Seen], results: tuple[PropertyResult, ...],
               shown: Shown | None, note: str, earlier: Mapping[str, str]) -> Report:
    """The report of an answer that lacks a property: whose mistake it is, by name where that is known."""
    outcomes = [each.outcome for each in seen]

    def judged(others: list[Outcome], expected: list | None) -> tuple[PropertyResult, ...]:
        wanted = [each.expected for each in seen] if expected is None else expected
        return judge(exercise, [Seen(each.case, *pair) for each, *pair in zip(seen, others, wanted, strict=True)])[0]

    follows = forgiven(exercise, seed, outcomes, results, judged, earlier)
    if follows:
        return Report.of(exercise, follows.results, follows.headline, shown=shown, note=note)
    slip = find_slip(exercise, seed, outcomes)
    if slip:
        note = f"{note} {check_first(exercise, slip, earlier)}".strip()
    trouble = _shared_trouble(outcomes)
    if trouble:
        return unscored(exercise, slip.message if slip else trouble, note, slip.id if slip else "", shown)
    headline = slip.message if slip else _stopped(seen)
    return Report.of(exercise, results, headline, slip.id if slip else "", shown, note)


def _stopped(seen: list[Seen]) -> str:
    """What to read first when one call did not return: which; else empty."""
    return next((_told(each) for each in seen if each.outcome.kind in ("timeout", "ended")), "")


def _told(each: Seen) -> str:
    """The trouble of a case, with what the case is told by; no case where nobody knows it."""
    trouble = each.outcome.trouble or ""
    if each.outcome.kind == "ended":
        return trouble
    return f"For {each.case.description}: {trouble[:1].lower()}{trouble[1:]}"


def judge(exercise: Exercise, seen: list[Seen]) -> tuple[tuple[PropertyResult, ...], Shown | None]:
    """The result of each property, and the smallest case on which one fails."""
    seen = _reached(seen, len(seen) // draws(exercise))
    results: dict[str, PropertyResult] = {}
    failing: list[Seen] = []
    for prop in exercise.properties:
        if prop.after and not results[prop.after].holds:
            results[prop.name] = PropertyResult(prop.name, 0, prop.points, None,
                                                f"Not scored yet: first make “{prop.after}” hold.")
            continue
        complaint = smallest_complaint(prop, seen)
        results[prop.name] = PropertyResult(prop.name, 0 if complaint else prop.points, prop.points, not complaint,
                                            complaint.text if complaint else "")
        failing += [complaint.seen] if complaint else []
    return tuple(results.values()), _shown(exercise, seen, failing)


def _shown(exercise: Exercise, seen: list[Seen], failing: list[Seen]) -> Shown | None:
    """The smallest failing case, where a function was called on it and what is expected is no secret."""
    smallest = min(failing, key=_size, default=None)
    if smallest is None or exercise.kind != "function" or smallest.case.expected is not None:
        return None
    return show(exercise, seen.index(smallest), smallest.case, smallest.outcome, smallest.expected)


def _size(each: Seen) -> tuple[bool, int]:
    """What puts the case first that says most in fewest numbers: one that was not reached says nothing."""
    return each.outcome.kind == "not_reached", size_of(each.case)


def smallest_complaint(prop: Property, seen: list[Seen]) -> Complaint | None:
    """What to tell of the smallest case where the property fails; None when it holds on every case it is about."""
    complaints = [Complaint(text, each) for each in seen if prop.looks_at(each.case)
                  for text in [_complaint(prop, each, seen)] if text]
    return min(complaints, key=lambda each: _size(each.seen), default=None)


def _complaint(prop: Property, each: Seen, seen: list[Seen]) -> str | None:
    case, outcome, expected = each.case, each.outcome, each.expected
    if outcome.trouble:
        return None if prop.passes_over_trouble else _told(each)
    complaint = prop.judge(case, outcome, expected)
    if complaint:
        return _kept(each, seen) or complaint
    if outcome.again and not prop.passes_over_trouble:
        return _second_call(prop, case, outcome.again, expected)
    return None


def _second_call(prop: Property, case: Case, again: Outcome, expected: Any) -> str | None:
    """What to tell when only the second call with the same inputs breaks the property."""
    complaint = again.trouble or prop.judge(case, again, expected)
    return complaint and (f"For {case.description}: right when first called, and not when called again with the same "
                          "inputs. Does the function keep something between calls, or draw random numbers?")


def _kept(each: Seen, seen: list[Seen]) -> str | None:
    """What to tell when a wrong value is the right one of another case: it was kept from an earlier call."""
    got, want = pick(each.outcome.content, None), each.expected
    others = (other.expected for other in seen if other is not each)
    if _is(got, want) or not any(_is(got, other) and not _is(want, other) for other in others):
        return None
    return (f"For {each.case.description}: this is what belongs to another call, with other inputs. Does the function "
            "keep results between calls?")


def _is(a: Any, b: Any) -> bool:
    """Whether two values are arrays, or tuples of arrays, of the same shapes and numbers."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(_is, a, b))
    shapes = getattr(a, "shape", None), getattr(b, "shape", None)
    several = shapes[0] == shapes[1] is not None and getattr(a, "size", 0) > 1
    return several and a.dtype.kind in "fiu" and b.dtype.kind in "fiu" and first_difference(a, b) is None


def _shared_trouble(outcomes: list[Outcome]) -> str | None:
    """The sentence when no case gave a value, all for the same reason; else None."""
    troubles = {outcome.trouble for outcome in outcomes if outcome.kind != "not_reached"}
    return troubles.pop() if len(troubles) == 1 else None
