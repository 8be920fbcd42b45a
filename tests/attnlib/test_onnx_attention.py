"""The ONNX Attention operator, spelled with attnlib: its 93 published cases are the referee."""

from collections import Counter

import ml_dtypes
import numpy as np
import pytest
import torch

from attnlib.attention import attention, attention_weights
from tests.attnlib.onnx_cases import cases

pytestmark = pytest.mark.slow
CASES = list(cases("Attention"))


def operator(attributes, inputs, to=lambda x: x):
    """Y, present key, present value and the scores at the asked-for stage, as NumPy arrays.

    `to` makes what attnlib gets from an array: itself, or a tensor.
    """
    q, k, v, mask, past_k, past_v, used = (*inputs, *[None] * 7)[:7]
    folded = q.ndim == 3
    if folded:
        q, k, v = (_split(x, attributes[f"{n}_num_heads"]) for x, n in ((q, "q"), (k, "kv"), (v, "kv")))
    past = 0 if past_k is None else past_k.shape[2]
    if past:
        k, v = np.concatenate([past_k, k], 2), np.concatenate([past_v, v], 2)
    options = _options(attributes, mask, past, used, q, k)
    arrays = {name: to(x) if isinstance(x, np.ndarray) else x for name, x in options.items()}
    y = array(attention(*map(to, (q, k, v)), **arrays))
    if folded:
        y = y.swapaxes(1, 2).reshape(len(y), y.shape[2], -1)
    return y, k, v, _stage(attributes.get("qk_matmul_output_mode", 0), q, k, options, arrays, to)


def _split(x, heads):
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def _options(attributes, mask, past, used, q, k):
    """The operator's attributes as arguments of `attention`: who sees whom in one mask, but for causal after a past."""
    N, M = q.shape[2], k.shape[2]
    offset = np.full(len(q), past) if used is None else used - N
    back = np.arange(N)[:, None] + offset[:, None, None, None] - np.arange(M)  # (B, 1, N, M): how far back a key lies
    allowed, bias = np.ones(back.shape, bool), None
    causal = bool(attributes.get("is_causal"))
    if causal and used is not None:  # every sequence has a past of its own
        allowed &= back >= 0
    for side, distance in (("left", back), ("right", -back)):
        if attributes.get(f"{side}_window_size", -1) >= 0:
            allowed &= distance <= attributes[f"{side}_window_size"]
    if used is not None:
        allowed &= np.arange(M) < used[:, None, None, None]
    if mask is not None:
        missing = [(0, 0)] * (mask.ndim - 1) + [(0, M - mask.shape[-1])]  # a shorter mask hides the rest
        if mask.dtype == bool:
            allowed = allowed & np.pad(mask, missing)
        else:
            bias = np.pad(mask, missing, constant_values=-np.inf)
            allowed = allowed & ~np.isneginf(bias)
            bias = np.where(np.isneginf(bias), 0, bias).astype(q.dtype)
    softcap = attributes.get("softcap") or None
    counted = {"causal": causal, "past": past} if used is None else {}
    return {"mask": allowed, "bias": bias, "scale": attributes.get("scale"), "softcap": softcap, **counted}


def _stage(mode, q, k, options, arrays, to):
    """The scores as the operator shows them: 0 raw, 1 capped, 2 with bias and mask, 3 weights."""
    if mode == 3:
        return array(attention_weights(to(q), to(k), **arrays))
    scale = q.shape[-1] ** -0.5 if options["scale"] is None else options["scale"]
    scores = q.astype(float) * scale @ np.repeat(k, q.shape[1] // k.shape[1], 1).astype(float).swapaxes(-1, -2)
    if mode >= 1 and options["softcap"]:
        scores = options["softcap"] * np.tanh(scores / options["softcap"])
    if mode == 2:
        N, M = scores.shape[-2:]
        seen = options["mask"] & (np.tri(N, M, options.get("past", 0), bool) | (not options.get("causal")))
        scores = np.where(seen, scores + (0 if options["bias"] is None else options["bias"]), -np.inf)
    return scores.astype(q.dtype)


def tensor(x):
    """A torch tensor of an array; NumPy's bfloat16 travels as its bits."""
    if x.dtype.name == "bfloat16":
        return torch.from_numpy(x.view(np.uint16).copy()).view(torch.bfloat16)
    return torch.from_numpy(np.ascontiguousarray(x))


def array(x):
    """An array of what `attention` gave; torch's bfloat16 travels as its bits."""
    if getattr(x, "dtype", None) == torch.bfloat16:
        return x.contiguous().view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
    return np.asarray(x)


@pytest.mark.parametrize("to", [lambda x: x, tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_onnx_attention(case, to):
    """Does attnlib give what the ONNX operator's published case gives?"""
    _, attributes, inputs, outputs, expected, rtol, atol = case
    got = [y for y, name in zip(operator(attributes, inputs, to), outputs) if name]
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected):
        half = theirs.dtype.itemsize == 2
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(
            ours.astype(float), theirs.astype(float),
            max(rtol, 1e-2 if half else 1e-3), max(atol, 2e-3 if half else 1e-6)
        )


def test_all_cases_are_here(capsys):
    """Are all 93 cases collected, and what do they ask for?"""
    asked = Counter(name for case in CASES for name, value in case[1].items() if value)
    asked.update(f"input {name}" for case in CASES for name, x in zip(
        ("q", "k", "v", "mask", "past", "past v", "lengths"), case[2]) if x is not None and name not in "qkv")
    with capsys.disabled():
        print(f"\nONNX Attention: {len(CASES)} cases;", ", ".join(f"{n} {name}" for name, n in sorted(asked.items())))
    assert len(CASES) == 93
