import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from attnlib.attention import attend, attention, attention_weights
from attnlib.backward import attention_forward

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


PAST = [{"causal": True, "past": 3}, {"window": 1, "past": 2}, {"causal": True, "window": 2, "past": 50}]
WITH_SINKS = [{"sinks": torch.linspace(-2, 2, H).double()}, {"sinks": torch.zeros(1).double(), "causal": True}]


@pytest.mark.parametrize("scale", [None, -0.5, 0.0], ids=str)
@pytest.mark.parametrize("options", PAST + WITH_SINKS + [{"causal": True}, {"causal": True, "softcap": 1.5}], ids=str)
@pytest.mark.parametrize("width", [D, E])
def test_past_sinks_and_any_scale_agree(options, scale, width, device):
    """With past, sinks and scales of 0 and below, values as wide as keys or not, do the two agree, gradients too?"""
    q, k, v = draw(device, 2)
    q, k = q[..., :width].contiguous(), k[..., :width].contiguous()  # E = 3 is the width of v
    given = {name: x.to(device) if isinstance(x, torch.Tensor) else x for name, x in options.items()} | {"scale": scale}
    plain = {name: x.cpu().numpy() if isinstance(x, torch.Tensor) else x for name, x in given.items()}
    arrays = [x.cpu().numpy() for x in (q, k, v)]
    np.testing.assert_allclose(attention(q, k, v, **given).cpu(), attention(*arrays, **plain), rtol=1e-9, atol=1e-12)
    leaves = [x[:1].clone().requires_grad_() for x in (q, k, v)]
    if "sinks" in given:
        leaves.append(given["sinks"].clone().requires_grad_())
    names = ["sinks"] * (len(leaves) - 3)
    call = lambda q, k, v, *others: attention(q, k, v, **given | dict(zip(names, others)))
    assert torch.autograd.gradcheck(call, leaves, fast_mode=True)


