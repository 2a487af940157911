"""The verdict is about the generator, not about pixels that are carried along."""

from dataclasses import replace

import torch

from stylehead_core.quality import inversion_quality
from stylehead_core.records import Inversion, Portrait


def inversion(error: float, detail: float = 0.0) -> Inversion:
    picture = torch.zeros(1, 3, 16, 16)
    return Inversion(
        portrait=Portrait(image=picture),
        styles=torch.zeros(2, 4),
        feature=torch.zeros(3, 8, 8),
        rgb=None,
        redrawn=picture + error + detail,
        detail=torch.full_like(picture, detail) if detail else None,
    )


def test_equal_pictures_are_good_and_strangers_are_outside():
    assert inversion_quality(inversion(0.0)).psnr == 100
    assert inversion_quality(inversion(0.02)).verdict == "good"
    assert inversion_quality(inversion(0.6)).verdict == "outside what this model knows"


def test_a_tenth_of_the_range_is_twenty_decibels():
    assert abs(inversion_quality(inversion(0.2)).psnr - 20) < 1e-3


def test_what_is_carried_along_does_not_count():
    covered = inversion_quality(inversion(0.2, detail=-0.2))
    assert abs(covered.psnr - 20) < 1e-3


def test_frames_larger_than_what_the_generator_draws_are_compared_at_its_size():
    picture = torch.zeros(1, 3, 32, 32)
    detail = torch.full((1, 3, 16, 16), 0.2)
    large = replace(inversion(0.0), portrait=Portrait(image=picture), redrawn=picture, detail=detail)
    assert abs(inversion_quality(large).psnr - 20) < 1e-3
    assert inversion_quality(large).heat.shape == (1, 3, 16, 16)
