"""An error is charged once: what an earlier exercise's mistake makes of a later one that builds on it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from attnlib.check.scoring.outcome import Outcome
from attnlib.check.scoring.report import PropertyResult
from attnlib.check.scoring.slips import alike_in_value, counting_first, outcomes_of
from attnlib.check.spec import Exercise, Property, Slip, find_in_set

Judged = Callable[[list[Outcome], list | None], tuple[PropertyResult, ...]]


@dataclass(frozen=True)
class Follows:
    """The results with what an earlier exercise was charged for given, and the sentence that says so."""

    results: tuple[PropertyResult, ...]
    headline: str


def forgiven(exercise: Exercise, seed: int, outcomes: list[Outcome], results: tuple[PropertyResult, ...],
             judged: Judged, earlier: Mapping[str, str]) -> Follows | None:
    """What follows from earlier mistakes, when the outcomes that count first are what these make of this exercise.

    judged gives the results of outcomes against what is expected of each, or against the reference. A property is
    given when the composed answer lacks it too, or when ours has it as far as one can that is built on the mistake.
    """
    made = [(find_in_set(exercise.set, name), parameter, earlier[name]) for name, parameter in exercise.builds_on
            if earlier.get(name)]
    if not made or exercise.composed is None:
        return None
    for slips in product(*(_slips(source, slip) for source, _, slip in made)):
        parts = {parameter: slip.function for (_, parameter, _), slip in zip(made, slips, strict=True)}
        for theirs in (outcomes_of(exercise, seed, answer) for answer in exercise.composed(**parts)):
            if not all(alike_in_value(theirs[i], outcomes[i], theirs[i]) for i in counting_first(exercise, seed)):
                continue
            sources = " and ".join(f"exercise {source.number}" for source, _, _ in made)
            whole, lacking = judged(outcomes, [outcome.content for outcome in theirs]), judged(theirs, None)
            told = tuple(map(partial(_given, sources=sources), exercise.properties, results, whole, lacking))
            mistakes = " ".join(dict.fromkeys(slip.message for slip in slips))
            return Follows(told, f"This follows from a mistake that {sources} is charged for. {mistakes}")
    return None


def check_first(exercise: Exercise, slip: Slip, earlier: Mapping[str, str]) -> str:
    """What to say when an earlier exercise, which was not checked yet, may be where the mistake is made; else empty."""
    sources = [find_in_set(exercise.set, name) for name, _ in exercise.builds_on if name not in earlier]
    numbers = [str(source.number) for source in sources if _slips(source, slip.id)]
    asked = f"If exercise {' or '.join(numbers)} makes this mistake too, check that one and then this"
    return f"{asked}: it is charged once." if numbers else ""


def _slips(exercise: Exercise, slip_id: str) -> list[Slip]:
    """The functions by which an exercise knows a mistake."""
    return [slip for slip in exercise.slips if slip.id == slip_id]


def _given(prop: Property, ours: PropertyResult, whole: PropertyResult, lacking: PropertyResult,
           sources: str) -> PropertyResult:
    """A property that only the earlier mistake breaks, or keeps from being looked at, is given.

    Whether the caller's arrays are left alone can be seen under wrong numbers too.
    """
    own = lacking.holds or lacking.holds is None and prop.passes_over_trouble
    if ours.holds or whole.holds is False and own:
        return ours
    return replace(ours, points=ours.max_points, message=f"Follows from {sources}, charged there.", holds=None)
