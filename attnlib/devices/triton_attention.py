"""Attention on a GPU: one Triton kernel forward, two backward.

**Forward.** One program owns ROWS queries of one head and walks over the keys, KEYS at a time: the N x M scores
exist only as a (ROWS, KEYS) tile in registers. Softmax needs the maximum and the sum of a whole row; the program
keeps those of the keys seen so far, and shrinks what it has summed when a block brings a higher maximum (Dao et
al. 2022, algorithm 1). Powers are of 2, which the hardware has: e^s = 2^(s log2 e). One number a row is kept for
the way back: lse = top + log2(total), the logarithm of the softmax's denominator.

**Backward.** The weights are computed again: p = 2^(s - lse). With dp = dout v^T and delta_i = sum_j p_ij dp_ij,
which equals dout_i . out_i, the scores have the gradient ds = p (dp - delta), and (Dao 2023, algorithm 2)
dq = scale ds k, dk = scale ds^T q, dv = p^T dout. dq sums over keys: in `backward_q` a program owns queries, and
writes delta as well. dk and dv sum over queries: in `backward_kv`, which comes next, a program owns keys, and its
tiles lie on their side, (KEYS, ROWS). No two programs write to one place.

**Edges.** Capital letters are whole tensors in memory, which know their lengths: what a tile reads past the end is
0, and what it writes there is dropped. So N is rounded up to whole tiles: a query past the end changes nothing, as
its q and dout are 0. A key past the end, or in the future, would count with a score of 0; its score becomes -inf,
whose power is 0. Most tiles have none of those: the loop over keys runs twice, without a mask, then over the edge.
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable
from triton.tools.tensor_descriptor import TensorDescriptor

from attnlib._arguments import check_flags, check_numbers, check_qkv
from attnlib._dispatch import is_tensor

LOG2_E = tl.constexpr(1.4426950408889634)
INTERPRETED = triton.knobs.runtime.interpret  # TRITON_INTERPRET=1 was set: kernels run on the CPU
DTYPES = (torch.float32, torch.float16) + (torch.bfloat16,) * (not INTERPRETED)  # its products are wrong in bfloat16


@triton.jit
def _block(X, head, start, COUNT: tl.constexpr, D: tl.constexpr):
    return X.load([head, start, 0]).reshape(COUNT, D)


@triton.jit
def _dot(a, b, onto=None):
    return tl.dot(a, b, onto, input_precision="ieee")  # float32 stays float32, not TF32


@triton.jit
def _hide(s, rows, keys, M, CAUSAL: tl.constexpr):
    visible = (keys < M) & (keys <= rows) if CAUSAL else keys < M
    return tl.where(visible, s, -float("inf"))


@triton.jit
def forward(Q, K, V, OUT, LSE, scale, N, M,
            GROUP: tl.constexpr, D: tl.constexpr, CAUSAL: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr):
    head = tl.program_id(0) // (N // ROWS)                       # neighbouring programs share keys in the cache
    begin = N - ROWS - tl.program_id(0) % (N // ROWS) * ROWS     # causal: those with most keys go first
    rows = begin + tl.arange(0, ROWS)
    q = _block(Q, head, begin, ROWS, D)
    top = tl.full([ROWS], -float("inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    mixed = tl.zeros([ROWS, D], tl.float32)
    clear = (tl.minimum(begin + 1, M) if CAUSAL else M) // KEYS * KEYS  # every row sees all keys before this one
    stop = tl.minimum(begin + ROWS, M) if CAUSAL else M                 # and none from this one on
    for edge in tl.static_range(2):
        for start in tl.range(clear if edge else 0, stop if edge else clear, KEYS):
            s = _dot(q, _block(K, head // GROUP, start, KEYS, D).T)  # (ROWS, KEYS), not yet scaled
            if edge:
                s = _hide(s, rows[:, None], start + tl.arange(0, KEYS)[None, :], M, CAUSAL)
            higher = tl.maximum(top, tl.max(s, 1) * (scale * LOG2_E))
            p = tl.exp2(s * (scale * LOG2_E) - higher[:, None])
            shrink = tl.exp2(top - higher)                       # 0 in the first block: 2^-inf
            total = total * shrink + tl.sum(p, 1)
            mixed = _dot(p.to(q.dtype), _block(V, head // GROUP, start, KEYS, D), mixed * shrink[:, None])
            top = higher
    tl.store(LSE + head.to(tl.int64) * N + rows, top + tl.log2(total))
    OUT.store([head, begin, 0], (mixed / total[:, None]).to(q.dtype).reshape(1, ROWS, D))


@triton.jit
def backward_q(Q, K, V, OUT, DOUT, DQ, LSE, DELTA, scale, N, M,
               GROUP: tl.constexpr, D: tl.constexpr, CAUSAL: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr):
    head = tl.program_id(0) // (N // ROWS)
    begin = N - ROWS - tl.program_id(0) % (N // ROWS) * ROWS
    rows = begin + tl.arange(0, ROWS)
    q = _block(Q, head, begin, ROWS, D)
    dout = _block(DOUT, head, begin, ROWS, D)
    lse = tl.load(LSE + head.to(tl.int64) * N + rows)
    delta = tl.sum(_block(OUT, head, begin, ROWS, D).to(tl.float32) * dout.to(tl.float32), 1)
    tl.store(DELTA + head.to(tl.int64) * N + rows, delta)
    dq = tl.zeros([ROWS, D], tl.float32)
    clear = (tl.minimum(begin + 1, M) if CAUSAL else M) // KEYS * KEYS
    stop = tl.minimum(begin + ROWS, M) if CAUSAL else M
    for edge in tl.static_range(2):
        for start in tl.range(clear if edge else 0, stop if edge else clear, KEYS):
            k = _block(K, head // GROUP, start, KEYS, D)
            s = _dot(q, k.T)                                     # (ROWS, KEYS)
            if edge:
                s = _hide(s, rows[:, None], start + tl.arange(0, KEYS)[None, :], M, CAUSAL)
            p = tl.exp2(s * (scale * LOG2_E) - lse[:, None])
            ds = p * (_dot(dout, _block(V, head // GROUP, start, KEYS, D).T) - delta[:, None])
            dq = _dot(ds.to(q.dtype), k, dq)
    DQ.store([head, begin, 0], (dq * scale).to(q.dtype).reshape(1, ROWS, D))


@triton.jit
def backward_kv(Q, K, V, DOUT, DK, DV, LSE, DELTA, scale, N, M,
                GROUP: tl.constexpr, D: tl.constexpr, CAUSAL: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr):
    key_head = tl.program_id(0) // tl.cdiv(M, KEYS)
    begin = tl.program_id(0) % tl.cdiv(M, KEYS) * KEYS
    k = _block(K, key_head, begin, KEYS, D)
    v = _block(V, key_head, begin, KEYS, D)
    dk = tl.zeros([KEYS, D], tl.float32)
    dv = tl.zeros([KEYS, D], tl.float32)
    first = begin // ROWS * ROWS if CAUSAL else 0                # no earlier query sees these keys
    for member in tl.range(GROUP):
        head = key_head * GROUP + member
        for start in tl.range(first, N, ROWS):
            rows = start + tl.arange(0, ROWS)
            q = _block(Q, head, start, ROWS, D)
            dout = _block(DOUT, head, start, ROWS, D)
            s = _dot(k, q.T)                                     # (KEYS, ROWS)
            if CAUSAL:                                           # in every tile: two loops overfill the registers
                s = _hide(s, rows[None, :], begin + tl.arange(0, KEYS)[:, None], M, CAUSAL)
            p = tl.exp2(s * (scale * LOG2_E) - tl.load(LSE + head.to(tl.int64) * N + rows)[None, :])
            dv = _dot(p.to(q.dtype), dout, dv)
            ds = p * (_dot(v, dout.T) - tl.load(DELTA + head.to(tl.int64) * N + rows)[None, :])
            dk = _dot(ds.to(q.dtype), q, dk)
    DK.store([key_head, begin, 0], (dk * scale).to(k.dtype).reshape(1, KEYS, D))
    DV.store([key_head, begin, 0], dv.to(k.dtype).reshape(1, KEYS, D))


def tiles(kernel, dtype, memory=227 * 1024):
    """(ROWS, KEYS, warps, stages): what registers and `memory` bytes of shared memory hold; ROWS divides 128."""
    if dtype == torch.float32:
        return 32, 32, 8, 2      # exact products stay off the tensor cores and fill the registers
    if memory < 200 * 1024:
        return 64, 64, 8, 2      # before Hopper, and consumer cards
    return {forward: (128, 128, 8, 2), backward_q: (128, 64, 8, 2), backward_kv: (64, 128, 8, 2)}[kernel]


def _launch(kernel, scale, causal, rows, **letters):
    """Run `kernel` on its capital letters; `rows` has those with a number a query, (heads, N in whole tiles)."""
    (heads, N), (key_heads, M, D), like = rows["LSE"].shape, letters["K"].shape, letters["Q"]
    if heads * N * M == 0:
        return  # the outputs keep their zeros
    memory = torch.cuda.get_device_properties(like.device).shared_memory_per_block_optin if like.is_cuda else 0
    ROWS, KEYS, warps, stages = tiles(kernel, like.dtype, memory)
    for name, x in letters.items():
        letters[name] = TensorDescriptor(x, x.shape, x.stride(), [1, KEYS if name[-1] in "KV" else ROWS, D])
    programs = key_heads * triton.cdiv(M, KEYS) if kernel is backward_kv else heads * N // ROWS
    with torch.cuda.device_of(like):
        kernel[(programs,)](**letters, **rows, scale=scale, N=N, M=M, GROUP=heads // key_heads, D=D, CAUSAL=causal,
                            ROWS=ROWS, KEYS=KEYS, num_warps=warps, num_stages=stages)


def _aligned(x):  # as descriptors need it: contiguous, starting at a multiple of 16 bytes
    return x.clone(memory_format=torch.contiguous_format) if x.data_ptr() % 16 else x.contiguous()


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, scale, causal):
        lse = q.new_zeros(len(q), triton.cdiv(q.shape[1], 128) * 128, dtype=torch.float32)
        out, ctx.options = torch.zeros_like(q), (scale, causal)
        _launch(forward, scale, causal, {"LSE": lse}, Q=q, K=k, V=v, OUT=out)
        ctx.save_for_backward(q, k, v, out, lse)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        q, k, v, out, lse = ctx.saved_tensors
        dq, dk, dv, delta = map(torch.zeros_like, (q, k, v, lse))
        given = dict(rows={"LSE": lse, "DELTA": delta}, Q=q, K=k, V=v, DOUT=_aligned(dout))
        _launch(backward_q, *ctx.options, **given, OUT=out, DQ=dq)
        _launch(backward_kv, *ctx.options, **given, DK=dk, DV=dv)
        return dq, dk, dv, None, None


def triton_attention(q, k, v, *, causal=False, scale=None):
    """`attnlib.attention.attention` as a GPU kernel: q (..., H, N, D), k and v (..., H_kv, M, D) -> (..., H, N, D).

    D is 16, 32, 64 or 128; float32, float16 or bfloat16, accumulated in float32; scale > 0, default 1/sqrt(D).
    Differentiable. Without a key, zeros. Fast in the half types, from Hopper on; float32 is exact, and slow.
    Raises ValueError or TypeError naming what came. Source: Dao 2023, "FlashAttention-2"; see the head of the file.
    """
    check_qkv("triton_attention", q, k, v)
    check_flags("triton_attention", causal=causal)
    if not is_tensor(q):
        raise TypeError("triton_attention: q, k and v need to be tensors. Got arrays; convert with torch.from_numpy.")
    if scale is not None:
        check_numbers("triton_attention", scale=scale)
    scale = q.shape[-1] ** -0.5 if scale is None else float(scale)
    for right, error, need in (
        (q.dtype in DTYPES, TypeError, f"one dtype of {DTYPES}; bfloat16 on a GPU only"),
        (q.is_cuda or INTERPRETED, ValueError, "one GPU, or TRITON_INTERPRET=1"
         " in the environment before Triton is imported; attnlib.attention.attention runs anywhere"),
        (q.shape[-1] == v.shape[-1] in (16, 32, 64, 128), ValueError, "one width of 16, 32, 64 or 128; append columns "
         "of zeros, pass the scale of the true width, and cut the output"),
        (scale > 0, ValueError, f"a positive scale, not {scale}; for a negative one pass -q"),
    ):
        if not right:
            got = ", ".join(f"{n} {tuple(x.shape)} {x.dtype} {x.device}" for n, x in zip("qkv", (q, k, v)))
            raise error(f"triton_attention: q, k and v need {need}. Got {got}.")
    heads = [_aligned(x.reshape(x.shape[:-2].numel(), *x.shape[-2:])) for x in (q, k, v)]
    return _Attention.apply(*heads, scale, bool(causal)).reshape(q.shape)