@pytest.mark.parametrize("axes", [(), (4,), (2, 2), (2, 1, 3, 2)], ids=str)
@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": 2, "past": 1}, {"softcap": 2.0}], ids=str)
def test_chunks_and_axes_change_nothing(axes, options, device, monkeypatch):
    """In chunks of a few rows, with any leading axes, are output and gradients those of one chunk?"""
    results = []
    for scores in 1 << 20, 1:
        monkeypatch.setattr("attnlib.tensors._chunks.SCORES", scores)
        monkeypatch.setattr("attnlib.tensors._chunks.FEWEST", 2)
        g = torch.Generator().manual_seed(0)
        leaves = [torch.randn(*axes, 9, D, generator=g, dtype=torch.float64).to(device).requires_grad_()
                  for _ in range(3)]
        out = attention(*leaves, mask=torch.ones(9, 9, dtype=torch.bool, device=device).tril(1), **options)
        results.append([out, *torch.autograd.grad((out**2).sum(), leaves)])
    for one, other in zip(*results):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("spoil", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("hide", [{"mask": True}, {"bias": True}, {"causal": True}, {"window": 1}], ids=str)
def test_what_a_query_may_not_see_changes_nothing(hide, spoil, device):
    """With NaN or inf in the last key and value, do queries that may not see it keep their output and gradients?"""
    q, k, v = (torch.randn(2, H, N, D, dtype=torch.float64, device=device) for _ in range(3))
    seen = torch.ones(N, N, dtype=torch.bool, device=device).tril()
    barred = torch.zeros(N, N, device=device).double().masked_fill(~seen, -torch.inf)
    options = {name: {"mask": seen, "bias": barred}.get(name, value) for name, value in hide.items()}
    blind = slice(0, N - 2)
    before = attention(q, k, v, **options)[..., blind, :]
    k[..., -1, :], v[..., -1, :] = spoil, spoil
    leaves = [x.requires_grad_() for x in (q, k, v)]
    torch.testing.assert_close(attention(*leaves, **options)[..., blind, :], before)
    some = attention(leaves[0][..., blind, :], *leaves[1:],
                     **{name: x[blind] if isinstance(x, torch.Tensor) else x for name, x in options.items()})
    torch.testing.assert_close(some, before)
    for gradient in torch.autograd.grad(some.sum(), leaves):
        assert gradient.isfinite().all()
    if spoil != spoil:
        assert attention(*leaves, **options)[..., -1, :].isnan().all()


@pytest.mark.parametrize("function", [attention, attend])
def test_a_row_of_nan_gives_no_gradient_to_what_it_does_not_see(function, device):
    """Does a value that only other queries see keep its gradient when one query's output is NaN?"""
    mask = torch.ones(N, M, dtype=torch.bool, device=device)
    mask[:-1, 2] = mask[-1, 1] = False                        # the last query sees NaN, and not key 1
    q, k, v = draw(device)
    k[..., 2, :] = torch.nan
    out = function(q, k, v.requires_grad_(), mask=mask)
    out = out[0] if function is attend else out
    dv, = torch.autograd.grad(out.sum(), v)
    expected = attention_weights(q[..., :-1, :], k, mask=mask[:-1])[..., 1].sum(-1)[..., None]
    torch.testing.assert_close(dv[..., 1, :], expected.expand(dv[..., 1, :].shape))


MEASURE = """
import torch, sys
from attnlib.attention import attention
torch.set_num_threads(1)
N, options = 8192, eval(sys.argv[1])
axes = options.pop("axes", (1, 1))
def status(name):
    return int(next(x for x in open("/proc/self/status") if x.startswith(name)).split()[1]) / 1024
for n, backward in (128, True), (N, sys.argv[2] == "backward"):
    given = {name: x(n) if callable(x) else x for name, x in options.items()}
    leaves = [torch.randn(*axes, n, 16, requires_grad=backward) for _ in range(3)]
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts again from here
    before = status("VmRSS")
    out = attention(*leaves, **given)
    if backward:
        out.sum().backward()
print(status("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="Linux tells a process its peak of memory")
@pytest.mark.parametrize("options", [
    "{'causal': True, 'axes': ()}", "{'causal': True, 'window': 64}",
    "{'causal': True, 'mask': lambda n: torch.arange(n) < n - 9}", "{'softcap': 2.0}",
    "{'causal': True, 'past': 9}", "{'causal': True, 'sinks': torch.zeros(1)}",
])
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_memory_grows_with_n_plus_m(options, way):
    """For 8192 queries and keys, whose scores would take 256 MiB, is 160 MiB enough, gradients included?"""
    run = subprocess.run([sys.executable, "-c", MEASURE, options, way], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 160, run.stdout


def test_a_visible_infinity_is_one_for_arrays_and_tensors():
    """Does a query that sees an infinite value get it, and one that sees both get NaN, of arrays and of tensors?"""
    q, v = np.zeros((3, 2)), np.array([[1.0], [np.inf], [-np.inf]])
    expected = [[1], [np.inf], [np.nan]]
    np.testing.assert_array_equal(attention(q, q, v, causal=True), expected)
    np.testing.assert_array_equal(attention(*map(torch.from_numpy, (q, q, v)), causal=True), expected)


def test_a_bias_may_have_another_floating_dtype():
    """Is a float64 bias added to float32 scores, in attention and in its own log-sum-exp?"""
    q, bias = torch.ones(3, 2), torch.arange(3.0, dtype=torch.float64)
    assert attention(q, q, q, bias=bias).dtype == torch.float32
    assert attention_forward(q, q, q, bias=bias)[0].dtype == torch.float32


def test_a_long_row_of_plain_attention_keeps_its_digits():
    """Do 100,000 equal float32 keys give a value of 1 its 1 back?"""
    z, ones = torch.zeros(100_000, 1), torch.ones(100_000, 1)
    assert abs(attend(z[:1], z, ones)[0].item() - 1) < 1e-5
