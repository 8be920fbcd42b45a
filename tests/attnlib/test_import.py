import re
import subprocess
import sys
from pathlib import Path

import pytest

import attnlib
from attnlib import devices

PACKAGE = Path(attnlib.__file__).parent
BOOK = PACKAGE.parent / "book"
NEEDS_TORCH = {"nn"}  # torch modules, for those who import them


def modules(folder):
    """The public modules and packages of a folder of attnlib, by name."""
    there = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return {name for name in there if not name.startswith("_")}


def test_torch_is_not_imported():
    """Does importing attnlib, and using it on arrays, leave PyTorch alone?"""
    code = (
        "import sys, numpy as np, attnlib; attnlib.attention.attend(*[np.eye(3)] * 3);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_no_module_but_nn_imports_torch():
    """Does importing every public module, except the torch modules themselves, leave PyTorch alone?"""
    names = [f"attnlib.{name}" for name in attnlib.MODULES if name not in NEEDS_TORCH]
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_import_loads_no_package():
    """Is `import attnlib` alone free of heavy imports, NumPy included?"""
    code = "import sys, attnlib; sys.exit(any(m in sys.modules for m in ('numpy', 'torch', 'matplotlib', 'IPython')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_unknown_module_is_named():
    """Does a misspelt module say which ones there are?"""
    with pytest.raises(AttributeError, match=f"no module 'wieghts'; it has {', '.join(attnlib.MODULES)}"):
        attnlib.wieghts


def test_dir_lists_the_modules():
    """Does completion in a notebook offer every module?"""
    assert set(attnlib.MODULES) <= set(dir(attnlib))


def test_modules_are_those_of_the_folder():
    """Does MODULES list every public module there is, and no other?"""
    assert set(attnlib.MODULES) == modules(PACKAGE) - {"tensors"}
    assert set(devices.MODULES) == modules(PACKAGE / "devices")
    assert list(attnlib.MODULES) == sorted(attnlib.MODULES)


def test_the_reference_lists_every_module():
    """Do the two pages of the reference show every public module once? `check` has chapters of its own."""
    pages = (BOOK / "api.md").read_text() + (BOOK / "api_more.md").read_text()
    listed = " ".join(re.findall(r"^```\{api\} (.*)$", pages, re.MULTILINE)).split()
    there = modules(PACKAGE) - {"tensors", "check", "devices"}
    assert sorted(listed) == sorted(there | {f"devices.{name}" for name in devices.MODULES})


def test_every_dispatched_function_has_a_twin():
    """Has each function that sends tensors to a twin one, in the module of the same name?"""
    for path in PACKAGE.glob("*.py"):
        dispatched = set(re.findall(r"^@also_tensors\ndef (\w+)", path.read_text(), re.MULTILINE))
        twins = PACKAGE / "tensors" / path.name
        if path.name != "__init__.py":
            assert twins.exists() == bool(dispatched), path.name
            there = re.findall(r"^def (\w+)", twins.read_text(), re.MULTILINE) if dispatched else []
            assert dispatched <= set(there), path.name


def test_a_module_of_devices_is_imported_when_it_is_asked_for():
    """Is attnlib.devices.ring there without an import of its own, and does a misspelt one say which there are?"""
    assert attnlib.devices.ring.ring_attention
    with pytest.raises(AttributeError, match="no module 'rings'; it has ring, triton_attention"):
        attnlib.devices.rings
