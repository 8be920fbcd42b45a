"""The Triton kernel on a GPU: is it right, and how fast is it beside PyTorch's own kernels?

Run: python benchmarks/gpu.py            prints two tables and writes nothing; without a GPU it says so
     python benchmarks/gpu.py --tiles    times other tile sizes as well, kernel by kernel
     --busy: on a busy machine too, see machine.py

The first table holds largest errors against float64, over those of PyTorch's flash kernel. The second holds TFLOP/s:
4 N^2 D a head forward, 10 N^2 D backward, half of that when causal, as FlashAttention counts; the best of each line
of PyTorch's is what `ratio` divides by. 16384 tokens, 2048 numbers each (32 heads of 64 or 16 of 128).
"""

import sys
from itertools import product

import torch
from machine import told
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
}
HALVES = torch.float16, torch.bfloat16
N, WIDTH = 16384, 2048


def sdpa(backend):
    """PyTorch's attention by one backend, which raises RuntimeError where it cannot."""

    def attention(q, k, v, causal):
        with sdpa_kernel(backend):
            return scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])

    return attention


def draw(heads, key_heads, tokens, D, dtype):
    """q, k, v that want gradients, and the gradient of the output."""
    torch.manual_seed(0)
    shapes = [(1, count, tokens, D) for count in (heads, key_heads, key_heads, heads)]
    *leaves, dout = [torch.randn(shape, device="cuda", dtype=dtype) for shape in shapes]
    return [x.requires_grad_() for x in leaves], dout


def with_gradients(attention, leaves, dout, causal):
    """[out, dq, dk, dv]."""
    out = attention(*leaves, causal=causal)
    return [out, *torch.autograd.grad(out, leaves, dout)]


def errors(ours):
    """Largest errors of the kernel over those of PyTorch's flash kernel, at a ragged length."""
    print(f"{'dtype':9} {'D':>3} {'causal':6} {'heads':>5} {'out':>8}{'dq':>8}{'dk':>8}{'dv':>8}")
    for dtype, D, causal, key_heads in product(HALVES, (64, 128), (False, True), (8, 2)):
        leaves, dout = draw(8, key_heads, 2000, D, dtype)
        group = 8 // key_heads
        spread = [x.repeat_interleave(group, 1).detach().requires_grad_() if x.shape[1] < 8 else x for x in leaves]
        exact = [x.detach().double().requires_grad_() for x in spread]
        truth = with_gradients(sdpa(SDPBackend.MATH), exact, dout.double(), causal)
        theirs = with_gradients(sdpa(SDPBackend.FLASH_ATTENTION), spread, dout, causal)
        mine = with_gradients(ours, leaves, dout, causal)
        ratios = []
        for a, b, t in zip(mine, theirs, truth):
            if a.shape != t.shape:  # the gradients of the query heads that share a key head, added
                t = t.unflatten(1, (key_heads, group)).sum(2)
                b = b.double().unflatten(1, (key_heads, group)).sum(2).to(dtype)
            ratios.append(float(((a - t).abs().max() / (b - t).abs().max()).detach()))
        line = f"{str(dtype)[6:]:9} {D:3} {str(causal):6} {f'8/{key_heads}':>5} "
        print(line + "".join(f"{r:8.2f}" for r in ratios) + "   more than 2: wrong?" * (max(ratios) > 2))


def seconds(call):
    """The median time of a call on the GPU, caches cold."""
    from triton.testing import do_bench

    return do_bench(call, warmup=100, rep=300, return_mode="median") / 1000


def rates(attention, leaves, dout, causal):
    """(forward, backward) in TFLOP/s; NaN where the backend cannot."""
    heads, tokens, D = leaves[0].shape[1:]
    work = 4 * heads * tokens**2 * D / (2 if causal else 1) / 1e12
    try:
        with torch.no_grad():
            forward = seconds(lambda: attention(*leaves, causal=causal))
        out = attention(*leaves, causal=causal)
        backward = seconds(lambda: torch.autograd.grad(out, leaves, dout, retain_graph=True))
    except RuntimeError:
        return float("nan"), float("nan")
    return work / forward, 2.5 * work / backward


def speed(ours):
    """TFLOP/s of the kernel and of PyTorch's backends."""
    names = "".join(f"{name:>10}" for name in ("triton", *BACKENDS, "ratio"))
    print(f"\n{'TFLOP/s':8} {'dtype':9} {'D':>3} {'causal':6}{names}")
    for dtype, D, causal in product(HALVES, (64, 128), (False, True)):
        leaves, dout = draw(WIDTH // D, WIDTH // D, N, D, dtype)
        found = [rates(ours, leaves, dout, causal)]
        found += [rates(sdpa(backend), leaves, dout, causal) for backend in BACKENDS.values()]
        for direction, (mine, *theirs) in zip(("forward", "backward"), zip(*found)):
            ratio = mine / max(x for x in theirs if x == x)
            numbers = "".join(f"{x:10.0f}" for x in (mine, *theirs))
            print(f"{direction:8} {str(dtype)[6:]:9} {D:3} {str(causal):6}{numbers}{ratio:10.2f}")


def other_tiles(module):
    """TFLOP/s of the kernel, without a mask, with other tiles; backward is that of both its kernels together."""
    chosen, ours = module.tiles, module.triton_attention
    print(f"\n{'kernel':12} {'D':>3} {'tiles':18} TFLOP/s")
    for name, D in product(("forward", "backward_q", "backward_kv"), (64, 128)):
        leaves, dout = draw(WIDTH // D, WIDTH // D, N, D, torch.float16)
        work = (4 if name == "forward" else 10) * N**2 * WIDTH / 1e12
        for tile in product((64, 128), (64, 128), (4, 8), (2, 3)):
            module.tiles = lambda kernel, *about: tile if kernel is getattr(module, name) else chosen(kernel, *about)
            try:
                out = ours(*leaves)
                call = (lambda: ours(*leaves)) if name == "forward" else (
                    lambda: torch.autograd.grad(out, leaves, dout, retain_graph=True)
                )
                print(f"{name:12} {D:3} {str(tile):18} {work / seconds(call):7.0f}", flush=True)
            except Exception as error:  # more shared memory than there is, or a product too small for its warps
                print(f"{name:12} {D:3} {str(tile):18} {str(error).splitlines()[0][:60]}", flush=True)
    module.tiles = chosen


def main():
    if not torch.cuda.is_available():
        print("No GPU here: nothing was run. The kernel's tests in Triton's interpreter need none.")
        return
    import triton

    from attnlib.devices import triton_attention as module

    print(told())
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, triton {triton.__version__}\n")
    errors(module.triton_attention)
    speed(module.triton_attention)
    if "--tiles" in sys.argv:
        other_tiles(module)


if __name__ == "__main__":
    main()
