"""PSNR with errors whose decibels one knows by heart."""

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.metrics.psnr import psnr


def test_an_error_of_a_tenth_of_the_range_is_20_db():
    target = torch.zeros(2, 3, 8, 8)
    torch.testing.assert_close(psnr(target + 0.2, target), torch.tensor([20.0, 20.0]))


def test_black_against_white_is_0_db():
    target = torch.ones(1, 3, 8, 8)
    torch.testing.assert_close(psnr(-target, target), torch.tensor([0.0]))


def test_equal_pictures_reach_the_ceiling_and_no_infinity():
    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert psnr(picture, picture).tolist() == [100.0]


def test_each_frame_has_its_own_number():
    target = torch.zeros(2, 3, 4, 4)
    generated = torch.stack((target[0] + 0.2, target[1] + 0.02))
    torch.testing.assert_close(psnr(generated, target), torch.tensor([20.0, 40.0]))


def test_bytes_and_floats_give_the_same():
    bytes_a, bytes_b = torch.randint(0, 256, (2, 1, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
    floats = psnr(bytes_a / 127.5 - 1, bytes_b / 127.5 - 1)
    torch.testing.assert_close(psnr(bytes_a, bytes_b), floats)


def test_clips_of_different_length_are_refused():
    with pytest.raises(InputError, match="frame by frame"):
        psnr(torch.zeros(2, 3, 8, 8), torch.zeros(3, 3, 8, 8))
