"""attnlib.attention on NumPy arrays against torch's SDPA, and against the roofline of NumPy's own BLAS.

Run: python benchmarks/attention_speed.py          prints every table; refuses on a busy machine (see machine.py)
     python benchmarks/attention_speed.py one      this process's own setting only
     --busy                                        prints all the same, and says so

SDPA: its time over ours, the two called in turn; above 1 we are faster. Roofline: the time of the same matrix products
and exponentials alone, a tile at a time with the tile that is fastest, over ours; 1 would be no cost beside them.
Where it is causal, tiles that hold only hidden keys are left out, for us and for the roofline.
"""

import os
import subprocess
import sys
import time
from itertools import product

from machine import spent, stop_if_busy, told

SHAPES = [(1, 8, 512, 64), (1, 8, 2048, 64), (1, 1, 8192, 64), (4, 12, 197, 64)]
TILES = [*product((1,), (128, 256, 512), (128, 256, 512, 2048)), (4, 256, 256), (6, 256, 256)]  # heads, queries, keys


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


def shortest(call, seconds, clock=time.perf_counter):
    """The shortest of repeated calls over about `seconds`."""
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = clock()
        call()
        times.append(clock() - start)
    return min(times)


def roofline(arrays, causal, backward, clock=time.perf_counter):
    """A function that does the matrix products and exponentials of attention, with the fastest of the tiles.

    arrays: q, k, v and the gradient of the output, (..., N, D).
    """
    heads, N = [x.reshape(-1, *x.shape[-2:]) for x in arrays], arrays[0].shape[-2]
    alone = products_backward if backward else products_forward
    fit = [tile for tile in TILES if tile[0] <= len(heads[0]) and max(tile[1:]) < 2 * N]
    works = [lambda tile=tile: alone(heads, causal, *tile) for tile in fit]
    return min(works, key=lambda work: shortest(work, 0.1, clock))


def products_forward(arrays, causal, *tile):
    """Two products and the exponentials of every tile, on as many threads as BLAS may use."""
    import numpy as np

    q, k, v, _ = arrays

    def work(piece):
        heads, rows, tiles = piece
        for columns in tiles:
            scores = q[heads, rows] @ k[heads, columns].mT
            np.exp(scores, out=scores)
            scores @ v[heads, columns]

    on_threads(work, arrays, causal, *tile)


def products_backward(arrays, causal, *tile):
    """Five products and the exponentials of every tile."""
    import numpy as np

    q, k, v, dout = arrays

    def work(piece):
        heads, rows, tiles = piece
        for columns in tiles:
            scores = q[heads, rows] @ k[heads, columns].mT
            np.exp(scores, out=scores)
            dscores = dout[heads, rows] @ v[heads, columns].mT
            dscores @ k[heads, columns]
            dscores.mT @ q[heads, rows]
            scores.mT @ dout[heads, rows]

    on_threads(work, arrays, causal, *tile)


def on_threads(work, arrays, causal, heads, rows, columns):
    """Call `work` with every slice of heads and of rows, and the slices of columns that these may see."""
    from attnlib._chunked import slices
    from attnlib._threads import on_all_threads

    count, N, _ = arrays[0].shape
    pieces = [
        (some, own, slices(0, own.stop if causal else N, columns))
        for some, own in product(slices(0, count, heads), slices(0, N, rows))
    ]
    on_all_threads(work, pieces, count * N * N)


def table():
    """Forward and backward at every shape, causal and not, in this process's setting."""
    import numpy as np
    import torch
    from torch.nn.functional import scaled_dot_product_attention as sdpa

    from attnlib.attention import attention
    from attnlib.backward import attention_backward, attention_forward

    threads = int(os.environ.get("OPENBLAS_NUM_THREADS", torch.get_num_threads()))
    torch.set_num_threads(threads)
    print(f"\n{told()}")
    print(f"threads {threads}, OPENBLAS_CORETYPE {os.environ.get('OPENBLAS_CORETYPE', 'not set')}")
    print(f"{'':27} {'forward':^14}   {'backward':^14}")
    print(f"{'shape':20} {'causal':>6} {'SDPA':>6} {'roofline':>8}   {'SDPA':>6} {'roofline':>8}")
    before = spent()
    for shape, causal in product(SHAPES, (False, True)):
        arrays = [np.random.default_rng(i).normal(size=shape).astype(np.float32) for i in range(4)]
        q, k, v, g = map(torch.from_numpy, arrays)
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        made = sdpa(*leaves, is_causal=causal)
        kept = attention_forward(*arrays[:3], causal=causal)

        def forward():
            attention(*arrays[:3], causal=causal)

        def backward():
            attention_backward(arrays[3], *arrays[:3], *kept, causal=causal)

        figures = [
            ratio(lambda: sdpa(q, k, v, is_causal=causal), forward),
            ratio(roofline(arrays, causal, backward=False), forward),
            ratio(lambda: torch.autograd.grad(made, leaves, g, retain_graph=True), backward),
            ratio(roofline(arrays, causal, backward=True), backward),
        ]
        before = stop_if_busy(before)
        print("{!s:20} {!s:>6} {:6.2f} {:8.2f}   {:6.2f} {:8.2f}".format(shape, causal, *figures), flush=True)


if __name__ == "__main__":
    if "one" in sys.argv:
        table()
    else:
        for environment in settings():
            done = subprocess.run([sys.executable, __file__, "one", *sys.argv[1:]], env=environment)
            if done.returncode:
                sys.exit(done.returncode)
