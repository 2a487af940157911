"""StyleGAN2's binomial filter for upsampling and downsampling without aliasing.

Axes: B batch, C channels, H W picture. The filter is (1, 3, 3, 1) / 8 on either axis.

Source: StyleGAN2 (arXiv 1912.04958), the resampling layers; as plain convolutions instead of a custom operation.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .convolve import convolve

__all__ = ["blur", "blur_kernel", "upsample"]


def blur_kernel(channels: int, like: Tensor, gain: float = 1.0) -> Tensor:
    """The filter as the weight (C 1 4 4) of a depthwise convolution, with the device and dtype of ``like``."""
    taps = 0.5 - (torch.arange(4, device=like.device) - 1.5).abs() / 4  # made on the device, without synchronisation
    return (gain * torch.outer(taps, taps)).to(like.dtype).expand(channels, 1, 4, 4)


def blur(
    x: Tensor,
    pad: int | tuple[int, int],
    *,
    gain: float = 1.0,
    stride: int = 1,
    bias: Tensor | None = None,
    slope: float | None = None,
) -> Tensor:
    """Filter ``x`` (B C H W), with ``pad`` zeros on all sides.

    Args:
        x: (B C H W).
        pad: pixels; or those above and below, left and right. The result has H + 2 pad - 3 rows before the stride.
        gain: factor of a constant input.
        stride: 2 keeps every second row and column, from the first.
        bias: (C), added to the result.
        slope: of the leaky ReLU that follows; None = no activation.
    """
    channels = x.shape[1]
    kernel = blur_kernel(channels, x, gain)
    return convolve(x, kernel, bias, stride=stride, padding=pad, groups=channels, slope=slope)


def upsample(x: Tensor) -> Tensor:
    """Upsample ``x`` (B C H W) to (B C 2H 2W): zeros between the pixels, then the filter with gain 4.

    Pixel 2i of the result is 1/4 of pixel i - 1 with 3/4 of pixel i, and pixel 2i + 1 is 3/4 of pixel i with 1/4 of
    pixel i + 1; outside is zero. This equals bilinear upsampling except at the border.
    """
    if x.device.type == "cpu" and not (torch.is_grad_enabled() and x.requires_grad):  # there it is 4 times as fast
        kernel, x = blur_kernel(x.shape[1], x, 4.0), x.contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])
    large = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    for edge in (large[..., :1, :], large[..., -1:, :], large[..., :1], large[..., -1:]):
        edge.mul_(0.75)  # the quarter that bilinear upsampling takes from beyond the border
    return large
