"""The banks of right and wrong answers: is each told the truth, on two seeds, or on forty with --thorough?

Each test takes one exercise and tries all its answers on all seeds; what it complains of names answer and seed.
"""

from collections import Counter

import pytest

from tests.problem_sets.helpers import answers_to, called, freely, report_of

FATES = ("accepted", "refused", "named", "shown", "false")


def fate(report, wrong):
    """What became of a wrong answer: accepted in full, named truly or falsely, or shown the case that fails."""
    if report.points == report.max_points:
        return "accepted"
    if report.slip:
        return "named" if report.slip in wrong.slips else "false"
    return "shown"


def complaint(report, wrong):
    """Why a report of a wrong answer is not good enough; empty when it is."""
    became = fate(report, wrong)
    if became == "accepted":
        return "a wrong answer gets full marks."
    if became == "false":
        return f"it is called {report.slip!r}, and it is not that."
    if became == "shown" and wrong.named:
        return f"it is not named; it makes the mistake {' or '.join(map(repr, wrong.slips))}."
    told = report.headline or any(result.message for result in report.results if not result.holds)
    return "" if told else "it is not told what is wrong."


@pytest.mark.slow
def test_wrong_answers_lose_points_and_are_called_nothing_they_are_not(exercise, seeds, record_property):
    """Does each wrong answer lose points, is it named where it must be, and never by another's name?"""
    counts, told = Counter(dict.fromkeys(FATES, 0)), []
    for seed in seeds:
        for n, wrong in enumerate(answers_to(exercise, "WRONG")):
            report = report_of(freely(exercise), wrong.answer, seed)
            counts[fate(report, wrong)] += 1
            if complaint(report, wrong):
                told.append(f"{exercise.name}, {called(wrong.answer, n)} ({wrong.does}), seed {seed}: "
                            f"{complaint(report, wrong)}\n{report.text()}")
    record_property("set", exercise.set)
    record_property("answers", dict(counts))
    assert not told, "\n\n".join(told)


@pytest.mark.slow
def test_right_answers_get_full_marks(exercise, seeds, record_property):
    """Do loops, einsum, float64 inside, torch, named tuples and others' arrays get every point, on every seed?"""
    refused = [f"{exercise.name}, {called(answer, n)}, seed {seed}: a right answer loses points.\n{report.text()}"
               for seed in seeds for n, answer in enumerate(answers_to(exercise, "RIGHT"))
               for report in [report_of(exercise, answer, seed)] if report.points < report.max_points]
    record_property("set", exercise.set)
    record_property("answers", {"right": len(seeds) * len(answers_to(exercise, "RIGHT")), "refused": len(refused)})
    assert not refused, "\n\n".join(refused)
