"""The functions that PyTorch computes otherwise than NumPy, under the same names, module by module.

A function without a twin here has one text that serves arrays and tensors alike. What is missing in that text is mostly
this: a tensor is created on a device and in a dtype; casts, joins and reductions have other names; autograd needs
outputs that are joined, not written into one array; and PyTorch has fused kernels and a triangular solver.
"""
