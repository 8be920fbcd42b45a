"""Every small change of a right answer: is it caught, or explained, by rule or by hand?"""

import inspect
import sys
import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from attnlib.check.beside_learner.call import respond
from attnlib.check.scoring.challenge import challenge, draw
from attnlib.check.scoring.judge import score
from tests.problem_sets.equivalent import explanation
from tests.problem_sets.helpers import (
    SETS,
    USUAL_SECONDS,
    answers_to,
    coded,
    explained_by_hand,
    handed,
    predicts_labels,
)
from tests.problem_sets.notebooks import solved_names, solved_parts
from tests.problem_sets.shapes import shapes_of
from tests.problem_sets.trial import RightAnswer, Trial

MUTATED = 8  # right answers of an exercise that are changed, beside the solution; more find little and take long


def right_answers(exercise):
    """The solution's answer to an exercise, then the first right answers that are functions or classes."""
    part = solved_parts(exercise.set).get(exercise.name)
    if part:
        yield RightAnswer(exercise, part.checked_name, solved_names(exercise.set), part.source, shapes_of(exercise))
    for made in (coded(exercise, answer) for answer in answers_to(exercise, "RIGHT")[:MUTATED]):
        if inspect.isfunction(made) or inspect.isclass(made):
            names = vars(sys.modules[made.__module__])
            yield RightAnswer(exercise, made.__name__, names, inspect.getsource(made), shapes_of(exercise))


class Hunt:
    """Whether changed answers to an exercise are caught: one plain case first, where most fail, then all."""

    def __init__(self, exercise):
        self.exercise = exercise
        seconds = 3.0 if exercise.seconds <= USUAL_SECONDS else exercise.seconds
        whole = replace(exercise, slips=(), seconds=seconds, forbidden=())
        plain = [case for case in draw(exercise, 0) if case.label == "plain"][:1]
        first = replace(whole, cases=lambda rng: plain)
        self.stages = [(stage, challenge(stage, 0)) for stage in (first, whole)]

    def survives(self, name, names, source):
        """Whether the answer `name` of this source still gets full marks."""
        names = dict(names)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                exec(source, names)
            except Exception:
                return False
            answer = handed(self.exercise, names.get(name))
            return all(score(stage, 0, respond(task, answer)).points == stage.points
                       for stage, task in self.stages)


def hunted(exercise):
    """(how many mutants of the right answers there are, the Trials of those that still get full marks)."""
    hunt, made, found = Hunt(exercise), 0, []
    if predicts_labels(exercise):
        return made, found
    for right in right_answers(exercise):
        assert hunt.survives(right.name, right.names, right.source), f"{right.name} itself does not get full marks"
        made += len(right.mutants)
        found += [Trial(right, each) for each in right.mutants if hunt.survives(right.name, right.names, each.source)]
    return made, found


@pytest.mark.slow
def test_mutants_are_caught_or_explained(exercise, record_property):
    """Is every small change of a right answer caught, or harmless for a reason that a rule or the table tells?

    And does the table list only what needs it: what is not caught, and no rule explains?
    """
    made, trials = hunted(exercise)
    kinds = [(f"{trial.right.name}: {trial.mutant.what}", explanation(trial)) for trial in trials]
    names = {right.name for right in right_answers(exercise)}
    by_hand = {line for line in explained_by_hand(exercise.set) if line.partition(":")[0] in names}
    counts = Counter(kind.name if kind else "by hand" if line in by_hand else "unexplained"
                     for line, kind in kinds)
    record_property("set", exercise.set)
    record_property("mutants", {"made": made, "caught": made - len(trials), **counts})
    told = [f"no test and no rule tells why this is no mistake; draw cases that tell, or write it into mutants_"
            f"{exercise.set}.txt under a line `# reason`:\n{line}" for line, kind in kinds
            if not kind and line not in by_hand]
    needed = {line for line, kind in kinds if not kind}
    told += [f"take it out of the table, a rule explains it: {line}" for line in by_hand & {line for line, _ in kinds}
             if line not in needed]
    told += [f"take it out of the table, it is caught or no longer made: {line}"
             for line in by_hand - {line for line, _ in kinds}]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("stem", SETS)
def test_mutants_explained_by_hand_are_of_right_answers(stem):
    """Does every line of the table begin with the name of a right answer?"""
    names = {right.name for exercise in SETS[stem].exercises for right in right_answers(exercise)}
    unknown = {line.partition(":")[0] for line in explained_by_hand(stem)} - names
    assert not unknown, f"no right answer to {stem} is called {', '.join(sorted(unknown))}"
