"""Drawings say what they are meant to: colour for direction, dark for no error, the cut where it is."""

from fractions import Fraction

import pytest
import torch

from stylehead_core.drawing import MISSING, curves_of, draw_error, draw_flow, draw_motion, draw_portrait
from stylehead_core.records import Motion, Portrait

GREY = torch.zeros(1, 3, 32, 32)


def flow_of(x: float, y: float) -> torch.Tensor:
    return torch.tensor([x, y]).reshape(1, 2, 1, 1).expand(1, 2, 16, 16)


def test_no_flow_is_a_white_picture():
    assert (draw_flow(flow_of(0, 0), size=32) == 1).all()


def test_opposite_movements_have_different_colours_and_the_same_strength():
    right, left = (draw_flow(flow_of(x, 0), size=256)[0, :, 0, 0] for x in (-4.0, 4.0))
    assert right[0] > right[1]  # red is to the right
    assert left[0] < left[1]
    torch.testing.assert_close(right.amin(), left.amin())


def test_a_clip_shares_one_scale():
    clip = torch.cat([flow_of(1, 0), flow_of(8, 0)])
    faint, strong = draw_flow(clip, size=256)[:, :, 0, 0]
    assert faint.amin() > strong.amin()


def test_equal_pictures_have_no_heat_and_opposite_ones_the_most():
    assert draw_error(GREY, GREY).amax() < 0
    assert draw_error(GREY - 1, GREY + 1).amin() > 0.5


def test_a_portrait_is_shown_on_its_original_with_the_cut_in_the_right_place():
    cut = torch.tensor([[1.0, 0.0, 8.0], [0.0, 1.0, 4.0]])  # eight pixels to the right, four down
    marks = torch.tensor([[3.0, 5.0, 0.0]])
    portrait = Portrait(image=torch.zeros(1, 3, 16, 16), crop=cut, original=GREY, landmarks=marks)
    drawn = draw_portrait(portrait)
    assert drawn.shape == GREY.shape
    touched = (drawn - GREY).abs().amax(1)[0] > 0.1
    assert touched[4, 8:24].all()
    assert touched[9, 11]
    assert not touched[:3].any()
    assert not touched[:, 25:].any()


def test_a_portrait_without_an_original_is_shown_as_it_is():
    portrait = Portrait(image=torch.zeros(1, 3, 16, 16))
    assert draw_portrait(portrait) is portrait.image


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_a_motion_is_drawn_with_its_missing_frames_shaded(frames):
    coefficients = torch.rand(frames, 58, generator=torch.Generator().manual_seed(0))
    seen = Motion(coefficients=coefficients, fps=Fraction(25))
    lost = Motion(coefficients=coefficients, fps=Fraction(25), found=torch.arange(frames) > 0)
    shade = torch.tensor(MISSING)[:, None, None]
    shaded = [((draw_motion(m)[0] + 1) * 127.5).round().eq(shade).all(0).sum() for m in (seen, lost)]
    assert shaded[0] == 0
    assert shaded[1] > 100


def test_the_face_curves_are_those_that_move_or_are_held():
    still = Motion(coefficients=torch.zeros(1, 58), fps=Fraction(25))
    held = torch.zeros(1, 58)
    held[0, still.names.index("mouthSmileLeft")] = 0.7
    smiling = Motion(coefficients=held, fps=Fraction(25))
    assert list(curves_of(smiling)[1]) == ["mouthSmileLeft"]
    assert len(curves_of(still)[1]) == 1
    assert (draw_motion(smiling) - draw_motion(still)).abs().max() > 0.5
