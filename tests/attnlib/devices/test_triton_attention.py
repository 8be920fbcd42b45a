"""The Triton kernels: right in the interpreter (and on a GPU, where there is one), and well compiled for Hopper.

Whether Triton interprets or compiles is settled when it is imported, so what is interpreted runs in a process apart.
"""

import importlib.util
import multiprocessing
import os
import re
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch

triton = pytest.importorskip("triton")

from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from attnlib.devices import triton_attention as module
from attnlib.devices.triton_attention import triton_attention

pytestmark = pytest.mark.slow
CUOBJDUMP = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"


@pytest.fixture(scope="module")
def interpreter():
    """A process in which Triton interprets its kernels on the CPU."""
    with pytest.MonkeyPatch.context() as patch, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        patch.setenv("TRITON_INTERPRET", "1")
        pool.submit(int).result()  # the process starts here, with that environment
        yield pool


@pytest.fixture
def run(device, request):
    """Call a function on a device: in the interpreter's process for the CPU, here for a GPU."""
    if device == "cuda":
        return lambda function, *args: function("cuda", *args)
    return lambda function, *args: request.getfixturevalue("interpreter").submit(function, "cpu", *args).result()


def plain(q, k, v, causal, scale=None):
    """The textbook formula in the dtype of its inputs."""
    group = q.shape[-3] // k.shape[-3]
    scores = q @ k.repeat_interleave(group, -3).mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        scores = scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(), -torch.inf)
    return scores.softmax(-1) @ v.repeat_interleave(group, -3)


def with_gradients(function, inputs, dtype, causal, scale):
    """[out, dq, dk, dv] of a function of q, k, v, in float64."""
    *leaves, dout = [x.to(dtype).clone().requires_grad_() for x in inputs]
    out = function(*leaves, causal=causal, scale=scale)
    out.backward(dout.detach())
    return [x.detach().double() for x in (out, *(leaf.grad for leaf in leaves))]


def errors(device, dtype, q_shape, k_shape, causal, scale=None, function=None):
    """For out, dq, dk, dv: the kernel's largest error, that of the formula in the same dtype, and the largest value."""
    generator = torch.Generator().manual_seed(0)
    shapes = (q_shape, k_shape, k_shape, q_shape)
    inputs = [torch.randn(shape, generator=generator).to(device, dtype).double() for shape in shapes]
    exact = with_gradients(plain, inputs, torch.float64, causal, scale)
    ours = with_gradients(function or triton_attention, inputs, dtype, causal, scale)
    theirs = with_gradients(plain, inputs, dtype, causal, scale)
    return [tuple(float(abs(x).max()) for x in (o - e, t - e, e)) for o, t, e in zip(ours, theirs, exact)]


def within(errors):
    """flash-attn's rule: an error at most twice that of plain torch. Float32 sums may round 16 times besides."""
    rounding = 16 * torch.finfo(torch.float32).eps * max(largest for _, _, largest in errors)
    return all(ours <= 2 * theirs + rounding for ours, theirs, _ in errors)


# the interpreter's products are wrong in bfloat16, so that dtype is for GPUs
DTYPES = [torch.float32, torch.float16] + [torch.bfloat16] * torch.cuda.is_available()

SHAPES = {
    "one tile": ((2, 64, 16), (2, 64, 16)),
    "ragged": ((2, 75, 32), (2, 75, 32)),
    "more keys, grouped": ((4, 33, 16), (2, 150, 16)),
    "more queries": ((3, 140, 16), (1, 37, 16)),
    "batch": ((2, 2, 5, 64), (2, 1, 7, 64)),
    "one query": ((1, 1, 128), (1, 130, 128)),
    "wide": ((1, 70, 128), (1, 70, 128)),
}


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: str(d)[6:])
@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_error_is_at_most_twice_that_of_plain_torch(run, device, dtype, shapes, causal):
    """Are the output and the three gradients as close to float64 as the formula in the same dtype, or twice that?"""
    if dtype == torch.bfloat16 and device == "cpu":
        pytest.skip("bfloat16 is for the GPU")
    found = run(errors, dtype, *shapes, causal)
    assert within(found), found


