"""The edge of the person, as seen from the middle of the face.

Where a portrait looks aside, the landmarks of the far cheek are guesses, and lie in the wall behind it. A face that
turns to the front would fetch its cheek from there.

Axes: B batch, P points, S picture size, A angles.
Frame: the picture's (pixels, y down).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.face_masks import FACE_OVAL
from .skull import outline_angles, outline_at

__all__ = ["fit_silhouette", "pull_inside"]

SEARCH_SIDES = (0.02, 0.6, 117)  # of the picture, from the middle of the face, between which the edge is sought; steps
MARGIN_SIDES = 0.01  # inside of the edge, where the person covers the wall for sure


def fit_silhouette(matte: Tensor, landmarks: Tensor, size: float) -> Tensor:
    """How far the person reaches from the middle of the face in each direction of the picture.

    Args:
        matte: (B 1 S S) in 0..1.
        landmarks: (B 478 2+), pixels of a square of ``size``.

    Returns:
        (B A) in sides of the picture. The first angle is x, the second a little nearer to y.
    """
    angle = outline_angles(matte.device)
    way = torch.stack((angle.cos(), angle.sin()), dim=1)
    steps = torch.linspace(*SEARCH_SIDES, device=matte.device)
    places = (_middle(landmarks)[:, None] + 0.5) / size + way[:, None] * steps[:, None]  # B A steps 2
    inside = F.grid_sample(matte, 2 * places - 1, padding_mode="border", align_corners=False)[:, 0] > 0.5
    return steps[0] + (steps[1] - steps[0]) * inside.float().cumprod(dim=-1).sum(-1)


def pull_inside(points: Tensor, silhouette: Tensor, landmarks: Tensor, size: float) -> Tensor:
    """``points`` (B P 2) of a portrait, those beyond its ``silhouette`` (B or 1, A) pulled inside.

    Args:
        landmarks: (B 478 2+), pixels of a square of ``size``, as ``points`` are.
    """
    middle = _middle(landmarks)
    away = points - middle
    most = size * (outline_at(silhouette, away[..., 0], away[..., 1]) - MARGIN_SIDES)
    return middle + away * (most / away.norm(dim=-1).clamp_min(1)).clamp_max(1)[..., None]


def _middle(landmarks: Tensor) -> Tensor:
    """The middle of the face (B 1 2)."""
    return landmarks[:, list(FACE_OVAL), :2].mean(1, keepdim=True)
