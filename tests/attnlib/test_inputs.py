import itertools

import networkx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch.nn.utils.rnn import pad_sequence
from transformers.audio_utils import spectrogram

from attnlib.inputs import adjacency, embed, frame, frame_count, one_hot, pad
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

SIZE, D = 7, 3
ids = arrays(np.int64, array_shapes(max_dims=3, max_side=5), elements=st.integers(0, SIZE - 1))
table = np.random.default_rng(0).normal(size=(SIZE, D))


@given(ids)
def test_one_hot_is_torch_one_hot(words):
    """Does one_hot agree with PyTorch's, whatever the shape of the ids?"""
    np.testing.assert_array_equal(one_hot(words, SIZE), F.one_hot(torch.from_numpy(words), SIZE).numpy())


@given(ids)
def test_a_lookup_is_a_product_with_one_hot(words):
    """Does embed agree with one_hot @ table and with PyTorch's embedding?"""
    np.testing.assert_array_equal(embed(words, table), one_hot(words, SIZE) @ table)
    np.testing.assert_array_equal(embed(words, table), F.embedding(*map(torch.from_numpy, (words, table))).numpy())


def test_one_hot_distances_say_nothing():
    """Are any two words equally far apart?"""
    vectors = one_hot(range(SIZE), SIZE)
    gaps = [np.linalg.norm(a - b) for a, b in itertools.combinations(vectors, 2)]
    np.testing.assert_allclose(gaps, np.sqrt(2))


@pytest.mark.parametrize("rate, window_ms, hop_ms", [(1000, 5, 2), (1000, 4, 4), (800, 2.5, 10), (11025, 25, 10)])
def test_frames_are_torch_unfold(rate, window_ms, hop_ms):
    """Does frame cut where PyTorch's unfold cuts, for several sounds at once?"""
    sound = np.random.default_rng(1).normal(size=(2, 3, 600))
    window, hop = round(rate * window_ms / 1000), round(rate * hop_ms / 1000)
    np.testing.assert_array_equal(
        frame(sound, rate, window_ms, hop_ms), torch.from_numpy(sound).unfold(-1, window, hop).numpy()
    )


def test_frames_have_the_power_that_hugging_face_finds():
    """Is the spectrum of every frame the spectrogram that Hugging Face computes from the sound?"""
    sound = np.random.default_rng(2).normal(size=16000)
    theirs = spectrogram(sound, np.ones(400), 400, 160, fft_length=400, power=2.0, center=False, dtype=np.float64)
    np.testing.assert_allclose(abs(np.fft.rfft(frame(sound, 16000))) ** 2, theirs.T, rtol=1e-4, atol=1e-4)


def test_a_second_and_a_minute():
    """Are one second and one minute of sound 98 and 5998 vectors, and 40 a second without overlap?"""
    assert frame_count(16000, 16000) == 98
    assert frame_count(60 * 16000, 16000) == 5998
    assert frame_count(16000, 16000, hop_ms=25) == 40


@given(st.integers(0, 3000), st.sampled_from([1000, 8000, 11025]), st.integers(1, 30), st.integers(1, 30))
def test_frame_count_counts_frames(samples, rate, window_ms, hop_ms):
    """Does frame_count say how many frames there are, none for a sound shorter than a window included?"""
    assert len(frame(np.zeros(samples), rate, window_ms, hop_ms)) == frame_count(samples, rate, window_ms, hop_ms)


lengths = st.lists(st.integers(0, 6), min_size=1, max_size=5)


@given(lengths)
def test_pad_is_torch_pad_sequence(lengths):
    """Does pad agree with PyTorch's, and does the mask find every real vector again?"""
    sequences = [np.random.default_rng(i).normal(size=(n, D)) for i, n in enumerate(lengths)]
    batch, mask = pad(sequences)
    np.testing.assert_array_equal(batch, pad_sequence([torch.from_numpy(s) for s in sequences], True).numpy())
    np.testing.assert_array_equal(batch[mask], np.concatenate(sequences))
    np.testing.assert_array_equal(mask.sum(-1), lengths)


