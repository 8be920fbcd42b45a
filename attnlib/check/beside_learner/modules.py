"""The kind "module": make an nn.Module or an object of a plain class, load given weights into it, and call it."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from attnlib.check.beside_learner.gradients import as_tensors, is_tensor
from attnlib.check.beside_learner.unfit import Unfit
from attnlib.check.beside_learner.wire import describe_type


def make_load_call(answer: Callable, arguments: list) -> Any:
    """What the made object gives for the inputs; arguments are [made with, weights, *inputs].

    made with: a dict of arguments by name, or a list. weights: {name: array}; a dotted name goes into what is inside.
    An nn.Module is put in evaluation mode and takes on the weights' dtype; it gets tensors. An object of a plain class
    gets the weights as its attributes, arrays, or tensors if it had a tensor there, and the inputs alike.
    Raises Unfit when names or shapes of the weights are not the object's.
    """
    made_with, weights, *inputs = arguments
    made = make(answer, made_with)
    tensors = load_module(made, weights) if is_module(made) else load_object(made, weights)
    _refuse_uncallable(made)
    return made(*(as_tensors(each) for each in inputs) if tensors else inputs)


def make(answer: Callable, made_with: Any) -> Any:
    """`answer` called with the arguments that an object is made with."""
    return answer(**made_with) if isinstance(made_with, dict) else answer(*made_with)


def is_module(made: Any) -> bool:
    """Whether this is an nn.Module; PyTorch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(made, torch.nn.Module)


def load_module(module: Any, weights: Mapping[str, np.ndarray]) -> bool:
    """Write the weights into the parameters and buffers of an nn.Module; True: it works on tensors."""
    import torch

    floating = [array.dtype.name for array in weights.values() if array.dtype.kind == "f"]
    if floating:
        module.to(getattr(torch, floating[0]))
    module.eval()
    kept, parameters = module.state_dict(), dict(module.named_parameters())
    _refuse_other_names(weights, kept, parameters, module)
    _refuse_other_shapes(weights, kept)
    with torch.no_grad():
        for name, array in weights.items():
            kept[name].copy_(torch.from_numpy(array))
    return True


def load_object(made: Any, weights: Mapping[str, np.ndarray]) -> bool:
    """Set the weights as attributes of an object of a plain class; whether it works on tensors."""
    kept = {name: value for name in weights if (value := _attribute(made, name)) is not _ABSENT}
    arrays = {name: value for name, value in _attributes(made).items() if _shape(value) is not None}
    missing = [name for name in weights if name not in kept]
    if missing:
        raise Unfit("no attribute", name=missing[0], has=listed(arrays), wanted=listed(weights))
    _refuse_other_shapes(weights, kept)
    tensors = any(is_tensor(value) for value in kept.values())
    for name, array in weights.items():
        *way, last = name.split(".")
        setattr(_attribute(made, ".".join(way)) if way else made, last, as_tensors(array) if tensors else array)
    return tensors


def listed(arrays: Mapping[str, Any]) -> str:
    """'W_q (6, 4) and W_k (6, 4)': names with shapes; 'none' where there are none."""
    told = [f"{name} {_shape(array)}" for name, array in arrays.items()]
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told) or "none"


_ABSENT = object()


def _refuse_other_names(weights: Mapping[str, np.ndarray], kept: Mapping[str, Any], parameters: Mapping[str, Any],
                        module: Any) -> None:
    """Raise Unfit when a weight has no place in the module, or a parameter of the module gets no weight."""
    missing, unknown = [name for name in weights if name not in kept], [n for n in parameters if n not in weights]
    plain = [name for name in missing if is_tensor(_attribute(module, name))]
    if plain:
        raise Unfit("no parameter but a tensor", name=plain[0])
    if missing:
        raise Unfit("no parameter", name=missing[0], has=listed(parameters), wanted=listed(weights))
    if unknown:
        raise Unfit("parameter not asked for", name=listed({unknown[0]: parameters[unknown[0]]}),
                    wanted=listed(weights))


def _refuse_other_shapes(weights: Mapping[str, np.ndarray], kept: Mapping[str, Any]) -> None:
    """Raise Unfit when a weight has another shape than what it is to replace."""
    for name, array in weights.items():
        shape = _shape(kept[name])
        if shape is not None and shape != array.shape:
            raise Unfit("other shape", name=name, got=str(shape), wanted=str(array.shape))


def _refuse_uncallable(made: Any) -> None:
    """Raise Unfit when an object has nothing that a call would run."""
    if is_module(made):
        if type(made).forward is sys.modules["torch"].nn.Module.forward:
            raise Unfit("no method to call", method="forward")
    elif not callable(made):
        raise Unfit("cannot be called", got=describe_type(made), method="__call__")


def _attribute(made: Any, name: str) -> Any:
    """The attribute of this dotted name, places in a list counted from 0; _ABSENT when there is none."""
    for part in name.split("."):
        if part.isdigit() and isinstance(made, (list, tuple)):
            made = made[int(part)] if int(part) < len(made) else _ABSENT
        else:
            made = getattr(made, part, _ABSENT)
    return made


def _attributes(made: Any) -> dict[str, Any]:
    """{name: value} of what an object of a plain class keeps."""
    return dict(getattr(made, "__dict__", {}))


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of an array or tensor; None for anything else."""
    return tuple(value.shape) if isinstance(value, (np.ndarray, np.generic)) or is_tensor(value) else None
