"""Problem set $stem: $title"""

from attnlib.check.spec import ProblemSet

PROBLEM_SET = ProblemSet(stem="$stem", version=1, exercises=())
