"""What the tests of attnlib share: every test that takes `device` runs on each device present."""

import numpy as np
import pytest
import torch
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")

DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()


@pytest.fixture(params=DEVICES, scope="session")
def device(request):
    """A device for tensors: "cpu", and "cuda" where there is one."""
    return request.param


@pytest.fixture(scope="session")
def twins(device):
    """A check that a function gives for tensors what it gives for arrays: values, shape, dtype, and on the device.

    Returns the tensor's answer. Arguments that are not arrays are passed on as they are.
    """

    def to_tensor(value):
        return torch.from_numpy(value).to(device) if isinstance(value, np.ndarray) else value

    def check(function, *args, rtol=1e-12, atol=1e-12, **options):
        expected = function(*args, **options)
        got = function(*map(to_tensor, args), **{name: to_tensor(value) for name, value in options.items()})
        pairs = zip(got, expected, strict=True) if isinstance(expected, tuple) else [(got, expected)]
        for tensor, array in pairs:
            assert isinstance(tensor, torch.Tensor) and tensor.device.type == device
            assert str(tensor.dtype).removeprefix("torch.") == array.dtype.name
            np.testing.assert_allclose(tensor.cpu().numpy(), array, rtol=rtol, atol=atol, strict=True)
        return got

    return check
