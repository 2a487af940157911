"""Fewer products give the same convolution, in whatever bands it is made."""

import pytest
import torch
import torch.nn.functional as F

from stylehead_core.ops.winograd import convolve_in_tiles, divides_into_tiles, is_faster_in_tiles, transform_weight


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 20), (36, 4)])
def test_tiles_make_the_plain_convolution(height, width):
    x, weight, bias = noise(2, 3, height, width), noise(5, 3, 3, 3, seed=1), noise(5, seed=2)
    found = convolve_in_tiles(x, transform_weight(weight), bias)
    torch.testing.assert_close(found, F.conv2d(x, weight, bias, padding=1))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_the_leaky_relu_comes_last():
    x, weight, bias = noise(1, 3, 8, 8), noise(5, 3, 3, 3, seed=1), noise(5, seed=2)
    expected = F.leaky_relu(F.conv2d(x, weight, bias, padding=1), 0.2)
    torch.testing.assert_close(convolve_in_tiles(x, transform_weight(weight), bias, 0.2), expected)


def test_in_float32_the_numbers_differ_by_rounding_alone():
    x, weight = noise(1, 128, 16, 16).float(), noise(128, 128, 3, 3, seed=1).float()
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    assert (convolve_in_tiles(x, transform_weight(weight)) - exact).abs().max() < 5e-5 * exact.abs().max()


def test_it_is_taken_where_it_pays_and_nothing_is_learnt():
    many, few = torch.zeros(256, 256, 3, 3), torch.zeros(256, 128, 3, 3)
    assert is_faster_in_tiles(many)
    assert not is_faster_in_tiles(few)
    assert not is_faster_in_tiles(many.half())
    assert not is_faster_in_tiles(many[..., :1, :1])
    assert not is_faster_in_tiles(many.clone().requires_grad_())
    assert divides_into_tiles(torch.zeros(1, 1, 32, 16))
    assert not divides_into_tiles(torch.zeros(1, 1, 32, 12))  # too few
    assert not divides_into_tiles(torch.zeros(1, 1, 32, 18))
    assert divides_into_tiles(torch.zeros(1, 1, 34, 16), (0, 1))
    assert not divides_into_tiles(torch.zeros(1, 1, 32, 16, requires_grad=True))


def test_a_band_brings_its_own_rows_above_and_below():
    x, weight = noise(1, 3, 10, 8), noise(5, 3, 3, 3, seed=1)
    found = convolve_in_tiles(x, transform_weight(weight), padding=(0, 1))
    torch.testing.assert_close(found, F.conv2d(x, weight, padding=(0, 1)))
