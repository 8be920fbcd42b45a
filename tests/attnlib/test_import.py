import subprocess
import sys

import pytest

import attnlib


def test_torch_is_not_imported():
    """Does importing attnlib, and using it on arrays, leave PyTorch alone?"""
    code = (
        "import sys, numpy as np, attnlib; attnlib.attention.attend(*[np.eye(3)] * 3);"
        "sys.exit('torch' in sys.modules)"
    )
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
