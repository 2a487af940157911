"""Landmarks, and what is measured with them: distances, jitter, lips, and where the face and the background are."""

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.faces import background, eye_distance, face_masks, lip_opening, mouth_boxes
from stylehead_core.evaluation.metrics.jitter import jitter
from stylehead_core.evaluation.metrics.landmark_distance import akd, nme


def face(frames: int = 1, opening: float = 0.0) -> torch.Tensor:
    """A drawn face (frames 478 3), 100 pixels: eyes 40 apart, mouth 20 wide at row 70, chin at row 90."""
    points = torch.full((frames, 478, 3), 50.0)
    points[:, 33, :2] = torch.tensor([30.0, 40.0])
    points[:, 263, :2] = torch.tensor([70.0, 40.0])
    points[:, 10, :2] = torch.tensor([50.0, 10.0])  # top of the forehead
    points[:, 152, :2] = torch.tensor([50.0, 90.0])  # chin
    lips = [61, 291, 0, 17, 37, 267, 84, 314, 78, 308, 13, 14]
    points[:, lips, 1] = 70
    points[:, [61, 78], 0], points[:, [291, 308], 0] = 40, 60
    points[:, 14, 1] += opening
    return points


def test_eye_distance_and_lip_opening_are_what_was_drawn():
    assert eye_distance(face()).tolist() == [40]
    assert lip_opening(face(opening=10)).tolist() == [0.25]


def test_the_mouth_box_is_the_lips_with_a_margin():
    # 20 wide and 4 high; a quarter of 20 is added on each side.
    assert mouth_boxes(face(opening=4)).tolist() == [[35, 65, 65, 79]]


def test_a_face_mask_is_an_ellipse_around_the_middle_of_the_points():
    mask = face_masks(face(), 100, 100)[0, 0]  # columns 30 to 70, rows 10 to 90
    assert mask[50, 50] == 1
    assert mask[11, 31] == 0  # a corner of the box
    assert mask.sum().item() == pytest.approx(torch.pi * 20 * 40, rel=0.02)


def test_no_person_is_in_the_background():
    landmarks = face()
    landmarks[..., :2] = landmarks[..., :2] / 4 + 40  # a small face, to the right of and below the middle
    where = background(landmarks, 100, 100)[0, 0]
    assert (where * face_masks(landmarks, 100, 100)[0, 0]).sum() == 0
    assert where[0].min() == 1  # above the head
    assert where[99, 52] == 0  # the chest
    assert where[99, 0] == 1  # beside it


def test_every_point_moved_by_three_and_four_pixels_is_five_pixels_away():
    target = face(2)
    generated = target + torch.tensor([3.0, -4.0, 100.0])  # depth does not count
    torch.testing.assert_close(akd(generated, target), torch.tensor([3.5, 3.5]))
    torch.testing.assert_close(nme(generated, target), torch.tensor([5 / 40, 5 / 40]))


def test_steady_motion_has_no_jitter_and_trembling_has():
    steps = torch.arange(6.0)[:, None, None]
    still = face(6)
    torch.testing.assert_close(jitter(still + steps), torch.zeros(4))
    trembling = still.clone()
    trembling[..., 0] += (steps % 2)[..., 0]  # one pixel to and fro: second difference 2 of 40 pixels
    torch.testing.assert_close(jitter(trembling), torch.full((4,), 5.0))


def test_jitter_needs_three_frames():
    with pytest.raises(InputError, match="three frames"):
        jitter(face(2))
