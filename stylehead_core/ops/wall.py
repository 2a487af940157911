"""The two layers of a portrait: the person, and the wall behind, each filled in where the other one hides it.

Axes: B batch, S picture size.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["blur", "fill", "fill_small_holes", "person_and_wall"]

WALL_SHARE = 0.04  # a pixel with less of the person shows the wall
MARGIN_SIDES = 0.004  # of the side: wall this near to the person is not trusted, since hair is finer than a matte
RIM_SIDES = 0.012  # around that margin, strands of hair count as little as they are near
PATTERN_SIDES = 0.06  # what is smaller is a pattern, and what is larger a colour
PATTERN_SHARE = 0.6  # of its contrast, since it is guessed
COARSE = 64  # pixels of a side, at which colours are blurred
MIRROR_SIDES = 0.3  # into the person, a pattern fades
SURE = 0.5  # a pixel known by less is not looked at in the mirror
MIN_WALL_AREA = 0.01  # of the picture's area: less wall than this, all around it the person, is an error of the matte
MIN_PERSON_SHARE = 0.4  # with less of the person a pixel's colour is taken from the person around it


def person_and_wall(picture: Tensor, matte: Tensor) -> tuple[Tensor, Tensor]:
    """Split a picture (B 3 S S) in [-1, 1] by its matte (B 1 S S) in 0..1.

    Returns:
        person and wall (B 3 S S each): ``matte * person + (1 - matte) * wall`` is the picture but for a narrow rim
        around the person, as far as colours from -1 to 1 allow.
    """
    margin = max(1, round(MARGIN_SIDES * picture.shape[-1]))
    near = F.max_pool2d(matte, 2 * margin + 1, stride=1, padding=margin)
    bare = (near < WALL_SHARE).to(picture.dtype)
    bare = bare * (2 * blur(bare, RIM_SIDES) - 1).clamp(0, 1)
    wall = torch.lerp(continue_wall(picture, bare), picture, bare)
    own = ((picture - (1 - matte) * wall) / matte.clamp_min(MIN_PERSON_SHARE)).clamp(-1, 1)
    solid = ((matte - MIN_PERSON_SHARE) / MIN_PERSON_SHARE).clamp(0, 1)
    person = torch.lerp(fill(own, solid), own, (matte > MIN_PERSON_SHARE).to(own.dtype))
    return person, wall


def continue_wall(picture: Tensor, known: Tensor) -> Tensor:
    """Continue a picture (B C S S) to where it is not ``known`` (B 1 S S, in 0..1), pattern included.

    Colours continue smoothly; the pattern is that of the other side of the nearest known place, as in a mirror.
    """
    filled = torch.lerp(fill(picture, known), picture, known)
    coarse = F.interpolate(filled, size=(COARSE, COARSE), mode="area")
    coarse = blur(blur(coarse, PATTERN_SIDES), PATTERN_SIDES)
    smooth = F.interpolate(coarse, size=filled.shape[-2:], mode="bilinear", align_corners=False)
    grid, depth = zip(*(_mirror(each) for each in known[:, 0] > SURE), strict=True)
    pattern, grid, depth = known * (filled - smooth), torch.stack(grid).to(picture), torch.stack(depth).to(picture)
    pattern = F.grid_sample(pattern, grid, padding_mode="reflection", align_corners=False)
    near = (1 - depth[:, None] / MIRROR_SIDES).clamp(0, 1)
    return smooth + PATTERN_SHARE * near * pattern


def _mirror(known: Tensor) -> tuple[Tensor, Tensor]:
    """For each pixel that is not ``known`` (S S) the place (S S 2, of ``grid_sample``) as far on the other side of the
    nearest known one, and how far that is away (S S), in sides.
    """
    import cv2

    size = known.shape[-1]
    hidden = (~known).byte().cpu().numpy()
    if hidden.all():
        return torch.zeros(size, size, 2), torch.ones(size, size)
    depth, labels = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    depth, labels = np.asarray(depth), np.asarray(labels, np.int64)
    place = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1)
    rim = np.zeros((labels.max() + 1, 2), np.float32)
    rim[labels[hidden == 0]] = place[hidden == 0]
    mirrored = 2 * rim[labels] - place
    return torch.from_numpy((mirrored + 0.5) * (2 / size) - 1), torch.from_numpy(depth / size)


def blur(picture: Tensor, sides: float) -> Tensor:
    """Means of squares with a side of ``sides`` of the picture's; beyond its edges there is nothing."""
    half = max(1, round(sides * picture.shape[-1] / 2))
    for side, pad in (((2 * half + 1, 1), (half, 0)), ((1, 2 * half + 1), (0, half))):
        picture = F.avg_pool2d(picture, side, stride=1, padding=pad, count_include_pad=False)
    return picture


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
