"""Online softmax, caches and linear attention of torch tensors; see `attnlib.memory`."""

import torch

from attnlib.memory import (
    CHUNK, check_block, check_linear_attention, check_recurrent, columns, groups_of,
)
from attnlib.tensors.attention import check_tensors, share


def partial(q, k, v, *, mask=None, scale=None):
    """`attnlib.memory.partial` of tensors: q, k, v -> mixed (..., H, N, E), total and top (..., H, N, 1)."""
    check_tensors("partial", q, k, v, mask, None)
    q, k, v = widen(q, share(k, q), share(v, q))
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)                   # (..., H, N, M)
    if scores.shape[-1]:
        top = scores.amax(-1, keepdim=True)                              # (..., H, N, 1)
    else:
        top = scores.new_full((*scores.shape[:-1], 1), -torch.inf)
    powers = torch.exp(scores - finite(top))
    return powers @ v, powers.sum(-1, keepdim=True), top


def merge(mixed_a, total_a, top_a, mixed_b, total_b, top_b):
    """`attnlib.memory.merge` of tensors: two parts -> mixed (..., N, E), total and top (..., N, 1)."""
    top = torch.maximum(top_a, top_b)
    shrink_a, shrink_b = torch.exp(top_a - finite(top)), torch.exp(top_b - finite(top))
    return mixed_a * shrink_a + mixed_b * shrink_b, total_a * shrink_a + total_b * shrink_b, top


def finish(mixed, total, top=None):
    """`attnlib.memory.finish` of tensors: mixed (..., N, E), total (..., N, 1) -> (..., N, E)."""
    return mixed / total.masked_fill(total == 0, 1)


def online(q, k, v, *, block, mask=None, scale=None):
    """`attnlib.memory.online` of tensors: q, k, v -> (..., H, N, E), `block` keys at a time."""
    check_block("online", block)
    state = None
    for start in range(0, max(1, k.shape[-2]), block):
        keys = slice(start, start + block)
        part = partial(q, k[..., keys, :], v[..., keys, :], mask=columns(mask, keys), scale=scale)
        state = part if state is None else merge(*state, *part)
    return finish(*state).to(q.dtype)


def finite(top):
    """`attnlib.memory.finite` of a tensor of any shape."""
    return top.masked_fill(top == -torch.inf, 0)


def share_heads(x, q):
    """`attnlib.memory.share_heads` of tensors: x (..., H_kv, M, D), q (..., H, N, D) -> (..., H, M, D)."""
    groups_of("share_heads", q, x)
    return share(x, q)


def sum_of_heads(x, k):
    """`attnlib.memory.sum_of_heads` of tensors: x (..., H, M, D), k (..., H_kv, M, D) -> (..., H_kv, M, D)."""
    groups = groups_of("sum_of_heads", x, k)
    return x if groups == 1 else x.unflatten(-3, (-1, groups)).sum(-3)


def append(past, x):
    """`attnlib.memory.append` of tensors: (..., P, D), (..., N, D) -> (..., P + N, D)."""
    return torch.cat([past, x], -2)


def room(x, rows):
    """`attnlib.memory.room` of a tensor (..., N, D): (..., rows, D), not yet written."""
    return x.new_empty((*x.shape[:-2], rows, x.shape[-1]))


def elu_plus_one(x):
    """`attnlib.memory.elu_plus_one` of a tensor of any shape."""
    return torch.where(x > 0, x + 1, torch.exp(x.clamp(max=0)))


def linear_attention(q, k, v, *, causal=False, feature=elu_plus_one):
    """`attnlib.memory.linear_attention` of tensors: q, k, v -> (..., H, N, E)."""
    check_linear_attention(q, k, v, causal)
    check_tensors("linear_attention", q, k, v, None, None)
    wide_q, wide_k, v = widen(q, k, v)
    phi_q, phi_k = feature(wide_q), feature(wide_k)
    counted = torch.cat([v, torch.ones_like(v[..., :1])], -1)            # (..., M, E + 1): the ones add up the weights
    if causal:
        mixed, _ = recurrent_chunks(phi_q, phi_k, counted, scale=1.0)
    else:
        mixed = phi_q @ share(phi_k.mT @ counted, q)                     # (..., H, N, D) (..., H, D, E + 1)
    return finish(mixed[..., :-1], mixed[..., -1:]).to(q.dtype)


