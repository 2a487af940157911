"""Cuts a square out of a picture by an affine map, and draws it back at its position.

An affine (2 3) maps pixels of the square to pixels of the picture: picture = affine @ (x, y, 1).
Pixels: x to the right, y down, (0, 0) the centre of the first pixel.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Block", "apply_affine", "covered_block", "cut_square", "gaussian_blur", "invert_affine", "place_square"]

Block = tuple[slice, slice, slice, slice]
"""An index into pictures (N C H W): all of N and C, some rows and columns."""

OUTSIDE_BLUR_SIDES = ((0.02, 0.006), (0.06, 0.025), (0.2, 0.08))
"""Outside of the picture: distance from it, and sigma of the blur there, both relative to the square's side."""
SMALL_SIGMA_PX = 1.5  # of the blur outside, computed at a smaller size
_MARGIN_PX = 4  # extra pixels for the interpolation


def apply_affine(affine: Tensor, points: Tensor) -> Tensor:
    """Apply ``affine`` (2 3), or one each (T 2 3), to points (... 2+), or (T P 2+): x and y are mapped, z is scaled."""
    turn, start = affine[..., :2], affine[..., 2]
    size = turn.det().abs().sqrt()
    if affine.ndim == 3:
        start, size = start[:, None], size[:, None, None]
    return torch.cat((points[..., :2] @ turn.mT + start, points[..., 2:] * size), dim=-1)


def invert_affine(affine: Tensor) -> Tensor:
    """Invert an affine (... 2 3); in float64 on the CPU, so that there and back is the same pixel to 1e-4."""
    exact = affine.cpu().double()
    turn = torch.linalg.inv(exact[..., :2])
    return torch.cat((turn, -turn @ exact[..., 2:]), dim=-1).to(affine)


def cut_square(picture: Tensor, affine: Tensor, size: int) -> Tensor:
    """Cut the square (1 3 size size) that ``affine`` describes out of ``picture`` (1 3 H W).

    Larger squares are averaged, smaller ones interpolated (bicubic). Outside of the picture its border continues,
    blurred more and more with the distance. A mirror image, as FFHQ has it, would show a second face beside one that
    the picture cuts.
    """
    height, width = picture.shape[-2:]
    corners = apply_affine(affine, _grid(2, 2, affine) * (size - 1))
    left, top = (corners.amin((0, 1)).floor().long() - _MARGIN_PX).tolist()
    right, bottom = (corners.amax((0, 1)).ceil().long() + _MARGIN_PX).tolist()
    columns, rows = torch.arange(left, right + 1), torch.arange(top, bottom + 1)
    at_rows, at_columns = rows.clamp(0, height - 1).to(picture.device), columns.clamp(0, width - 1).to(picture.device)
    part = picture[:, :, at_rows][..., at_columns]
    outside = torch.maximum(_outside_distance(rows, height)[:, None], _outside_distance(columns, width)[None]).to(part)
    if outside.any():
        part = _blur_outside(part, outside, affine[:, 0].norm().item() * size)
    at = apply_affine(affine, _grid(size, size, affine) * (size - 1)) - affine.new_tensor((left, top))
    return _sample(part, at, affine[:, :2].det().abs().sqrt().item()).to(picture.dtype)


def place_square(square: Tensor, affine: Tensor, height: int, width: int, *, outside: float = 0.0) -> Tensor:
    """Inverse of ``cut_square``: draw the square (N C S S) into a picture of (height, width), ``outside`` around it.

    Returns:
        (N C height width).
    """
    size = square.shape[-1]
    at = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), dim=-1).to(affine)
    at = apply_affine(invert_affine(affine), at)
    covered = ((at > -0.5) & (at < size - 0.5)).all(-1)
    placed = _sample(square, at, 1 / affine[:, :2].det().abs().sqrt().item())
    return torch.where(covered, placed, placed.new_tensor(outside))


