"""Ring attention over two, three and four processes, against attention in one."""

import multiprocessing
import re
import traceback

import numpy as np
import pytest
import torch
import torch.distributed as dist

from attnlib.devices.ring import ring_attention
from attnlib.tensors.attention import attention

pytestmark = pytest.mark.slow
WORLD = 4


def serve(rank, folder, pipe):
    """Join the process group, then call what comes through the pipe and send back the result or the error."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=WORLD)
    groups = {size: dist.new_group(list(range(WORLD - size, WORLD))) for size in (2, 3)} | {WORLD: None}
    while call := pipe.recv():
        function, size, *args = call
        try:
            result = function(rank - (WORLD - size), groups[size], *args) if rank >= WORLD - size else None
        except Exception:
            result = traceback.format_exc()
        pipe.send(result)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """A function that calls f(rank, group, *args) on the last `size` of four processes and lists what they return."""
    context = multiprocessing.get_context("spawn")
    folder = tmp_path_factory.mktemp("ring")
    pipes, processes = [], []
    for rank in range(WORLD):
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(rank, folder, theirs), daemon=True))
        processes[-1].start()
        pipes.append(ours)

    def call(size, function, *args):
        for pipe in pipes:
            pipe.send((function, size, *args))
        for rank, pipe in enumerate(pipes):
            assert pipe.poll(120), f"rank {rank} of the ring gave no answer in 120 s"
        return [pipe.recv() for pipe in pipes][WORLD - size:]

    yield call
    for pipe, process in zip(pipes, processes):
        pipe.send(None)
        process.join(10)
        process.kill()


def draw(N, M, heads, key_heads, D=8, E=6, dtype=torch.float64):
    """q (2, heads, N, D), k (2, key_heads, M, D), v (2, key_heads, M, E) and dout, the same in every process."""
    generator = torch.Generator().manual_seed(0)
    shapes = (2, heads, N, D), (2, key_heads, M, D), (2, key_heads, M, E), (2, heads, N, E)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]


def with_gradients(function, q, k, v, dout, **options):
    """[out, dq, dk, dv] of a function of q, k, v."""
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    out = function(*leaves, **options)
    out.backward(dout)
    return [out.detach(), *(leaf.grad for leaf in leaves)]


def on_slices(rank, group, tensors, queries, keys, options):
    """[out, dq, dk, dv] of this rank's rows of q, k, v and dout."""
    counts = queries, keys, keys, queries
    parts = [x.split(count, -2)[rank] for x, count in zip(tensors, counts)]
    return [x.numpy() for x in with_gradients(ring_attention, *parts, group=group, **options)]


def assert_the_same(found, expected, **tolerance):
    """The ranks' [out, dq, dk, dv], put together, are those of one process."""
    assert not [x for x in found if isinstance(x, str)], found
    for parts, whole in zip(zip(*found), expected):
        whole_again = torch.cat([torch.from_numpy(part) for part in parts], -2)
        torch.testing.assert_close(whole_again, whole, **tolerance)


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("heads, key_heads", [(3, 3), (4, 2)], ids=["own keys", "grouped"])
@pytest.mark.parametrize("rows", [[5, 5], [3, 7, 4], [6, 1, 2, 4], [2, 0, 3, 1]], ids=str)
def test_ring_is_attention_in_one_process(ring, rows, heads, key_heads, causal):
    """Are the output and all gradients those of one process, to 1e-10, on two, three and four processes?"""
    tensors = draw(sum(rows), sum(rows), heads, key_heads)
    found = ring(len(rows), on_slices, tensors, rows, rows, dict(causal=causal))
    assert_the_same(found, with_gradients(attention, *tensors, causal=causal), rtol=1e-10, atol=1e-10)


def test_queries_and_keys_may_differ_in_number(ring):
    """Does cross-attention, with a scale of our own, work when every rank has other numbers of queries and keys?"""
    queries, keys = [4, 1, 3], [2, 5, 6]
    tensors = draw(sum(queries), sum(keys), 2, 1)
    found = ring(3, on_slices, tensors, queries, keys, dict(scale=0.7))
    assert_the_same(found, with_gradients(attention, *tensors, scale=0.7), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=lambda d: str(d)[6:])
