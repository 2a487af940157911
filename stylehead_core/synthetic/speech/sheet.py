"""Curves of lips over time as a picture, for people who want to see how they move."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ...ops.pixels import from_uint8
from .visemes import OPENING

__all__ = ["draw_curves", "lip_opening"]

PAPER, INK, GRID, SOUND = (250, 250, 247), (60, 60, 70), (215, 215, 220), (205, 212, 222)
LINES = ((60, 140, 70), (200, 50, 50), (40, 90, 190), (160, 110, 20))
ACROSS, ROW, LEFT = 6, 64, 130  # pixels: of a frame, of a row, of the names
SHARES = {"jawOpen": 1.0}  # of the opening; the lips' own movements count a quarter each
OTHERS = 0.25


def lip_opening(curves: Tensor, names: Sequence[str]) -> Tensor:
    """How far the lips are apart, in units of ``jawOpen``: (T) of curves (T N)."""
    share = torch.tensor([SHARES.get(name, OTHERS) if name in OPENING else 0.0 for name in names])
    return curves @ share


def draw_curves(names: Sequence[str], curves: Mapping[str, Tensor], samples: Tensor | None = None) -> Tensor:
    """A picture (3 H W) in [-1, 1]: the lips' opening in the first row, then a row for each coefficient, 0..1.

    Args:
        names: (N) of the coefficients.
        curves: (T N) each, by what is written beside their colour.
        samples: (n) of the sound that lasts as long as the curves; it stands behind the first row.
    """
    frames = max(len(values) for values in curves.values())
    picture = Image.new("RGB", (LEFT + ACROSS * frames + 10, ROW * (len(names) + 1) + 20), PAPER)
    brush = ImageDraw.Draw(picture)
    if samples is not None:
        _draw_sound(brush, samples.numpy(), ACROSS * frames)
    for number, (label, values) in enumerate(curves.items()):
        colour = LINES[number % len(LINES)]
        brush.text((LEFT + 120 * number, 4), label, fill=colour)
        rows = torch.cat((lip_opening(values, names)[:, None], values), dim=1).detach().clamp(0, 1)
        for row, course in enumerate(rows.T.tolist()):
            bottom = 20 + ROW * (row + 1) - 4
            brush.text((4, bottom - ROW // 2), ("opening", *names)[row], fill=INK)
            brush.line((LEFT, bottom, LEFT + ACROSS * frames, bottom), fill=GRID)
            points = [(LEFT + ACROSS * t, bottom - (ROW - 8) * value) for t, value in enumerate(course)]
            brush.line([points[0], *points], fill=colour, width=2)
    return from_uint8(torch.from_numpy(np.array(picture)).permute(2, 0, 1))


def _draw_sound(brush: ImageDraw.ImageDraw, samples: np.ndarray, width: int) -> None:
    loudest = max(float(np.abs(samples).max()), 1e-6)
    for x, part in enumerate(np.array_split(samples, width)):
        high = (ROW - 8) * float(np.abs(part).max(initial=0)) / loudest
        brush.line((LEFT + x, 16 + ROW, LEFT + x, 16 + ROW - high), fill=SOUND)
