"""Regions of the face as indices of the 478 landmarks, and weight maps around them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..networks.landmark_prior import EYES

__all__ = ["BROWS", "EYES", "FACE", "MOUTH", "region_weights"]

MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)  # the lips' outline
BROWS = (
    (70, 63, 105, 66, 107, 46, 53, 52, 65, 55),
    (300, 293, 334, 296, 336, 276, 283, 282, 295, 285),
)
FACE = (70, 300, 17, 61, 291)  # from the brows to the lower lip


def region_weights(
    landmarks: Tensor, rings: Sequence[tuple[int, ...]], size: int, picture: int, margin: float
) -> Tensor:
    """1 in the boxes around ``rings`` of landmarks, 0 elsewhere: (B 1 size size).

    Args:
        landmarks: (B 478 3) pixels of a square of ``picture``.
        rings: the landmarks of each region.
        margin: pixels of ``picture`` on all sides.
    """
    line = (torch.arange(size, device=landmarks.device) + 0.5) * (picture / size) - 0.5
    weight = landmarks.new_zeros(len(landmarks), size, size)
    for ring in rings:
        points = landmarks[:, list(ring), :2]
        low, high = points.amin(1) - margin, points.amax(1) + margin  # B 2
        across = (line >= low[:, :1]) & (line <= high[:, :1])  # B size
        down = (line >= low[:, 1:]) & (line <= high[:, 1:])
        weight = torch.maximum(weight, (across[:, None] & down[:, :, None]).to(weight.dtype))
    return weight[:, None]
