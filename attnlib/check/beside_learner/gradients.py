"""The kind "gradients": call a function of torch tensors, and go backward from a given cotangent."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def value_and_gradients(answer: Callable, arguments: list) -> tuple[Any, list | None]:
    """(value, gradients) of `answer(*inputs)`; arguments are the inputs and, last, the cotangent.

    Every floating array in the inputs, in dicts and lists too, comes in as a tensor that requires gradients. The
    cotangent has the shape of the value; where the value is a tuple, it is a list with an array, or None, for each.
    gradients holds one entry an input, built as the input is: a tensor for a floating array; None where no gradient
    arrived and for what has none. It is None as a whole when there is no going backward: the value is no tensor, or
    has another shape than the cotangent.
    """
    import torch  # here alone: a check of NumPy answers does without

    *inputs, cotangent = arguments
    with torch.enable_grad():
        tensors = [as_tensors(each, requires_grad=True) for each in inputs]
        value = answer(*tensors)
    pairs = _pairs(value, cotangent)
    if pairs is None:
        return value, None
    leaves = [leaf for each in tensors for leaf in _leaves(each)]
    outputs = [(output, weight.to(output)) for output, weight in pairs if output.requires_grad]
    found: Any = [None] * len(leaves)
    if outputs and leaves:
        found = torch.autograd.grad([output for output, _ in outputs], leaves, [weight for _, weight in outputs],
                                    allow_unused=True)
    gradients = iter(found)
    return value, [_in_place_of_leaves(each, gradients) for each in tensors]


def as_tensors(value: Any, requires_grad: bool = False) -> Any:
    """The value with each array in it as a tensor that shares its memory; floating ones may require gradients."""
    import torch

    if isinstance(value, np.ndarray):
        tensor = torch.from_numpy(value)
        return tensor.requires_grad_() if requires_grad and tensor.is_floating_point() else tensor
    if isinstance(value, dict):
        return {name: as_tensors(each, requires_grad) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(as_tensors(each, requires_grad) for each in value)
    return value


def is_tensor(value: Any) -> bool:
    """Whether this is a torch tensor; PyTorch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _pairs(value: Any, cotangent: Any) -> list[tuple[Any, Any]] | None:
    """[(output, its cotangent)]; None when an output is no floating tensor of its cotangent's shape."""
    several = isinstance(cotangent, (list, tuple))
    values, cotangents = (value, cotangent) if several else ([value], [cotangent])
    if not isinstance(values, (list, tuple)) or len(values) != len(cotangents):
        return None
    pairs = []
    for output, weight in zip(values, cotangents, strict=True):
        if weight is not None:
            if not is_tensor(output) or not output.is_floating_point() or output.shape != np.shape(weight):
                return None
            pairs.append((output, as_tensors(np.asarray(weight))))
    return pairs


def _leaves(value: Any) -> Iterator[Any]:
    """The tensors in an input that require gradients, in order."""
    if is_tensor(value):
        if value.requires_grad:
            yield value
    elif isinstance(value, (dict, list, tuple)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)


def _in_place_of_leaves(value: Any, gradients: Iterator[Any]) -> Any:
    """What is built as `value` is, with the next of `gradients` for each leaf and None for whatever else."""
    if is_tensor(value):
        return next(gradients) if value.requires_grad else None
    if isinstance(value, dict):
        return {name: _in_place_of_leaves(each, gradients) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_in_place_of_leaves(each, gradients) for each in value)
    return None
