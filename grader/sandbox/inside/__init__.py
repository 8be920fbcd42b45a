"""The runner, process 1 of a sandbox. It is copied there alone; the kernel beside it gets the view."""