@pytest.mark.parametrize("directed", [False, True])
def test_adjacency_is_networkx(directed):
    """Are the nodes of the karate club the vectors that networkx gives, one-way edges included?"""
    club = networkx.karate_club_graph()
    club = networkx.DiGraph(club.edges) if directed else club
    theirs = networkx.to_numpy_array(club, nodelist=range(34), weight=None)
    np.testing.assert_array_equal(adjacency(club.edges, 34, directed), theirs)


def test_tensors_give_what_arrays_give(twins):
    """Do the functions agree between arrays and tensors?"""
    words, like = np.array([[4, 0], [6, 6]]), np.zeros(1, np.float32)
    edges = np.array([[0, 1], [3, 1], [2, 0]])
    twins(one_hot, words, SIZE, like=like)
    twins(one_hot, words.tolist(), SIZE, like=like)
    twins(embed, words, table)
    twins(embed, words.tolist(), table.astype(np.float16))
    twins(frame, np.arange(100.0).reshape(2, 50), 1000, 7, 3)
    twins(frame, np.arange(5.0), 1000, 7, 3)
    for directed in (False, True):
        twins(adjacency, edges, 4, directed, like=like)
        twins(adjacency, [], 4, directed, like=like)


def test_tensors_have_the_default_dtype(device):
    """Without `like`, is the answer of PyTorch's default dtype, on the device of the ids or edges?"""
    words, edges = torch.tensor([4, 0], device=device), torch.tensor([[0, 1]], device=device)
    for made in (one_hot(words, SIZE), adjacency(edges, 4)):
        assert (made.dtype, made.device.type) == (torch.get_default_dtype(), device)


def test_pad_keeps_tensors_tensors(device):
    """Does pad of tensors agree with pad of arrays, and stay on their device?"""
    sequences = [np.full((n, D), n + 0.5, np.float32) for n in (2, 4, 1)]
    for got, expected in zip(pad([torch.from_numpy(s).to(device) for s in sequences]), pad(sequences)):
        assert got.device.type == device
        np.testing.assert_array_equal(got.cpu().numpy(), expected, strict=True)


def test_gradients_reach_what_was_looked_up(device):
    """Do gradients add up in a row that is used twice, and pass through frames and padding?"""
    rows = torch.from_numpy(table).to(device).requires_grad_()
    embed([1, 1, 4], rows).sum().backward()
    np.testing.assert_array_equal(rows.grad[:, 0].tolist(), [0, 2, 0, 0, 1, 0, 0])
    sound = torch.arange(9.0, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: frame(x, 1000, 4, 2), sound)
    assert torch.autograd.gradcheck(lambda *x: pad(x)[0], (rows[:2].detach().clone().requires_grad_(), rows))


INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_ids_of_every_integer_dtype_are_ids(dtype, kind):
    """Do ids of one byte look up rows, not mask them, and may the table be longer than such a dtype counts?"""
    words, edges = np.array([[1, 0], [1, 1]]), np.array([[0, 1], [3, 1]])
    long = np.random.default_rng(3).normal(size=(300, 2))
    narrow = kind(words.astype(dtype))
    np.testing.assert_array_equal(embed(narrow, kind(long)), long[words])
    np.testing.assert_array_equal(one_hot(narrow, 300), one_hot(words, 300))
    np.testing.assert_array_equal(adjacency(kind(edges.astype(dtype)), 300), adjacency(edges, 300))


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_an_id_too_large_for_its_dtypes_sibling_is_named(kind):
    """Are 200 in a byte and 2^63 + 5 refused by their own number, not by the one they wrap round to?"""
    with pytest.raises(IndexError, match=r"one_hot: id 200 is outside 0\.\.99; the size is 100"):
        one_hot(kind(np.array([200], np.uint8)), 100)
    with pytest.raises(IndexError, match=r"embed: id 9223372036854775813 is outside 0\.\.6"):
        embed(kind(np.array([2**63 + 5], np.uint64)), kind(table))
    assert one_hot(kind(np.array([127], np.int8)), 128)[0, 127] == 1


