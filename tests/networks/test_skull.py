"""A skull is made as small as the matte says that it is, and never larger: what is beyond is hair."""

import pytest
import torch

from stylehead_core.networks.skull import (
    OUTLINE_ANGLES,
    SKULL_AXES,
    SKULL_CENTRE,
    fit_outline,
    outline_at,
    scale_outline,
    skull_and_neck,
)
from stylehead_core.ops.pose import HeadPose

SIZE, PIXELS_PER_CM = 128, 4.0
UP, DOWN, RIGHT = OUTLINE_ANGLES // 4, 3 * OUTLINE_ANGLES // 4, 0


@pytest.fixture
def pose():
    return HeadPose(
        rotation=torch.eye(3)[None],
        scale=torch.tensor([PIXELS_PER_CM]),
        centre=torch.tensor([[64.0, 76.0, 0.0]]),
    )


def matte_of(pose, share):
    """The matte of a skull with ``share`` of the mean one's radii, on shoulders as wide as the picture."""
    middle = pose.pose(torch.tensor([[SKULL_CENTRE]]))[0, 0]
    line = torch.arange(SIZE, dtype=torch.float32)
    y, x = torch.meshgrid(line, line, indexing="ij")
    away = [(at - c) / (PIXELS_PER_CM * share * axis) for at, c, axis in zip((x, y), middle, SKULL_AXES, strict=False)]
    head = torch.hypot(*away) < 1
    return (head | (y > middle[1] + 20)).float()[None, None]


@pytest.mark.parametrize(("share", "expected"), [(0.9, 0.9), (1.0, 1.0), (1.15, 1.15), (1.4, 1.2), (0.6, 0.8)])
def test_the_outline_follows_the_matte_between_its_bounds(pose, share, expected):
    outline = fit_outline(matte_of(pose, share), pose, SIZE)[0]
    assert float(outline[UP]) == pytest.approx(expected, abs=0.03)
    assert float(outline[RIGHT]) == pytest.approx(expected, abs=0.04)
    assert float(outline[DOWN]) == pytest.approx(1.0, abs=1e-3)  # there are shoulders


def test_the_points_of_a_small_skull_lie_within_the_matte(pose):
    hull, _ = skull_and_neck()
    outline = fit_outline(matte_of(pose, 0.9), pose, SIZE)
    upper = hull[:, 1] > SKULL_CENTRE[1]
    small = scale_outline(hull[None], outline)[0, upper] - torch.tensor(SKULL_CENTRE)
    radii = (small[:, :2] / torch.tensor(SKULL_AXES[:2])).norm(dim=1)
    assert radii.max() < 0.93
    assert torch.equal(scale_outline(hull[None], None)[0], hull)


def test_hair_does_not_make_a_skull_larger(pose):
    hull, _ = skull_and_neck()
    outline = fit_outline(matte_of(pose, 1.15), pose, SIZE)
    torch.testing.assert_close(scale_outline(hull[None], outline)[0], hull, atol=0.05, rtol=0)


def test_a_direction_between_two_angles_gets_their_mean():
    outline = torch.linspace(0.8, 1.0, OUTLINE_ANGLES)[None]
    half = torch.tensor(torch.pi / OUTLINE_ANGLES)
    found = outline_at(outline, half.cos()[None, None], half.sin()[None, None])
    assert float(found) == pytest.approx(float(outline[0, :2].mean()), abs=1e-5)
