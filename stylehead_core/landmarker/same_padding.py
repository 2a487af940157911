"""The padding that TensorFlow calls SAME: where it is odd, the extra pixel is at the right and below."""

import torch.nn.functional as F
from torch import Tensor

__all__ = ["pad_same"]


def pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """``x`` (B C H W) with zeros around it, so that a convolution without padding gives ceil(size / stride)."""
    (top, bottom), (left, right) = (_sides(size, kernel, stride) for size in x.shape[-2:])
    return F.pad(x, (left, right, top, bottom))


def _sides(size: int, kernel: int, stride: int) -> tuple[int, int]:
    missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return missing // 2, missing - missing // 2
