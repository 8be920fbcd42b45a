"""No wrong argument gives a silent answer or somebody else's error: every function, every argument, by its kind.

An error starts with the name of the function that was called and says what came. `python -m
tests.attnlib.test_bad_arguments` prints what falls short, one line each; names that follow choose functions, as
`scores` or `scores.dot`.
"""

import re
import sys
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.attnlib.calls import CALLS, parameters_of
from tests.attnlib.kinds import SIZES, convert, length
from tests.attnlib.test_calls import numbers_of

ERRORS = TypeError, ValueError, IndexError, KeyError
WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
OURS = {part for call in CALLS for part in call.name.split(".")[1:]} | {name for call in CALLS for name in call.names()}
ARRAYS = "floats", "moved", "mask", "like", "parameters", "arrays"


@dataclass
class Other:
    """Another argument than the valid one: how it is called, what must come of it, what an error must say of it.

    must  "raise"; "same", give the answer of the valid call; or "either", an error or an answer without NaN
    """

    label: str
    value: Any
    must: str = "raise"
    came: tuple = ()


def others(call, name, side):
    """Every `Other` for one argument of a call, of arrays or of tensors."""
    kind, value = call.arguments[name], call.draw()[name]
    default = parameters_of(call.name).get(name)
    optional = kind.optional or (default is not None and default.default is None)
    yield Other("None", None, "either" if optional else "raise", ("None",))
    for other in OF_KIND[kind.what](call, name, kind, value, side):
        unread = kind.unread is True and kind.what != "parameters" and other.must == "raise"
        yield replace(other, must="either") if unread else other


def values(*wrong, must="raise"):
    """Numbers, words and lists as `Other`s, which an error must quote or call by their type."""
    for value in wrong:
        named = ("has 1 values",) if isinstance(value, list) else ()  # an option of a stack, one a block
        named = tuple(map(repr, value)) if isinstance(value, tuple) else named
        named = ("<U", "object") if isinstance(value, str) else named  # what NumPy makes of a word
        yield Other(repr(value), value, must, (repr(value), str(value), type(value).__name__, *named))


def of_arrays(call, name, kind, value, side):
    """Other things than an array, then arrays of other shapes, kinds and dtypes."""
    to = torch.from_numpy if side == "tensors" else np.asarray
    yield Other("a list", value.tolist(), "raise", ("list",))
    yield from values("text", 3, 2.5)
    yield Other("0-d", to(value.reshape(-1)[:1].reshape(())), "either")
    if value.ndim:
        yield Other("an axis fewer", to(np.array(value[0])), "either")
    yield from of_lengths(call, name, kind, value, to)
    yield from of_other_side(call, name, kind, value, side)


def of_lengths(call, name, kind, value, to):
    """Arrays with one axis longer by one, shorter by one, or of length 1."""
    tokens = kind.axes.split()
    elsewhere = {letter for key, other in call.arguments.items() if key != name for letter in letters_of(other)}
    for axis, token in enumerate(tokens):
        shared = "*" in token or "+" in token or token == "1" or token in elsewhere
        shared = shared or call.on is not None and axis == len(tokens) - 1
        shape = [length(one) for one in tokens]
        for label, new in ("one longer", shape[axis] + 1), ("one shorter", shape[axis] - 1), ("1 long", 1):
            if new == shape[axis] or new < 1:
                continue
            changed = np.resize(value, (*shape[:axis], new, *shape[axis + 1 :]))
            must = "raise" if shared else "either"
            if new == 1:  # may broadcast, if it is not a width
                must = "raise" if shared and len(token) == 1 and token != "B" and axis >= len(shape) - 2 else "either"
                must = "either" if kind.broadcasts else must
            elif label == "one shorter" and len(token) > 1:
                must = "either"
            yield Other(f"axis {axis}, {token}, {label}", to(changed), must, ("(", str(new)))


def letters_of(kind):
    """The lengths of SIZES that an argument has: those of its axes, or the one that a size is."""
    said = [kind.axes]
    if kind.what in ("size", "pair", "arrays"):
        said += [str(kind.value)]
    if kind.what == "parameters":
        said += kind.value.values()
    return {letter for letter in SIZES if re.search(rf"\b{letter}\b", " ".join(said))}


