"""The records refuse what no stage could use, and say what was expected."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from stylehead_core.errors import InputError, MotionError, StyleHeadError
from stylehead_core.records import Edit, MeasuredVideo, Motion, Portrait
from stylehead_core.spaces import ARKIT, BLENDSHAPES, REGIONS, space_named

STILL = torch.zeros(3, len(ARKIT.names))


def test_every_blendshape_and_pose_value_is_in_exactly_one_region():
    regions = [name for names in REGIONS.values() for name in names]
    assert sorted(regions) == sorted(ARKIT.names)
    assert len(BLENDSHAPES) == 52


def test_the_parts_of_a_space_make_up_the_whole():
    for space in (ARKIT, space_named("bfm")):
        parts = [space.names[part] for part in (space.expression, space.rotation, space.placement)]
        assert tuple(name for part in parts for name in part) == space.names


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), 25, "30000/1001", 23.976])
def test_a_frame_rate_is_kept_exactly(fps):
    motion = Motion(coefficients=STILL, fps=fps)
    assert motion.fps == Fraction(fps)
    assert motion.seconds == 3 / Fraction(fps)


def test_all_faces_count_as_found_unless_told_otherwise():
    assert Motion(coefficients=STILL, fps=Fraction(25)).found.tolist() == [True] * 3


NAN = torch.full_like(STILL, torch.nan)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"coefficients": STILL[:0]}, "at least one frame"),
        ({"coefficients": STILL[0]}, r"\(frames, 58\)"),
        ({"coefficients": STILL[:, :40]}, "58 coefficients a frame; found 40"),
        ({"coefficients": NAN}, "frame 0"),
        ({"space": "bfm"}, "73 coefficients a frame; found 58"),
        ({"space": "deca"}, "Known: arkit, bfm"),
        ({"fps": 0}, "above 0"),
        ({"fps": -25}, "above 0"),
        ({"fps": float("nan")}, "above 0"),
        ({"fps": float("inf")}, "above 0"),
        ({"fps": "fast"}, "'fast'"),
        ({"found": torch.ones(2, dtype=torch.bool)}, "2 marks"),
        ({"mel": torch.zeros(4, 80, 32)}, "4 mel windows"),
    ],
)
def test_a_motion_that_cannot_be_drawn_is_refused(settings, words):
    with pytest.raises(MotionError, match=words):
        Motion(**{"coefficients": STILL, "fps": Fraction(25), **settings})


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 3, 8, 8), (1, 4, 8, 8), (1, 3, 8, 9)])
def test_a_portrait_is_one_square_picture(shape):
    with pytest.raises(InputError, match=r"\(1, 3, S, S\)"):
        Portrait(image=torch.zeros(shape))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.full((1, 3, 8, 8), torch.nan), "found nan"),
        (torch.full((1, 3, 8, 8), 200.0), "found 200 to 200"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "uint8"),
    ],
)
def test_a_portrait_of_other_numbers_is_refused(image, words):
    with pytest.raises(InputError, match=words):
        Portrait(image=image)


def edit(*curve: tuple[float, float]) -> Edit:
    return Edit(name="old", direction=torch.ones(4, 2), curve=curve)


def test_the_strength_of_an_edit_is_linear_between_its_points():
    ramp = edit((0.25, 0.0), (0.75, 2.0))
    assert [ramp.strength(position) for position in (0, 0.25, 0.5, 0.75, 1)] == [0, 0, 1, 2, 2]


def test_a_curve_may_jump():
    assert [edit((0, 0.0), (0.5, 0.0), (0.5, 1.0)).strength(x) for x in (0.4, 0.6)] == [0, 1]


@pytest.mark.parametrize("curve", [(), ((0.5, 1.0), (0.2, 0.0)), ((0.0, float("nan")),)])
def test_a_curve_that_makes_no_sense_is_refused(curve):
    with pytest.raises(InputError, match="curve"):
        edit(*curve)


def test_an_edit_of_a_coordinate_needs_something_to_measure_it_by():
    with pytest.raises(InputError, match="axis"):
        Edit(name="beard", direction=torch.ones(4, 2), curve=((0, 1.0),), target="coordinate")


def test_every_error_is_ours_and_a_value_error_where_a_setting_is_wrong():
    assert issubclass(MotionError, StyleHeadError)
    assert issubclass(MotionError, ValueError)


def test_scripts_that_replace_coefficients_and_squares_need_not_know_of_the_video():
    video = MeasuredVideo(size=(64, 48), stored=(64, 48), times=torch.tensor([0.0, 0.04], dtype=torch.float64))
    motion = Motion(
        coefficients=torch.zeros(2, 58),
        fps=Fraction(25),
        squares=torch.zeros(2, 2, 3),
        sources=torch.arange(2),
        video=video,
    )
    longer = replace(motion, coefficients=torch.zeros(5, 58), found=None, squares=None)
    assert len(longer) == 5
    assert longer.sources is None
    assert longer.video is None
