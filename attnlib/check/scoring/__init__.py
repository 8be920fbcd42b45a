"""What scores a response. It knows the reference, and never goes into the grader's sandbox."""
