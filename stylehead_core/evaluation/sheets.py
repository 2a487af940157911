"""Contact sheets and plots: pictures in labelled rows and columns, curves over time.

Pictures are RGB (3 H W) in [-1, 1].
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..ops.pixels import from_uint8
from .pictures import unit

__all__ = ["contact_sheet", "plot"]

PAPER, INK, FAINT = (255, 255, 255), (30, 30, 30), (200, 200, 200)
COLOURS = ((33, 102, 172), (214, 96, 77), (77, 146, 33), (140, 81, 160))
GAP, LINE = 4, 17  # pixels between cells, and of a line of text
LETTERS = 13  # pixels


def contact_sheet(rows: Mapping[str, Sequence[Tensor]], columns: Sequence[str] = (), cell: int = 160) -> Tensor:
    """Arrange pictures in named rows, under column titles.

    Args:
        rows: name -> pictures (3 H W) in [-1, 1], or bytes; a row may be shorter than the others.
        columns: titles above the columns; empty = no titles.
        cell: pixels of a picture's side on the sheet.
    """
    count = max(len(pictures) for pictures in rows.values())
    margin = 8 + max(_text_width(name) for name in rows)
    head = LINE + GAP if columns else GAP
    sheet = Image.new("RGB", (margin + count * (cell + GAP), head + len(rows) * (cell + GAP)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for x, title in enumerate(columns):
        pen.text((margin + x * (cell + GAP), 1), title, fill=INK, font=ImageFont.load_default(LETTERS))
    for y, (name, pictures) in enumerate(rows.items()):
        top = head + y * (cell + GAP)
        pen.text((4, top + cell // 2 - LINE // 2), name, fill=INK, font=ImageFont.load_default(LETTERS))
        for x, picture in enumerate(pictures):
            sheet.paste(_to_image(_fit(picture, cell)), (margin + x * (cell + GAP), top))
    return _from_image(sheet)


def plot(
    panels: Mapping[str, Mapping[str, Sequence[float]]], *, width: int = 640, height: int = 90, fps: float | None = None
) -> Tensor:
    """Plot curves over time, one panel for each title, each with its own scale.

    Args:
        panels: title -> name of the curve -> one number a frame; NaN leaves a gap.
        width: pixels of the whole picture.
        height: pixels of a panel.
        fps: frames a second; the last frame's time is written below. None: its number.
    """
    margin = 60
    picture = Image.new("RGB", (width, len(panels) * height + LINE + GAP), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(LETTERS)
    longest = 1
    for number, (title, curves) in enumerate(panels.items()):
        top, bottom = number * height + LINE + 4, (number + 1) * height - 6
        values = [v for curve in curves.values() for v in curve if math.isfinite(v)]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        span = high - low or 1.0
        longest = max([longest, *(len(curve) for curve in curves.values())])
        pen.line((margin, bottom, width - 8, bottom), fill=FAINT)
        pen.text((4, bottom - LINE + 4), f"{low:.3g}", fill=INK, font=font)
        pen.text((4, top - 2), f"{high:.3g}", fill=INK, font=font)
        pen.text((margin, top - LINE), title, fill=INK, font=font)
        x_name = margin + _text_width(title) + 16
        for i, (name, curve) in enumerate(curves.items()):
            colour = COLOURS[i % len(COLOURS)]
            pen.text((x_name, top - LINE), name, fill=colour, font=font)
            x_name += _text_width(name) + 12
            step = (width - 8 - margin) / max(1, len(curve) - 1)
            points = [(margin + j * step, bottom - (v - low) / span * (bottom - top)) for j, v in enumerate(curve)]
            for start, end in pairwise(points):
                if math.isfinite(start[1]) and math.isfinite(end[1]):
                    pen.line((start, end), fill=colour, width=1 if i else 3)
    last = f"{(longest - 1) / fps:.2f} s" if fps else f"frame {longest - 1}"
    pen.text((margin, len(panels) * height), "0", fill=INK, font=font)
    pen.text((width - 8 - _text_width(last), len(panels) * height), last, fill=INK, font=font)
    return _from_image(picture)


def _fit(picture: Tensor, cell: int) -> Tensor:
    """Resize a picture to ``cell`` pixels of its longer side, centred in a white square."""
    height, width = picture.shape[-2:]
    scale = cell / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.interpolate(unit(picture)[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]
    square = torch.ones(3, cell, cell)
    top, left = (cell - size[0]) // 2, (cell - size[1]) // 2
    square[:, top : top + size[0], left : left + size[1]] = small
    return square * 2 - 1


def _text_width(text: str) -> int:
    return math.ceil(ImageFont.load_default(LETTERS).getlength(text))


def _to_image(picture: Tensor) -> Image.Image:
    levels = (unit(picture) * 255).round().byte()
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def _from_image(image: Image.Image) -> Tensor:
    return from_uint8(torch.from_numpy(np.array(image)).permute(2, 0, 1))
