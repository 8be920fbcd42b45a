"""Watch which functions a learner's code calls, where an exercise asks them to write such a function themselves."""

from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

from attnlib.check.beside_learner.places import is_librarys

OURS = __name__.split(".")[0]
BESIDE_LEARNER = __name__.rpartition(".")[0]


def watch(names: Collection[str], allowed: Collection[str], called: set[str]) -> Callable | None:
    """A profile function that adds to `called` each of `names` that the learner's code calls; None for no names.

    A name is package.function, or package.* for every public function of a package. What the modules `allowed`
    define may be called all the same.
    """
    forbidden, permitted = set(names), set(allowed)

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_back is not None:
            caller, module, function = _caller(frame), frame.f_globals.get("__name__", ""), frame.f_code.co_name
        elif event == "c_call":
            caller, function = frame, getattr(argument, "__name__", "")
            module = getattr(argument, "__module__", None) or type(getattr(argument, "__self__", None)).__module__
        else:
            return
        package = str(module).split(".")[0]
        every = f"{package}.*" in forbidden and _is_public(module, function) and not _is_in(module, permitted)
        if (f"{package}.{function}" in forbidden or every) and _is_outside(caller):
            called.add(f"{package}.{function}")

    return profile if forbidden else None


def _caller(frame: FrameType) -> FrameType:
    """The frame that called this one, past the dispatch between arrays and tensors."""
    caller: Any = frame.f_back
    return caller.f_back if caller.f_globals.get("__name__") == f"{OURS}._dispatch" else caller


def _is_public(module: Any, function: str) -> bool:
    """Whether package.* means this function: not what importing or dispatching runs, not this check itself."""
    return function[:1] not in ("_", "<") and not str(module).startswith((f"{OURS}.check", f"{OURS}._"))


def _is_in(module: Any, permitted: Collection[str]) -> bool:
    """Whether a module, or the twin for tensors of one, is permitted, or lies in a package that is."""
    name = str(module).replace(f"{OURS}.tensors.", f"{OURS}.", 1)
    return any(_is_in_package(name, each) for each in permitted)


def _is_outside(caller: FrameType) -> bool:
    """Whether the calling frame is not our own package at work (the call of the answer itself counts).

    Any other package works for whoever called it: nn.Softmax is softmax reached through torch, unless a module of ours
    reached for it.
    """
    frame: FrameType | None = caller
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if _is_in_package(module, BESIDE_LEARNER):
            return True
        if _is_in_package(module, OURS):
            return False
        if not is_librarys(frame):
            return True
        frame = frame.f_back
    return True


def _is_in_package(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
