"""Motions made or fitted for one portrait."""

from fractions import Fraction

import pytest
import torch

from stylehead_core import Motion, MotionError
from stylehead_core.intuitive_editing import Expressions, intuitive_motion
from stylehead_core.stages.motion import match_placement


def test_the_intuitive_motion_has_190_frames_and_leaves_the_crop_alone():
    expressions = Expressions(**{name: torch.ones(64) for name in ("centre", "mouth", "eyebrow", "eyes")})
    motion = intuitive_motion(torch.arange(73.0), expressions)
    assert len(motion) == 190
    assert motion.space == "bfm"
    assert (motion.coefficients[:, 70:] == torch.tensor([70.0, 71, 72])).all()


def driver(space: str, **values) -> Motion:
    """Three frames; the second stands like a portrait of zeros, the others are turned away."""
    width = {"arkit": 58, "bfm": 73}[space]
    coefficients = torch.zeros(3, width)
    motion = Motion(coefficients=coefficients, fps=Fraction(25), space=space)
    coefficients[[0, 2], motion.names.index("yaw")] = 1.0
    for name, value in values.items():
        coefficients[:, motion.names.index(name)] = torch.tensor(value)
    return Motion(coefficients=coefficients, fps=Fraction(25), space=space)


def test_a_driver_that_sits_nearer_becomes_as_large_as_the_portrait():
    matched = match_placement(driver("arkit", log_scale=[0.3, 0.2, 0.4], x=[0.0, 0.5, 0.0]), torch.zeros(58))
    torch.testing.assert_close(matched.coefficients[:, 57], torch.tensor([0.1, 0.0, 0.2]))
    torch.testing.assert_close(matched.coefficients[:, 55], torch.tensor([-0.5, 0.0, -0.5]))


def test_crop_scales_are_multiplied():
    source = torch.zeros(73)
    source[70] = 2.0
    matched = match_placement(driver("bfm", crop_scale=[1.0, 4.0, 8.0]), source)
    assert matched.coefficients[:, 70].tolist() == [0.5, 2.0, 4.0]


def test_a_frame_without_a_face_is_not_the_nearest():
    motion = driver("arkit", x=[1.0, 2.0, 3.0])
    lost = Motion(coefficients=motion.coefficients, fps=25, found=torch.tensor([True, False, True]))
    assert match_placement(lost, torch.zeros(58)).coefficients[0, 55] == 0


def test_a_relative_motion_stays():
    motion = driver("arkit", x=[1.0, 2.0, 3.0])
    relative = Motion(coefficients=motion.coefficients, fps=25, relative=True)
    assert match_placement(relative, torch.zeros(58)) is relative


def test_what_was_not_measured_is_refused():
    source = torch.zeros(73)
    source[70] = 1.0
    with pytest.raises(MotionError, match="crop scale is 0"):
        match_placement(driver("bfm"), source)
    with pytest.raises(MotionError, match=r"\(73,\); found \(58,\)"):
        match_placement(driver("bfm"), torch.zeros(58))
