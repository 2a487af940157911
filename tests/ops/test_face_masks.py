"""Soft masks: 1 well inside, 0 well outside, one half on the line."""

import pytest
import torch

from stylehead_core.ops.face_masks import (
    FACE_OVAL,
    LIPS,
    face_mask,
    lower_face_mask,
    signed_distance,
    soft_polygon,
)


@pytest.fixture
def square() -> torch.Tensor:
    """478 landmarks of which four are a square from 20 to 60, and the eyes 20 apart."""
    points = torch.zeros(1, 478, 3)
    points[0, :4, :2] = torch.tensor([[20.0, 20.0], [60.0, 20.0], [60.0, 60.0], [20.0, 60.0]])
    points[0, 33, :2], points[0, 263, :2] = torch.tensor([30.0, 40.0]), torch.tensor([50.0, 40.0])
    return points


def test_a_square_is_one_inside_and_half_on_its_line(square):
    mask = soft_polygon(square, (0, 1, 2, 3), 80, grow=0, feather=0.2)[0, 0]
    assert mask[40, 40] == 1
    assert mask[40, 70] == 0
    assert mask[40, 20].item() == pytest.approx(0.5, abs=1e-4)
    assert mask[40, 21] > 0.5 > mask[40, 19]
    assert mask.sum().item() == pytest.approx(40 * 40, rel=0.02)


def test_a_distance_is_positive_inside_and_that_to_the_nearest_point_of_the_line(square):
    distance = signed_distance(square[:, :4, :2], 80)[0]
    assert [distance[40, x].item() for x in (10, 20, 25, 40, 63)] == [-10, 0, 5, 20, -3]
    assert distance[16, 17].item() == pytest.approx(-5)  # of a corner: 3 and 4


def test_a_grown_square_reaches_further_out(square):
    mask = soft_polygon(square, (0, 1, 2, 3), 80, grow=0.25, feather=0.1)[0, 0]
    assert mask[40, 15].item() == pytest.approx(0.5, abs=1e-4)  # a quarter of the 20 between the eyes


def test_a_large_mask_is_the_small_one_enlarged(square):
    small = soft_polygon(square, (0, 1, 2, 3), 80, grow=0, feather=0.5)
    large = soft_polygon(square * 4 + 1.5, (0, 1, 2, 3), 320, grow=0, feather=0.5)
    pooled = torch.nn.functional.avg_pool2d(large, 4)
    torch.testing.assert_close(pooled, small, atol=0.03, rtol=0)


def test_lower_face_and_face_lie_in_each_other():
    landmarks = torch.full((1, 478, 3), 64.0)
    turn = torch.linspace(0, 2 * torch.pi, len(FACE_OVAL) + 1)[:-1]
    landmarks[0, list(FACE_OVAL), :2] = torch.stack((64 + 40 * turn.sin(), 64 - 50 * turn.cos()), dim=1)
    turn = torch.linspace(0, 2 * torch.pi, len(LIPS) + 1)[:-1]
    landmarks[0, list(LIPS), :2] = torch.stack((64 - 14 * turn.cos(), 92 - 6 * turn.sin()), dim=1)
    landmarks[0, [33, 263, 50, 2, 280], :2] = torch.tensor(
        [[44.0, 50.0], [84.0, 50.0], [40.0, 70.0], [64.0, 76.0], [88.0, 70.0]]
    )
    lower, face = (draw(landmarks, 128) for draw in (lower_face_mask, face_mask))
    assert lower[0, 0, 92, 64] == face[0, 0, 92, 64] == 1
    assert lower[0, 0, 40, 64] == 0 < face[0, 0, 40, 64]
    assert 0 < lower.sum() < face.sum()
