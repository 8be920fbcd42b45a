"""attnlib.attention on NumPy arrays against torch's SDPA: ratios of times taken in one run, for four settings.

Run: python benchmarks/attention_speed.py          prints every table
     python benchmarks/attention_speed.py one      this process's own setting only
A ratio is SDPA's time over ours, the two called in turn: above 1 we are faster.
"""

import os
import subprocess
import sys
import time

SHAPES = [(1, 8, 512, 64), (1, 8, 2048, 64), (1, 1, 8192, 64), (4, 12, 197, 64)]


def settings():
    """One and two threads, with OPENBLAS_CORETYPE as a shared machine may set it, and without."""
    plain = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    for threads in ("1", "2"):
        for core in ({"OPENBLAS_CORETYPE": "Haswell"}, {}):
            yield plain | core | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}


def ratio(theirs, ours, rounds=7, seconds=0.4):
    """The median over `rounds` of their shortest time over our shortest time, the two taken in turn."""
    ratios = sorted(shortest(theirs, seconds / 2) / shortest(ours, seconds / 2) for _ in range(rounds))
    return ratios[rounds // 2]


def shortest(call, seconds):
    """The shortest of repeated calls over about `seconds`."""
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def table():
    """Forward and backward at every shape, causal and not, in this process's setting."""
    import numpy as np
    import torch
    from torch.nn.functional import scaled_dot_product_attention as sdpa

    from attnlib.attention import attention
    from attnlib.backward import attention_backward, attention_forward

    threads = int(os.environ.get("OPENBLAS_NUM_THREADS", torch.get_num_threads()))
    torch.set_num_threads(threads)
    print(f"\nthreads {threads}, OPENBLAS_CORETYPE {os.environ.get('OPENBLAS_CORETYPE', 'not set')}")
    print(f"{'shape':20} {'causal':>6} {'forward':>8} {'backward':>9}")
    for shape in SHAPES:
        arrays = [np.random.default_rng(i).normal(size=shape).astype(np.float32) for i in range(4)]
        q, k, v, g = map(torch.from_numpy, arrays)
        for causal in (False, True):
            forward = ratio(lambda: sdpa(q, k, v, is_causal=causal), lambda: attention(*arrays[:3], causal=causal))
            leaves = [x.clone().requires_grad_() for x in (q, k, v)]
            made = sdpa(*leaves, is_causal=causal)
            kept = attention_forward(*arrays[:3], causal=causal)
            backward = ratio(
                lambda: torch.autograd.grad(made, leaves, g, retain_graph=True),
                lambda: attention_backward(arrays[3], *arrays[:3], *kept, causal=causal),
            )
            print(f"{str(shape):20} {str(causal):>6} {forward:8.2f} {backward:9.2f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["one"]:
        table()
    else:
        for environment in settings():
            subprocess.run([sys.executable, __file__, "one"], env=environment, check=True)
