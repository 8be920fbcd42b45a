"""One specification a problem set, `ex_STEM.py`. It holds the answers, and never goes into the grader's sandbox."""