def test_large_scores_and_a_scale_of_our_own(run):
    """Do scores in the thousands stay finite, forward and backward, under a scale that is not 1/sqrt(D)?"""
    found = run(errors, torch.float32, (1, 40, 16), (1, 50, 16), True, 300.0)
    assert all(ours <= 3e-3 for ours, _, _ in found), found  # a score of 5000 is known to 5e-4, whatever one does


def odd_inputs(device):
    """What the kernel gives for inputs out of the ordinary, each beside what is right."""
    x = torch.randn(3, 40, 16, generator=torch.Generator().manual_seed(1)).to(device)
    none = x[:, :0].clone().requires_grad_()
    q = x.clone().requires_grad_()
    empty = triton_attention(q, none, none)
    empty.sum().backward()
    swapped = x.transpose(0, 1).contiguous().transpose(0, 1)
    shifted = torch.cat([x.new_zeros(1), x.flatten()])[1:].view_as(x)  # starts at no multiple of 16 bytes
    expected = triton_attention(x, x, x)
    pairs = [
        (empty, torch.zeros_like(x)),
        (q.grad, torch.zeros_like(x)),
        (none.grad, none),
        (triton_attention(none, x, x), none),
        (triton_attention(swapped, x, swapped), expected),
        (triton_attention(shifted, shifted, x), expected),
        (triton_attention(x[0], x[0], x[0]), expected[0]),
    ]
    return [bool(torch.equal(a, b)) for a, b in pairs]


def test_odd_inputs(run):
    """Are no keys, no queries, swapped axes, unaligned memory and plain matrices handled?"""
    assert all(run(odd_inputs))


SLIPS = {
    "E1 total not shrunk": ("total * shrink + tl.sum(p, 1)", "total + tl.sum(p, 1)"),
    "E2 mixture not shrunk": ("mixed * shrink[:, None])", "mixed)"),
    "E4 not divided": ("(mixed / total[:, None])", "mixed"),
    "E6 ragged block dropped": ("stop = tl.minimum(begin + ROWS, M) if CAUSAL else M", "stop = clear"),
    "E14 scaled twice": ("s = _dot(q, _block(", "s = scale * _dot(q, _block("),
    "E15 zero for -inf": ('tl.where(visible, s, -float("inf"))', "tl.where(visible, s, 0.0)"),
    "E16 delta of dout alone": (" * dout.to(tl.float32), 1)", ", 1)"),
    "B3 scale forgotten": ("(dk * scale)", "dk"),
    "M5 wrong side": ("(keys <= rows)", "(keys >= rows)"),
    "wrong key head": ("key_head * GROUP + member", "key_head + member"),
}


def slip_is_noticed(device, path):
    """Whether a changed copy of the module breaks the rule on one ragged, causal, grouped case."""
    spec = importlib.util.spec_from_file_location("slipped", path)
    slipped = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slipped)
    found = errors(device, torch.float32, (4, 75, 16), (2, 75, 16), True, function=slipped.triton_attention)
    return not within(found)


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_noticed(run, tmp_path, slip):
    """Would the test above notice a kernel with a known mistake in it?"""
    source = Path(module.__file__).read_text()
    right, wrong = SLIPS[slip]
    assert right in source
    changed = tmp_path / "slipped.py"
    changed.write_text(source.replace(right, wrong))
    assert run(slip_is_noticed, changed)


