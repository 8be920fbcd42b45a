import networkx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention.bias import causal_lower_right, causal_upper_left
from transformers import masking_utils

from attnlib.attention import attention, attention_weights
from attnlib.inputs import pad
from attnlib.masks import causal, graph, padding, window
from attnlib.positions import alibi_bias, distances, relative_bias
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

B, H, N, M, D, E = 2, 3, 5, 7, 4, 6
sizes = st.integers(1, 8)
like = np.zeros(1)


def ask(rule, n, m, past=0):
    """A mask (n, m) from one of Hugging Face's rules, asked about every pair."""
    return rule(0, 0, past + torch.arange(n)[:, None], torch.arange(m)).numpy()


@given(sizes, sizes)
def test_causal_is_torch_upper_left(n, m):
    """Is causal(N, M), cross-attention's shape included, PyTorch's is_causal?"""
    np.testing.assert_array_equal(causal(n, m), causal_upper_left(n, m)._materialize("cpu").numpy())


@given(sizes, sizes)
def test_causal_with_a_past_is_torch_lower_right(n, past):
    """With a cache, do the last queries see all of the past: PyTorch's lower right alignment?"""
    theirs = causal_lower_right(n, n + past)._materialize("cpu").numpy()
    np.testing.assert_array_equal(causal(n, past=past), theirs)
    np.testing.assert_array_equal(causal(n + past)[past:], theirs)


@given(sizes, sizes, st.integers(0, 9), st.integers(0, 4))
def test_window_is_hugging_face_sliding_window(n, m, w, past):
    """Is window Hugging Face's bidirectional window, and with causal its one-sided one?"""
    both = ask(masking_utils.sliding_window_bidirectional_mask_function(w), n, m, past)
    back = ask(masking_utils.sliding_window_causal_mask_function(w + 1), n, m, past)
    np.testing.assert_array_equal(window(n, w, m, past), both)
    np.testing.assert_array_equal(window(n, w, m, past) & causal(n, m, past), back)


@given(st.integers(1, 9), st.integers(0, 9))
def test_window_is_a_path_walked_w_steps(n, w):
    """Does a window reach what w steps along a path reach?"""
    power = networkx.power(networkx.path_graph(n), w) if w else networkx.empty_graph(n)
    np.testing.assert_array_equal(window(n, w), networkx.to_numpy_array(power) + np.eye(n) > 0)


@given(st.lists(st.integers(0, M), min_size=1, max_size=4))
def test_padding_is_hugging_face_padding(lengths):
    """Does padding allow what Hugging Face's padding mask allows?"""
    real = torch.tensor([[j < length for j in range(M)] for length in lengths])
    rule = masking_utils.padding_mask_function(real)
    theirs = [[[[bool(rule(b, 0, 0, j)) for j in range(M)]]] for b in range(len(lengths))]
    np.testing.assert_array_equal(padding(lengths, M), theirs)


@pytest.mark.parametrize("self_loops", [False, True])
def test_graph_is_the_karate_club(self_loops):
    """Does every member of the club see its neighbours, and itself when asked?"""
    club = networkx.karate_club_graph()
    for i, row in enumerate(graph(club.edges, 34, self_loops)):
        assert set(np.flatnonzero(row)) == set(club[i]) | ({i} if self_loops else set())


def test_directed_edges_carry_what_their_start_says():
    """In a directed graph, does each node see those with an edge to it?"""
    web = networkx.gnp_random_graph(9, 0.3, seed=1, directed=True)
    for i, row in enumerate(graph(web.edges, 9, self_loops=False, directed=True)):
        assert set(np.flatnonzero(row)) == set(web.predecessors(i))


