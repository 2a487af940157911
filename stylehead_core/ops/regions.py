"""Rotated squares of a picture: crops them, and maps points between square and picture.

A region is centre x, centre y, side (pixels) and angle (rad, clockwise as one sees it, since y points down).
Pixels: (0, 0) is the centre of the first pixel. In a square of S pixels the region's centre is at (S / 2, S / 2), half
a pixel to the right of and below the middle: the face landmarker's networks were trained that way.

Axes: N regions, P points.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

__all__ = ["average_blocks", "cut_regions", "from_region", "to_region"]

LARGEST_BLOCK_PX = 128  # whose column of bytes has a sum within 16 bits
MARGIN_PX = 2  # pixels read beyond a region, for the interpolation


def from_region(points: Tensor, regions: Tensor, size: int) -> Tensor:
    """Map ``points`` (N P 2 or 3) from pixels of the crop to pixels of the picture; a third coordinate is scaled."""
    x, y, side, angle = regions.to(points).unbind(1)
    step = (side / size)[:, None]
    across, down = points[..., 0] - size / 2, points[..., 1] - size / 2
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    placed = (x[:, None] + step * (across * cos - down * sin), y[:, None] + step * (across * sin + down * cos))
    return torch.stack((*placed, *(z * step for z in points[..., 2:].unbind(-1))), dim=-1)


def to_region(points: Tensor, regions: Tensor, size: int) -> Tensor:
    """Map ``points`` (N P 2+) from pixels of the picture to pixels of the crop (N P 2): inverse of ``from_region``."""
    x, y, side, angle = regions.to(points).unbind(1)
    across, down = points[..., 0] - x[:, None], points[..., 1] - y[:, None]
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    turned = torch.stack((across * cos + down * sin, down * cos - across * sin), dim=-1)
    return turned * (size / side)[:, None, None] + size / 2


def cut_regions(
    pictures: Tensor, regions: Tensor, size: int, *, of: Tensor | None = None, outside: Literal["border", "zeros"]
) -> Tensor:
    """Crop squares out of pictures.

    Args:
        pictures: (B 3 H W), float in [-1, 1] or uint8 in 0..255.
        regions: (N 4).
        size: of the squares, pixels.
        of: (N) which picture each region belongs to; None: N = B, or B = 1.
        outside: what to read outside of the picture: its border, or black.

    Returns:
        (N 3 size size) in 0..1. Where a square is at least twice as large as ``size``, pixels are averaged first:
        plain sampling would skip pixels, and small movements would flicker.
    """
    pick = [0] * len(regions) if len(pictures) == 1 else list(range(len(regions)))
    pick = pick if of is None else of.tolist()
    squares = [_cut(pictures[i], region, size, outside) for i, region in zip(pick, regions, strict=True)]
    return torch.cat(squares) if squares else pictures.new_zeros((0, 3, size, size), dtype=torch.float32)


def _cut(picture: Tensor, region: Tensor, size: int, outside: Literal["border", "zeros"]) -> Tensor:
    """Crop one square (1 3 size size); only the part of the picture that is needed is converted."""
    height, width = picture.shape[-2:]
    line = torch.arange(size, dtype=torch.float32, device=picture.device)
    points = rearrange(list(torch.meshgrid(line, line, indexing="xy")), "xy h w -> 1 (h w) xy")
    at = rearrange(from_region(points, region[None], size), "1 (h w) xy -> h w xy", h=size)
    low, high = at.amin((0, 1)).floor().long() - MARGIN_PX, at.amax((0, 1)).ceil().long() + MARGIN_PX
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    right, bottom = min(max(right, left), width - 1), min(max(bottom, top), height - 1)
    part = picture[None, :, top : bottom + 1, left : right + 1]
    at = at - at.new_tensor((left, top))
    levels = part.dtype == torch.uint8
    shrink = int(region[2].item() / size)
    if shrink >= 2:
        part = average_blocks(part, shrink)
        at = (at - (shrink - 1) / 2) / shrink
    part = part.float() / 255 if levels else (part.float() + 1) / 2
    extent = at.new_tensor((part.shape[-1], part.shape[-2]))
    if outside == "border":  # clamped here, since not every accelerator has border padding
        at = torch.minimum(at.clamp(min=0), extent - 1)
    grid = (2 * at + 1) / extent - 1
    return F.grid_sample(part, grid[None], align_corners=False)


def average_blocks(picture: Tensor, side: int) -> Tensor:
    """Mean of every block of ``side`` x ``side`` pixels of ``picture`` (1 C H W), as floats; smaller at the far edges.

    On a processor bytes are summed as integers: five times as fast as ``avg_pool2d`` of floats.
    """
    if picture.is_floating_point() or picture.device.type != "cpu" or side > LARGEST_BLOCK_PX:
        return F.avg_pool2d(picture.float(), side, ceil_mode=True)
    height, width = picture.shape[-2:]
    total = picture.new_zeros((*picture.shape[:2], -(-height // side), width), dtype=torch.int16)
    for first in range(side):
        rows = picture[:, :, first::side]
        total[:, :, : rows.shape[2]] += rows
    blocks = picture.new_zeros((*total.shape[:3], -(-width // side)), dtype=torch.int32)
    for first in range(side):
        columns = total[..., first::side]
        blocks[..., : columns.shape[3]] += columns
    down, across = (
        (length - torch.arange(0, length, side)).clamp(max=side).float() for length in (height, width)
    )  # pixels of a block
    return blocks / (down[:, None] * across)
