"""Hair at the edge of a person that a matte has missed: it would stay in the wall when the head moves.

Axes: B batch, S picture size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .wall import WALL_SHARE, blur, fill

__all__ = ["add_strands"]

SEEN_PX = 512  # of a side at which strands are looked for; what is finer is not worth the time
BAND_SIDES = 0.014  # of the side: how far from the matte strands are looked for
FAR_SIDES = 0.02  # from the matte, where the wall is wall for sure
COLOUR_SIDES, CONTRAST_SIDES = 0.02, 0.06  # over which the wall's colour and its contrast are averaged
STRAND_SIDES = 0.004  # over which a strand's difference from the wall is averaged
# Differences from the wall, in its own contrasts and in addition, from which a pixel may be, and surely is, a strand.
POSSIBLE, SURE = (2.5, 0.12), (4.0, 0.25)
MIN_CONTRAST_SHARE = 0.05  # of a window that must be wall for its contrast to be known


def add_strands(picture: Tensor, matte: Tensor) -> Tensor:
    """``matte`` (B 1 S S) in 0..1 with what adjoins it and differs from the wall more than the wall itself does.

    Args:
        picture: (B 3 S S) in [-1, 1].
    """
    size = picture.shape[-1]
    if size <= SEEN_PX:
        return matte + _missed(picture, matte)
    small = [F.interpolate(plane, size=(SEEN_PX, SEEN_PX), mode="area") for plane in (picture, matte)]
    missed = _missed(*small)
    missed = torch.where(small[1] > 0.5, _grow(missed, 1), missed)  # no gap between strands and person when enlarged
    missed = F.interpolate(missed, size=(size, size), mode="bilinear", align_corners=False)
    return (matte + missed).clamp_max(1)


def _missed(picture: Tensor, matte: Tensor) -> Tensor:
    """How much more of each pixel is the person's (B 1 S S)."""
    size = picture.shape[-1]
    far = (_grow(matte, max(1, round(FAR_SIDES * size))) < WALL_SHARE).to(picture.dtype)
    wall = blur(fill(picture, far), COLOUR_SIDES)
    share = blur(far, CONTRAST_SIDES)
    squares = blur((picture - wall).square().mean(1, keepdim=True) * far, CONTRAST_SIDES) / share.clamp_min(1e-3)
    contrast = fill(squares, (share > MIN_CONTRAST_SHARE).to(far.dtype)).clamp_min(0).sqrt()
    unlike = blur((picture - wall).abs().mean(1, keepdim=True) * (1 - matte), STRAND_SIDES)
    unlike = unlike / blur(1 - matte, STRAND_SIDES).clamp_min(1e-3)  # the person itself is not looked at
    low, high = (times * contrast + more for times, more in (POSSIBLE, SURE))
    strands, reached = ((unlike - low) / (high - low)).clamp(0, 1), matte
    for _ in range(max(1, round(BAND_SIDES * size))):
        reached = matte.maximum(strands.minimum(_grow(reached, 1)))
    return reached - matte


def _grow(matte: Tensor, pixels: int) -> Tensor:
    return F.max_pool2d(matte, 2 * pixels + 1, stride=1, padding=pixels)
