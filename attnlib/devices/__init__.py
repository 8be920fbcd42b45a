"""Attention on other devices: a GPU kernel in Triton, and ring attention over several processes."""

from importlib import import_module

MODULES = ("ring", "triton_attention")


def __getattr__(name):
    if name in MODULES:
        return import_module(f"attnlib.devices.{name}")
    raise AttributeError(f"attnlib.devices has no module {name!r}; it has {', '.join(MODULES)}")
