"""What torch.compile makes of every function that takes tensors: one graph, without a break, and the same answer."""

import numpy as np
import pytest
import torch

from tests.attnlib.calls import CALLS
from tests.attnlib.test_calls import numbers_of

pytestmark = pytest.mark.slow  # a second for each

COMPILED = [pytest.param(call, id=str(call)) for call in CALLS if call.compiles and "tensors" in call.sides]


@pytest.mark.parametrize("call", COMPILED)
def test_a_function_compiles_to_one_graph(call):
    """Is no call of attnlib a place where a compiled model falls back to Python?"""
    torch._dynamo.reset()
    compiled = torch.compile(call.function(tensors=True), backend="eager", fullgraph=True)
    answer = call.run(call.draw(tensors=True), tensors=True, function=compiled)
    expected = call.run(call.draw(tensors=True), tensors=True)
    for one, other in zip(numbers_of(answer), numbers_of(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
