"""Is attention the same on any number of threads, and where there is no way to start or to steer one?"""

import sys
import threading

import numpy as np
import pytest

from attnlib import _threads
from attnlib.attention import attention
from attnlib.backward import attention_backward, attention_forward


@pytest.fixture
def fresh():
    """Nothing that is remembered about threads comes from another test, or goes to one."""
    for remembered in (_threads._blas, _threads._pool):
        remembered.cache_clear()
    yield
    for remembered in (_threads._blas, _threads._pool):
        remembered.cache_clear()


@pytest.fixture
def two_threads(monkeypatch):
    """Every input counts as large, and BLAS may use two threads."""
    monkeypatch.setattr(_threads, "LARGE", 1)
    monkeypatch.setattr(_threads, "blas_threads", lambda: 2)


def draw(N=300, M=301, dtype=np.float64):
    """q (2, N, 4), k and v (2, M, 4)."""
    rng = np.random.default_rng(12)
    return [rng.normal(size=(2, size, 4)).astype(dtype) for size in (N, M, M)]


def out_and_gradients(q, k, v):
    """The output of attention, and the gradients of half the sum of its squares."""
    out, lse = attention_forward(q, k, v)
    return out, *attention_backward(out, q, k, v, out, lse)


def threads_of_pieces():
    """The names of the threads that took the pieces of a large input."""
    names = set()
    _threads.on_all_threads(lambda piece: names.add(threading.current_thread().name), range(64), _threads.LARGE)
    return names


def no_thread(self):
    """What starting a thread does in a browser."""
    raise RuntimeError("can't start new thread")


def test_threads_change_nothing(monkeypatch, request):
    """Is an answer made on two threads the same, bit by bit, as one made on one?"""
    q, k, v = draw()
    alone = attention(q, k, v)
    request.getfixturevalue("two_threads")
    np.testing.assert_array_equal(attention(q, k, v), alone)


def test_without_threadpoolctl_one_thread_does_it_all(fresh, monkeypatch):
    """Does attention past 1024 keys work on the caller's thread where threadpoolctl is not installed?"""
    q, k, v = draw(1030, 1031, np.float32)
    expected = out_and_gradients(q, k, v)
    _threads._blas.cache_clear()
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert _threads.blas_threads() == 1
    assert threads_of_pieces() == {threading.current_thread().name}
    for now, before in zip(out_and_gradients(q, k, v), expected):
        np.testing.assert_allclose(now, before, rtol=1e-3, atol=1e-5)


def test_where_no_thread_starts_the_caller_does_it_all(fresh, two_threads, monkeypatch):
    """Does attention work where starting a thread raises RuntimeError, and is nothing kept of the attempt?"""
    q, k, v = draw()
    expected = attention(q, k, v)
    _threads._pool.cache_clear()
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    for _ in range(2):
        np.testing.assert_array_equal(attention(q, k, v), expected)
        assert _threads._pool.cache_info().currsize == 0
    assert threads_of_pieces() == {threading.current_thread().name}


def test_where_fewer_threads_start_those_do_it_all(fresh, two_threads, monkeypatch):
    """Is every piece done once where the second thread does not start?"""
    start, started, pieces = threading.Thread.start, [], []

    def start_one(self):
        no_thread(self) if started else started.append(self) or start(self)

    def take(piece):
        threading.Event().wait(0.001)  # the first thread is still at work when the second is asked for
        pieces.append(piece)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    _threads.on_all_threads(take, range(64), _threads.LARGE)
    assert sorted(pieces) == list(range(64)) and len(started) == 1


def test_an_exception_in_a_thread_is_raised(fresh, two_threads):
    """Does the caller get the exception of a piece that failed on another thread, a RuntimeError too?"""
    def fail(piece):
        raise RuntimeError(f"piece {piece}")

    with pytest.raises(RuntimeError, match="piece 0|piece 1"):
        _threads.on_all_threads(fail, range(8), _threads.LARGE)