def recurrent(q, k, v, *, decay=None, beta=None, state=None, scale=None):
    """`attnlib.memory.recurrent` of tensors: q, k, v -> out (..., H, N, E), state (..., H_kv, D, E)."""
    shape, dtype = (*q.shape[:-1], v.shape[-1]), q.dtype
    q, k, v, decay, beta, state = _by_key_head("recurrent", q, k, v, decay, beta, state, scale)
    out = []
    for t in range(q.shape[-2]):
        now = (..., slice(t, t + 1), slice(None))                        # the row of one token
        state = torch.exp(decay[now]).mT * state                         # (..., D, E)
        write = v[now] if beta is None else beta[now] * (v[now] - k[now] @ state)
        state = state + k[now].mT @ write
        out.append(q[now] @ state)
    return _rows(out, shape, dtype, q), state[..., 0, :, :]


def recurrent_chunks(q, k, v, *, decay=None, beta=None, state=None, scale=None, chunk=CHUNK):
    """`attnlib.memory.recurrent_chunks` of tensors: the answers of `recurrent`, `chunk` tokens at a time."""
    check_block("recurrent_chunks", chunk)
    shape, dtype = (*q.shape[:-1], v.shape[-1]), q.dtype
    q, k, v, decay, beta, state = _by_key_head("recurrent_chunks", q, k, v, decay, beta, state, scale)
    out = []
    for start in range(0, q.shape[-2], chunk):
        rows = (..., slice(start, start + chunk), slice(None))
        queries, keys, write = q[rows], k[rows], v[rows]                 # (..., C, D), (..., C, D), (..., C, E)
        level = decay[rows].cumsum(-2)                                   # log of what is left since the chunk began
        if beta is not None:
            earlier = _products(keys, keys, level).tril(-1) * beta[rows]              # (..., C, C)
            fresh = (write - (keys * torch.exp(level)) @ state) * beta[rows]
            write = torch.linalg.solve_triangular(earlier, fresh, upper=False, unitriangular=True)
        out.append((queries * torch.exp(level)) @ state + _products(queries, keys, level).tril() @ write)
        left = level[..., -1:, :]                                        # at the end of the chunk
        state = torch.exp(left).mT * state + (keys * torch.exp(left - level)).mT @ write
    return _rows(out, shape, dtype, q), state[..., 0, :, :]


def _products(q, k, level):
    """q_i . k_j, each term of it faded by what is left at i of what came at j <= i: (..., C, C)."""
    fade = torch.exp((level[..., :, None, :] - level[..., None, :, :]).clamp(max=0))  # (..., C, C, D) or 1
    if fade.shape[-1] == 1:
        return q @ k.mT * fade[..., 0]
    return (q[..., :, None, :] * k[..., None, :, :] * fade).sum(-1)


def _by_key_head(who, q, k, v, decay, beta, state, scale):
    """The inputs of `recurrent` with an axis for the query heads of a key head, defaults filled in, q scaled."""
    check_recurrent(who, q, k, v, decay, beta, state)
    check_tensors(who, q, k, v, None, None)
    q, wide_k = widen(q, k)
    D, E = k.shape[-1], v.shape[-1]
    decay = wide_k.new_zeros((*k.shape[:-1], 1)) if decay is None else decay
    state = wide_k.new_zeros((*k.shape[:-2], D, E)) if state is None else state
    grouped = q.reshape(*k.shape[:-2], groups_of(who, q, k), *q.shape[-2:]) * (D**-0.5 if scale is None else scale)
    others = (None if x is None else x.to(q.dtype)[..., None, :, :] for x in (k, v, decay, beta, state))
    return grouped, *others


def widen(*tensors):
    """Half types as float32; wider ones as they are."""
    return [x.to(torch.promote_types(x.dtype, torch.float32)) for x in tensors]


def _rows(parts, shape, dtype, q):
    """The rows computed one after another, as one tensor of that shape and dtype."""
    return (torch.cat(parts, -2) if parts else q.new_zeros(shape)).reshape(shape).to(dtype)
