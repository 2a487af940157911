"""Regions of a face from the landmarker's 478 points.

Axes: T frames, N landmarks, H W the picture's size. Points are pixels: x to the right, y down.
"""

import torch
from torch import Tensor

__all__ = ["background", "eye_distance", "face_masks", "lip_opening", "mouth_boxes"]

EYE_CORNERS = (33, 263)  # outer corners
INNER_LIPS = (13, 14)  # the middle of the upper and of the lower lip
LIPS = (61, 291, 0, 17, 37, 267, 84, 314, 78, 308, 13, 14)  # corners, outer edge, inner edge
MESH = 468  # then come two irises


def eye_distance(landmarks: Tensor) -> Tensor:
    """Distance (T) of the outer eye corners in pixels, at least 1, for ``landmarks`` (T 478 2 or more)."""
    left, right = EYE_CORNERS
    return (landmarks[:, left, :2] - landmarks[:, right, :2]).norm(dim=-1).clamp(min=1)


def lip_opening(landmarks: Tensor) -> Tensor:
    """Distance between the lips (T) relative to the eye distance; 0 is closed."""
    upper, lower = INNER_LIPS
    return (landmarks[:, upper, :2] - landmarks[:, lower, :2]).norm(dim=-1) / eye_distance(landmarks)


def mouth_boxes(landmarks: Tensor, margin: float = 0.25) -> Tensor:
    """A box around the lips in each frame.

    Args:
        landmarks: (T 478 2 or more) in pixels.
        margin: added on each side, relative to the longer side of the box.

    Returns:
        (T 4) left, top, right, bottom in pixels.
    """
    return _grow_box(landmarks[:, LIPS, :2], margin)


def face_masks(landmarks: Tensor, height: int, width: int) -> Tensor:
    """Mask (T 1 H W): 1 in the ellipse that fills the bounding box of the face's points, 0 outside."""
    left, top, right, bottom = _grow_box(landmarks[:, :MESH, :2], 0).unbind(dim=-1)
    rows = torch.arange(height, device=landmarks.device)[None, :, None]
    columns = torch.arange(width, device=landmarks.device)[None, None, :]
    x = (2 * columns - (left + right)[:, None, None]) / (right - left).clamp(min=1)[:, None, None]
    y = (2 * rows - (top + bottom)[:, None, None]) / (bottom - top).clamp(min=1)[:, None, None]
    return (x**2 + y**2 <= 1).float()[:, None]


def background(landmarks: Tensor, height: int, width: int, margin: float = 0.35) -> Tensor:
    """Mask (1 1 H W): 1 where the head is in no frame.

    Everything below the top of the highest head box, between its sides, counts as the person (neck and shoulders).
    """
    left, top, right, _ = _grow_box(landmarks[:, :MESH, :2], margin).unbind(dim=-1)
    rows = torch.arange(height, device=landmarks.device)[:, None]
    columns = torch.arange(width, device=landmarks.device)[None, :]
    person = (rows >= top.min()) & (columns >= left.min()) & (columns <= right.max())
    return (~person).float()[None, None]


def _grow_box(points: Tensor, margin: float) -> Tensor:
    low, high = points.amin(dim=1), points.amax(dim=1)  # T 2
    grown = margin * (high - low).amax(dim=-1, keepdim=True)
    return torch.cat((low - grown, high + grown), dim=-1)
