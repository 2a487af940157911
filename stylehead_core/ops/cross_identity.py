"""Fits another person's motion to the size and position of the portrait.

Axes: T frames, K coefficients.
"""

import torch
from torch import Tensor

from ..spaces import BFM, MotionSpace

__all__ = ["fit_to_portrait", "nearest_frame"]

EXPRESSION_WEIGHT, ROTATION_WEIGHT = 0.3, 0.7
SHIFTED_COEFFICIENTS = ("translation_x", "translation_y", "translation_z", "x", "y", "log_scale")
CROP_SCALE = "crop_scale"


def nearest_frame(driving: Tensor, source: Tensor, space: MotionSpace = BFM, found: Tensor | None = None) -> int:
    """Find the frame of ``driving`` (T K) whose pose and expression are nearest to those of ``source`` (K).

    ``found`` (T) bool says which frames count; None = all.
    """
    expression = (driving[:, space.expression] - source[space.expression]).abs().mean(1)
    rotation = (driving[:, space.rotation] - source[space.rotation]).abs().mean(1)
    distance = EXPRESSION_WEIGHT * expression + ROTATION_WEIGHT * rotation
    if found is not None and found.any():
        distance = distance.where(found.to(distance.device), torch.inf)
    return int(distance.argmin())


def fit_to_portrait(driving: Tensor, source: Tensor, space: MotionSpace = BFM, found: Tensor | None = None) -> Tensor:
    """Give ``driving`` (T K) the portrait's size and position at the frame nearest to it.

    Crop scales are multiplied; translations, positions and logarithms of scales are shifted.
    """
    nearest = driving[nearest_frame(driving, source, space, found)]
    fitted = driving.clone()
    for i, name in enumerate(space.names):
        if name in SHIFTED_COEFFICIENTS:
            fitted[:, i] += source[i] - nearest[i]
        elif name == CROP_SCALE:
            fitted[:, i] *= source[i] / nearest[i]
    return fitted
