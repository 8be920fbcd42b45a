"""Several threads for large inputs: each takes pieces of the work in turn, with one BLAS thread to itself."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache

LARGE = 1 << 20  # smallest number of scores for which threads pay for themselves


def on_all_threads(work, pieces, size):
    """Call `work` on every piece, on as many threads as BLAS may use; on this one alone for fewer than `LARGE` scores.

    size: how many scores all pieces have together.
    """
    threads = min(blas_threads(), len(pieces)) if size >= LARGE else 1
    queue = iter(pieces)  # shared: a thread takes the next piece when it is done with one

    def drain(_=None):
        for piece in queue:
            work(piece)

    if threads == 1:
        return drain()
    with _one_blas_thread():
        for _ in _pool(threads).map(drain, range(threads)):
            pass  # a result is asked for so that an exception in a thread is raised here


def blas_threads():
    """How many threads NumPy's BLAS may use now."""
    return max((library.num_threads for library in _blas().lib_controllers), default=1)


@cache
def _blas():
    """The object that controls NumPy's BLAS threads."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _one_blas_thread():
    return _blas().limit(limits=1) if _blas().lib_controllers else nullcontext()


@cache
def _pool(threads):
    return ThreadPoolExecutor(threads, thread_name_prefix="attnlib")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
