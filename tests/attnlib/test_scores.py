import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from attnlib.scores import additive, bilinear, cosine, dot, scaled_dot
from attnlib.weights import softmax
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

B, N, M, D_Q, D_K, HIDDEN = 2, 5, 7, 4, 3, 6
rng = np.random.default_rng(0)
Q, K, K_wide = (rng.normal(size=shape) for shape in [(B, N, D_Q), (B, M, D_K), (B, M, D_Q)])
W, W_q, W_k, w = (rng.normal(size=shape) for shape in [(D_Q, D_K), (D_Q, HIDDEN), (D_K, HIDDEN), (HIDDEN,)])

CALLS = {
    dot: (Q, K_wide),
    scaled_dot: (Q, K_wide),
    cosine: (Q, K_wide),
    bilinear: (Q, K, W),
    additive: (Q, K, W_q, W_k, w),
}
every_score = pytest.mark.parametrize("score", CALLS, ids=lambda score: score.__name__)


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.1, 1, 3])
def test_additive_is_keras_additive_attention(size, monkeypatch):
    """Are the weights and outputs from additive scores those of Keras's AdditiveAttention?"""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import keras

    draw = np.random.default_rng(1)
    q, k, v = (size * draw.normal(size=shape) for shape in [(B, N, D_Q), (B, M, D_Q), (B, M, 2)])
    layer = keras.layers.AdditiveAttention(use_scale=True, dtype="float64")
    layer.build([x.shape for x in (q, v, k)])
    layer.scale.assign(scale := draw.normal(size=D_Q))
    inputs = [torch.from_numpy(x) for x in (q, v, k)]  # Keras would round arrays to float32
    mixed, theirs = (x.detach().cpu().numpy() for x in layer(inputs, return_attention_scores=True))
    weights = softmax(additive(q, k, np.eye(D_Q), np.eye(D_Q), scale))
    np.testing.assert_allclose(weights, theirs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(weights @ v, mixed, rtol=1e-5, atol=1e-6)  # Keras mixes in float32


def test_additive_projects_as_a_torch_network():
    """Are additive scores what PyTorch's Linear layers and Tanh give, pair by pair?"""
    both = torch.nn.Linear(D_Q + D_K, HIDDEN, bias=False, dtype=torch.float64)
    last = torch.nn.Linear(HIDDEN, 1, bias=False, dtype=torch.float64)
    both.weight.data = torch.from_numpy(np.concatenate([W_q, W_k]).T)
    last.weight.data = torch.from_numpy(w[None])
    pairs = [[torch.from_numpy(np.concatenate([q, k])) for k in K[0]] for q in Q[0]]
    theirs = [[last(torch.tanh(both(pair))).item() for pair in row] for row in pairs]
    np.testing.assert_allclose(additive(Q[0], K[0], W_q, W_k, w), theirs, rtol=1e-12)


def test_bilinear_is_torch_bilinear():
    """Is every bilinear score PyTorch's bilinear of that query and that key?"""
    q = np.broadcast_to(Q[:, :, None], (B, N, M, D_Q)).copy()
    k = np.broadcast_to(K[:, None], (B, N, M, D_K)).copy()
    theirs = F.bilinear(*map(torch.from_numpy, (q, k, W[None])))[..., 0]
    np.testing.assert_allclose(bilinear(Q, K, W), theirs.numpy(), rtol=1e-12)


def test_bilinear_is_dot_of_projections():
    """With W = W_q W_k.T, is bilinear the dot product of the projected queries and keys?"""
    np.testing.assert_allclose(bilinear(Q, K, W_q @ W_k.T), dot(Q @ W_q, K @ W_k), rtol=1e-12)


@pytest.mark.parametrize("eps", [1e-8, 2.0])
def test_cosine_is_torch_and_sklearn(eps):
    """Do cosines agree with PyTorch's, a large eps included, and with scikit-learn's?"""
    pair = torch.from_numpy(Q)[:, :, None], torch.from_numpy(K_wide)[:, None]
    np.testing.assert_allclose(cosine(Q, K_wide, eps), F.cosine_similarity(*pair, -1, eps).numpy(), rtol=1e-12)
    np.testing.assert_allclose(cosine(Q[0], K_wide[0]), cosine_similarity(Q[0], K_wide[0]), rtol=1e-12)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_cosine_ignores_lengths(a, b):
    """Does making the queries or the keys longer leave every cosine as it was?"""
    np.testing.assert_allclose(cosine(a * Q, b * K_wide), cosine(Q, K_wide), rtol=1e-9)


def test_cosine_of_nothing_is_zero(twins):
    """Does a vector of zeros score 0, not NaN, in every dtype, float16's coarse eps included?"""
    for dtype in (np.float16, np.float32, np.float64):
        zero, ones = np.zeros((1, 4), dtype), np.ones((2, 4), dtype)
        np.testing.assert_array_equal(cosine(zero, ones), [[0, 0]])
        twins(cosine, zero, ones)


def test_cosine_of_long_float16_vectors(twins):
    """Is a length beyond the largest float16 number no trouble?"""
    long = np.full((2, 4), 6e4, np.float16)
    np.testing.assert_allclose(cosine(long, -long), -np.ones((2, 2)), rtol=1e-3)
    twins(cosine, long, -long)


@every_score
def test_tensors_give_what_arrays_give(score, twins):
    """Do the scores agree between arrays and tensors, and keep float32?"""
    twins(score, *CALLS[score])
    narrow = [x.astype(np.float32) for x in CALLS[score]]
    assert score(*narrow).dtype == np.float32
    twins(score, *narrow, rtol=1e-4, atol=1e-5)


@every_score
def test_half_precision_is_computed_in_single(score, twins):
    """In float16, is every score the one of float32 rounded once, where sums in float16 lose digits or overflow?"""
    half = [np.full((2, 4096), 30, np.float16)] * 2
    if score is bilinear:
        half.append(np.eye(4096, dtype=np.float16))
    if score is additive:
        half = [half[0], half[1], *[np.full((4096, 2048), 1e-3, np.float16)] * 2, np.ones(2048, np.float16)]
    if score in (dot, bilinear):
        half[1] = half[1] / np.float16(256)
    narrow = twins(score, *half, rtol=0, atol=0).cpu().numpy()
    assert np.isfinite(narrow).all()
    np.testing.assert_array_equal(narrow, score(*(x.astype(np.float32) for x in half)).astype(np.float16))


@every_score
def test_bfloat16_is_computed_in_single(score):
    """Is the score of bfloat16 tensors that of float32 rounded once?"""
    half = [torch.from_numpy(x).bfloat16() for x in CALLS[score]]
    expected = score(*(x.float() for x in half)).bfloat16()
    torch.testing.assert_close(score(*half), expected, rtol=0, atol=0)


@every_score
def test_whole_numbers_are_refused(score):
    """Are vectors of whole numbers, or of two dtypes, refused by name, as arrays and as tensors?"""
    for kind in (np.asarray, torch.from_numpy):
        with pytest.raises(TypeError, match=f"^{score.__name__}: .* need one floating dtype; got Q .*int64"):
            score(*(kind((5 * x).astype(int)) for x in CALLS[score]))
        first, *others = CALLS[score]
        with pytest.raises(TypeError, match=f"^{score.__name__}: .* need one floating dtype; got Q .*float32"):
            score(kind(first.astype("f4")), *map(kind, others))


@every_score
def test_layouts_and_pytorchs_transforms(score):
    """Do views in every layout give the same, and do the scores compile whole, trace and map?"""
    same_in_every_layout(score, *CALLS[score])
    q, k, *learned = map(torch.from_numpy, CALLS[score])
    same_in_pytorch(lambda q, k: score(q, k, *learned), q, k)


@every_score
def test_no_queries_and_no_keys(score):
    """Do no queries, no keys and no sequences give no scores?"""
    q, k, *learned = CALLS[score]
    assert score(q[:, :0], k, *learned).shape == (B, 0, M)
    assert score(q, k[:, :0], *learned).shape == (B, N, 0)
    assert score(q[:0], k[:0], *learned).shape == (0, N, M)


@every_score
def test_gradients(score, device):
    """Do gradients reach queries, keys and every learned number?"""
    inputs = [torch.from_numpy(x[:1, :2] if x.ndim == 3 else x).to(device).requires_grad_() for x in CALLS[score]]
    assert torch.autograd.gradcheck(score, inputs)


def test_the_gradient_of_a_zero_cosine_is_finite(device):
    """Is the gradient at a vector of zeros a number?"""
    zero = torch.zeros(1, 4, device=device, requires_grad=True)
    cosine(zero, torch.ones(2, 4, device=device)).sum().backward()
    assert zero.grad.isfinite().all()


@every_score
def test_inputs_are_left_alone(score):
    """Are the vectors and matrices the same afterwards?"""
    before = [x.copy() for x in CALLS[score]]
    score(*CALLS[score])
    for now, then in zip(CALLS[score], before):
        np.testing.assert_array_equal(now, then)


square, other, W_square = rng.normal(size=(N, D_Q)), rng.normal(size=(N, D_Q)), rng.normal(size=(D_Q, D_Q))
projected_q, projected_k = Q @ W_q, K @ W_k
SLIPS = {
    "S6: no scale": (scaled_dot(Q, K_wide), dot(Q, K_wide)),
    "S7: divided by d": (scaled_dot(Q, K_wide), dot(Q, K_wide) / D_Q),
    "S8: multiplied by the root": (scaled_dot(Q, K_wide), dot(Q, K_wide) * 2),
    "S14: queries and keys swapped": (dot(square, other), dot(other, square)),
    "S18: element by element": (dot(square, other), square * other),
    "S25: divided by one length": (cosine(Q, K_wide), dot(Q, K_wide) / np.linalg.norm(Q, axis=-1)[..., None]),
    "S26: no tanh": (
        additive(Q, K, W_q, W_k, w),
        (projected_q[:, :, None] + projected_k[:, None]) @ w,
    ),
    "S26: the axes swapped": (
        additive(Q, K, W_q, W_k, w),
        np.tanh(projected_q[:, None] + projected_k[:, :, None]) @ w,
    ),
    "S26: tanh of each alone": (
        additive(Q, K, W_q, W_k, w),
        (np.tanh(projected_q)[:, :, None] + np.tanh(projected_k)[:, None]) @ w,
    ),
    "W where W.T is stored": (bilinear(square, other, W_square), bilinear(square, other, W_square.T)),
}


@pytest.mark.parametrize("right, wrong", SLIPS.values(), ids=SLIPS)
def test_slips_differ(right, wrong):
    """Does each known slip give something else?"""
    assert right.shape != wrong.shape or not np.allclose(right, wrong)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: cosine(Q, K), ValueError,
         r"cosine: Q .* and K .* need the same d; it is 4 and 3. Got Q \(2, 5, 4\), K \(2, 7, 3\)"),
        (lambda: bilinear(Q, K, W.T), ValueError,
         r"bilinear: Q .* and W \(d_q, d_k\) need the same d_q; it is 4 and 3. Got Q \(2, 5, 4\), K"),
        (lambda: additive(Q, K, W_k, W_k, w), ValueError,
         r"additive: Q .* and W_q .* the same d_q; it is 4 and 3. .* W_q \(3, 6\)"),
        (lambda: additive(Q, K, W_q, W_q, w), ValueError,
         r"additive: K .* and W_k .* the same d_k; it is 3 and 4. .* W_k \(4, 6\)"),
        (lambda: additive(*map(torch.from_numpy, (Q, K, W_q, W_k, w[:2]))), ValueError,
         r"W_q .* and w \(h,\) need the same h; it is 6 and 2"),
        (lambda: cosine(*map(torch.from_numpy, (Q, K))), ValueError, r"Got Q \(2, 5, 4\), K \(2, 7, 3\)"),
        (lambda: dot(Q.tolist(), K_wide), TypeError, "dot: Q must be an array or a tensor; got list"),
        (lambda: dot(Q[0, 0], K_wide), ValueError, r"dot: Q needs 2 axes or more, \(..., N, d\)"),
        (lambda: dot(Q[..., :0], K_wide[..., :0]), ValueError, r"dot: Q \(..., N, d\) needs d to be 1 or more"),
        (lambda: scaled_dot(Q, K), ValueError, "scaled_dot: Q .* and K .* need the same d; it is 4 and 3"),
        (lambda: scaled_dot(torch.from_numpy(Q), K_wide), TypeError, "scaled_dot: tensors and arrays do not mix"),
        (lambda: bilinear(Q, K, W[0]), ValueError, r"bilinear: W needs 2 axes, \(d_q, d_k\). Got .* W \(3,\)"),
        (lambda: additive(Q, K, W_q, W_k, None), TypeError, "additive: w must be an array or a tensor; got None"),
        (lambda: cosine(Q, K_wide, eps=0), ValueError, "cosine: eps must be a finite number above 0. Got 0"),
        (lambda: cosine(Q, K_wide, eps="1"), TypeError, "cosine: eps must be a finite number above 0. Got '1'"),
        (lambda: cosine(Q, K_wide[:1].repeat(3, 0)), ValueError, "cosine: the axes before the last ones do not broad"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the shapes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
