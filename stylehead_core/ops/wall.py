"""The two layers of a portrait: the person, and the wall behind, each filled in where the other one hides it.

Axes: B batch, S picture size.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["fill", "fill_small_holes", "person_and_wall"]

WALL_SHARE = 0.04  # a pixel with less of the person shows the wall
MARGIN_SIDES = 0.006  # of the side: wall this near to the person is not trusted, since hair is finer than a matte
MIN_WALL_AREA = 0.01  # of the picture's area: less wall than this, all around it the person, is an error of the matte
MIN_PERSON_SHARE = 0.15  # with less of the person a pixel's colour is taken from the person around it


def person_and_wall(picture: Tensor, matte: Tensor) -> tuple[Tensor, Tensor]:
    """Split a picture (B 3 S S) in [-1, 1] by its matte (B 1 S S) in 0..1.

    Returns:
        person and wall (B 3 S S each): ``matte * person + (1 - matte) * wall`` is the picture but for a narrow rim
        around the person, as far as colours from -1 to 1 allow.
    """
    margin = max(1, round(MARGIN_SIDES * picture.shape[-1]))
    near = F.max_pool2d(matte, 2 * margin + 1, stride=1, padding=margin)
    bare = (near < WALL_SHARE).to(picture.dtype)
    wall = torch.lerp(fill(picture, bare), picture, bare)
    own = ((picture - (1 - matte) * wall) / matte.clamp_min(MIN_PERSON_SHARE)).clamp(-1, 1)
    solid = ((matte - MIN_PERSON_SHARE) / MIN_PERSON_SHARE).clamp(0, 1)
    person = torch.lerp(fill(own, solid), own, (matte > MIN_PERSON_SHARE).to(own.dtype))
    return person, wall


def fill(picture: Tensor, known: Tensor) -> Tensor:
    """Smoothly continue a picture (B C S S) to where it is not ``known`` (B 1 S S, in 0..1).

    Source: push-pull (Gortler et al. 1996): means of ever larger squares, of which the smallest that knows anything
    counts.
    """
    total = torch.cat((picture * known, known), dim=1)
    levels = [total]
    while max(levels[-1].shape[-2:]) > 1:
        last = levels[-1]
        padded = F.pad(last, (0, last.shape[-1] % 2, 0, last.shape[-2] % 2))
        levels.append(4 * F.avg_pool2d(padded, 2))
    filled = levels[-1][:, :-1] / levels[-1][:, -1:].clamp_min(1e-6)
    for level in reversed(levels[:-1]):
        weight = level[:, -1:]
        filled = F.interpolate(filled, size=level.shape[-2:], mode="bilinear", align_corners=False)
        share = weight.clamp_max(1)
        filled = torch.lerp(filled, level[:, :-1] / weight.clamp_min(1e-6), share)
    return filled


def fill_small_holes(matte: Tensor) -> Tensor:
    """``matte`` (1 1 S S) in 0..1 without small holes: wall within the person, of up to ``MIN_WALL_AREA`` of the area.

    Between a hand and a cheek wall is seen; small spots in hair and clothes are the network's errors.
    """
    import cv2

    hollow = (matte[0, 0] < 0.5).byte().cpu().numpy()
    _, labels, stats, _ = cv2.connectedComponentsWithStats(hollow, connectivity=4)
    left, top, width, height, area = stats.T
    size = matte.shape[-1]
    enclosed = (
        (left > 0) & (top > 0) & (left + width < size) & (top + height < size) & (area < MIN_WALL_AREA * size * size)
    )
    enclosed[0] = False  # the person
    holes = cv2.dilate(np.isin(labels, np.flatnonzero(enclosed)).astype(np.uint8), np.ones((5, 5), np.uint8))
    return torch.maximum(matte, torch.from_numpy(holes).to(matte)[None, None])
