"""Inverting and redrawing many pictures at once, as ``stages.inversion`` and ``stages.rendering`` do one.

Axes: B batch, R D styles, C h w feature map, S picture size.
"""

import torch
from torch import Tensor

from ..model.stylehead import StyleHead

__all__ = ["apply_consultation", "coarse_codes", "edited", "invert_pictures"]


@torch.no_grad()
def coarse_codes(model: StyleHead, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What styles alone know of ``pictures`` (B 3 S S): styles (B R D), feature map (B C h w), residual (B 3 S S)."""
    styles = model.encoder(model.resize(pictures, model.config.encoder.size))
    feature, rgb = model.generator.lower(styles)
    residual = pictures - model.generator.upper(feature, styles, rgb).clamp(-1, 1)
    return styles, feature, residual


def apply_consultation(model: StyleHead, feature: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
    """The feature map with what the consultation adds to it, and the consultation's shift."""
    assert model.consultation is not None
    scale, shift = model.consultation(model.resize(residual, model.consultation.config.size))
    return feature * (1 + scale) + shift, shift


def edited(
    model: StyleHead, codes: tuple[Tensor, Tensor, Tensor], own: Tensor, change: Tensor, places: Tensor | float
) -> Tensor:
    """What the generator draws (B 3 S S) of ``coarse_codes`` whose styles are changed by ``change`` (B or 1, R D).

    Its feature map is ``own`` (B C h w), with what the consultation adds. It moves by as much as the styles alone move
    it, ``edited="moved"`` of ``stages.rendering``, and by what the attribute adds at ``places`` of the face (B C h w).
    """
    moved = codes[0] + change
    difference = model.generator.lower(moved)[0] - codes[1]
    return model.generator.upper(own + difference + places, moved, None)


def invert_pictures(model: StyleHead, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Styles (B R D), feature map (B C h w) and the RGB sum below it, by any model: ``stages.inversion`` for many."""
    styles = model.encoder(model.resize(pictures, model.config.encoder.size))
    feature, rgb = model.lower(styles)
    if model.consultation is not None:
        size = model.consultation.config.size
        first = model.resize(model.upper(feature, styles, rgb).clamp(-1, 1), size)
        scale, shift = model.consult(model.resize(pictures, size) - first, first)
        feature = feature * (1 + scale) + shift
    return styles, feature, rgb
