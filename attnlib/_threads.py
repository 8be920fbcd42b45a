"""Several threads for large inputs: each takes pieces of the work in turn, with one BLAS thread to itself.

Without threadpoolctl, which tells NumPy's BLAS how many threads to use, and where no thread can be started, as in a
browser, the caller's thread does all of the work.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache

LARGE = 1 << 20  # smallest number of scores for which threads pay for themselves


def on_all_threads(work, pieces, size):
    """Call `work` on every piece, on as many threads as BLAS may use; on this one alone for fewer than `LARGE` scores.

    size: how many scores all pieces have together.
    """
    threads = min(threads_for(size), len(pieces))
    queue = iter(pieces)  # shared: a thread takes the next piece when it is done with one

    def drain():
        for piece in queue:
            work(piece)

    if threads <= 1:
        return drain()
    with _one_blas_thread():
        running = _started(drain, threads)
        for each in running:
            each.result()  # asked for so that an exception in a thread is raised here
    if not running:
        drain()


def threads_for(size):
    """How many threads pay for themselves for so many scores."""
    return blas_threads() if size >= LARGE else 1


def blas_threads():
    """How many threads NumPy's BLAS may use now; 1 where threadpoolctl is not installed to say so."""
    return max((library.num_threads for library in _blas().lib_controllers), default=1) if _blas() else 1


@cache
def _blas():
    """The object that controls NumPy's BLAS threads; None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        return None
    return ThreadpoolController().select(user_api="blas")


def _one_blas_thread():
    return _blas().limit(limits=1) if _blas() and _blas().lib_controllers else nullcontext()


def _started(work, threads):
    """`work` running on `threads` threads, as futures: fewer, or none, where the system starts no more."""
    running = []
    try:
        for _ in range(threads):
            running.append(_pool(threads).submit(work))
    except RuntimeError:
        _pool.cache_clear()  # it holds work that no thread may ever take
    return running


@cache
def _pool(threads):
    return ThreadPoolExecutor(threads, thread_name_prefix="attnlib")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
