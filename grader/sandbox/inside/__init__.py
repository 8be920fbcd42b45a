"""The runner, process 1 of a sandbox, and the kernel's start. They are copied there alone; the kernel gets the view."""
