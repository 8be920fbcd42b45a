"""Linear attention of torch tensors; see `attnlib.linear_attention`.

Outputs are joined at the end, not written into one tensor, so that autograd can follow them.
"""

import torch

from attnlib.heads import share_heads
from attnlib.linear_attention import (
    CHUNK,
    _ByKeyHead,
    _faded_products,
    check_chunk,
    check_linear_attention,
    check_recurrent,
    elu_plus_one,
)
from attnlib.online_softmax import finish
from attnlib.tensors.attention import check_tensors, widen


def linear_attention(q, k, v, *, causal=False, feature=elu_plus_one):
    """`attnlib.linear_attention.linear_attention` of tensors: q, k, v -> (..., H, N, E)."""
    check_linear_attention(q, k, v, causal)
    check_tensors("linear_attention", q, k, v, None, None)
    wide_q, wide_k, v = widen(q, k, v)
    phi_q, phi_k = feature(wide_q), feature(wide_k)
    counted = torch.cat([v, torch.ones_like(v[..., :1])], -1)            # (..., M, E + 1): the ones add up the weights
    if causal:
        mixed, _ = recurrent_chunks(phi_q, phi_k, counted, scale=1.0)
    else:
        mixed = phi_q @ share_heads(phi_k.mT @ counted, q)               # (..., H, N, D) (..., H, D, E + 1)
    return finish(mixed[..., :-1], mixed[..., -1:]).to(q.dtype)


def recurrent(q, k, v, *, decay=None, beta=None, state=None, scale=None):
    """`attnlib.linear_attention.recurrent` of tensors: q, k, v -> out (..., H, N, E), state (..., H_kv, D, E)."""
    inputs = _by_key_head("recurrent", q, k, v, decay, beta, state, scale)
    state, out = inputs.state, []
    for t in range(q.shape[-2]):
        q_t, k_t, v_t, decay_t, beta_t = inputs.rows(t, t + 1)           # one row each
        state = torch.exp(decay_t).mT * state                            # (..., D, E)
        write = v_t if beta_t is None else beta_t * (v_t - k_t @ state)
        state = state + k_t.mT @ write
        out.append(q_t @ state)
    return _joined(out, q, v), inputs.ungroup(state)


def recurrent_chunks(q, k, v, *, decay=None, beta=None, state=None, scale=None, chunk=CHUNK):
    """`attnlib.linear_attention.recurrent_chunks` of tensors: as `recurrent`; PyTorch can solve a triangular system."""
    check_chunk("recurrent_chunks", chunk)
    inputs = _by_key_head("recurrent_chunks", q, k, v, decay, beta, state, scale)
    state, out = inputs.state, []
    for start in range(0, q.shape[-2], chunk):
        queries, keys, write, decays, betas = inputs.rows(start, start + chunk)       # (..., C, D or E or 1)
        level = decays.cumsum(-2)                                        # log of what is left since the chunk began
        if betas is not None:
            earlier = _faded_products(keys, keys, level).tril(-1) * betas              # (..., C, C)
            fresh = (write - (keys * torch.exp(level)) @ state) * betas
            write = torch.linalg.solve_triangular(earlier, fresh, upper=False, unitriangular=True)
        within = _faded_products(queries, keys, level).tril() @ write     # (..., C, E)
        out.append((queries * torch.exp(level)) @ state + within)
        left = level[..., -1:, :]                                        # at the end of the chunk
        state = torch.exp(left).mT * state + (keys * torch.exp(left - level)).mT @ write
    return _joined(out, q, v), inputs.ungroup(state)


def _by_key_head(who, q, k, v, decay, beta, state, scale):
    """The inputs of `recurrent` as `_ByKeyHead`: checked, in float32 or wider, defaults filled in, q scaled."""
    check_recurrent(who, q, k, v, decay, beta, state)
    check_tensors(who, q, k, v, None, None)
    q, k, v = widen(q, k, v)
    decay = k.new_zeros((*k.shape[:-1], 1)) if decay is None else decay
    state = k.new_zeros((*k.shape[:-2], k.shape[-1], v.shape[-1])) if state is None else state
    decay, beta, state = (None if x is None else x.to(q.dtype) for x in (decay, beta, state))
    return _ByKeyHead.of(q * (q.shape[-1] ** -0.5 if scale is None else scale), k, v, decay, beta, state)


def _joined(rows, q, v):
    """The outputs computed one after another, as one tensor (..., H, N, E) in the dtype of q."""
    shape = (*q.shape[:-1], v.shape[-1])
    return (torch.cat(rows, -2) if rows else q.new_zeros(shape)).reshape(shape).to(q.dtype)
