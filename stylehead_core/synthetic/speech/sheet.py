"""Plot of lip curves over time."""

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
FRAME_PX, ROW_PX, NAMES_PX = 6, 64, 130  # pixels: width of a frame, height of a row, width of the names
OPENING_WEIGHTS = {"jawOpen": 1.0}  # weights in the lip opening
LIP_WEIGHT = 0.25  # weight of the lips' own coefficients


def lip_opening(curves: Tensor, names: Sequence[str]) -> Tensor:
    """Distance between the lips (T) in units of ``jawOpen``, for curves (T N)."""
    share = torch.tensor([OPENING_WEIGHTS.get(name, LIP_WEIGHT) if name in OPENING else 0.0 for name in names])
    return curves @ share


def draw_curves(names: Sequence[str], curves: Mapping[str, Tensor], samples: Tensor | None = None) -> Tensor:
    """Plot curves as a picture (3 H W) in [-1, 1]: lip opening in the first row, then one row per coefficient.

    Args:
        names: (N) of the coefficients.
        curves: (T N) each, in 0..1, by label.
        samples: (n) of a sound of the same duration, drawn behind the first row.
    """
    frames = max(len(values) for values in curves.values())
    picture = Image.new("RGB", (NAMES_PX + FRAME_PX * frames + 10, ROW_PX * (len(names) + 1) + 20), PAPER)
    brush = ImageDraw.Draw(picture)
    if samples is not None:
        _draw_sound(brush, samples.numpy(), FRAME_PX * frames)
    for number, (label, values) in enumerate(curves.items()):
        colour = LINES[number % len(LINES)]
        brush.text((NAMES_PX + 120 * number, 4), label, fill=colour)
        rows = torch.cat((lip_opening(values, names)[:, None], values), dim=1).detach().clamp(0, 1)
        for row, course in enumerate(rows.T.tolist()):
            bottom = 20 + ROW_PX * (row + 1) - 4
            brush.text((4, bottom - ROW_PX // 2), ("opening", *names)[row], fill=INK)
            brush.line((NAMES_PX, bottom, NAMES_PX + FRAME_PX * frames, bottom), fill=GRID)
            points = [(NAMES_PX + FRAME_PX * t, bottom - (ROW_PX - 8) * value) for t, value in enumerate(course)]
            brush.line([points[0], *points], fill=colour, width=2)
    return from_uint8(torch.from_numpy(np.array(picture)).permute(2, 0, 1))


def _draw_sound(brush: ImageDraw.ImageDraw, samples: np.ndarray, width: int) -> None:
    loudest = max(float(np.abs(samples).max()), 1e-6)
    for x, part in enumerate(np.array_split(samples, width)):
        high = (ROW_PX - 8) * float(np.abs(part).max(initial=0)) / loudest
        brush.line((NAMES_PX + x, 16 + ROW_PX, NAMES_PX + x, 16 + ROW_PX - high), fill=SOUND)
