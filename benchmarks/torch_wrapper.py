"""What attnlib.attention costs beside calling PyTorch's scaled_dot_product_attention: ratios of times in one run.

Run: python benchmarks/torch_wrapper.py            --busy: on a busy machine too, see machine.py
"""

import statistics
import timeit

import torch
from machine import told
from torch.nn.functional import scaled_dot_product_attention as sdpa

from attnlib.attention import attention

SHAPES = [(1, 1, 4, 8), (1, 8, 64, 64), (1, 8, 512, 64), (4, 12, 197, 64)]


def rounds(calls, *functions):
    """Microseconds a call, for each of 15 rounds in which the functions take turns."""
    return [[timeit.timeit(function, number=calls) / calls * 1e6 for function in functions] for _ in range(15)]


if __name__ == "__main__":
    print(told())
    print(f"{'shape':18} {'SDPA µs':>9} {'ours µs':>9} {'ours / SDPA':>12}   (medians of 15 rounds)")
    for shape in SHAPES:
        q = torch.randn(shape)
        times = rounds(20_000 if shape[-2] < 10 else 30, lambda: sdpa(q, q, q), lambda: attention(q, q, q))
        theirs, ours, ratio = (statistics.median(x) for x in zip(*((t, o, o / t) for t, o in times)))
        print(f"{str(shape):18} {theirs:9.1f} {ours:9.1f} {ratio:12.2f}", flush=True)
