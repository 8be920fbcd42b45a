"""The operator cases that come with the `onnx` package: inputs and expected outputs, none of them ours."""

import warnings
from functools import cache

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases


def cases(operator):
    """Each case of one operator, as (name, attributes, inputs, output names, expected outputs, rtol, atol).

    Inputs are arrays, None where the case leaves one out. An output name is "" where it leaves one out;
    the expected outputs are those of the other names.
    Cases that expand the operator into simpler ones are left out.
    """
    for case in _collected():
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
def _collected():
    """Every case of every operator: `onnx` makes them while its modules are imported, so once only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some operators' cases overflow on purpose
        return collect_testcases(None)


def _array(value):
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)
