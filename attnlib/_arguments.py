"""The checks of arguments that functions share. What only one function asks stands in its module, in a `check_…`.

What is accepted, everywhere in attnlib:

- **Arrays** are NumPy arrays or torch tensors, never lists; one call takes one kind, and tensors of one device.
- **Dtypes.** What is multiplied together has one floating dtype, and the result has it; half types are computed in
  float32. Whole numbers raise: nothing is promoted silently. What is added to scores (bias, sinks) or computed beside
  them (angles, states) may have another floating dtype. A function that only moves numbers takes every dtype.
- **Masks** are boolean, True = may attend, and broadcast to the scores.
- **Ids, lengths and positions** are whole numbers of any integer dtype, and may be lists; `rope` takes fractions too.
- **Sizes** are whole numbers, Python's or NumPy's; a float or a bool is none. **Numbers** are real and finite,
  **flags** are True or False.

Every check starts its message with `who`, the function that was called, and says what came.
"""

import math
import sys
from itertools import zip_longest
from numbers import Real
from operator import index

import numpy as np

from attnlib._dispatch import is_tensor


def check_axes(who, **arrays):
    """Raise unless the arrays have the axes that their letters say; one letter means one length.

    arrays: name=(array, "... N d"). The axes in place of the dots are any, and broadcast together; without dots there
    are none. An axis called by a small letter, a width, is 1 or more. `"? ... N d"` lets None pass.
    """
    arrays = {name: given for name, given in arrays.items() if not (given[0] is None and given[1].startswith("?"))}
    check_arrays(who, **{name: array for name, (array, _) in arrays.items()})
    if _fit(arrays.values()):
        return  # the common case, decided without building a message
    lengths, leading = {}, []
    for name, (array, axes) in arrays.items():
        letters = [letter for letter in axes.split() if letter not in ("?", "...")]
        dots, missing = "..." in axes, len(letters) - array.ndim
        if missing > 0 or missing < 0 and not dots:
            raise ValueError(
                f"{who}: {name} needs {len(letters)} {'axis' if len(letters) == 1 else 'axes'}"
                f"{' or more' if dots else ''}, {_axes(axes)}. {got(arrays)}"
            )
        leading.append(array.shape[: -missing])
        for letter, length in zip(letters, array.shape[-missing:]):
            other, right = lengths.setdefault(letter, (name, int(letter) if letter.isdigit() else length))
            if length != right and letter.isdigit():
                raise ValueError(f"{who}: {name} must be {_axes(axes)}; it has {length} for {letter}. {got(arrays)}")
            if length != right:
                raise ValueError(
                    f"{who}: {other} {_axes(arrays[other][1])} and {name} {_axes(axes)} need the same {letter}; it is "
                    f"{right} and {length}. {got(arrays)}"
                )
            if letter.islower() and length < 1:
                raise ValueError(f"{who}: {name} {_axes(axes)} needs {letter} to be 1 or more. {got(arrays)}")
    if broadcast(*leading) is None:
        raise ValueError(f"{who}: the axes before the last ones do not broadcast together. {got(arrays)}")


def _fit(arrays):
    """Whether all is as `check_axes` asks; no where it has to look closer."""
    lengths, leading = {}, []
    for array, axes in arrays:
        letters, shape = axes.removeprefix("? ").split(), tuple(array.shape)
        if letters[0] == "...":
            letters = letters[1:]
            more = len(shape) - len(letters)
            if more > 0:
                leading.append(shape[:more])
                shape = shape[more:]
        if len(letters) != len(shape) or 0 in shape:
            return False
        for letter, length in zip(letters, shape):
            if lengths.setdefault(letter, length) != length or letter.isdigit():
                return False
    return len(leading) < 2 or broadcast(*leading) is not None


def _axes(axes):
    """The letters as a shape: "? ... N d" as (..., N, d)."""
    letters = axes.replace("?", "").split()
    return f"({', '.join(letters)}{',' * (len(letters) == 1)})"


