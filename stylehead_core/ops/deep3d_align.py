"""Face crop for Deep3DFaceRecon: 224 x 224, not rotated, scaled and centred by five points.

Pixels: x to the right, y down. Only the fit and the crop's coefficients count y upwards.

Axes: P points.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .pixels import to_uint8

__all__ = ["CROP_SIZE_PX", "FaceCrop", "crop_face", "fit_face", "five_points"]

CROP_SIZE_PX = 224  # pixels of the crop
FACE_UNIT_PX = 102.0  # pixels of the crop per unit of the face model


@dataclass(frozen=True, kw_only=True)
class FaceCrop:
    picture: Tensor  # (3 224 224), RGB in [0, 1]
    crop: Tensor  # (3): scale of the crop against the picture; the face's x (px) and y (px, counted upwards)


def five_points(landmarks: Tensor) -> Tensor:
    """The usual 68 landmarks (68 2 or 3) -> left eye, right eye, nose, mouth corners (5 2 or 3); sides of the picture.

    An eye is the mean of its two corners.
    """
    left, right = landmarks[[36, 39]].mean(0), landmarks[[42, 45]].mean(0)
    return torch.stack((left, right, landmarks[30], landmarks[48], landmarks[54]))


def fit_face(points: Tensor, standard: Tensor) -> tuple[float, float, float]:
    """Fit a scaled orthographic camera that projects the face model's points onto the measured ones.

    Args:
        points: (P 2), pixels, y upwards.
        standard: (P 3), the same points of the face model.

    Returns:
        Pixels per unit of the face model, and the x and y of its origin.

    Source: SPEC section 6.2. Least squares for two rows of four; the scale is the mean length of the rows.
    """
    model = torch.cat((standard.double(), torch.ones(len(standard), 1, dtype=torch.float64)), dim=1)  # P 4
    rows = torch.linalg.lstsq(model, points.double()).solution.T  # 2 4
    return rows[:, :3].norm(dim=1).mean().item(), rows[0, 3].item(), rows[1, 3].item()


def crop_face(picture: Tensor, landmarks: Tensor, standard: Tensor) -> FaceCrop:
    """Cut the face out of ``picture``; pixels outside the picture are black.

    Args:
        picture: (3 H W), RGB in [-1, 1]. It is rounded to 8 bits, as in the network's training.
        landmarks: (68 2), pixels of the picture.
        standard: (5 3), the five points of the face model.
    """
    height, width = picture.shape[-2:]
    points = five_points(landmarks.double())
    points[:, 1] = height - 1 - points[:, 1]
    per_unit, x, y = fit_face(points, standard)
    scale = FACE_UNIT_PX / per_unit
    size = int(width * scale), int(height * scale)
    # Truncated towards zero, not rounded down, as in the official code.
    left = int(size[0] / 2 - CROP_SIZE_PX / 2 + (x - width / 2) * scale)
    top = int(size[1] / 2 - CROP_SIZE_PX / 2 + (height / 2 - y) * scale)
    resized = _to_pillow(picture).resize(size, Image.Resampling.BICUBIC)
    cut = np.array(resized.crop((left, top, left + CROP_SIZE_PX, top + CROP_SIZE_PX)))
    return FaceCrop(
        picture=torch.from_numpy(cut).permute(2, 0, 1).float() / 255,
        crop=torch.tensor((scale, x, y), dtype=torch.float32),
    )


def _to_pillow(picture: Tensor) -> Image.Image:
    bytes_ = to_uint8(picture)
    return Image.fromarray(bytes_.permute(1, 2, 0).cpu().numpy())