def test_lists_of_ids_may_be_nested_or_empty(device):
    """Do lists, ranges and single numbers do what their array does, and empty ones give nothing?"""
    like = torch.from_numpy(table).to(device)
    for words in ([[1, 2], [0, 3]], range(4), (2,), 3, np.int8(3), []):
        expected = table[np.asarray(words, np.int64)]
        np.testing.assert_array_equal(embed(words, table), expected)
        looked_up = embed(words, like)
        assert looked_up.device.type == device
        np.testing.assert_array_equal(looked_up.cpu(), expected)
        np.testing.assert_array_equal(one_hot(words, SIZE) @ table, expected)
    assert adjacency([], 3).shape == (3, 3) and adjacency([], 0).shape == (0, 0) and one_hot([], 0).shape == (0, 0)


def test_edges_may_come_in_any_collection():
    """Do a set, a generator, an array and a tensor of edges give the same matrix, whatever `like` is?"""
    edges = [(0, 1), (1, 2)]
    expected = adjacency(edges, 3)
    for collect in (set, iter, tuple, np.array, lambda pairs: torch.tensor(pairs, dtype=torch.uint8)):
        for like in (np.ones(1), torch.ones(1)):
            np.testing.assert_array_equal(adjacency(collect(edges), 3, like=like), expected)


def test_nothing_to_frame_or_pad():
    """Do a sound without samples, no sounds at all, and sequences without vectors give empty arrays?"""
    assert frame(np.zeros((2, 0)), 1000, 4, 2).shape == (2, 0, 4)
    assert frame(np.zeros((0, 9)), 1000, 4, 2).shape == (0, 3, 4)
    assert frame(torch.zeros(0), 1000, 4, 2).shape == (0, 4)
    batch, mask = pad([np.zeros((0, 3))] * 2)
    assert batch.shape == (2, 0, 3) and mask.shape == (2, 0)


def test_small_integers_do_not_overflow():
    """Are a rate and a length of NumPy's small types counted as Python's are?"""
    rate, samples = np.int32(2**30), np.int32(2**31 - 1)
    assert frame_count(samples, rate) == frame_count(2**31 - 1, 2**30)
    assert frame_count(np.uint16(60000), np.uint16(48000)) == frame_count(60000, 48000)
    assert one_hot([1], np.uint8(3)).shape == (1, 3)


def test_layouts_and_pytorchs_transforms():
    """Do views in every layout give the same, and do the functions compile whole, trace and map?"""
    words, edges = np.array([[1, 2, 0], [2, 2, 1]]), np.array([[0, 1], [2, 1], [3, 0]])
    sound = np.random.default_rng(4).normal(size=(3, 40))
    same_in_every_layout(lambda i, t: embed(i, t), words, table)
    same_in_every_layout(lambda i: one_hot(i, 3) + 0, words)
    same_in_every_layout(lambda s: frame(s, 1000, 7, 3), sound)
    same_in_every_layout(lambda a, b: pad([a, b]), sound, sound[:2])
    same_in_every_layout(lambda e: adjacency(e, 4), edges)
    words, rows, sound, edges = map(torch.from_numpy, (words, table[:2], sound, edges))
    same_in_pytorch(lambda i: one_hot(i, 3), words)
    same_in_pytorch(lambda i, t: embed(i % 2, t), words, rows, batched=False)
    same_in_pytorch(lambda t: embed([1, 0], t), rows, batched=False)
    same_in_pytorch(lambda s: frame(s, 1000, 7, 3), sound)
    same_in_pytorch(lambda s: pad([s[:2], s])[0], sound, batched=False)
    same_in_pytorch(lambda e: adjacency(e, 4), edges, batched=False)


SLIPS = {
    "R1: one too long": (one_hot([1, 0], 3), np.eye(4)[[1, 0]]),
    "R1: counted from one": (one_hot([1, 0], 3), np.eye(3)[np.array([1, 0]) - 1]),
    "R3: the table on its side": (embed([1, 0], table[:3]), table[:3].T[[1, 0]]),
    "R4: frames without overlap": (frame(np.arange(9), 1000, 4, 2), np.arange(8).reshape(2, 4)),
    "R6: a window of milliseconds": (frame(np.arange(9), 2000, 2, 1), np.arange(9)[np.arange(7)[:, None] + [0, 1]]),
    "G4: edges the wrong way round": (adjacency([(0, 1)], 2, True), adjacency([(1, 0)], 2, True)),
}


