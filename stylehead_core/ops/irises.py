"""Irises move by themselves: a flow whose cells are a third of an iris wide carries them half as far as it should.

Axes: B frames, E eyes, h w the grid of the opening, n the flow's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["IRIS_VALUES", "carry_irises", "mirror_irises"]

IRIS_VALUES = 8
"""Of one iris: x and y in the frame; x and y in the portrait; cosine and sine, times the scale, of the turn from the
frame to the portrait; its radius in the frame, and the distance from its middle beyond which it moves nothing. Lengths
are parts of the picture's side."""
EDGE = 0.08  # of the opening's unit: half the width of the seam between eye and lids


def carry_irises(
    flow: Tensor, irises: Tensor, opening: Tensor, corners: Tensor | None = None, side: int | None = None
) -> Tensor:
    """Let each iris, within the lids, fetch from where it is in the portrait; around it this fades to ``flow``.

    Args:
        flow: (B 2 n n) in pixels of its own grid, of a frame or a square crop of it.
        irises: (B E 8), see ``IRIS_VALUES``.
        opening: (B 1 h w) of the same crop: distance inside the lids, negative outside.
        corners: (B 2), x and y of the crop's first pixel on the flow's grid; None = the whole frame.
        side: pixels of the whole frame on that grid; None = the flow's own.
    """
    own = flow.shape[-1]
    side = side or own
    line = torch.arange(own, device=flow.device, dtype=flow.dtype)
    place = torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]
    if corners is not None:
        place = place + corners[:, :, None, None]
    inside = F.interpolate(opening, size=flow.shape[-2:], mode="bilinear", align_corners=False)
    inside = (0.5 + inside / (2 * EDGE)).clamp(0, 1)
    place = (place + 0.5) / side  # parts of the picture
    for iris in irises.unbind(1):
        x, y, from_x, from_y, cos, sin, radius, reach = iris[:, :, None, None].unbind(1)
        right, down = place[:, 0] - x, place[:, 1] - y
        source = torch.stack((from_x + cos * right - sin * down, from_y + sin * right + cos * down), dim=1)
        near = ((reach - torch.hypot(right, down)) / (reach - radius).clamp_min(1e-6)).clamp(0, 1)[:, None]
        flow = torch.lerp(flow, side * (source - place), near * inside)
    return flow


def mirror_irises(irises: Tensor) -> Tensor:
    """``irises`` (B E 8) of the mirrored picture."""
    x, y, from_x, from_y, cos, sin, radius, reach = irises.unbind(-1)
    return torch.stack((1 - x, y, 1 - from_x, from_y, cos, -sin, radius, reach), dim=-1)