def got(arrays):
    """The last sentence of an error: every array with its shape. arrays: {name: (array, ...)}"""
    return f"Got {', '.join(f'{name} {tuple(given[0].shape)}' for name, given in arrays.items())}."


def broadcast(*shapes):
    """The shape that these shapes broadcast to; None when they do not. (NumPy's own cannot be compiled by PyTorch.)"""
    joined = []
    for lengths in zip_longest(*(tuple(shape)[::-1] for shape in shapes), fillvalue=1):
        longer = [length for length in lengths if length != 1] or [1]
        if any(length != longer[0] for length in longer):
            return None
        joined.append(longer[0])
    return tuple(joined[::-1])


def check_arrays(who, **arrays):
    """Raise TypeError unless all are NumPy arrays or all are tensors, ValueError for tensors of several devices."""
    first = next(iter(arrays.values()), None)
    if all(type(array) is np.ndarray for array in arrays.values()):
        return  # the common cases, decided without building a message
    if is_tensor(first) and all(is_tensor(array) and array.device == first.device for array in arrays.values()):
        return
    kinds = {name: is_tensor(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        usual = isinstance(array, np.ndarray) and not isinstance(array, np.matrix | np.ma.MaskedArray)
        if not (kinds[name] or usual):
            raise TypeError(
                f"{who}: {name} must be an array or a tensor; got {_told(array)}. Convert with np.asarray."
            )
    if len(set(kinds.values())) > 1:
        came = ", ".join(f"{name} {type(array).__name__}" for name, array in arrays.items())
        raise TypeError(f"{who}: tensors and arrays do not mix; got {came}. Convert with torch.from_numpy.")
    if kinds and is_tensor(first) and any(array.device != first.device for array in arrays.values()):
        came = ", ".join(f"{name} on {array.device}" for name, array in arrays.items())
        raise ValueError(f"{who}: all tensors need one device; got {came}. Move them with .to(...).")


def check_floating(who, **arrays):
    """Raise TypeError unless all have one floating dtype (ml_dtypes' bfloat16 is one). None passes."""
    arrays = {name: array for name, array in arrays.items() if array is not None}
    dtypes = [array.dtype for array in arrays.values()]
    if any(dtype != dtypes[0] for dtype in dtypes) or dtypes and not is_floating(dtypes[0]):
        came = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        convert = ".to(torch.float32)" if is_tensor(next(iter(arrays.values()))) else ".astype(np.float32)"
        one = f"{_listed(arrays)} need{'s' * (len(arrays) == 1)} {'a' if len(arrays) == 1 else 'one'} floating dtype"
        raise TypeError(f"{who}: {one}; got {came}. Convert with {convert}.")


def is_floating(dtype):
    """Whether a dtype of NumPy or of PyTorch is floating."""
    if isinstance(dtype, np.dtype):
        return np.issubdtype(dtype, np.floating) or dtype.name == "bfloat16"
    return dtype.is_floating_point


def check_qkv(who, q, k, v):
    """Raise unless q (..., H, N, D), k (..., H_kv, M, D) and v (..., H_kv, M, E) fit: see `attnlib.attention`."""
    check_arrays(who, q=q, k=k, v=v)
    check_floating(who, q=q, k=k, v=v)
    if q.ndim == k.ndim == v.ndim == 4 and q.shape[:2] == k.shape[:2] == v.shape[:2]:
        if q.shape[3] == k.shape[3] and k.shape[2] == v.shape[2] and q.shape[3]:
            return  # the common case, decided without building a message

    def came():  # in an error only: PyTorch cannot compile a message of lengths that it leaves open
        return got({"q": (q,), "k": (k,), "v": (v,)})

    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ValueError(f"{who}: q, k and v need two axes or more, (..., N, D). {came()}")
    if q.shape[-1] != k.shape[-1] or not q.shape[-1]:
        raise ValueError(
            f"{who}: q has {q.shape[-1]} columns, k has {k.shape[-1]}; both need the same width, 1 or more. {came()}"
        )
    if k.shape[-2] != v.shape[-2]:
        raise ValueError(f"{who}: {k.shape[-2]} keys and {v.shape[-2]} values; each key needs one value. {came()}")
    if q.ndim != k.ndim or k.shape[:-2] != v.shape[:-2] or q.shape[:-3] != k.shape[:-3]:
        raise ValueError(f"{who}: the leading axes differ; k and v need those of q, except for fewer heads. {came()}")
    if q.ndim > 2 and (q.shape[-3] % k.shape[-3] if k.shape[-3] else q.shape[-3]):
        raise ValueError(f"{who}: {q.shape[-3]} query heads cannot share {k.shape[-3]} key heads evenly. {came()}")


def check_options(who, q, k, **options):
    """Raise unless these options of `attnlib.attention.attention` fit q and k, which have been checked."""
    check_score_options(who, (*q.shape[:-1], k.shape[-2]), **options, q=q)


def check_score_options(
    who, shape, *, mask, bias, causal, window, scale, softcap, past, sinks, what="the scores", **like
):
    """`check_options` for scores of this shape, (..., N, M); like: one array, name=array, whose kind is theirs.

    what: how an error calls the scores.
    """
    check_mask(who, mask, shape, what, **like)
    for name, array, right, of in ("bias", bias, shape, what), ("sinks", sinks, shape[:-2], "the heads"):
        if array is not None:
            check_arrays(who, **like, **{name: array})
            if not is_floating(array.dtype):
                raise TypeError(f"{who}: {name} must be floating; got {array.dtype} {tuple(array.shape)}.")
            check_broadcasts(who, name, array, right, of)
    check_flags(who, causal=causal)
    check_sizes(who, least=0, past=past, **({} if window is None else {"window": window}))
    if scale is not None:
        check_numbers(who, scale=scale)
    if softcap is not None:
        check_numbers(who, above=0, softcap=softcap)


def check_mask(who, mask, shape, what="the scores", **others):
    """Raise unless the mask is None, or boolean, of the kind and device of the others, and broadcasts to `shape`."""
    if mask is None:
        return
    check_arrays(who, mask=mask, **others)
    if "bool" not in str(mask.dtype):
        raise TypeError(
            f"{who}: mask must be bool, True = may attend; got {mask.dtype} {tuple(mask.shape)}. "
            "Pass numbers to be added to the scores as bias=, where there is one."
        )
    check_broadcasts(who, "mask", mask, shape, what)


def check_broadcasts(who, name, array, shape, what="the scores"):
    """Raise ValueError unless the array called `name` broadcasts to `shape`, that of `what`."""
    shape = tuple(shape)
    if broadcast(array.shape, shape) != shape:
        raise ValueError(f"{who}: {name} {tuple(array.shape)} does not broadcast to {what} {shape}.")


def check_sizes(who, least=1, **sizes):
    """The sizes as Python's integers, one or a list; raise unless each is a whole number, `least` or more."""
    whole = []
    for name, size in sizes.items():
        if is_tensor(size) and sys.modules["torch"].jit.is_tracing():
            size = int(size)  # torch.jit.trace sees lengths as tensors
        array = isinstance(size, np.ndarray) or is_tensor(size)
        if array or isinstance(size, bool | np.bool_) or not hasattr(type(size), "__index__"):
            raise TypeError(f"{who}: {name} must be a whole number, {least} or more. Got {_told(size)}.")
        if size < least:
            came = ", ".join(f"{name}={size}" for name, size in sizes.items())
            raise ValueError(f"{who}: {name} must be a whole number, {least} or more. Got {came}.")
        whole.append(index(size))
    return whole[0] if len(whole) == 1 else whole


def check_numbers(who, above=None, **numbers):
    """Raise unless each is a finite real number, larger than `above` where that is given. None is refused."""
    for name, number in numbers.items():
        right = f"a finite number{'' if above is None else f' above {above}'}"
        if isinstance(number, bool | np.bool_) or not isinstance(number, Real):
            raise TypeError(f"{who}: {name} must be {right}. Got {_told(number)}.")
        if not -math.inf < number < math.inf or above is not None and number <= above:
            raise ValueError(f"{who}: {name} must be {right}. Got {number}.")


def check_flags(who, **flags):
    """Raise TypeError unless each is True or False."""
    for name, flag in flags.items():
        if not isinstance(flag, bool | np.bool_):
            raise TypeError(f"{who}: {name} must be True or False. Got {_told(flag)}.")


def check_ids(who, ids, size, what="id", outside=IndexError, why=None, **like):
    """The ids, an array, tensor or list, as 64-bit integers; raise unless they are whole numbers from 0 to size - 1.

    like: one array, name=array, whose kind and device the ids need; a list takes them. why: ends the error's message.
    The range is left to whatever reads a row while the numbers cannot be looked at: see `can_look`.
    """
    ids = as_array(who, f"{what}s", ids, **like)
    dtype = str(ids.dtype).removeprefix("torch.")
    if 0 in ids.shape:
        dtype = "int64"  # an empty list comes as float64
    if not dtype.startswith(("int", "uint")):
        raise TypeError(f"{who}: {what}s must be whole numbers; got {ids.dtype} {tuple(ids.shape)}.")
    whole = ids.long() if is_tensor(ids) else ids.astype(np.int64)  # a small type could not hold the size
    if can_look(ids):
        wrong = ids[(whole < 0) | (whole >= size)]
        if len(wrong):
            why = why or f"the size is {size}"
            raise outside(f"{who}: {what} {wrong[0].item()} is outside 0..{size - 1}; {why}.")
    return whole


def as_array(who, name, numbers, **like):
    """Numbers called `name` as an array: a list, or one number, takes the kind and device of `like`, name=array.

    Raises unless they are numbers, and arrays and tensors are of the kind and on the device of `like`.
    """
    like = {key: array for key, array in like.items() if array is not None}
    other = next(iter(like.values()), None)
    if isinstance(numbers, list | tuple) and is_tensor(other) and sys.modules["torch"].compiler.is_compiling():
        numbers = sys.modules["torch"].as_tensor(numbers, device=other.device)  # it cannot follow NumPy
    if not (isinstance(numbers, np.ndarray) or is_tensor(numbers)):
        came = _told(numbers)
        try:
            numbers = np.asarray(numbers)
        except (TypeError, ValueError):  # rows of different lengths
            numbers = np.array(None)
        if numbers.dtype.kind not in "biuf":
            raise TypeError(f"{who}: {name} must be numbers, in an array, a tensor or a list. Got {came}.")
        if is_tensor(other):
            numbers = sys.modules["torch"].as_tensor(numbers, device=other.device)
    check_arrays(who, **{name: numbers}, **like)
    return numbers


def check_like(who, like, real=True):
    """Raise unless `like` is an array or a tensor, floating where the result is `real`. None passes."""
    if like is not None:
        check_arrays(who, like=like)
        if real:
            check_floating(who, like=like)


def can_look(x):
    """Whether code may branch on the numbers of x: not in one that PyTorch compiles, traces or maps over."""
    if not is_tensor(x):
        return True
    torch = sys.modules["torch"]
    planned = torch.compiler.is_compiling() or torch.jit.is_tracing() or x.is_meta
    return not (planned or torch._C._functorch.is_functorch_wrapped_tensor(x))


def check_functions(who, **functions):
    """Raise TypeError unless each can be called."""
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"{who}: {name} must be a function. Got {_told(function)}.")


def _told(value):
    """What came, for a message: its type, and the value of a number or a short string."""
    if isinstance(value, np.ndarray) or is_tensor(value):
        return f"{type(value).__name__} {tuple(value.shape)}"
    if isinstance(value, int | float | complex | str | np.generic) and len(repr(value)) < 40:
        return f"{value!r}"
    return "None" if value is None else type(value).__name__


def _listed(names):
    """Names as a list in a sentence: q, k and v."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
