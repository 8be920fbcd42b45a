import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.attention import attend, attention, attention_weights
from attnlib.heads import merge, multi_head, share_heads, split, sum_of_heads
from attnlib.masks import causal, padding

B, H, N, M, D, D_C = 2, 3, 5, 7, 12, 10
d, d_v, OUT = 4, 6, 8
rng = np.random.default_rng(0)
X, context = rng.normal(size=(B, N, D)), rng.normal(size=(B, M, D_C))
SHAPES = {"W_q": (D, H * d), "W_k": (D_C, H * d), "W_v": (D_C, H * d_v), "W_o": (H * d_v, OUT)}
cross = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
biases = {f"b_{name[2]}": rng.normal(size=shape[1]) for name, shape in SHAPES.items()}
own = {name: W[:D] if name == "W_q" else rng.normal(size=(D, *W.shape[1:])) for name, W in cross.items()}
own["W_o"] = cross["W_o"]


def torch_layer(bias, width_of_context):
    """PyTorch's multi-head attention with parameters of its own, and the same as our arguments."""
    options = dict(bias=bias, batch_first=True, dtype=torch.float64)
    if width_of_context != D:
        options |= dict(kdim=width_of_context, vdim=width_of_context)
    layer = torch.nn.MultiheadAttention(D, H, **options)
    if layer.in_proj_weight is not None:
        matrices = layer.in_proj_weight.chunk(3)
    else:
        matrices = layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight
    parameters = dict(zip(SHAPES, [W.detach().numpy().T for W in (*matrices, layer.out_proj.weight)]))
    if bias:
        torch.nn.init.normal_(layer.in_proj_bias)
        torch.nn.init.normal_(layer.out_proj.bias)
        b = [*layer.in_proj_bias.chunk(3), layer.out_proj.bias]
        parameters |= {f"b_{name}": x.detach().numpy() for name, x in zip("qkvo", b)}
    return layer, parameters


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("width", [D, D_C])
def test_multi_head_is_torch_multihead_attention(bias, width):
    """Are the outputs and the weights of every head PyTorch's, self-attention and cross-attention, masks included?"""
    layer, parameters = torch_layer(bias, width)
    source = None if width == D else context
    other = X if source is None else source
    lengths, M = [other.shape[1], 3], other.shape[1]
    mask = causal(N, M) & padding(lengths, M)
    x, y = torch.from_numpy(X), torch.from_numpy(other)
    blocked = torch.from_numpy(np.arange(M) >= np.array(lengths)[:, None])
    theirs, alpha = layer(
        x, y, y, key_padding_mask=blocked, attn_mask=torch.from_numpy(~causal(N, M)), average_attn_weights=False
    )
    ours = multi_head(X, heads=H, context=source, mask=mask, **parameters)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)
    q = split(X @ parameters["W_q"] + parameters.get("b_q", 0), H)
    k = split(other @ parameters["W_k"] + parameters.get("b_k", 0), H)
    np.testing.assert_allclose(attention_weights(q, k, mask=mask), alpha.detach().numpy(), rtol=1e-10, atol=1e-12)


def one_by_one(X, context, W_q, W_k, W_v, W_o, heads):
    """Multi-head attention as a loop over heads, each adding its own rows of W_o."""
    parts = zip(*(np.split(W, heads, axis) for W, axis in [(W_q, 1), (W_k, 1), (W_v, 1), (W_o, 0)]))
    return sum(attend(X @ q, context @ k, context @ v)[0] @ o for q, k, v, o in parts)


