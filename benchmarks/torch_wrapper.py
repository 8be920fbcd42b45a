"""What attnlib.attention costs beside calling PyTorch's scaled_dot_product_attention: ratios of times in one run.

Run: python benchmarks/torch_wrapper.py
"""

import timeit

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from attnlib.attention import attention

SHAPES = [(1, 1, 4, 8), (1, 8, 64, 64), (1, 8, 512, 64), (4, 12, 197, 64)]


def shortest(call, calls):
    """Microseconds a call: the shortest of 20 rounds."""
    return min(timeit.repeat(call, number=calls, repeat=20)) / calls * 1e6


if __name__ == "__main__":
    print(f"{'shape':18} {'SDPA µs':>9} {'ours µs':>9} {'ours / SDPA':>12}")
    for shape in SHAPES:
        q = torch.randn(shape)
        calls = 2000 if shape[-2] < 10 else 10
        theirs, ours = shortest(lambda: sdpa(q, q, q), calls), shortest(lambda: attention(q, q, q), calls)
        print(f"{str(shape):18} {theirs:9.1f} {ours:9.1f} {ours / theirs:12.2f}", flush=True)
