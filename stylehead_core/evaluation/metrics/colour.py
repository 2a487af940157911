"""Colour shift: change of the skin's colour in CIE Lab."""

import torch
from torch import Tensor

from ..pictures import unit

__all__ = ["colour_shift", "lab"]

# sRGB primaries to CIE XYZ, and the white of D65 (IEC 61966-2-1).
TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
WHITE = (0.95047, 1.0, 1.08883)


def lab(pictures: Tensor) -> Tensor:
    """CIE L*a*b* (T 3 H W) of sRGB ``pictures`` (T 3 H W) in [-1, 1], or bytes.

    L* 0 black to 100 white; a* + red, - green; b* + yellow, - blue. A difference of 2.3 is just noticeable.
    """
    coded = unit(pictures)
    light = torch.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,tjhw->tihw", light.new_tensor(TO_XYZ), light)
    ratio = xyz / light.new_tensor(WHITE)[None, :, None, None]
    root = torch.where(ratio > (6 / 29) ** 3, ratio.clamp(min=1e-9) ** (1 / 3), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = root.unbind(dim=1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=1)


def colour_shift(
    generated: Tensor, target: Tensor, where: Tensor | None = None, where_target: Tensor | None = None
) -> Tensor:
    """Mean colour of ``generated`` minus that of ``target``; nearer 0 is better.

    Args:
        generated: (T 3 H W) in [-1, 1], or bytes.
        target: (T 3 H W), or (1 3 H W) for all frames.
        where: (T 1 H W) or (1 1 H W) in 0..1: how much each pixel counts, for example 1 on the face. All by default.
        where_target: the same for the target, where its face is in another place; ``where`` by default.

    Returns:
        (T 3): shift of L*, a*, b*. +3 in b* is a visible yellow tinge.

    Source: CIE 1976 L*a*b*; the mean is taken first, so displaced fine detail does not count.
    """
    return _mean_colour(generated, where) - _mean_colour(target, where if where_target is None else where_target)


def _mean_colour(pictures: Tensor, where: Tensor | None) -> Tensor:
    if where is None:
        return lab(pictures).mean(dim=(2, 3))
    weight = where.float().expand(len(pictures), -1, -1, -1)
    return (lab(pictures) * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3)).clamp(min=1e-12)
