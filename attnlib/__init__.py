"""The reference implementation of *Self-Attention, Worked Out*.

One idea a module, imported when it is first asked for: `attnlib.weights.softmax`
loads NumPy and nothing else. Nothing imports PyTorch but what is made of it: `attnlib.nn`, `attnlib.devices` and
`interop.to_multihead`.
"""

from importlib import import_module

MODULES = (
    "attention", "backward", "check", "costs", "data", "devices", "heads", "images", "inputs", "interop", "kv_cache",
    "latent", "layers", "linear_attention", "masks", "neighbours", "nn", "online_softmax", "outputs", "positions",
    "reading", "rnn", "scores", "transformer", "weights", "windows",
)


def __getattr__(name):
    if name in MODULES:
        return import_module(f"attnlib.{name}")
    raise AttributeError(f"attnlib has no module {name!r}; it has {', '.join(MODULES)}")


def __dir__():
    return sorted([*globals(), *MODULES])
