import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel, LlamaConfig, ViTConfig, ViTModel
from transformers.models.bert.modeling_bert import BertLayer
from transformers.models.llama.modeling_llama import LlamaAttention

from attnlib import costs, masks
from attnlib import nn as ours
from attnlib.costs import Cost, crossover, dense, mixing, multi_head, pairs, self_attention
from attnlib.scores import additive, bilinear, dot
from attnlib.windows import windowed_linear

N, M, D, HEADS = 5, 7, 12, 3
SIZE = st.integers(1, 6)


def learned(module):
    """The number of learned numbers of a torch module."""
    return sum(parameter.numel() for parameter in module.parameters())


def flops(function, *shapes):
    """What PyTorch's own counter counts when `function` runs on tensors of these shapes.

    It does not know the fused attention of the CPU, so attention is asked to take its products one by one.
    """
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        function(*map(torch.ones, shapes))
    return counter.get_total_flops()


# ---- parameters: the modules that others made


@pytest.mark.parametrize("bias", [False, True])
@given(d_in=SIZE, d_out=SIZE, n=SIZE, k=st.integers(0, 3))
def test_plain_layers_have_torchs_parameters(bias, d_in, d_out, n, k):
    """Do Linear, the window, the convolution, the norm and the layer over everything have PyTorch's parameters?"""
    assert costs.linear(n, d_in, d_out, bias).parameters == learned(nn.Linear(d_in, d_out, bias))
    assert costs.dense(n, d_in, d_out, bias).parameters == learned(nn.Linear(n * d_in, n * d_out, bias))
    window = nn.Conv1d(d_in, d_out, 2 * k + 1, bias=bias)
    assert costs.windowed_linear(n, d_in, d_out, k, bias).parameters == learned(window)
    convolution = nn.Conv2d(d_in, d_out, k + 1, bias=bias)
    assert costs.convolution(n, n, d_in, d_out, k + 1, bias).parameters == learned(convolution)
    assert costs.layer_norm(n, d_in, bias).parameters == learned(nn.LayerNorm(d_in, bias=bias))
    recurrent = learned(nn.RNN(d_in, d_out, bias=bias)) - bias * d_out  # it keeps two biases that are only added
    assert costs.recurrent(n, d_in, d_out, bias).parameters == recurrent


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("heads", [1, 2, 3, 4, 6, 12])
def test_multi_head_has_torchs_parameters(heads, bias):
    """Does multi-head attention have the parameters of nn.MultiheadAttention, whatever the number of heads?"""
    assert multi_head(N, D, heads, bias=bias).parameters == learned(nn.MultiheadAttention(D, heads, bias=bias))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("hidden", [None, 20])
def test_a_block_has_torchs_parameters(hidden, bias):
    """Does a block have the parameters of nn.TransformerEncoderLayer, and its MLP those of the module of ours?"""
    theirs = nn.TransformerEncoderLayer(D, HEADS, hidden or 4 * D, bias=bias)
    assert costs.block(N, D, HEADS, hidden, bias=bias).parameters == learned(theirs)
    assert costs.mlp(N, D, 20, bias=True).parameters == learned(ours.MLP(D, 20))


def test_hugging_face_has_the_same_parameters():
    """Do a BERT layer and a Llama layer's grouped heads, as others build them, have as many parameters?"""
    bert = BertConfig(hidden_size=D, num_attention_heads=HEADS, intermediate_size=20)
    assert costs.block(N, D, HEADS, 20, bias=True).parameters == learned(BertLayer(bert))
    llama = LlamaConfig(hidden_size=D, num_attention_heads=6, num_key_value_heads=2, head_dim=4)
    assert multi_head(N, D, 6, key_heads=2, d_k=4).parameters == learned(LlamaAttention(llama, 0))