@pytest.mark.parametrize("heads", [1, 2, 3, 6])
def test_a_loop_over_heads_is_the_same(heads):
    """Do all heads at once give what one head after another gives?"""
    ours = multi_head(X, **cross, heads=heads, context=context)
    np.testing.assert_allclose(ours, one_by_one(X, context, **cross, heads=heads), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("key_heads", [1, 3])
def test_fewer_columns_of_keys_are_grouped_heads(key_heads):
    """Is W_k with fewer columns the same as a W_k whose columns neighbouring heads share?"""
    heads, some = 6, np.random.default_rng(1)
    W_q, W_o = some.normal(size=(D, 6 * d)), some.normal(size=(6 * d_v, OUT))
    W_k, W_v = some.normal(size=(D, key_heads * d)), some.normal(size=(D, key_heads * d_v))
    repeated = [
        np.repeat(W.reshape(D, key_heads, -1), heads // key_heads, axis=1).reshape(D, -1) for W in (W_k, W_v)
    ]
    grouped = multi_head(X, W_q, W_k, W_v, W_o, heads)
    np.testing.assert_allclose(grouped, multi_head(X, W_q, *repeated, W_o, heads), rtol=1e-10, atol=1e-12)


shapes = st.tuples(*[st.integers(1, 4)] * 4)


@given(shapes)
def test_merge_undoes_split(shape):
    """Are the columns back in their places, and does head h get columns h d to (h + 1) d?"""
    batch, n, heads, width = shape
    x = np.random.default_rng(2).normal(size=(batch, n, heads * width))
    parts = split(x, heads)
    assert parts.shape == (batch, heads, n, width)
    np.testing.assert_array_equal(merge(parts), x)
    for h in range(heads):
        np.testing.assert_array_equal(parts[:, h], x[:, :, h * width : (h + 1) * width])


@given(st.permutations(range(N)))
def test_moving_the_vectors_moves_the_outputs(order):
    """Without positions, is multi-head attention equivariant?"""
    np.testing.assert_allclose(multi_head(X[:, order], **own, heads=H), multi_head(X, **own, heads=H)[:, order])


def test_context_order_does_not_matter():
    """In cross-attention, may the encoder's vectors come in any order?"""
    ours = multi_head(X, **cross, heads=H, context=context)
    np.testing.assert_allclose(multi_head(X, **cross, heads=H, context=context[:, ::-1]), ours, rtol=1e-10)


def test_tensors_give_what_arrays_give(twins):
    """Do the functions agree between arrays and tensors, options and biases included?"""
    for dtype, close in ((np.float64, 1e-11), (np.float32, 1e-3)):
        narrow = {name: x.astype(dtype) for name, x in (cross | biases).items()}
        x, c = X.astype(dtype), context.astype(dtype)
        twins(split, x, H)
        twins(merge, split(x, H))
        masked, bent = {"mask": padding([7, 2], M)}, {"window": 2, "scale": 0.3, "softcap": 2.0}
        for options in ({}, masked, {"causal": True}, bent):
            twins(multi_head, x, **narrow, heads=H, context=c, **options, rtol=close, atol=close)
    for some in (X, X[0], X[None]):  # a batch, one sequence, a batch of batches
        twins(split, some, H)
        twins(merge, split(some, H))
        twins(multi_head, some, **own, heads=H, rtol=1e-11)


def test_shared_heads_of_tensors_are_those_of_arrays(twins):
    """Are key heads repeated, and the query heads of each added, alike for arrays and tensors of every dtype?"""
    for dtype in "float16", "float32", "float64":
        k = rng.normal(size=(B, 2, M, d)).astype(dtype)
        q = rng.normal(size=(B, 6, N, d)).astype(dtype)
        shared = share_heads(k, q)
        np.testing.assert_array_equal(shared, np.repeat(k, 3, 1))
        twins(share_heads, k, q)
        twins(sum_of_heads, shared, k, rtol=3e-3 if dtype == "float16" else 1e-6)
        twins(share_heads, k[0, 0], q[0, 0])


def test_gradients(device):
    """Do gradients reach the vectors, the context, every matrix and every bias?"""
    names = [*cross, *biases]
    inputs = [x[:1, :3] if x.ndim == 3 else x for x in (X, context, *(cross | biases).values())]
    inputs = [torch.from_numpy(x).to(device).requires_grad_() for x in inputs]

    def total(x, c, *parameters):
        return multi_head(x, **dict(zip(names, parameters)), heads=H, context=c).square().sum()

    assert torch.autograd.gradcheck(total, inputs, fast_mode=True)


def test_inputs_are_left_alone():
    """Are the vectors and matrices the same afterwards?"""
    everything = [X, context, *cross.values()]
    before = [x.copy() for x in everything]
    multi_head(X, **cross, heads=H, context=context)
    for now, then in zip(everything, before):
        np.testing.assert_array_equal(now, then)


q, k, v = (split(X @ own[name], H) for name in ("W_q", "W_k", "W_v"))
mixed, right = attention(q, k, v), multi_head(X, **own, heads=H)
across = q.swapaxes(1, 2) @ k.transpose(0, 2, 3, 1) / d**0.5
sliced = [attend(X[..., h * d : h * d + d] @ own["W_q"][:d, h * d : h * d + d],
                 X[..., h * d : h * d + d] @ own["W_k"][:d, h * d : h * d + d], v[:, h])[0] for h in range(H)]
SLIPS = {
    "H1: no transpose on split": (split(X, H), X.reshape(B, H, N, d)),
    "H1: columns dealt out in turn": (split(X, H), X.reshape(B, N, d, H).transpose(0, 3, 1, 2)),
    "H2: no transpose on merge": (merge(mixed), mixed.reshape(B, N, -1)),
    "H4: no W_o": (right, merge(mixed)),
    "H5: heads averaged": (merge(mixed), np.tile(mixed.mean(1), H)),
    "H6: scaled by the whole width": (right, multi_head(X, **own, heads=H, scale=D**-0.5)),
    "S10: scaled by the width of the values": (right, multi_head(X, **own, heads=H, scale=d_v**-0.5)),
    "H8: each head projects a slice": (right, np.concatenate(sliced, -1) @ own["W_o"]),
    "H10: heads attend to heads": (mixed, (across @ v.swapaxes(1, 2)).swapaxes(1, 2)),
    "S20: W where W.T is stored": (right, multi_head(X, **own | {"W_q": own["W_q"].T}, heads=H)),
    "S15: W_q and W_k swapped": (right, multi_head(X, **own | {"W_q": own["W_k"], "W_k": own["W_q"]}, heads=H)),
}
square = {name: rng.normal(size=(D, D)) for name in SHAPES}
encoded = rng.normal(size=(B, N, D))
across_sequences = multi_head(X, **square, heads=H, context=encoded)


def mix(for_queries, for_keys, for_values):
    q, k, v = (split(x @ square[n], H) for x, n in zip((for_queries, for_keys, for_values), ("W_q", "W_k", "W_v")))
    return merge(attention(q, k, v)) @ square["W_o"]


SLIPS |= {
    "C1: keys and values from the decoder": (across_sequences, mix(X, X, X)),
    "C2: queries from the encoder": (across_sequences, mix(encoded, X, X)),
    "C3: made causal": (across_sequences, multi_head(X, **square, heads=H, context=encoded, causal=True)),
    "C4: values from the decoder": (across_sequences, mix(X, encoded, X)),
}


@pytest.mark.parametrize("right, wrong", SLIPS.values(), ids=SLIPS)
def test_slips_differ(right, wrong):
    """Does each known slip give something else?"""
    assert right.shape != wrong.shape or not np.allclose(right, wrong)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: split(X, 5), r"a multiple of heads. Got X \(2, 5, 12\), heads 5"),
        (lambda: split(torch.from_numpy(X), 0), "split: heads must be a whole number, 1 or more. Got heads=0"),
        (lambda: split(X[0, 0], 3), r"\(..., N, D\). Got X \(12,\)"),
        (lambda: merge(X[0]), r"\(..., H, N, D\). Got X \(5, 12\)"),
        (lambda: multi_head(X, **cross, heads=H), r"W_k has 10 rows; the vectors it projects have 12 numbers. Got X"),
        (lambda: multi_head(context, **cross, heads=H), r"W_q has 12 rows; .* have 10 numbers. Got X \(2, 7, 10\)"),
        (lambda: multi_head(X, **own, heads=5), r"12 columns of W_q do not divide into 5 heads. Got X .* heads 5"),
        (lambda: multi_head(X, **own | {"W_k": own["W_k"][:, :6]}, heads=H),
         r"a head of W_q has 4 columns, so W_k needs 12, .* G a divisor of 3; it has 6. .* W_k \(12, 6\)"),
        (lambda: multi_head(X, **own | {"W_k": own["W_k"][:, :8]}, heads=H), "it has 8"),
        (lambda: multi_head(X, **own | {"W_v": own["W_v"][:, :8]}, heads=H), "8 columns of W_v .* into 3 heads"),
        (lambda: multi_head(X, **own | {"W_o": own["W_o"][:9]}, heads=H), "W_o has 9 rows; 3 heads .* need 18"),
        (lambda: share_heads(X, np.ones((5, N, D))),
         r"share_heads: 5 query heads cannot share 2 key heads evenly. Got \(5, 5, 12\) and \(2, 5, 12\)"),
    ],
)
def test_errors_name_what_came(call, message):
    """Does an error name every shape received and say what would be right?"""
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("call, kind, message", [
    (lambda: sum_of_heads(np.ones((3, M, d)), np.ones((1, M, d + 1))), ValueError, "sum_of_heads: .* the same M and D"),
    (lambda: sum_of_heads(np.ones((2, 3, M, d)), np.ones((1, 3, M, d))), ValueError, "sum_of_heads: .* axes before"),
    (lambda: sum_of_heads(np.ones((4, M, d), int), np.ones((2, M, d), int)), TypeError, "sum_of_heads: x needs a"),
    (lambda: share_heads(np.ones((M, d)), np.ones((4, N, d))), ValueError, "share_heads: both need the same axes"),
    (lambda: share_heads(np.ones((2, M, d)), torch.ones(4, N, d)), TypeError, "share_heads: tensors and arrays do not"),
    (lambda: split(X, 3.0), TypeError, "split: heads must be a whole number"),
    (lambda: split(X.tolist(), 3), TypeError, "split: X must be an array or a tensor; got list"),
    (lambda: merge(None), TypeError, "merge: X must be an array or a tensor; got None"),
    (lambda: multi_head(X, **own, heads=H, b_q=np.ones(3)), ValueError, r"multi_head: b_q must be \(12,\); .* Got X"),
    (lambda: multi_head(X.astype("f4"), **own, heads=H), TypeError, "multi_head: .* one floating dtype; got X float32"),
    (lambda: multi_head(X, **own, heads=H, gate=1), TypeError, "multi_head: there is no option gate; there are mask"),
    (lambda: multi_head(X, **own, heads=H, b_gate=np.ones(18)), ValueError, "multi_head: b_gate .* W_gate is missing"),
    (lambda: multi_head(X, **own, heads=H, sinks=np.ones(3), weigh=abs), ValueError, "multi_head: sinks are a part of"),
    (lambda: multi_head(X, **cross, heads=H, context=context[:1]), ValueError, "multi_head: the leading axes of X and"),
])
def test_what_was_silent_or_raw_is_refused_by_name(call, kind, message):
    """Do wrong gradients' shapes, lists, mixed dtypes and unknown options raise, naming the function?"""
    with pytest.raises(kind, match="^" + message):
        call()


def test_no_heads_are_no_heads():
    """Is the sum over no query heads zero, and are no columns split into heads of width 0?"""
    np.testing.assert_array_equal(sum_of_heads(np.ones((0, M, d)), np.ones((2, M, d))), np.zeros((2, M, d)))
    assert split(np.ones((N, 0)), 3).shape == (3, N, 0) and merge(np.ones((3, N, 0))).shape == (N, 0)
