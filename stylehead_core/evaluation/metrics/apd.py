"""APD: how far the head's pose is from the one that was asked for."""

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
        (T) in rad, 0..pi: the mean absolute difference of the three angles, each the short way round. Place and size
        are left out, as most papers do.

    Source: mean |Euler angles generated - driving|, the convention of PIRenderer's successors.
    """
    part = space_named(space).rotation
    difference = generated[:, part] - driving[:, part]
    return torch.remainder(difference + math.pi, 2 * math.pi).sub(math.pi).abs().mean(dim=-1)
