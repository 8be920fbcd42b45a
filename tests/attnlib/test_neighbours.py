import networkx
import numpy as np
import pytest
import torch

from attnlib import masks
from attnlib.data import karate_club
from attnlib.heads import merge
from attnlib.neighbours import graph_attention, path_length
from tests.attnlib.draws import D, E, N, draw
from tests.attnlib.layouts import same_in_every_layout, same_in_pytorch

DIRECTED = masks.graph([(0, 1), (1, 2), (3, 1), (2, 4)], N, directed=True)
MASKS = {
    "window": masks.window(11, 2),
    "causal": masks.causal(7),
    "causal window": masks.window(11, 3) & masks.causal(11),
    "chain": masks.distances(9) == -1,
    "graph": DIRECTED,
    "karate club": karate_club()[0],
    "random": draw(40, 40) > 1.6,
    "nothing": np.zeros((4, 4), bool),
    "everything": np.ones((4, 4), bool),
    "one": np.ones((1, 1), bool),
    "none": np.ones((0, 0), bool),
}


@pytest.mark.parametrize("name", MASKS)
def test_path_length_is_networkxs_shortest_path(name):
    """Is it the number of edges on the shortest path from query to key that networkx finds, inf where it finds none?"""
    mask = MASKS[name]
    graph = networkx.from_numpy_array(mask, create_using=networkx.DiGraph)
    found = dict(networkx.all_pairs_shortest_path_length(graph))
    expected = [[found.get(i, {}).get(j, np.inf) for j in range(len(mask))] for i in range(len(mask))]
    got = path_length(mask)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, np.reshape(expected, mask.shape))
    tensor = path_length(torch.from_numpy(mask))
    assert tensor.dtype == torch.get_default_dtype()
    np.testing.assert_array_equal(tensor, got)


def test_path_length_by_kind_of_layer():
    """Is it distance / w with a window, one layer with all pairs, the distance itself in a chain, as in the paper?"""
    away = abs(np.arange(11) - np.arange(11)[:, None])
    np.testing.assert_array_equal(path_length(masks.window(11, 3)), np.ceil(away / 3))
    np.testing.assert_array_equal(path_length(np.ones((11, 11), bool)), away > 0)
    chain = path_length(masks.distances(11) == -1)
    np.testing.assert_array_equal(chain, np.where(masks.causal(11), away, np.inf))


def test_as_many_layers_let_it_through():
    """Do so many layers of attention carry a change at the key to the query, and one layer fewer not?"""
    mask = DIRECTED
    steps = path_length(mask)
    for layers in range(5):
        reached = np.linalg.matrix_power(mask | np.eye(N, dtype=bool), layers) > 0
        np.testing.assert_array_equal(steps <= layers, reached)


def test_query_and_key_are_not_mixed_up():
    """In a directed graph, is row i the query: does the transposed answer differ?"""
    steps = path_length(DIRECTED)
    assert steps[4, 0] == 3 and steps[0, 4] == np.inf
    np.testing.assert_array_equal(path_length(DIRECTED.T), steps.T)


def test_path_length_of_several_masks_layouts_and_pytorch():
    """Are masks with axes before, and in any layout, what each is alone; does it compile, trace and map?"""
    several = np.stack([MASKS["random"], MASKS["random"].T, draw(40, 40, seed=3) > 1])
    np.testing.assert_array_equal(path_length(several), [path_length(mask) for mask in several])
    same_in_every_layout(path_length, several)
    same_in_pytorch(path_length, torch.from_numpy(np.stack([DIRECTED, DIRECTED.T])))


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: path_length(np.ones((2, 3), bool)), ValueError, "need the same N|needs"),
        (lambda: path_length(np.ones(3, bool)), ValueError, "mask needs 2 axes or more"),
        (lambda: path_length(np.eye(3)), TypeError, "mask must be bool"),
        (lambda: path_length([[True]]), TypeError, "mask must be an array or a tensor; got list"),
        (lambda: path_length(None), TypeError, "mask must be an array or a tensor; got None"),
    ],
)
def test_errors_of_path_length(call, kind, message):
    """Does an error start with the name and say what came?"""
    with pytest.raises(kind, match=f"^path_length: .*({message})"):
        call()


