"""Grade jobs in worker processes, so that a worker that dies costs only the job that killed it."""

import ctypes
import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from grader.grade_notebook import NotebookResult, grade
from grader.job import Job

Graded = tuple[str, NotebookResult | None, BaseException | None]  # key, result or None, error or None


def grade_jobs(jobs: Mapping[str, Job], processes: int) -> Iterator[Graded]:
    """Yield (key, result, error) for each of `jobs` {key: Job}, as they end.

    A worker that dies takes the whole pool with it. What was not graded by then is graded one by one, each in a
    pool of its own, so that only the culprit fails.
    """
    if not jobs:
        return
    left = dict(jobs)
    with workers(min(processes, len(jobs))) as pool:
        futures = {pool.submit(grade, job): key for key, job in jobs.items()}
        for future in as_completed(futures):
            error = future.exception()
            if isinstance(error, KeyboardInterrupt):
                raise error
            if not isinstance(error, BrokenProcessPool):
                del left[futures[future]]
                yield futures[future], None if error else future.result(), error
    for key, job in left.items():
        with workers(1) as pool:
            future = pool.submit(grade, job)
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                error = RuntimeError("the process that graded this notebook was killed, though it ran alone; "
                                     "the machine may have too little memory")
            yield key, None if error else future.result(), error


@contextmanager
def workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes that end with this one; when we are interrupted, what has not begun is not begun."""
    pool = ProcessPoolExecutor(processes, initializer=_end_with_parent, initargs=(os.getpid(),))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; bubblewrap then ends with the worker
    if os.getppid() != parent:  # it has ended already
        os._exit(1)
