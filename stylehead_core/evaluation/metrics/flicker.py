"""Flicker: change of static regions from frame to frame."""

from torch import Tensor

from ...errors import InputError
from ..pictures import unit

__all__ = ["flicker"]


def flicker(pictures: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean change of the pixels between neighbouring frames; lower is better.

    Args:
        pictures: (T 3 H W) in [-1, 1], or bytes; at least two frames.
        where: (1 1 H W) or (T 1 H W), 0..1: how much each pixel counts, say 1 in the background. Default: all.

    Returns:
        (T-1) from 0, in levels of 0..255. Compare with the driving clip: a hand-held camera is not the model's fault.

    Source: mean absolute difference of neighbouring frames.
    """
    if len(pictures) < 2:
        raise InputError("Flicker is what changes between frames; at least two are needed.")
    change = 255 * (unit(pictures[1:]) - unit(pictures[:-1])).abs().mean(dim=1, keepdim=True)  # T-1 1 H W
    if where is None:
        return change.mean(dim=(1, 2, 3))
    weight = where.float().expand(len(pictures), -1, -1, -1)
    weight = weight[1:] * weight[:-1]
    total = weight.sum(dim=(1, 2, 3))
    if (total == 0).any():
        raise InputError("There is no place to look at: the mask is empty in some frame.")
    return (change * weight).sum(dim=(1, 2, 3)) / total
