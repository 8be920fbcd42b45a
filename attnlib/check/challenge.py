"""The two halves of a check: draw the inputs of an exercise, and score what came back. No learner code runs here."""

from functools import lru_cache

import numpy as np

from attnlib.check.outcome import as_array, read_outcomes
from attnlib.check.properties import first_difference
from attnlib.check.report import Report, Result, unanswered
from attnlib.check.run import answer_challenge
from attnlib.check.wire import Other, WireError, encode


def draw(exercise, seed):
    """The cases of `exercise` for a whole number `seed`, public or secret."""
    return exercise.cases(np.random.default_rng(seed))


def challenge(exercise, seed):
    """What an answer is run on, as plain data: inputs, no expected value."""
    return {
        "kind": exercise.kind,
        "cases": [[encode(argument) for argument in case.args] for case in draw(exercise, seed)],
        "seconds": exercise.seconds,
        "no_answer": list(exercise.no_answer),
    }


def score(exercise, seed, answer):
    """The Report of `answer`, the plain data `answer_challenge` made from the challenge of this seed.

    Hostile data is an answer like any other: what is malformed gets nothing, and the report says so.
    """
    cases = draw(exercise, seed)
    try:
        outcomes = read_outcomes(answer, len(cases))
    except WireError as error:
        return unanswered(exercise, f"The answer could not be read: {error}.")
    leaned = sorted({name for outcome in outcomes for name in outcome.leaned})
    if leaned:
        names = " and ".join(leaned)
        return unanswered(exercise, f"This calls {names}, which is no answer here: write it yourself.")
    trouble = _shared_trouble(outcomes)
    if trouble:
        return unanswered(exercise, trouble)
    expected = [exercise.reference(*case.args) for case in cases]
    results = _judge_all(exercise, list(zip(cases, outcomes, expected)))
    if all(result.holds for result in results):
        return Report(exercise.name, exercise.asks, results)
    slip = find_slip(exercise, seed, outcomes)
    return Report(exercise.name, exercise.asks, results, slip.says if slip else "", slip.id if slip else "")


def _judge_all(exercise, looked_at):
    results = {}
    for prop in exercise.properties:
        if prop.after and not results[prop.after].holds:
            results[prop.name] = Result(prop.name, 0, prop.points, None, f"Counts once this holds: {prop.after}.")
            continue
        says = _judge(prop, looked_at)
        results[prop.name] = Result(prop.name, 0 if says else prop.points, prop.points, not says, says or "")
    return tuple(results.values())


def _judge(prop, looked_at):
    """None when the property holds on every case it is about; else the first complaint."""
    for case, outcome, expected in looked_at:
        if case.label not in prop.on:
            continue
        trouble = outcome.trouble and f"For {case.says}: {outcome.trouble[:1].lower()}{outcome.trouble[1:]}"
        says = trouble or prop.judge(case, outcome, expected)
        if says:
            return says
    return None


def _shared_trouble(outcomes):
    """The sentence when no case gave a value, all for the same reason; else an empty one."""
    troubles = {outcome.trouble for outcome in outcomes if outcome.kind != "not_reached"}
    return troubles.pop() if len(troubles) == 1 and None not in troubles else ""


def find_slip(exercise, seed, outcomes):
    """The known slip whose outcomes these are, or None.

    Looked for ever more loosely: alike in everything; alike in value (a slip made in another precision); alike in
    value on the plain cases, then on those of one property (two slips at once). The looser looks pass over slips
    whose values there are the right ones.
    """
    cases, right, made = draw(exercise, seed), *_known(exercise, seed)
    every = range(len(cases))
    parts = [("plain",), *(prop.on for prop in exercise.properties if not prop.after)]
    looks = [(every, alike), (every, alike_in_value)]
    looks += [([i for i in every if cases[i].label in on], alike_in_value) for on in parts]
    for where, same in looks:
        for slip, theirs in made:
            if all(same(theirs[i], outcomes[i]) for i in where) and not all(same(theirs[i], right[i]) for i in where):
                return slip
    return None


@lru_cache(maxsize=64)
def _known(exercise, seed):
    """The outcomes of the reference and those of each slip: the same for a whole class."""
    task = challenge(exercise, seed)

    def outcomes(answer):
        return read_outcomes(answer_challenge(task, answer), len(task["cases"]))

    made = [(slip, outcomes(slip_answer(exercise, slip))) for slip in exercise.slips]
    return outcomes(reference_answer(exercise)), made


def reference_answer(exercise):
    """What the reference hands to `check`: the function, or the number it gives."""
    return exercise.reference if exercise.kind == "function" else exercise.reference()


def slip_answer(exercise, slip):
    """What a learner who makes this slip hands to `check`."""
    return slip.function if exercise.kind == "function" else slip.function()


def alike(a, b):
    """Same kind, same changed inputs, same values, dtypes and structure."""
    return a.changed == b.changed and alike_in_value(a, b) and _dtypes(a.content) == _dtypes(b.content)


def alike_in_value(a, b):
    """Same kind and the same values, whatever the precision; the same exception, whichever line raised it."""
    if a.kind != b.kind or a.error != b.error:
        return False
    return _equal(a.content, b.content) if a.kind == "value" else True


def _equal(a, b):
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, Other) or isinstance(b, Other):
        return isinstance(a, Other) and isinstance(b, Other) and a == b
    x, y = as_array(a), as_array(b)
    if x is None or y is None:
        return x is None and y is None and type(a) is type(b)
    loose = x if x.dtype.itemsize < y.dtype.itemsize else y  # compare as finely as the coarser one allows
    return x.shape == y.shape and first_difference(x if loose is y else y, loose) is None


def _dtypes(value):
    if isinstance(value, (tuple, list)):
        return tuple(map(_dtypes, value))
    return str(getattr(value, "dtype", type(value).__name__))  # text: NumPy holds that float64 == None
