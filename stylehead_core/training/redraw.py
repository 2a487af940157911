"""Batched inversion and drawing for training, equal to ``stages.inversion`` and ``stages.rendering`` of one picture.

Axes: B batch, R D styles, C h w feature map, S picture size.
"""

import torch
from torch import Tensor

from ..model.stylehead import StyleHead

__all__ = ["apply_consultation", "coarse_codes", "draw_edited", "invert_pictures", "redraw"]


@torch.no_grad()
def coarse_codes(model: StyleHead, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Styles (B R D) of ``pictures`` (B 3 S S), their feature map (B C h w), and what they miss of the pictures (B 3 S
    S)."""
    styles = model.encoder(model.resize(pictures, model.config.encoder.size))
    feature, rgb = model.generator.lower(styles)
    residual = pictures - model.generator.upper(feature, styles, rgb).clamp(-1, 1)
    return styles, feature, residual


def apply_consultation(model: StyleHead, feature: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
    """The feature map with the consultation applied (B C h w), and the consultation's shift."""
    assert model.consultation is not None
    scale, shift = model.consultation(model.resize(residual, model.consultation.config.size))
    return feature * (1 + scale) + shift, shift


def draw_edited(
    model: StyleHead, codes: tuple[Tensor, Tensor, Tensor], own: Tensor, change: Tensor, places: Tensor | float
) -> Tensor:
    """Draw pictures (B 3 S S) from ``coarse_codes`` with ``change`` (B or 1, R D) added to the styles.

    The feature map ``own`` (B C h w), consultation included, changes by the difference that the edit makes to the lower
    generator (``edited="moved"`` of ``stages.rendering``), and by ``places`` (B C h w) of the face editor.
    """
    moved = codes[0] + change
    difference = model.generator.lower(moved)[0] - codes[1]
    return model.generator.upper(own + difference + places, moved, None)


def invert_pictures(model: StyleHead, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Styles (B R D), feature map (B C h w) and the RGB sum below it (None where there is none), for any model."""
    styles = model.encoder(model.resize(pictures, model.config.encoder.size))
    feature, rgb = model.lower(styles)
    if model.consultation is not None:
        size = model.consultation.config.size
        first = model.resize(model.upper(feature, styles, rgb).clamp(-1, 1), size)
        scale, shift = model.consult(model.resize(pictures, size) - first, first)
        feature = feature * (1 + scale) + shift
    return styles, feature, rgb


@torch.no_grad()
def redraw(model: StyleHead, pictures: Tensor, codes: tuple[Tensor, Tensor, Tensor | None]) -> Tensor:
    """``pictures`` (B 3 S S) redrawn (B 3 S' S') from ``codes`` of ``invert_pictures``: what the motion networks are
    shown in use (``stages.inversion``)."""
    styles, feature, rgb = codes
    if model.config.carry_detail:  # what is drawn and the detail it misses are the portrait itself
        return model.resize(pictures, model.config.size)
    return model.upper(feature, styles, rgb).clamp(-1, 1)
