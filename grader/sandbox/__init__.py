"""Station 2: run a notebook where it can reach nothing, and take out plain data.

In a sandbox run the kernel (`inside/kernel.py`) with the view of attnlib (`view.py`), beside hostile code, and
`inside/runner.py`, in a process of its own.
"""
