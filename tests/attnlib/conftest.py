"""What the tests of attnlib share: every test that takes `device` runs on each device present."""

import pytest
import torch

DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()


@pytest.fixture(params=DEVICES, scope="session")
def device(request):
    """A device for tensors: "cpu", and "cuda" where there is one."""
    return request.param
