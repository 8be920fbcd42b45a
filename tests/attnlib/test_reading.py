import math

import numpy as np
import pytest
import scipy.stats
import torch

import attnlib
from attnlib.attention import attention_weights
from attnlib.reading import entropy, head_effects, induction_score, mean_at_offset, rollout
from attnlib.transformer import encoder
from tests.attnlib.draws import B, D, draw
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

H, N, PERIOD = 3, 12, 4


def maps(seed=0, causal=True, n=N, dtype=np.float64):
    """Weights (2, 3, n, n) of random queries and keys."""
    q, k = draw(B, H, n, D, seed=seed), draw(B, H, n, D, seed=seed + 1)
    return attention_weights(q, k, causal=causal).astype(dtype)


ALPHA = maps()
WORDS = np.stack([np.arange(N) % PERIOD, (np.arange(N) % PERIOD)[::-1] + 7])     # both come again and again
PAIRS = np.array([[5, 5, 1, 5, 2, 1, 9, 9, 9, 1, 2, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]])


def one_by_one(alpha, tokens):
    """The induction score by loops: for each query with an earlier copy, the weight on what followed the copies."""
    scores = np.zeros(alpha.shape[:2])
    for b, h in np.ndindex(*scores.shape):
        rows = []
        for t in range(alpha.shape[-1]):
            copies = [j for j in range(t) if tokens[b, j] == tokens[b, t]]
            if copies:
                rows.append(sum(alpha[b, h, t, j + 1] for j in copies))
        scores[b, h] = np.mean(rows)
    return scores


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("tokens", [WORDS, PAIRS], ids=["periodic", "any"])
def test_induction_score_is_the_loop(tokens, causal):
    """Is it the mean over queries with an earlier copy of the weight on what came after the copies, for any tokens?"""
    alpha = maps(causal=causal)
    np.testing.assert_allclose(induction_score(alpha, tokens), one_by_one(alpha, tokens), atol=1e-12)


def test_induction_score_of_a_pattern_that_comes_twice():
    """For different tokens that come twice, is it the mean weight period - 1 places back in the second half?"""
    tokens = np.tile(np.arange(6), 2)
    got = induction_score(ALPHA, tokens)
    second = ALPHA.diagonal(-5, -2, -1)[..., 1:]                                  # keys 1 to 6 of the queries 6 to 11
    np.testing.assert_allclose(got, second.mean(-1), atol=1e-12)
    for wrong in 6, 7:                                                            # the copy, and what was before it
        assert abs(ALPHA.diagonal(-wrong, -2, -1).mean(-1) - got).max() > 1e-3


def test_perfect_heads():
    """Does a head that always looks at what came next get 1, one that looks at the copy 0; an even one its share?"""
    tokens, eye = np.tile(np.arange(6), 2), np.zeros((N, N))
    later = np.arange(6, N)
    induction, copying = eye.copy(), eye.copy()
    induction[later, later - 5], copying[later, later - 6] = 1, 1
    even = np.tri(N) / np.arange(1, N + 1)[:, None]
    got = induction_score(np.stack([induction, copying, even]), tokens)
    np.testing.assert_allclose(got, [1, 0, (1 / np.arange(7, 13)).mean()], atol=1e-12)


def test_tokens_may_be_anything_whole():
    """Do lists, small dtypes, one row for a batch, negative ids and tensors give the same score?"""
    expected = induction_score(ALPHA, WORDS)
    for tokens in WORDS.tolist(), WORDS.astype(np.uint8), WORDS - 100, WORDS.astype(np.int16):
        np.testing.assert_array_equal(induction_score(ALPHA, tokens), expected)
    np.testing.assert_array_equal(induction_score(ALPHA, WORDS[0])[0], expected[0])
    tensor = torch.from_numpy(ALPHA)
    for tokens in WORDS.tolist(), torch.from_numpy(WORDS), torch.from_numpy(WORDS.astype(np.uint8)):
        np.testing.assert_allclose(induction_score(tensor, tokens), expected, atol=1e-12)


@pytest.mark.parametrize("back", [-3, -1, 0, 1, 5, N - 1])
def test_mean_at_offset_is_the_mean_of_a_diagonal(back):
    """Is it the mean of alpha[i, i - back], over the queries that have such a key, and 1 for a head of that kind?"""
    rows = [i for i in range(N) if 0 <= i - back < N]
    alpha = maps(causal=False)
    expected = np.mean([alpha[..., i, i - back] for i in rows], axis=0)
    np.testing.assert_allclose(mean_at_offset(alpha, back), expected, atol=1e-12)
    assert mean_at_offset(np.eye(N, k=-back), back) == 1 and mean_at_offset(np.eye(N, k=1 - back), back) == 0


