"""The layers that look at each vector alone: a matrix, the norms, the activations, the small network of a block.

All take one floating dtype and return it; half types are computed in float32. Parameters of `mlp` come as a plain dict
of arrays, one a name. Whole numbers, mixed dtypes and shapes that do not fit raise, naming the function.
"""

import math
from collections.abc import Mapping

import numpy as np

from attnlib._arguments import check_axes, check_flags, check_floating, check_functions, check_numbers
from attnlib._dispatch import also_tensors
from attnlib._ops import astype, widen


@also_tensors
def linear(x, W, b=None):
    """Multiply every vector by one matrix and add one vector.

    x (..., D), W (D, E), b (E). Returns (..., E) in the dtype of x; float16 is summed in float32.
    Raises ValueError or TypeError naming the shapes and dtypes when they do not fit.

    >>> linear(np.array([[1., 2.]]), np.array([[1., 0.], [1., 1.]]), np.array([0., 10.]))
    array([[ 3., 12.]])
    """
    check_linear(x, W, b)
    wide = np.promote_types(x.dtype, np.float32)
    y = x.astype(wide, copy=False) @ W.astype(wide, copy=False)  # (..., E)
    if b is not None:
        y = y + b
    return y.astype(x.dtype, copy=False)


def layer_norm(x, gain, shift, eps=1e-5):
    """Give every vector mean 0 and variance 1, then a learned gain and shift for each feature.

    x (..., D), gain (D), shift (D). Returns (..., D) in the dtype of x; float16 is averaged in float32.
    The variance divides by D; eps, 0 or more, is added to it, so that a constant vector gives the shift, not NaN.
    Raises ValueError or TypeError naming the shapes and dtypes when they do not fit.
    Source: Ba, Kiros & Hinton 2016, eqs. 3 and 4.

    >>> layer_norm(np.array([[1., 3.]]), gain=np.array([1., 10.]), shift=np.zeros(2)).round(2)
    array([[-1., 10.]])
    """
    check_norm("layer_norm", x, eps, gain=gain, shift=shift)
    wide, gain, shift = widen(x, gain, shift)
    centred = wide - wide.mean(-1)[..., None]                    # (..., D)
    variance = (centred**2).mean(-1)[..., None]                  # (..., 1)
    return astype(centred / (variance + eps) ** 0.5 * gain + shift, x.dtype)


def rms_norm(x, gain, eps=1e-6):
    """Divide every vector by its root mean square; no mean is subtracted and no shift added.

    x (..., D), gain (D). Returns (..., D) in the dtype of x; float16 is averaged in float32. eps, 0 or more, is added
    to the mean square. Raises ValueError or TypeError naming the shapes and dtypes when they do not fit.
    Source: Zhang & Sennrich 2019, eq. 4.

    >>> rms_norm(np.array([[3., 4., 0., 0.]]), gain=np.ones(4)).round(2)
    array([[1.2, 1.6, 0. , 0. ]])
    """
    check_norm("rms_norm", x, eps, gain=gain)
    wide, gain = widen(x, gain)
    power = (wide**2).mean(-1)[..., None]                        # (..., 1)
    return astype(wide / (power + eps) ** 0.5 * gain, x.dtype)


@also_tensors
def sigmoid(x):
    """The logistic function 1 / (1 + exp(-x)), between 0 and 1.

    x, any shape, floating. Returns the same shape and dtype. No exponential overflows, and no digit is lost for
    negative x. Raises TypeError for whole numbers.

    >>> sigmoid(np.array([-1000., 0., 1000.]))
    array([0. , 0.5, 1. ])
    """
    check_vectors("sigmoid", x)
    wide = x.astype(np.promote_types(x.dtype, np.float32), copy=False)
    with np.errstate(under="ignore"):                            # exp(-1000) is to be 0
        share = np.exp(np.minimum(wide, 0)) / (1 + np.exp(-np.abs(wide)))
    return share.astype(x.dtype, copy=False)


_erfc = np.vectorize(math.erfc, otypes=[float])  # NumPy has none of its own


@also_tensors
def erfc(x):
    """The complementary error function, 2 / sqrt(pi) times the integral of exp(-t^2) from x to infinity.

    x, any shape, floating. Returns the same shape and dtype. Raises TypeError for whole numbers.

    >>> erfc(np.array([0., 1.])).round(4)
    array([1.    , 0.1573])
    """
    check_vectors("erfc", x)
    with np.errstate(under="ignore"):                            # that of a large x is to be 0
        return _erfc(x.astype(float)).astype(x.dtype)