def test_keras_has_the_same_parameters(monkeypatch):
    """With keys and values of other widths, does Keras's MultiHeadAttention have as many parameters?"""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import keras

    layer = keras.layers.MultiHeadAttention(num_heads=HEADS, key_dim=5, value_dim=2)
    layer.build((1, N, D), (1, M, D))
    assert multi_head(N, D, HEADS, M, d_k=5, d_v=2, bias=True).parameters == layer.count_params()


def test_whole_models_have_their_published_sizes():
    """Do the blocks of BERT-base and ViT-B/16, with their embeddings, add up to the whole of each model?"""
    with torch.device("meta"):
        bert, vit = BertModel(BertConfig()), ViTModel(ViTConfig())
    block = costs.block(512, 768, 12, bias=True)
    tables = 768 * (30522 + 512 + 2)
    pooler = costs.linear(1, 768, 768, bias=True)
    whole = 12 * block + costs.layer_norm(512, 768, bias=True) + pooler
    assert whole.parameters + tables == learned(bert) == 109482240
    first = costs.linear(196, 3 * 16 * 16, 768, bias=True)
    whole = first + 12 * costs.block(197, 768, 12, bias=True) + costs.layer_norm(197, 768, bias=True)
    assert (whole + pooler).parameters + 198 * 768 == learned(vit)


@pytest.mark.parametrize("d_k, d_v, output", [(None, None, False), (4, None, False), (4, 6, False), (4, 6, True)])
def test_self_attention_is_its_matrices(d_k, d_v, output):
    """Are the parameters of one head those of W_q, W_k and W_v, and of W_o where there is one?"""
    head = ours.SelfAttention(D, d_k or D, d_v)
    back = (d_v or d_k or D) * D if output else 0
    assert self_attention(N, D, d_k, d_v, output=output).parameters == learned(head) + back


def test_the_course_s_numbers():
    """For d = 64: 12288 parameters for any N, 65536 at N = 4 and 200704 at N = 7 for one layer over everything?"""
    assert {self_attention(n, 64).parameters for n in (1, 4, 7, 1000)} == {12288}
    assert [dense(n, 64).parameters for n in (4, 7)] == [65536, 200704]
    assert self_attention(4, 64).parameters == 3 * costs.linear(4, 64, 64).parameters
    with_output, with_bias = (self_attention(4, 64, bias=bias, output=True).parameters for bias in (False, True))
    assert with_output == 4 * costs.linear(4, 64, 64).parameters and with_bias == with_output + 4 * 64


def test_wrong_counts_differ():
    """Do the mistakes K1 (weights are parameters), K3 (W_o, biases), W2 (2k) and W6 give other numbers?"""
    full = multi_head(N, D, HEADS, bias=True).parameters
    wrong = [4 * D**2 + 4 * D + HEADS * N**2, 3 * D**2 + 3 * D, 4 * D**2]
    assert full not in wrong
    assert costs.windowed_linear(N, D, 4, 5, bias=True).parameters not in (10 * D * 4 + 4, 11 * D * 4, D * 4 + 4)


# ---- operations: PyTorch's counter


def test_flops_of_plain_layers_are_torchs():
    """Does PyTorch's counter count as we do: Linear, the window, one layer over everything, the convolution?"""
    weights = ((2 * 2 + 1) * D, 4)
    assert flops(F.linear, (N, D), (4, D)) == costs.linear(N, D, 4).flops
    assert flops(F.linear, (N, D), (4, D), (4,)) == costs.linear(N, D, 4, bias=True).flops
    assert flops(F.linear, (N * D,), (N * 4, N * D)) == costs.dense(N, D, 4).flops
    assert flops(lambda X, W: windowed_linear(X, W, 2), (N, D), weights) == costs.windowed_linear(N, D, 4, 2).flops
    conv = lambda image, kernel: F.conv2d(image, kernel, padding="same")
    assert flops(conv, (1, 3, 6, 9), (4, 3, 5, 5)) == costs.convolution(6, 9, 3, 4, k=5).flops
    step = nn.RNNCell(D, 4)
    assert N * flops(step, (1, D), (1, 4)) == costs.recurrent(N, D, 4, bias=True).flops


