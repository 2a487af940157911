"""FFHQ alignment as in the official StyleHEAT code, equal to the level, from the usual 68 landmarks.

For comparisons with official results. ``ops/align.py`` with ``ops/crop.py`` cuts the same square with better
interpolation and invisible padding. One bug of the official code is left out: where the picture is cropped first, the
video crop is displaced by the crop's origin (SPEC section 7).
"""

import math

import numpy as np
import torch
from PIL import Image

from .align import ffhq_square, five_points_68

__all__ = ["align_as_official", "official_quad"]

DRAWN_SIZE_PX = 1024  # pixels of the square before it is resized


def official_quad(landmarks: np.ndarray) -> np.ndarray:
    """Corners (4 2) of the square in pixels from 68 landmarks (68 2), anticlockwise from the upper left."""
    centre, arm = (part[0].numpy() for part in ffhq_square(*five_points_68(torch.from_numpy(landmarks)[None])))
    down = np.array((-arm[1], arm[0]))
    return np.stack((centre - arm - down, centre - arm + down, centre + arm + down, centre + arm - down))


def align_as_official(picture: np.ndarray, quad: np.ndarray, size: int = 256, *, shrink: bool = True) -> np.ndarray:
    """Cut ``quad`` out of ``picture``.

    Args:
        picture: (H W 3) uint8.
        quad: (4 2) of ``official_quad``; for a video, that of its first frame.
        size: of the result, pixels.
        shrink: reduce a large picture by a whole factor first, as the official code does for portraits, not for videos.

    Returns:
        (size size 3) uint8, black outside of the picture.
    """
    image, side = Image.fromarray(picture), float(np.linalg.norm(quad[3] - quad[0]))
    factor = math.floor(side / size / 2)
    if shrink and factor > 1:
        smaller = round(image.width / factor), round(image.height / factor)
        image, quad, side = image.resize(smaller, Image.Resampling.LANCZOS), quad / factor, side / factor
    border = max(round(0.1 * side), 3)
    low, high = np.floor(quad.min(0)).astype(int) - border, np.ceil(quad.max(0)).astype(int) + border
    left, top = max(low[0], 0), max(low[1], 0)
    image = image.crop((left, top, min(high[0], image.width), min(high[1], image.height)))
    corners = (quad - (left, top) + 0.5).flatten().tolist()
    image = image.transform((DRAWN_SIZE_PX, DRAWN_SIZE_PX), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))
