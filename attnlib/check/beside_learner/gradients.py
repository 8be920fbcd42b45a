"""The kind "gradients": call a function of torch tensors, and go backward from a given cotangent."""

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
    pairs = _pairs(value, cotangent, torch.Tensor)
    if pairs is None:
        return value, None
    leaves = [leaf for each in tensors for leaf in _leaves(each, torch.Tensor)]
    outputs = [(output, weight.to(output)) for output, weight in pairs if output.requires_grad]
    if outputs and leaves:
        found = torch.autograd.grad([output for output, _ in outputs], leaves, [weight for _, weight in outputs],
                                    allow_unused=True)
    else:
        found = (None,) * len(leaves)
    gradients = iter(found)
    return value, [_in_place_of_leaves(each, gradients, torch.Tensor) for each in tensors]


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


def _pairs(value: Any, cotangent: Any, tensor: type) -> list[tuple[Any, Any]] | None:
    """[(output, its cotangent)]; None when an output is no floating tensor of its cotangent's shape."""
    several = isinstance(cotangent, (list, tuple))
    values, cotangents = (value, cotangent) if several else ([value], [cotangent])
    if not isinstance(values, (list, tuple)) or len(values) != len(cotangents):
        return None
    pairs = []
    for output, weight in zip(values, cotangents, strict=True):
        if weight is not None:
            fits = isinstance(output, tensor) and output.is_floating_point() and output.shape == np.shape(weight)
            if not fits:
                return None
            pairs.append((output, as_tensors(np.asarray(weight))))
    return pairs


def _leaves(value: Any, tensor: type) -> Iterator[Any]:
    """The tensors in an input that require gradients, in order."""
    if isinstance(value, tensor):
        if value.requires_grad:  # type: ignore[attr-defined]
            yield value
    elif isinstance(value, (dict, list, tuple)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each, tensor)


def _in_place_of_leaves(value: Any, gradients: Iterator[Any], tensor: type) -> Any:
    """What is built as `value` is, with the next of `gradients` for each leaf and None for whatever else."""
    if isinstance(value, tensor):
        return next(gradients) if value.requires_grad else None  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {name: _in_place_of_leaves(each, gradients, tensor) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_in_place_of_leaves(each, gradients, tensor) for each in value)
    return None