def test_flops_of_attention_are_torchs():
    """Does PyTorch's counter agree on its own SDPA and nn.MultiheadAttention, and on the formula written out?"""
    shapes = (HEADS, N, 4), (HEADS, M, 4), (HEADS, M, 6)
    expected = mixing(N, M, heads=HEADS, d_k=4, d_v=6).flops
    assert flops(lambda q, k, v: torch.softmax(q @ k.mT, -1) @ v, *shapes) == expected
    assert flops(F.scaled_dot_product_attention, *((1, *shape) for shape in shapes)) == expected
    layer = nn.MultiheadAttention(D, HEADS, batch_first=True)
    assert flops(layer, (1, N, D), (1, M, D), (1, M, D)) == multi_head(N, D, HEADS, M, bias=True).flops
    one = lambda X, W_q, W_k, W_v: torch.softmax(X @ W_q @ (X @ W_k).mT, -1) @ (X @ W_v)
    assert flops(one, (N, D), (D, 4), (D, 4), (D, 6)) == self_attention(N, D, 4, 6).flops


def test_flops_of_a_block_are_torchs():
    """Does PyTorch's counter agree on nn.TransformerEncoderLayer, and on the block and the MLP of ours?"""
    expected = costs.block(N, D, HEADS, 20, bias=True).flops
    assert flops(nn.TransformerEncoderLayer(D, HEADS, 20, batch_first=True), (1, N, D)) == expected
    assert flops(ours.Block(D, HEADS, hidden=20), (1, N, D)) == expected
    assert flops(ours.MLP(D, 20), (1, N, D)) == costs.mlp(N, D, 20).flops


def test_flops_of_scores_are_torchs():
    """Does PyTorch's counter agree on the dot, the bilinear and the additive score?"""
    assert flops(dot, (N, D), (M, D)) == costs.dot_score(N, M, D).flops
    assert flops(bilinear, (N, D), (M, 4), (D, 4)) == costs.bilinear_score(N, M, D, 4).flops
    network = lambda Q, K, W_q, W_k, w: torch.tanh((Q @ W_q)[:, None] + K @ W_k) @ w
    expected = costs.additive_score(N, M, D, 4, 8)
    assert flops(network, (N, D), (M, 4), (D, 8), (4, 8), (8, 1)) == expected.flops
    assert expected.parameters == D * 8 + 4 * 8 + 8 and expected.activations == (N + M + N * M) * 8 + N * M
    assert additive(*map(np.ones, [(N, D), (M, 4), (D, 8), (4, 8), 8])).size == N * M


def test_a_vision_transformer_has_its_published_flops():
    """Does ViT-B/16 on 224 x 224 pixels need the 17.56 billion multiply-adds that torchvision's page gives?"""
    whole = costs.linear(196, 768, 768) + 12 * costs.block(197, 768, 12) + costs.linear(1, 768, 1000)
    assert round(whole.flops / 2e9, 2) == 17.56


# ---- pairs, memory, crossover


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("w", [None, *range(9)])
def test_pairs_are_those_of_the_masks(causal, w):
    """For all small sizes, more keys than queries or fewer, with a past or without: are they the masks' Trues?"""
    for n, m, past in np.ndindex(6, 8, 8):
        n, m = n + 1, m + 1
        mask = np.ones((n, m), bool)
        if causal:
            mask &= masks.causal(n, m, past)
        if w is not None:
            mask &= masks.window(n, w, m, past)
        options = dict(causal=causal, window=w, past=past)
        assert pairs(n, m, **options) == mask.sum(), (n, m, options)
        assert mixing(n, m, heads=2, d_k=3, **options).flops == 2 * 12 * mask.sum()
        whole = mask if m == n + past else None
        assert whole is None or pairs(n, **options) == mask.sum()


