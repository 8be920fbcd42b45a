"""Plain data in and out: arrays and numbers as JSON, no pickles.

What a learner's function returned crosses the sandbox wall in this form, so `decode` trusts nothing.
"""

import base64
import binascii
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64", "longdouble")
WIDER = ("float96", "float128")  # what NumPy calls a longdouble; its first 64 bits travel
PROTOCOLS = ("__array__", "__array_interface__")  # JAX and others give an array by these
TABLES = ("pandas", "polars", "pyarrow")
MAX_BYTES = 8 << 20   # of array data in one value
MAX_ITEMS = 1000      # in one tuple, list or dict
MAX_DEPTH = 4
MAX_TEXT = 2000


class WireError(ValueError):
    """What came is not plain data of ours."""


@dataclass(frozen=True)
class Other:
    """Stands for a value that does not travel: its description, to be read by a person."""

    description: str


def encode(value: Any, depth: int = 0) -> dict:
    """A JSON-able form of None, bool, str, numbers and arrays of any library, and tuples, lists, dicts of them.

    Anything else becomes its description, as do NumPy's matrix and masked array and tables of pandas, whose arithmetic
    is not an array's; a decoded description stays what it is. Never raises.
    """
    try:
        return _encode(value, depth)
    except Exception as error:  # a learner's class may fail in any way
        return {"other": f"{describe_type(value)} that could not be read ({type(error).__name__})"}


def _encode(value: Any, depth: int) -> dict:
    if value is None or type(value) is bool:
        return {"plain": value}
    if type(value) is int and abs(value) < 1 << 63:
        return {"plain": value}
    if type(value) is float:
        return {"float": value.hex() if math.isfinite(value) else repr(value)}
    if type(value) is str:
        return {"plain": value[:MAX_TEXT]}
    if isinstance(value, tuple | list) and len(value) <= MAX_ITEMS and depth < MAX_DEPTH:
        form = "tuple" if isinstance(value, tuple) else "list"  # a named tuple is a tuple
        return {form: [encode(item, depth + 1) for item in value]}
    if isinstance(value, dict) and len(value) <= MAX_ITEMS and depth < MAX_DEPTH:
        return {"dict": {str(key)[:MAX_TEXT]: encode(item, depth + 1) for key, item in value.items()}}
    if _package(value) == "torch" and hasattr(value, "detach"):
        return _encode_array(_to_numpy(value), describe_type(value))
    if isinstance(value, np.ma.MaskedArray | np.matrix) or _package(value) in TABLES:
        return {"other": describe_type(value)}
    if isinstance(value, np.ndarray | np.generic):
        return _encode_array(np.asarray(value), describe_type(value))
    if type(value) is Other:
        return {"other": value.description[:MAX_TEXT]}
    if any(hasattr(type(value), protocol) for protocol in PROTOCOLS):
        return _encode_array(np.asarray(value), describe_type(value))
    if hasattr(type(value), "__float__"):  # a fraction, a decimal, a number of SymPy's
        return {"float": float(value).hex()}
    return {"other": describe_type(value)}


def _package(value: Any) -> str:
    return str(type(value).__module__).split(".")[0]


def _to_numpy(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":  # NumPy has no bfloat16
        tensor = tensor.float()
    return tensor.numpy()


def _encode_array(array: np.ndarray, what: str) -> dict:
    name = "longdouble" if array.dtype.name in WIDER else array.dtype.name
    if name not in DTYPES:
        return {"other": f"{what} of dtype {array.dtype}, shape {array.shape}"}
    if array.nbytes > MAX_BYTES:
        return {"other": f"{what} of shape {array.shape}, {array.nbytes >> 20} MiB, more than can be checked"}
    little = np.ascontiguousarray(array, _travels_as(name))
    return {"array": base64.b64encode(little.tobytes()).decode(), "dtype": name,
            "shape": list(array.shape)}


def _travels_as(name: str) -> np.dtype:
    """The dtype in which an array's bytes are written down."""
    return np.dtype("float64" if name == "longdouble" else name).newbyteorder("<")


def describe_type(value: Any) -> str:
    """'a list', 'a numpy.ndarray': the kind of a value, for a person. Never raises."""
    kind = type(value)
    try:
        package = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__.split('.')[0]}."
        name = f"{package}{kind.__name__}"
    except Exception:  # a learner's class may say anything about itself
        name = "object"
    return with_article(name)[:200]


def with_article(name: str) -> str:
    """'an int', 'a list'."""
    return f"{'an' if name[:1].lower() in tuple('aeio') else 'a'} {name}"


def decode(data: Any, depth: int = 0) -> Any:
    """The value behind `encode`'s form; raises WireError on anything else."""
    if not isinstance(data, dict) or depth > MAX_DEPTH + 1:
        raise WireError("a value must be a JSON object of bounded depth")
    if "array" in data:
        return _decode_array(data)
    if len(data) != 1:
        raise WireError(f"a value has one key, not {len(data)}")
    (form, content), = data.items()
    if form == "plain" and (content is None or type(content) in (bool, int, str)):
        return content
    if form == "float" and isinstance(content, str) and len(content) < 64:
        return _decode_float(content)
    if form in ("tuple", "list") and isinstance(content, list) and len(content) <= MAX_ITEMS:
        items = [decode(item, depth + 1) for item in content]
        return tuple(items) if form == "tuple" else items
    if form == "dict" and isinstance(content, dict) and len(content) <= MAX_ITEMS:
        return {key: decode(item, depth + 1) for key, item in content.items()}
    if form == "other" and isinstance(content, str):
        return Other(content[:MAX_TEXT])
    raise WireError(f"unknown form {str(form)[:40]!r}")


def _decode_float(text: str) -> float:
    try:
        return float.fromhex(text)
    except (ValueError, OverflowError):
        raise WireError("not a float") from None


def _decode_array(data: dict) -> np.ndarray:
    dtype, shape, text = data.get("dtype"), data.get("shape"), data["array"]
    if dtype not in DTYPES or not isinstance(text, str) or len(text) > 2 * MAX_BYTES:
        raise WireError("an array needs a known dtype and base64 data of bounded size")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 1 << 31 for n in shape):
        raise WireError("an array needs a shape of whole numbers")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise WireError("an array's data is not base64") from None
    little = np.dtype("u1") if dtype == "bool" else _travels_as(dtype)  # a byte may hold more than a bool
    if math.prod(max(n, 1) for n in shape) > MAX_BYTES:  # sums over an empty axis would fill the memory
        raise WireError(f"no answer has the shape {tuple(shape)}")
    if len(raw) != math.prod(shape) * little.itemsize:
        raise WireError(f"{len(raw)} bytes do not fill {dtype} {tuple(shape)}")
    try:
        return np.frombuffer(raw, little).reshape(shape).astype(dtype)
    except ValueError:  # empty, with axes too long for any array
        raise WireError(f"no array has the shape {tuple(shape)}") from None
