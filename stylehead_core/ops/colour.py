"""Colour matching in CIE Lab.

Axes: B batch, H W picture. Pictures are sRGB in [-1, 1].
"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ColourMatch", "match_colours", "to_lab", "to_rgb"]

RGB_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
WHITE_D65 = (0.95047, 1.0, 1.08883)  # D65
XYZ_TO_LAB = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
CIE_DELTA = 6 / 29
MIN_DEVIATION_LAB = 0.5  # Lab units: a channel that varies less than this is shifted, but not scaled
SCALE_LIMITS = (0.5, 2.0)


def to_lab(picture: Tensor) -> Tensor:
    """CIE L*a*b* (B 3 H W) of ``picture`` (B 3 H W): L* 0..100, a* and b* about -100..100. Source: CIE 1976, D65."""
    rgb = ((picture + 1) / 2).clamp(0, 1)
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).pow(2.4))
    matrix, white = linear.new_tensor(RGB_TO_XYZ), linear.new_tensor(WHITE_D65)
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear) / white[:, None, None]
    bent = torch.where(xyz > CIE_DELTA**3, xyz.clamp(min=CIE_DELTA**3).pow(1 / 3), xyz / (3 * CIE_DELTA**2) + 4 / 29)
    lab = torch.einsum("ij,bjhw->bihw", linear.new_tensor(XYZ_TO_LAB), bent)
    return lab - bent.new_tensor((16.0, 0, 0))[:, None, None]


def to_rgb(lab: Tensor) -> Tensor:
    """The picture (B 3 H W) in [-1, 1] of ``lab`` (B 3 H W); colours outside of sRGB are clamped."""
    bent = lab + lab.new_tensor((16.0, 0, 0))[:, None, None]
    bent = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(lab.new_tensor(XYZ_TO_LAB)), bent)
    xyz = torch.where(bent > CIE_DELTA, bent.clamp(min=CIE_DELTA).pow(3), 3 * CIE_DELTA**2 * (bent - 4 / 29))
    xyz = xyz * lab.new_tensor(WHITE_D65)[:, None, None]
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(lab.new_tensor(RGB_TO_XYZ)), xyz).clamp(0, 1)
    rgb = torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=0.0031308).pow(1 / 2.4) - 0.055)
    return rgb.clamp(0, 1) * 2 - 1


@dataclass(frozen=True)
class ColourMatch:
    """Scale and shift of each Lab channel."""

    scale: Tensor  # (3)
    shift: Tensor  # (3)

    def __call__(self, picture: Tensor) -> Tensor:
        """Apply the match to ``picture`` (B 3 H W)."""
        lab = to_lab(picture)
        scale, shift = (x.to(lab)[:, None, None] for x in (self.scale, self.shift))
        return to_rgb(lab * scale + shift)


def match_colours(picture: Tensor, target: Tensor, mask: Tensor | None = None) -> ColourMatch:
    """Find the match that gives ``picture`` (1 3 H W) mean and deviation of ``target`` (1 3 H W) in each Lab channel.

    Args:
        mask: (1 1 H W) in 0..1, where to measure; None = everywhere.

    Source: Reinhard et al., Color transfer between images (2001), in Lab.
    """
    if mask is None or mask.sum() < 1:
        mask = torch.ones_like(picture[:, :1])
    means, deviations = [], []
    for image in (picture, target):
        lab = to_lab(image.float())
        weight = mask.to(lab) / mask.to(lab).sum()
        mean = (lab * weight).sum((0, 2, 3))
        means.append(mean)
        deviations.append(((lab - mean[:, None, None]).square() * weight).sum((0, 2, 3)).sqrt())
    before, after = (deviation.clamp(min=MIN_DEVIATION_LAB) for deviation in deviations)
    scale = (after / before).clamp(*SCALE_LIMITS)
    return ColourMatch(scale=scale, shift=means[1] - scale * means[0])
