"""Convolution fused with a leaky ReLU where torch can do that.

Axes: B batch, I inputs, O outputs, k kernel, H W picture.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

__all__ = ["HAS_FUSED_CONVOLUTION", "convolve"]

HAS_FUSED_CONVOLUTION = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    slope: float | None = None,
) -> Tensor:
    """Convolve ``x`` (B I H W) with ``weight`` (O I/groups k k), as ``F.conv2d`` does, to (B O H' W').

    Args:
        slope: of the leaky ReLU that follows; None = no activation.
    """
    if weight.shape[2:] == (1, 1) and groups == stride == 1 and slope is None and not padding:
        return _convolve_1x1(x, weight, bias)
    if slope is not None and _can_fuse(x, weight):
        ones = [1, 1]
        given = [padding] * 2, [stride] * 2, ones, groups, "leaky_relu", [slope], ""
        return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, *given)
    x = F.conv2d(x, weight, bias, stride=stride, padding=padding, groups=groups)
    return x if slope is None else F.leaky_relu(x, slope, inplace=True)


def _convolve_1x1(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1 x 1 convolution as a matrix product; few outputs of channels-last inputs come out planar."""
    weights = weight[None, :, :, 0, 0].expand(len(x), -1, -1)  # B O I
    flat = rearrange(x, "b i h w -> b i (h w)")
    mixed = torch.bmm(weights, flat) if bias is None else torch.baddbmm(bias[None, :, None], weights, flat)
    return rearrange(mixed, "b o (h w) -> b o h w", h=x.shape[2])


def _can_fuse(x: Tensor, weight: Tensor) -> bool:
    """Whether torch's fused convolution (of oneDNN, meant for compiled programs) can be called.

    It has no backward pass. Where it is missing, only a little speed is lost.
    """
    learns = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not learns
        and HAS_FUSED_CONVOLUTION
        and not torch.compiler.is_compiling()  # the compiler fuses by itself
    )
