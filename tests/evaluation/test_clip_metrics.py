"""Flicker, seam, leakage and colour: what goes wrong with clips, drawn large enough to count."""

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.metrics.colour import colour_shift, lab
from stylehead_core.evaluation.metrics.flicker import flicker
from stylehead_core.evaluation.metrics.leakage import region_leakage
from stylehead_core.evaluation.metrics.seam import seam

LEVEL = 2 / 255  # one of 256 levels, in [-1, 1]


def left_half(size: int = 16) -> torch.Tensor:
    mask = torch.zeros(1, 1, size, size)
    mask[..., : size // 2] = 1
    return mask


def test_flicker_is_counted_in_levels():
    pictures = torch.zeros(3, 3, 8, 8)
    pictures[1] += 5 * LEVEL
    torch.testing.assert_close(flicker(pictures), torch.tensor([5.0, 5.0]))


def test_flicker_outside_the_mask_does_not_count():
    pictures = torch.zeros(2, 3, 16, 16)
    pictures[1, ..., 8:] = 1
    torch.testing.assert_close(flicker(pictures, left_half()), torch.tensor([0.0]))
    torch.testing.assert_close(flicker(pictures, 1 - left_half()), torch.tensor([127.5]))


def test_flicker_with_nowhere_to_look_says_so():
    with pytest.raises(InputError, match="empty"):
        flicker(torch.zeros(2, 3, 8, 8), torch.zeros(1, 1, 8, 8))


def test_a_face_pasted_ten_levels_too_bright_has_a_seam_of_ten():
    picture = torch.zeros(1, 3, 16, 16)
    torch.testing.assert_close(seam(picture, left_half()), torch.tensor([0.0]))
    torch.testing.assert_close(seam(picture + 10 * LEVEL * left_half(), left_half()), torch.tensor([10.0]))


def test_a_seam_needs_an_edge():
    with pytest.raises(InputError, match="no edge"):
        seam(torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8))


def test_region_leakage_is_the_part_of_the_change_outside():
    before = torch.zeros(3, 3, 16, 16)
    after = before.clone()
    after[1] = left_half()[0] * 0.5
    after[2] = 0.5
    torch.testing.assert_close(region_leakage(before, after, left_half()), torch.tensor([0.0, 0.0, 0.5]))


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_known_colours(colour, expected):
    picture = torch.tensor(colour, dtype=torch.uint8)[None, :, None, None]
    torch.testing.assert_close(lab(picture)[0, :, 0, 0], torch.tensor(expected), atol=0.03, rtol=0)


def test_a_yellow_tinge_on_the_face_shifts_b_upwards():
    target = torch.zeros(1, 3, 16, 16)
    generated = target.clone()
    generated[:, 2] -= 0.1 * left_half()[:, 0]  # less blue on the left
    assert colour_shift(generated, target, left_half())[0, 2] > 3
    torch.testing.assert_close(colour_shift(generated, target, 1 - left_half()), torch.zeros(1, 3))
