"""APD: error of the head pose against the driving clip."""

import math

import torch
from torch import Tensor

from ...spaces import space_named

__all__ = ["apd"]


def apd(generated: Tensor, driving: Tensor, space: str = "arkit") -> Tensor:
    """Average pose distance of each frame; lower is better.

    Args:
        generated: (T K) coefficients measured in the generated frames.
        driving: (T K) coefficients measured in the driving frames, in the same way.
        space: ``arkit`` or ``bfm``; both give pitch, yaw and roll in rad.

    Returns:
        (T) in rad, 0..pi: the mean absolute difference of the three angles, the shorter way round. Position and
        size are left out, as in most papers.

    Source: mean |Euler angles generated - driving|, the convention of PIRenderer's successors.
    """
    part = space_named(space).rotation
    difference = generated[:, part] - driving[:, part]
    return torch.remainder(difference + math.pi, 2 * math.pi).sub(math.pi).abs().mean(dim=-1)