def message(device, change, options):
    """The error that q, k, v (4, 6, 16), one of them changed, raise."""
    tensors = {name: torch.ones(4, 6, 16, device=device) for name in "qkv"}
    for name, shape, dtype in change:
        tensors[name] = torch.ones(shape, dtype=dtype, device=device)
    try:
        triton_attention(*tensors.values(), **options)
    except (TypeError, ValueError) as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize(
    "change, options, kind, text",
    [
        ([("v", (4, 6, 16), torch.float16)], {}, "TypeError", "one floating dtype; got .* v torch.float16"),
        ([(x, (4, 6, 16), torch.float64) for x in "qkv"], {}, "TypeError", "one dtype of .*float16.* torch.float64"),
        ([(x, (4, 6, 80), torch.float32) for x in "qkv"], {}, "ValueError", r"16, 32, 64 or 128.* q \(4, 6, 80\)"),
        ([("v", (4, 6, 32), torch.float32)], {}, "ValueError", r"one width .* v \(4, 6, 32\)"),
        ([("v", (4, 5, 16), torch.float32)], {}, "ValueError", r"6 keys and 5 values"),
        ([("q", (3, 6, 16), torch.float32)], {}, "ValueError", "leading axes|cannot share"),
        ([], {"scale": -1.0}, "ValueError", "a positive scale, not -1.0; for a negative one pass -q"),
    ],
)
def test_errors_name_what_came(run, change, options, kind, text):
    """Does an error name the shapes, dtypes and devices received and say what would be right?"""
    found = run(message, change, options)
    assert found and found[0] == kind and re.search(text, found[1]), found


@pytest.mark.skipif(module.INTERPRETED, reason="TRITON_INTERPRET is set")
def test_cpu_tensors_are_sent_to_the_interpreter():
    """Does the error for a tensor on the CPU say how to run there?"""
    kind, text = message("cpu", [], {})
    assert kind == "ValueError" and "TRITON_INTERPRET=1" in text and "float32 cpu" in text


def compile_for_hopper(kernel, D, dtype, causal, folder):
    """The registers, local memory and machine code of a kernel compiled for sm_90, without a GPU."""
    rows, keys, warps, stages = module.tiles(kernel, dtype)
    half = {torch.float16: "fp16", torch.bfloat16: "bf16"}[dtype]
    types = {"LSE": "*fp32", "DELTA": "*fp32", "scale": "fp32", "N": "i32", "M": "i32"}
    constants = {"GROUP": 4, "D": D, "CAUSAL": causal, "ROWS": rows, "KEYS": keys}
    signature = {
        name: "constexpr" if name in constants
        else types.get(name) or f"tensordesc<{half}[1, {keys if name[-1] in 'KV' else rows}, {D}]>"
        for name in kernel.arg_names
    }
    even = {(kernel.arg_names.index(x),): [["tt.divisibility", 16]] for x in ("LSE", "N")}  # as at a launch
    source = ASTSource(kernel, signature, constants, even)
    options = {"num_warps": warps, "num_stages": stages}
    compiled = triton.compile(source, GPUTarget("cuda", 90, 32), options)
    binary = folder / "kernel.cubin"
    binary.write_bytes(compiled.asm["cubin"])
    code = subprocess.run([CUOBJDUMP, "-sass", "-res-usage", binary], capture_output=True, text=True, check=True).stdout
    return compiled.metadata.shared, code


@pytest.mark.skipif(module.INTERPRETED, reason="TRITON_INTERPRET is set")
@pytest.mark.skipif(not os.access(CUOBJDUMP, os.X_OK), reason="this Triton ships no cuobjdump")
@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("D", [64, 128])
@pytest.mark.parametrize("kernel", [module.forward, module.backward_q, module.backward_kv], ids=lambda k: k.__name__)
def test_hopper_code_spills_nothing_and_uses_the_tensor_cores(kernel, D, causal, tmp_path, monkeypatch):
    """For sm_90: no register spilled, warp-group products, blocks fetched by the copy engine, a tile that fits?"""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    dtype = torch.bfloat16 if D == 128 and causal else torch.float16
    shared, code = compile_for_hopper(kernel, D, dtype, causal, tmp_path)
    assert re.search(r"LOCAL:0\b", code) and not re.search(r"\b(LDL|STL)\b", code)
    assert "HGMMA" in code and "UTMALDG" in code
    assert shared <= 227 * 1024
