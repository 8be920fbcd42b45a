"""Laws of attention that hold whatever the numbers are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlib import _chunked
from attnlib.attention import attend, attention, attention_weights

CLOSE = {"rtol": 1e-9, "atol": 1e-10}


@st.composite
def problems(draw):
    """q (H, N, D), k (H, M, D), v (H, M, E), a mask (N, M), and a generator for what a test draws besides."""
    H, N, M, D, E = (draw(st.integers(1, most)) for most in (3, 7, 7, 5, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    q, k, v = rng.normal(size=(H, N, D)), rng.normal(size=(H, M, D)), rng.normal(size=(H, M, E))
    return q * draw(st.sampled_from([0.1, 1, 30])), k, v, rng.random((N, M)) < 0.7, rng


@given(problems())
def test_queries_are_equivariant(problem):
    """Do outputs change places as their queries do, and in no other way?"""
    q, k, v, mask, rng = problem
    order = rng.permutation(q.shape[-2])
    np.testing.assert_allclose(
        attention(q[:, order], k, v, mask=mask[order]), attention(q, k, v, mask=mask)[:, order], **CLOSE
    )


@given(problems())
def test_self_attention_is_equivariant(problem):
    """Do the outputs of self-attention change places as the vectors do?"""
    x, rng = problem[1], problem[-1]
    order = rng.permutation(x.shape[-2])
    np.testing.assert_allclose(attention(x[:, order], x[:, order], x[:, order]), attention(x, x, x)[:, order], **CLOSE)


@given(problems())
def test_keys_and_values_may_change_places_together(problem):
    """Does it not matter in which order keys come, as long as each keeps its value?"""
    q, k, v, mask, rng = problem
    order = rng.permutation(k.shape[-2])
    np.testing.assert_allclose(
        attention(q, k[:, order], v[:, order], mask=mask[:, order]), attention(q, k, v, mask=mask), **CLOSE
    )


@given(problems())
def test_outputs_are_linear_in_the_values(problem):
    """Is the output of a sum of values the sum of the outputs?"""
    q, k, v, mask, rng = problem
    other = rng.normal(size=v.shape)
    np.testing.assert_allclose(
        attention(q, k, 2 * v - 3 * other, mask=mask),
        2 * attention(q, k, v, mask=mask) - 3 * attention(q, k, other, mask=mask),
        **CLOSE,
    )


@given(problems())
def test_rows_of_weights_sum_to_one(problem):
    """Does every row that may look at something sum to one, and every other to zero?"""
    q, k, _, mask, _ = problem
    sums = attention_weights(q, k, mask=mask).sum(-1)
    np.testing.assert_allclose(sums, np.broadcast_to(mask.any(-1), sums.shape), **CLOSE)


@given(problems())
def test_a_shift_of_a_querys_scores_changes_nothing(problem):
    """Does a bias that is the same for all keys of a query leave its output alone?"""
    q, k, v, mask, rng = problem
    bias = 50 * rng.normal(size=(q.shape[-2], 1))
    np.testing.assert_allclose(attention(q, k, v, mask=mask, bias=bias), attention(q, k, v, mask=mask), **CLOSE)


@given(problems(), st.booleans())
def test_the_loop_is_the_matrix_form(problem, causal):
    """Is each output what a loop over its keys gives, one number at a time?"""
    q, k, v, mask, _ = problem
    out = attention(q, k, v, mask=mask, causal=causal)
    for h, i in np.ndindex(out.shape[:2]):
        seen = [j for j in range(k.shape[1]) if mask[i, j] and (j <= i or not causal)]
        powers = [np.exp((q[h, i] @ k[h, j]) / np.sqrt(q.shape[-1])) for j in seen]
        expected = sum((p * v[h, j] for p, j in zip(powers, seen)), np.zeros(v.shape[-1])) / (sum(powers) or 1)
        np.testing.assert_allclose(out[h, i], expected, **CLOSE)


@given(problems(), st.integers(1, 9), st.integers(1, 60), st.booleans(), st.none() | st.integers(0, 3))
def test_how_it_is_cut_never_matters(problem, rows, together, causal, window):
    """Is the answer the same however queries are cut into chunks and heads taken together?"""
    q, k, v, mask, _ = problem
    whole = attention(q, k, v, mask=mask, causal=causal, window=window)
    with pytest.MonkeyPatch.context() as patch:
        for name, size in ("ROWS", rows), ("COLUMNS", rows + 1), ("LONGEST", rows + 1), ("SCORES", together):
            patch.setattr(_chunked, name, size)
        np.testing.assert_allclose(attention(q, k, v, mask=mask, causal=causal, window=window), whole, **CLOSE)


@given(problems())
def test_the_plain_form_is_the_chunked_form(problem):
    """Do attend and attention agree, head by head?"""
    q, k, v, mask, _ = problem
    np.testing.assert_allclose(attend(q, k, v, mask)[0], attention(q, k, v, mask=mask), **CLOSE)
