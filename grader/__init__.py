"""The autograder: intake, sandbox, scoring, gradebook, feedback.

    python -m grader 05_weights

Student code is data until it runs, runs only in the sandbox, and leaves the sandbox only as data.
"""
