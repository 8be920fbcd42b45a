"""One name for arrays and tensors: the type of the input decides, and torch is never imported for arrays."""

import sys
from functools import cache, wraps
from importlib import import_module


def is_tensor(value):
    """Whether `value` is a torch tensor. If torch was never imported, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def also_tensors(function):
    """Let a NumPy function take tensors: `attnlib.x.f` then calls its twin, `attnlib.tensors.x.f`."""
    home = function.__module__.replace("attnlib.", "attnlib.tensors.", 1)

    @cache
    def twin():
        return getattr(import_module(home), function.__name__)

    @wraps(function)
    def either(*args, **kwargs):
        if args and is_tensor(args[0]) or any(map(is_tensor, args)) or any(map(is_tensor, kwargs.values())):
            return twin()(*args, **kwargs)
        return function(*args, **kwargs)

    return either
