"""attnlib.attention against torch SDPA and the textbook form: time ratios of one run, and peak extra memory.

Run: python benchmarks/attention_speed.py    (threads: OMP_NUM_THREADS, OPENBLAS_NUM_THREADS)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
import tracemalloc

import numpy as np
import torch
import torch.nn.functional as F

from attnlib.attention import attend, attention

SHAPES = [(1, 8, 512, 64), (1, 8, 2048, 64), (1, 1, 8192, 64), (4, 12, 197, 64)]


def best(call, seconds=1.0):
    """The shortest of repeated calls over about `seconds`."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def speed():
    """SDPA's time over ours: above 1 we are faster."""
    torch.set_num_threads(int(os.environ["OPENBLAS_NUM_THREADS"]))
    print(f"threads {torch.get_num_threads()}, OPENBLAS_CORETYPE {os.environ.get('OPENBLAS_CORETYPE', 'not set')}")
    print(f"{'shape':22} {'causal':7} {'SDPA / attention':>17}")
    for shape in SHAPES:
        arrays = [np.random.default_rng(i).normal(size=shape).astype(np.float32) for i in range(3)]
        tensors = [torch.from_numpy(x) for x in arrays]
        for causal in (False, True):
            ours = best(lambda: attention(*arrays, causal=causal))
            theirs = best(lambda: F.scaled_dot_product_attention(*tensors, is_causal=causal))
            print(f"{str(shape):22} {str(causal):7} {theirs / ours:17.2f}")


def memory(N=8192):
    """Peak extra memory of one head, in MiB."""
    x = np.random.default_rng(0).normal(size=(N, 64)).astype(np.float32)
    for call in (attend, attention):
        tracemalloc.start()
        call(x, x, x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{call.__name__:10} N={N}: {peak / 2**20:.0f} MiB at the peak")


if __name__ == "__main__":
    speed()
    memory()