def drawn(dtype=np.float64):
    """h (5, 4), W (4, 3), a_query (3), a_key (3)."""
    return [draw(*shape, seed=i, dtype=dtype) for i, shape in enumerate([(N, D), (D, E), (E,), (E,)])]


MASK = masks.graph([(0, 1), (1, 2), (3, 1)], N)


def by_the_formula(h, mask, W, a_query, a_key, slope=0.2):
    """Eqs. 1 to 4 of the paper, one node after another, a the two vectors joined."""
    a, mixed, alpha = np.concatenate([a_query, a_key]), np.zeros((N, E)), np.zeros((N, N))
    for i in range(N):
        neighbours = [j for j in range(N) if mask[i, j]]
        e = [a @ np.concatenate([h[i] @ W, h[j] @ W]) for j in neighbours]
        e = np.exp([score if score > 0 else slope * score for score in e])
        for j, power in zip(neighbours, e):
            alpha[i, j] = power / sum(e)
            mixed[i] += alpha[i, j] * (h[j] @ W)
    return mixed, alpha


@pytest.mark.parametrize("slope", [0.2, 0, 1, 0.5])
def test_graph_attention_is_the_papers_formula(slope):
    """Does a loop over nodes and their neighbours, from the formula, give the same; do usual mistakes not?"""
    h, W, a_query, a_key = drawn()
    expected = by_the_formula(h, MASK, W, a_query, a_key, slope)
    for got, right in zip(graph_attention(h, MASK, W, a_query, a_key, slope=slope), expected):
        np.testing.assert_allclose(got, right, atol=1e-12)
    if slope != 1:
        wrong = {
            "query and key mixed up": (a_key, a_query, slope),
            "no LeakyReLU": (a_query, a_key, 1),
        }
        for name, (*vectors, other) in wrong.items():
            assert abs(graph_attention(h, MASK, W, *vectors, slope=other)[0] - expected[0]).max() > 1e-3, name


def test_a_linear_score_ranks_the_same_for_all():
    """Without LeakyReLU the query's part cancels in the softmax: do all nodes then give the same weights?"""
    h, W, a_query, a_key = drawn()
    _, alpha = graph_attention(h, np.ones((N, N), bool), W, a_query, a_key, slope=1)
    np.testing.assert_allclose(alpha, np.broadcast_to(alpha[0], alpha.shape), atol=1e-12)


def test_the_order_of_the_nodes_does_not_matter():
    """With nodes and mask in another order, are the results those of before in that order?"""
    h, *parameters = drawn()
    mixed, alpha = graph_attention(h, MASK, *parameters)
    order = [3, 1, 4, 0, 2]
    moved, turned = graph_attention(h[order], MASK[order][:, order], *parameters)
    np.testing.assert_allclose(moved, mixed[order], atol=1e-12)
    np.testing.assert_allclose(turned, alpha[order][:, order], atol=1e-12)


def test_a_node_that_sees_nothing_gets_zeros(twins):
    """Without self-loops, does a node that no edge reaches get zeros, and does no graph at all work?"""
    h, *parameters = drawn()
    mixed, alpha = graph_attention(h, masks.graph([(0, 1)], N, self_loops=False), *parameters)
    assert (mixed[2:] == 0).all() and (alpha[2:] == 0).all()
    np.testing.assert_allclose(alpha[:2, :2], [[0, 1], [1, 0]])
    twins(graph_attention, h[:0], MASK[:0, :0], *parameters)


@pytest.mark.parametrize("spoiled", [np.nan, np.inf, -np.inf])
def test_a_hidden_node_changes_nothing(spoiled, twins):
    """NaN or not, does a node leave those alone that may not look at it, and reach those that may?"""
    h, *parameters = drawn()
    mixed, alpha = graph_attention(h, MASK, *parameters)
    h[2] = spoiled
    sees = MASK[:, 2]
    with np.errstate(invalid="ignore"):
        other, weights = graph_attention(h, MASK, *parameters)
    np.testing.assert_array_equal(other[~sees], mixed[~sees])
    np.testing.assert_array_equal(weights[~sees], alpha[~sees])
    assert not np.isfinite(other[sees]).all(-1).any()
    tensors = [torch.from_numpy(x) for x in (h, MASK, *parameters)]
    np.testing.assert_allclose(graph_attention(*tensors)[0][~sees], mixed[~sees], atol=1e-12)


