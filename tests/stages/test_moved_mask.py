"""The mask of the face goes where the picture goes."""

from fractions import Fraction

import torch

from stylehead_core.records import Head, Inversion, Motion, Portrait
from stylehead_core.stages.moved_mask import moved_mask

SIZE = 16


def inversion(mask: torch.Tensor | None) -> Inversion:
    picture = torch.zeros(1, 3, SIZE, SIZE)
    return Inversion(
        portrait=Portrait(image=picture, mask=mask),
        styles=torch.zeros(2, 4),
        feature=torch.zeros(3, 8, 8),
        rgb=None,
        redrawn=picture,
    )


def column(x: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., x] = 1
    return mask


def test_without_motion_it_is_the_portraits_own():
    torch.testing.assert_close(moved_mask(inversion(column(8)), SIZE), column(8))


def test_a_flow_to_the_right_moves_it_left():
    flow = torch.zeros(2, 2, 8, 8)
    flow[1, 0] = 2  # pixels of a map of half the size: four of the frame
    motion = Motion(coefficients=torch.zeros(2, 58), fps=Fraction(25))
    still, moved = moved_mask(Head(inversion=inversion(column(8)), motion=motion, flow=flow), SIZE)
    torch.testing.assert_close(still[None], column(8))
    assert moved.sum(1).argmax() == 4


def test_without_landmarks_everything_is_face():
    assert (moved_mask(inversion(None), SIZE) == 1).all()
