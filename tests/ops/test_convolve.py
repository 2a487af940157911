"""However torch is asked for it, a convolution is the same."""

import pytest
import torch
import torch.nn.functional as F

from stylehead_core.ops import convolve as module
from stylehead_core.ops.convolve import convolve


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("slope", [None, 0.2])
@pytest.mark.parametrize(
    ("kernel", "settings"),
    [(1, {}), (3, {"padding": 1}), (3, {"stride": 2}), (4, {"groups": 4}), (3, {"padding": (0, 1)})],
)
def test_it_is_what_torch_says(kernel, settings, slope):
    x, bias = noise(2, 4, 9, 8), noise(8, seed=2)
    weight = noise(8, 4 // settings.get("groups", 1), kernel, kernel, seed=1)
    expected = F.conv2d(x, weight, bias, **settings)
    expected = expected if slope is None else F.leaky_relu(expected, slope)
    for given in (x, x.contiguous(memory_format=torch.channels_last)):
        torch.testing.assert_close(convolve(given, weight, bias, slope=slope, **settings), expected)


@pytest.mark.parametrize("padding", [0, 2, 3, (2, 1)])
@pytest.mark.parametrize("kernel", [1, 7])
def test_few_outputs_are_what_torch_says(kernel, padding):
    x, weight, bias = noise(2, 4, 9, 12), noise(2, 4, kernel, kernel, seed=1), noise(2, seed=2)
    expected = F.conv2d(x, weight, bias, padding=padding)
    for given in (x, x.contiguous(memory_format=torch.channels_last)):
        torch.testing.assert_close(convolve(given, weight, bias, padding=padding), expected)


def test_it_can_be_learnt_through():
    x, weight, bias = noise(1, 4, 6, 6), noise(8, 4, 3, 3, seed=1).requires_grad_(), noise(8, seed=2)
    convolve(x, weight, bias, padding=1, slope=0.2).sum().backward()
    expected = weight.detach().clone().requires_grad_()
    F.leaky_relu(F.conv2d(x, expected, bias, padding=1), 0.2).sum().backward()
    torch.testing.assert_close(weight.grad, expected.grad)


def test_without_the_fused_operation_the_numbers_are_the_same(monkeypatch):
    x, weight, bias = noise(1, 4, 6, 6), noise(8, 4, 3, 3, seed=1), noise(8, seed=2)
    fused = convolve(x, weight, bias, padding=1, slope=0.2)
    monkeypatch.setattr(module, "can_use_onednn", lambda *_: False)
    torch.testing.assert_close(convolve(x, weight, bias, padding=1, slope=0.2), fused)
