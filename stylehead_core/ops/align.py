"""FFHQ alignment: the square to cut a portrait from, computed from landmarks.

A square is a centre and an arm: the vector from the centre to the middle of the square's right side. Its direction is
"right" in the cut picture, its length half a side. Pixels: x to the right, y down, (0, 0) the centre of the first
pixel.

Axes: N faces, P points.
"""

import torch
from torch import Tensor

__all__ = ["LANDMARKS_68", "ffhq_square", "five_points", "five_points_68", "square_to_affine"]

LANDMARKS_68: tuple[int, ...] = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),  # jaw
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),  # brows
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),  # nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # lips, outside
    *(78, 82, 13, 312, 308, 317, 14, 87),  # lips, inside
)
"""Indices of the 478 landmarks that correspond to the usual 68."""

# Half a side of the square in these distances; the larger result counts.
_SIDE_PER_EYE_DISTANCE, _SIDE_PER_MOUTH_DISTANCE = 2.0, 1.8
_CENTRE_SHIFT = 0.1  # of the way from the eyes to the mouth: the square's centre


def five_points_68(landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(N 68 2+) -> middle of the left eye, of the right eye, left and right mouth corner: (N 2) each; sides of the
    picture.
    """
    points = landmarks[..., :2]
    return points[:, 36:42].mean(1), points[:, 42:48].mean(1), points[:, 48], points[:, 54]


def five_points(landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same four points from the landmarker's 468 or 478 (N P 2+)."""
    return five_points_68(landmarks[:, torch.tensor(LANDMARKS_68, device=landmarks.device)])


def ffhq_square(eye_left: Tensor, eye_right: Tensor, mouth_left: Tensor, mouth_right: Tensor) -> tuple[Tensor, Tensor]:
    """Centre (N 2) and arm (N 2) of the FFHQ crop for these points (N 2 each).

    Source: the alignment of the FFHQ data set (Karras et al. 2019), as in SPEC section 7.
    """
    eyes, mouth = (eye_left + eye_right) / 2, (mouth_left + mouth_right) / 2
    to_eye, to_mouth = eye_right - eye_left, mouth - eyes
    quarter_turn = torch.stack((-to_mouth[:, 1], to_mouth[:, 0]), dim=1)
    direction = to_eye - quarter_turn
    direction = direction / direction.norm(dim=1, keepdim=True)
    length = torch.maximum(_SIDE_PER_EYE_DISTANCE * to_eye.norm(dim=1), _SIDE_PER_MOUTH_DISTANCE * to_mouth.norm(dim=1))
    return eyes + _CENTRE_SHIFT * to_mouth, direction * length[:, None]


def square_to_affine(centre: Tensor, arm: Tensor, size: int) -> Tensor:
    """Affine (N 2 3) from pixels of the crop (``size`` x ``size``) to pixels of the picture.

    picture = affine @ (x, y, 1).
    """
    right = arm * 2 / size  # one pixel to the right
    down = torch.stack((-right[:, 1], right[:, 0]), dim=1)
    first = centre - (right + down) * (size - 1) / 2
    return torch.stack((right, down, first), dim=2)