def test_pairs_need_no_loop():
    """Are pairs of a trillion queries counted at once, and a crossover that asks for many such numbers too?"""
    N = 10**12
    assert pairs(N, causal=True) == N * (N + 1) // 2
    assert pairs(N, causal=True, window=10) == 11 * N - 55
    banded = lambda n: mixing(n, d_k=64, causal=True, window=10**6).flops
    n = crossover(banded, lambda n: 3 * costs.linear(n, 64, 64).flops)
    assert banded(n) > 3 * costs.linear(n, 64, 64).flops and n < 1000
    assert crossover(lambda n: mixing(n, d_k=64, causal=True).flops, lambda n: n * 10**12) > 10**9


def test_a_cache_is_read_and_not_projected_again():
    """Does a step with a cache cost what the last row of the whole costs, and do all steps add up to the whole?"""
    whole = multi_head(N, D, HEADS, causal=True)
    steps = [multi_head(1, D, HEADS, causal=True, past=past) for past in range(N)]
    assert sum(steps).flops == whole.flops and sum(steps).activations == whole.activations
    assert {step.parameters for step in steps} == {whole.parameters}
    assert multi_head(1, D, HEADS, past=4) == multi_head(1, D, HEADS, M=5, past=4)
    assert sum(costs.block(1, D, HEADS, past=past) for past in range(N)).flops == costs.block(
        N, D, HEADS, causal=True).flops


def test_small_integers_do_not_overflow():
    """Are sizes and counts of NumPy's types counted as Python's, which have no largest one?"""
    n, d = np.int32(60000), np.uint8(250)
    assert pairs(n) == 60000**2 and pairs(n, causal=True) == 60000 * 60001 // 2
    assert costs.linear(n, d, d) == costs.linear(60000, 250, 250)
    assert costs.dense(n, d) == costs.dense(60000, 250)
    assert costs.convolution(n, n, d, d, np.int8(3)) == costs.convolution(60000, 60000, 250, 250, 3)
    assert costs.windowed_linear(n, d, d, np.uint8(200)) == costs.windowed_linear(60000, 250, 250, 200)
    assert costs.recurrent(n, d, d) == costs.recurrent(60000, 250, 250)
    assert costs.additive_score(n, n, d, d, d) == costs.additive_score(60000, 60000, 250, 250, 250)
    assert costs.bilinear_score(n, n, d, d) == costs.bilinear_score(60000, 60000, 250, 250)
    assert costs.block(n, d, np.uint8(5)) == costs.block(60000, 250, 5)
    assert costs.self_attention(n, d) == costs.self_attention(60000, 250)
    assert np.int32(1000) * Cost(activations=np.int32(2**30)) == Cost(activations=1000 * 2**30)
    assert Cost(np.int32(2**30)).bytes(np.int8(4)) == 2**32
    assert crossover(lambda n: pairs(n), lambda n: 10 * n, limit=np.int32(100)) == 11


def test_activations_are_the_numbers_kept():
    """Are the activations of multi-head attention the sizes of q, k, v, the weights, the mixtures and the output?"""
    q, k, v = np.ones((HEADS, N, 4)), np.ones((HEADS, M, 4)), np.ones((HEADS, M, 6))
    alpha, mixture, out = np.ones((HEADS, N, M)), np.ones((HEADS, N, 6)), np.ones((N, D))
    kept = [q, k, v, alpha, mixture, out]
    cost = multi_head(N, D, HEADS, M, d_k=4, d_v=6)
    assert cost.activations == sum(array.size for array in kept)
    assert cost.bytes(8) == sum(array.nbytes for array in kept) + 8 * cost.parameters


def test_one_minute_of_sound():
    """Is the 6000 x 6000 matrix of weights 144 million bytes in float32, and half that in float16?"""
    weights = Cost(activations=pairs(6000))
    assert weights.bytes() == np.zeros((6000, 6000), np.float32).nbytes == 144_000_000
    assert weights.bytes(itemsize=2) == 72_000_000