def gelu(x, tanh=False):
    """x times the probability that a standard normal number is below x.

    x, any shape, floating. Returns the same shape and dtype; float16 is computed in float32. Exact by the error
    function; tanh=True takes the approximation that GPT-2 was trained with (at most 5e-4 away).
    Raises TypeError for whole numbers. Source: Hendrycks & Gimpel 2016.

    >>> gelu(np.array([-1., 0., 1.])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    check_vectors("gelu", x)
    check_flags("gelu", tanh=tanh)
    if x.ndim == 0:
        return gelu(x[None], tanh)[0]  # what NumPy computes of a 0-d array is a number, no array
    wide, = widen(x)
    if tanh:
        below = sigmoid(2 * math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3))  # (1 + tanh(u)) / 2 = sigmoid(2u)
    else:
        below = erfc(-wide * math.sqrt(0.5)) / 2  # 1 + erf would lose the digits of negative x
    return astype(wide * below, x.dtype)


def silu(x):
    """x times its logistic sigmoid, the activation of Llama's gated network.

    x, any shape, floating. Returns the same shape and dtype; float16 is computed in float32.
    Raises TypeError for whole numbers. Source: Elfwing, Uchibe & Doya 2018.

    >>> silu(np.array([0., 100.]))
    array([  0., 100.])
    """
    check_vectors("silu", x)
    wide, = widen(x)
    return astype(wide * sigmoid(wide), x.dtype)


def mlp(x, parameters, *, act=gelu):
    """The small network of a block, applied to each vector alone: a wider layer, an activation, and a layer back.

    x (..., D); parameters W_in (D, F), W_out (F, D), and b_in (F), b_out (D) if there are any.
    With W_gate (D, F), and b_gate (F) if any, act is applied to the gate and the two products are multiplied
    (Shazeer 2020, "GLU Variants Improve Transformer"). Returns (..., D).
    Raises ValueError or TypeError naming what came when names, shapes or dtypes do not fit.
    Source: Vaswani et al. 2017, section 3.3.

    >>> mlp(np.array([[-5., 5.]]), {"W_in": np.eye(2), "W_out": np.eye(2)}).round(2)
    array([[-0.,  5.]])
    """
    check_mlp("mlp", x, parameters, act)
    wide = linear(x, parameters["W_in"], parameters.get("b_in"))  # (..., F)
    if "W_gate" in parameters:
        wide = act(linear(x, parameters["W_gate"], parameters.get("b_gate"))) * wide
    else:
        wide = act(wide)
    return linear(wide, parameters["W_out"], parameters.get("b_out"))


def check_vectors(who, x):
    """Raise TypeError unless x is an array or a tensor of a floating dtype."""
    check_axes(who, x=(x, "..."))
    check_floating(who, x=x)


def check_linear(x, W, b):
    """Raise ValueError or TypeError, naming what came, unless x, W and b fit together."""
    check_axes("linear", x=(x, "... D"), W=(W, "D E"), b=(b, "? E"))
    check_floating("linear", x=x, W=W, b=b)


def check_norm(who, x, eps, **learned):
    """Raise ValueError or TypeError, naming what came, unless x (..., D) and what is learned (D) fit together."""
    check_axes(who, x=(x, "... d"), **{name: (array, "d") for name, array in learned.items()})
    check_floating(who, x=x, **learned)
    check_numbers(who, eps=eps)
    if eps < 0:
        raise ValueError(f"{who}: eps must be 0 or more; got {eps}.")


def check_mlp(who, x, parameters, act):
    """Raise ValueError or TypeError, naming what came, unless the parameters of `mlp` are there and fit x."""
    check_functions(who, act=act)
    check_names(who, parameters, ("W_in", "W_out"), ("b_in", "b_out", "W_gate", "b_gate"))
    axes = {"W_in": "d F", "b_in": "F", "W_gate": "d F", "b_gate": "F", "W_out": "F E", "b_out": "E"}
    check_axes(who, x=(x, "... d"), **{name: (array, axes[name]) for name, array in parameters.items()})
    check_floating(who, x=x, **parameters)
    if "b_gate" in parameters and "W_gate" not in parameters:
        raise ValueError(f"{who}: b_gate is added to a gate, x W_gate; W_gate is missing.")


def check_names(who, parameters, needed, others=()):
    """Raise unless parameters is a dict that has every name needed, and no name but these and the others."""
    if not isinstance(parameters, Mapping):
        raise TypeError(f"{who}: the parameters must be a dict, one array a name. Got {type(parameters).__name__}.")
    missing = [name for name in needed if name not in parameters]
    unknown = [name for name in parameters if name not in needed and name not in others]
    if missing or unknown:
        wrong = "no " + ", ".join(missing) if missing else f"an unknown {', '.join(map(str, unknown))}"
        may = f"; there may be {', '.join(others)}" if others else ""
        raise ValueError(
            f"{who}: the parameters have {wrong}. There must be {', '.join(needed) or 'none'}{may}. "
            f"Got {', '.join(map(str, parameters)) or 'none'}."
        )
