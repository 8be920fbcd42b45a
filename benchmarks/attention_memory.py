"""Extra memory of attention at its peak, against the length of the sequence: MiB, and the fitted exponent.

Run: python benchmarks/attention_memory.py         --busy: on a busy machine too, see machine.py
"""

import tracemalloc

import numpy as np
from machine import told

from attnlib.attention import attend, attention

WIDTH = 64
LENGTHS = [4096, 8192, 16384, 32768, 65536, 131072]


def peak(call):
    """MiB allocated above what was there, at the worst moment, without the result itself."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    result = call()
    worst = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    kept = sum(x.nbytes for x in (result if isinstance(result, tuple) else (result,)))
    return (worst - before - kept) / 2**20, kept / 2**20


def main():
    """One head of width 64 in float32; attend, which holds the N x M weights, up to N = 8192."""
    print(told())
    print(f"{'N':>7} {'attend MiB':>11} {'attention MiB':>14} {'its result MiB':>15}")
    peaks = []
    for N in LENGTHS:
        x = np.random.default_rng(0).normal(size=(N, WIDTH)).astype(np.float32)
        few = x[: min(N, 16384)]  # queries: past this many a chunk needs no more, and the run takes minutes
        extra, kept = peak(lambda: attention(few, x, x))
        peaks.append(extra)
        plain = f"{sum(peak(lambda: attend(x, x, x))):11.0f}" if N <= 8192 else f"{'–':>11}"
        print(f"{N:7} {plain} {extra:14.1f} {kept:15.1f}", flush=True)
    exponent = np.polyfit(np.log(LENGTHS), np.log(peaks), 1)[0]
    print(f"extra memory of attention grows as N to the power {exponent:.2f}")


if __name__ == "__main__":
    main()