def test_masks_compose_and_broadcast():
    """Do causal and padding together allow what PyTorch's decoder allows, per sequence and per head?"""
    lengths = [5, 3]
    mask = causal(N) & padding(lengths, N)
    assert mask.shape == (B, 1, N, N)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(B, N, H * D))
    mha = torch.nn.MultiheadAttention(H * D, H, bias=False, batch_first=True, dtype=torch.float64)
    real = torch.arange(N) < torch.tensor(lengths)[:, None]
    not_yet = torch.nn.Transformer.generate_square_subsequent_mask(N).isinf()
    x = torch.from_numpy(X)
    _, theirs = mha(x, x, x, key_padding_mask=~real, attn_mask=not_yet, average_attn_weights=False)
    W_q, W_k, _ = (W.T for W in mha.in_proj_weight.detach().numpy().reshape(3, H * D, H * D))
    q, k = ((X @ W).reshape(B, N, H, D).swapaxes(1, 2) for W in (W_q, W_k))
    np.testing.assert_allclose(attention_weights(q, k, mask=mask), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_a_padded_batch_is_each_sequence_alone():
    """Does a sequence in a padded batch get the outputs it gets alone?"""
    rng = np.random.default_rng(2)
    sequences = [rng.normal(size=(n, D)) for n in (3, 5, 1)]
    X, real = pad(sequences)
    together = attention(*[X[:, None]] * 3, mask=padding(real.sum(-1), X.shape[1]))[:, 0]
    np.testing.assert_allclose(together[real], np.concatenate([attention(s, s, s) for s in sequences]), rtol=1e-12)


def test_masks_are_what_sdpa_takes(device):
    """Do tensors of masks go straight into PyTorch's attention and ours, cross-attention's shape included?"""
    q, k, v = (torch.randn(B, H, n, d, dtype=torch.float64, device=device) for n, d in [(N, D), (M, D), (M, E)])
    for mask in (
        padding([7, 2], M, like=q),
        causal(N, M, like=q) | window(N, 1, M, like=q),
        window(N, 2, M, like=q) & padding(torch.tensor([7, 3], device=device), M) | causal(N, M, like=q),
    ):
        theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        torch.testing.assert_close(attention(q, k, v, mask=mask), theirs, rtol=1e-10, atol=1e-12)


def test_an_isolated_node_gets_zeros():
    """Does a node without edges get zeros and, with a self-loop, its own value?"""
    x = np.arange(1.0, 4)[:, None]
    alone = attention(x, x, x, mask=graph([(0, 1)], 3, self_loops=False))
    np.testing.assert_array_equal(alone, [[2], [1], [0]])
    np.testing.assert_allclose(attention(x, x, x, mask=graph([(0, 1)], 3))[2], 3, rtol=1e-15)  # exp(9) 3 / exp(9)


def test_the_options_of_attention_are_these_masks():
    """Are causal=True and window=w what the masks say?"""
    rng = np.random.default_rng(1)
    q, k, v = (rng.normal(size=(H, n, d)) for n, d in [(N, D), (M, D), (M, E)])
    np.testing.assert_allclose(attention(q, k, v, causal=True), attention(q, k, v, mask=causal(N, M)), rtol=1e-12)
    np.testing.assert_allclose(attention(q, k, v, window=2), attention(q, k, v, mask=window(N, 2, M)), rtol=1e-12)


def test_tensors_give_what_arrays_give(twins):
    """Do the functions agree between arrays and tensors?"""
    edges = np.array([[0, 1], [3, 1], [2, 0], [2, 2]])
    for past in (0, 3):
        twins(causal, N, past=past, like=like)
        twins(causal, N, M, past, like=like)
        twins(window, N, 2, M, past, like=like)
    twins(padding, np.array([[0, 3], [7, 1]]), M)
    twins(padding, [0, 3], M, like=like)
    for self_loops in (False, True):
        for directed in (False, True):
            twins(graph, edges, 4, self_loops, directed)
            twins(graph, edges.tolist(), 4, self_loops, directed, like=like)


@given(sizes, st.none() | sizes, sizes, st.integers(0, 5))
def test_past_means_one_thing(n, m, past, w):
    """Are rows past.. of what a longer sequence gives what all masks, distances and biases give with a past?"""
    every = past + n
    m = every if m is None else m
    table = np.random.default_rng(n).normal(size=(H, 2 * w + 1))
    for function in (
        lambda n, m, past: distances(n, m, past),
        lambda n, m, past: causal(n, m, past),
        lambda n, m, past: window(n, w, m, past),
        lambda n, m, past: relative_bias(table, n, m, past).swapaxes(0, 1),
        lambda n, m, past: alibi_bias(H, n, m, past, causal=True).swapaxes(0, 1),
    ):
        np.testing.assert_array_equal(function(n, m, past), function(every, m, 0)[past:])
        np.testing.assert_array_equal(function(n, None, past), function(every, every, 0)[past:])


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64"])
def test_lengths_and_edges_of_every_integer_dtype(dtype, kind):
    """Is a length of 3 in one byte 3 of 300 keys, and an edge in one byte an edge?"""
    lengths, pairs = np.array([0, 3, 120]), np.array([[0, 1], [2, 1]])
    np.testing.assert_array_equal(padding(kind(lengths.astype(dtype)), 300), padding(lengths, 300))
    np.testing.assert_array_equal(graph(kind(pairs.astype(dtype)), 300), graph(pairs, 300))


def test_empty_masks():
    """Do no queries, no keys, no sequences and no nodes give masks without entries?"""
    assert causal(0).shape == (0, 0) and causal(0, past=3).shape == (0, 3) and causal(2, 0).shape == (2, 0)
    assert window(0, 1, 4).shape == (0, 4) and padding([], 4).shape == (0, 1, 1, 4)
    assert padding([0], 0).shape == (1, 1, 1, 0) and graph([], 0).shape == (0, 0)
    assert padding(torch.zeros(0, dtype=torch.uint8), 4).shape == (0, 1, 1, 4)
    assert padding(2, 3).tolist() == [[[True, True, False]]]


def test_sizes_of_numpy_do_not_overflow():
    """Do a past and sizes of one byte add up beyond what a byte holds?"""
    n, past = np.uint8(200), np.int8(100)
    np.testing.assert_array_equal(causal(n, past=past), causal(200, past=100))
    np.testing.assert_array_equal(window(n, np.uint8(250), past=past), window(200, 250, past=100))


def test_layouts_and_pytorchs_transforms():
    """Do lengths and edges in every layout give the same, and do masks compile whole, trace and map?"""
    lengths, pairs = np.array([[0, 3, 2], [5, 1, 4]]), np.array([[0, 1], [3, 1], [2, 0]])
    same_in_every_layout(lambda x: padding(x, 5) + 0, lengths)
    same_in_every_layout(lambda e: graph(e, 4) + 0, pairs)
    x, lengths, pairs = torch.ones(4, 3), torch.from_numpy(lengths), torch.from_numpy(pairs)
    same_in_pytorch(lambda x: causal(x.shape[0], past=2, like=x), x, batched=False)
    same_in_pytorch(lambda x: window(x.shape[0], 1, 5, like=x), x, batched=False)
    same_in_pytorch(lambda lengths: padding(lengths, 5), lengths)
    same_in_pytorch(lambda pairs: graph(pairs, 4), pairs, batched=False)


edges = [(0, 1), (2, 1), (3, 0)]
SLIPS = {
    "M1: True means blocked": (causal(N), ~causal(N)),
    "M5: the wrong side": (causal(N), causal(N).T),
    "M5: itself hidden": (causal(N), np.tri(N, k=-1) > 0),
    "the past ignored": (causal(N, past=2), causal(N, N + 2)),
    "padding of queries": (padding([3], N) & np.ones((N, N), bool), (np.arange(N) < 3)[:, None] & np.ones(N, bool)),
    "padding one too many": (padding([3], N), np.arange(N)[None, None, None] <= 3),
    "N1: a window on one side": (window(N, 2), window(N, 2) & causal(N)),
    "W2: a window of 2w": (window(N, 2), np.tri(N, k=2) * (1 - np.tri(N, k=-2)) > 0),
    "G1: no self-loops": (graph(edges, 4), graph(edges, 4, self_loops=False)),
    "G4: edges the wrong way round": (graph(edges, 4, directed=True), graph(edges, 4, directed=True).T),
    "R7: edges dropped": (graph(edges, 4), graph([], 4)),
}


@pytest.mark.parametrize("right, wrong", SLIPS.values(), ids=SLIPS)
def test_slips_differ(right, wrong):
    """Does each known slip give something else?"""
    assert (right != wrong).any()


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: padding([8, 2], M), ValueError, r"padding: length 8 is outside 0\.\.7; 7 is the number of keys"),
        (lambda: padding(torch.tensor([-1]), M), ValueError, r"length -1 is outside 0\.\.7; 7 is the number of keys"),
        (lambda: padding([1.5], M), TypeError, r"lengths must be whole numbers; got float64 \(1,\)"),
        (lambda: padding([True, False], M), TypeError, r"got bool \(2,\)"),
        (lambda: window(N, -1), ValueError, "window: w must be a whole number, 0 or more. Got w=-1"),
        (lambda: window(N, -1, like=torch.ones(1)), ValueError, "0 or more. Got w=-1"),
        (lambda: window(N, 1.5), TypeError, "window: w must be a whole number, 0 or more. Got 1.5"),
        (lambda: window(N, None), TypeError, "window: w must be a whole number, 0 or more. Got None"),
        (lambda: causal(N, past=-1), ValueError, "causal: past must be a whole number, 0 or more. Got N=5, past=-1"),
        (lambda: causal(N, 2.0), TypeError, "causal: M must be a whole number, 0 or more. Got 2.0"),
        (lambda: causal(N, like=3), TypeError, "causal: like must be an array or a tensor; got 3"),
        (lambda: window(True, 1), TypeError, "window: N must be a whole number"),
        (lambda: padding(None, M), TypeError, "padding: lengths must be numbers, .* Got None"),
        (lambda: padding([[1], [1, 2]], M), TypeError, "padding: lengths must be numbers, .* Got list"),
        (lambda: padding([1], "7"), TypeError, "padding: M must be a whole number, 0 or more. Got '7'"),
        (lambda: padding(np.array([300], np.uint16), 7), ValueError, r"padding: length 300 is outside 0\.\.7"),
        (lambda: graph([(0, 1)], 4, self_loops=None), TypeError, "graph: self_loops must be True or False. Got None"),
        (lambda: graph([(0, 4)], 4), IndexError, r"node 4 is outside 0\.\.3"),
        (lambda: graph(torch.tensor([0, 1]), 4), ValueError, r"pairs of nodes, \(E, 2\); got \(2,\)"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name what it received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("like", [None, torch.zeros(1)], ids=["array", "tensor"])
def test_a_window_wider_than_64_bits_shows_all(like):
    """Does a window of any size make a mask, of arrays and of tensors?"""
    assert window(3, 10**30, M=5, past=2, like=like).all()