def of_other_side(call, name, kind, value, side):
    """A tensor among arrays, or an array among tensors."""
    if call.on is not None or sum(other.what in ARRAYS for other in call.arguments.values()) > 1:
        other, what = (np.asarray, "ndarray") if side == "tensors" else (torch.from_numpy, "Tensor")
        yield Other(f"of type {what}", convert(value, other), "either" if kind.what == "like" else "raise", (what,))


def dtypes(value, side, names, must="raise"):
    """The same numbers in other dtypes."""
    for name in names:
        if side == "arrays":
            yield Other(name, value.astype(name), must, (name, "<U") if name == "str" else (name,))
        elif name not in ("object", "str"):
            yield Other(name, torch.from_numpy(value).to(getattr(torch, name)), must, (name,))


def of_floats(call, name, kind, value, side):
    """To compute with: no whole numbers, no other dtype than the others have."""
    yield from of_arrays(call, name, kind, value, side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from dtypes(value, side, ["int64", "uint8", "complex128", "object", "str"])
        yield from dtypes(value, side, ["bool"], "either" if kind.or_booleans else "raise")
    alone = call.on is None and sum(
        other.what in ("floats", "parameters") and not other.own_dtype for other in call.arguments.values()) == 1
    yield from dtypes(value, side, ["float32"], "either" if alone or kind.own_dtype else "raise")


def of_moved(call, name, kind, value, side):
    """To be moved: of every dtype, the same in all."""
    yield from of_arrays(call, name, kind, value, side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from dtypes(value, side, ["int64", "uint8", "bool", "complex128", "object", "str"], "either")
    alone = kind.own_dtype or sum(
        other.what == "moved" and not other.own_dtype for other in call.arguments.values()) == 1
    yield from dtypes(value, side, ["float32"], "either" if alone else "raise")


def of_mask(call, name, kind, value, side):
    """Boolean, never numbers."""
    yield from of_arrays(call, name, kind, value, side)
    yield from dtypes(value, side, ["float64"], "either" if kind.own_dtype else "raise")
    yield from dtypes(value, side, ["int64", "uint8", "object", "str"])


def of_like(call, name, kind, value, side):
    """An array or a tensor, of which the dtype counts."""
    yield Other("a list", value.tolist(), "raise", ("list",))
    yield from values("text", 3, 2.5)
    yield from dtypes(value, side, ["int64", "uint8", "bool", "complex128", "object", "str"], "either")


def of_ids(call, name, kind, value, side):
    """Whole numbers of any integer dtype, from 0, below a number."""
    for other in all_ids(kind, value, side):
        yield other if "with" in other.label else replace(other, came=())
    if kind.broadcasts:
        yield from of_lengths(call, name, kind, value, torch.from_numpy if side == "tensors" else np.asarray)


def all_ids(kind, value, side):
    """The `Other`s of ids; an error need not say which dtype came, it may say which number."""
    to = torch.from_numpy if side == "tensors" else np.asarray
    yield Other("a list", value.tolist(), "same")
    yield from dtypes(value, side, WHOLE, "same")
    yield from dtypes(value, side, ["float64", "float32"], "raise" if kind.below else "either")
    yield from dtypes(value, side, ["complex128", "bool", "str"])
    yield from dtypes(value, side, ["object"], "either")
    yield Other("a list of floats", (value + 0.5).tolist(), "raise" if kind.below else "either")
    yield Other("a ragged list", [[1], [1, 2]])
    yield from values("text")
    yield from values(2.5, must="raise" if kind.below else "either")
    yield from values(3, must="either")
    if value.ndim:
        yield Other("an axis fewer", to(np.array(value[0])), "either")
    yield Other("empty", to(value[:0]), "either")
    for wrong in ([-1, length(kind.below)] if kind.below else []):
        changed = value.copy()
        changed.reshape(-1)[-1] = wrong
        yield Other(f"with {wrong}", to(changed), "raise", (str(wrong),))
        yield Other(f"a list with {wrong}", changed.tolist(), "raise", (str(wrong),))


def of_size(call, name, kind, value, side):
    """A whole number, not smaller than the least."""
    yield from values(float(value), value + 0.5, float("nan"), True, str(value), "text", [value], 2j, np.float64(value))
    yield Other("np.True_", np.True_, "raise", ("True", "bool"))
    yield Other("a 1-d array", np.array([value]), "raise", ("ndarray", str([value])))
    yield Other("a 0-d array", np.array(value), "either")
    yield Other("a 0-d tensor", torch.tensor(value), "either")
    for dtype in "int64", "int32", "int8", "uint8":
        if dtype != "uint8" or value >= 0:
            yield Other(f"np.{dtype}", np.dtype(dtype).type(value), "same")
    yield from values(-1, must="either" if kind.least is None else "raise")
    yield from values(0, must="raise" if kind.least else "either")


def of_number(call, name, kind, value, side):
    """A finite real number."""
    yield from values("text", str(value), float("nan"), float("inf"), -float("inf"), True, [value], 2j)
    yield Other("a 1-d array", np.array([value, value]), "raise", ("ndarray",))
    yield Other("a 0-d array", np.array(value), "either")
    yield Other("a 0-d tensor", torch.tensor(value), "either")
    yield Other("np.float64", np.float64(value), "same")
    yield Other("np.float32", np.float32(value), "either")
    yield from values(-1, -0.5, must="either" if kind.above is kind.least is None else "raise")
    yield from values(0, must="either" if kind.above is None else "raise")


def of_flag(call, name, kind, value, side):
    """True or False, and nothing that is only like it."""
    yield from values(1, 0, "yes", 1.0, [True])
    yield Other("an array", np.array([True]), "raise", ("ndarray",))
    yield Other("np.bool_", np.bool_(value), "same")


def of_function(call, name, kind, value, side):
    """Something that can be called."""
    yield from values(3, "exp", [1])


def of_text(call, name, kind, value, side):
    """One of several words."""
    yield from values("no such word", must="either" if "register" in call.name else "raise")
    yield from values(3, ["gpt2"])


def of_pair(call, name, kind, value, side):
    """Two sizes."""
    H, W = value
    yield from values(
        3, 2.5, "text", (H,), (H, W, 1), (float(H), W), (str(H), W), (True, W), (-1, W), (None, W), [[H, W]])
    yield from values((0, W), must="either")
    yield Other("a list", [H, W], "same")
    yield Other("an array", np.array([H, W]), "either")
    yield Other("a tensor", torch.tensor([H, W]), "either")
    yield Other("np.int32", (np.int32(H), np.int32(W)), "same")


def of_edges(call, name, kind, value, side):
    """Pairs of nodes: whole numbers from 0, below a number."""
    N, to = length(kind.below), torch.from_numpy if side == "tensors" else np.asarray
    yield from values(2.5, "text")
    yield Other("3", 3, "raise", ("3", "()"))
    for wrong in (0, 1, 2), (0, 0.5), (0, None), (0,), ("a", "b"), 1, None:
        yield Other(f"with {wrong!r}", [(0, 1), wrong])
    for wrong in -1, N:
        yield Other(f"with {wrong}", [(0, 1), (0, wrong)], "raise", (str(wrong),))
    for dtype in WHOLE:
        yield Other(dtype, to(np.array(value, dtype)), "same")
    for dtype in "float64", "bool", "complex128":
        yield Other(dtype, to(np.array(value, dtype)), "raise", (dtype,))
    yield Other("an iterator", iter(value), "same")
    yield Other("a set", set(value), "same")
    yield Other("none", [], "either")


def of_parameters(call, name, kind, value, side):
    """A dict of arrays, none missing, each as in `of_floats`."""
    to = torch.from_numpy if side == "tensors" else np.asarray
    yield from values(3, "text", [1])
    must = "either" if kind.unread is True else "raise"
    yield Other("{}", {}, must)
    yield Other("wrongly named", {f"model.{key}": to(one) for key, one in value.items()}, must)
    yield Other("numbers for names", {i: to(one) for i, one in enumerate(value.values())})
    others = [axes for axes in kind.value.values()] + [one.axes for one in call.arguments.values()]
    for key, one in value.items():
        if key.startswith("blocks.0"):
            continue
        must = "either" if kind.unread is True or kind.unread and key in kind.unread else "raise"
        rest = convert(value, to)
        yield Other(f"without {key}", {k: v for k, v in rest.items() if k != key}, "either")
        yield Other(f"{key} a list", rest | {key: one.tolist()}, must, ("list",))
        yield Other(f"{key} None", rest | {key: None}, "either", ("None",))
        yield Other(f"{key} text", rest | {key: "text"}, must, ("text", "str"))
        yield Other(f"{key} 0-d", rest | {key: to(np.ones(()))}, must, ("()",))
        for dtype in dtypes(one, side, ["int64", "float32", "complex128"], must):
            yield Other(f"{key} {dtype.label}", rest | {key: dtype.value}, must, dtype.came)
        other, what = (np.asarray, "ndarray") if side == "tensors" else (torch.from_numpy, "Tensor")
        yield Other(f"{key} of type {what}", rest | {key: other(one)}, must, (what,))
        for axis, token in enumerate(kind.value[key].split()):
            if "*" not in token and " ".join(others).split().count(token) == 1:
                continue
            longer = np.resize(one, [*one.shape[:axis], one.shape[axis] + 1, *one.shape[axis + 1 :]])
            yield Other(f"{key} axis {axis} one longer", rest | {key: to(longer)}, must, ("(", str(longer.shape[axis])))


def of_list(call, name, kind, value, side):
    """A list of arrays."""
    to, other = (torch.from_numpy, np.asarray) if side == "tensors" else (np.asarray, torch.from_numpy)
    first, last = value
    yield from values(3, "text")
    yield Other("none", [])
    yield Other("lists", [one.tolist() for one in value], "raise", ("list",))
    yield Other("one of another kind", [to(first), other(last)], "raise", ("Tensor", "ndarray"))
    yield Other("one float32", [to(first), to(last.astype("float32"))], "raise", ("float32",))
    yield Other("one wider", [to(first), to(last[..., :-1])], "raise", (str(last[..., :-1].shape),))
    yield Other("one 0-d", [to(first), to(np.ones(()))], "raise", ("()",))
    yield Other("one None", [to(first), None], "raise", ("None",))
    yield Other("a tuple", (to(first), to(last)), "same")
    yield Other("an iterator", iter([to(first), to(last)]), "either")


def of_thing(call, name, kind, value, side):
    """Something else: only no raw error."""
    yield from values(3, "text", must="either")


OF_KIND = {
    "floats": of_floats, "moved": of_moved, "mask": of_mask, "like": of_like, "ids": of_ids, "size": of_size,
    "number": of_number, "flag": of_flag, "function": of_function, "text": of_text, "pair": of_pair,
    "edges": of_edges, "parameters": of_parameters, "arrays": of_list, "thing": of_thing,
}


def empty(call):
    """The call with each length at 0 in turn, in every argument that has it: (label, sizes)."""
    used = {letter for kind in call.arguments.values() for letter in letters_of(kind)}
    for letter in sorted(used):
        yield f"empty {letter}", SIZES | {letter: 0}


def judge(call, side, given, other, expected, sizes=SIZES):
    """What is wrong with what a call makes of `given`, as a sentence; None when all is right."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answer = call.run(given, side == "tensors", sizes)
    except ERRORS as error:
        said = str(error.args[0]) if error.args else ""
        told = f"{type(error).__name__}: {said[:120]}"
        if not said.startswith(tuple(f"{name}: " for name in call.names())):
            return f"{'other name' if said.split(':')[0] in OURS else 'raw'}: {told}"
        if other.must == "same":
            return f"refused: {told}"
        if other.must == "raise" and other.came and not any(came in said for came in other.came):
            return f"does not say what came ({' or '.join(other.came)}): {told}"
        return None
    except Exception as error:
        return f"raw: {type(error).__name__}: {str(error)[:120]}"
    if other.must == "raise":
        return "silent answer"
    numbers = numbers_of(answer)
    if any(number.dtype.kind in "fc" and np.isnan(number).any() for number in numbers):
        return "NaN"
    if other.must == "same" and not call.random and not alike(numbers, numbers_of(expected)):
        return "another answer"
    return None


def alike(numbers, others):
    """Whether two lists of arrays have the same shapes and numbers, as tensors and arrays have them."""
    return len(numbers) == len(others) and all(
        one.shape == other.shape and np.allclose(one, other, equal_nan=True) for one, other in zip(numbers, others))


def faults(call, name, side):
    """All that is wrong with how a call answers to other values of one argument: [(what came, what happened)]."""
    expected, found = call.run(call.draw(side == "tensors"), side == "tensors"), []
    for other in others(call, name, side):
        given = call.draw(side == "tensors") | {name: other.value}
        wrong = judge(call, side, given, other, expected)
        if wrong:
            found.append((other.label, wrong))
    return found


def faults_of_empty(call, side):
    """All that is wrong with how a call answers to empty axes; tensors are to get what arrays get."""
    found = []
    for label, sizes in empty(call):
        try:
            given = call.draw(side == "tensors", sizes)
        except ERRORS:
            continue  # an argument that another function makes cannot be made
        wrong = judge(call, side, given, Other(label, None, "either"), None, sizes)
        if not wrong and side == "tensors" and "arrays" in call.sides:
            got, expected = (numbers_or_none(call, one, sizes) for one in ("tensors", "arrays"))
            if (got is None) != (expected is None) or got is not None and not alike(got, expected):
                wrong = f"{told(got)}, where arrays get {told(expected)}"
        if wrong:
            found.append((label, wrong))
    return found


def numbers_or_none(call, side, sizes):
    """The numbers of the answer, None where it is an error."""
    try:
        return numbers_of(call.run(call.draw(side == "tensors", sizes), side == "tensors", sizes))
    except ERRORS:
        return None


def told(numbers):
    """The shapes of an answer, for a message."""
    return "an error" if numbers is None else ", ".join(str(number.shape) for number in numbers)


TRIED = [pytest.param(call, side, name, id=f"{call}-{side}-{name}", marks=call.marks)
         for call in CALLS for side in call.sides for name in call.arguments]
HAVE_AXES = [pytest.param(call, side, id=f"{call}-{side}")
             for call in CALLS if call.has_arrays and not call.random for side in call.sides]


@pytest.mark.parametrize("call, side, name", TRIED)
def test_a_wrong_argument_raises_in_the_name_of_the_function(call, side, name):
    """Is each wrong value refused by the function that was called, in a sentence, and each odd right one accepted?"""
    found = faults(call, name, side)
    assert not found, "\n".join([""] + [f"{call.name}, {name}: {label}: {wrong}" for label, wrong in found])


@pytest.mark.parametrize("call, side", HAVE_AXES)
def test_an_empty_axis_gives_an_answer_or_a_clear_error(call, side):
    """No sequences, no queries, no keys, no heads: never NaN, never an error of NumPy or PyTorch?"""
    found = faults_of_empty(call, side)
    assert not found, "\n".join([""] + [f"{call.name}: {label}: {wrong}" for label, wrong in found])


def table(chosen):
    """Print what falls short, of the functions whose names start with one of `chosen`, or of all."""
    lines = []
    for call in CALLS:
        if chosen and not call.name.startswith(tuple(chosen)):
            continue
        for side in call.sides:
            for name in [*call.arguments, ""]:
                try:
                    found = faults(call, name, side) if name else faults_of_empty(call, side)
                except Exception as error:
                    found = [("the valid call", f"raw: {type(error).__name__}: {str(error)[:120]}")]
                lines += [(call.name, name or "(axes)", side, label, wrong) for label, wrong in found]
    for line in lines:
        print(" | ".join(line).replace("\n", " "))
    print(f"{len(lines)} fall short")


if __name__ == "__main__":
    table(sys.argv[1:])
