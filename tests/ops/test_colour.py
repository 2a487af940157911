"""Colours there and back, and brought to another picture's."""

import pytest
import torch

from stylehead_core.ops.colour import match_colours, to_lab, to_rgb

PICTURE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_there_and_back_is_equal():
    torch.testing.assert_close(to_rgb(to_lab(PICTURE)), PICTURE, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [((1, 1, 1), (100, 0, 0)), ((-1, -1, -1), (0, 0, 0)), ((1, -1, -1), (53.24, 80.09, 67.20))],
)
def test_known_colours(rgb, lab):
    found = to_lab(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(found, torch.tensor(lab, dtype=torch.float32), atol=0.02, rtol=0)


def test_a_picture_matched_to_itself_stays():
    torch.testing.assert_close(match_colours(PICTURE, PICTURE)(PICTURE), PICTURE, atol=1e-4, rtol=0)


def test_a_yellow_shift_is_taken_back():
    lab = to_lab(PICTURE * 0.5)
    lab[:, 2] += 3.3
    yellow = to_rgb(lab)
    back = match_colours(yellow, PICTURE * 0.5)(yellow)
    assert (back - PICTURE * 0.5).abs().mean() < 0.02 * (yellow - PICTURE * 0.5).abs().mean() + 1e-3


def test_only_what_is_in_the_mask_counts():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    other = PICTURE.clone()
    other[..., 8:] = 0
    torch.testing.assert_close(match_colours(PICTURE, other, mask)(PICTURE), PICTURE, atol=1e-4, rtol=0)
