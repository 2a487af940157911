"""Face mask of each rendered frame: the portrait's mask, warped by the same flow as the picture.

Axes: T frames, S size of a frame, h w the feature map.
"""

import torch
from torch import Tensor

from ..ops.warp import resize_flow, warp
from ..records import Head, Inversion

__all__ = ["moved_mask"]


def moved_mask(source: Head | Inversion, size: int) -> Tensor:
    """Warp the face mask: (T 1 size size) in 0..1; (1 1 size size) for an inversion. Without landmarks it is 1
    everywhere.
    """
    inversion = source.inversion if isinstance(source, Head) else source
    mask = inversion.portrait.mask
    if mask is None:
        mask = torch.ones(1, 1, size, size)
    mask = torch.nn.functional.interpolate(mask.float().cpu(), (size, size), mode="bilinear", align_corners=False)
    if not isinstance(source, Head):
        return mask
    frames = [warp(mask, resize_flow(flow[None].float().cpu(), (size, size))) for flow in source.flow]
    return torch.cat(frames).clamp(0, 1)
