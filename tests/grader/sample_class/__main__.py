"""Write every sample class into a course directory, and print the sets that were handed in.

    python -m tests.grader.sample_class DIR
"""

import sys

from tests.grader.sample_class import STEMS, make

if len(sys.argv) != 2:
    sys.exit("usage: python -m tests.grader.sample_class DIR")
for stem in STEMS:
    make(sys.argv[1], stem=stem)
    print(stem)