def covered_block(affine: Tensor, size: int, height: int, width: int) -> Block:
    """The part of a picture of (height, width) that the square covers; at least one pixel."""
    corners = apply_affine(affine, _grid(2, 2, affine) * size - 0.5)
    left, top = (corners.amin((0, 1)).floor().long() - 1).tolist()
    right, bottom = (corners.amax((0, 1)).ceil().long() + 2).tolist()
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    rows, columns = slice(top, min(max(bottom, top + 1), height)), slice(left, min(max(right, left + 1), width))
    return slice(None), slice(None), rows, columns


def gaussian_blur(picture: Tensor, sigma: float) -> Tensor:
    """Blur ``picture`` (N C H W) by a Gaussian of ``sigma`` pixels; borders are replicated."""
    if sigma < 0.1:
        return picture
    if sigma > 8:  # equally good at a smaller size, and much faster
        small = F.interpolate(picture, scale_factor=4 / sigma, mode="bilinear", antialias=True)
        soft = gaussian_blur(small, 4.0)
        return F.interpolate(soft, size=picture.shape[-2:], mode="bilinear", align_corners=False)
    reach = max(1, round(3 * sigma))
    line = torch.arange(-reach, reach + 1, dtype=picture.dtype, device=picture.device)
    kernel = (-0.5 * (line / sigma) ** 2).exp()
    kernel = (kernel / kernel.sum()).expand(picture.shape[1], 1, 1, -1)
    wide = F.pad(picture, (reach, reach, 0, 0), mode="replicate")
    across = F.conv2d(wide, kernel, groups=picture.shape[1])
    tall = F.pad(across, (0, 0, reach, reach), mode="replicate")
    return F.conv2d(tall, kernel.mT, groups=picture.shape[1])


def _sample(picture: Tensor, at: Tensor, step: float) -> Tensor:
    """Sample ``picture`` (N C H W) at pixel positions (h w 2) that lie ``step`` pixels apart."""
    height, width = picture.shape[-2:]
    low, high = picture.amin(), picture.amax()
    if step > 1:
        smaller = (max(1, round(height / step)), max(1, round(width / step)))
        picture = F.interpolate(picture, size=smaller, mode="bicubic", antialias=True, align_corners=False)
    extent = at.new_tensor((width, height))
    grid = ((2 * at + 1) / extent - 1).to(picture.dtype)
    drawn = F.grid_sample(
        picture, grid.expand(len(picture), -1, -1, -1), mode="bicubic", padding_mode="border", align_corners=False
    )
    return drawn.clamp(low, high)  # bicubic overshoots at edges


def _grid(height: int, width: int, like: Tensor) -> Tensor:
    """Grid (height width 2) of x and y from 0 to 1."""
    rows = torch.linspace(0, 1, height, dtype=like.dtype, device=like.device)
    columns = torch.linspace(0, 1, width, dtype=like.dtype, device=like.device)
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)


def _blur_outside(picture: Tensor, distance: Tensor, side: float) -> Tensor:
    """Blur ``picture`` (N C H W) by ``distance`` (H W) in pixels, 0 inside; ``side`` of the square in pixels."""
    blurred, nearer = picture, 0.0
    for far, sigma in OUTSIDE_BLUR_SIDES:
        share = ((distance / side - nearer) / (far - nearer)).clamp(0, 1)
        blurred = torch.lerp(blurred, _blur_small(picture, sigma * side), share)
        nearer = far
    return blurred


def _blur_small(picture: Tensor, sigma: float) -> Tensor:
    """As ``gaussian_blur``, at a size at which ``sigma`` is SMALL_SIGMA_PX: good enough for what is not looked at."""
    if sigma <= SMALL_SIGMA_PX:
        return gaussian_blur(picture, sigma)
    size = [max(1, round(length * SMALL_SIGMA_PX / sigma)) for length in picture.shape[-2:]]
    small = gaussian_blur(F.interpolate(picture, size=size, mode="area"), SMALL_SIGMA_PX)
    return F.interpolate(small, size=picture.shape[-2:], mode="bilinear", align_corners=False)


def _outside_distance(index: Tensor, size: int) -> Tensor:
    """How many pixels an index lies outside of 0..size-1."""
    return torch.maximum(-index, index - (size - 1)).clamp(min=0)
