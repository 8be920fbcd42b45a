import numpy as np
import pytest
import torch

from attnlib.attention import attend, attention, attention_weights

H, N, M, D, E = 6, 5, 7, 4, 3


def draw(device, key_heads=H, dtype=torch.float64, seed=0):
    """q (2, 6, 5, 4), k (2, key_heads, 7, 4), v (2, key_heads, 7, 3) on `device`."""
    g = torch.Generator().manual_seed(seed)
    shapes = (2, H, N, D), (2, key_heads, M, D), (2, key_heads, M, E)
    return [torch.randn(shape, generator=g, dtype=torch.float64).to(dtype).to(device) for shape in shapes]


def mask_of(device):
    """(5, 7), True where looking is allowed; row 2 may look at nothing."""
    mask = torch.rand((N, M), generator=torch.Generator().manual_seed(1)) < 0.6
    mask[2] = False
    return mask.to(device)


OPTIONS = [
    {},
    {"causal": True},
    {"window": 1},
    {"causal": True, "window": 2},
    {"mask": mask_of},
    {"mask": mask_of, "causal": True},
    {"bias": lambda device: torch.linspace(-2, 2, N * M, dtype=torch.float64).reshape(N, M).to(device)},
    {"bias": lambda device: torch.ones(M, dtype=torch.float64).to(device), "mask": mask_of, "scale": 0.3},
    {"softcap": 1.5},
    {"softcap": 1.5, "mask": mask_of, "window": 3},
]


@pytest.mark.parametrize("key_heads", [6, 2, 1])
@pytest.mark.parametrize("options", OPTIONS, ids=["-".join(o) or "plain" for o in OPTIONS])
def test_tensors_and_arrays_agree(options, key_heads, device):
    """Do the two implementations give the same outputs and weights, whatever is asked?"""
    given = {name: x(device) if callable(x) else x for name, x in options.items()}
    plain = {name: x.cpu().numpy() if isinstance(x, torch.Tensor) else x for name, x in given.items()}
    q, k, v = draw(device, key_heads)
    Q, K, V = (x.cpu().numpy() for x in (q, k, v))
    np.testing.assert_allclose(attention(q, k, v, **given).cpu(), attention(Q, K, V, **plain), rtol=1e-9, atol=1e-12)
    weights = attention_weights(q, k, **given).cpu()
    np.testing.assert_allclose(weights, attention_weights(Q, K, **plain), rtol=1e-9, atol=1e-12)


def test_attend_agrees(device):
    """Does `attend` give tensors what it gives arrays?"""
    q, k, v = draw(device)
    mask = mask_of(device)
    for ours, theirs in zip(attend(q, k, v, mask), attend(*(x.cpu().numpy() for x in (q, k, v, mask)))):
        np.testing.assert_allclose(ours.cpu(), theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=["-".join(o) or "plain" for o in OPTIONS])
def test_gradients(options, device):
    """Are the gradients right, and finite where a row may look at nothing?"""
    given = {name: x(device) if callable(x) else x for name, x in options.items()}
    q, k, v = (x[:1, :2].requires_grad_() for x in draw(device))
    assert torch.autograd.gradcheck(lambda *qkv: attention(*qkv, **given), (q, k, v))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("options", [{}, {"softcap": 2.0}, {"window": 2}], ids=["plain", "softcap", "window"])
def test_dtype_is_kept(dtype, options, device):
    """Is the answer of the dtype and on the device of the input, and near the float64 one?"""
    q, k, v = draw(device, dtype=dtype)
    out = attention(q, k, v, **options)
    assert out.dtype == dtype and out.device == q.device
    exact = attention(*(x.double() for x in (q, k, v)), **options)
    torch.testing.assert_close(out.double(), exact, rtol=2e-2, atol=2e-2)


q, k, v = torch.ones(N, D), torch.ones(M, D), torch.ones(M, E)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: attention(q, k[:, :3], v), ValueError, r"attention: q has 4 columns, k has 3; .* k \(7, 3\)"),
        (lambda: attention(q, k, v[:6]), ValueError, "7 keys and 6 values"),
        (lambda: attention(q, k.double(), v), TypeError, "one floating dtype; got q torch.float32, k torch.float64"),
        (lambda: attention(q, np.ones((M, D)), v), TypeError, "do not mix; got q Tensor, k ndarray, v Tensor"),
        (lambda: attention(q, k.to("meta"), v), ValueError, "need one device; got q on cpu, k on meta, v on cpu"),
        (lambda: attention(q, k, v, mask=torch.ones(N, M)), TypeError, "mask must be bool, .* got torch.float32"),
        (lambda: attention(q, k, v, mask=torch.ones(N, 3) > 0), ValueError, r"mask \(5, 3\) does not broadcast"),
        (lambda: attention(q, k, v, bias=torch.ones(3, M)), ValueError, r"bias \(3, 7\) does not broadcast"),
        (lambda: attend(q, k[:, :3], v), ValueError, "attend: q has 4 columns"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes, dtypes or devices received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
