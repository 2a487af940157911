"""The Fréchet distance of Gaussians whose distance one can write down."""

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.metrics.frechet import frechet_distance


def sample(mean: float, deviation: float, width: int = 1) -> torch.Tensor:
    """Features (2 width, width) with exactly this mean, and exactly this deviation in each direction."""
    axes = torch.cat((torch.eye(width), -torch.eye(width))).double()
    scale = deviation * ((len(axes) - 1) / 2) ** 0.5
    return mean + scale * axes


def test_equal_statistics_are_no_distance():
    assert frechet_distance(sample(1, 2, 3), sample(1, 2, 3).flip(0)) == pytest.approx(0, abs=1e-9)


def test_a_shift_of_the_mean_counts_squared():
    assert frechet_distance(sample(3, 1), sample(1, 1)) == pytest.approx(4)


def test_a_change_of_the_deviation_counts_squared_in_every_direction():
    assert frechet_distance(sample(0, 1, 3), sample(0, 3, 3)) == pytest.approx(3 * (3 - 1) ** 2)


def test_it_is_symmetric():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(40, 4, generator=generator), 2 * torch.randn(30, 4, generator=generator) + 1
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6)


def test_it_is_the_number_of_torchmetrics():
    fid = pytest.importorskip("torchmetrics.image.fid")
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(30, 3, 2, 2, generator=generator)
    b = torch.rand(30, 3, 2, 2, generator=generator) ** 2
    metric = fid.FrechetInceptionDistance(torch.nn.Flatten(), normalize=True, input_img_size=(3, 2, 2))
    metric.update(a, real=True)
    metric.update(b, real=False)
    assert frechet_distance(b.flatten(1), a.flatten(1)) == pytest.approx(float(metric.compute()), rel=1e-2)  # bytes


def test_one_picture_has_no_statistics():
    with pytest.raises(InputError, match="two pictures"):
        frechet_distance(torch.zeros(1, 4), torch.zeros(5, 4))
