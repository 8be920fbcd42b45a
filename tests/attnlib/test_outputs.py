import numpy as np
import pytest
import torch

from attnlib.inputs import pad
from attnlib.outputs import greedy_decode, masked_mean
from tests.attnlib.draws import B, D, N, draw
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

x = draw(B, N, D)
mask = np.array([[True, True, False, True, False], [False, True, False, False, False]])


def test_the_mean_is_of_the_real_vectors():
    """Is it the mean of each sequence without its padding; does the mean that counts padding in differ?"""
    sequences = [draw(3, D, seed=1), draw(N, D, seed=2), draw(1, D, seed=3)]
    got = masked_mean(*pad(sequences))
    np.testing.assert_allclose(got, [s.mean(0) for s in sequences], atol=1e-12)
    batch, real = pad(sequences)
    assert abs(batch.mean(1) - got)[~real.all(-1)].min(-1).max() > 1e-3
    assert abs(batch.sum(1) / real.sum() - got).max() > 0.1                       # one length for the whole batch


def test_it_is_numpys_masked_array():
    """Does NumPy's own masked array give the same mean?"""
    theirs = np.ma.array(x, mask=np.broadcast_to(~mask[..., None], x.shape)).mean(1).data
    np.testing.assert_allclose(masked_mean(x, mask), theirs, atol=1e-12)


@pytest.mark.parametrize("spoiled", [np.nan, np.inf, -np.inf, 1e300])
def test_padding_changes_nothing(spoiled, twins):
    """Whatever stands at padding, is the mean the same, in arrays, tensors and gradients; a real NaN is seen?"""
    other = np.where(mask[..., None], x, spoiled)
    np.testing.assert_array_equal(masked_mean(other, mask), masked_mean(x, mask))
    twins(masked_mean, other, mask)
    given = torch.from_numpy(other).requires_grad_()
    masked_mean(given, torch.from_numpy(mask)).sum().backward()
    share = mask / mask.sum(-1, keepdims=True)
    np.testing.assert_allclose(given.grad, np.broadcast_to(share[..., None], x.shape))
    real = x.copy()
    real[0, 0, 1] = np.nan
    np.testing.assert_array_equal(np.isnan(masked_mean(real, mask)), [[False, True, False, False], [False] * 4])


def test_a_sequence_without_vectors_gives_zeros(twins):
    """Without a real vector, or without any vector, are there zeros and no warning, and gradients of zero?"""
    assert (masked_mean(x, np.zeros((B, N), bool)) == 0).all()
    assert (twins(masked_mean, x[:, :0], mask[:, :0]) == 0).all()
    given = torch.from_numpy(x).requires_grad_()
    masked_mean(given, torch.zeros(B, N, dtype=torch.bool)).sum().backward()
    assert (given.grad == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_dtype_stays_and_long_sums_keep_their_digits(dtype, twins):
    """Are 131,072 equal vectors their own mean, more than the largest float16 among them?"""
    long = np.full((131_072, 2), 0.1, dtype)
    got = twins(masked_mean, long, np.ones(len(long), bool))
    assert str(got.dtype).endswith(dtype)
    np.testing.assert_allclose(got.cpu().numpy(), long[0], rtol=1e-11)  # float32 sums are wrong by 6e-4


def test_masked_mean_in_other_layouts_and_in_pytorch():
    """Does the layout in memory not matter; does it compile, trace, map over a batch and have right gradients?"""
    same_in_every_layout(masked_mean, x, mask)
    same_in_every_layout(masked_mean, x, mask[0])
    tensors = torch.from_numpy(x), torch.from_numpy(mask)
    same_in_pytorch(masked_mean, *tensors)
    assert torch.autograd.gradcheck(lambda x: masked_mean(x, tensors[1]), tensors[0].requires_grad_())


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: masked_mean(x.astype(int), mask), TypeError, "x needs a floating dtype; got x int64"),
        (lambda: masked_mean(x, mask.astype(float)), TypeError, "mask must be bool"),
        (lambda: masked_mean(x, None), TypeError, "mask must be an array or a tensor; got None"),
        (lambda: masked_mean(x.tolist(), mask), TypeError, "x must be an array or a tensor; got list"),
        (lambda: masked_mean(torch.from_numpy(x), mask), TypeError, "do not mix"),
        (lambda: masked_mean(x, mask[:, :3]), ValueError, r"same N; it is 5 and 3. Got x \(2, 5, 4\), mask \(2, 3\)"),
        (lambda: masked_mean(x[0], mask), ValueError, r"mask needs the axes of x .* mask \(2, 5\)"),
        (lambda: masked_mean(x[0, 0], mask[0]), ValueError, "x needs 2 axes or more"),
    ],
)
def test_errors_of_masked_mean(call, kind, message):
    """Does an error start with the name and say what came?"""
    with pytest.raises(kind, match=f"^masked_mean: .*{message}"):
        call()


def scripted(*rows):
    """A scores_of that gives one row of scores after another, and notes what it was asked."""
    asked, rows = [], iter(rows)

    def scores_of(tokens):
        asked.append(list(tokens))
        return next(rows)

    scores_of.asked = asked
    return scores_of


