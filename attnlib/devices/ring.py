"""Ring attention: a sequence is cut into slices, one for each process, and no process ever holds all of it.

Every process keeps its queries. The keys and values go round: each process sends the slice it has to the next one
while it computes with it, so after as many steps as there are processes every query has met every key. The partial
results of the slices are merged as in an online softmax. In the backward pass the slices go round again, together
with their gradients, to which each process adds its part; one more step brings the gradients back to their owner.

Source: Liu, Zaharia & Abbeel 2023, "Ring Attention with Blockwise Transformers for Near-Infinite Context".
"""

import torch
import torch.distributed as dist
from torch.autograd.function import once_differentiable

from attnlib._arguments import check_flags, check_numbers, check_qkv
from attnlib._dispatch import is_tensor
from attnlib._ops import widen
from attnlib.online_softmax import finish, merge_partials
from attnlib.tensors.backward import attention_backward, attention_forward


def ring_attention(q, k, v, *, causal=False, scale=None, group=None):
    """`attnlib.attention.attention` of a sequence that is spread over the processes of a group.

    q (..., H, n, D), k (..., H_kv, m, D), v (..., H_kv, m, E): this process's rows, in the order of the ranks;
    n and m may differ from rank to rank. Returns this process's rows of the output, (..., H, n, E), in the dtype
    of q; half types are computed in float32. Differentiable: every process must then call backward.
    causal  query i sees keys 0..i of the whole sequence; n = m on every rank. Slices in the future are passed on
            but not computed, so the last rank works longest (Brandon et al. 2023, "Striped Attention", evens this out).
    scale   default 1/sqrt(D).
    group   a process group, default all processes; gloo on CPUs, nccl on GPUs.

    A process sends its k and v to one neighbour, once a step. It holds two slices at a time, and tiles of scores.
    Raises RuntimeError without a process group, TypeError where this process is in none such. On every rank alike, so
    that none waits for another, raises ValueError or TypeError naming what the ranks came with, options included.

    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> x = torch.eye(2)
    >>> ring_attention(x, x, torch.tensor([[1.], [3.]]), causal=True)
    tensor([[1.0000],
            [2.3395]])
    >>> dist.destroy_process_group()
    """
    if not dist.is_initialized():
        raise RuntimeError("ring_attention: no process group; call torch.distributed.init_process_group first.")
    group = dist.group.WORLD if group is None else group
    if not isinstance(group, dist.ProcessGroup):
        raise TypeError(f"ring_attention: group must be a process group that this process is in. Got {group!r:.40}.")
    rows = _rows_of_every_rank(q, k, v, causal, scale, group)
    scale = q.shape[-1] ** -0.5 if scale is None else float(scale)
    return _RingAttention.apply(q, k, v, rows, bool(causal), scale, group)


class _RingAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, rows, causal, scale, group):
        queries, = widen(q)
        nothing = queries.new_zeros(*q.shape[:-1], 1)                         # (..., H, n, 1)
        state = queries.new_zeros(*q.shape[:-1], v.shape[-1]), nothing, nothing - torch.inf
        for owner, (keys, values) in _going_round((k, v), rows, group):
            options = _options(owner, causal, scale, group)
            if options:
                part, lse = attention_forward(queries, *widen(keys, values), **options)
                state = merge_partials(*state, part, torch.ones_like(lse), lse)        # divided already: its total is 1
        mixed, total, top = state
        out, lse = finish(mixed, total), top + torch.log(total)
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.extras = rows, causal, scale, group
        return out.to(q.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        q, k, v, out, lse = ctx.saved_tensors
        rows, causal, scale, group = ctx.extras
        queries, dout = widen(q, dout)
        dq, *carried = [torch.zeros_like(x) for x in widen(q, k, v)]
        for owner, (keys, values) in _going_round((k, v), rows, group):
            options = _options(owner, causal, scale, group)
            if options:
                parts = attention_backward(dout, queries, *widen(keys, values), out, lse, **options)
                dq, *carried = [whole + part for whole, part in zip((dq, *carried), parts)]
            carried = _pass_on(carried, rows[owner - 1], group)()             # after the last step, its owner's
        return dq.to(q.dtype), *(d.to(k.dtype) for d in carried), None, None, None, None


def _going_round(tensors, rows, group):
    """Yield (owner, tensors) for every rank's slice, our own first; while one is used the next is on its way."""
    rank, world = dist.get_rank(group), dist.get_world_size(group)
    for step in range(world):
        owner = (rank - step) % world
        arrive = _pass_on(tensors, rows[owner - 1], group) if step + 1 < world else None
        yield owner, tensors
        tensors = arrive and arrive()


def _pass_on(tensors, rows, group):
    """Send tensors (..., m, D) to the next rank. Returns a function that waits for, and returns, the previous rank's.

    Those have `rows` rows. Until then the tensors sent must not change.
    """
    rank, world = dist.get_rank(group), dist.get_world_size(group)
    if world == 1:
        return lambda: tensors
    there, here = (dist.get_global_rank(group, (rank + step) % world) for step in (1, -1))
    received, transfers = [x.new_empty(*x.shape[:-2], rows, x.shape[-1]) for x in tensors], []
    for tag, (ours, theirs) in enumerate(zip(tensors, received)):
        transfers.append(dist.P2POp(dist.isend, ours.contiguous(), there, group, tag))
        transfers.append(dist.P2POp(dist.irecv, theirs, here, group, tag))
    requests = dist.batch_isend_irecv(transfers)

    def wait():
        for request in requests:
            request.wait()
        return received

    return wait


def _options(owner, causal, scale, group):
    """The options of attention from our queries to the slice of `owner`; None where all of it lies in the future."""
    rank = dist.get_rank(group)
    return None if causal and owner > rank else dict(causal=causal and owner == rank, scale=scale)


def _rows_of_every_rank(q, k, v, causal, scale, group):
    """The number of keys on each rank. Raises the same error on every rank unless all that they came with fits."""
    everyone = [None] * dist.get_world_size(group)
    dist.all_gather_object(everyone, _what_came(dist.get_rank(group), q, k, v, causal, scale), group)
    for error in everyone:
        if isinstance(error, Exception):
            raise error
    got = "; ".join(f"rank {rank}: " + ", ".join(f"{name} {shape} {dtype}" for name, (shape, dtype) in zip("qkv", came))
                    + f", causal={causal}, scale={scale}" for rank, (came, causal, scale) in enumerate(everyone))
    but_rows = {(*((shape[:-2], shape[-1], dtype) for shape, dtype in came), *options) for came, *options in everyone}
    if len(but_rows) > 1:
        raise ValueError(f"ring_attention: the ranks may differ in their number of rows only. Got {got}.")
    if causal and any(came[0][0][-2] != came[1][0][-2] for came, *_ in everyone):
        raise ValueError(f"ring_attention: causal needs as many queries as keys on each rank. Got {got}.")
    return [came[1][0][-2] for came, *_ in everyone]


def _what_came(rank, q, k, v, causal, scale):
    """What the other ranks are to know of ours: the shapes and dtypes, causal and scale; or the error to raise."""
    who = f"ring_attention on rank {rank}"
    try:
        check_qkv(who, q, k, v)
        if not is_tensor(q):
            raise TypeError(f"{who}: q, k and v need to be tensors. Got arrays; convert with torch.from_numpy.")
        check_flags(who, causal=causal)
        if scale is not None:
            check_numbers(who, scale=scale)
    except (TypeError, ValueError) as error:
        return error
    return [(tuple(x.shape), x.dtype) for x in (q, k, v)], bool(causal), None if scale is None else float(scale)
