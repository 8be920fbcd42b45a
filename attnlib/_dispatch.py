"""One name for arrays and tensors: the type of the input decides, and torch is never imported for arrays."""

import sys
from functools import wraps


def is_tensor(value):
    """Whether `value` is a torch tensor. If torch was never imported, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def also_tensors(function):
    """Let a NumPy function take tensors: `attnlib.x.f` then calls its twin, `attnlib.tensors.x.f`."""
    module, name = function.__module__.removeprefix("attnlib."), function.__name__

    @wraps(function)
    def either(*args, **kwargs):
        if args and is_tensor(args[0]) or any(map(is_tensor, args)) or any(map(is_tensor, kwargs.values())):
            import attnlib.tensors  # here, as a statement: torch.compile can follow it, and arrays never load torch

            return getattr(getattr(attnlib.tensors, module), name)(*args, **kwargs)
        return function(*args, **kwargs)

    return either
