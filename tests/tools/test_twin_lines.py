"""attnlib/tensors holds what PyTorch does otherwise, not the text of attnlib once more."""

import ast

from tools.twin_lines import REASONS, Twin, code, report, too_alike, twins


def test_no_twin_is_the_same_text_without_a_reason():
    """Is each function of attnlib.tensors there because PyTorch does another thing?

    Else its NumPy text serves both; what has two names is in attnlib/_ops.py.
    """
    assert [f"{twin.name}: {twin.alike:.0%}" for twin in too_alike()] == []


def test_every_reason_is_needed():
    """Does a reason stand for a twin that is there?"""
    assert set(REASONS) <= {twin.name for twin, has_other in twins() if has_other}


def test_copies_are_found():
    """Is a function that only has other names for the same operations found to be one?"""
    ours = "def f(x):\n    '''One.'''\n    # a comment\n    return np.exp(x - x.max(axis=-1, keepdims=True))"
    theirs = "@cached\ndef f(x):\n    import torch\n    return torch.exp(x - x.amax(dim=-1, keepdim=True))"
    assert code(ast.parse(ours).body[0]) == code(ast.parse(theirs).body[0])


def test_the_table_ends_with_the_total():
    """Does the last line sum up all functions?"""
    *_, last = report()
    lines = sum(twin.lines for twin, _ in twins())
    assert isinstance(twins()[0][0], Twin) and last.startswith(f"all: {len(twins())} functions, {lines} lines")
