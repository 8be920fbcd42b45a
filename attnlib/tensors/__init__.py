"""The same functions for torch tensors, on any device, module by module."""
