"""TensorFlow's SAME padding: where the total is odd, the extra pixel is at the right and at the bottom."""

import torch.nn.functional as F
from torch import Tensor

__all__ = ["pad_same"]


def pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad ``x`` (B C H W) with zeros, so that a convolution without padding has ceil(size / stride) outputs."""
    (top, bottom), (left, right) = (_sides(size, kernel, stride) for size in x.shape[-2:])
    return F.pad(x, (left, right, top, bottom))


def _sides(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Padding before and after one axis."""
    missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return missing // 2, missing - missing // 2
