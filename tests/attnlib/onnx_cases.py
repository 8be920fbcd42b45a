"""The operator cases that come with the `onnx` package: inputs and expected outputs, none of them ours."""

import warnings
from functools import cache
from importlib import import_module

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as onnx_node

MODULES = {  # where onnx makes the cases of an operator; to make those of all operators takes ten seconds
    "Attention": "attention", "RotaryEmbedding": "rotaryembedding", "LinearAttention": "linear_attention",
    "Softmax": "softmax", "Hardmax": "hardmax"}


def cases(operator):
    """Each case of one operator, as (name, attributes, inputs, output names, expected outputs, rtol, atol).

    Inputs are arrays, None where the case leaves one out. An output name is "" where it leaves one out;
    the expected outputs are those of the other names.
    Cases that expand the operator into simpler ones are left out.
    """
    for case in _collected(operator):
        nodes = case.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type != operator:
            continue
        node = nodes[0]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for given, expected in case.data_sets:
            given = iter(given)
            inputs = [_array(next(given)) if name else None for name in node.input]
            yield case.name, attributes, inputs, list(node.output), [_array(x) for x in expected], case.rtol, case.atol


@cache
def _collected(operator):
    """The cases of an operator, among those of others: `onnx` makes them while a module of its is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some cases overflow on purpose
        import_module(f"{onnx_node.__name__}.{MODULES[operator]}")
        return list(onnx_node._NodeTestCases)


def _array(value):
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)