@pytest.mark.parametrize("kind", [np.asarray, lambda row: torch.tensor(row, requires_grad=True)])
def test_decoding_stops_at_the_end_token_or_the_length(kind):
    """Is each token the best one, given all before; does it end with the end token, or when the length is used up?"""
    rows = [kind([0.0, 2.0, 1.0]), kind([0.0, 1.0, 5.0]), kind([7.0, 1.0, 5.0])]
    model = scripted(*rows)
    assert greedy_decode(model, [9, 4], end=0, longest=9) == [1, 2, 0]
    assert model.asked == [[9, 4], [9, 4, 1], [9, 4, 1, 2]]
    assert greedy_decode(scripted(*rows), [9], end=0, longest=2) == [1, 2]
    assert greedy_decode(scripted(*rows), [9], end=None, longest=3) == [1, 2, 0]
    assert greedy_decode(scripted(), [9], end=0, longest=0) == []
    assert greedy_decode(scripted(*rows), [0], end=0, longest=1) == [1]           # the end token in start ends nothing


def test_the_first_of_equal_scores_wins():
    """Of equal scores, -inf among them, does the first win?"""
    assert greedy_decode(scripted(np.array([-np.inf, 3.0, 3.0])), [1], end=None, longest=1) == [1]


@pytest.mark.parametrize("start", [[3], (3,), range(3, 4), np.array([3], np.uint8), torch.tensor([3]), [np.int32(3)]])
def test_start_may_be_any_row_of_whole_numbers(start):
    """Does scores_of get a list of Python's integers, its own to change, whatever start was?"""

    def scores_of(tokens):
        assert tokens == [3] and type(tokens[0]) is int
        tokens.append("changed")
        return np.ones(2)

    assert greedy_decode(scores_of, start, end=0, longest=1) == [0]


def gives(scores):
    return lambda tokens: scores


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: greedy_decode(gives(np.ones((2, 5))), [1], end=0, longest=3), ValueError,
         r"must return the scores of the next token, \(V,\); of scores \(N, V\), those are scores\[-1\]. Got \(2, 5\)"),
        (lambda: greedy_decode(gives(torch.ones(1, 5)), [1], end=0, longest=3), ValueError, r"Got \(1, 5\)"),
        (lambda: greedy_decode(gives(np.array(1.0)), [1], end=0, longest=3), ValueError, r"Got \(\)"),
        (lambda: greedy_decode(gives(np.ones(0)), [1], end=0, longest=3), ValueError, r"Got \(0,\)"),
        (lambda: greedy_decode(gives([1.0, 2.0]), [1], end=0, longest=3), TypeError, "scores must be .*got list"),
        (lambda: greedy_decode(gives(None), [1], end=0, longest=3), TypeError, "scores must be .*got None"),
        (lambda: greedy_decode(gives(np.ones(3, int)), [1], end=0, longest=3), TypeError, "floating dtype; got"),
        (lambda: greedy_decode(gives(np.array([1, np.nan])), [1], end=0, longest=3), ValueError, "a score is NaN"),
        (lambda: greedy_decode(gives(torch.tensor([1, np.nan])), [1], end=0, longest=3), ValueError, "a score is NaN"),
        (lambda: greedy_decode(gives(np.ones(3)), [1], end=3, longest=3), ValueError, "end=3 can never be .* 0..2"),
        (lambda: greedy_decode(len, [], end=0, longest=3), ValueError, "start is empty"),
        (lambda: greedy_decode(len, [0.5], end=0, longest=3), TypeError, "each token of start must be a whole number"),
        (lambda: greedy_decode(len, [-1], end=0, longest=3), ValueError, "each token of start must be a whole number"),
        (lambda: greedy_decode(len, np.ones((1, 2), int), end=0, longest=3), TypeError, r"start must be .* \(1, 2\)"),
        (lambda: greedy_decode(len, np.ones(2), end=0, longest=3), TypeError, "start must be whole .* Got float64"),
        (lambda: greedy_decode(len, 3, end=0, longest=3), TypeError, "start must be a list of tokens"),
        (lambda: greedy_decode(len, "ab", end=0, longest=3), TypeError, "start must be a list of tokens"),
        (lambda: greedy_decode(len, None, end=0, longest=3), TypeError, "start must be a list of tokens"),
        (lambda: greedy_decode(len, [1], end=0.0, longest=3), TypeError, "end must be a whole number"),
        (lambda: greedy_decode(len, [1], end=True, longest=3), TypeError, "end must be a whole number"),
        (lambda: greedy_decode(len, [1], end=0, longest=2.5), TypeError, "longest must be a whole number"),
        (lambda: greedy_decode(len, [1], end=0, longest=-1), ValueError, "longest must be a whole number"),
        (lambda: greedy_decode(3, [1], end=0, longest=1), TypeError, "scores_of must be a function"),
    ],
)
def test_errors_of_greedy_decode(call, kind, message):
    """Does an error start with the name and say what would be right?"""
    with pytest.raises(kind, match=f"^greedy_decode: .*{message}"):
        call()