@given(a=st.integers(0, 500), b=st.integers(1, 60))
def test_the_crossover_is_the_first_n(a, b):
    """Is the crossover ahead, and the N before it not?"""
    first, second = lambda n: b * n * n, lambda n: a * n + 1
    n = crossover(first, second)
    assert first(n) > second(n) and (n == 1 or first(n - 1) <= second(n - 1))


def test_where_attention_outgrows_its_projections():
    """Does N^2 d pass N d^2 beyond N = d, and do the N^2 FLOPs pass the rest beyond 2 d with W_o, 6 d in a block?"""
    d = 64
    assert crossover(lambda n: n**2 * d, lambda n: n * d**2) == d + 1
    quadratic = lambda n: mixing(n, d_k=d).flops
    assert crossover(quadratic, lambda n: multi_head(n, d, 1).flops - quadratic(n)) == 2 * d + 1
    assert crossover(quadratic, lambda n: costs.block(n, d, 1).flops - quadratic(n)) == 6 * d + 1


def test_costs_add_up():
    """Is the cost of two layers the sum, and of twelve alike twelve times one?"""
    a, b = Cost(1, 20, 300), Cost(4, 50, 600)
    assert a + b == Cost(5, 70, 900) and 3 * a == a + a + a
    assert sum([a, b, b]) == a + 2 * b and sum([]) + a == a


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: costs.linear(0, 4, 4), ValueError,
         "linear: N must be a whole number, 1 or more. Got N=0, d_in=4, d_out=4"),
        (lambda: costs.linear(5, 4.0, 4), TypeError, "linear: d_in must be a whole number, 1 or more. Got 4.0"),
        (lambda: costs.linear(5, 4, 4, 1), TypeError, "linear: bias must be True or False. Got 1"),
        (lambda: costs.windowed_linear(5, 4, 4, k=-1), ValueError,
         "windowed_linear: k must be .* 0 or more. Got k=-1"),
        (lambda: multi_head(5, 10, 3), ValueError, "multi_head: 3 heads do not divide d_model=10 evenly"),
        (lambda: multi_head(5, 12, 6, key_heads=4), ValueError, "4 key heads cannot be shared evenly by 6 heads"),
        (lambda: multi_head(5, 12, 6, M=3, past=3), ValueError, "needs past [+] 1 or more. Got M=3, past=3"),
        (lambda: costs.block(5, 10, 3), ValueError, "block: 3 heads do not divide d_model=10 evenly"),
        (lambda: pairs(5, window=-1), ValueError, "pairs: window must be a whole number, 0 or more. Got window=-1"),
        (lambda: mixing(5, d_k=4, causal=1), TypeError, "mixing: causal must be True or False. Got 1"),
        (lambda: costs.block(5, 12, 3, past=-1), ValueError, "block: past must be a whole number, 0 or more"),
        (lambda: crossover(lambda n: n, lambda n: n, limit=1000), ValueError,
         "at the limit, N = 1000, first is 1000 and second 1000"),
        (lambda: crossover(3, lambda n: n), TypeError, "crossover: first must be a function. Got 3"),
        (lambda: 2.5 * Cost(1), TypeError, "Cost: layers must be a whole number, 0 or more. Got 2.5"),
        (lambda: Cost(flops=1.5), TypeError, "Cost: flops must be a whole number, 0 or more. Got 1.5"),
        (lambda: Cost() + 1, TypeError, "unsupported operand"),
        (lambda: sum([Cost()], 1), TypeError, "unsupported operand"),
    ],
)
def test_errors_name_what_came(call, kind, message):
    """Does an error name the sizes received and say what would be right?"""
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("limit", [9, 10, 15, 16])
def test_a_crossover_up_to_the_limit_is_found(limit):
    """Is every N up to the limit tried, not only the powers of two?"""
    assert crossover(lambda n: n, lambda n: 8, limit=limit) == 9
    with pytest.raises(ValueError, match="^crossover: at the limit, N = 8, first is 8 and second 8"):
        crossover(lambda n: n, lambda n: 8, limit=8)