def test_rollout_is_the_product_of_layers():
    """Is it the product of 0.5 mean + 0.5 identity, the last layer on the left, and no other order?"""
    layers = [maps(seed) for seed in (0, 10, 20)]
    one, two, three = ((alpha.mean(1) + np.eye(N)) / 2 for alpha in layers)
    got = rollout(layers)
    np.testing.assert_allclose(got, three @ two @ one, atol=1e-12)
    assert abs(one @ two @ three - got).max() > 0.01
    assert abs(rollout(layers, residual=0) - got).max() > 0.01
    alone = layers[2].mean(1) @ layers[1].mean(1) @ layers[0].mean(1)
    np.testing.assert_allclose(rollout(layers, residual=0), alone, atol=1e-12)
    np.testing.assert_allclose(rollout(layers, 1), np.broadcast_to(np.eye(N), (B, N, N)))
    np.testing.assert_allclose(rollout(np.stack(layers)), got, atol=1e-12)         # layers as the first axis
    np.testing.assert_allclose(got.sum(-1), 1, atol=1e-12)                         # a mixture of the inputs


def test_rollout_is_what_linear_layers_do():
    """If each layer were x / 2 + mean of heads / 2, would the output be the rollout times the input?"""
    layers, x = [maps(seed) for seed in (0, 10)], draw(B, N, D)
    y = x
    for alpha in layers:
        y = (y + (alpha @ y[:, None]).mean(1)) / 2
    np.testing.assert_allclose(rollout(layers) @ x, y, atol=1e-12)


def test_entropy_is_scipys():
    """Is it scipy's entropy of each row, 0 of one key, log(M) of even weights, 0 of a row of zeros?"""
    alpha = maps(causal=False)
    np.testing.assert_allclose(entropy(alpha), scipy.stats.entropy(alpha, axis=-1), atol=1e-12)
    np.testing.assert_allclose(entropy(np.stack([np.eye(4)[0], np.full(4, 0.25), np.zeros(4)])), [0, math.log(4), 0])
    even = np.full((1, 70_000), 1 / 70_000, np.float32)
    np.testing.assert_allclose(entropy(even), [math.log(70_000)], rtol=1e-6)


def test_entropy_has_gradients_where_weights_are_zero():
    """Beside hidden keys, whose weight is 0, are gradients finite and right?"""
    alpha = torch.tensor([[0.5, 0.3, 0.2, 0.0]], dtype=torch.float64, requires_grad=True)
    entropy(alpha).sum().backward()
    assert torch.isfinite(alpha.grad).all()
    np.testing.assert_allclose(alpha.grad[0, :3], -1 - np.log([0.5, 0.3, 0.2]), atol=1e-12)


def test_head_effects_is_what_each_head_changes():
    """Is it the change of what is measured when each head alone is off, for heads and for layers of heads?"""
    importance, seen = draw(2, H), []

    def measure(keep):
        seen.append(keep.copy())
        return (importance * keep).sum()

    np.testing.assert_allclose(head_effects(measure, 2, H), -importance, atol=1e-12)
    assert seen[0].all() and all((~keep).sum() == 1 for keep in seen[1:]) and len(seen) == 1 + 2 * H
    np.testing.assert_allclose(head_effects(lambda keep: torch.tensor(keep.sum() ** 2), H), [-5.0] * 3)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_head_effects_through_an_encoder(kind):
    """With the option `keep` of the encoder, is the effect of a head what zeros in its rows of W_o do?"""
    torch.manual_seed(0)
    model = attnlib.nn.Encoder(2, 6, heads=3).double()
    weights = {name: kind(value.detach().numpy()) for name, value in model.state_dict().items()}
    x = kind(draw(N, 6))
    effects = head_effects(lambda keep: encoder(x, weights, heads=3, keep=kind(keep))[0, 0], 2, 3)
    without = encoder(x, weights, heads=3)[0, 0]
    for layer, head in np.ndindex(2, 3):
        name = f"blocks.{layer}.attention.W_o"
        off = np.asarray(weights[name]).copy()
        off[2 * head : 2 * head + 2] = 0
        other = encoder(x, weights | {name: kind(off)}, heads=3)[0, 0]
        np.testing.assert_allclose(effects[layer, head], other - without, atol=1e-12)
    assert (abs(effects) > 1e-3).all()


def test_heads_that_back_each_other_up_show_nothing_alone():
    """When one of two heads is enough, is the effect of each alone nothing: as the docstring warns?"""
    assert (head_effects(lambda keep: float(keep.any()), 2) == 0).all()


def test_measure_may_keep_and_change_its_array():
    """Does each call get an array of its own?"""

    def measure(keep):
        count = int(keep.sum())
        keep[:] = False
        return count

    np.testing.assert_array_equal(head_effects(measure, 4), [-1.0] * 4)


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-6), ("float64", 1e-12)])
def test_tensors_give_what_arrays_give(dtype, tolerance, twins):
    """Do tensors give what arrays give, in the dtype of the weights?"""
    alpha, exact = maps(dtype=dtype), {"rtol": tolerance, "atol": tolerance}
    for form in (
        lambda alpha: (mean_at_offset(alpha, 2),), lambda alpha: (induction_score(alpha, WORDS.tolist()),),
        lambda alpha: (rollout([alpha, alpha]),), lambda alpha: (entropy(alpha),),
    ):
        twins(form, alpha, **exact)


