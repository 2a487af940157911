"""Convolution fused with a leaky ReLU where torch can do that.

Axes: B batch, I inputs, O outputs, k kernel, H W picture.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .onednn import can_use_onednn, multiply

__all__ = ["convolve"]

FEW_OUTPUTS = 4  # such as colours, or a flow; libraries compute at least 16
WIDE_KERNEL = 5  # pixels


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    groups: int = 1,
    slope: float | None = None,
) -> Tensor:
    """Convolve ``x`` (B I H W) with ``weight`` (O I/groups k k), as ``F.conv2d`` does, to (B O H' W').

    Args:
        padding: zeros on all sides; or above and below, left and right.
        slope: of the leaky ReLU that follows; None = no activation.
    """
    pads = (padding, padding) if isinstance(padding, int) else padding
    one = weight.shape[2:] == (1, 1) and groups == stride == 1 and not any(pads)
    if one and slope is None and len(weight) <= FEW_OUTPUTS:
        return _convolve_1x1(x, weight, bias)
    if can_use_onednn(x, weight) and stride == groups == 1 and slope is None and _has_wide_kernel_of_few(weight):
        return _convolve_by_places(x, weight, bias, pads)
    if can_use_onednn(x, weight):
        after = ("none", []) if slope is None else ("leaky_relu", [slope])
        given = list(pads), [stride] * 2, [1, 1], groups, *after, ""
        return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, *given)
    x = F.conv2d(x, weight, bias, stride=stride, padding=pads, groups=groups)
    return x if slope is None else F.leaky_relu(x, slope, inplace=True)


def _convolve_1x1(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1 x 1 convolution as a matrix product; few outputs of channels-last inputs come out planar."""
    weights = weight[:, :, 0, 0]  # O I
    flat = rearrange(x, "b i h w -> b i (h w)")
    if can_use_onednn(x, weight):
        mixed = torch.stack([multiply(weights, sample) for sample in flat])
        mixed = mixed if bias is None else mixed.add_(bias[:, None])
    else:
        weights = weights.expand(len(x), -1, -1)
        mixed = torch.bmm(weights, flat) if bias is None else torch.baddbmm(bias[None, :, None], weights, flat)
    return rearrange(mixed, "b o (h w) -> b o h w", h=x.shape[2])


def _has_wide_kernel_of_few(weight: Tensor) -> bool:
    return len(weight) <= FEW_OUTPUTS and min(weight.shape[2:]) >= WIDE_KERNEL


def _convolve_by_places(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """One product for all places of the kernel as if they were outputs, then the sum of the shifted places."""
    height, width = weight.shape[2:]
    places = rearrange(weight.flip(2, 3), "o i y x -> (o y x) i")
    columns = torch.stack([multiply(places, sample) for sample in rearrange(x, "b i h w -> b i (h w)")])
    size = x.shape[2] + 2 * padding[0] - height + 1, x.shape[3] + 2 * padding[1] - width + 1
    shift = height - 1 - padding[0], width - 1 - padding[1]
    drawn = F.fold(columns, size, (height, width), padding=shift)
    return drawn if bias is None else drawn.add_(bias[:, None, None])
