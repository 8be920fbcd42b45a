"""Station 2: run a notebook where it can reach nothing, and take out plain data.

Only `inside/` runs beside hostile code.
"""