@pytest.mark.parametrize("right, wrong", SLIPS.values(), ids=SLIPS)
def test_slips_differ(right, wrong):
    """Does each known slip give something else?"""
    assert right.shape != wrong.shape or not np.allclose(right, wrong)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: one_hot([0.5], 3), TypeError, r"one_hot: ids must be whole numbers; got float64 \(1,\)"),
        (lambda: one_hot([[0, 3]], 3), IndexError, r"one_hot: id 3 is outside 0\.\.2; the size is 3"),
        (lambda: one_hot([-1], 3), IndexError, r"id -1 is outside 0\.\.2"),
        (lambda: one_hot(torch.tensor([True]), 3), TypeError, r"got torch.bool \(1,\)"),
        (lambda: embed([SIZE], table), IndexError, r"embed: id 7 is outside 0\.\.6; the size is 7"),
        (lambda: embed(torch.tensor([-1]), torch.ones(2, 2)), IndexError, r"id -1 is outside 0\.\.1"),
        (lambda: one_hot([True], 3), TypeError, r"got bool \(1,\)"),
        (lambda: one_hot(None, 3), TypeError, "one_hot: ids must be numbers, .* Got None"),
        (lambda: one_hot([[1], [1, 2]], 3), TypeError, "one_hot: ids must be numbers, in an array, .* Got list"),
        (lambda: one_hot([1], 3.0), TypeError, "one_hot: size must be a whole number, 0 or more. Got 3.0"),
        (lambda: embed(torch.tensor([1]), table), TypeError, "embed: tensors and arrays do not mix; got ids Tensor"),
        (lambda: embed([1], table.tolist()), TypeError, "embed: table must be an array or a tensor; got list"),
        (lambda: embed([1], table[0]), ValueError, r"embed: table needs 2 axes, \(V, D\). Got table \(3,\)"),
        (lambda: frame([1.0, 2.0], 16000), TypeError, "frame: signal must be an array or a tensor; got list"),
        (lambda: frame(np.ones(9), "16000"), TypeError, "frame: rate must be a finite number. Got '16000'"),
        (lambda: frame_count(9.5, 100), TypeError, "frame_count: samples must be a whole number, 0 or more. Got 9.5"),
        (lambda: frame(np.ones(9), 16000, 0.01), ValueError,
         "window of 0.01 ms .* at 16000 Hz come to 0 and 160 samples"),
        (lambda: frame_count(9, 100, 25, 1), ValueError, "come to 2 and 0 samples; both must be at least 1"),
        (lambda: pad([]), ValueError, "needs at least one sequence; got none"),
        (lambda: pad([np.ones((1, 2)), np.ones((1, 3))]), ValueError,
         r"only in their first axis. Got \(1, 2\), \(1, 3\)"),
        (lambda: pad([np.ones(2, "f4"), np.ones(1)]), TypeError, "one dtype. Got float32, float64"),
        (lambda: pad([torch.ones(2, 2), torch.ones(2, 3)]), ValueError, r"Got \(2, 2\), \(2, 3\)"),
        (lambda: pad(None), TypeError, "pad: sequences must be arrays or tensors in a list. Got NoneType"),
        (lambda: pad([[1.0]]), TypeError, r"pad: sequences\[0\] must be an array or a tensor; got list"),
        (lambda: pad([np.ones(1), np.ones(())]), ValueError, r"in their first axis. Got \(1,\), \(\)"),
        (lambda: pad([np.ones(1), torch.ones(1)]), TypeError, "pad: tensors and arrays do not mix"),
        (lambda: adjacency(3, 3), TypeError, "adjacency: edges must be pairs of nodes, .* Got 3"),
        (lambda: adjacency([(0, 1)], 3, directed=1), TypeError, "adjacency: directed must be True or False. Got 1"),
        (lambda: adjacency([(0, 1)], 3, like=[1.0]), TypeError, "adjacency: like must be an array or a tensor"),
        (lambda: adjacency([(0, 1, 2)], 3), ValueError, r"pairs of nodes, \(E, 2\); got \(1, 3\)"),
        (lambda: adjacency([(0, 3)], 3), IndexError, r"node 3 is outside 0\.\.2"),
        (lambda: adjacency(torch.ones(1, 2), 3), TypeError, r"nodes must be whole numbers; got torch.float32 \(1, 2\)"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name what it received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()