def test_half_types_are_rounded_once(ring, dtype):
    """In half precision, is the result that of float32, rounded at the very end, gradients on their way included?"""
    tensors = draw(12, 12, 2, 1, dtype=dtype)
    expected = [x.to(dtype) for x in with_gradients(attention, *(x.float() for x in tensors), causal=True)]
    found = ring(4, halves, tensors, dict(causal=True))
    assert_the_same(found, [x.float() for x in expected], rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


def halves(rank, group, tensors, options):
    """[out, dq, dk, dv] of three rows in a half type, as float32 for the way back."""
    parts = [x.split(3, -2)[rank] for x in tensors]
    found = with_gradients(ring_attention, *parts, group=group, **options)
    assert {x.dtype for x in found} == {tensors[0].dtype}
    return [x.float().numpy() for x in found]


def test_large_scores_stay_finite(ring):
    """Do scores of ten thousand, whose maxima lie on different ranks, come out as in one process?"""
    tensors = draw(8, 8, 2, 2)
    found = ring(4, on_slices, tensors, [2] * 4, [2] * 4, dict(scale=1e4, causal=True))
    assert_the_same(found, with_gradients(attention, *tensors, scale=1e4, causal=True), rtol=1e-8, atol=1e-8)


def mismatch(rank, group, change, options):
    """The message of the error every rank gets when only the last one comes with something wrong."""
    tensors = {"q": torch.ones(2, 3, 4), "k": torch.ones(2, 3, 4), "v": torch.ones(2, 3, 4)}
    if rank == 1:
        tensors |= change
    try:
        ring_attention(**options | tensors, group=group)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize(
    "change, options, text",
    [
        ({"k": torch.ones(2, 3, 5)}, {}, "ValueError: ring_attention on rank 1: q has 4 columns, k has 5"),
        ({"k": torch.ones(2, 3, 4).half()}, {}, "TypeError: ring_attention on rank 1: .* floating dtype; .*float16"),
        ({x: torch.ones(2, 3, 4).double() for x in "qkv"}, {},
         r"ValueError: .* number of rows only. Got rank 0: q \(2, 3, 4\) torch.float32, .*; rank 1: .*float64"),
        ({"q": torch.ones(2, 1, 4)}, {"causal": True},
         r"ValueError: .* causal needs as many queries as keys on each rank. .*rank 1: q \(2, 1, 4\)"),
        ({"q": None}, {}, "TypeError: ring_attention on rank 1: q must be an array or a tensor; got None"),
        ({x: np.ones((2, 3, 4)) for x in "qkv"}, {}, "TypeError: ring_attention on rank 1: .* need to be tensors"),
        ({"causal": 1}, {}, "TypeError: ring_attention on rank 1: causal must be True or False. Got 1"),
        ({"scale": "text"}, {}, "TypeError: ring_attention on rank 1: scale must be a finite number. Got 'text'"),
        ({"scale": float("nan")}, {}, "ValueError: ring_attention on rank 1: scale must be a finite number. Got nan"),
        ({"causal": True}, {}, "ValueError: .* number of rows only. Got rank 0: .*causal=False.*rank 1: .*causal=True"),
        ({"scale": 2}, {}, "ValueError: .* number of rows only. Got rank 0: .*scale=None; rank 1: .*scale=2.0"),
    ],
)
def test_every_rank_hears_of_an_error_on_one(ring, change, options, text):
    """When one rank comes with something that does not fit, does every rank raise, instead of waiting for ever?"""
    first, second = ring(2, mismatch, change, options)
    assert first == second
    assert first and re.match(text, first), first


def of_another_group(rank, group):
    """The message of the error that a process gets where the group is none of its own."""
    try:
        ring_attention(*[torch.ones(2, 2)] * 3, group=dist.GroupMember.NON_GROUP_MEMBER)
    except TypeError as error:
        return str(error)


def test_a_process_outside_of_the_group_is_told(ring):
    """Where a process is not in the group it names, does the error say so?"""
    assert all("a process group that this process is in. Got" in told for told in ring(2, of_another_group))


def test_a_process_group_is_asked_for():
    """Without a process group, does the error say what to call?"""
    with pytest.raises(RuntimeError, match="no process group; call torch.distributed.init_process_group"):
        ring_attention(*[torch.ones(2, 2)] * 3)
