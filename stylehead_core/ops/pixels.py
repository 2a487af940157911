"""Conversion between pictures in [-1, 1] and bytes in 0..255."""

import torch
from torch import Tensor

__all__ = ["from_uint8", "to_uint8"]


def to_uint8(pictures: Tensor) -> Tensor:
    """Round pictures in [-1, 1] (any shape, any float dtype) to uint8; values outside the range are clamped.

    The result stays on the device of ``pictures``: a quarter of the bytes of float32 has to be copied from there.
    """
    return (pictures.float() + 1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def from_uint8(pictures: Tensor) -> Tensor:
    """Pictures in 0..255 (any shape) as float32 in [-1, 1]."""
    return (pictures / 127.5).sub_(1)
