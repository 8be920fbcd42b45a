"""What became of the mutants, told at the end of a test run."""

from collections import Counter, defaultdict


def lines_about_mutants(stats):
    """Lines for the end of a test run with the reports `stats`: what was made and caught, and why not all."""
    counts = defaultdict(Counter)
    for report in (report for reports in stats.values() for report in reports):
        properties = dict(getattr(report, "user_properties", ()))
        if "mutants" in properties and report.when == "call":
            counts[properties["set"]].update(properties["mutants"])
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
