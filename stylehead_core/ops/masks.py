"""Soft masks for speech: where sound may move a face, and a box around the mouth.

They do not follow the face's outline; masks that do are in ``face_masks``.

Axes: B faces, P points, H W size of the mask.
"""

import math

import torch
from torch import Tensor

from ..errors import ConfigError

__all__ = ["confine_to_lower_face", "lower_face_rows", "mouth_box"]


def lower_face_rows(height: int, *, edge: float = 0.125, middle: float = 0.5) -> Tensor:
    """Where the flow of speech may act: 0 above, 1 below, for a map of an aligned face.

    The official network is confined to the lower half by a hard cut, which tears whatever crosses it. This mask begins
    at the same row and rises along half a cosine.

    Args:
        height: H, rows of the map.
        edge: share of the height over which the mask rises; 0 is the official hard cut.
        middle: share of the height above which the mask is 0.

    Returns:
        (H 1), in 0..1.
    """
    if edge < 0 or not 0 <= middle < 1:
        raise ConfigError(
            f"The lower face begins at 0 or more and below 1, its edge is 0 or more; found {middle}, {edge}."
        )
    rows = (torch.arange(height) + 0.5) / height
    if edge == 0:
        return (rows >= middle).float()[:, None]
    progress = ((rows - middle) / edge).clamp(0, 1)
    return (0.5 - 0.5 * torch.cos(math.pi * progress))[:, None]


def confine_to_lower_face(flow: Tensor, *, edge: float = 0.125) -> Tensor:
    """Set the flow (B 2 H W) of speech to zero in the upper half of the face; ``edge`` as in ``lower_face_rows``."""
    return flow * lower_face_rows(flow.shape[-2], edge=edge).to(flow)


def mouth_box(
    points: Tensor,
    size: tuple[int, int],
    *,
    margin: float = 0.25,
    softness: float = 0.15,
) -> Tensor:
    """A soft box around the mouth, for losses that emphasise the lips.

    Args:
        points: (B P 2), the mouth's landmarks in pixels of the mask.
        size: H, W of the mask.
        margin: how far the box extends beyond the points, in mouth widths.
        softness: standard deviation of the Gaussian that blurs the box, in box widths.

    Returns:
        (B 1 H W) in 0..1.

    Source: METHOD section 2.3. A blurred box is a product of two differences of error functions, so no blur is
    computed.
    """
    low, high = points.amin(1), points.amax(1)  # B 2
    grow = margin * (high - low)[:, :1]
    low, high = low - grow, high + grow
    deviation = (softness * (high - low)[:, :1]).clamp(min=1e-3)  # B 1

    def along(axis: int, length: int) -> Tensor:
        places = torch.arange(length, device=points.device, dtype=points.dtype)
        past_low, past_high = places - low[:, axis, None], places - high[:, axis, None]  # B length
        scale = deviation * math.sqrt(2)
        return (torch.erf(past_low / scale) - torch.erf(past_high / scale)) / 2

    return (along(1, size[0])[:, :, None] * along(0, size[1])[:, None, :])[:, None]
