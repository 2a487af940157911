"""Landmark indices of brows, eyes and mouth, for region weights in losses."""

from ..networks.landmark_prior import EYES

__all__ = ["BROWS", "EYES", "FACE", "MOUTH"]

MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)  # the lips' outline
BROWS = (
    (70, 63, 105, 66, 107, 46, 53, 52, 65, 55),
    (300, 293, 334, 296, 336, 276, 283, 282, 295, 285),
)
FACE = (70, 300, 17, 61, 291)  # from the brows to the lower lip
