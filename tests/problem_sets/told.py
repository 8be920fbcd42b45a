"""What became of mutants and answers, and what typical mistakes keep: told at the end of a test run."""

from collections import Counter, defaultdict


def recorded(stats, key):
    """(set, value) of each test with the recorded property `key`."""
    for report in (report for reports in stats.values() for report in reports):
        properties = dict(getattr(report, "user_properties", ()))
        if key in properties and report.when == "call":
            yield properties["set"], properties[key]


def lines_about_mutants(stats):
    """Lines about the mutants of each set: what was made and caught, and why not all."""
    counts = defaultdict(Counter)
    for stem, found in recorded(stats, "mutants"):
        counts[stem].update(found)
    return [summary(stem, found) for stem, found in sorted(counts.items())]


def summary(stem, found):
    """The lines about one set; found counts "made", "caught", "by hand", "unexplained" and each kind of rule."""
    from tests.problem_sets.equivalent import KINDS  # here alone: it takes seconds to import

    made, caught, by_hand, unexplained = (found.pop(key, 0) for key in ("made", "caught", "by hand", "unexplained"))
    share = caught / (caught + unexplained) if caught else 0
    reasons = {kind.name: kind.reason for kind in KINDS}
    return "\n".join([
        f"{stem}: {made} mutants of right answers: {caught} caught, {found.total()} equivalent by rule, "
        f"{by_hand} by hand, {unexplained} unexplained; {share:.1%} of the mistakes caught",
        *(f"    {number} {name}: {reasons[name]}" for name, number in found.most_common())])


def lines_about_answers(stats):
    """A line about the answers of each set, on all seeds together."""
    counts = defaultdict(Counter)
    for stem, found in recorded(stats, "answers"):
        counts[stem].update(found)
    return [f"{stem}: {found['right']} checks of right answers: {found['refused']} refused; "
            f"{sum(found[fate] for fate in ('accepted', 'named', 'shown', 'false'))} of wrong ones: "
            f"{found['accepted']} accepted, {found['named']} named, {found['shown']} shown, {found['false']} named "
            f"falsely"
            for stem, found in sorted(counts.items())]


def lines_about_shares(stats):
    """A line about each typical mistake: the share of the notebook's points that it keeps."""
    rows = sorted((stem, kept, cell, slip, points) for stem, (cell, slip, kept, points) in recorded(stats, "share"))
    return [f"{stem}: {kept / points:4.0%} kept, {kept:g} of {points:g}: {slip} in {cell}"
            for stem, kept, cell, slip, points in rows]
