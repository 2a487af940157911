"""Soft masks of the face, drawn as polygons of landmarks.

Axes: N faces, P points of a polygon, S size of the picture.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["FACE_OVAL", "LIPS", "face_mask", "lower_face_mask", "signed_distance", "soft_polygon"]

FACE_OVAL: tuple[int, ...] = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The face's outline from the top of the forehead, clockwise in the picture."""

LIPS: tuple[int, ...] = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""The outer edge of the lips, from the corner at the picture's left."""

_LOWER_FACE = (*FACE_OVAL[FACE_OVAL.index(454) : FACE_OVAL.index(234) + 1], 50, 2, 280)
_OUTER_EYE_CORNERS = (33, 263)
_MAX_DRAWN_PX = 256  # pixels: soft masks need no more; larger ones are upsampled


def face_mask(landmarks: Tensor, size: int, *, grow: float = 0.1, feather: float = 0.25) -> Tensor:
    """Mask (N 1 size size) in 0..1 of the face from forehead to chin; arguments as in ``soft_polygon``."""
    return soft_polygon(landmarks, FACE_OVAL, size, grow=grow, feather=feather)


def lower_face_mask(landmarks: Tensor, size: int, *, grow: float = 0.0, feather: float = 0.3) -> Tensor:
    """Mask (N 1 size size) in 0..1 of cheeks, mouth and jaw below the nose: where speech may move the face."""
    return soft_polygon(landmarks, _LOWER_FACE, size, grow=grow, feather=feather)


def soft_polygon(landmarks: Tensor, outline: tuple[int, ...], size: int, *, grow: float, feather: float) -> Tensor:
    """Soft mask of the inside of a closed line of landmarks.

    Args:
        landmarks: (N 478 2+), pixels of a picture of ``size``.
        outline: indices of the points along the line.
        grow: distance outside of the line at which the mask is one half, in distances between the outer eye corners.
        feather: distance over which the mask falls from 1 to 0, in the same unit.

    Returns:
        (N 1 size size) in 0..1.
    """
    drawn = min(size, _MAX_DRAWN_PX)
    points = (landmarks[:, torch.tensor(outline, device=landmarks.device), :2] + 0.5) * (drawn / size) - 0.5
    eyes = landmarks[:, _OUTER_EYE_CORNERS[1], :2] - landmarks[:, _OUTER_EYE_CORNERS[0], :2]
    unit = (eyes.norm(dim=1) * drawn / size)[:, None, None].clamp(min=1e-6)
    distance = signed_distance(points, drawn)
    mask = (0.5 + (distance / unit + grow) / max(feather, 1e-6)).clamp(0, 1)
    mask = (mask * mask * (3 - 2 * mask))[:, None]  # smooth at both ends
    return F.interpolate(mask, size=(size, size), mode="bilinear", align_corners=False) if drawn < size else mask


def signed_distance(points: Tensor, size: int) -> Tensor:
    """Distance in pixels of each pixel from the closed line ``points`` (N P 2), positive inside: (N size size)."""
    line = torch.arange(size, dtype=points.dtype, device=points.device)
    y, x = torch.meshgrid(line, line, indexing="ij")
    nearest = torch.full((len(points), size, size), torch.inf, dtype=points.dtype, device=points.device)
    inside = torch.zeros_like(nearest, dtype=torch.bool)
    for start, end in zip(points.unbind(1), points.roll(-1, 1).unbind(1), strict=True):
        (x0, y0), (x1, y1) = start.mT[:, :, None, None], end.mT[:, :, None, None]
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2).clamp(min=1e-12)
        along = along.clamp(0, 1)
        away = (x - x0 - along * (x1 - x0)) ** 2 + (y - y0 - along * (y1 - y0)) ** 2
        nearest = torch.minimum(nearest, away)
        crosses = ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0).where(y1 != y0, 1) + x0)
        inside ^= crosses
    return nearest.sqrt() * torch.where(inside, 1.0, -1.0)