def test_several_heads_are_each_alone():
    """Given the matrices of several heads, is each what it gives alone, and merge the paper's concatenation?"""
    h, *_ = drawn()
    W, a_query, a_key = draw(2, D, E, seed=5), draw(2, E, seed=6), draw(2, E, seed=7)
    mixed, alpha = graph_attention(h[None], MASK, W, a_query, a_key)
    assert mixed.shape == (2, N, E) and alpha.shape == (2, N, N) and merge(mixed).shape == (N, 2 * E)
    for head in 0, 1:
        one = graph_attention(h, MASK, W[head], a_query[head], a_key[head])
        np.testing.assert_allclose(mixed[head], one[0], atol=1e-12)
        np.testing.assert_allclose(alpha[head], one[1], atol=1e-12)


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-5), ("float64", 1e-12)])
def test_tensors_give_what_arrays_give(dtype, tolerance, twins):
    """Do tensors give what arrays give, in the dtype of the inputs?"""
    h, *parameters = drawn(dtype)
    twins(graph_attention, h, MASK, *parameters, slope=0.1, rtol=tolerance, atol=tolerance)


def test_layouts_pytorch_and_gradients():
    """Does the layout in memory not matter; does it compile, trace, map over a batch and have right gradients?"""
    h, W, a_query, a_key = drawn()
    same_in_every_layout(graph_attention, h, MASK, W, a_query, a_key)
    batch = torch.from_numpy(np.stack([h, 2 * h]))
    mask, *parameters = (torch.from_numpy(x) for x in (MASK, W, a_query, a_key))
    same_in_pytorch(lambda h: graph_attention(h, mask, *parameters), batch)
    given = [x.requires_grad_() for x in (torch.from_numpy(h), *parameters)]
    assert torch.autograd.gradcheck(lambda h, *rest: graph_attention(h, mask, *rest), given, fast_mode=True)


h, W, a_query, a_key = drawn()


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: graph_attention(h, MASK, W[:3], a_query, a_key), ValueError, "need the same d; it is 4 and 3"),
        (lambda: graph_attention(h, MASK, W, a_query[:2], a_key), ValueError, "need the same e; it is 3 and 2"),
        (lambda: graph_attention(h, MASK, W, a_query[:, None], a_key), ValueError, "need the same e"),
        (lambda: graph_attention(h, MASK[:3, :3], W, a_query, a_key), ValueError, r"mask \(3, 3\) does not broadcast"),
        (lambda: graph_attention(h, np.ones((2, N, N), bool), W, a_query, a_key), ValueError, r"mask \(2, 5, 5\) does"),
        (lambda: graph_attention(h, MASK * 1.0, W, a_query, a_key), TypeError, "mask must be bool"),
        (lambda: graph_attention(h, None, W, a_query, a_key), TypeError, "mask must be an array or a tensor; got None"),
        (lambda: graph_attention(h, [(0, 1)], W, a_query, a_key), TypeError, "mask must be .*; got list"),
        (lambda: graph_attention(h.astype(int), MASK, W, a_query, a_key), TypeError, "one floating dtype; got h int64"),
        (lambda: graph_attention(h, MASK, W, a_query.astype("f4"), a_key), TypeError, "a_query float32"),
        (lambda: graph_attention(h, torch.from_numpy(MASK), W, a_query, a_key), TypeError, "do not mix"),
        (lambda: graph_attention(h, MASK, W, a_query, a_key, slope=None), TypeError, "slope must be a finite number"),
        (lambda: graph_attention(h, MASK, W, a_query, a_key, slope=np.nan), ValueError, "slope must be a finite"),
    ],
)
def test_errors_of_graph_attention(call, kind, message):
    """Does an error start with the name and say what came?"""
    with pytest.raises(kind, match=f"^graph_attention: .*{message}"):
        call()
