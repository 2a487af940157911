"""Seam: visibility of the edge of a pasted face."""

import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ..pictures import unit

__all__ = ["seam"]


def seam(pictures: Tensor, mask: Tensor, reach: int = 4) -> Tensor:
    """The step in colour from just inside to just outside the pasted region; lower is better.

    Args:
        pictures: (T 3 H W) in [-1, 1], or bytes: with the face pasted in.
        mask: (T 1 H W) or (1 1 H W) in 0..1: 1 where pasted, 0 where the original is left; the edge is where it is 0.5.
        reach: pixels to either side over which the colour is averaged.

    Returns:
        (T) in levels of 0..255, from 0: the mean over the edge of |mean inside - mean outside|. The original picture
        has
        steps there too: its value with the same mask is the goal.
    """
    inside = (mask > 0.5).float().expand(len(pictures), -1, -1, -1)
    # The nearest inside pixels are those within reach of the outside, and the other way round.
    near_edge = (_spread(1 - inside, 1) > 0) & (inside > 0)
    if not near_edge.flatten(1).any(dim=1).all():
        raise InputError("The mask has no edge in some frame: nothing was pasted, or everything.")
    colour = 255 * unit(pictures)
    step = (_mean(colour, inside, reach) - _mean(colour, 1 - inside, reach)).abs().mean(dim=1, keepdim=True)
    return (step * near_edge).sum(dim=(1, 2, 3)) / near_edge.sum(dim=(1, 2, 3))


def _mean(colour: Tensor, where: Tensor, reach: int) -> Tensor:
    """The mean of ``colour`` over the pixels of ``where`` in a window around each pixel."""
    return _spread(colour * where, reach) / _spread(where, reach).clamp(min=1e-6)


def _spread(picture: Tensor, reach: int) -> Tensor:
    return F.avg_pool2d(picture, 2 * reach + 1, 1, reach, count_include_pad=False)
