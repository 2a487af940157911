"""SSIM: one for equal pictures, a formula for flat ones, and scikit-image's number for the rest."""

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.metrics.ssim import ssim


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(2, 3, 24, 20, generator=generator) * 2 - 1
    return (target + 0.3 * torch.randn(target.shape, generator=generator)).clamp(-1, 1), target


def test_equal_pictures_are_one(pair):
    torch.testing.assert_close(ssim(pair[1], pair[1]), torch.ones(2))


def test_flat_pictures_differ_by_the_luminance_term_alone():
    grey, white = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)  # 0.5 and 1 in 0..1
    expected = (2 * 0.5 * 1 + 1e-4) / (0.5**2 + 1 + 1e-4)
    torch.testing.assert_close(ssim(grey, white), torch.tensor([expected]), atol=1e-4, rtol=0)


def test_a_negative_of_noise_is_below_zero(pair):
    assert (ssim(-pair[1], pair[1]) < 0).all()


def test_it_is_the_number_of_scikit_image(pair):
    structural_similarity = pytest.importorskip("skimage.metrics").structural_similarity
    expected = [
        structural_similarity(
            (a.permute(1, 2, 0).double().numpy() + 1) / 2,
            (b.permute(1, 2, 0).double().numpy() + 1) / 2,
            gaussian_weights=True,
            use_sample_covariance=False,
            sigma=1.5,
            data_range=1.0,
            channel_axis=2,
        )
        for a, b in zip(*pair, strict=True)
    ]
    torch.testing.assert_close(ssim(*pair).double(), torch.tensor(expected).double(), atol=1e-5, rtol=0)


def test_a_picture_smaller_than_the_window_is_refused():
    with pytest.raises(InputError, match="11"):
        ssim(torch.zeros(1, 3, 10, 16), torch.zeros(1, 3, 10, 16))
