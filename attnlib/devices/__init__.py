"""Attention beyond one processor: a GPU kernel in Triton, and a sequence spread over several processes."""