@pytest.mark.slow
def test_layouts_and_pytorch():
    """Does the layout in memory not matter; do they compile, trace, map over a batch and have right gradients?"""
    alpha, words = maps(n=6), [0, 1, 2] * 2
    for form in (
        lambda alpha: mean_at_offset(alpha, 1), lambda alpha: induction_score(alpha, words),
        lambda alpha: rollout([alpha, alpha]), entropy,
    ):
        same_in_every_layout(form, alpha)
        same_in_pytorch(form, torch.from_numpy(alpha))
        positive = torch.rand(2, H, 6, 6, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(form, positive, fast_mode=True)
    same_in_every_layout(induction_score, alpha, np.array([words, words]))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: mean_at_offset(ALPHA, N), ValueError, "mean_at_offset: no query has a key 12 places before it"),
        (lambda: mean_at_offset(ALPHA, -N), ValueError, "mean_at_offset: back must be a whole number, -11 or more"),
        (lambda: mean_at_offset(ALPHA, 1.0), TypeError, "mean_at_offset: back must be a whole number"),
        (lambda: mean_at_offset(ALPHA[..., :3], 1), ValueError, "mean_at_offset: "),
        (lambda: mean_at_offset(ALPHA > 0, 1), TypeError, "mean_at_offset: alpha needs a floating dtype"),
        (lambda: mean_at_offset(np.ones((0, 0)), 0), ValueError, "mean_at_offset: back must be"),
        (lambda: induction_score(ALPHA[0, 0], WORDS[0]), ValueError, "induction_score: alpha needs 3 axes or more"),
        (lambda: induction_score(ALPHA, WORDS[:, :3]), ValueError, r"induction_score: needs .*, tokens \(2, 3\)"),
        (lambda: induction_score(ALPHA, [[1], [1]]), ValueError, "induction_score: needs a token for each query"),
        (lambda: induction_score(ALPHA, 3), ValueError, "induction_score: needs .* tokens 3"),
        (lambda: induction_score(ALPHA, WORDS * 1.0), TypeError, "induction_score: tokens must be whole numbers"),
        (lambda: induction_score(ALPHA, WORDS > 2), TypeError, "induction_score: tokens must be whole numbers"),
        (lambda: induction_score(ALPHA, None), TypeError, "induction_score: tokens must be"),
        (lambda: induction_score(ALPHA, "abcabc"), TypeError, "induction_score: tokens must be"),
        (lambda: induction_score(ALPHA, np.arange(N)), ValueError, "induction_score: no token of a sequence"),
        (lambda: induction_score(ALPHA, torch.from_numpy(WORDS)), TypeError, "induction_score: .* do not mix"),
        (lambda: rollout([]), ValueError, "rollout: needs the weights of one layer"),
        (lambda: rollout(3), TypeError, "rollout: alphas must be a list of weights, one array a layer. Got int"),
        (lambda: rollout(None), TypeError, "rollout: alphas must be a list"),
        (lambda: rollout([ALPHA.tolist()]), TypeError, r"rollout: alphas\[0\] must be an array or a tensor; got list"),
        (lambda: rollout([ALPHA, ALPHA[:, :2]]), ValueError, r"rollout: alphas\[0\] .* need the same h"),
        (lambda: rollout([ALPHA, ALPHA.astype("f4")]), TypeError, r"rollout: .* alphas\[1\] float32"),
        (lambda: rollout([ALPHA, torch.from_numpy(ALPHA)]), TypeError, "rollout: tensors and arrays do not mix"),
        (lambda: rollout([ALPHA[0, 0]]), ValueError, "rollout: .* needs 3 axes or more"),
        (lambda: rollout([ALPHA], residual=1.5), ValueError, "rollout: residual must be from 0 to 1. Got 1.5"),
        (lambda: rollout([ALPHA], residual=True), TypeError, "rollout: residual must be a finite number"),
        (lambda: entropy(-ALPHA), ValueError, "entropy: weights must not be negative"),
        (lambda: entropy(np.array(1.0)), ValueError, "entropy: alpha needs 1 axis or more"),
        (lambda: entropy(np.ones(3, int)), TypeError, "entropy: alpha needs a floating dtype"),
        (lambda: head_effects(3, 2), TypeError, "head_effects: measure must be a function"),
        (lambda: head_effects(len), ValueError, "head_effects: say how many heads there are"),
        (lambda: head_effects(len, 0), ValueError, r"head_effects: shape\[0\] must be a whole number, 1 or more"),
        (lambda: head_effects(len, (2, 3)), TypeError, r"head_effects: shape\[0\] must be a whole number"),
        (lambda: head_effects(lambda keep: None, 2), TypeError, "head_effects: what measure returns must be a finite"),
        (lambda: head_effects(lambda keep: np.ones(2), 2), ValueError, r"head_effects: measure must .* \(2,\)"),
        (lambda: head_effects(lambda keep: torch.ones(2), 2), ValueError, r"head_effects: measure must return one"),
        (lambda: head_effects(lambda keep: math.nan, 2), ValueError, "head_effects: what measure returns must be"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error start with the name of the function and say what came?"""
    with pytest.raises(kind, match=f"^{message}"):
        call()
