"""Problem set $stem: $title"""

from attnlib.check.spec import ProblemSet

PROBLEM_SET = ProblemSet(
    stem="$stem",
    version=1,
    exercises=(),  # what an answer may not call stands in an exercise's `forbidden`
    allowed_modules=(),  # modules of attnlib that every answer may use; those of one exercise stand in the exercise
    libraries=("numpy", "matplotlib"),  # beside Python's own: the grader has these and no others, torch takes seconds
)
