"""Flows whose effect is known beforehand, to see who follows them.

All are (1 2 S S) in pixels of an S x S picture, channel 0 to the right, channel 1 down: where each point fetches from.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["KNOWN_FLOWS", "bend", "shift", "turn", "zoom"]


def shift(size: int, x: float = 0.08, y: float = 0.05) -> Tensor:
    """The picture moves left by ``x`` and up by ``y`` of its size."""
    return torch.tensor((x * size, y * size))[None, :, None, None].expand(1, 2, size, size).contiguous()


def turn(size: int, angle_rad: float = math.radians(12)) -> Tensor:
    """The picture turns about its middle, clockwise where the angle is positive."""
    x, y = _from_middle(size)
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return torch.stack((cos * x + sin * y - x, cos * y - sin * x - y))[None]


def zoom(size: int, factor: float = 1.15) -> Tensor:
    """The picture grows about its middle by ``factor``."""
    x, y = _from_middle(size)
    return torch.stack((x / factor - x, y / factor - y))[None]


def bend(size: int, depth: float = 0.06, width: float = 0.12) -> Tensor:
    """A soft dent, as an opening mouth makes one: the part below the middle moves down by ``depth`` of the size.

    Args:
        size: pixels of the picture.
        depth: the largest movement, in parts of the size.
        width: standard deviation of the dent, in parts of the size.
    """
    x, y = _from_middle(size)
    away = (x**2 + (y - 0.2 * size) ** 2) / (2 * (width * size) ** 2)
    return torch.stack((torch.zeros_like(x), -depth * size * torch.exp(-away)))[None]


KNOWN_FLOWS: dict[str, Callable[[int], Tensor]] = {"bend": bend, "shift": shift, "turn": turn, "zoom": zoom}


def _from_middle(size: int) -> tuple[Tensor, Tensor]:
    """Columns and rows (S S) counted from the middle of the picture."""
    axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    return axis.expand(size, size), axis[:, None].expand(size, size)
