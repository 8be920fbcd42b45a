"""One specification a problem set, `ex_NN_stem.py`. It holds the answers, and never goes into the grader's sandbox."""
