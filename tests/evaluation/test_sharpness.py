"""Sharpness with patterns whose Laplacian one can count."""

import torch
import torch.nn.functional as F

from stylehead_core.evaluation.metrics.sharpness import sharpness


def chequered(contrast: float = 1.0) -> torch.Tensor:
    """A board (1 3 16 16) of single pixels at -contrast and +contrast."""
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    return (contrast * (1 - 2 * ((rows + columns) % 2)).float()).expand(1, 3, 16, 16)


def test_a_flat_picture_and_a_ramp_have_none():
    ramp = torch.linspace(-1, 1, 16).expand(1, 3, 16, 16)
    torch.testing.assert_close(sharpness(torch.cat((torch.zeros(1, 3, 16, 16), ramp))), torch.zeros(2))


def test_a_chequered_board_has_sixteen():
    # Every pixel of 0..1 differs by 1 from its 4 neighbours: the Laplacian is +4 or -4.
    torch.testing.assert_close(sharpness(chequered()), torch.tensor([16.0]))


def test_half_the_contrast_is_a_quarter_of_the_sharpness():
    torch.testing.assert_close(sharpness(chequered(0.5)), sharpness(chequered()) / 4)


def test_a_blurred_picture_is_softer():
    target = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert sharpness(F.avg_pool2d(target, 3, 1, 1)) < 0.2 * sharpness(target)


def test_a_box_sees_only_what_is_inside():
    half = chequered().clone()
    half[..., :8] = 0
    boxes = torch.tensor([[9, 1, 15, 15]])
    torch.testing.assert_close(sharpness(half, boxes), torch.tensor([16.0]))
    torch.testing.assert_close(sharpness(half, torch.tensor([[1, 1, 7, 15]])), torch.tensor([0.0]))
