"""Inverting and redrawing many pictures at once, as ``stages.inversion`` and ``stages.rendering`` do one.

Axes: B batch, R D styles, C h w feature map, S picture size.
"""

import torch
from torch import Tensor

from ..assemble import StyleHead

__all__ = ["coarse_codes", "consulted"]


@torch.no_grad()
def coarse_codes(model: StyleHead, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What styles alone know of ``pictures`` (B 3 S S): styles (B R D), feature map (B C h w), residual (B 3 S S)."""
    styles = model.encoder(model.fit(pictures, model.config.encoder.size))
    feature, rgb = model.generator.lower(styles)
    residual = pictures - model.generator.upper(feature, styles, rgb).clamp(-1, 1)
    return styles, feature, residual


def consulted(model: StyleHead, feature: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
    """The feature map with what the consultation adds to it, and the consultation's shift."""
    assert model.consultation is not None
    scale, shift = model.consultation(model.fit(residual, model.consultation.config.size))
    return feature * (1 + scale) + shift, shift
