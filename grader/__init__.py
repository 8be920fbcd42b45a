"""The autograder: submission, sandbox, scoring, gradebook, feedback.

    python -m grader SET

Student code is data until it runs, runs only in the sandbox, and leaves the sandbox only as data.
"""
