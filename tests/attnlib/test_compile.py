"""What PyTorch makes of our functions: torch.compile in one graph, torch.jit.trace and torch.func.vmap.

Every public function that takes tensors is compiled (`calls.py` has a valid call of each). In the cold case a process
imports attnlib first, then torch, and the first call is the compiled one: nothing may be looked for at that time.
"""

import shutil
import subprocess
import sys
import warnings

import pytest
import torch

from attnlib import nn
from attnlib.attention import attend, attention, attention_weights
from attnlib.weights import softmax
from tests.attnlib.calls import CALLS
from tests.attnlib.draws import draw, draw_qkv

COMPILED = [call for call in CALLS if call.has_arrays and call.compiles and not call.random and call.only != "arrays"]
BIAS, MASK, SINKS = draw(5, 7), draw(5, 7) > -1, draw(6, seed=3)
OPTIONS = {
    "plain": {}, "causal": {"causal": True}, "mask": {"mask": MASK}, "bias": {"bias": BIAS}, "window": {"window": 1},
    "scale": {"scale": 0.3}, "negative scale": {"scale": -0.3, "causal": True}, "softcap": {"softcap": 2.0},
    "past": {"past": 2, "causal": True}, "sinks": {"sinks": SINKS},
    "all": {"mask": MASK, "bias": BIAS, "causal": True, "window": 3, "scale": 0.5, "softcap": 2.0, "past": 2,
            "sinks": SINKS},
}


def tensors(values):
    """The arrays among the values of a dict as tensors."""
    return {name: torch.from_numpy(x) if hasattr(x, "shape") else x for name, x in values.items()}


def same(got, expected):
    """Assert that tensors, or nested tuples, lists and dicts of them, hold the same numbers."""
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10, check_stride=False)


@pytest.fixture(autouse=True)
def compiled_anew():
    """Forget what was compiled before: a function compiled for many shapes is given up by PyTorch."""
    torch.compiler.reset()


@pytest.mark.parametrize("call", COMPILED, ids=str)
def test_every_function_compiles_in_one_graph(call):
    """Does torch.compile(fullgraph=True) take every function, and give what the function gives?"""
    given = call.draw(tensors=True)
    expected = call.run(given, tensors=True)
    function = torch.compile(call.function(tensors=True), fullgraph=True, backend="eager")
    same(call.run(call.draw(tensors=True), tensors=True, function=function), expected)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_attention_compiles_with_every_option(options, dynamic):
    """Do attention and its weights compile with each option, shapes known or not, gradients included?"""
    options = tensors(options)
    q, k, v = (torch.from_numpy(x).requires_grad_() for x in draw_qkv(2))
    function = torch.compile(
        lambda q, k, v: (attention(q, k, v, **options), attention_weights(q, k, **options)),
        fullgraph=True, backend="eager", dynamic=dynamic,
    )
    out, weights = function(q, k, v)
    expected = attention(q, k, v, **options)
    same(out, expected)
    same(weights, attention_weights(q, k, **options))
    same(torch.autograd.grad(out.sum(), (q, k, v)), torch.autograd.grad(expected.sum(), (q, k, v)))


COLD = """
import sys
from attnlib.attention import attend, attention, attention_weights
from attnlib.weights import softmax
from attnlib.backward import attention_forward
from attnlib.positions import rope
assert "torch" not in sys.modules
import torch
if sys.argv[1] == "encoder":
    from attnlib.nn import Encoder
    module, x = Encoder(2, 12, heads=3), torch.randn(2, 5, 12)
    function = lambda x: module(x, causal=True)
else:
    function, x = eval(sys.argv[1]), torch.randn(1, 2, 5, 4)
got = torch.compile(function, fullgraph=True, backend="eager")(x)
torch.testing.assert_close(got, function(x))
"""


@pytest.mark.parametrize("what", [
    "softmax", "rope", "encoder", "lambda x: attention(x, x, x)", "lambda x: attend(x, x, x)",
    "lambda x: attention(x, x, x, causal=True, window=2, softcap=2.0)", "lambda x: attention_weights(x, x)",
    "lambda x: attention_forward(x, x, x)",
])
def test_the_first_call_may_be_the_compiled_one(what):
    """In a new process, attnlib imported before torch, does a compiled function need no warming up?"""
    run = subprocess.run([sys.executable, "-c", COLD, what], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_inductor_takes_an_encoder_and_attention():
    """Compiled to machine code, do an encoder and a windowed attention give what they give uncompiled?"""
    torch.manual_seed(0)
    model, x = nn.Encoder(1, 12, heads=3), torch.randn(2, 5, 12)
    q = torch.randn(1, 2, 9, 4)
    torch.testing.assert_close(torch.compile(model, fullgraph=True)(x), model(x), rtol=1e-4, atol=1e-5)
    windowed = torch.compile(lambda q: attention(q, q, q, causal=True, window=2), fullgraph=True)
    torch.testing.assert_close(windowed(q), attention(q, q, q, causal=True, window=2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_trace_gives_the_same(options):
    """Does torch.jit.trace take attention with each option, and give for other numbers what they should give?"""
    options = tensors(options)
    q, k, v = (torch.from_numpy(x) for x in draw_qkv(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the shapes are fixed from now on, which a warning says
        traced = torch.jit.trace(lambda *qkv: (attention(*qkv, **options), attention_weights(*qkv[:2], **options)),
                                 (q, k, v), check_trace=False)
        others = [2 * x.flip(-2) for x in (q, k, v)]
        out, weights = traced(*others)
    same(out, attention(*others, **options))
    same(weights, attention_weights(*others[:2], **options))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_vmap_gives_each_its_own(options):
    """Does torch.func.vmap over sequences, and over queries alone, give what one after another gives?"""
    options = tensors(options)
    q, k, v = (torch.from_numpy(x) for x in draw_qkv(2))
    same(torch.func.vmap(lambda *qkv: attention(*qkv, **options))(q, k, v), attention(q, k, v, **options))
    one = [x[0] for x in (k, v)]
    got = torch.func.vmap(lambda q: attention(q, *one, **options))(q)
    same(got, torch.stack([attention(each, *one, **options) for each in q]))


@pytest.mark.parametrize("function", [softmax, lambda x: attend(x, x, x), lambda x: attention_weights(x, x)])
def test_vmap_of_the_small_functions(function):
    """Does vmap of softmax, attend and the weights give what the batch gives?"""
    x = torch.from_numpy(draw(3, 5, 4))
    same(torch.func.vmap(function)(x), function(x))


def test_torch_func_takes_gradients():
    """Are the gradients of torch.func those of autograd, with a window and sinks too?"""
    q, k, v = (torch.from_numpy(x) for x in draw_qkv(2))
    options = {"causal": True, "window": 2, "sinks": torch.from_numpy(SINKS)}
    got = torch.func.grad(lambda q: attention(q, k, v, **options).sum())(q)
    q.requires_grad_()
    same(got, torch.autograd.grad(attention(q, k, v, **options).sum(), q)[0])
