"""A silhouette is where the person ends, seen from the middle of the face; a circle has one radius."""

import pytest
import torch

from stylehead_core.networks.silhouette import MARGIN_SIDES, fit_silhouette, pull_inside

SIZE, RADIUS = 128, 40
MIDDLE = torch.tensor([60.0, 70.0])


@pytest.fixture
def landmarks():
    return MIDDLE.expand(1, 478, 2)


@pytest.fixture
def silhouette(landmarks):
    line = torch.arange(SIZE, dtype=torch.float32)
    circle = torch.hypot(line[None] - MIDDLE[0], line[:, None] - MIDDLE[1]) < RADIUS
    return fit_silhouette(circle.float()[None, None], landmarks, SIZE)


def test_a_circle_reaches_equally_far_in_all_directions(silhouette):
    torch.testing.assert_close(SIZE * silhouette, torch.full_like(silhouette, RADIUS), atol=1.0, rtol=0)


def test_what_is_beyond_is_pulled_inside_and_nothing_else_moves(landmarks, silhouette):
    points = MIDDLE + torch.tensor([[[0.0, 0.0], [30.0, 0.0], [0.0, -36.0], [0.0, 55.0], [-60.0, 0.0]]])
    pulled = pull_inside(points, silhouette, landmarks, SIZE)
    assert torch.equal(pulled[:, :3], points[:, :3])
    most = RADIUS - MARGIN_SIDES * SIZE
    expected = MIDDLE + torch.tensor([[[0.0, most], [-most, 0.0]]])
    torch.testing.assert_close(pulled[:, 3:], expected, atol=1.0, rtol=0)
