"""Test flows with a known effect.

All are (1 2 S S) in pixels of an S x S picture, channel 0 to the right, channel 1 down: where each point fetches from.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["KNOWN_FLOWS", "bend", "shift", "turn", "zoom"]


def shift(size: int, x: float = 0.08, y: float = 0.05) -> Tensor:
    """Move the picture left by ``x`` and up by ``y``, relative to its size."""
    return torch.tensor((x * size, y * size))[None, :, None, None].expand(1, 2, size, size).contiguous()


def turn(size: int, angle_rad: float = math.radians(12)) -> Tensor:
    """Rotate the picture about its centre, clockwise for positive angles."""
    x, y = _from_middle(size)
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return torch.stack((cos * x + sin * y - x, cos * y - sin * x - y))[None]


def zoom(size: int, factor: float = 1.15) -> Tensor:
    """Enlarge the picture about its centre by ``factor``."""
    x, y = _from_middle(size)
    return torch.stack((x / factor - x, y / factor - y))[None]


def bend(size: int, depth: float = 0.06, width: float = 0.12) -> Tensor:
    """A soft local bend as of an opening mouth: the part below the centre moves down by ``depth`` of the size.

    Args:
        size: pixels of the picture.
        depth: the largest movement, relative to the size.
        width: standard deviation of the bend, relative to the size.
    """
    x, y = _from_middle(size)
    away = (x**2 + (y - 0.2 * size) ** 2) / (2 * (width * size) ** 2)
    return torch.stack((torch.zeros_like(x), -depth * size * torch.exp(-away)))[None]


KNOWN_FLOWS: dict[str, Callable[[int], Tensor]] = {"bend": bend, "shift": shift, "turn": turn, "zoom": zoom}


def _from_middle(size: int) -> tuple[Tensor, Tensor]:
    """Column and row numbers (S S) relative to the centre of the picture."""
    axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    return axis.expand(size, size), axis[:, None].expand(size, size)
