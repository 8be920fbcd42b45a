"""What runs beside the learner's code, on their machine and in the grader's sandbox: it knows no expected value."""
